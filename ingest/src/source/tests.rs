//! Every sample decodes to what was checked by eye (`snapshots/`); mistakes are named; nothing panics.

use super::*;
use crate::{Headers, Peer};
use chrono::{DateTime, Utc};
use incident::AlarmState;
use proptest::prelude::*;
use std::fmt::Write;
use std::path::PathBuf;

fn now() -> DateTime<Utc> {
    "2026-11-23T19:10:00Z".parse().unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/sources"))
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn kind(name: &str) -> Kind {
    name.parse().unwrap()
}

/// The source that a sample belongs to, by its name.
fn kind_of(name: &str) -> Kind {
    let starts = [
        ("alerta-cloudwatch", "sns"),
        ("sns-", "sns"),
        ("lambda-sns", "sns"),
        ("lambda-cloudwatch-alarm-sns", "sns"),
        ("alerta-prometheus", "alertmanager"),
        ("alerta-grafana", "grafana"),
        ("grafana", "grafana"),
        ("pagerduty", "pagerduty"),
        ("uptimerobot", "uptimerobot"),
    ];
    kind(starts.into_iter().find(|(start, _)| name.starts_with(start)).map_or("eventbridge", |(_, kind)| kind))
}

fn alarms(kind_name: &str, body: &[u8]) -> Vec<Alarm> {
    match decode(kind(kind_name), &Request::local(body, now())) {
        Ok(Decoded::Alarms(alarms)) => alarms,
        other => panic!("no alarms: {other:?}"),
    }
}

#[track_caller]
fn alarm(kind_name: &str, body: &[u8]) -> Alarm {
    let mut alarms = alarms(kind_name, body);
    assert_eq!(alarms.len(), 1);
    alarms.remove(0)
}

fn transcript(decoded: &Result<Decoded, Malformed>) -> String {
    match decoded {
        Ok(Decoded::Alarms(alarms)) => alarms.iter().map(lines).collect(),
        Ok(Decoded::Confirm { topic_arn, subscribe_url }) => format!("confirm {topic_arn}\n  by {subscribe_url}\n"),
        Err(malformed) => format!("malformed {malformed}\n"),
    }
}

fn lines(alarm: &Alarm) -> String {
    let mut text = format!("{:?} {} \"{}\"\n", alarm.state, alarm.severity, alarm.title);
    let at = alarm.occurred_at.to_rfc3339();
    write!(text, "  key      {}\n  delivery {}\n  at       {at}\n", alarm.key, alarm.delivery).unwrap();
    for (name, value) in [
        ("summary ", alarm.summary.as_str()),
        ("resource", &alarm.resource),
        ("service ", alarm.service.as_deref().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            writeln!(text, "  {name} {value}").unwrap();
        }
    }
    for (name, value) in &alarm.labels {
        writeln!(text, "  {name} = {value}").unwrap();
    }
    for link in &alarm.links {
        writeln!(text, "  -> {} {}", link.rel, link.url).unwrap();
    }
    text
}

#[test]
fn every_sample_reads_as_it_was_checked() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    let mut text = String::new();
    for name in names {
        let kind = kind_of(&name);
        let decoded = decode(kind, &Request::local(&sample(&name), now()));
        writeln!(text, "# {name} ({kind})\n{}", transcript(&decoded)).unwrap();
    }
    insta::assert_snapshot!("samples", text);
}

#[test]
fn one_cloudwatch_change_is_one_alarm_whichever_way_it_comes() {
    let event = alarm("eventbridge", &sample("eventbridge-cloudwatch-state-change-for-a-single-metric-alarm.json"));
    let action = alarm("eventbridge", &sample("lambda-cloudwatch-alarm-server-cpu.json"));
    let message = alarm("sns", &sample("sns-signed-v1.json"));
    assert_eq!(event, action);
    assert_eq!(Alarm { source: event.source.clone(), ..message }, event);
    assert_eq!(event.key.as_str(), "cloudwatch:arn:aws:cloudwatch:us-east-1:123456789012:alarm:ServerCpuTooHigh");
    assert_eq!(event.delivery.as_str(), format!("{}:ALARM:1570035880989", event.key));

    // Metric math, and an SNS message of the time before `AlarmArn`.
    let event = alarm("eventbridge", &sample("eventbridge-cloudwatch-state-change-for-a-metric-math-alarm.json"));
    let message = alarm("sns", &sample("sns-signed-v2.json"));
    assert_eq!(Alarm { source: event.source.clone(), ..message }, event);
}

