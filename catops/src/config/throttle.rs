//! `[throttle]` of `catops.toml`: how many pages by one way a person gets in a while. A way that is not named has the usual
//! limits; one that is named has those that are written, and no others.
//!
//! Pure: what is held because of it is decided in `incident::throttle`.

use crate::config::file::parse_duration;
use incident::throttle::{Limits, PAGES_MAX, WINDOW_MAX, WINDOW_MIN, Window};
use rota::Way;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Calls, unless somebody says otherwise: GoAlert's limits (`engine/message`, read in November 2026).
const CALLS: [Window; 3] = [Window::minutes(3, 15), Window::minutes(7, 60), Window::minutes(15, 180)];

/// Text messages and topics, unless somebody says otherwise; from the same place.
const TEXTS: [Window; 3] = [Window::minutes(5, 15), Window::minutes(11, 60), Window::minutes(21, 180)];

/// The limits of each way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThrottleConfig(BTreeMap<Way, Limits>);

impl ThrottleConfig {
    /// Those of one way.
    #[must_use]
    pub fn of(&self, way: Way) -> Limits {
        let usual = || match way {
            Way::Voice => Limits(CALLS.to_vec()),
            Way::Sms | Way::Sns => Limits(TEXTS.to_vec()),
            // Nobody is woken by a mailbox, a program has limits of its own, and direct messages stand below each other.
            Way::Slack | Way::Webhook | Way::Email => Limits::default(),
        };
        self.0.get(&way).cloned().unwrap_or_else(usual)
    }
}

impl<'de> Deserialize<'de> for ThrottleConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<Word, Written>::deserialize(deserializer)?;
        Ok(Self(written.into_iter().map(|(Word(way), Written(limits))| (way, limits)).collect()))
    }
}

/// A way that can have limits.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word(Way);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match Way::named(&word) {
            Some(Way::Slack) => Err(D::Error::custom("pages by slack are never held; take it out of [throttle]")),
            Some(way) => Ok(Self(way)),
            None => Err(D::Error::custom(format!(
                "nobody is paged by \"{word}\"; [throttle] knows sms, sns, webhook, voice and email"
            ))),
        }
    }
}

/// What is written for a way: `"off"`, or `per_15m = 5` and others.
struct Written(Limits);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"off\", or limits like { per_15m = 5, per_1h = 11 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        match text {
            "off" => Ok(Written(Limits::default())),
            other => {
                Err(E::custom(format!("\"{other}\" is no limit; write \"off\", or {{ per_15m = 5, per_1h = 11 }}")))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut windows = Vec::new();
        while let Some((Length(length), Pages(pages))) = map.next_entry()? {
            windows.push(Window { pages, length });
        }
        if windows.is_empty() {
            return Err(A::Error::custom("a way without a limit is \"off\"; write that, or per_15m = 5"));
        }
        Ok(Written(Limits(windows)))
    }
}

/// The key of a window: `per_15m`.
struct Length(chrono::TimeDelta);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let wrong = |why: &str| D::Error::custom(format!("\"{key}\" {why}; write per_15m, per_1h or per_3h"));
        let length = key.strip_prefix("per_").and_then(|length| parse_duration(length).ok());
        let length = length.ok_or_else(|| wrong("is no limit"))?;
        if length < WINDOW_MIN || length > WINDOW_MAX {
            return Err(wrong("is not between a minute and 3 hours"));
        }
        Ok(Self(length))
    }
}

/// How many pages a window lets through.
struct Pages(u32);

impl<'de> Deserialize<'de> for Pages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pages = i64::deserialize(deserializer)?;
        match u32::try_from(pages) {
            Ok(pages @ 1..=PAGES_MAX) => Ok(Self(pages)),
            _ => Err(D::Error::custom(format!("a limit is from 1 to {PAGES_MAX} pages, and this is {pages}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, ThrottleConfig, Way, Window};
    use crate::config::Config;

    #[track_caller]
    fn read(text: &str) -> ThrottleConfig {
        toml::from_str::<Config>(text).unwrap().throttle
    }

    #[test]
    fn a_way_has_the_usual_limits_until_somebody_writes_others() {
        let usual = ThrottleConfig::default();
        assert_eq!(usual.of(Way::Voice).0[0], Window::minutes(3, 15));
        assert_eq!(usual.of(Way::Sns), usual.of(Way::Sms));
        assert!([Way::Slack, Way::Webhook, Way::Email].into_iter().all(|way| usual.of(way).is_off()));
        let written = read("[throttle]\nvoice = \"off\"\n[throttle.sms]\nper_15m = 2\nper_3h = 9\n");
        assert_eq!(written.of(Way::Sms), Limits(vec![Window::minutes(2, 15), Window::minutes(9, 180)]));
        assert!(written.of(Way::Voice).is_off());
        assert_eq!(written.of(Way::Sns), usual.of(Way::Sns));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        #[track_caller]
        fn check(text: &str, line: usize, words: &str) {
            let error = toml::from_str::<Config>(text).unwrap_err();
            assert!(error.message().contains(words), "{}", error.message());
            let start = error.span().unwrap().start;
            let before = text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            assert_eq!(before + 1, line, "{error}");
        }
        check("\n[throttle]\nslack = \"off\"\n", 3, "pages by slack are never held");
        check("[throttle]\nvoice = \"off\"\nfax = \"off\"\n", 3, "nobody is paged by \"fax\"");
        check("[throttle]\n\nvoice = \"no\"\n", 3, "\"no\" is no limit");
        check("[throttle.sms]\nper_15m = 5\nper_1h = 0\n", 3, "from 1 to 50 pages, and this is 0");
        check("[throttle.sms]\nper_15m = 5\nper_4h = 9\n", 3, "\"per_4h\" is not between a minute and 3 hours");
        check("[throttle.sms]\nevery_15m = 5\n", 2, "\"every_15m\" is no limit; write per_15m");
        check("\n\n[throttle.sms]\n", 3, "a way without a limit is \"off\"");
    }
}
