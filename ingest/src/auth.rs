//! Who sent this? Secrets are compared in constant time, and the sender learns nothing but "no".
//!
//! It never fetches a certificate: for SNS it names the address, and the caller hands the bytes to [`crate::sns::verify`].
//! Standard Webhooks: github.com/standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`.

use crate::request::{Peer, Request};
use crate::source::{Kind, eventbridge, sns};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::{digest, hmac};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// How far a signed time may be from ours, both ways: the tolerance that the Standard Webhooks libraries use.
pub(crate) const SIGNED_TIME_WINDOW: TimeDelta = TimeDelta::minutes(5);
/// Shorter secrets are words: taking them out would garble the payload and tell what they are.
const MASKED_BYTES_MIN: usize = 8;
/// Most signatures read from one header; a rotation needs two.
const SIGNATURES_MAX: usize = 8;

/// A hook: what it reads, and how its senders prove who they are.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// The format.
    pub kind: Kind,
    /// The hook's name, as in its path.
    pub name: String,
    /// Live keys, at most two, so that one can be changed without a gap. Basic: `user:password`.
    pub secrets: Vec<Secret>,
    /// The proof that is asked for.
    pub scheme: Scheme,
    /// For SNS: the topics that are listened to. Empty means none.
    pub topics: Vec<String>,
    /// For SNS: what a message may be signed by.
    pub signatures: Signatures,
    /// For `EventBridge`: what an event may say about its origin.
    pub origins: Origins,
}

/// What an `EventBridge` event may say about its origin. The bus writes the account, and lets nobody but AWS use a source
/// that begins with `aws.`; who has the hook's own secret can write both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    /// Account numbers; empty takes every one.
    pub accounts: Vec<String>,
    /// `aws.cloudwatch`, or all that begin alike: `aws.*`; empty takes every one.
    pub sources: Vec<String>,
}

/// What an SNS message may be signed by: the topic's owner chooses the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signatures {
    /// SHA-1 (version 1, which a new topic has) and SHA-256 (version 2).
    #[default]
    Both,
    /// SHA-256 only.
    Sha256,
}

/// The proof that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer <secret>` or `X-Api-Key: <secret>`.
    Bearer,
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Hmac,
    /// `Authorization: Basic <user:password>`.
    Basic,
    /// A key in the body (`routing_key` of `PagerDuty`, `key` of `UptimeRobot`), or as for `Bearer`.
    Key,
    /// The signature of an SNS message and an allowed topic.
    Sns,
    /// No proof; only from this machine, and not through a proxy or by a page of another site.
    Open,
}

/// Said when a configuration names no scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a way to authenticate; write bearer, hmac, basic, key, sns or open")]
pub struct UnknownScheme(String);

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        Ok(match text {
            "bearer" => Self::Bearer,
            "hmac" => Self::Hmac,
            "basic" => Self::Basic,
            "key" => Self::Key,
            "sns" => Self::Sns,
            "open" => Self::Open,
            _ => return Err(UnknownScheme(text.to_owned())),
        })
    }
}

/// A secret. Its `Debug` is `***`, and it has no `Display`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Spaces and line ends around it are dropped: they come from files and shells.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Compares digests, so that neither content nor length shows in the time it takes. An empty secret equals nothing.
    fn equals(&self, given: &[u8]) -> bool {
        let mine = digest::digest(&digest::SHA256, self.0.as_bytes());
        let theirs = digest::digest(&digest::SHA256, given);
        bool::from(mine.as_ref().ct_eq(theirs.as_ref())) && !self.0.is_empty()
    }

    /// The key bytes of Standard Webhooks: base64 after `whsec_`, else the text itself.
    fn signing_key(&self) -> Option<hmac::Key> {
        let bytes = match self.0.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => self.0.as_bytes().to_vec(),
        };
        (!bytes.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is still to be done before the delivery may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Proof {
    /// Nothing: decode it.
    Complete,
    /// Fetch this certificate (https, no redirects) and call [`crate::sns::verify`]; until then it is a claim.
    SnsCertificate {
        /// Its checked address.
        url: String,
    },
}

/// No. Says no more to the sender; `reason` is for our counter and our log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unauthorised")]
pub struct Unauthorised {
    /// Why.
    pub reason: Reason,
}

/// Why a delivery was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It came without a credential.
    Missing,
    /// The credential is none of ours.
    Wrong,
    /// The signed time is more than five minutes (SNS: an hour) from ours.
    OutsideWindow,
    /// The header or the body that holds the proof cannot be read.
    Unreadable,
    /// The hook has no secret: nobody can pass.
    NoSecret,
    /// An open hook was called from another machine, through a proxy, or by a page of another site.
    NotLoopback,
    /// The SNS topic is not on the hook's list.
    TopicNotAllowed,
    /// The SNS message is signed by SHA-1, and the hook asks for more.
    WeakSignature,
    /// The event's account is not on the hook's list.
    AccountNotAllowed,
    /// The event's source is not on the hook's list.
    SourceNotAllowed,
    /// The address of the signing certificate is not one of SNS.
    CertificateAddress,
    /// The signing certificate cannot be read, is not valid now, or holds no RSA key.
    Certificate,
}

impl Reason {
    /// The name of its counter: `wrong`, `outside_window` ...
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::OutsideWindow => "outside_window",
            Self::Unreadable => "unreadable",
            Self::NoSecret => "no_secret",
            Self::NotLoopback => "not_loopback",
            Self::TopicNotAllowed => "topic_not_allowed",
            Self::WeakSignature => "weak_signature",
            Self::AccountNotAllowed => "account_not_allowed",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::CertificateAddress => "certificate_address",
            Self::Certificate => "certificate",
        }
    }
}

