//! Secret addresses from their opening to their end, on a log in memory.

use super::*;
use log::{MemoryLog, SNAPSHOT_BYTES_MAX};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + minute * 60, 0).unwrap()
}

fn payments() -> Whose {
    Whose::Schedule("payments".to_owned())
}

async fn opened(log: &MemoryLog, whose: Whose, minute: i64) -> (OpenFeed, Minted) {
    let minted = Minted::fresh().unwrap();
    (open(log, whose, "ana".into(), &minted, at(minute)).await.unwrap(), minted)
}

#[tokio::test]
async fn a_feed_is_found_by_its_secret_until_it_is_revoked() {
    let log = MemoryLog::new();
    let (first, one) = opened(&log, payments(), 0).await;
    let (second, two) = opened(&log, Whose::Person("ben".into()), 1).await;
    let feeds = load(&log).await.unwrap();
    assert_eq!(feeds.find(&one.secret.0), Some(&first));
    assert_eq!(feeds.find(&two.secret.0), Some(&second));
    let shorter: String = one.secret.0.chars().skip(1).collect();
    for wrong in ["", &shorter, &first.digest, &format!("{}A", one.secret.0)] {
        assert_eq!(feeds.find(wrong), None, "{wrong}");
    }
    revoke(&log, first.id, "ben".into(), at(2)).await.unwrap();
    let feeds = load(&log).await.unwrap();
    assert_eq!(feeds.find(&one.secret.0), None);
    assert_eq!(feeds.find(&two.secret.0), Some(&second));
    assert!(matches!(revoke(&log, first.id, "ben".into(), at(3)).await, Err(FeedsError::NotOpen(1))));
    let (third, _) = opened(&log, payments(), 4).await;
    assert_eq!((first.id, second.id, third.id), (1, 2, 3));
}

#[tokio::test]
async fn the_log_holds_no_secret_and_its_events_lead_to_the_state() {
    let log = MemoryLog::new();
    let (_, one) = opened(&log, payments(), 0).await;
    let (_, two) = opened(&log, payments(), 1).await;
    revoke(&log, 1, "ben".into(), at(2)).await.unwrap();
    let stream = log.load(&names::feeds()).await.unwrap().unwrap();
    let mut all = stream.head.snapshot.clone();
    let events = all_events(&log, &names::feeds()).await.unwrap();
    events.iter().for_each(|event| all.extend(&event.body));
    let all = String::from_utf8(all).unwrap();
    for secret in [&one.secret.0, &two.secret.0] {
        assert_eq!(secret.len(), 43, "256 bits");
        assert!(!all.contains(secret.as_str()), "{all}");
    }
    assert_eq!(refolded(&log).await.unwrap(), Some(stream.head));
    assert_eq!(load(&log).await.unwrap().site, one.site, "the site is that of the first feed");
    let told: Vec<(&str, &str)> = events.iter().map(|event| (event.kind.as_str(), event.actor.as_str())).collect();
    let opened = ("feed_opened", "person:ana");
    assert_eq!(told, [opened, opened, ("feed_revoked", "person:ben")]);
    assert_eq!(format!("{:?}", one.secret), "***");
}

#[tokio::test]
async fn as_many_as_may_be_open_fit_beside_their_stream() {
    let log = MemoryLog::new();
    let (name, minted) = ("n".repeat(NAME_BYTES_MAX), Minted::fresh().unwrap());
    let mut feeds = Feeds::default();
    for number in 1..OPEN_MAX as u64 {
        let (whose, digest) = (Whose::Schedule(name.clone()), digest(&number.to_string()));
        let (by, site) = (name.as_str().into(), minted.site.clone());
        feeds.apply(&FeedEvent::FeedOpened { id: number, whose, digest, by, site }, at(number as i64));
    }
    let event = NewEvent {
        kind: "test".to_owned(),
        schema: 1,
        at: at(0),
        actor: "test".to_owned(),
        cause: "test".to_owned(),
        body: b"{}".to_vec(),
        raw: None,
    };
    let (stream, head) = (names::feeds(), feeds.head());
    let write = StreamWrite { stream, expected: Expected::NoStream, events: vec![event], head };
    log.append(Append { streams: vec![write], ..Append::default() }).await.unwrap();

    let whose = Whose::Person(name.as_str().into());
    open(&log, whose, name.as_str().into(), &minted, at(0)).await.unwrap();
    let stream = log.load(&names::feeds()).await.unwrap().unwrap();
    assert!(stream.head.snapshot.len() < SNAPSHOT_BYTES_MAX, "{}", stream.head.snapshot.len());
    let one_more = open(&log, payments(), "ana".into(), &minted, at(0)).await;
    assert!(matches!(one_more, Err(FeedsError::TooMany)), "{one_more:?}");
    let long = Whose::Person(format!("{name}n").as_str().into());
    assert!(matches!(open(&log, long, "ana".into(), &minted, at(0)).await, Err(FeedsError::LongName)));
}

#[test]
fn a_name_means_a_schedule_or_a_person() {
    let file = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
[schedules.ops]
zone = "UTC"
[[schedules.ops.layers]]
name = "daily"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 day"
[escalation.default]
levels = [{ page = ["schedule:ops"] }]
"#;
    let rota = Rota::parse(&[("team.toml", file)]).unwrap();
    for (name, whose) in [
        ("ana", "person ana"),
        ("ops", "schedule ops"),
        ("schedule:ops", "schedule ops"),
        ("bob", "there is no schedule and no person \"bob\""),
        ("schedule:ana", "there is no schedule and no person \"schedule:ana\""),
        ("", "there is no schedule and no person \"\""),
    ] {
        let found = Whose::find(&rota, name).map_or_else(|error| error.to_string(), |whose| whose.to_string());
        assert_eq!(found, whose, "{name}");
    }
}
