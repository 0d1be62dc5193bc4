//! Who may pass, scheme by scheme; and that a refusal tells the sender nothing.

use super::*;
use crate::Headers;

const NOW: &str = "2026-11-23T19:10:00Z";
// The example of the specification's reference libraries; signs nothing of ours.
const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn config(kind: &str, scheme: &str, secrets: &[&str]) -> SourceConfig {
    SourceConfig {
        kind: kind.parse().unwrap(),
        name: kind.to_owned(),
        secrets: secrets.iter().map(|secret| Secret::new(secret)).collect(),
        scheme: scheme.parse().unwrap(),
        topics: vec!["arn:aws:sns:us-east-1:123456789012:alarms".to_owned()],
        signatures: Signatures::Both,
        origins: Origins::default(),
    }
}

fn asked(config: &SourceConfig, headers: &[(&str, &str)], body: &[u8]) -> Result<Proof, Reason> {
    let request = Request { headers: Headers(headers), peer: Peer::Remote, ..Request::local(body, now()) };
    authenticate(config, &request).map_err(|refused| refused.reason)
}

#[track_caller]
fn check(config: &SourceConfig, headers: &[(&str, &str)], body: &str, expect: Result<(), Reason>) {
    assert_eq!(asked(config, headers, body.as_bytes()), expect.map(|()| Proof::Complete));
}

