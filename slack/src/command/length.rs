//! A length of time in a typed line: `30m`, `2h`, `90 min`. It knows no limits; the rules of an incident do.

use super::{Misread, Rest, short};
use chrono::TimeDelta;

/// The length that stands here, when one does.
pub(super) fn length(rest: &mut Rest<'_>) -> Result<Option<TimeDelta>, Misread> {
    if rest.peek_is("for") {
        rest.next += 1;
    }
    let Some(said) = rest.take() else { return Ok(None) };
    let digits = said.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = said.split_at(digits);
    let unit = if unit.is_empty() { rest.take().unwrap_or_default() } else { unit };
    let seconds = match unit.to_lowercase().as_str() {
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        _ => 0,
    };
    let length = number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)).filter(|length| *length > 0);
    match length.and_then(TimeDelta::try_seconds) {
        Some(length) => Ok(Some(length)),
        None => Err(Misread::NotALength { said: short(said), word: rest.word }),
    }
}
