//! Who hands over to whom, and which handovers moved between two sets of rules.

use super::{Handover, handovers, moved};
use crate::rota::Rota;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;

const ROTA: &str = "[people.ana]\nemail = \"ana@example.com\"\n[people.ben]\nemail = \"ben@example.com\"\n\
    [schedules.web]\nzone = \"Europe/Madrid\"\n\
    [[schedules.web.layers]]\nname = \"weekly\"\nrotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n\
    [escalation.default]\nlevels = [{ page = [\"schedule:web\"] }]\n";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn people(names: &[&str]) -> Vec<ResponderId> {
    names.iter().map(|name| ResponderId::from(*name)).collect()
}

#[test]
fn who_leaves_who_comes_and_who_stays() {
    let (before, after) = (people(&["ana", "chi"]), people(&["chi", "ben"]));
    let found = Handover::between(&before, &after, at("2026-11-30T08:00:00Z")).unwrap();
    assert_eq!((found.left.clone(), found.came.clone()), (people(&["ana"]), people(&["ben"])));
    assert_eq!((found.stayed.clone(), found.on_duty()), (people(&["chi"]), people(&["ben", "chi"])));
    let other_order = people(&["chi", "ana"]);
    assert_eq!(Handover::between(&before, &other_order, found.at), None, "another order is no handover");
}

#[test]
fn each_week_hands_over_once_at_the_same_wall_time() {
    let rota = Rota::parse(&[("rota", ROTA)]).unwrap();
    let found = handovers(&rota, "web", &[], at("2026-10-19T07:00:00Z"), at("2026-11-10T00:00:00Z")).unwrap();
    let told: Vec<(String, String)> = found.iter().map(|one| (one.at.to_rfc3339(), one.came[0].0.clone())).collect();
    let wanted = [
        ("2026-10-26T08:00:00+00:00", "ana"),
        ("2026-11-02T08:00:00+00:00", "ben"),
        ("2026-11-09T08:00:00+00:00", "ana"),
    ];
    assert_eq!(told, wanted.map(|(at, who)| (at.to_owned(), who.to_owned())), "clocks go back on 25 October");
}

#[test]
fn only_what_newer_rules_moved_is_moved() {
    let rota = Rota::parse(&[("rota", ROTA)]).unwrap();
    let old = handovers(&rota, "web", &[], at("2026-10-20T00:00:00Z"), at("2026-11-20T00:00:00Z")).unwrap();
    assert_eq!(moved(&old, &old), Vec::new());
    let mut new = old.clone();
    new[1].at -= TimeDelta::hours(1);
    assert_eq!(moved(&old, &new), [(old[1].at, new[1].clone())]);
    // A swap put somebody else there at another time: nothing that rules of time did.
    new[2].came = people(&["chi"]);
    new[2].at += TimeDelta::hours(2);
    assert_eq!(moved(&old, &new), [(old[1].at, new[1].clone())]);
}
