//! The topic of a channel, of which one part is ours: parts stand between bars, ours begins with words of our own, and
//! nobody else's is touched. It says what a topic should be; it sets none.

use crate::escape::unescape;

/// Characters of a topic, as its method page of August 2026 says.
pub const TOPIC_CHARS_MAX: usize = 250;
/// What stands between two parts.
const BAR: &str = " | ";

/// The topic with our part in it, which begins with `begin`; `None` when it is there already, or when it does not fit beside
/// what others wrote. Slack gives topics with escaped words, and takes plain ones.
#[must_use]
pub fn with_part(topic: &str, begin: &str, part: &str) -> Option<String> {
    let topic = unescape(topic);
    let is_ours = |part: &&str| part.trim_start().starts_with(begin);
    let mut parts: Vec<&str> = topic.split(BAR).filter(|part| !part.trim().is_empty()).collect();
    match parts.iter().position(is_ours) {
        Some(place) => parts[place] = part,
        None => parts.push(part),
    }
    let new = parts.join(BAR);
    (new != topic && new.chars().count() <= TOPIC_CHARS_MAX).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::with_part;

    #[test]
    fn only_our_part_is_replaced_and_only_when_it_differs() {
        #[track_caller]
        fn check(topic: &str, expect: Option<&str>) {
            assert_eq!(with_part(topic, "On call: ", "On call: Ana until Mon 09:00").as_deref(), expect, "{topic}");
        }
        check("", Some("On call: Ana until Mon 09:00"));
        check("Payments &amp; refunds", Some("Payments & refunds | On call: Ana until Mon 09:00"));
        check(
            "Payments | On call: Bo until Sun 09:00 | be nice",
            Some("Payments | On call: Ana until Mon 09:00 | be nice"),
        );
        check("Payments | On call: Ana until Mon 09:00", None);
        check("On call for web: Chi", Some("On call for web: Chi | On call: Ana until Mon 09:00"));
        check(&"long ".repeat(48), None);
    }
}
