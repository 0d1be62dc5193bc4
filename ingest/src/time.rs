//! Times as senders write them. Every one of these forms is in a sample of `tests/corpus/sources/`.

use chrono::{DateTime, NaiveDateTime, Utc};

/// RFC 3339 (most), `+0000` without a colon (CloudWatch, `PagerDuty`), RFC 2822 (AWS Health), no zone at all (read as
/// UTC), and spaces after colons (the published Lambda fixtures, `12: 36: 15`).
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.to_utc());
    }
    if let Ok(time) = DateTime::parse_from_rfc2822(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(time.and_utc());
    }
    text.contains(": ").then(|| parse(&text.replace(' ', ""))).flatten()
}

/// Seconds since 1970, in digits.
pub(crate) fn parse_epoch_seconds(text: &str) -> Option<DateTime<Utc>> {
    text.trim().parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_in_the_samples_is_read() {
        for (text, milliseconds) in [
            ("2019-10-02T17:04:40.989+0000", 1_570_035_880_989),
            ("2019-10-02T17:04:40.989Z", 1_570_035_880_989),
            ("2019-10-02T19:04:40.989+02:00", 1_570_035_880_989),
            ("2023-08-04T12: 36: 15.490+0000", 1_691_152_575_490),
            ("Tue, 29 Aug 2023 03:13:27 GMT", 1_693_278_807_000),
            ("2017-06-30T22:25:43", 1_498_861_543_000),
        ] {
            assert_eq!(parse(text).map(|time| time.timestamp_millis()), Some(milliseconds), "{text}");
        }
        for text in ["", "yesterday", "2019-10-02", ": : :", "99999-99-99T99:99:99Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
