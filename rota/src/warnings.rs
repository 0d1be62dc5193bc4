//! What is likely a mistake in a rota that can be read: it needs a time, since it looks ahead. Each warning has the line it
//! is about and says what to write instead. Nothing here refuses a rota, and changes by hand are not its business.

use crate::absence::away_on_duty;
use crate::escalation::{Policy, Step};
use crate::on_call::{Segment, final_schedule};
use crate::parse::Problem;
use crate::place::Place;
use crate::rota::{Person, Rota};
use crate::rotation::Role;
use crate::schedule::{Asked, Layer, Schedule};
use crate::span::Span;
use crate::ticks::{Ticks, tick};
use crate::zone::{Nearby, Zone};

mod notify;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Ask, ResponderId, Target};
use std::collections::BTreeSet;

/// How far ahead a gap, or somebody who is first and second, is looked for.
const WEEKS_AHEAD: i64 = 8;

/// How far ahead a layer is looked for on duty before it is called unreachable.
const DAYS_AHEAD: i64 = 60;

impl Rota {
    /// What is likely wrong from `now` on, in the order of files and lines: a time in the next eight weeks in which nobody
    /// is on duty, a layer that is not on duty once in sixty days because others cover all of its time, somebody who is
    /// first and second at once, somebody who is on no list, a level of a policy that would page nobody all the while.
    #[must_use]
    pub fn warnings(&self, now: DateTime<Utc>) -> Vec<Problem> {
        let mut warnings = Vec::new();
        for schedule in self.schedules.values() {
            let ahead = self.ahead(&schedule.name, now);
            warnings.extend(gap(schedule, &ahead, now));
            warnings.extend(unreachable(schedule, &ahead, now));
            if schedule.secondary.is_some() {
                let second = self.ahead(&format!("{}/secondary", schedule.name), now);
                warnings.extend(both(schedule, &ahead, &second, now));
            }
            warnings.extend(self.away(schedule, now));
        }
        for policy in self.policies.values().chain([&self.default_policy]) {
            let pages = policy.pages().into_iter().enumerate();
            warnings.extend(pages.filter_map(|(place, (step, ask))| self.pages_nobody(policy, place, step, ask, now)));
        }
        warnings.extend(self.people.values().flat_map(|person| notify::warnings(self, person)));
        let named = self.named(now);
        let idle = self.people.values().filter(|person| !named.contains(&person.id));
        warnings.extend(idle.map(on_no_list));
        warnings.sort();
        warnings
    }

    /// The segments of the next weeks; none for a name without a schedule, which has been refused before.
    fn ahead(&self, name: &str, now: DateTime<Utc>) -> Vec<Segment<'_>> {
        final_schedule(self, name, &[], now, now + TimeDelta::days(DAYS_AHEAD)).unwrap_or_default()
    }

    /// Whether a level finds nobody in all of the time ahead.
    fn pages_nobody(
        &self,
        policy: &Policy,
        place: usize,
        step: &Step,
        ask: &Ask,
        now: DateTime<Utc>,
    ) -> Option<Problem> {
        let finds = |target: &Target| match target {
            Target::Person(_) => true,
            Target::Schedule(name) => self.ahead(name, now).iter().any(|segment| !segment.on_duty.is_empty()),
        };
        if ask.page.is_empty() || ask.rotate_after.is_some() || ask.page.iter().any(finds) {
            return None;
        }
        let message = format!(
            "level {} of [escalation.{}] pages nobody: nobody is on duty there in the next {DAYS_AHEAD} days; \
             name somebody else in page, or take the level out",
            place + 1,
            policy.name
        );
        Some(problem(&step.place, message))
    }

    /// Who is on duty in the weeks ahead while a calendar says that they are away, each once.
    fn away(&self, schedule: &Schedule, now: DateTime<Utc>) -> Vec<Problem> {
        let within = Span { start: now, end: now + TimeDelta::weeks(WEEKS_AHEAD) };
        let clashes = away_on_duty(self, &schedule.name, &[], within).unwrap_or_default();
        let told = clashes.into_iter().filter_map(|(person, spans)| {
            let (first, zone) = (spans.first()?, &schedule.zone);
            let more = match spans.len() {
                1 => String::new(),
                2 => ", and once more".to_owned(),
                many => format!(", and {} more times", many - 1),
            };
            let message = format!(
                "{person} is on duty on {} from {} until {} {} and away by a calendar{more}; ask for cover, or write an override",
                schedule.name,
                date(first.start, zone),
                date(first.end, zone),
                zone.name()
            );
            Some(problem(&schedule.place, message))
        });
        told.collect()
    }

    /// Everybody who is on some list from `now` on.
    fn named(&self, now: DateTime<Utc>) -> BTreeSet<&ResponderId> {
        let mut named: BTreeSet<&ResponderId> =
            self.schedules.values().flat_map(|schedule| schedule.members_from(now)).collect();
        for policy in self.policies.values().chain([&self.default_policy]) {
            named.extend(&policy.catch_all);
            named.extend(policy.pages().into_iter().flat_map(|(_, ask)| &ask.page).filter_map(|target| match target {
                Target::Person(person) => Some(person),
                Target::Schedule(_) => None,
            }));
        }
        named
    }
}

