//! A length of time in a typed line: `30m`, `2h`, `90 min`. It knows no limits; the rules of an incident do.

use super::{Misread, Rest, Which, short};
use chrono::TimeDelta;

/// The incident that stands before a length, when one does: "90 min" is no incident.
pub(super) fn incident_before(rest: &mut Rest<'_>) -> Which {
    let unit = rest.spoken.words.get(rest.next + 1).map(|word| word.text.to_lowercase());
    let is_length = unit.is_some_and(|unit| seconds(&unit).is_some());
    if is_length { Which::Unsaid } else { rest.incident_if_any() }
}

/// Whether a length with its unit stands at a word: `2h`, or `90` before `min`.
pub(super) fn stands_at(rest: &Rest<'_>, at: usize) -> bool {
    let word = |at: usize| rest.spoken.words.get(at).map(|word| word.text.to_lowercase());
    let Some(text) = word(at) else { return false };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let is_unit = if unit.is_empty() {
        word(at + 1).is_some_and(|unit| seconds(&unit).is_some())
    } else {
        seconds(unit).is_some()
    };
    !number.is_empty() && is_unit
}

/// The length that stands here, when one does.
pub(super) fn length(rest: &mut Rest<'_>) -> Result<Option<TimeDelta>, Misread> {
    if rest.peek_is("for") {
        rest.next += 1;
    }
    let Some(said) = rest.take() else { return Ok(None) };
    let digits = said.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = said.split_at(digits);
    let unit = if unit.is_empty() { rest.take().unwrap_or_default() } else { unit };
    let seconds = seconds(&unit.to_lowercase()).unwrap_or(0);
    let length = number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)).filter(|length| *length > 0);
    match length.and_then(TimeDelta::try_seconds) {
        Some(length) => Ok(Some(length)),
        None => Err(Misread::NotALength { said: short(said), word: rest.word }),
    }
}

/// The seconds of a unit.
fn seconds(unit: &str) -> Option<i64> {
    match unit {
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hour" | "hours" => Some(3600),
        "d" | "day" | "days" => Some(24 * 3600),
        "s" | "sec" | "second" | "seconds" => Some(1),
        _ => None,
    }
}
