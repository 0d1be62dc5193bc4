//! What a telephone shows.

use super::*;
use chrono::DateTime;
use incident::{Event, IncidentId, Recorded};
use serde_json::json;

const LINK: &str = "https://catops.example.com/i/42";

fn incident(title: &str, service: Option<&str>) -> Incident {
    incident_of(42, title, service)
}

/// One of that number.
pub(crate) fn incident_of(number: u64, title: &str, service: Option<&str>) -> Incident {
    let alarm = json!({
        "source": "generic", "delivery": "d-1", "key": "k", "state": "firing", "severity": "critical", "title": title,
        "summary": "", "resource": "", "service": service, "labels": {}, "links": [], "occurred_at": "2026-11-23T02:13:00Z",
    });
    let alarm = serde_json::from_value(alarm).unwrap();
    let opened = Recorded { seq: 1, at: DateTime::UNIX_EPOCH, event: Event::Opened { alarm } };
    Incident::open(IncidentId(number), &opened).unwrap()
}

fn more(link: &str) -> Links {
    Links { more: link.to_owned(), ack: String::new() }
}

#[test]
fn who_has_a_link_of_their_own_acknowledges_by_it() {
    let incident = incident("Disk <b>is</b> 97% full!", Some("checkout-api"));
    let ack = "https://catops.example.com/ack/42/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let links = Links { more: LINK.to_owned(), ack };
    assert_eq!(
        sms(&incident, &links),
        "INC-42 SEV1: Disk <b>is</b> 97% full! (checkout-api) Ack \
         https://catops.example.com/ack/42/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA"
    );
    assert!(plain(&incident, &links).ends_with(&format!("\nOr acknowledge here: {}", links.ack)));
    assert_eq!(
        say(&incident, "Ana Ruiz"),
        "Ana Ruiz. CatOps is paging you for incident 42, service checkout api. Disk b is b 97% full."
    );
}

#[test]
fn a_page_says_what_where_and_what_to_do() {
    let incident = incident("Disk is full", Some("checkout-api"));
    assert_eq!(
        plain(&incident, &more(LINK)),
        "INC-42 SEV1: Disk is full\nService: checkout-api\nAcknowledge in Slack; more at https://catops.example.com/i/42"
    );
    assert_eq!(
        sms(&incident, &more(LINK)),
        "INC-42 SEV1: Disk is full (checkout-api) Ack in Slack https://catops.example.com/i/42"
    );
    assert_eq!(subject(&incident, None), "INC-42 SEV1: Disk is full");
}

#[test]
fn nothing_that_a_screen_obeys_comes_through() {
    let incident = incident("a\u{1b}[2J\r\nSEV4: all\u{202e} is\u{200b}  well\u{7}", Some("x\ny"));
    assert_eq!(
        plain(&incident, &more(LINK)),
        "INC-42 SEV1: a[2J SEV4: all is well\nService: x y\nAcknowledge in Slack; more at https://catops.example.com/i/42"
    );
    assert_eq!(
        sms(&incident, &more(LINK)),
        "INC-42 SEV1: a(2J SEV4: all is well (x y) Ack in Slack https://catops.example.com/i/42"
    );
}

#[test]
fn a_text_message_is_one_message_whatever_the_title() {
    for title in ["x".repeat(5000), "日本語 [~€]".repeat(50), "ÄÖÜ\u{1f525}".repeat(100)] {
        for link in
            [LINK.to_owned(), format!("https://{}.example.com/i/42", "long".repeat(40)), "https://例/i/42".to_owned()]
        {
            let message = sms(&incident(&title, Some(&title)), &more(&link));
            assert!(message.chars().count() <= SMS_CHARS_MAX, "{message}");
            assert!(message.chars().all(is_gsm), "{message}");
            assert!(link != LINK || message.ends_with("... Ack in Slack https://catops.example.com/i/42"), "{message}");
            assert!(subject(&incident(&title, None), None).len() <= SUBJECT_CHARS_MAX);
        }
    }
}

#[test]
fn a_drill_says_so_first() {
    let mut incident = incident("DRILL: schedule payments", None);
    incident.alarm.drill = Some(incident::Drill {
        whom: incident::Whom::Service,
        by: None,
        rule: None,
        why: String::new(),
        answer_seconds: 600,
        ready: None,
    });
    assert!(plain(&incident, &more(LINK)).starts_with("DRILL: schedule payments (INC-42)\nNothing is broken. "));
    assert!(sms(&incident, &more(LINK)).starts_with("DRILL: schedule payments (INC-42)"));
    assert_eq!(subject(&incident, Some("opened")), "DRILL: schedule payments (INC-42 opened)");
}
