//! The arithmetic of spans against the plainest judge: minute by minute.

use super::*;
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;

const MINUTES: i64 = 60;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(minute * 60, 0).unwrap()
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    vec((0..MINUTES, 0..20_i64), 0..8).prop_map(|pairs| {
        pairs.into_iter().map(|(start, length)| Span { start: at(start), end: at(start + length) }).collect()
    })
}

fn holds(spans: &[Span], minute: i64) -> bool {
    spans.iter().any(|span| span.contains(at(minute)))
}

fn check_list(spans: &[Span]) {
    assert!(spans.iter().all(|span| span.start < span.end), "{spans:?}");
    assert!(spans.windows(2).all(|pair| pair[0].end < pair[1].start), "{spans:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_spans_say_what_each_minute_says(left in spans(), right in spans()) {
        let (one, other) = (union(left.clone()), union(right.clone()));
        let (both, rest) = (intersection(&one, &other), difference(&one, &other));
        [&one, &other, &both, &rest].into_iter().for_each(|list| check_list(list));
        for minute in 0..MINUTES + 20 {
            let (in_left, in_right) = (holds(&left, minute), holds(&right, minute));
            prop_assert_eq!(holds(&one, minute), in_left);
            prop_assert_eq!(holds(&both, minute), in_left && in_right);
            prop_assert_eq!(holds(&rest, minute), in_left && !in_right);
        }
        prop_assert_eq!(total(&both) + total(&rest), total(&one));
    }
}
