//! Others are told of incidents: EventBridge of every event, an SNS topic of beginnings and ends. None of them keeps a page
//! or a card waiting.

#[cfg(feature = "aws")]
use crate::receiver::{Receiver, Told};
use anyhow::{Context, Result};
#[cfg(feature = "aws")]
use serde_json::{Value, json};
use tests::{Home, Server};

/// Ana is on call for everything, with these lines added.
fn home_with(more: &str) -> Result<Home> {
    Home::of_ana(&format!(
        "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\ndigest_after = 0\n{more}\n\
             [[source]]\nkind = \"generic\"\nauth = \"open\"\n[[source]]\nkind = \"eventbridge\"\nauth = \"open\"\n"
    ))
}

#[test]
fn mistakes_about_receivers_are_reported() -> Result<()> {
    let home = home_with("[eventbridge]\nbus = \"not a bus\"\n[sns]\ntopic = \"alarms\"\n")?;
    let said = home.lint();
    assert!(said.contains("[eventbridge] bus \"not a bus\" is neither a bus' name nor its ARN"), "{said}");
    assert!(said.contains("[sns] topic \"alarms\" is no ARN"), "{said}");
    let topic = "arn:aws:sns:eu-west-1:123456789012:catops";
    let source =
        format!("[sns]\ntopic = \"{topic}\"\n[[source]]\nkind = \"sns\"\nauth = \"sns\"\ntopics = [\"{topic}\"]\n");
    let said = home_with(&source)?.lint();
    assert!(said.contains("source \"sns\" lists the topic that CatOps publishes to itself"), "{said}");
    Ok(())
}

#[cfg(not(feature = "aws"))]
#[tokio::test]
async fn a_build_without_aws_says_so_and_tells_nobody() -> Result<()> {
    let home = home_with("[eventbridge]\nbus = \"catops\"\n")?;
    let said = home.lint();
    assert!(
        said.contains("[eventbridge] bus is given, and this build has no AWS: build with --features aws"),
        "{said}"
    );
    let server = home.serve(&[])?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    until_paged(&server, 1).await
}

/// Waits until the card stands and Ana was paged in Slack.
async fn until_paged(server: &Server, incident: u64) -> Result<()> {
    let look = async |server: &Server| {
        let shown = server.incident(incident).await?;
        let kinds: Vec<&str> =
            shown["events"].as_array().context("events")?.iter().filter_map(|event| event["kind"].as_str()).collect();
        let both = kinds.contains(&"card_posted") && kinds.contains(&"paged");
        Ok(if both { Ok(()) } else { Err(format!("{kinds:?}")) })
    };
    server.until("the card and the page", look).await
}

