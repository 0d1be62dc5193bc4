//! Action files, and what hostile alarms and hasty people put into them.

use super::*;
use crate::{Alarm, AlarmState, Severity};
use chrono::{TimeZone, Utc};

const RESTART: &str = r#"
title = "Restart {service}"
description = "Restarts one service."
confirm = "Restart {service} now?"
allow = ["ana", "payments"]
undo = "restart"
[runner]
kind = "http"
method = "POST"
url = "https://ops.example.com/services/{service}/restart?why={why}"
headers = { Authorization = "env:OPS_TOKEN" }
body = { reason = "asked: {why}", count = "{count}", nested = [{ now = "{now}" }] }
expect = "202"
[[params]]
name = "service"
title = "Service"
kind = "text"
pattern = "[^/]+"
from = ["labels.service", "service", "resource"]
[[params]]
name = "count"
title = "Count"
kind = "integer"
min = 1
max = 20
default = "2"
[[params]]
name = "now"
title = "At once"
kind = "boolean"
default = "true"
[[params]]
name = "why"
title = "Why"
kind = "text"
pattern = ".*"
required = false
"#;

fn read(text: &str) -> (Catalogue, Vec<String>) {
    let (catalogue, problems) = Catalogue::parse(&[("actions/restart.toml", text)]);
    (catalogue, problems.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn action(text: &str) -> Action {
    let (catalogue, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new());
    catalogue.get(&"restart".into()).unwrap().clone()
}

fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn alarm(labels: &[(&str, &str)]) -> Alarm {
    Alarm {
        source: "generic".to_owned(),
        delivery: "generic:1".into(),
        key: "generic:checkout".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: "checkout is slow\nvery slow".to_owned(),
        summary: String::new(),
        resource: "i-0123".to_owned(),
        service: Some("checkout".to_owned()),
        labels: given(labels),
        links: Vec::new(),
        occurred_at: Utc.timestamp_opt(1_795_330_000, 0).unwrap(),
        drill: None,
    }
}

/// A command with one parameter `x` that accepts everything, and this argv.
fn command(argv: &str) -> String {
    format!(
        "title = \"t\"\ndescription = \"d\"\n[runner]\nkind = \"command\"\nargv = {argv}\n[[params]]\nname = \"x\"\n\
         title = \"X\"\nkind = \"text\"\npattern = \".*\"\nfrom = \"labels.x\"\n"
    )
}

fn argv(template: &str, value: &str) -> Result<Vec<String>, String> {
    let action = action(&command(template));
    let params = action.validate(&given(&[("x", value)])).map_err(|bad| bad[0].to_string())?;
    match action.plan(&params).map_err(|refused| refused.to_string())? {
        Plan::Command { argv, .. } => Ok(argv),
        other => panic!("{other:?}"),
    }
}

fn url(value: &str) -> Result<String, String> {
    let action = action(RESTART);
    let params = action.validate(&given(&[("service", value), ("why", value)])).map_err(|bad| bad[0].to_string())?;
    match action.plan(&params).map_err(|refused| refused.to_string())? {
        Plan::Http { url, .. } => Ok(url),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_file() {
    let action = action(RESTART);
    assert_eq!((action.timeout, action.watch), (TimeDelta::seconds(60), TimeDelta::minutes(5)));
    assert_eq!(action.allow, Allow::Only(vec!["ana".to_owned(), "payments".to_owned()]));
    let params = action.validate(&given(&[("service", "checkout")])).unwrap();
    assert_eq!(render(action.confirm.as_ref().unwrap(), &params.texts()), "Restart checkout now?");
    let plan = action.plan(&params).unwrap();
    let Plan::Http { method, url, headers, body, expect } = &plan else { panic!("{plan:?}") };
    assert_eq!((method.as_str(), *expect), ("POST", (202, 202)));
    assert_eq!(url, "https://ops.example.com/services/checkout/restart?why=");
    assert_eq!(headers["Authorization"], "env:OPS_TOKEN", "the secret itself is never in a plan");
    let typed = serde_json::json!({"reason": "asked: ", "count": 2, "nested": [{"now": true}]});
    assert_eq!(body.as_ref().unwrap(), &typed);
    let kept = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&kept).unwrap(), plan, "a plan survives the log");
}

#[track_caller]
fn broken(from: &str, to: &str, line: usize, message: &str) {
    assert!(RESTART.contains(from), "{from} is not in the file");
    let (catalogue, problems) = read(&RESTART.replacen(from, to, 1));
    assert!(catalogue.is_empty(), "a broken action must be left out");
    assert_eq!(problems, [format!("actions/restart.toml:{line}: {message}")]);
}

#[test]
fn problems_of_the_action_name_line_and_remedy() {
    broken("title = \"Restart {service}\"\n", "", 1, "title is missing");
    broken("allow =", "alow =", 5, "unknown key \"alow\"; did you mean \"allow\"?");
    broken(
        "allow =",
        "colour =",
        5,
        "unknown key \"colour\"; known are title, description, read_only, undoes_changes, confirm, timeout, watch, undo, allow, runner, params",
    );
    broken(
        "allow = [\"ana\", \"payments\"]",
        "allow = \"ana\"",
        5,
        "allow has to be \"any-responder\" or a list of people and schedules",
    );
    broken(
        "undo = \"restart\"",
        "undo = \"restar\"",
        6,
        "undo names \"restar\", which is no usable action; did you mean \"restart\"?",
    );
    broken(
        "undo = \"restart\"",
        "timeout = \"2 parsecs\"",
        6,
        "timeout has to be a duration from 1s to 1h, such as \"90s\" or \"5m\"",
    );
    broken(
        "undo = \"restart\"",
        "watch = \"2s\"",
        6,
        "watch has to be a duration from 10s to 24h, such as \"90s\" or \"5m\"",
    );
    broken("undo = \"restart\"", "read_only = \"yes\"", 6, "read_only has to be true or false, without quotes");
    broken(
        "Restart {service} now?",
        "Restart {servise} now?",
        4,
        "no parameter is named \"servise\"; did you mean \"service\"?",
    );
    broken("Restart {service} now?", "Restart {", 4, "\"{\" opens or closes no hole; write {{ for a plain brace");
}

#[test]
fn problems_of_the_runner_name_line_and_remedy() {
    broken("kind = \"http\"", "kind = \"htpp\"", 8, "unknown kind \"htpp\"; a runner is http, command or dry-run");
    broken("method = \"POST\"", "method = \"post\"", 9, "method has to be one of GET, POST, PUT, PATCH, DELETE");
    broken("method = \"POST\"", "method = \"GET\"", 12, "GET has no body");
    broken(
        "https://ops.example.com",
        "https://{service}.example.com",
        10,
        "no hole before the path: an alarm must not choose the host",
    );
    broken(
        "https://ops.example.com",
        "https://root@ops.example.com",
        10,
        "url has to be https://host/path, without user, spaces or \"\\\"",
    );
    broken(
        "https://ops.example.com",
        "file://ops",
        10,
        "url has to be https://host/path, without user, spaces or \"\\\"",
    );
    broken(
        "services/{service}",
        "services/{why}",
        10,
        "\"why\" is needed here: make it required, or give it a default",
    );
    broken(
        "env:OPS_TOKEN",
        "Bearer abc",
        11,
        "Authorization is a secret: write \"env:NAME\" and set the variable NAME where CatOps runs",
    );
    broken("Authorization =", "Host =", 11, "Host is set by CatOps");
    broken(
        "Authorization = \"env:OPS_TOKEN\"",
        "X-A = \"{why}\"",
        11,
        "X-A has a hole or a control character; values go into the path, the query or the body",
    );
    broken("nested", "\"{why}\"", 12, "no hole in a key of the body; only its texts have holes");
    broken("\"202\"", "\"299-200\"", 13, "expect has to be a status or a range: \"200-299\"");
}

#[test]
fn problems_of_a_parameter_name_line_and_remedy() {
    broken("pattern = \"[^/]+\"", "pattern = \"[a\"", 18, "pattern: non-empty character class has no closing bracket");
    broken(
        "pattern = \"[^/]+\"",
        "",
        14,
        "a text needs a pattern that the whole value has to match, for example '[a-z0-9-]{1,64}'",
    );
    broken(
        "\"labels.service\", \"service\"",
        "\"labels.service\", \"servise\"",
        19,
        "an alarm has no \"servise\"; did you mean \"service\"?",
    );
    broken(
        "\"labels.service\", \"service\"",
        "\"labels\"",
        19,
        "an alarm has no \"labels\"; it has labels.<name>, service, resource, title, summary, source, key, severity",
    );
    broken("min = 1", "min = 30", 24, "min 30 is above max 20");
    broken("default = \"2\"", "default = \"99\"", 26, "the default of \"count\" has to be a whole number from 1 to 20");
    let twice = "title = \"Count\"\nkind = \"boolean\"\n[[params]]\nname = \"count\"\ntitle = \"Count\"";
    broken("title = \"Count\"", twice, 24, "a second parameter with the name \"count\"");
    broken("expect = \"202\"", "expect = 202 203", 13, "string values must be quoted, expected literal string");
}

#[test]
fn all_problems_of_a_file_at_once_and_the_others_stay() {
    let broken = RESTART.replace("allow", "alow").replace("\"POST\"", "\"post\"");
    let files = [("a/broken.toml", broken.as_str()), ("a/restart.toml", RESTART), ("b/restart.toml", RESTART)];
    let (catalogue, problems) = Catalogue::parse(&files);
    let places: Vec<(&str, usize)> = problems.iter().map(|problem| (problem.path.as_str(), problem.line)).collect();
    assert_eq!(places, [("a/broken.toml", 5), ("a/broken.toml", 9), ("b/restart.toml", 1)]);
    assert_eq!(catalogue.iter().map(|action| action.id.as_str()).collect::<Vec<_>>(), ["restart"]);
}

#[test]
fn no_action_without_the_undo_that_it_promises() {
    let with_undo = |undo: &str| RESTART.replace("undo = \"restart\"", &format!("undo = \"{undo}\""));
    let files = [("a.toml", with_undo("b")), ("b.toml", with_undo("c")), ("c.toml", "title = 3".to_owned())];
    let (catalogue, problems) = Catalogue::parse(&files);
    assert!(catalogue.is_empty());
    assert!(problems.iter().any(|problem| problem.path == "a.toml" && problem.line == 6), "{problems:?}");
}

#[test]
fn commands_are_checked_when_they_are_read() {
    #[track_caller]
    fn check(argv: &str, expect: &str) {
        let (_, problems) = read(&command(argv));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(expect), "{problems:?}");
    }
    check("[]", "argv has to be a list: the program and its arguments");
    check(r#"["{x}", "restart"]"#, "the program itself must not be filled in by an alarm");
    check(r#"["sh", "-c", "restart {x}"]"#, "a shell would run what stands in this hole");
    check(r#"["sudo", "/bin/bash", "-o", "pipefail", "-ec", "restart {x} | cat"]"#, "a shell would run");
    check(r#"["kubectl", "exec", "pod", "--", "sh", "-c", "kill {x}"]"#, "a shell would run");
    check(r#"["echo", "{y}"]"#, "no parameter is named \"y\"");
    action(&command(r#"["sh", "-c", "restart \"$1\"", "sh", "{x}"]"#));
    action(&command(r#"["kubectl", "get", "{x}", "-o", "jsonpath={{.status}}"]"#));
}

#[test]
fn an_alarm_fills_only_what_passes_the_parameters_own_check() {
    #[track_caller]
    fn check(text: &str, labels: &[(&str, &str)], expect: &[(&str, &str)]) {
        assert_eq!(action(text).fill(&alarm(labels)), given(expect));
    }
    let defaults = [("count", "2"), ("now", "true")];
    check(RESTART, &[("service", " api ")], &[("service", "api"), defaults[0], defaults[1]]);
    check(RESTART, &[], &[("service", "checkout"), defaults[0], defaults[1]]);
    check(RESTART, &[("service", "a/b")], &[("service", "checkout"), defaults[0], defaults[1]]);
    check(RESTART, &[("service", "a\nb")], &[("service", "checkout"), defaults[0], defaults[1]]);
    let strict =
        |from: &str| command(r#"["echo", "{x}"]"#).replace("\".*\"", "'[a-z0-9-]{1,20}'").replace("labels.x", from);
    check(&strict("labels.x"), &[("x", "$(reboot)")], &[]);
    check(&strict("labels.x"), &[("x", "ok; rm -rf /")], &[]);
    check(&strict("labels.kubernetes.io/name"), &[("kubernetes.io/name", "web")], &[("x", "web")]);
    check(&strict("title"), &[], &[]);
    check(&strict("severity"), &[], &[("x", "error")]);
}

#[test]
fn missing_are_the_required_ones_without_a_value() {
    let action = action(RESTART);
    let missing = |values: &[(&str, &str)]| -> Vec<String> {
        action.missing(&given(values)).iter().map(|param| param.title.clone()).collect()
    };
    assert_eq!(missing(&[]), ["Service"]);
    assert_eq!(missing(&[("service", "  ")]), ["Service"]);
    assert!(missing(&[("service", "api")]).is_empty());
}

#[test]
fn values_are_checked_with_words_for_the_person_who_typed_them() {
    #[track_caller]
    fn check(values: &[(&str, &str)], expect: &[&str]) {
        let bad = action(RESTART).validate(&given(values)).unwrap_err();
        assert_eq!(bad.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
    }
    check(&[], &["service needs a value"]);
    check(
        &[("service", "a/b"), ("count", "x")],
        &["service has to match [^/]+", "count has to be a whole number from 1 to 20"],
    );
    check(&[("service", "a"), ("count", "21")], &["count has to be a whole number from 1 to 20"]);
    check(&[("service", "a"), ("now", "yes")], &["now has to be true or false"]);
    check(&[("service", "a"), ("sudo", "1")], &["sudo is not a parameter of this action"]);
    check(&[("service", &"a".repeat(501))], &["service has more than 500 characters"]);
    for hidden in ["a\nb", "a\0b", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{200b}b", "a\u{2028}b", "a\rb"] {
        check(&[("service", hidden)], &["service has a line break or another invisible character"]);
    }
}

#[test]
fn a_pattern_has_to_match_the_whole_value() {
    for (pattern, value, expect) in [
        ("a|b", "ab", false),
        ("a|b", "b", true),
        ("[a-z]+", "ok\n", false),
        ("^x$", "x", true),
        ("(?m)^x$", "y\nx", false),
    ] {
        assert_eq!(Pattern::new(pattern).unwrap().matches(value), expect, "{pattern} {value:?}");
    }
    assert_eq!(Pattern::new("a)|(b").unwrap_err().to_string(), "found closing ')' without matching '('");
}

#[test]
fn hostile_values_stay_one_argument() {
    for hostile in ["; rm -rf /", "$(reboot)", "`reboot`", "a b", "{x}", "{other}", "{{x}}", "%2e%2e", "a' || '", "*"] {
        assert_eq!(argv(r#"["echo", "{x}"]"#, hostile).unwrap(), ["echo", hostile]);
        assert_eq!(argv(r#"["echo", "a{x}b{x}"]"#, hostile).unwrap(), ["echo", &format!("a{hostile}b{hostile}")]);
    }
}

#[test]
fn a_value_never_becomes_an_option() {
    let refused = r#""--flag" starts with "-" and kubectl would read it as an option"#;
    assert_eq!(argv(r#"["kubectl", "delete", "{x}"]"#, "--flag").unwrap_err(), refused);
    assert!(argv(r#"["kubectl", "delete", "{x}.example.com"]"#, "--flag").is_err());
    assert!(argv(r#"["kubectl", "{x}", "--", "pod"]"#, "-f").is_err());
    assert_eq!(argv(r#"["kubectl", "delete", "--", "{x}"]"#, "--flag").unwrap()[3], "--flag");
    assert_eq!(argv(r#"["kubectl", "--pod={x}"]"#, "--flag").unwrap()[1], "--pod=--flag");
}

#[test]
fn a_value_never_leaves_its_place_in_an_address() {
    #[track_caller]
    fn check(value: &str, encoded: &str) {
        assert_eq!(url(value).unwrap(), format!("https://ops.example.com/services/{encoded}/restart?why={encoded}"));
    }
    check("checkout-api_1.2~x", "checkout-api_1.2~x");
    check("a?b#c&d=e%2f", "a%3Fb%23c%26d%3De%252f");
    check("a b+ü\\", "a%20b%2B%C3%BC%5C");
    check("{why}", "%7Bwhy%7D");
    check("@evil.example", "%40evil.example");
    for climbing in [".", "..", "%2e%2E", ".%2e"] {
        assert_eq!(url(climbing).unwrap_err(), format!("{climbing:?} cannot be a part of a path"));
    }
}

#[test]
fn a_hole_is_filled_once_and_the_text_is_short() {
    let params = given(&[("a", "{b}"), ("b", "no")]);
    assert_eq!(render("x {a} {{a}} {c}", &params), "x {b} {a} …");
    let long = render("{a}", &given(&[("a", &"ü".repeat(500))]));
    assert_eq!((long.chars().count(), long.ends_with('…')), (RENDERED_CHARS_MAX, true));
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let text = command("[]")
        .replace("kind = \"command\"\nargv = []", "kind = \"dry-run\"")
        .replace("\"t\"", "\"Restart {x}\"");
    let action = action(&text);
    let params = action.validate(&given(&[("x", "api")])).unwrap();
    let says = "would run \"Restart api\" with x=api; nothing was changed".to_owned();
    assert_eq!(action.plan(&params).unwrap(), Plan::DryRun { says });
}

#[test]
fn who_may_run_it() {
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let says = |allow: &Allow, person: &str, known: bool, of: &[&str]| {
        allow.permits(&person.into(), known, &groups(of)).map_err(|denied| denied.to_string())
    };
    let only = Allow::Only(groups(&["ana", "payments"]));
    assert_eq!(says(&only, "ana", true, &[]), Ok(()));
    assert_eq!(says(&only, "ben", true, &["payments"]), Ok(()));
    assert_eq!(says(&only, "ben", true, &["search"]), Err("only ana and payments may run this".to_owned()));
    assert_eq!(says(&Allow::AnyResponder, "ben", true, &[]), Ok(()));
    let stranger = "only people of the rota may run this; ask one of them, or add yourself to rota/*.toml";
    assert_eq!(says(&Allow::AnyResponder, "eve", false, &["payments"]), Err(stranger.to_owned()));
}

#[test]
fn the_shipped_catalogue_has_no_problem() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../index/actions");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let toml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let files: Vec<(String, String)> =
        toml.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect();
    assert!(files.len() > 20, "only {} action files", files.len());
    let (catalogue, problems) = Catalogue::parse(&files);
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(catalogue.len(), files.len());
}
