//! What an edit of the files does to who is on call.

use super::*;
use rota::on_duty;

fn files(rotation: &str, phone: &str) -> Vec<(String, String)> {
    let text = format!(
        "[people.ana]\nslack = \"U0ANA\"\nphone = \"{phone}\"\n[people.ben]\nslack = \"U0BEN\"\n[people.chi]\nslack = \"U0CHI\"\n\
         [schedules.web]\nzone = \"UTC\"\n[[schedules.web.layers]]\nname = \"weekly\"\nrotation = {rotation}\n\
         handoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n[escalation.default]\nlevels = [{{ page = [\"schedule:web\"] }}]\n"
    );
    vec![("rota/team.toml".to_owned(), text)]
}

fn parsed(files: &[(String, String)]) -> Rota {
    Rota::parse(files).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[track_caller]
fn check(rota: &Rota, when: &str, expect: &str) {
    let (people, _) = on_duty(rota, "web", &[], at(when)).unwrap();
    assert_eq!(people.first().map(|person| person.as_str()), Some(expect), "{when}");
}

#[test]
fn an_edit_moves_nobody_who_is_on_call_and_changes_nothing_before_it() {
    let (old, new) =
        (files("[\"ana\", \"ben\"]", "+34600111222"), files("[\"chi\", \"ana\", \"ben\"]", "+34600111222"));
    let mut versions = Versions::default();
    versions.apply(Edited { schedules: schedules_of(&old) }, at("2026-01-01T00:00:00Z"));
    assert_eq!(versions.before(&parsed(&old)), None, "there is nothing before the first");
    versions.apply(Edited { schedules: schedules_of(&new) }, at("2026-01-07T00:00:00Z"));
    let rota = versions.before(&parsed(&new)).unwrap();
    check(&rota, "2026-01-06T00:00:00Z", "ana");
    check(&rota, "2026-01-08T00:00:00Z", "ana");
    check(&parsed(&new), "2026-01-08T00:00:00Z", "chi");
    assert_eq!(rota.people, parsed(&new).people, "how people are reached is that of now");
}

#[test]
fn how_people_are_reached_is_not_kept_and_makes_no_version() {
    let (before, after) = (files("[\"ana\"]", "+34600111222"), files("[\"ana\"]", "+34600999888"));
    assert_eq!(schedules_of(&before), schedules_of(&after));
    assert!(!schedules_of(&before).contains("34600"));
    Rota::parse(&[("rota", schedules_of(&before))]).unwrap();
}

#[test]
fn old_versions_are_let_go_but_for_the_one_that_counted_then() {
    let mut versions = Versions::default();
    for day in 0..100 {
        versions.apply(Edited { schedules: day.to_string() }, at("2026-01-01T00:00:00Z") + TimeDelta::days(10 * day));
    }
    let kept: Vec<&str> = versions.0.iter().map(|version| version.schedules.as_str()).collect();
    assert_eq!((kept.first(), kept.len()), (Some(&"87"), 13));
}