impl From<Reason> for Unauthorised {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

/// Checks the proof that the hook asks for.
///
/// # Errors
/// [`Unauthorised`] with a reason that must not be sent back.
pub fn authenticate(config: &SourceConfig, request: &Request<'_>) -> Result<Proof, Unauthorised> {
    let proof = proof(config, request)?;
    eventbridge::is_listed(config, request.body)?;
    Ok(proof)
}

fn proof(config: &SourceConfig, request: &Request<'_>) -> Result<Proof, Unauthorised> {
    match config.scheme {
        Scheme::Bearer => token(config, bearer(request)),
        Scheme::Basic => basic(config, request),
        Scheme::Key => token(config, bearer(request).or_else(|| config.kind.key_in(request))),
        Scheme::Hmac => standard_webhooks(config, request),
        Scheme::Sns => {
            sns::is_decoded_as_signed(config, request)?;
            sns::may_be_believed(config, request.body)?;
            Ok(Proof::SnsCertificate { url: sns::signing_cert_url(request.body)? })
        }
        Scheme::Open if request.peer == Peer::Loopback && !came_from_elsewhere(request) => Ok(Proof::Complete),
        Scheme::Open => Err(Reason::NotLoopback.into()),
    }
}

/// A connection of this machine that somebody else speaks through: a proxy, or a browser on behalf of a page of another
/// site (every browser of the last years sends `Sec-Fetch-Site` to a loopback address).
fn came_from_elsewhere(request: &Request<'_>) -> bool {
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let foreign = match (request.headers.get("sec-fetch-site"), request.headers.get("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, origin) => origin.is_some(),
    };
    foreign || proxied.iter().any(|name| request.headers.get(name).is_some())
}

/// The body without the hook's own secrets: where the key may stand in the body ([`Scheme::Key`]), what is kept of a
/// delivery may be read by people who must not send. The text, its JSON and its form spelling are taken out.
#[must_use]
pub fn without_secrets<'a>(config: &SourceConfig, body: &'a [u8]) -> Cow<'a, [u8]> {
    let mut kept = Cow::Borrowed(body);
    // Elsewhere secrets stand in headers, and looking for them would cost every delivery three walks of its body.
    if config.scheme != Scheme::Key {
        return kept;
    }
    for secret in config.secrets.iter().filter(|secret| secret.0.len() >= MASKED_BYTES_MIN) {
        let json = serde_json::Value::from(secret.0.as_str()).to_string();
        let form: String = form_urlencoded::byte_serialize(secret.0.as_bytes()).collect();
        for spelling in [secret.0.as_str(), json.trim_matches('"'), &form] {
            kept = match masked(&kept, spelling.as_bytes()) {
                Some(masked) => Cow::Owned(masked),
                None => kept,
            };
        }
    }
    kept
}

/// `None` when the secret does not stand in the body.
fn masked(body: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let find = |body: &[u8]| body.windows(secret.len()).position(|part| part == secret);
    let mut at = find(body)?;
    let (mut kept, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let (before, from) = rest.split_at(at);
        kept.extend_from_slice(before);
        kept.extend_from_slice(b"***");
        rest = from.get(secret.len()..).unwrap_or_default();
        let Some(next) = find(rest) else { break };
        at = next;
    }
    kept.extend_from_slice(rest);
    Some(kept)
}

fn token(config: &SourceConfig, given: Option<String>) -> Result<Proof, Unauthorised> {
    if config.secrets.is_empty() {
        return Err(Reason::NoSecret.into());
    }
    let given = given.ok_or(Reason::Missing)?;
    // All secrets are tried, whichever fits: `fold` does not stop early.
    let fits = config.secrets.iter().fold(false, |fits, secret| fits | secret.equals(given.as_bytes()));
    if fits { Ok(Proof::Complete) } else { Err(Reason::Wrong.into()) }
}

fn bearer(request: &Request<'_>) -> Option<String> {
    let authorization = request.headers.get("authorization").and_then(|value| after_word(value, "bearer"));
    authorization.or_else(|| request.headers.get("x-api-key").map(str::trim)).map(str::to_owned)
}

/// `Bearer abc` -> `abc`; the word's case does not matter (RFC 9110, 11.1).
fn after_word<'a>(value: &'a str, word: &str) -> Option<&'a str> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(word).then(|| rest.trim())
}

fn basic(config: &SourceConfig, request: &Request<'_>) -> Result<Proof, Unauthorised> {
    let value = request.headers.get("authorization").ok_or(Reason::Missing)?;
    let encoded = after_word(value, "basic").ok_or(Reason::Missing)?;
    let decoded = STANDARD.decode(encoded).map_err(|_| Reason::Unreadable)?;
    token(config, Some(String::from_utf8(decoded).map_err(|_| Reason::Unreadable)?))
}

fn standard_webhooks(config: &SourceConfig, request: &Request<'_>) -> Result<Proof, Unauthorised> {
    let header = |name| request.headers.get(name).ok_or(Reason::Missing);
    let (id, timestamp, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let signed_at: DateTime<Utc> =
        timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(Reason::Unreadable)?;
    if (request.now - signed_at).abs() > SIGNED_TIME_WINDOW {
        return Err(Reason::OutsideWindow.into());
    }
    let keys: Vec<hmac::Key> = config.secrets.iter().filter_map(Secret::signing_key).collect();
    if keys.is_empty() {
        return Err(Reason::NoSecret.into());
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body].concat();
    let fits = signatures
        .split_ascii_whitespace()
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| keys.iter().any(|key| hmac::verify(key, &signed, &signature).is_ok()));
    if fits { Ok(Proof::Complete) } else { Err(Reason::Wrong.into()) }
}

#[cfg(test)]
mod tests;
