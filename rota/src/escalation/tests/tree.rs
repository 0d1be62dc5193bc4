//! The tree: what may be written, what is refused with its line, and what comes next on it.

use super::super::*;
use incident::Severity;

const PEOPLE: &str = r#"[people]
ana = { slack = "U0ANA" }
ben = { slack = "U0BEN" }
chi = { slack = "U0CHI" }
[schedules.days]
zone = "Europe/Madrid"
layers = [{ name = "weekly", rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week", window = "Mon-Fri 08:00-20:00" }]
[escalation.default]
levels = [{ page = ["ben"] }]
[escalation.shop]
services = ["shop", "shop-*"]
"#;

fn rota(policy: &str) -> Rota {
    Rota::parse(&[("rota/team.toml", format!("{PEOPLE}{policy}"))]).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What is told of a night in which nobody answers, with the minute from its beginning.
fn night(rota: &Rota, severity: Severity, service: &str, from: &str) -> Vec<String> {
    let plan = policy_for(rota, Some(service)).plan();
    let facts = Facts { number: 7, severity, service: Some(service), spared: &[] };
    let told = foretell(rota, &plan, facts, &[], at(from));
    told.into_iter().map(|(when, what)| format!("{} {what}", (when - at(from)).num_minutes())).collect()
}

/// The mistakes of a policy, by its own lines; `[escalation.shop]` is line -1.
fn mistakes(policy: &str) -> Vec<String> {
    let text = format!("{PEOPLE}{policy}");
    let first = text.lines().position(|line| line == "[escalation.shop]").unwrap();
    let problems = Rota::parse(&[("rota/team.toml", &text)]).err().unwrap_or_default();
    let line = |line: usize| i64::try_from(line).unwrap() - i64::try_from(first).unwrap() - 2;
    problems.into_iter().map(|problem| format!("{}: {}", line(problem.line), problem.message)).collect()
}

const WHOLE: &str = r##"zone = "Europe/Madrid"
catch_all = ["chi"]
acknowledge_timeout = "1h"
[[escalation.shop.steps]]
if = { severity = "critical" }
then = [{ page = ["ana", "ben"], wait = "5m", ack_mode = "all" }]
else = [
  { wait = "until Mon-Fri 09:00-17:00" },
  { page = ["schedule:days"], wait = "10m" },
]
[[escalation.shop.steps]]
name = "again"
page = ["chi"]
wait = "10m"
[[escalation.shop.steps]]
notify = "#shop"
wait = "15m"
[[escalation.shop.steps]]
wait = "5m"
[[escalation.shop.steps]]
page = ["ben", "chi", "ana"]
rotate_after = 2
wait = "10m"
[[escalation.shop.steps]]
repeat = 1
from = "again"
"##;

#[test]
fn a_critical_alarm_at_night_goes_one_way() {
    let rota = rota(WHOLE);
    assert_eq!(
        night(&rota, Severity::Critical, "shop", "2026-01-10T02:00:00Z"),
        [
            "0 page ana (named by the escalation policy); ben (named by the escalation policy)",
            "5 page chi (named by the escalation policy)",
            "15 notify #shop",
            "30 wait: a wait of 5 min",
            "35 page ben (whose turn it is among 3 people)",
            "45 page chi (named by the escalation policy)",
            "55 notify #shop",
            "70 wait: a wait of 5 min",
            "75 page ben (whose turn it is among 3 people)",
            "85 page chi (catch-all)",
        ]
    );
}

#[test]
fn a_warning_waits_for_working_hours() {
    let rota = rota(WHOLE);
    // Saturday 03:00 in Madrid; Monday 09:00 there is 54 hours later.
    let told = night(&rota, Severity::Warning, "shop", "2026-01-10T02:00:00Z");
    assert_eq!(told[0], "0 wait: until Mon-Fri 09:00-17:00 Europe/Madrid begins");
    assert!(told[1].starts_with("3240 page ana (on call for days: "), "{}", told[1]);
    // Within the hours nothing is waited for.
    let told = night(&rota, Severity::Warning, "shop-eu", "2026-01-12T09:30:00Z");
    assert!(told[0].starts_with("0 page ana (on call for days: "), "{}", told[0]);
}

/// Product, section 5, number 8: an empty step is passed over at once, and so is the wait behind it.
#[test]
fn an_empty_step_is_not_waited_for() {
    let rota = rota(
        r#"steps = [{ page = ["schedule:days"], wait = "30m" }, { wait = "10m" }, { page = ["ben"], wait = "5m" }]"#,
    );
    assert_eq!(
        night(&rota, Severity::Error, "shop", "2026-01-10T02:00:00Z"),
        [
            "0 skip: nobody is on call (schedule:days)",
            "0 page ben (named by the escalation policy)",
            "5 over: nobody is left to ask",
        ]
    );
}

/// Product, section 5, number 9.
#[test]
fn nobody_on_call_at_all_is_the_catch_all_at_once() {
    let rota = rota("catch_all = [\"chi\"]\nsteps = [{ page = [\"schedule:days\"], wait = \"30m\" }]");
    let told = night(&rota, Severity::Error, "shop", "2026-01-10T02:00:00Z");
    assert_eq!(told, ["0 skip: nobody is on call (schedule:days)", "0 page chi (catch-all)"]);
}

#[test]
fn whoever_cannot_is_passed_over_and_their_turn_goes_to_the_next() {
    let rota = rota("steps = [{ page = [\"ana\", \"ben\", \"chi\"], rotate_after = 1 }]");
    let plan = rota.policies["shop"].plan();
    let asked = |number: u64, spared: &[ResponderId]| {
        let facts = Facts { number, severity: Severity::Error, service: None, spared };
        match walk(&rota, &plan, None, facts, &[], at("2026-01-10T02:00:00Z")).next {
            Move::Page { to, .. } => to[0].0.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let turns: Vec<String> = (1..=4).map(|number| asked(number, &[])).collect();
    assert_eq!(turns, ["ana", "ben", "chi", "ana"]);
    assert_eq!(asked(1, &["ana".into()]), "ben");
    assert_eq!(asked(3, &["chi".into(), "ana".into()]), "ben");
}

#[test]
fn a_wait_for_hours_follows_the_clock_of_its_zone() {
    let rota = rota(
        "zone = \"Europe/Madrid\"\nsteps = [{ wait = \"until 09:00-17:00\" }, { wait = \"until the end of 09:00-17:00\" }, { page = [\"ana\"] }]",
    );
    // In the night of 29 March 2026 Madrid's clocks go from 02:00 to 03:00: 09:00 is 07:00 UTC.
    let told = night(&rota, Severity::Error, "shop", "2026-03-29T00:00:00Z");
    assert_eq!(told[1], "420 wait: until 09:00-17:00 Europe/Madrid ends");
    assert!(told[2].starts_with("900 page ana"), "{}", told[2]);
}

/// Product, section 5, number 15.
#[test]
fn steps_that_can_never_run_are_told_with_their_line() {
    let never = r#"zone = "UTC"
steps = [
  { if = { severity = "at least error" }, then = [
    { if = { severity = "warning" }, then = [
      { page = ["ana"], wait = "5m" },
    ] },
    { page = ["ana"], wait = "5m" },
  ], else = [
    { if = { severity = "critical" }, then = [{ page = ["ben"], wait = "5m" }], else = [{ page = ["ben"], wait = "5m" }] },
  ] },
  { if = { service = "search" }, then = [{ page = ["chi"], wait = "5m" }] },
  { if = { service = "shop-*" }, then = [
    { if = { service = "shop" }, then = [{ page = ["chi"], wait = "5m" }] },
    { page = ["ben"], wait = "5m" },
  ] },
  { if = { hours = "Mon-Fri 08:00-20:00" }, then = [
    { wait = "until Mon-Fri 08:00-20:00" },
    { page = ["ben"], wait = "5m" },
  ], else = [
    { if = { hours = "Tue 09:00-10:00" }, then = [{ page = ["ana"], wait = "5m" }] },
    { page = ["ben"], wait = "5m" },
  ] },
]
"#;
    let told = mistakes(never);
    let lines: Vec<&str> = told.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["5", "9", "11", "13", "17", "20"], "{told:#?}");
    assert_eq!(
        told[0],
        "5: this step can never run: \"severity is warning\" cannot hold here; change the condition, or take the step out"
    );
    assert!(told[4].contains("is only reached when that is so already"), "{}", told[4]);
}

#[test]
fn what_stays_possible_is_not_told() {
    let fine = r#"zone = "UTC"
steps = [
  { if = { severity = "at least error", service = "shop" }, then = [{ page = ["ana"], wait = "5m" }], else = [
    { if = { severity = "critical" }, then = [{ page = ["ben"], wait = "5m" }] },
    { page = ["ben"], wait = "5m" },
  ] },
  { if = { hours = ["Mon-Fri 08:00-20:00", "Sat 10:00-14:00"] }, then = [{ page = ["ana"], wait = "12h" }] },
  { if = { hours = "Mon-Fri 08:00-20:00" }, then = [{ page = ["ana"], wait = "5m" }], else = [{ page = ["ben"], wait = "5m" }] },
]
"#;
    assert_eq!(mistakes(fine), Vec::<String>::new());
}

#[test]
fn every_path_ends_in_a_page() {
    assert_eq!(
        mistakes("steps = [{ page = [\"ana\"], wait = \"5m\" },\n{ notify = \"#shop\" }]"),
        ["2: a path ends with notify, and nobody is paged after it; end it with a page"]
    );
    assert_eq!(
        mistakes("steps = [{ if = { severity = \"critical\" }, then = [{ page = [\"ana\"] }] }]"),
        ["-1: a path pages nobody at all; write a page behind the if, or in its else"]
    );
    assert_eq!(
        mistakes("steps = [{ page = [\"ana\"], wait = \"5m\" }, { wait = \"5m\" }]"),
        ["1: a path ends with a wait, and nobody is paged after it; end it with a page"]
    );
}

#[test]
fn mistakes_of_a_step_say_what_to_write() {
    let bad = r##"steps = [
{ page = ["ana"], notify = "#shop" },
{ page = ["ana"] },
{ page = ["ana"], wait = "5m", ack_mode = "both" },
{ page = ["ana"], wait = "5m", rotate_after = 0 },
{ wait = "until Mo-Fr" },
{ wait = "until Mon-Fri" },
{ if = { severity = "bad" }, then = [{ page = ["ana"] }] },
{ if = {}, then = [{ page = ["ana"] }] },
{ if = { service = "shop" } },
{ notify = "not a channel", wait = "5m" },
{ repeat = 10 },
{ repeat = 1, from = "nowhere" },
{ pgae = ["ana"] },
{ page = ["ana"], wait = "5m" },
]
acknowledge_timeout = "5s"
"##;
    insta::assert_snapshot!(mistakes(bad).join("\n"));
}

#[test]
fn a_tree_is_at_most_five_deep_and_a_hundred_steps_long() {
    let deep = |levels: usize| {
        let mut step = "{ page = [\"ana\"] }".to_owned();
        for depth in 0..levels {
            let condition = [
                "service = \"shop\"",
                "severity = \"critical\"",
                "severity = \"at least error\"",
                "severity = \"at least warning\"",
                "severity = \"at least info\"",
                "service = \"shop*\", severity = \"at least info\"",
            ][depth];
            step = format!("{{ if = {{ {condition} }}, then = [{step}], else = [{{ page = [\"ben\"] }}] }}");
        }
        mistakes(&format!("steps = [{step}]"))
    };
    assert_eq!(deep(5), Vec::<String>::new());
    let too_deep = "1: if stands in if more than 5 deep; write a policy of its own for a service";
    assert!(deep(6).iter().any(|told| told == too_deep), "{:#?}", deep(6));
    let again = "steps = [{ page = [\"ana\"], wait = \"5m\" }, { repeat = 9 }, { repeat = 9 }, { repeat = 1 }]";
    assert_eq!(
        mistakes(again),
        ["-1: [escalation.shop] has more than 100 steps, repetitions counted; repeat less often"]
    );
}

#[test]
fn every_path_has_its_times() {
    let rota = rota(WHOLE);
    let all = paths(&rota.policies["shop"], &[]);
    let told: Vec<String> = all
        .iter()
        .map(|path| {
            let stops: Vec<String> =
                path.stops.iter().map(|stop| format!("{} {}", stop.after.num_minutes(), stop.what)).collect();
            format!("{}: {}; over {}", path.when.join(" and "), stops.join(", "), path.over_after.num_minutes())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// The flat form is a tree without branches: it means what it meant.
#[test]
fn levels_are_steps() {
    let flat = rota("levels = [{ page = [\"ana\"], wait = \"5m\" }, { page = [\"ben\"] }]");
    let tree = rota("steps = [{ page = [\"ana\"], wait = \"5m\" }, { page = [\"ben\"] }]");
    assert_eq!(flat.policies["shop"].plan(), tree.policies["shop"].plan());
    assert_eq!(flat.policies["shop"].acknowledge_timeout, Some(TimeDelta::minutes(30)));
}

#[test]
fn a_plan_survives_its_way_through_the_log() {
    let plan = rota(WHOLE).policies["shop"].plan();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<incident::Plan>(&text).unwrap(), plan);
    assert!(text.len() < 1600, "{} bytes are kept with each incident: {text}", text.len());
}

/// The example of `docs/escalation.md` is read as it stands there, and means what is said beside it.
#[test]
fn the_documented_example_can_be_read() {
    let text = include_str!("../../../../docs/escalation.md");
    let example = text.split("```toml").nth(2).unwrap().split("```").next().unwrap();
    let rota = Rota::parse(&[("rota/team.toml", example)]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let all = paths(&rota.policies["payments"], &[]);
    let longest: Vec<i64> = all.iter().map(|path| path.over_after.num_minutes()).collect();
    assert_eq!(longest, [70, 65, 90], "critical checkout, other errors, warnings: {all:#?}");
    let told = night(&rota, Severity::Warning, "payments-eu", "2026-01-10T02:00:00Z");
    assert_eq!(told[0], "0 wait: until Mon-Fri 09:00-18:00 Europe/Madrid begins");
}

/// What the starter configuration shows as a comment works once the signs before it are gone.
#[test]
fn the_commented_example_of_the_starter_can_be_read() {
    let text = include_str!("../../../../catops/src/config/starter/team.toml");
    let (live, commented) = text.split_once("# [escalation.shop]").unwrap();
    let commented = commented.replace("\n# ", "\n");
    let rota = Rota::parse(&[("rota/team.toml", format!("{live}[escalation.shop]{commented}"))]);
    let rota = rota.unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(paths(&rota.policies["shop"], &[]).len(), 2);
}