/// The first time with nobody on duty. The hours of a schedule that is for some hours only are one too: it is said once.
fn gap(schedule: &Schedule, ahead: &[Segment<'_>], now: DateTime<Utc>) -> Option<Problem> {
    let horizon = now + TimeDelta::weeks(WEEKS_AHEAD);
    let near: Vec<&Segment<'_>> = ahead.iter().take_while(|segment| segment.start < horizon).collect();
    let mut empty =
        near.chunk_by(|a, b| a.on_duty.is_empty() == b.on_duty.is_empty()).filter(|run| run[0].on_duty.is_empty());
    let (first, last) = empty.next().map(|run| (run[0], run[run.len() - 1]))?;
    let more = match empty.count() {
        0 => String::new(),
        1 => format!(", and once more within {WEEKS_AHEAD} weeks"),
        more => format!(", and {more} more times within {WEEKS_AHEAD} weeks"),
    };
    let until = if last.end < now + TimeDelta::days(DAYS_AHEAD) {
        format!("until {} {}", date(last.end, &schedule.zone), schedule.zone.name())
    } else {
        format!("{} on", schedule.zone.name())
    };
    let message = format!(
        "nobody is on duty on {} from {} {until}{more}; write a layer for that time, with a lower priority",
        schedule.name,
        date(first.start, &schedule.zone),
    );
    Some(problem(&schedule.place, message))
}

/// Layers with somebody on duty in their own time, of which no time is left by those above.
fn unreachable(schedule: &Schedule, ahead: &[Segment<'_>], now: DateTime<Utc>) -> Vec<Problem> {
    let counts: BTreeSet<usize> =
        ahead.iter().flat_map(|segment| &segment.reason.turns).map(|turn| turn.layer).collect();
    let layers = schedule.layers.iter().enumerate().filter(|(place, _)| !counts.contains(place));
    let hidden = layers.filter(|(_, layer)| has_somebody(schedule, layer, now));
    let said = hidden.map(|(place, layer)| {
        let above = schedule.layers.iter().take(place).enumerate();
        let covering = above.filter(|(above, other)| counts.contains(above) && other.priority > layer.priority);
        let names: Vec<String> = covering.map(|(_, other)| format!("\"{}\"", other.name)).collect();
        let (names, verb) = (names.join(" and "), if names.len() == 1 { "covers" } else { "cover" });
        let message = format!(
            "layer \"{}\" is never on duty: {names}, of a higher priority, {verb} all of its time in the next \
             {DAYS_AHEAD} days; write a higher priority, or a window for {names}",
            layer.name
        );
        problem(&layer.place, message)
    });
    said.collect()
}

/// Whether a layer by itself has somebody on duty in the time ahead.
fn has_somebody(schedule: &Schedule, layer: &Layer, now: DateTime<Utc>) -> bool {
    let time = Ticks { start: tick(now), end: tick(now + TimeDelta::days(DAYS_AHEAD)) };
    let mut nearby = Nearby::default();
    let mut at = time.start;
    while at < time.end {
        let near = nearby.at(&layer.zone, at);
        let standing = layer.standing(schedule.holidays_of(layer), Role::Primary, Asked::WhoAndWhen, at, near);
        if !standing.group.is_empty() {
            return true;
        }
        at = standing.ticks.end;
    }
    false
}

/// The first time in which somebody is first and second at once.
fn both(schedule: &Schedule, first: &[Segment<'_>], second: &[Segment<'_>], now: DateTime<Utc>) -> Option<Problem> {
    let horizon = now + TimeDelta::weeks(WEEKS_AHEAD);
    let mut seconds = second.iter().peekable();
    for segment in first.iter().take_while(|segment| segment.start < horizon) {
        while seconds.next_if(|second| second.end <= segment.start).is_some() {}
        for other in seconds.clone().take_while(|second| second.start < segment.end) {
            if let Some(person) = segment.on_duty.iter().find(|person| other.on_duty.contains(person)) {
                let start = date(segment.start.max(other.start), &schedule.zone);
                let message = format!(
                    "{person} is first and second on {} from {start} {} on; put another person between two turns of {person}",
                    schedule.name,
                    schedule.zone.name()
                );
                return Some(problem(&schedule.place, message));
            }
        }
    }
    None
}

fn on_no_list(person: &Person) -> Problem {
    let message = format!(
        "{} is on no rotation and in no policy, so nobody ever pages them; write them into one, or take them out",
        person.id
    );
    problem(&person.place, message)
}

/// `Mon 4 Jan 2027 09:00`: whoever reads it may do so on another day.
fn date(at: DateTime<Utc>, zone: &Zone) -> String {
    zone.wall(at).format("%a %-d %b %Y %H:%M").to_string()
}

fn problem(place: &Place, message: String) -> Problem {
    Problem { path: place.path.to_string(), line: place.line, message }
}

#[cfg(test)]
mod tests;
