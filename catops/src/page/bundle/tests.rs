//! What a telephone shows of several incidents at once.

use super::*;
use crate::page::text::tests::incident_of;
use incident::{Incident, PageCause};

fn cause() -> PageCause {
    PageCause { to: "ana".into(), level: 0, round: 0, seq: 2 }
}

/// So many incidents, the first one with the highest number, each with a link to acknowledge it or with none.
fn incidents(count: u64, title: &str) -> Vec<Incident> {
    (0..count).map(|place| incident_of(90 - place, title, Some("checkout-api"))).collect()
}

fn parts<'p>(incidents: &'p [Incident], cause: &'p PageCause, has_links: bool) -> Vec<Part<'p>> {
    let links = |incident: &Incident| {
        let number = incident.id.0;
        let ack = format!("https://catops.example.com/ack/{number}/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA");
        let more = format!("https://catops.example.com/i/{number}");
        Links { more, ack: if has_links { ack } else { String::new() } }
    };
    incidents.iter().map(|incident| Part { incident, cause, links: links(incident) }).collect()
}

#[test]
fn a_mail_names_each_with_its_own_link() {
    let (incidents, cause) = (incidents(2, "Disk is full"), cause());
    let with_links = parts(&incidents, &cause, true);
    assert_eq!(title(&with_links), "2 incidents want you: INC-90, INC-89");
    assert_eq!(
        plain(&with_links),
        "2 incidents want you:\n\
         INC-90 SEV1: Disk is full (checkout-api)\n\
         Acknowledge here: https://catops.example.com/ack/90/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA\n\
         INC-89 SEV1: Disk is full (checkout-api)\n\
         Acknowledge here: https://catops.example.com/ack/89/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA\n\
         Acknowledge in Slack, each by itself"
    );
    let words: Vec<String> = buttons(&with_links).into_iter().map(|(words, _)| words).collect();
    assert_eq!(words, ["Acknowledge INC-90", "Acknowledge INC-89"]);
    let without = parts(&incidents, &cause, false);
    assert!(plain(&without).contains("\nMore: https://catops.example.com/i/89\n"), "{}", plain(&without));
    assert!(buttons(&without).is_empty());
}

#[test]
fn a_text_message_names_all_of_them_and_what_happened_while_there_is_room() {
    let cause = cause();
    let three = incidents(3, "Disk is full");
    assert_eq!(
        sms(&parts(&three, &cause, false)),
        "3 incidents want you: INC-90 SEV1: Disk is full, INC-89, INC-88 Ack in Slack https://catops.example.com/i/90"
    );
    let link = "https://catops.example.com/ack/90/ana/1796000000/AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        sms(&parts(&three, &cause, true)),
        format!("3 incidents want you: INC-90 SEV1: Disk is full, INC-89, INC-88 Ack INC-90 {link}")
    );
    let five = incidents(5, "Disk is full");
    assert_eq!(
        sms(&parts(&five, &cause, true)),
        format!("5 incidents want you: INC-90, INC-89, INC-88, INC-87, INC-86 Ack INC-90 {link}")
    );
    let many = incidents(30, "Disk is full");
    assert_eq!(
        sms(&parts(&many, &cause, true)),
        format!("30 incidents want you: INC-90, INC-89, INC-88, INC-87, INC-86 and 25 more Ack INC-90 {link}")
    );
}

#[test]
fn it_is_one_text_message_and_one_subject_whatever_the_titles() {
    let cause = cause();
    for title in ["x".repeat(5000), "日本語 [~€]".repeat(50), "a\r\nb".to_owned()] {
        for count in [2, 3, 17, 30] {
            for has_links in [true, false] {
                let incidents = incidents(count, &title);
                let parts = parts(&incidents, &cause, has_links);
                let message = sms(&parts);
                assert!(message.chars().count() <= SMS_CHARS_MAX, "{message}");
                assert!(message.starts_with(&format!("{count} incidents want you")), "{message}");
                assert!(!message.contains('\n'), "{message}");
                assert!(subject(&parts).len() <= text::SUBJECT_CHARS_MAX);
            }
        }
    }
}

#[test]
fn a_voice_reads_five_and_says_how_many_more() {
    let cause = cause();
    let two = incidents(2, "Disk <b>is</b> full!");
    assert_eq!(
        say(&parts(&two, &cause, true), "Ana Ruiz"),
        "Ana Ruiz. CatOps is paging you for 2 incidents. Incident 90: Disk b is b full. Incident 89: Disk b is b full."
    );
    let many = incidents(9, "x");
    assert!(say(&parts(&many, &cause, true), "Ana").ends_with("Incident 86: x. And 4 more."));
}
