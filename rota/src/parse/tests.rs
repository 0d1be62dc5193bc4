//! What the files accept, and what is said about mistakes.

use crate::notify::Rule;
use crate::{Every, OnHolidays, Rollout, Rota, Secondary, Unit, Zone};
use chrono::TimeDelta;
use incident::Urgency;

#[track_caller]
fn problems(files: &[(&str, &str)]) -> String {
    let problems = Rota::parse(files).expect_err("there are mistakes");
    problems.iter().map(|problem| format!("{}:{}: {}\n", problem.path, problem.line, problem.message)).collect()
}

const GOOD: &str = r#"[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"

[schedules.payments]
zone = "Europe/Madrid"
[[schedules.payments.layers]]
name = "weekly"
rotation = ["ana", []]
handoff = "2026-01-05 09:00"
every = "1 week"

[escalation.default]
catch_all = ["ana"]
[[escalation.default.levels]]
page = ["schedule:payments"]
wait = "5m"
"#;

#[test]
fn files_are_read_together() {
    let more = "[people.bo]\nemail = \"bo@example.com\"\n[escalation.shop]\nservices = [\"shop\"]\nlevels = [{ page = [\"ana\", \"bo\"], wait = \"90 s\" }]\n";
    let rota = Rota::parse(&[("rota/b.toml", more), ("rota/a.toml", GOOD)]).unwrap();
    assert_eq!(rota.policies["shop"].levels[0].wait, TimeDelta::seconds(90));
    assert_eq!(rota.schedules["payments"].layers[0].rotation.grid().lengths(), [Every { length: 1, unit: Unit::Week }]);
    assert_eq!(rota.default_policy.catch_all, ["ana".into()]);
    assert_eq!(Rota::parse(&[] as &[(&str, &str)]).unwrap(), Rota::default());
}

#[test]
fn all_that_a_schedule_can_say_is_read() {
    let schedule = r#"
[people.ben]
slack = "U0BEN"
zone = "Asia/Kathmandu"
[schedules.shop]
zone = "Europe/Madrid"
secondary = "next turn"
rollout = "now"
holidays = ["holidays/es.ics", "https://example.com/es.ics"]
[[schedules.shop.layers]]
name = "days"
rotation = ["ana", "ben"]
handoff = "2026-01-05 09:00"
every = ["1 day", "2 days"]
advance = "window"
window = ["Mon-Thu 09:00-17:00", "Fri 09:00-15:00"]
on_holidays = "off"
[[schedules.shop.layers.changes]]
at = "2026-03-03 09:00"
rotation = ["ben"]
rollout = "after a full round"
[[schedules.shop.layers.changes]]
at = "2026-03-02 09:00"
rotation = ["ben", "ana"]
[[schedules.shop.layers]]
rotation = ["ana"]
handoff = "2026-01-05 00:00"
every = "1 week"
monthdays = [1, -1]
priority = -1
"#;
    let rota = Rota::parse(&[("rota/a.toml", GOOD), ("rota/b.toml", schedule)]).unwrap();
    let shop = &rota.schedules["shop"];
    assert_eq!((shop.secondary, shop.rollout), (Some(Secondary::NextTurn), Rollout::Now));
    assert_eq!(shop.holiday_calendars, ["holidays/es.ics", "https://example.com/es.ics"]);
    let [days, ends] = &shop.layers[..] else { panic!("{:?}", shop.layers) };
    assert_eq!(days.rotation.grid().to_string(), "every day, then 2 days of Mon, Tue, Wed, Thu, Fri");
    assert_eq!((days.on_holidays, days.windows.len()), (OnHolidays::Off, 2));
    let rollouts: Vec<(String, Rollout)> =
        days.rotation.changes().iter().map(|change| (change.at.to_string(), change.rollout)).collect();
    let expect = [("2026-03-02 08:00:00 UTC", Rollout::Now), ("2026-03-03 08:00:00 UTC", Rollout::AfterAFullRound)];
    assert_eq!(rollouts, expect.map(|(at, rollout)| (at.to_owned(), rollout)));
    assert_eq!((ends.windows.len(), ends.windows[0].month_days.is_empty(), ends.name.as_str()), (1, false, "layer 2"));
    assert_eq!(rota.people[&"ben".into()].zone.as_ref().map(Zone::name), Some("Asia/Kathmandu"));
    assert_eq!((ends.place.path.as_ref(), ends.place.line, shop.place.line), ("rota/b.toml", 25, 5));
}