#[test]
fn bearer_takes_either_live_key_in_either_header() {
    let two = config("alertmanager", "bearer", &["new-key", "old-key"]);
    check(&two, &[("Authorization", "Bearer new-key")], "", Ok(()));
    check(&two, &[("authorization", "bearer old-key")], "", Ok(()));
    check(&two, &[("X-Api-Key", "old-key")], "", Ok(()));
    check(&two, &[("Authorization", "Bearer older-key")], "", Err(Reason::Wrong));
    check(&two, &[("Authorization", "Bearer ")], "", Err(Reason::Missing));
    check(&two, &[("Authorization", "Basic new-key")], "", Err(Reason::Missing));
    check(&two, &[], r#"{"key": "new-key"}"#, Err(Reason::Missing));
    check(&config("generic", "bearer", &[]), &[("X-Api-Key", "")], "", Err(Reason::NoSecret));
    check(&config("generic", "bearer", &[" "]), &[("X-Api-Key", "")], "", Err(Reason::Wrong));
}

#[test]
fn events_of_other_accounts_and_sources_are_not_taken() {
    #[track_caller]
    fn check(accounts: &[&str], sources: &[&str], event: &str, expect: Result<(), Reason>) {
        let owned = |list: &[&str]| -> Vec<String> { list.iter().map(|text| (*text).to_owned()).collect() };
        let origins = Origins { accounts: owned(accounts), sources: owned(sources) };
        let hook = SourceConfig { origins, ..config("eventbridge", "bearer", &["a-key"]) };
        let told = asked(&hook, &[("X-Api-Key", "a-key")], event.as_bytes());
        assert_eq!(told, expect.map(|()| Proof::Complete), "{event}");
    }
    let ours = r#"{"account": "111", "source": "aws.cloudwatch"}"#;
    check(&[], &[], "{}", Ok(()));
    check(&["222", "111"], &["aws.cloudwatch"], ours, Ok(()));
    check(&["111"], &["aws.*"], ours, Ok(()));
    check(&["11"], &[], ours, Err(Reason::AccountNotAllowed));
    check(&["1111"], &[], ours, Err(Reason::AccountNotAllowed));
    check(&["111"], &["aws.ecs", "aws"], ours, Err(Reason::SourceNotAllowed));
    check(&["111"], &["aws.*"], r#"{"account": "111", "source": "awsome"}"#, Err(Reason::SourceNotAllowed));
    check(&["111"], &[], "{}", Err(Reason::AccountNotAllowed));
    check(&[], &["aws.*"], "{}", Err(Reason::SourceNotAllowed));
    // CloudWatch calls a function directly: the account has another name there, and two names must not differ.
    check(&["111"], &[], r#"{"accountId": "111"}"#, Ok(()));
    check(&["111"], &[], r#"{"account": "111", "accountId": "999"}"#, Err(Reason::AccountNotAllowed));
    check(&["111"], &[], "not JSON", Ok(()));
    // The proof comes first: a stranger does not learn what is on the list.
    let origins = Origins { accounts: vec!["111".to_owned()], sources: Vec::new() };
    let hook = SourceConfig { origins, ..config("eventbridge", "bearer", &["a-key"]) };
    assert_eq!(asked(&hook, &[("X-Api-Key", "wrong")], b"{}"), Err(Reason::Wrong));
}

#[test]
fn basic_takes_user_and_password() {
    let one = config("grafana", "basic", &["grafana:s3cret"]);
    check(&one, &[("Authorization", "Basic Z3JhZmFuYTpzM2NyZXQ=")], "", Ok(()));
    check(&one, &[("Authorization", "Basic Z3JhZmFuYTp3cm9uZw==")], "", Err(Reason::Wrong));
    check(&one, &[("Authorization", "Basic ***")], "", Err(Reason::Unreadable));
    check(&one, &[], "", Err(Reason::Missing));
}

#[test]
fn a_key_may_come_in_the_body_where_the_format_has_one() {
    let pager = config("pagerduty", "key", &["R0"]);
    check(&pager, &[], r#"{"routing_key": "R0", "event_action": "trigger"}"#, Ok(()));
    check(&pager, &[], r#"{"routing_key": "R1"}"#, Err(Reason::Wrong));
    check(&pager, &[], r#"{"key": "R0"}"#, Err(Reason::Missing));
    check(&pager, &[("Authorization", "Bearer R0")], "not json", Ok(()));
    let robot = config("uptimerobot", "key", &["s3cret"]);
    check(&robot, &[], r#"{"key": "s3cret"}"#, Ok(()));
    check(&config("generic", "key", &["s"]), &[], r#"{"key": "s"}"#, Err(Reason::Missing));
    let form = Request {
        content_type: "application/x-www-form-urlencoded",
        ..Request::local(b"monitorID=1&key=s3cret", now())
    };
    assert_eq!(authenticate(&robot, &form), Ok(Proof::Complete));
    let query = Request { query: "key=s3cret", ..Request::local(b"{}", now()) };
    assert!(authenticate(&robot, &query).is_err(), "an address is logged everywhere: it holds no secret");
}

#[test]
fn standard_webhooks_sign_id_time_and_body() {
    let body = r#"{"title": "disk"}"#;
    let sign = |at: i64, body: &str| {
        let key = Secret::new(SIGNING_SECRET).signing_key().unwrap();
        STANDARD.encode(hmac::sign(&key, format!("msg_1.{at}.{body}").as_bytes()))
    };
    let ask = |config: &SourceConfig, at: i64, signature: &str| {
        let at = at.to_string();
        let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", at.as_str()), ("webhook-signature", signature)];
        asked(config, &headers, body.as_bytes())
    };
    let two = config("generic", "hmac", &["whsec_AAAA", SIGNING_SECRET]);
    let at = now().timestamp();
    let good = format!("v1,{}", sign(at, body));
    assert_eq!(ask(&two, at, &good), Ok(Proof::Complete));
    assert_eq!(ask(&two, at, &format!("v1,AAAA v1a,BBBB {good}")), Ok(Proof::Complete));
    assert_eq!(ask(&two, at, &good.replace("v1,", "v2,")), Err(Reason::Wrong));
    assert_eq!(ask(&two, at, &format!("v1,{}", sign(at, "{}"))), Err(Reason::Wrong));
    assert_eq!(ask(&two, at + 1, &good), Err(Reason::Wrong));
    for late in [at - 301, at + 301] {
        assert_eq!(ask(&two, late, &format!("v1,{}", sign(late, body))), Err(Reason::OutsideWindow));
    }
    let edge = at - 300;
    assert_eq!(ask(&two, edge, &format!("v1,{}", sign(edge, body))), Ok(Proof::Complete));
    assert_eq!(ask(&config("generic", "hmac", &[]), at, &good), Err(Reason::NoSecret));
    assert_eq!(ask(&two, i64::MAX, &good), Err(Reason::Unreadable));
    assert_eq!(asked(&two, &[], b""), Err(Reason::Missing));
}

/// The signature that the specification's own test vector expects.
#[test]
fn the_signature_is_the_one_of_the_specification() {
    let key = Secret::new(SIGNING_SECRET).signing_key().unwrap();
    let signed = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
    assert_eq!(STANDARD.encode(hmac::sign(&key, signed)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn an_open_hook_is_for_this_machine_only() {
    let open = config("generic", "open", &[]);
    assert_eq!(asked(&open, &[], b"{}"), Err(Reason::NotLoopback));
    let local = |header: (&'static str, &'static str)| {
        let request = Request { headers: Headers(&[header]), ..Request::local(b"{}", now()) };
        authenticate(&open, &request).map_err(|refused| refused.reason)
    };
    for ours in [("user-agent", "curl"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")] {
        assert_eq!(local(ours), Ok(Proof::Complete), "{ours:?}");
    }
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("via", "1.1 proxy"),
    ] {
        assert_eq!(local(elsewhere), Err(Reason::NotLoopback), "{elsewhere:?}");
    }
}

#[test]
fn a_refusal_and_a_secret_tell_nothing() {
    let refused = Unauthorised { reason: Reason::OutsideWindow };
    assert_eq!(refused.to_string(), "unauthorised");
    assert_eq!(refused.reason.as_str(), "outside_window");
    let text = format!("{:?}", config("generic", "bearer", &["hunter2"]));
    assert!(text.contains("***") && !text.contains("hunter2"), "{text}");
    let headers = Headers(&[("authorization", "Bearer hunter2")]);
    assert_eq!(format!("{headers:?}"), r#"["authorization"]"#);
}

#[test]
fn what_is_kept_of_a_delivery_holds_no_key() {
    #[track_caller]
    fn check(body: &str, expect: &str) {
        let hook = config("pagerduty", "key", &["R0123456789abcdef", "old \"key\" &c", "word"]);
        assert_eq!(String::from_utf8_lossy(&without_secrets(&hook, body.as_bytes())), expect);
    }
    check(r#"{"routing_key":"R0123456789abcdef","x":"R0123456789abcdef"}"#, r#"{"routing_key":"***","x":"***"}"#);
    check(r#"{"routing_key":"old \"key\" &c"}"#, r#"{"routing_key":"***"}"#);
    check("key=old+%22key%22+%26c&a=1", "key=***&a=1");
    check("in one word", "in one word");
    check("", "");
}

mod sns {
    use super::*;
    use crate::sns::{signing_cert_url, verify};

    fn sample(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/sources");
        std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
    }

    fn verified(body: &str, at: &str) -> Result<(), Reason> {
        let (config, pem) = (config("sns", "sns", &[]), sample("sns-signing-certificate.pem"));
        verify(&config, body.as_bytes(), pem.as_bytes(), at.parse().unwrap()).map_err(|refused| refused.reason)
    }

    #[test]
    fn both_versions_and_a_confirmation_are_verified() {
        for name in ["sns-signed-v1.json", "sns-signed-v2.json", "sns-signed-confirmation.json"] {
            let body = sample(name);
            let url = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem".to_owned();
            let sns = config("sns", "sns", &[]);
            assert_eq!(asked(&sns, &[], body.as_bytes()), Ok(Proof::SnsCertificate { url }));
            assert_eq!(verified(&body, NOW), Ok(()), "{name}");
        }
    }

    /// The same signed text, cut into fields elsewhere: a message without a subject and with an id of its own.
    #[test]
    fn what_was_signed_can_be_told_in_one_way_only() {
        let body = sample("sns-signed-v1.json");
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&body).unwrap();
        let id = fields["MessageId"].as_str().unwrap().to_owned();
        let subject = fields.remove("Subject").expect("the sample has one");
        fields.insert("MessageId".to_owned(), format!("{id}\nSubject\n{}", subject.as_str().unwrap()).into());
        let forged = serde_json::to_string(&fields).unwrap();
        assert_eq!(verified(&forged, NOW), Err(Reason::Unreadable));
    }

    #[test]
    fn version_two_can_be_demanded() {
        let sns = SourceConfig { signatures: Signatures::Sha256, ..config("sns", "sns", &[]) };
        let pem = sample("sns-signing-certificate.pem");
        let verified =
            |body: &str| verify(&sns, body.as_bytes(), pem.as_bytes(), now()).map_err(|refused| refused.reason);
        let (first, second) = (sample("sns-signed-v1.json"), sample("sns-signed-v2.json"));
        // No certificate is fetched for it either.
        assert_eq!(asked(&sns, &[], first.as_bytes()), Err(Reason::WeakSignature));
        assert_eq!(verified(&first), Err(Reason::WeakSignature));
        assert_eq!(verified(&second), Ok(()));
        let relabelled = first.replace("\"SignatureVersion\": \"1\"", "\"SignatureVersion\": \"2\"");
        assert_eq!(verified(&relabelled), Err(Reason::Wrong));
    }

    #[test]
    fn every_signed_field_is_protected() {
        let body = sample("sns-signed-v1.json");
        for (from, to) in [
            ("ServerCpuTooHigh", "ServerCpuTooLow"),
            ("22b80b92", "22b80b93"),
            ("\"Subject\": \"ALARM", "\"Subject\": \"OK"),
            ("2026-11-23T19:00:00.000Z", "2026-11-23T19:00:01.000Z"),
            ("\"SignatureVersion\": \"1\"", "\"SignatureVersion\": \"2\""),
        ] {
            let forged = body.replace(from, to);
            assert_ne!(forged, body);
            assert_eq!(verified(&forged, NOW), Err(Reason::Wrong), "{from}");
        }
        let confirmation = sample("sns-signed-confirmation.json");
        let forged =
            confirmation.replace("\"Type\": \"SubscriptionConfirmation\"", "\"Type\": \"UnsubscribeConfirmation\"");
        assert_eq!(verified(&forged, NOW), Err(Reason::Wrong));
        assert_eq!(
            verified(&body.replace("\"SignatureVersion\": \"1\"", "\"SignatureVersion\": \"3\""), NOW),
            Err(Reason::Unreadable)
        );
    }

    #[test]
    fn age_topic_and_certificate_are_checked() {
        let body = sample("sns-signed-v2.json");
        assert_eq!(verified(&body, "2026-11-23T20:00:00Z"), Ok(()));
        assert_eq!(verified(&body, "2026-11-23T20:00:01Z"), Err(Reason::OutsideWindow));
        assert_eq!(verified(&body, "2026-11-23T18:54:59Z"), Err(Reason::OutsideWindow));
        let foreign = body.replace("123456789012:alarms", "123456789012:others");
        assert_eq!(asked(&config("sns", "sns", &[]), &[], foreign.as_bytes()), Err(Reason::TopicNotAllowed));
        assert_eq!(verified(&foreign, NOW), Err(Reason::TopicNotAllowed));
        let none = SourceConfig { topics: Vec::new(), ..config("sns", "sns", &[]) };
        assert_eq!(asked(&none, &[], body.as_bytes()), Err(Reason::TopicNotAllowed));
        let next_year = body.replace("2026-11-23T19:00:00.000Z", "2027-02-01T00:00:00.000Z");
        assert_eq!(verified(&next_year, "2027-02-01T00:00:00Z"), Err(Reason::Certificate));
        let sns = config("sns", "sns", &[]);
        let refused = verify(&sns, body.as_bytes(), b"-----BEGIN CERTIFICATE-----", now()).unwrap_err();
        assert_eq!(refused.reason, Reason::Certificate);
        let in_records = format!(r#"{{"Records": [{{"Sns": {body}}}]}}"#);
        assert_eq!(verified(&in_records, NOW), Err(Reason::Unreadable), "records come by Lambda only");
    }

    #[test]
    fn what_is_not_signed_is_not_decoded() {
        let body = sample("sns-signed-v2.json");
        let beside = body.replacen('{', r#"{"Records": [{"Sns": {"Type": "Notification"}}], "#, 1);
        assert_eq!(asked(&config("sns", "sns", &[]), &[], beside.as_bytes()), Err(Reason::Unreadable));
        assert_eq!(verified(&beside, NOW), Err(Reason::Unreadable));
        let raw = [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-topic-arn", "arn:aws:sns:us-east-1:1:x")];
        assert_eq!(asked(&config("sns", "sns", &[]), &raw, body.as_bytes()), Err(Reason::Unreadable));
        // Another format would read fields that the signature does not cover.
        assert_eq!(asked(&config("generic", "sns", &[]), &[], body.as_bytes()), Err(Reason::Unreadable));
    }

    #[test]
    fn only_an_address_of_sns_is_named_for_the_certificate() {
        let body = sample("sns-signed-v2.json");
        let good = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
        let asked = |url: &str| signing_cert_url(body.replace(good, url).as_bytes()).map_err(|refused| refused.reason);
        let china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem";
        let government = "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-0a.pem";
        for genuine in [china, government] {
            assert_eq!(asked(genuine), Ok(genuine.to_owned()));
        }
        for bad in [
            "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0a.pem",
            "https://sns.evil.example/SimpleNotificationService-0a.pem",
            "https://evil.example/sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0a.pem",
            "https://user@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.a@evil.example/.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem#.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem?x=.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-../0a.pem",
            "https://sns.us-east-1.amazonaws.com/other/SimpleNotificationService-0a.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem",
            "https://sns..amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.us.east.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://bucket.s3.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.s3.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-0a.pem",
            "https://sns.s3-accelerate.amazonaws.com/SimpleNotificationService-0a.pem",
        ] {
            assert_eq!(asked(bad), Err(Reason::CertificateAddress), "{bad}");
        }
    }
}
