//! What is said about rotas that can be read and are likely wrong.

use super::*;

fn warnings(schedules: &str) -> String {
    let text = format!(
        "[people]\nana = {{ slack = \"U0ANA\" }}\nben = {{ slack = \"U0BEN\" }}\nchi = {{ slack = \"U0CHI\" }}\n\
         [escalation.default]\nlevels = [{{ page = [\"ana\", \"ben\", \"chi\"] }}]\n{schedules}"
    );
    let rota = Rota::parse(&[("rota/team.toml", text)]).unwrap();
    let warnings = rota.warnings("2026-11-28T12:00:00Z".parse().unwrap());
    warnings.iter().map(|problem| format!("{}:{}: {}\n", problem.path, problem.line, problem.message)).collect()
}

#[test]
fn a_good_rota_has_none() {
    let good = r#"
[schedules.s]
zone = "Europe/Madrid"
secondary = "next turn"
layers = [{ rotation = ["ana", "ben"], handoff = "2026-01-05 09:00", every = "1 week" }]
"#;
    assert_eq!(warnings(good), "");
}

#[test]
fn the_first_gap_is_told_with_its_date() {
    let office = r#"
[schedules.office]
zone = "Europe/Madrid"
layers = [{ rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week", window = "Mon-Sun 08:00-20:00" }]
[schedules.ends]
zone = "Europe/Madrid"
layers = [{ rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week", end = "2027-01-04 09:00" }]
[schedules.late]
zone = "Europe/Madrid"
layers = [{ rotation = ["ana", "ben"], handoff = "2026-01-05 09:00", every = "1 week", end = "2027-01-24 09:00" }]
[schedules.none]
zone = "Europe/Madrid"
layers = [{ rotation = ["ana", [], "ben"], handoff = "2026-11-26 09:00", every = "4 weeks", end = "2027-03-24 09:00" }]
"#;
    insta::assert_snapshot!(warnings(office), @r#"
    rota/team.toml:8: nobody is on duty on office from Sat 28 Nov 2026 20:00 until Sun 29 Nov 2026 08:00 Europe/Madrid, and 55 more times within 8 weeks; write a layer for that time, with a lower priority
    rota/team.toml:11: nobody is on duty on ends from Mon 4 Jan 2027 09:00 Europe/Madrid on; write a layer for that time, with a lower priority
    rota/team.toml:17: nobody is on duty on none from Thu 24 Dec 2026 09:00 until Thu 21 Jan 2027 09:00 Europe/Madrid; write a layer for that time, with a lower priority
    "#);
}

#[test]
fn a_layer_without_any_time_of_its_own_is_told() {
    let hidden = r#"
[schedules.s]
zone = "Europe/Madrid"
[[schedules.s.layers]]
name = "base"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 week"
[[schedules.s.layers]]
name = "nights"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
window = "22:00-06:00"
priority = -1
[[schedules.s.layers]]
name = "over"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
end = "2026-02-02 09:00"
priority = -2
"#;
    insta::assert_snapshot!(warnings(hidden), @r#"
    rota/team.toml:15: layer "nights" is never on duty: "base", of a higher priority, covers all of its time in the next 60 days; write a higher priority, or a window for "base"
    "#);
}

#[test]
fn somebody_who_is_first_and_second_is_told() {
    let alone = r#"
[schedules.alone]
zone = "Europe/Madrid"
secondary = "next turn"
layers = [{ rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week" }]
[schedules.twice]
zone = "Europe/Madrid"
secondary = "next turn"
layers = [{ rotation = ["ana", "ben", ["ben", "chi"]], handoff = "2026-11-23 09:00", every = "1 week" }]
"#;
    insta::assert_snapshot!(warnings(alone), @r#"
    rota/team.toml:8: ana is first and second on alone from Sat 28 Nov 2026 13:00 Europe/Madrid on; put another person between two turns of ana
    rota/team.toml:12: ben is first and second on twice from Mon 30 Nov 2026 09:00 Europe/Madrid on; put another person between two turns of ben
    "#);
}

#[test]
fn people_and_levels_that_nothing_leads_to_are_told() {
    let idle = r#"
[people.dan]
slack = "U0DAN"
[people.eve]
slack = "U0EVE"
[schedules.old]
zone = "Europe/Madrid"
layers = [{ rotation = ["dan"], handoff = "2026-01-05 09:00", every = "1 week", end = "2026-02-02 09:00" }]
[escalation.shop]
services = ["shop"]
levels = [{ page = ["schedule:old"], wait = "5m" }, { page = ["eve"] }]
"#;
    insta::assert_snapshot!(warnings(idle), @r#"
    rota/team.toml:8: dan is on no rotation and in no policy, so nobody ever pages them; write them into one, or take them out
    rota/team.toml:12: nobody is on duty on old from Sat 28 Nov 2026 13:00 Europe/Madrid on; write a layer for that time, with a lower priority
    rota/team.toml:17: level 1 of [escalation.shop] pages nobody: nobody is on duty there in the next 60 days; name somebody else in page, or take the level out
    "#);
}

/// The warnings about people with these lines, by a policy that asks the next level after five minutes.
fn of_people(people: &str) -> String {
    let text = format!(
        "{people}\n[escalation.default]\ncatch_all = [\"ana\"]\n[[escalation.default.levels]]\npage = [\"ana\"]\nwait = \"5m\"\n"
    );
    let rota = Rota::parse(&[("rota/team.toml", text)]).unwrap();
    let warnings = rota.warnings("2026-11-28T12:00:00Z".parse().unwrap());
    warnings.iter().map(|problem| format!("{}:{}: {}\n", problem.path, problem.line, problem.message)).collect()
}

#[test]
fn rules_that_can_be_followed_are_not_told() {
    assert_eq!(of_people("[people.ana]\nslack = \"U0ANA\"\nphone = \"+34600111222\""), "");
    assert_eq!(
        of_people(
            "[people.ana]\nslack = \"U0ANA\"\nphone = \"+34600111222\"\n\
             notify.high = [\"slack\", \"sms after 4m\"]\nnotify.low = [\"slack\"]"
        ),
        ""
    );
    assert_eq!(
        of_people("[people.ana]\nslack = \"U0ANA\"\n[notify]\nhigh = [\"slack\", \"sms after 1m\"]\nlow = [\"slack\"]"),
        "",
        "whoever has no telephone leaves that rule of everybody's out"
    );
}

#[test]
fn a_rule_without_an_address_and_an_urgency_without_a_rule_are_told() {
    assert_eq!(
        of_people("[people.ana]\nslack = \"U0ANA\"\nnotify.high = [\"slack\", \"sms after 1m\"]"),
        "rota/team.toml:1: ana has rules for high urgency and none for low: then Slack pages at once and all other ways \
         after it; write notify.low too\n\
         rota/team.toml:1: notify.high of ana names sms, and there is no phone = \"...\" for them; write it, or take the \
         rule out\n"
    );
    assert_eq!(
        of_people("[people.ana]\nslack = \"U0ANA\"\n[notify]\nhigh = [\"sms\"]\nlow = [\"slack\"]"),
        "rota/team.toml:1: none of the ways in [notify] high reaches ana, who is paged as if there were no rule; write \
         notify.high for ana, or an address\n"
    );
}

/// OC#934: the personal wait is longer than the level's.
#[test]
fn a_rule_that_the_next_level_cuts_off_is_told() {
    assert_eq!(
        of_people(
            "[people.ana]\nslack = \"U0ANA\"\nphone = \"+34600111222\"\n\
             notify.high = [\"slack\", \"sms after 10m\"]\nnotify.low = [\"slack\"]"
        ),
        "rota/team.toml:1: ana is not paged by sms after 10m by notify.high: level 1 of [escalation.default] asks the next \
         one after 5m; write a shorter time, or a longer wait there\n"
    );
}