#[cfg(feature = "aws")]
mod aws {
    //! Against stubs that speak what EventBridge and SNS speak.

    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    const BUS: &str = "arn:aws:events:eu-west-1:123456789012:event-bus/catops";
    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:incidents";
    const CREDENTIALS: [(&str, &str); 4] = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];

    fn bus() -> String {
        format!("[eventbridge]\nbus = \"{BUS}\"\n")
    }

    fn serve(home: &Home, url: &str) -> Result<Server> {
        home.serve(&[&CREDENTIALS[..], &[("AWS_ENDPOINT_URL", url)]].concat())
    }

    /// A bus that is given by its name is one of the region of the environment.
    #[tokio::test]
    async fn a_bus_can_be_given_by_its_name_and_by_the_environment() -> Result<()> {
        let eventbridge = Receiver::new(|told: &Told| ("200 OK", answer(told, &[]))).await?;
        let home = home_with("[eventbridge]\nbus = \"another\"\n")?;
        let more = [("AWS_ENDPOINT_URL_EVENTBRIDGE", eventbridge.url.as_str()), ("CATOPS_EVENT_BUS", "catops")];
        let server = home.serve(&[&CREDENTIALS[..], &more].concat())?;
        assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
        until_published(&server, &eventbridge, "paged").await?;
        let first = &eventbridge.told()[0];
        assert!(first.headers["authorization"].contains("/us-east-1/events/aws4_request"), "{first:?}");
        assert_eq!(entries(first)[0]["EventBusName"], "catops");
        Ok(())
    }

    /// The entries of one call.
    fn entries(told: &Told) -> Vec<Value> {
        let body: Value = serde_json::from_str(&told.body).expect("JSON");
        body["Entries"].as_array().cloned().expect("entries")
    }

    fn detail(entry: &Value) -> Value {
        serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON")
    }

    /// What EventBridge answers when it takes all but those entries whose place is given.
    fn answer(told: &Told, refused: &[usize]) -> String {
        let count = entries(told).len();
        let entry = |place: usize| match refused.contains(&place) {
            true => json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" }),
            false => json!({ "EventId": format!("e-{place}") }),
        };
        let results: Vec<Value> = (0..count).map(entry).collect();
        json!({ "FailedEntryCount": refused.len(), "Entries": results }).to_string()
    }

    /// What was taken, in the order of taking, as incident, version and kind.
    fn published(receiver: &Receiver) -> Vec<(String, u64, String)> {
        let details = receiver.told().iter().flat_map(entries).map(|entry| detail(&entry)).collect::<Vec<_>>();
        let name = |detail: &Value, name: &str| detail[name].as_str().unwrap_or_default().to_owned();
        let one = |it: &Value| (name(it, "incident"), it["version"].as_u64().unwrap_or(0), name(it, "event"));
        details.iter().map(one).collect()
    }

    /// Waits until an incident's last event was published, and gives all that were.
    async fn until_published(server: &Server, receiver: &Receiver, kind: &str) -> Result<Vec<(String, u64, String)>> {
        let look = async |_: &Server| {
            let published = published(receiver);
            let is_there = published.iter().any(|(_, _, published)| published == kind);
            Ok(if is_there { Ok(published) } else { Err(format!("{published:?}")) })
        };
        server.until(&format!("{kind} on the bus"), look).await
    }

    async fn acknowledge_and_clear(server: &Server) -> Result<()> {
        server.local("say", &json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops ack 1" })).await?;
        assert_eq!(server.clear("disk", "disk-2").await?, 202);
        Ok(())
    }

    #[tokio::test]
    async fn every_event_is_published_once_and_in_order() -> Result<()> {
        let eventbridge = Receiver::new(|told: &Told| ("200 OK", answer(told, &[]))).await?;
        let home = home_with(&bus())?;
        assert!(!home.lint().contains("eventbridge] bus"), "{}", home.lint());
        let server = serve(&home, &eventbridge.url)?;
        let title = "Disk \"a\\b\" is </full>";
        assert_eq!(server.fire("disk", "disk-1", title).await?, 202);
        until_paged(&server, 1).await?;
        acknowledge_and_clear(&server).await?;
        let published = until_published(&server, &eventbridge, "cleared").await?;
        let written = server.incident(1).await?["events"].as_array().context("events")?.clone();
        let written: Vec<(String, u64, String)> = written
            .iter()
            .map(|event| {
                ("INC-1".to_owned(), event["seq"].as_u64().unwrap(), event["kind"].as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(published, written, "all of them, each once, in their order");

        let told = eventbridge.told();
        assert!(told.len() < published.len(), "what was written together is published together");
        let first = &told[0];
        assert_eq!(first.headers["x-amz-target"], "AWSEvents.PutEvents");
        assert!(first.headers["authorization"].contains("/eu-west-1/events/aws4_request"), "{first:?}");
        let entry = &entries(first)[0];
        assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("catops"), &json!("CatOps Incident Event")));
        assert_eq!(entry["EventBusName"], BUS);
        let opened = detail(entry);
        let expect = json!({
            "schema": 1, "id": "INC-1/1", "incident": "INC-1", "version": 1, "event": "opened", "at": opened["at"],
            "actor": { "kind": "source", "id": "generic" }, "status": "open", "severity": "error", "title": title,
            "service": "checkout-api", "resource": "", "alarm": { "source": "generic", "key": opened["alarm"]["key"] },
            "owners": [{ "id": "ana", "name": "Ana Ruiz" }], "url": format!("{}/i/1", server.url), "drill": false,
        });
        assert_eq!(opened, expect);
        let all: Vec<Value> = told.iter().flat_map(entries).map(|entry| detail(&entry)).collect();
        let acknowledged = all.iter().find(|detail| detail["event"] == "acknowledged").context("acknowledged")?;
        assert_eq!(acknowledged["actor"], json!({ "kind": "person", "id": "ana", "name": "Ana Ruiz" }));
        assert_eq!(
            (&acknowledged["status"], &all.last().unwrap()["status"]),
            (&json!("acknowledged"), &json!("resolved"))
        );
        Ok(())
    }

    #[tokio::test]
    async fn of_a_call_that_failed_in_part_only_what_failed_is_published_again() -> Result<()> {
        let calls = AtomicUsize::new(0);
        let refuses_the_second_entry = move |told: &Told| {
            let refused = if calls.fetch_add(1, Ordering::SeqCst) == 0 { &[1][..] } else { &[] };
            ("200 OK", answer(told, refused))
        };
        let eventbridge = Receiver::new(refuses_the_second_entry).await?;
        let home = home_with(&bus())?;
        let server = serve(&home, &eventbridge.url)?;
        assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
        until_published(&server, &eventbridge, "paged").await?;
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        for (_, version, _) in published(&eventbridge) {
            *times.entry(version).or_default() += 1;
        }
        let again: Vec<u64> = times.iter().filter(|(_, times)| **times > 1).map(|(version, _)| *version).collect();
        let first_call = entries(&eventbridge.told()[0]);
        assert_eq!(again, [detail(&first_call[1])["version"].as_u64().unwrap()], "{times:?}");
        Ok(())
    }

    /// The bus answers nothing at all, and then errors: cards and pages come as if it were not there.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
    async fn a_bus_that_is_down_keeps_nobody_waiting_and_is_told_later() -> Result<()> {
        let (is_down, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (down, kept) = (Arc::clone(&is_down), Arc::clone(&calls));
        let fails = move |told: &Told| {
            if down.load(Ordering::SeqCst) {
                return ("500 Internal Server Error", json!({ "__type": "InternalException" }).to_string());
            }
            kept.lock().expect("no test panics with it").push(entries(told));
            ("200 OK", answer(told, &[]))
        };
        let eventbridge = Receiver::new(fails).await?;
        let home = home_with(&bus())?;
        let server = serve(&home, &eventbridge.url)?;
        for n in 1..=20 {
            assert_eq!(server.fire(&format!("disk-{n}"), &format!("d-{n}"), "Disk is full").await?, 202);
        }
        let began = Instant::now();
        for n in 1..=20 {
            let look = async |server: &Server| {
                let paged =
                    server.incident(n).await?["incident"]["paged"].as_array().is_some_and(|paged| !paged.is_empty());
                Ok(if paged { Ok(()) } else { Err("not paged".to_owned()) })
            };
            server.until("a page", look).await?;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        // It is asked seldom while it does not answer, and not by every effect.
        assert!(eventbridge.told().len() < 40, "{}", eventbridge.told().len());
        is_down.store(false, Ordering::SeqCst);
        let look = async |_: &Server| {
            let calls = calls.lock().expect("no test panics with it").clone();
            let taken = calls.iter().flatten().map(detail);
            let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for detail in taken {
                let incident = detail["incident"].as_str().unwrap_or_default().to_owned();
                versions.entry(incident).or_default().push(detail["version"].as_u64().unwrap_or(0));
            }
            let all = versions.len() == 20 && versions.values().all(|versions| versions.len() >= 4);
            Ok(if all { Ok(versions) } else { Err(format!("{versions:?}")) })
        };
        let versions = server.until("the events of all incidents", look).await?;
        for (incident, versions) in &versions {
            let expect: Vec<u64> = (1..=versions.len() as u64).collect();
            assert_eq!(*versions, expect, "{incident}");
        }
        let calls = calls.lock().expect("no test panics with it");
        assert!(calls.iter().all(|call| call.len() <= 10));
        assert!(calls.iter().any(|call| call.len() > 4), "incidents share calls");
        Ok(())
    }

    /// The bus takes calls and never answers, CatOps is killed, and its next life finds a bus that works.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
    async fn a_bus_that_hangs_keeps_nobody_waiting_and_a_crash_loses_no_event() -> Result<()> {
        let silence = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let home = home_with(&bus())?;
        let server = serve(&home, &format!("http://{}", silence.local_addr()?))?;
        let began = Instant::now();
        for n in 1..=12 {
            assert_eq!(server.fire(&format!("disk-{n}"), &format!("d-{n}"), "Disk is full").await?, 202);
        }
        for n in 1..=12 {
            until_paged(&server, n).await?;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let mut written = Vec::new();
        for n in 1..=12 {
            let events = server.incident(n).await?["events"].as_array().context("events")?.len() as u64;
            written.extend((1..=events).map(|version| (format!("INC-{n}"), version)));
        }
        written.sort();
        server.kill();

        let eventbridge = Receiver::new(|told: &Told| ("200 OK", answer(told, &[]))).await?;
        let server = serve(&home, &eventbridge.url)?;
        let look = async |_: &Server| {
            let mut told: Vec<(String, u64)> =
                published(&eventbridge).into_iter().map(|(incident, version, _)| (incident, version)).collect();
            told.sort();
            told.dedup();
            let all = written.iter().all(|event| told.contains(event));
            Ok(if all { Ok(()) } else { Err(format!("{} of {}", told.len(), written.len())) })
        };
        server.until("every event that was written", look).await
    }

    #[tokio::test]
    async fn what_comes_back_from_the_bus_opens_nothing() -> Result<()> {
        let eventbridge = Receiver::new(|told: &Told| ("200 OK", answer(told, &[]))).await?;
        let home = home_with(&bus())?;
        let server = serve(&home, &eventbridge.url)?;
        assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
        until_published(&server, &eventbridge, "paged").await?;
        let entry = entries(&eventbridge.told()[0])[0].clone();
        let event = json!({
            "version": "0", "id": "e-1", "detail-type": entry["DetailType"], "source": entry["Source"],
            "account": "123456789012", "time": "2026-11-23T19:09:00Z", "region": "eu-west-1", "resources": [],
            "detail": detail(&entry),
        });
        assert_eq!(server.post("/hooks/eventbridge", &event).await?.0, 202);
        let list = server.get("/api/v1/incidents").await?;
        assert_eq!(list["incidents"].as_array().context("incidents")?.len(), 1, "{list}");
        Ok(())
    }

    #[tokio::test]
    async fn a_topic_is_told_of_the_beginning_of_whoever_has_it_and_of_the_end() -> Result<()> {
        let taken = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m-1\
                     </MessageId></PublishResult></PublishResponse>";
        let refused = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Receiver</Type>\
                       <Code>InternalError</Code><Message>later</Message></Error></ErrorResponse>";
        let calls = AtomicUsize::new(0);
        let fails_once = move |_: &Told| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => ("500 Internal Server Error", refused.to_owned()),
            _ => ("200 OK", taken.to_owned()),
        };
        let sns = Receiver::new(fails_once).await?;
        let home = home_with(&format!("[sns]\ntopic = \"{TOPIC}\"\n"))?;
        let server = serve(&home, &sns.url)?;
        assert_eq!(server.fire("disk", "disk-1", "Disk is\n full \u{1f4a5}").await?, 202);
        until_paged(&server, 1).await?;
        acknowledge_and_clear(&server).await?;
        let look = async |_: &Server| Ok(if sns.told().len() >= 4 { Ok(()) } else { Err(format!("{:?}", sns.told())) });
        server.until("three messages, one of them twice", look).await?;

        let said: Vec<BTreeMap<String, String>> = sns.told()[1..].iter().map(form).collect();
        let subjects: Vec<&str> = said.iter().map(|said| said["Subject"].as_str()).collect();
        let happened = ["opened", "acknowledged", "resolved"].map(|word| format!("INC-1 SEV2 {word}: Disk is full ?"));
        assert_eq!(subjects, happened, "in their order, although the first came late");
        let last_lines = ["Asked: Ana Ruiz", "Ana Ruiz has it", "Over: the alarm cleared"];
        for (said, line) in said.iter().zip(last_lines) {
            let head = "INC-1 SEV2: Disk is full \u{1f4a5}\nService: checkout-api";
            assert_eq!(said["Message"], format!("{head}\n{line}\nMore at {}/i/1", server.url));
            assert_eq!(said["TopicArn"], TOPIC);
        }
        let first = attributes(&said[0]);
        assert!(first["effect_id"].starts_with("topic/1/"), "{first:?}");
        let rest: Vec<(&str, &str)> = first.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let rest: Vec<_> = rest.into_iter().filter(|(name, _)| *name != "effect_id").collect();
        let expect = [
            ("event", "opened"),
            ("incident", "INC-1"),
            ("sender", "catops"),
            ("service", "checkout-api"),
            ("severity", "error"),
            ("status", "open"),
            ("version", "1"),
        ];
        assert_eq!(rest, expect);
        assert!(sns.told()[0].headers["authorization"].contains("/eu-central-1/sns/aws4_request"));
        Ok(())
    }

    fn form(told: &Told) -> BTreeMap<String, String> {
        form_urlencoded::parse(told.body.as_bytes()).into_owned().collect()
    }

    fn attributes(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let at = |number: usize, part: &str| form.get(&format!("MessageAttributes.entry.{number}.{part}")).cloned();
        (1..=10).map_while(|number| Some((at(number, "Name")?, at(number, "Value.StringValue")?))).collect()
    }
}
