//! Checks as people write them, and what a row of probes says.

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    "2026-11-23T19:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

fn check(text: &str) -> Check {
    toml::from_str(text).unwrap()
}

fn site() -> Check {
    check("name = \"shop\"\nurl = \"https://shop.example/health\"\nexpect_text = \"ok\"\nservice = \"shop-api\"")
}

fn up() -> Probe {
    Probe { status: Some(200), duration_ms: 12, text_found: Some(true), certificate_days_left: Some(60), error: None }
}

fn down() -> Probe {
    Probe { status: Some(503), ..up() }
}

/// One line for each probe that says something.
fn night(check: &Check, probes: &[Probe]) -> Vec<String> {
    let mut state = State::default();
    let mut said = Vec::new();
    for (probe, second) in probes.iter().zip((0..).step_by(60)) {
        let (next, alarm) = judge(check, &state, probe, at(second));
        state = serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
        said.extend(alarm.map(|a| format!("{second} {:?} {} {}: {}", a.state, a.severity, a.title, a.summary)));
    }
    said
}

#[test]
fn one_lost_probe_wakes_nobody_two_do_and_two_good_ones_clear() {
    assert_eq!(night(&site(), &[up(), down(), up(), down(), up()]), Vec::<String>::new());
    assert_eq!(
        night(&site(), &[up(), down(), down(), down(), up(), down(), up(), up(), up()]),
        [
            "120 Firing critical shop: status 503, expected 200-399",
            "420 Cleared critical shop: answers again, in 12 ms",
        ]
    );
}

#[test]
fn every_failure_says_what_it_is() {
    let once = Check { failures_before_firing: 1, ..site() };
    let says = |probe: Probe| night(&once, &[probe]);
    let refused = Probe { error: Some("connection refused".to_owned()), ..Probe::default() };
    assert_eq!(says(refused.clone()), ["0 Firing critical shop: connection refused"]);
    assert_eq!(says(Probe::default()), ["0 Firing critical shop: no answer"]);
    let silent = Probe { text_found: Some(false), ..up() };
    assert_eq!(says(silent), ["0 Firing critical shop: the body does not hold \"ok\""]);
    let database = check("name = \"db\"\ntcp = \"db.example:5432\"\nfailures_before_firing = 1\nseverity = \"error\"");
    assert_eq!(night(&database, &[Probe::default(), refused]), ["60 Firing error db: connection refused"]);
}

#[test]
fn the_certificate_has_an_alarm_of_its_own() {
    let days = |days| Probe { certificate_days_left: Some(days), ..up() };
    assert_eq!(
        night(&site(), &[days(14), days(13), days(12), days(90)]),
        [
            "60 Firing warning shop: certificate: the certificate expires in 13 days",
            "180 Cleared warning shop: certificate: the certificate expires in 90 days",
        ]
    );
    assert_eq!(night(&site(), &[days(-1)]), ["0 Firing critical shop: certificate: the certificate has expired"]);
    assert_eq!(
        night(&Check { failures_before_firing: 1, ..site() }, &[Probe { status: Some(500), ..days(3) }, days(3)]),
        [
            "0 Firing critical shop: status 500, expected 200-399",
            "60 Firing warning shop: certificate: the certificate expires in 3 days",
        ],
        "two changes at once come one after the other"
    );
}

#[test]
fn an_alarm_holds_what_the_search_needs() {
    let (_, alarm) = judge(&Check { failures_before_firing: 1, ..site() }, &State::default(), &down(), at(0));
    let alarm = alarm.unwrap();
    assert_eq!(alarm.key.as_str(), "uptime:shop");
    assert_eq!(alarm.delivery.as_str(), "uptime:shop:firing:1795460400000");
    assert_eq!((alarm.source.as_str(), alarm.service.as_deref()), ("uptime", Some("shop-api")));
    assert_eq!(alarm.resource, "https://shop.example/health");
    assert_eq!(alarm.labels["status"], "503");
    assert_eq!(alarm.links[0].url, "https://shop.example/health");
}

#[test]
fn checks_are_spread_and_keep_their_place() {
    let checks: Vec<Check> = (0..20).map(|n| Check { name: format!("check {n}"), ..site() }).collect();
    let mut seconds: Vec<i64> = Vec::new();
    for check in &checks {
        let first = due_after(check, at(0));
        assert!(first > at(0) && first <= at(60));
        assert_eq!(due_after(check, first), first + check.interval);
        assert_eq!(due_after(check, first - TimeDelta::nanoseconds(1)), first);
        seconds.push((first - at(0)).num_seconds());
    }
    seconds.sort_unstable();
    seconds.dedup();
    assert!(seconds.len() > 10, "20 checks share {} seconds", seconds.len());
}

#[test]
fn tables_have_defaults() {
    let plain = check("name = \"a\"\nurl = \"http://a.example\"");
    assert_eq!((plain.interval, plain.timeout), (TimeDelta::minutes(1), TimeDelta::seconds(10)));
    assert_eq!(plain.expect_status, StatusRange { min: 200, max: 399 });
    assert_eq!((plain.failures_before_firing, plain.successes_before_clearing), (2, 2));
    assert_eq!((plain.certificate_days_min, plain.severity), (None, Severity::Critical));
    assert_eq!(site().certificate_days_min, Some(14));
    let full = check(
        "name = \"a\"\nurl = \"https://a.example\"\ninterval = \"5m\"\ntimeout = \"500ms\"\nexpect_status = 204\n\
         certificate_days_min = 0\nheaders = { Authorization = \"env:A_TOKEN\" }",
    );
    assert_eq!((full.timeout, full.certificate_days_min), (TimeDelta::milliseconds(500), None));
    assert_eq!(full.expect_status, StatusRange { min: 204, max: 204 });
}

#[test]
fn a_mistake_says_what_to_write() {
    for (text, says) in [
        ("name = \"a\"", "uptime check \"a\": give either url or tcp"),
        ("name = \"\"\ntcp = \"a:1\"", "an uptime check needs a name"),
        ("name = \"a\"\nurl = \"ftp://a\"", "url must start with http:// or https://"),
        ("name = \"a\"\ntcp = \"a\"", "tcp must be host:port"),
        ("name = \"a\"\ntcp = \"a:1\"\ninterval = \"500ms\"", "interval must be at least"),
        (
            "name = \"a\"\ntcp = \"a:1\"\ninterval = \"often\"",
            "\"often\" is not a duration; write 500ms, 30s, 5m or 1h",
        ),
        ("name = \"a\"\ntcp = \"a:1\"\ntimeout = \"2m\"", "timeout must be between 100ms and the interval"),
        ("name = \"a\"\ntcp = \"a:1\"\nexpect_status = \"ok\"", "expect_status must be 200 or \"200-399\""),
        ("name = \"a\"\ntcp = \"a:1\"\nseverity = \"awful\"", "severity must be critical, error, warning or info"),
        ("name = \"a\"\ntcp = \"a:1\"\nintervall = \"1m\"", "unknown field `intervall`"),
    ] {
        let refused = toml::from_str::<Check>(text).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
