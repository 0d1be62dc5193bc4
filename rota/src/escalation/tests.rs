//! Which policy serves an incident, and whom its levels page.

use super::*;

mod tree;

const FILE: &str = r#"
[people]
ana = { slack = "U0ANA" }
ben = { slack = "U0BEN" }

[schedules.payments]
zone = "UTC"
layers = [{ name = "weekly", rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week", window = "Mon-Fri" }]

[escalation.checkout]
services = ["checkout-api"]
levels = [{ page = ["ana"] }]
[escalation.payments]
services = ["payments-*", "*-payments"]
levels = [{ page = ["schedule:payments", "ana", "ben"], wait = "5m" }]
[escalation.wide]
services = ["c*", "pay*"]
levels = [{ page = ["ana"] }]
[escalation.default]
levels = [{ page = ["ben"] }]
"#;

#[test]
fn the_policy_that_names_the_service_best_serves_it() {
    let rota = Rota::parse(&[("team.toml", FILE)]).unwrap();
    for (service, expect) in [
        (Some("checkout-api"), "checkout"),
        (Some("checkout-web"), "wide"),
        (Some("payments-eu"), "payments"),
        (Some("eu-payments"), "payments"),
        (Some("paypal"), "wide"),
        (Some("search"), "default"),
        (Some(""), "default"),
        (None, "default"),
    ] {
        assert_eq!(policy_for(&rota, service).name, expect, "{service:?}");
    }
}

#[test]
fn a_level_pages_everybody_once_and_says_why() {
    let rota = Rota::parse(&[("team.toml", FILE)]).unwrap();
    let level = &policy_for(&rota, Some("payments-eu")).pages()[0].1.page;
    let paged = |at: &str| {
        let found = targets(&rota, level, &[], at.parse().unwrap());
        found.iter().map(|(person, because)| format!("{person}: {because}")).collect::<Vec<_>>()
    };
    assert_eq!(
        paged("2026-01-06T00:00:00Z"),
        [
            "ana: on call for payments: turn 0 of weekly (every week from Mon 5 Jan 2026 09:00 UTC)",
            "ben: named by the escalation policy"
        ]
    );
    assert_eq!(
        paged("2026-01-10T00:00:00Z"),
        ["ana: named by the escalation policy", "ben: named by the escalation policy"]
    );
}

#[test]
fn stars_stand_for_any_text() {
    for (pattern, text, expect) in [
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*c", "abc", true),
        ("a*b*c", "axxbyyc", true),
        ("a*bc*c", "abc", false),
        ("ab*bc", "abc", false),
        ("abc", "abcd", false),
        ("é*", "éa", true),
    ] {
        assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
    }
}
