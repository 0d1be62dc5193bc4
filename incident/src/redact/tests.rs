//! What is taken out, and what may not be.

use super::{NotRedacted, redact};
use crate::{Event, Severity};

fn repeated(summary: &str) -> Event {
    Event::Repeated {
        delivery: "generic:1".into(),
        severity: Severity::Error,
        summary: summary.to_owned(),
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        also: Vec::new(),
    }
}

#[test]
fn the_text_is_taken_out_wherever_it_stands() {
    let event = repeated("login with hunter2 failed; hunter2 is wrong");
    let without = repeated("login with [redacted] failed; [redacted] is wrong");
    assert_eq!(redact(&event, "hunter2"), Ok(Some(without)));
    assert_eq!(redact(&event, "correct horse"), Ok(None));
}

#[test]
fn names_that_the_log_is_joined_by_stay() {
    let refused = redact(&repeated("ok"), "generic:1");
    assert_eq!(refused, Err(NotRedacted::Named { field: "delivery".to_owned() }));
    assert_eq!(redact(&repeated("ok"), "1970"), Err(NotRedacted::Needed), "a time is no text");
}
