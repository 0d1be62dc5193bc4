//! Rule V by examples: what becomes of a schedule when its file changes.

use super::*;
use crate::{final_schedule, on_call};
use incident::ResponderId;

const PEOPLE: &str = "people = { ana = { slack = \"U0ANA\" }, ben = { slack = \"U0BEN\" }, chi = { slack = \"U0CHI\" } }\n\
                      [escalation.default]\nlevels = [{ page = [\"ana\"] }]\n";

fn rota(schedules: &str) -> Rota {
    Rota::parse(&[("rota/team.toml", format!("{PEOPLE}{schedules}"))]).unwrap()
}

fn layer(name: &str, rest: &str) -> String {
    format!(
        "[[schedules.{name}.layers]]\nname = \"weekly\"\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n{rest}\n"
    )
}

fn weekly(rest: &str) -> Rota {
    rota(&format!("[schedules.s]\nzone = \"UTC\"\n{}", layer("s", rest)))
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{text}:00Z").parse().unwrap()
}

/// Who is on duty on `schedule` from 5 January to 9 February: `01-05 ana`, one after the other.
#[track_caller]
fn check(rota: &Rota, schedule: &str, expect: &[&str]) {
    let found = final_schedule(rota, schedule, &[], at("01-05T09:00"), at("02-09T09:00")).unwrap();
    let mut shown: Vec<String> = Vec::new();
    for segment in found {
        let names: Vec<&str> = segment.on_duty.iter().map(|person| person.as_str()).collect();
        let name = if names.is_empty() { "nobody".to_owned() } else { names.join(" ") };
        if shown.last().is_none_or(|last| !last.ends_with(&format!(" {name}"))) {
            shown.push(format!("{} {name}", segment.start.format("%m-%d")));
        }
    }
    assert_eq!(shown, expect);
}

#[test]
fn somebody_who_joins_moves_no_turn_that_was_and_none_that_runs() {
    let old = weekly("rotation = [\"ana\", \"ben\"]");
    let new = weekly("rotation = [\"chi\", \"ana\", \"ben\"]");
    check(&old, "s", &["01-05 ana", "01-12 ben", "01-19 ana", "01-26 ben", "02-02 ana"]);
    let both = old.succeeded_by(&new, at("01-21T12:00"));
    check(&both, "s", &["01-05 ana", "01-12 ben", "01-19 ana", "01-26 ben", "02-02 chi"]);
    assert_eq!(both.schedules["s"].layers.len(), 1);
    // A second edit goes on from the first.
    let third = both.succeeded_by(&weekly("rotation = [\"chi\", \"ana\"]"), at("01-27T12:00"));
    check(&third, "s", &["01-05 ana", "01-12 ben", "01-19 ana", "01-26 ben", "01-27 chi", "02-02 ana"]);
}

#[test]
fn hours_that_change_start_a_new_version_in_which_turns_go_on() {
    let old = weekly("rotation = [\"ana\", \"ben\"]")
        .succeeded_by(&weekly("rotation = [\"chi\", \"ana\", \"ben\"]"), at("01-21T12:00"));
    let both =
        old.succeeded_by(&weekly("rotation = [\"chi\", \"ana\", \"ben\"]\nwindow = \"Mon-Thu\""), at("01-28T12:00"));
    assert_eq!(both.schedules["s"].layers.len(), 2);
    // On Monday until nine it is still ben's turn.
    let after = ["01-26 ben", "01-30 nobody", "02-02 ben", "02-02 chi", "02-06 nobody", "02-09 chi"];
    check(&both, "s", &[&["01-05 ana", "01-12 ben", "01-19 ana"][..], &after].concat());
}

#[test]
fn a_schedule_that_is_gone_is_answered_for_and_one_that_comes_starts() {
    let old = weekly("rotation = [\"ana\"]");
    let new = rota(&format!("[schedules.t]\nzone = \"UTC\"\n{}", layer("t", "rotation = [\"ben\"]")));
    let both = old.succeeded_by(&new, at("01-21T00:00"));
    assert_eq!(both.schedules.keys().collect::<Vec<_>>(), ["t"]);
    check(&both, "s", &["01-05 ana", "01-21 nobody"]);
    check(&both, "t", &["01-05 nobody", "01-21 ben"]);
    // And comes back.
    let back = both.succeeded_by(&old, at("02-01T00:00"));
    check(&back, "s", &["01-05 ana", "01-21 nobody", "02-01 ana"]);
    assert!(back.past_schedules.contains_key("t") && !back.past_schedules.contains_key("s"));
}

#[test]
fn what_was_planned_for_later_is_what_the_new_files_plan() {
    let change = "[[schedules.s.layers.changes]]\nat = \"2026-01-19 09:00\"\nrotation = [\"chi\"]\nrollout = \"now\"";
    let planned = weekly(&format!("rotation = [\"ana\", \"ben\"]\n{change}"));
    check(&planned, "s", &["01-05 ana", "01-12 ben", "01-19 chi"]);
    let dropped = planned.succeeded_by(&weekly("rotation = [\"ana\", \"ben\"]"), at("01-14T00:00"));
    check(&dropped, "s", &["01-05 ana", "01-12 ben", "01-19 ana", "01-26 ben", "02-02 ana"]);
    let kept = planned.succeeded_by(&planned, at("01-21T00:00")).succeeded_by(&planned, at("01-22T00:00"));
    check(&kept, "s", &["01-05 ana", "01-12 ben", "01-19 chi"]);
}

#[test]
fn the_new_people_are_those_of_the_new_files() {
    let old = weekly("rotation = [\"ana\", \"ben\"]");
    let new = weekly("rotation = [\"ana\"]");
    let both = old.succeeded_by(&new, at("01-14T00:00"));
    let members: Vec<&str> =
        both.schedules["s"].members_from(at("01-14T00:00")).into_iter().map(ResponderId::as_str).collect();
    assert_eq!(members, ["ana"]);
    // Ben was on duty, and left.
    let now = on_call(&both, "s", &[], at("01-14T00:00")).unwrap();
    assert_eq!((now.on_duty, now.since), (vec!["ana".into()], Some(at("01-14T00:00"))));
}
