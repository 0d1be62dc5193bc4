//! What a stranger writes becomes plain text within limits.

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-23T19:10:00Z".parse().unwrap()
}

fn draft(title: &str) -> Draft {
    Draft::new("generic", "k", title, &Request::local(&[], now()))
}

fn finish(draft: Draft) -> Alarm {
    draft.finish(&Request::local(&[], now()))
}

#[test]
fn a_title_is_one_readable_line() {
    for (given, kept) in [
        ("  disk\n\tis   full ", "disk is full"),
        ("pay\u{202e}lap\u{0}ypal\u{200b}", "paylapypal"),
        ("\u{7}", "generic"),
        ("", "generic"),
    ] {
        assert_eq!(finish(draft(given)).title, kept);
    }
    let long = finish(draft(&"ä".repeat(500))).title;
    assert_eq!(long.chars().count(), Alarm::TITLE_CHARS_MAX);
    assert!(long.ends_with('…'));
}

/// Between blanks, invisible characters used to leave a line that was blank and no longer empty.
#[test]
fn what_is_invisible_leaves_nothing_behind() {
    let alarm = finish(
        draft("\u{1} \u{200b}").resource("\u{2} \u{3}").summary("\u{200b} \n\u{200b}").label("a", "\u{1} \u{1}"),
    );
    assert_eq!((alarm.title.as_str(), alarm.resource.as_str(), alarm.summary.as_str()), ("generic", "", ""));
    assert!(alarm.labels.is_empty(), "{:?}", alarm.labels);
    assert_eq!(finish(draft("a \u{200b} b")).title, "a b");
    assert_eq!(finish(draft("").resource("\u{1} host \u{1} 1")).title, "host 1");
}

#[test]
fn labels_are_few_short_and_hold_no_secret() {
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("label{n}"), "x".repeat(2000))).collect();
    let alarm = finish(draft("a").labels(many.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    assert_eq!(alarm.labels.len(), Alarm::LABELS_MAX);
    assert!(alarm.labels.values().all(|value| value.chars().count() == Alarm::LABEL_CHARS_MAX));
    let alarm = finish(draft("a").label("DB_PASSWORD", "hunter2").label("empty", "").label("x", "1").label("x", "2"));
    assert_eq!(alarm.labels["DB_PASSWORD"], "***");
    assert_eq!(alarm.labels["x"], "1");
    assert_eq!(alarm.labels.len(), 2);
}

#[test]
fn only_web_addresses_become_links() {
    let alarm = finish(draft("a").links([
        ("graph", "https://a.example/x?y=1#z"),
        ("graph", "https://a.example/x?y=1#z"),
        ("other", "javascript:alert(1)"),
        ("other", "https://"),
        ("other", "https://a.example/<script>"),
        ("other", "https://a.example/x|fake"),
        ("other", "file:///etc/passwd"),
        ("other", " http://b.example "),
    ]));
    let urls: Vec<&str> = alarm.links.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(urls, ["https://a.example/x?y=1#z", "http://b.example"]);
    assert_eq!(first_web_address("see (https://wiki.example/a). Or not"), Some("https://wiki.example/a"));
    assert_eq!(first_web_address("no link: http:// here"), None);
}

#[test]
fn a_clock_from_the_future_is_not_believed() {
    let minutes = |minutes| now() + TimeDelta::minutes(minutes);
    assert_eq!(finish(draft("a").occurred_at(Some(minutes(4)))).occurred_at, minutes(4));
    assert_eq!(finish(draft("a").occurred_at(Some(minutes(6)))).occurred_at, now());
    assert_eq!(finish(draft("a").occurred_at(None)).occurred_at, now());
}

#[test]
fn the_service_is_found_in_the_labels_that_mean_it() {
    let labels = [("FunctionName", "resize"), ("app", "images")];
    assert_eq!(finish(draft("a").labels(labels)).service.as_deref(), Some("images"));
    assert_eq!(finish(draft("a").labels(labels).service(Some("pics"))).service.as_deref(), Some("pics"));
    assert_eq!(finish(draft("a").label("job", "node")).service, None);
}

#[test]
fn long_ids_stay_distinct() {
    let key = |last: &str| {
        let long = format!("{}{last}", "k".repeat(600));
        finish(Draft::new("generic", long, "a", &Request::local(&[], now()))).key.0
    };
    assert!(key("1").len() < ID_BYTES_MAX);
    assert_ne!(key("1"), key("2"));
    assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
}
