//! Links by which somebody without Slack acknowledges: signed for one incident, one of its rounds, one person and one
//! purpose, and good for a day. Opening one changes nothing, because mail scanners open every link; the button does.
//!
//! The link is a claim: who it names must still be in the rota when the button is pressed.

use crate::config::Setup;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{IncidentId, ResponderId};
use ring::hmac;

/// How long a link is good.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// Of the signature so many bytes stand in the link, of 32: a text message has 160 characters, and nobody guesses 128 bits.
const TAG_BYTES: usize = 16;

/// The shortest key, in bytes.
pub(super) const KEY_BYTES_MIN: usize = 16;

/// What a link says, before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The incident.
    pub incident: IncidentId,
    /// Who acknowledges.
    pub who: ResponderId,
    /// When it ends, in seconds since 1970.
    pub ends: i64,
    /// Its signature.
    pub tag: String,
}

/// A link for one person; none without a key, or where no address of this server is known.
#[must_use]
pub(super) fn ack(
    setup: &Setup,
    base: &str,
    incident: IncidentId,
    round: u32,
    who: &ResponderId,
    at: DateTime<Utc>,
) -> Option<String> {
    let key = key(setup)?;
    let ends = (at + GOOD_FOR).timestamp();
    let tag = URL_SAFE_NO_PAD.encode(&signed(&key, incident, round, who, ends).as_ref()[..TAG_BYTES]);
    let mut url = reqwest::Url::parse(base).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend([
        "ack",
        &incident.0.to_string(),
        who.as_str(),
        &ends.to_string(),
        &tag,
    ]);
    Some(url.into())
}

/// Whether a claim is ours, of this round, and not over.
#[must_use]
pub fn holds(setup: &Setup, claim: &Claim, round: u32, now: DateTime<Utc>) -> bool {
    let (Some(key), Ok(tag)) = (key(setup), URL_SAFE_NO_PAD.decode(&claim.tag)) else { return false };
    let expected = signed(&key, claim.incident, round, &claim.who, claim.ends);
    let is_ours: bool = subtle::ConstantTimeEq::ct_eq(tag.as_slice(), &expected.as_ref()[..TAG_BYTES]).into();
    is_ours && claim.ends > now.timestamp() && claim.ends <= (now + GOOD_FOR).timestamp() + 60
}

fn key(setup: &Setup) -> Option<hmac::Key> {
    let secret = setup.config.paging.link_secret.as_ref()?.read().ok()?;
    (secret.len() >= KEY_BYTES_MIN).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
}

/// The name comes last and is the only part that anybody chose, so that no two claims are the same text.
fn signed(key: &hmac::Key, incident: IncidentId, round: u32, who: &ResponderId, ends: i64) -> hmac::Tag {
    hmac::sign(key, format!("catops acknowledge 1\n{}\n{round}\n{ends}\n{who}", incident.0).as_bytes())
}

#[cfg(test)]
mod tests;
