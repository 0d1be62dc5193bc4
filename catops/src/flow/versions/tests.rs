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

fn version(files: &[(String, String)], since: &str) -> Version {
    Version { at: at(since), schedules: schedules_of(files) }
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
    let mut versions = vec![version(&old, "2026-01-01T00:00:00Z")];
    assert_eq!(after(&versions, &parsed(&old), &Imported::default()), None, "there is nothing before the first");
    versions.push(version(&new, "2026-01-07T00:00:00Z"));
    let rota = after(&versions, &parsed(&new), &Imported::default()).unwrap();
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
fn however_often_files_are_edited_nobody_moves_who_need_not() {
    let old = files("[\"ana\", \"ben\"]", "+34600111222");
    let new = files("[\"chi\", \"ana\", \"ben\"]", "+34600111222");
    let mut versions = vec![version(&old, "2026-01-01T00:00:00Z"), version(&new, "2026-01-07T00:00:00Z")];
    let before = after(&versions, &parsed(&new), &Imported::default()).unwrap();
    for day in 0..60 {
        // Somebody else's schedule, again and again.
        let mut edited = new.clone();
        edited[0].1 += &format!(
            "[schedules.other{day}]\nzone = \"UTC\"\n[[schedules.other{day}.layers]]\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 day\"\n"
        );
        let at = at("2026-02-01T00:00:00Z") + chrono::TimeDelta::days(10 * day);
        versions.push(Version { at, schedules: schedules_of(&edited) });
        let rota = after(&versions, &parsed(&edited), &Imported::default()).unwrap();
        for week in 0..120 {
            let when = DateTime::UNIX_EPOCH + chrono::TimeDelta::weeks(2920 + week);
            assert_eq!(
                on_duty(&rota, "web", &[], when).unwrap().0,
                on_duty(&before, "web", &[], when).unwrap().0,
                "{day} {when}"
            );
        }
    }
}

#[test]
fn a_version_with_holidays_can_be_read_again() {
    let mut files = files("[\"ana\", \"ben\"]", "+34600111222");
    files[0].1 = files[0]
        .1
        .replace("zone = \"UTC\"", "zone = \"UTC\"\nholidays = [\"holidays/es.ics\"]")
        .replace("every = \"1 week\"", "every = \"1 week\"\non_holidays = \"off\"");
    Rota::parse(&[("rota", schedules_of(&files))]).unwrap();
}
