//! What a look at a schedule finds to tell, and what it tells only once.

use super::{HandoffEvent, Handoffs, Look};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use rota::{Change, Operation, Rota, Span};

const PEOPLE: &str = "[people.ana]\nname = \"Ana\"\nslack = \"U0ANA\"\n[people.ben]\nname = \"Ben\"\nslack = \"U0BEN\"\n\
    [people.chi]\nname = \"Chi\"\nemail = \"chi@example.com\"\n[escalation.default]\nlevels = [{ page = [\"ana\"] }]\n\
    [schedules.web]\nzone = \"Europe/Madrid\"\n[[schedules.web.layers]]\nname = \"daily\"\n";
const DAILY: &str = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-11-02 09:00\"\nevery = \"1 day\"\n";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rota(layer: &str) -> Rota {
    Rota::parse(&[("rota", &format!("{PEOPLE}{layer}"))]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn override_by(number: u64, user: &str, start: &str, end: &str) -> Operation {
    Operation {
        number,
        schedule: "web".to_owned(),
        change: Change::ReplaceAll { users: vec![user.into()] },
        start: at(start),
        end: at(end),
        by: user.into(),
        reason: String::new(),
    }
}

/// What a watcher of the schedule writes down, from look to look.
struct Watcher {
    rota: Rota,
    operations: Vec<Operation>,
    tzdata: &'static str,
    state: Handoffs,
}

impl Watcher {
    fn new(layer: &str) -> Self {
        Self { rota: rota(layer), operations: Vec::new(), tzdata: "2026b", state: Handoffs::default() }
    }

    fn look(&mut self, now: &str) -> Vec<HandoffEvent> {
        let look = Look {
            rota: &self.rota,
            schedule: "web",
            operations: &self.operations,
            now: at(now),
            look_ahead: TimeDelta::days(14),
            tzdata: self.tzdata,
        };
        let (news, _) = look.news(&self.state).unwrap();
        news.iter().for_each(|event| self.state.apply(event, at(now)));
        news
    }

    /// The handoffs that a look tells of: when, who left, who came.
    #[track_caller]
    fn tells(&mut self, now: &str, expect: &[(&str, &str, &str)]) {
        let told: Vec<_> = self
            .look(now)
            .into_iter()
            .filter_map(|event| match event {
                HandoffEvent::HandedOver { handover, .. } => {
                    let names =
                        |people: &[ResponderId]| people.iter().map(|one| one.0.as_str()).collect::<Vec<_>>().join(" ");
                    Some((handover.at.format("%dT%H:%M").to_string(), names(&handover.left), names(&handover.came)))
                }
                _ => None,
            })
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(at, left, came)| ((*at).to_owned(), (*left).to_owned(), (*came).to_owned())).collect();
        assert_eq!(told, expect, "at {now}");
    }

    /// What a look tells of gaps.
    fn gaps(&mut self, now: &str) -> Vec<String> {
        let shown = |gap: Span| format!("{} to {}", gap.start.format("%dT%H:%M"), gap.end.format("%dT%H:%M"));
        let told = self.look(now).into_iter().filter_map(|event| match event {
            HandoffEvent::GapSeen { number, gap } => Some(format!("{number} seen: {}", shown(gap))),
            HandoffEvent::GapMoved { number, gap } => Some(format!("{number} moved: {}", shown(gap))),
            HandoffEvent::GapFilled { number } => Some(format!("{number} filled")),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn each_handoff_is_told_once() {
    let mut watcher = Watcher::new(DAILY);
    watcher.tells("2026-11-02T12:00:00Z", &[]);
    watcher.tells("2026-11-03T07:59:59Z", &[]);
    watcher.tells("2026-11-03T08:00:00Z", &[("03T08:00", "ana", "ben")]);
    watcher.tells("2026-11-03T08:00:00Z", &[]);
    watcher.tells("2026-11-03T20:00:00Z", &[]);
    watcher.tells("2026-11-04T08:00:00.25Z", &[("04T08:00", "ben", "ana")]);
    assert_eq!(watcher.state.newest.as_ref().unwrap().number, 2);
}

#[test]
fn of_those_that_fell_into_a_stop_the_newest_is_told() {
    let mut watcher = Watcher::new(DAILY);
    watcher.tells("2026-11-02T12:00:00Z", &[]);
    watcher.tells("2026-11-05T12:00:00Z", &[("05T08:00", "ana", "ben")]);
    // The same people as when it stopped, and another day of theirs all the same.
    watcher.tells("2026-11-07T12:00:00Z", &[("07T08:00", "ana", "ben")]);
}

#[test]
fn what_people_change_hands_over_at_once_and_back() {
    let mut watcher = Watcher::new(DAILY);
    watcher.tells("2026-11-02T12:00:00Z", &[]);
    watcher.operations.push(override_by(1, "chi", "2026-11-02T13:00:00Z", "2026-11-02T14:00:00Z"));
    watcher.tells("2026-11-02T12:30:00Z", &[]);
    watcher.tells("2026-11-02T13:00:00Z", &[("02T13:00", "ana", "chi")]);
    watcher.operations[0].end = at("2026-11-02T13:20:00Z");
    watcher.tells("2026-11-02T13:20:00Z", &[("02T13:20", "chi", "ana")]);
    // The files change: who has it now has it from now on.
    watcher.rota = rota(&DAILY.replace("[\"ana\", \"ben\"]", "[\"ben\"]"));
    watcher.tells("2026-11-02T15:00:00Z", &[("02T15:00", "ana", "ben")]);
}

#[test]
fn a_gap_is_told_once_and_a_filled_one_is_filled() {
    let mut watcher = Watcher::new(DAILY);
    assert_eq!(watcher.gaps("2026-11-02T12:00:00Z"), Vec::<String>::new());
    let mut away = override_by(1, "ana", "2026-11-10T10:00:00Z", "2026-11-10T14:00:00Z");
    away.change = Change::ReplaceAll { users: Vec::new() };
    watcher.operations.push(away);
    assert_eq!(watcher.gaps("2026-11-02T12:00:00Z"), ["1 seen: 10T10:00 to 10T14:00"]);
    assert_eq!(watcher.gaps("2026-11-02T12:00:01Z"), Vec::<String>::new());
    watcher.operations.push(override_by(2, "ben", "2026-11-10T10:00:00Z", "2026-11-10T12:00:00Z"));
    assert_eq!(watcher.gaps("2026-11-03T12:00:00Z"), ["1 moved: 10T12:00 to 10T14:00"]);
    assert_eq!(watcher.gaps("2026-11-10T13:00:00Z"), Vec::<String>::new(), "while it runs it does not shrink");
    watcher.operations.push(override_by(3, "ben", "2026-11-10T12:00:00Z", "2026-11-10T14:00:00Z"));
    assert_eq!(watcher.gaps("2026-11-10T13:00:01Z"), ["1 filled"]);
}

#[test]
fn hours_that_are_closed_each_week_are_no_alarm() {
    let mut watcher = Watcher::new(&format!("{DAILY}window = \"Mon-Fri 09:00-18:00\"\n"));
    assert_eq!(watcher.gaps("2026-11-04T12:00:00Z"), Vec::<String>::new());
    watcher.operations.push(Operation {
        change: Change::ReplaceAll { users: Vec::new() },
        ..override_by(1, "ana", "2026-11-10T10:00:00Z", "2026-11-10T14:00:00Z")
    });
    assert_eq!(watcher.gaps("2026-11-04T12:00:01Z"), ["1 seen: 10T10:00 to 10T14:00"], "within the hours it is one");
}

#[test]
fn handoffs_that_newer_rules_moved_are_told_once() {
    let mut watcher = Watcher::new(DAILY);
    watcher.look("2026-11-02T12:00:00Z");
    // The state was written by a program that believed in other rules of that zone from December on.
    let foreseen = watcher.state.foreseen.as_mut().unwrap();
    foreseen.tzdata = "2025c".to_owned();
    let december = at("2026-12-01T00:00:00Z");
    let late: Vec<_> = foreseen.handovers.iter_mut().filter(|one| one.at > december).take(2).collect();
    late.into_iter().for_each(|one| one.at -= TimeDelta::hours(1));
    let moved = |news: Vec<HandoffEvent>| -> Vec<String> {
        let told = news.into_iter().filter_map(|event| match event {
            HandoffEvent::RulesChanged { before, after, moved } => {
                let moved: Vec<_> = moved
                    .iter()
                    .map(|(old, new)| format!("{} -> {}", old.format("%dT%H:%M"), new.at.format("%dT%H:%M")))
                    .collect();
                Some(format!("{before} -> {after}: {}", moved.join(", ")))
            }
            _ => None,
        });
        told.collect()
    };
    let told = moved(watcher.look("2026-11-02T13:00:00Z"));
    assert_eq!(told, ["2025c -> 2026b: 01T07:00 -> 01T08:00, 02T07:00 -> 02T08:00"]);
    assert_eq!(moved(watcher.look("2026-11-02T14:00:00Z")), Vec::<String>::new());
}

#[test]
fn who_cannot_be_reached_is_known_until_they_can() {
    let mut watcher = Watcher::new(&DAILY.replace("\"ben\"", "\"chi\""));
    let news = watcher.look("2026-11-02T12:00:00Z");
    let found = news.iter().find_map(|event| match event {
        HandoffEvent::Unreachable { people } => Some(people),
        _ => None,
    });
    let (who, why) = found.unwrap().iter().next().unwrap();
    assert_eq!(who.0, "chi");
    assert!(why.contains("no Slack member id"), "{why}");
    let again = watcher.look("2026-11-02T13:00:00Z");
    assert!(!again.iter().any(|event| matches!(event, HandoffEvent::Unreachable { .. })), "{again:?}");
}