#[test]
fn an_event_that_a_rule_sends_to_a_topic_is_read_as_the_event() {
    let name = "eventbridge-cloudwatch-state-change-for-a-single-metric-alarm.json";
    let event = String::from_utf8(sample(name)).unwrap();
    let envelope = serde_json::json!({
        "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": event,
        "Timestamp": "2026-11-23T19:00:00.000Z",
    });
    let inside = alarm("sns", envelope.to_string().as_bytes());
    assert_eq!(Alarm { source: "eventbridge".to_owned(), ..inside }, alarm("eventbridge", event.as_bytes()));
}

#[test]
fn a_suppressed_composite_alarm_pages_nobody_and_hides_no_later_page() {
    let name = "eventbridge-cloudwatch-state-change-for-a-composite-alarm-with-a-suppressor-alarm.json";
    let body = String::from_utf8(sample(name)).unwrap();
    let suppressed = alarm("eventbridge", body.as_bytes());
    assert_eq!(suppressed.state, AlarmState::Info);
    let open = alarm("eventbridge", body.replacen("actionsSuppressedBy", "formerly", 1).as_bytes());
    assert_eq!(open.state, AlarmState::Firing);
    assert_ne!(open.delivery, suppressed.delivery);
    assert_eq!(open.key, suppressed.key);
}

#[test]
fn uptimerobot_is_the_same_as_json_form_and_query() {
    let body = sample("uptimerobot-down.json");
    let fields: std::collections::BTreeMap<String, String> = serde_json::from_slice(&body).unwrap();
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let by_json = alarm("uptimerobot", &body);
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    let by_form = decode(kind("uptimerobot"), &Request { content_type, ..Request::local(form.as_bytes(), now()) });
    let by_query = decode(kind("uptimerobot"), &Request { query: &form, ..Request::local(b"", now()) });
    assert_eq!(by_form, Ok(by_json.clone().into()));
    assert_eq!(by_query, Ok(by_json.into()));
}

