//! Was this sent by Slack? Signature scheme `v0` over the raw body, before anything decodes it.
//!
//! From Slack's page on verifying requests: HMAC-SHA256 over `v0:{timestamp}:{body}`, and five minutes of patience. The
//! window is checked on both sides, so a clock that runs ahead cannot sign for later. Nothing here logs a signature or body.

use crate::secret::Secret;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// How far the time of signing may be from now, in seconds, either way.
pub const WINDOW_SECONDS: i64 = 300;

/// Why a request is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// No time, or none that is a number.
    #[error("no usable {TIMESTAMP_HEADER} header")]
    NoTimestamp,
    /// An old request played again, or a clock that is wrong.
    #[error("signed {seconds} s from now, more than {WINDOW_SECONDS} s; check this machine's clock")]
    OutsideWindow {
        /// How far, in seconds; below zero when it was signed in the future.
        seconds: i64,
    },
    /// No signature, or not of scheme `v0`.
    #[error("no usable {SIGNATURE_HEADER} header")]
    NoSignature,
    /// Signed with another secret, or changed on the way.
    #[error("the signature does not match; check that the signing secret is this app's")]
    Mismatch,
}

/// Checks signatures with the present secret and, during a rotation, with another one.
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: Vec<Secret>,
}

impl Verifier {
    /// A verifier. Empty secrets are left out; a verifier without any believes nobody.
    #[must_use]
    pub fn new(current: Secret, other: Option<Secret>) -> Self {
        let secrets = [Some(current), other].into_iter().flatten().filter(|secret| !secret.is_empty()).collect();
        Self { secrets }
    }

    /// Believes the request or says why not. `body` is what came over the wire, byte for byte.
    ///
    /// # Errors
    /// [`Forged`]; the time is looked at first, since that is cheap.
    pub fn verify(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Forged> {
        let timestamp = timestamp.unwrap_or_default();
        let signed_at: i64 = timestamp.parse().map_err(|_| Forged::NoTimestamp)?;
        let seconds = now.timestamp().saturating_sub(signed_at);
        if seconds.saturating_abs() > WINDOW_SECONDS {
            return Err(Forged::OutsideWindow { seconds });
        }
        let signature = signature.and_then(|hex| hex.strip_prefix("v0=")).and_then(from_hex);
        let signature = signature.ok_or(Forged::NoSignature)?;
        // `verify_slice` compares in constant time.
        let matches = |secret: &Secret| mac(secret, timestamp, body).verify_slice(&signature).is_ok();
        if self.secrets.iter().any(matches) { Ok(()) } else { Err(Forged::Mismatch) }
    }
}

/// The signature that Slack would send: for the local Slack.
#[must_use]
pub fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    let digest = mac(secret, &timestamp.to_string(), body).finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

fn mac(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Forged, Verifier, sign};
    use crate::secret::Secret;
    use chrono::DateTime;

    // The example on Slack's own page.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F\
                        96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    #[track_caller]
    fn check(timestamp: &str, signature: &str, body: &str, now: i64, expect: Result<(), Forged>) {
        let verifier = Verifier::new(Secret::new(SECRET), None);
        let now = DateTime::from_timestamp(now, 0).unwrap();
        assert_eq!(verifier.verify(Some(timestamp), Some(signature), body.as_bytes(), now), expect);
    }

    #[test]
    fn slacks_own_example_is_believed() {
        check("1531420618", SIGNATURE, BODY, AT, Ok(()));
        assert_eq!(sign(&Secret::new(SECRET), AT, BODY.as_bytes()), SIGNATURE);
    }

    #[test]
    fn the_window_has_two_sides() {
        check("1531420618", SIGNATURE, BODY, AT + 300, Ok(()));
        check("1531420618", SIGNATURE, BODY, AT - 300, Ok(()));
        check("1531420618", SIGNATURE, BODY, AT + 301, Err(Forged::OutsideWindow { seconds: 301 }));
        check("1531420618", SIGNATURE, BODY, AT - 301, Err(Forged::OutsideWindow { seconds: -301 }));
        check("-9223372036854775808", SIGNATURE, BODY, AT, Err(Forged::OutsideWindow { seconds: i64::MAX }));
    }

    #[test]
    fn anything_else_is_refused() {
        check("soon", SIGNATURE, BODY, AT, Err(Forged::NoTimestamp));
        check("1531420618", &SIGNATURE.replace("v0=", "v1="), BODY, AT, Err(Forged::NoSignature));
        check("1531420618", "v0=zz", BODY, AT, Err(Forged::NoSignature));
        check("1531420619", SIGNATURE, BODY, AT, Err(Forged::Mismatch));
        check("1531420618", SIGNATURE, &BODY.replace("text=", "text=x"), AT, Err(Forged::Mismatch));
        let now = DateTime::from_timestamp(AT, 0).unwrap();
        let nobody = Verifier::new(Secret::new(""), None);
        assert_eq!(nobody.verify(Some("1531420618"), Some(SIGNATURE), BODY.as_bytes(), now), Err(Forged::Mismatch));
        assert_eq!(nobody.verify(None, None, b"", now), Err(Forged::NoTimestamp));
    }

    #[test]
    fn two_secrets_are_believed_during_a_rotation() {
        let now = DateTime::from_timestamp(AT, 0).unwrap();
        let verifier = Verifier::new(Secret::new("new"), Some(Secret::new(SECRET)));
        for secret in ["new", SECRET] {
            let signature = sign(&Secret::new(secret), AT, b"x");
            assert_eq!(verifier.verify(Some("1531420618"), Some(&signature), b"x", now), Ok(()));
        }
        assert_eq!(format!("{verifier:?}"), "Verifier { secrets: [***, ***] }");
    }
}