#[test]
fn mistakes_in_what_is_optional_are_told() {
    let bad = r#"[people.ana]
slack = "U0ANA"
zone = "Kathmandu"
[schedules.s]
zone = "UTC"
secondary = "ana"
rollout = "later"
holidays = "holidays/es.ics"
[[schedules.s.layers]]
name = "one"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = ["1 week", "0 days"]
on_holidays = "on"
monthdays = [0, 32]
[[schedules.s.layers]]
name = "one"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 day"
advance = "window"
window = "Mon-Fri"
[[schedules.s.layers]]
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 day"
advance = "windows"
[schedules.t]
zone = "UTC"
[[schedules.t.layers]]
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = []
on_holidays = "only"
changes = [{ at = "2026-03-02 09:00", rotation = ["bob"] }, { at = "2026-03-02", rotation = [], rollout = "x" }]
[[schedules.t.layers]]
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 week"
advance = "window"
monthdays = [1]
[[schedules.t.layers]]
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 day"
advance = "window"
[escalation.default]
levels = [{ page = ["schedule:t/secondary"] }]
"#;
    insta::assert_snapshot!(problems(&[("rota/team.toml", bad)]), @r#"
    rota/team.toml:3: zone "Kathmandu" is no time zone; did you mean "Asia/Kathmandu"?
    rota/team.toml:6: secondary "ana" says nobody; write secondary = "next turn", for whoever has the next turn
    rota/team.toml:7: rollout "later" is not known; write "now", "after this turn" or "after a full round"
    rota/team.toml:8: holidays is a list in [ ], not a text
    rota/team.toml:13: every "0 days" is no time at all; write at least "1 hour"
    rota/team.toml:14: on_holidays "on" is not known; write "off", or "only" for a layer of holidays
    rota/team.toml:15: monthdays are 1 to 31, or -1 for the last day of the month and so on; write them like [1, 15, -1]
    rota/team.toml:27: advance "windows" counts nothing; write "window" for working days, or leave it out
    rota/team.toml:33: every is a length or a list of up to 366, like ["1 day", "3 days"]
    rota/team.toml:34: on_holidays needs to know them; write holidays = ["holidays/es.ics"] in the schedule
    rota/team.toml:35: at "2026-03-02" is no date and time of the schedule's zone; write it like "2026-01-05 09:00", years 1970 to 2199
    rota/team.toml:35: rollout "x" is not known; write "now", "after this turn" or "after a full round"
    rota/team.toml:35: rotation has nobody in it; write at least one name, as in ["ana", "ben"]
    rota/team.toml:35: rotation names "bob", whom nobody knows; write [people.bob] with a slack id first
    rota/team.toml:36: advance = "window" counts weekdays, and monthdays are none; take one of them out
    rota/team.toml:39: every is in days where advance = "window" counts working days; write it like "5 days"
    rota/team.toml:45: advance = "window" counts the days of the window; write one like window = "Mon-Fri"
    rota/team.toml:48: page says "schedule:t/secondary": nobody is second there; write secondary = "next turn" in [schedules.t]
    "#);
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let bad = r#"[people.ana]
nmae = "Ana"
slack = "@ana"
[people.ben]
name = "Ben"
[people."c h i"]
slack = "U0CHI"
[schedules.ana]
zone = "Madrid"
[[schedules.ana.layers]]
rotation = ["ana", "anna", ["zoe"]]
handoff = "2026-01-05 25:00"
every = "0 days"
window = "Mo-Fr 8-20"
[[schedules.ana.layers]]
rotation = [[], []]
handoff = 2026-01-05 09:00
every = "fortnight"
priority = "high"
[schedules.empty]
zone = "Europe/Paaris"
[escalation.shop]
services = []
[[escalation.shop.levels]]
page = []
[[escalation.shop.levels]]
page = ["schedule:emty", "empty", "bob"]
wait = "0s"
catch_al = ["ana"]
"#;
    insta::assert_snapshot!(problems(&[("rota/team.toml", bad)]), @r#"
    rota/team.toml:1: no [escalation.default] in any file; write one with levels, so that every alarm pages somebody
    rota/team.toml:2: unknown key nmae; did you mean name?
    rota/team.toml:3: slack "@ana" is no member id; copy it from the Slack profile, like "U012AB3CD"
    rota/team.toml:4: ben cannot be reached; write slack = "U..." (the member id of the Slack profile), email, phone, sns, webhook or voice
    rota/team.toml:6: "c h i" is no name; use letters, digits, ".", "_" and "-"
    rota/team.toml:8: "ana" is a person and a schedule; groups and people share one list of names
    rota/team.toml:9: zone "Madrid" is no time zone; did you mean "Europe/Madrid"?
    rota/team.toml:11: rotation names "anna", whom nobody knows; did you mean "ana"?
    rota/team.toml:11: rotation names "zoe", whom nobody knows; write [people.zoe] with a slack id first
    rota/team.toml:12: handoff "2026-01-05 25:00" is no date and time of the schedule's zone; write it like "2026-01-05 09:00", years 1970 to 2199
    rota/team.toml:13: every "0 days" is no time at all; write at least "1 hour"
    rota/team.toml:14: window "Mo-Fr 8-20" is no window; write it like "Mon-Fri 08:00-20:00" or "Fri 20:00 - Mon 08:00"
    rota/team.toml:16: rotation has nobody in it; write at least one name, as in ["ana", "ben"]
    rota/team.toml:18: every "fortnight" is no length of a turn; write it like "1 week", "12 hours" or "2 months"
    rota/team.toml:19: priority is a whole number; the highest one with somebody on duty wins, like priority = 1
    rota/team.toml:20: layers is missing; write [[schedules.empty.layers]] with a rotation
    rota/team.toml:21: zone "Europe/Paaris" is no time zone; did you mean "Europe/Paris"?
    rota/team.toml:22: [escalation.shop] serves nothing; write services = ["checkout-api", "payments-*"]
    rota/team.toml:24: level 2 is never reached: level 1 has no wait; write wait = "5m" in level 1
    rota/team.toml:25: page is empty, so this level pages nobody; write page = ["schedule:NAME"] or a person
    rota/team.toml:27: page names "bob", whom nobody knows; write [people.bob] with a slack id first
    rota/team.toml:27: page names "empty", which is a schedule; write "schedule:empty"
    rota/team.toml:27: page says "schedule:emty": there is no schedule "emty"; did you mean "empty"?
    rota/team.toml:28: wait "0s" leaves no time to answer; write it like "5m"
    rota/team.toml:29: unknown key catch_al; known here: page, wait
    "#);
}

#[test]
fn what_comes_twice_is_told_with_both_places() {
    let again = "[people.ana]\nslack = \"U0ANA\"\n[people.bo]\nslack = \"U0ANA\"\n[escalation.a]\nservices = [\"x\"]\nlevels = [{ page = [\"bo\"] }]\n\
                 [escalation.b]\nservices = [\"x\"]\nlevels = [{ page = [\"bo\"] }]\ncatch_all = [\"schedule:payments\"]\n";
    insta::assert_snapshot!(problems(&[("rota/a.toml", GOOD), ("rota/b.toml", again)]), @r#"
    rota/b.toml:1: [people.ana] is already in rota/a.toml:1; keep one of them
    rota/b.toml:3: ana and bo have the same slack id; each person needs their own
    rota/b.toml:8: "x" is served by [escalation.a] already; keep it in one of them
    rota/b.toml:11: catch_all names "schedule:payments"; it is for when schedules have failed, so write people
    "#);
}

#[test]
fn a_layer_and_a_change_that_come_twice_are_told() {
    let layer = "[[schedules.payments.layers]]\nname = \"weekly\"\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 day\"\n\
                 changes = [{ at = \"2026-03-02 09:00\", rotation = [\"ana\"] }, { at = \"2026-03-02 09:00\", rotation = [\"ana\"] }]\n";
    let file = GOOD.replace("[escalation.default]", &format!("{layer}[escalation.default]"));
    insta::assert_snapshot!(problems(&[("rota/a.toml", &file)]), @r#"
    rota/a.toml:13: layer "weekly" is there already, at line 7; give each a name
    rota/a.toml:18: another change is at the same time; keep one of them
    "#);
}

#[test]
fn a_file_that_is_not_toml_says_only_that() {
    let broken = "[people.ana]\nslack = U0ANA\n[schedules.x\n";
    insta::assert_snapshot!(problems(&[("rota/a.toml", broken), ("rota/b.toml", GOOD)]), @r#"
    rota/a.toml:2: is not TOML: string values must be quoted, expected literal string
    rota/a.toml:3: is not TOML: unclosed table, expected `]`
    "#);
}

#[test]
fn a_value_of_the_wrong_kind_is_told() {
    let wrong = "people = 3\n[schedules]\nx = \"y\"\n[escalation.default]\nlevels = 1\ncatch_all = \"ana\"\n[extra]\n";
    insta::assert_snapshot!(problems(&[("rota/a.toml", wrong)]), @r#"
    rota/a.toml:1: people is a table, not a number
    rota/a.toml:3: x is a table, not a text
    rota/a.toml:5: levels is a list in [ ], not a number
    rota/a.toml:6: catch_all is a list in [ ], not a text
    rota/a.toml:7: unknown key extra; known here: people, schedules, escalation, notify
    "#);
}

#[test]
fn each_way_to_a_person_is_one_and_a_malformed_one_is_told_with_its_line() {
    let ways = "[people.ana]\nphone = \"+34600111222\"\n[people.bo]\nsns = \"arn:aws-cn:sns:cn-north-1:123456789012:bo.fifo\"\n\
                [people.chi]\nwebhook = \"https://example.com/pages?to=chi\"\n[people.dan]\nwebhook = \"http://127.0.0.1:9/dan\"\n";
    let rota = Rota::parse(&[
        ("rota/team.toml", ways),
        ("rota/z.toml", &GOOD.replace("ana", "zoe").replace("U0ANA", "U0ZOE")),
    ])
    .unwrap();
    assert_eq!(rota.people[&"ana".into()].phone.as_deref(), Some("+34600111222"));
    assert_eq!(rota.people[&"bo".into()].sns.as_deref(), Some("arn:aws-cn:sns:cn-north-1:123456789012:bo.fifo"));
    assert_eq!(rota.people[&"dan".into()].webhook.as_deref(), Some("http://127.0.0.1:9/dan"));
    let bad = "[people.ana]\nphone = \"0034 600\"\nsns = \"arn:aws:sqs:eu-west-1:123456789012:ana\"\n\
               webhook = \"http://example.com/ana\"\n[people.bo]\nwebhook = \"http://127.0.0.1.example.com/\"\nphone = \"+1234567890123456\"\n";
    insta::assert_snapshot!(problems(&[("rota/team.toml", bad)]), @r#"
    rota/team.toml:1: no [escalation.default] in any file; write one with levels, so that every alarm pages somebody
    rota/team.toml:2: phone "0034 600" is no telephone number; write it with its country and digits only, like "+34600111222"
    rota/team.toml:3: sns "arn:aws:sqs:eu-west-1:123456789012:ana" is no topic; write it like "arn:aws:sns:eu-west-1:123456789012:page-ana"
    rota/team.toml:4: webhook "http://example.com/ana" is no address for pages; write it like "https://example.com/pages/ana"
    rota/team.toml:6: webhook "http://127.0.0.1.example.com/" is no address for pages; write it like "https://example.com/pages/ana"
    rota/team.toml:7: phone "+1234567890123456" is no telephone number; write it with its country and digits only, like "+34600111222"
    "#);
}

/// What is wrong with a file in which ana has these lines, or the rules that she is paged by.
fn rules_of(lines: &str) -> String {
    let text =
        format!("[people.ana]\nslack = \"U0ANA\"\n{lines}\n[escalation.default]\nlevels = [{{ page = [\"ana\"] }}]\n");
    let rota = match Rota::parse(&[("r.toml", text)]) {
        Ok(rota) => rota,
        Err(problems) => {
            return problems.iter().map(|problem| format!("{}: {}\n", problem.line, problem.message)).collect();
        }
    };
    let person = rota.person(&"ana".into()).unwrap();
    let told = |rule: &Rule| format!(" {}@{}", rule.way.as_str(), rule.after.num_seconds());
    let of = |urgency| rota.rules(person, urgency).map(|rules| rules.iter().map(told).collect::<String>());
    format!("high{:?} low{:?}", of(Urgency::High), of(Urgency::Low))
}

#[test]
fn rules_are_read_in_the_order_of_their_times_and_the_own_ones_win() {
    assert_eq!(rules_of(""), "highNone lowNone", "nothing said is nothing changed");
    assert_eq!(
        rules_of(
            "notify.high = [\"webhook after 3m\", \"slack\", \"sms after 90 seconds\"]\n[notify]\nhigh = [\"sms\"]\nlow = [\"email\"]"
        ),
        "highSome(\" slack@0 sms@90 webhook@180\") lowSome(\" email@0\")"
    );
}

#[test]
fn a_rule_that_cannot_be_read_says_what_to_write() {
    assert_eq!(
        rules_of(
            "notify.high = [\"slak\", \"pager\", \"sms after a while\", \"sms\", \"sms\"]\nnotify.low = []\nnotify.hihg = []"
        ),
        "3: high \"a while\" is no length of time; write it like \"5m\", \"90s\" or \"1h\"\n\
         3: high says \"pager\"; write a way and when, like \"slack\" or \"sms after 1m\": slack, sms, sns, webhook, voice, email\n\
         3: high says \"slak\": there is no way \"slak\"; did you mean \"slack\"?\n\
         3: sms is written twice for the same time; keep one\n\
         4: the list of rules is empty and would page by nothing; write a way, like [\"slack\"], or leave it out\n\
         5: unknown key hihg; did you mean high?\n"
    );
    assert_eq!(rules_of("notify.high = \"slack\""), "3: high is a list in [ ], not a text\n");
}