#[test]
fn alertmanager_without_fingerprint_knows_an_alert_by_its_labels() {
    let body = |labels: &str, minute: i64| {
        let text = format!(r#"{{"alerts": [{{"status": "firing", "labels": {labels}}}]}}"#);
        let request = Request::local(text.as_bytes(), now() + chrono::TimeDelta::minutes(minute));
        match decode(kind("alertmanager"), &request).unwrap() {
            Decoded::Alarms(mut alarms) => alarms.remove(0),
            Decoded::Confirm { .. } => panic!("not SNS"),
        }
    };
    let first = body(r#"{"alertname": "A", "job": "b"}"#, 0);
    assert_eq!(first, body(r#"{"job": "b", "alertname": "A"}"#, 0));
    let repeated = body(r#"{"job": "b", "alertname": "A"}"#, 240);
    assert_eq!(repeated.key, first.key);
    assert_ne!(repeated.delivery, first.delivery, "a repetition counts");
    assert_ne!(first.key, body(r#"{"alertname": "A", "job": "c"}"#, 0).key);
}

#[test]
fn pagerduty_answers_with_the_key_to_resolve_by() {
    let body = br#"{"routing_key": "R", "event_action": "trigger",
        "payload": {"summary": "disk full", "source": "db-1", "severity": "critical"}}"#;
    let decoded = decode(kind("pagerduty"), &Request::local(body, now())).unwrap();
    let answer = answer(kind("pagerduty"), &decoded);
    assert_eq!(answer.status, 202);
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let key = said["dedup_key"].as_str().unwrap();
    let resolve = format!(r#"{{"routing_key": "R", "event_action": "resolve", "dedup_key": "{key}"}}"#);
    let Decoded::Alarms(fired) = decoded else { panic!("alarms") };
    assert_eq!(alarm("pagerduty", resolve.as_bytes()).key, fired[0].key);
    let other = resolve.replace("\"R\"", "\"S\"");
    assert_ne!(alarm("pagerduty", other.as_bytes()).key, fired[0].key, "another key's trouble is another trouble");
    assert!(!format!("{fired:?}").contains("\"R\""), "the routing key is a secret");
}

#[test]
fn our_own_format_takes_everything_that_its_documentation_says() {
    let body = br#"{"title": "checkout is slow", "state": "cleared", "key": "checkout-latency", "id": 17,
        "severity": "P1", "summary": "p99 is 4.2 s", "service": "checkout-api", "resource": "i-0123",
        "labels": {"team": "shop", "replicas": 3, "db_password": "hunter2", "gone": null},
        "links": ["https://a.example/x", {"rel": "graph", "url": "http://b.example/"}, "javascript:alert(1)"],
        "occurred_at": "2026-11-23T19:00:00+01:00"}"#;
    insta::assert_snapshot!(lines(&alarm("generic", body)), @r#"
    Cleared critical "checkout is slow"
      key      generic:checkout-latency
      delivery generic:17
      at       2026-11-23T18:00:00+00:00
      summary  p99 is 4.2 s
      resource i-0123
      service  checkout-api
      db_password = ***
      replicas = 3
      team = shop
      -> other https://a.example/x
      -> graph http://b.example/
    "#);
    let short = alarm("generic", br#"{"title": "disk"}"#);
    assert_eq!((short.state, short.occurred_at), (AlarmState::Firing, now()));
    assert_eq!(short.key, alarm("generic", br#"{"title": " disk "}"#).key);
}

#[test]
fn one_hook_cannot_clear_the_alarm_of_another() {
    let body = br#"{"title": "disk", "key": "k"}"#;
    let key = |hook| match decode(kind("generic"), &Request { hook, ..Request::local(body, now()) }) {
        Ok(Decoded::Alarms(alarms)) => alarms[0].key.0.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(key("generic"), "generic:k");
    assert_eq!(key("team-a"), "generic:team-a:k");
}

#[test]
fn our_format_inside_an_event_of_ones_own_and_inside_a_topic() {
    let event = br#"{"id": "e1", "source": "shop", "detail-type": "x", "detail": {"title": "stock is negative"}}"#;
    let read = alarm("eventbridge", event);
    assert_eq!((read.title.as_str(), read.delivery.as_str()), ("stock is negative", "eventbridge:e1"));
    assert_eq!(read.state, AlarmState::Firing);
    let pretender =
        br#"{"id": "e1", "source": "aws.s3", "detail-type": "x", "detail": {"title": "stock is negative"}}"#;
    assert_eq!(alarm("eventbridge", pretender).state, AlarmState::Info);
    let topic = br#"{"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Timestamp": "2026-11-23T19:00:00Z", "Message": "{\"title\": \"stock is negative\", \"state\": \"info\"}"}"#;
    assert_eq!(alarm("sns", topic).state, AlarmState::Info);
}

#[track_caller]
fn malformed(kind_name: &str, body: &[u8], says: &str) {
    let refused = decode(kind(kind_name), &Request::local(body, now())).expect_err("it is malformed");
    assert_eq!(refused.to_string(), says);
}

#[test]
fn a_mistake_is_named() {
    let name = "eventbridge-cloudwatch-state-change-for-a-single-metric-alarm.json";
    let event = String::from_utf8(sample(name)).unwrap();
    let edited = |from: &str, to: &str| event.replace(from, to).into_bytes();
    malformed("eventbridge", &edited(r#""value": "ALARM""#, r#""x": 1"#), "detail.state.value: missing");
    malformed("eventbridge", &edited(r#""value": "ALARM""#, r#""value": 5"#), "detail.state.value: expected a string");
    malformed(
        "eventbridge",
        &edited(r#""value": "ALARM""#, r#""value": "BAD""#),
        "detail.state.value: expected ALARM, OK or INSUFFICIENT_DATA",
    );
    malformed("eventbridge", &edited("2019-10-02T17:04:40.989+0000", "noon"), "detail.state.timestamp: not a time");
    malformed("eventbridge", &edited(r#""detail":"#, r#""tail":"#), "detail: missing");
    malformed(
        "eventbridge",
        &edited("AWS/EC2\"", "AWS/EC2\", \"dimensions\": {}"),
        "detail.configuration.metrics[0].metricStat.metric.dimensions: given twice",
    );
    malformed("eventbridge", b"{}", "detail-type: missing");
    malformed("eventbridge", b"[]", "body: expected an object");
    malformed("eventbridge", b"7", "body: expected an object");
    malformed("eventbridge", &event.as_bytes()[..900], "detail: the JSON ends too early (line 30 column 20)");
    malformed("generic", br#"{"title": "a", "#, "body: the JSON ends too early (line 1 column 15)");
    malformed("generic", br#"{"title": 7}"#, "title: expected a string");
    malformed("generic", br#"{"title": "  "}"#, "title: empty");
    malformed("generic", br#"{"title": "a", "title": "b"}"#, "title: given twice");
    malformed("generic", br#"{"title": "a", "state": "on fire"}"#, "state: expected firing, cleared, info or change");
    malformed("generic", br#"{"title": "a", "labels": ["hunter2"]}"#, "labels: expected an object");
    malformed("generic", br#"{"title": "a"} {}"#, "body: something follows the JSON (line 1 column 16)");
    malformed("generic", b"title=a", "body: not JSON (line 1 column 2)");
    malformed("generic", b"", "body: the JSON ends too early (line 1 column 0)");
    malformed("generic", b"{\"title\": \"\xff\"}", "body: not UTF-8 from byte 11 on");
    malformed("alertmanager", br#"{"alerts": []}"#, "alerts: empty");
    malformed("alertmanager", br#"{"alerts": [{"status": "firing"}]}"#, "alerts[0].labels: missing");
    malformed(
        "alertmanager",
        br#"{"alerts": [{"status": "on", "labels": {}}]}"#,
        "alerts[0].status: expected firing or resolved",
    );
    malformed("grafana", br#"{"ruleId": 1}"#, "ruleName: missing");
    malformed("uptimerobot", br#"{"monitorID": "*monitorID*"}"#, "monitorID: missing");
    malformed(
        "uptimerobot",
        br#"{"monitorID": 1, "alertType": "9"}"#,
        "alertType: expected 1 (down), 2 (up) or 3 (expiry)",
    );
    malformed("pagerduty", br#"{"event_action": "trigger"}"#, "routing_key: missing");
    malformed("pagerduty", br#"{"routing_key": "a"}"#, "event_action: missing");
    malformed("pagerduty", br#"{"routing_key": "a", "event_action": "resolve"}"#, "dedup_key: missing");
    malformed(
        "pagerduty",
        br#"{"routing_key": "a", "event_action": "trigger", "payload": {"summary": "s", "source": "x"}}"#,
        "payload.severity: missing",
    );
    malformed(
        "pagerduty",
        br#"{"routing_key": "a", "event_action": "trigger", "payload": {"summary": 1}}"#,
        "payload.summary: expected a string",
    );
    malformed("sns", br#"{"hello": 1}"#, "Type: missing");
    malformed("sns", br#"{"Type": "Notification"}"#, "MessageId: missing");
    let nested = |open: &str, close: &str| [open.repeat(200), close.repeat(200)].concat();
    malformed("generic", nested("[", "]").as_bytes(), "body: nested deeper than 32 levels at byte 32");
    for kind in Kind::all().filter(|kind| kind.as_str() != "uptimerobot") {
        let body = format!(r#"{{"x": {}}}"#, nested("[", "]"));
        malformed(kind.as_str(), body.as_bytes(), "body: nested deeper than 32 levels at byte 37");
    }
}

#[test]
fn a_confirmation_address_must_be_one_of_sns() {
    let body = String::from_utf8(sample("sns-signed-confirmation.json")).unwrap();
    for foreign in [
        "https://evil.example/?",
        "http://sns.us-east-1.amazonaws.com/?",
        "https://sns.us-east-1.amazonaws.com.evil.example/?",
    ] {
        let forged = body.replace(
            "\"SubscribeURL\": \"https://sns.us-east-1.amazonaws.com/?",
            &format!("\"SubscribeURL\": \"{foreign}"),
        );
        assert_ne!(forged, body);
        malformed("sns", forged.as_bytes(), "SubscribeURL: not an address of SNS");
    }
}

#[test]
fn what_catops_said_itself_is_no_alarm() {
    let event = r#"{"version":"0","id":"e-1","detail-type":"CatOps Incident Event","source":"catops","account":"123456789012",
        "time":"2026-11-23T19:09:00Z","region":"eu-west-1","resources":[],"detail":{"schema":1,"id":"INC-1/1",
        "title":"Disk is full","severity":"critical","status":"open","state":"firing"}}"#;
    assert_eq!(alarm("eventbridge", event.as_bytes()).state, AlarmState::Info);
    let message = |attributes: &str| {
        format!(
            r#"{{"Type":"Notification","MessageId":"m-1","TopicArn":"arn:aws:sns:eu-west-1:123456789012:catops",
            "Subject":"INC-1 SEV1 opened: Disk is full","Message":"INC-1 SEV1: Disk is full","Timestamp":"2026-11-23T19:09:00Z",
            "MessageAttributes":{attributes}}}"#
        )
    };
    let state = |attributes: &str| alarm("sns", message(attributes).as_bytes()).state;
    assert_eq!(state(r#"{"sender":{"Type":"String","Value":"catops"}}"#), AlarmState::Info);
    for others in
        ["null", "{}", "[]", "7", r#"{"sender":{"Type":"String","Value":"nagios"}}"#, r#"{"sender":"catops"}"#]
    {
        assert_eq!(state(others), AlarmState::Firing, "{others}");
    }
}

#[test]
fn kinds_are_read_from_configuration() {
    assert_eq!("sns".parse::<Kind>().unwrap().as_str(), "sns");
    assert_eq!(
        "nagios".parse::<Kind>().unwrap_err().to_string(),
        "\"nagios\" is not a source; write one of eventbridge, sns, alertmanager, grafana, uptimerobot, pagerduty, generic"
    );
}

/// What [`Alarm`] promises, for whatever comes in.
fn keeps_limits(alarm: &Alarm) {
    assert!(!alarm.title.is_empty() && alarm.title.chars().count() <= Alarm::TITLE_CHARS_MAX);
    assert!(!alarm.title.contains(char::is_control));
    assert!(alarm.summary.chars().count() <= Alarm::SUMMARY_CHARS_MAX);
    assert!(alarm.labels.len() <= Alarm::LABELS_MAX);
    assert!(alarm.labels.values().all(|value| value.chars().count() <= Alarm::LABEL_CHARS_MAX));
    assert!(alarm.links.iter().all(|link| link.url.starts_with("http://") || link.url.starts_with("https://")));
    assert!(alarm.key.as_str().len() <= 700 && alarm.delivery.as_str().len() <= 700);
    assert!(alarm.occurred_at <= now() + chrono::TimeDelta::minutes(5));
}

fn decode_all(body: &[u8], text: &str) {
    let headers = [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-topic-arn", text)];
    for kind in Kind::all() {
        for content_type in ["application/json", "application/x-www-form-urlencoded"] {
            for headers in [&headers[..], &[]] {
                let (query, headers) = (text, Headers(headers));
                let request =
                    Request { query, headers, content_type, peer: Peer::Remote, ..Request::local(body, now()) };
                if let Ok(Decoded::Alarms(alarms)) = decode(kind, &request) {
                    alarms.iter().for_each(keeps_limits);
                }
            }
        }
    }
}

fn all_samples() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.filter(|bytes| bytes.starts_with(b"{")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,40}") {
        decode_all(&body, &text);
    }

    #[test]
    fn damaged_samples_never_panic(
        which in any::<proptest::sample::Index>(), at in any::<proptest::sample::Index>(),
        with in prop_oneof![Just(b"null".to_vec()), Just(b"\"\"".to_vec()), Just(b"-1e400".to_vec()),
            Just("\"\u{202e}é\\u0000\"".as_bytes().to_vec()), proptest::collection::vec(any::<u8>(), 0..8)],
        cut in 0_usize..40,
    ) {
        let samples = all_samples();
        let mut body = which.get(&samples).clone();
        let start = at.index(body.len());
        let end = (start + cut).min(body.len());
        body.splice(start..end, with);
        decode_all(&body, "a=b");
    }
}

#[test]
fn deploys_and_stacks_are_changes_and_page_nobody() {
    let event = |source: &str, detail_type: &str, detail: serde_json::Value| {
        let event = serde_json::json!({
            "version": "0", "id": "e-1", "detail-type": detail_type, "source": source, "account": "111122223333",
            "time": "2026-11-23T19:04:00Z", "region": "eu-west-1", "resources": ["arn:aws:codedeploy:eu-west-1:111122223333:x"],
            "detail": detail,
        });
        alarm("eventbridge", event.to_string().as_bytes())
    };
    let codedeploy = serde_json::json!({
        "region": "eu-west-1", "deploymentId": "d-123456789", "instanceGroupId": "9fd2fbef", "deploymentGroup": "production",
        "state": "SUCCESS", "application": "checkout-api",
    });
    let stack = serde_json::json!({
        "stack-id": "arn:aws:cloudformation:eu-west-1:111122223333:stack/orders/6c3770a0",
        "status-details": { "status": "UPDATE_COMPLETE", "status-reason": "" }, "client-request-token": "",
    });
    for (source, detail_type, detail, title, service) in [
        (
            "aws.codedeploy",
            "CodeDeploy Deployment State-change Notification",
            codedeploy,
            "CodeDeploy checkout-api: SUCCESS",
            "checkout-api",
        ),
        (
            "aws.cloudformation",
            "CloudFormation Stack Status Change",
            stack,
            "CloudFormation orders: UPDATE_COMPLETE",
            "orders",
        ),
    ] {
        let told = event(source, detail_type, detail);
        let change = incident::Change::of(&told).expect("a change");
        assert_eq!(
            (told.state, change.title.as_str(), change.service.as_deref()),
            (AlarmState::Info, title, Some(service))
        );
        assert_eq!(change.at.to_rfc3339(), "2026-11-23T19:04:00+00:00");
    }
    let generic = alarm("generic", br#"{"title":"flag x on","state":"change","service":"shop"}"#);
    assert_eq!(incident::Change::of(&generic).map(|change| change.kind), Some("change".to_owned()));
}
