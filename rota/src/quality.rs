//! How good a schedule is for those who carry it: a score of 0 to 100 over eight weeks, made of six named parts that add up,
//! and the single change that raises it most. The change is found by computing each of a small list of changes in full with
//! `final_schedule`; nothing is estimated, and nothing is changed.
//!
//! Coverage is measured against all hours: a schedule for office hours only cannot reach 100.
//! The shortest rest, 11 hours, is that of directive 2003/88/EC, article 3.

mod proposal;

use crate::gaps::gaps_of;
use crate::ledger::{Clocks, Load, loads, members};
use crate::night::nights;
use crate::on_call::{Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Person, Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts, total};
use crate::span::Span;
use crate::told;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, Utc};
use incident::ResponderId;
pub use proposal::Proposal;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// How many weeks are looked at: each of up to eight people of a weekly rotation has a turn.
pub const QUALITY_WEEKS: u64 = 8;

/// The shortest rest between two shifts that counts as one.
pub(crate) const REST_MIN: TimeDelta = TimeDelta::hours(11);

/// A day off is a time of that length without duty: a day has 23 hours when clocks go forward.
const DAY_OFF: TimeDelta = TimeDelta::hours(23);

/// A turn of a week is nothing to be said against; it has 169 hours when clocks go back.
const RUN_GOOD: TimeDelta = TimeDelta::hours(169);

/// How much shorter or longer somebody's turn is than the same turn of others when clocks change.
const CLOCK_CHANGE: TimeDelta = TimeDelta::hours(1);

/// The nights of such a turn.
const NIGHTS_GOOD: TimeDelta = TimeDelta::hours(57);

/// What a schedule is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// The share of all time with somebody on duty.
    Coverage,
    /// How evenly the members share the hours. In turns of up to a week, one turn more than somebody else is even enough:
    /// eight weeks are no whole number of rounds of three people.
    Hours,
    /// How evenly they share the hours between 22:00 and 06:00.
    Nights,
    /// The longest time of any person between two days off.
    DaysOff,
    /// The rests between two shifts of a person that are shorter than 11 hours.
    Rests,
    /// The share of all duty that is carried by people who can be reached.
    Reachable,
}

impl Measure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Coverage, Self::Hours, Self::Nights, Self::DaysOff, Self::Rests, Self::Reachable];

    /// What a schedule without fault gets. They sum up to 100.
    #[must_use]
    pub const fn points_max(self) -> u32 {
        match self {
            Self::Coverage => 30,
            Self::Hours | Self::Nights | Self::DaysOff | Self::Reachable => 15,
            Self::Rests => 10,
        }
    }

    /// Its name: `balance of hours`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::Hours => "balance of hours",
            Self::Nights => "balance of nights",
            Self::DaysOff => "days off",
            Self::Rests => "rests",
            Self::Reachable => "reachable people",
        }
    }
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is judged.
    pub measure: Measure,
    /// The points, 0 to [`Measure::points_max`]; full only when there is nothing to say against it.
    pub points: u32,
    /// Why so many, in words: `ana has 504 h, ben 168 h`.
    pub because: String,
}

/// How good a schedule is. `Display` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// The schedule.
    pub schedule: String,
    /// The eight weeks that were looked at.
    pub span: Span,
    /// The parts, in the order of [`Measure::ALL`].
    pub parts: Vec<Part>,
    /// The single change that raises the score most, then the best of each other kind; empty when none of those tried
    /// raises it. The changes exclude each other: each is judged on its own.
    pub suggestions: Vec<Suggestion>,
    /// How many changes were tried.
    pub tried: usize,
    zone: Zone,
}

/// A change that raises the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The change.
    pub proposal: Proposal,
    /// The parts of the score after it.
    pub parts: Vec<Part>,
    /// What to do and what it brings: `give dan a turn in weekly: the score rises from 71 to 78 (balance of hours +7)`.
    pub sentence: String,
}

/// Judges `schedule` over the eight weeks from `from`, with the operations that are known. `unreachable` are people of whom
/// more is known than the files say: a page to them fails.
///
/// # Errors
/// When there is no such schedule.
pub fn quality(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    from: DateTime<Utc>,
    clocks: &Clocks,
    unreachable: &[ResponderId],
) -> Result<Quality, UnknownSchedule> {
    let zone = clocks.everybody();
    let wall_end = zone.wall(from).checked_add_days(Days::new(7 * QUALITY_WEEKS)).unwrap_or(NaiveDateTime::MAX);
    let span = Span { start: from, end: zone.instant(wall_end, Occurrence::First) };
    let judge = Judge { schedule, operations, span, clocks, unreachable };
    let parts = judge.parts(rota)?;
    let proposals = proposal::proposals(rota, schedule, |person| judge.is_reachable(rota, person))?;
    let tried = proposals.len();

    let mut best: BTreeMap<&str, (Proposal, Vec<Part>)> = BTreeMap::new();
    let original = rota.schedule(schedule)?;
    let mut changed = rota.clone();
    for proposal in proposals {
        changed.schedules.insert(original.name.clone(), proposal.applied(original, from));
        let after = judge.parts(&changed)?;
        let score_best = best.get(proposal.kind()).map_or(score(&parts), |(_, best)| score(best));
        // Of equals the first: the list begins with the smallest changes.
        if score(&after) > score_best {
            best.insert(proposal.kind(), (proposal, after));
        }
    }
    let suggestion = |(proposal, after): (Proposal, Vec<Part>)| {
        let sentence = format!("{proposal}: {}", rise(&parts, &after));
        Suggestion { proposal, parts: after, sentence }
    };
    let mut suggestions: Vec<Suggestion> = best.into_values().map(suggestion).collect();
    suggestions.sort_by_key(|suggestion| Reverse(suggestion.score()));
    Ok(Quality { schedule: schedule.to_owned(), span, parts, suggestions, tried, zone: zone.clone() })
}

/// The sum of the parts, 0 to 100.
fn score(parts: &[Part]) -> u32 {
    parts.iter().map(|part| part.points).sum()
}

/// `the score rises from 71 to 78 (balance of hours +7)`.
fn rise(before: &[Part], after: &[Part]) -> String {
    let differences = before.iter().zip(after).filter(|(before, after)| before.points != after.points);
    let told: Vec<String> = differences
        .map(|(before, after)| {
            let difference = i64::from(after.points) - i64::from(before.points);
            format!("{} {difference:+}", after.measure.name())
        })
        .collect();
    format!("the score rises from {} to {} ({})", score(before), score(after), told.join(", "))
}

impl Quality {
    /// 0 to 100, the sum of the parts.
    #[must_use]
    pub fn score(&self) -> u32 {
        score(&self.parts)
    }
}

impl Suggestion {
    /// The score after it, 0 to 100.
    #[must_use]
    pub fn score(&self) -> u32 {
        score(&self.parts)
    }
}

impl fmt::Display for Quality {
    /// The score, a line for each part, and what raises it most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = told::span(self.span, &self.zone, self.span.start);
        writeln!(f, "{} scores {} of 100, {time} {}.", self.schedule, self.score(), self.zone.name())?;
        for Part { measure, points, because } in &self.parts {
            writeln!(f, "  {:<17} {points:>2} of {}: {because}", measure.name(), measure.points_max())?;
        }
        let Some((best, others)) = self.suggestions.split_first() else {
            return writeln!(f, "None of {} raises it.", told::count(self.tried, "single change"));
        };
        writeln!(f, "What raises it most: {}.", best.sentence)?;
        others.iter().try_for_each(|other| writeln!(f, "Or {}.", other.sentence))
    }
}

/// What one schedule is judged with, whatever the rota.
struct Judge<'j> {
    schedule: &'j str,
    operations: &'j [Operation],
    span: Span,
    clocks: &'j Clocks,
    unreachable: &'j [ResponderId],
}

/// What the six parts are computed from.
struct Duties<'d> {
    loads: BTreeMap<ResponderId, Load>,
    shifts: BTreeMap<ResponderId, Vec<Span>>,
    gaps: Vec<Span>,
    judge: &'d Judge<'d>,
    rota: &'d Rota,
}

/// Points out of those that a measure has, and why.
type Judged = (u32, String);

impl Judge<'_> {
    fn parts(&self, rota: &Rota) -> Result<Vec<Part>, UnknownSchedule> {
        let segments: Vec<Segment<'_>> =
            final_schedule(rota, self.schedule, self.operations, self.span.start, self.span.end)?;
        let mut loads = loads(&segments, self.clocks, &[]);
        for member in members(rota, self.schedule, self.span.start)? {
            loads.entry(member.clone()).or_default();
        }
        let duties = Duties { loads, shifts: shifts(&segments), gaps: gaps_of(&segments), judge: self, rota };
        Ok(Measure::ALL.map(|measure| duties.part(measure)).into())
    }

    /// Whether anything the files say reaches that person, and nothing speaks against it.
    fn is_reachable(&self, rota: &Rota, person: &ResponderId) -> bool {
        let has_way = |person: &Person| {
            [&person.slack, &person.email, &person.phone, &person.sns, &person.webhook].iter().any(|way| way.is_some())
        };
        !self.unreachable.contains(person) && rota.person(person).is_some_and(has_way)
    }
}

impl Duties<'_> {
    fn part(&self, measure: Measure) -> Part {
        let (points, because) = if self.shifts.is_empty() {
            (0, "nobody is ever on duty".to_owned())
        } else {
            match measure {
                Measure::Coverage => self.coverage(),
                Measure::Hours => self.hours(),
                Measure::Nights => self.nights(),
                Measure::DaysOff => self.days_off(),
                Measure::Rests => self.rests(),
                Measure::Reachable => self.reachable(),
            }
        };
        Part { measure, points, because }
    }

    fn coverage(&self) -> Judged {
        let (whole, uncovered) = (self.judge.span.length(), total(&self.gaps));
        let because = if self.gaps.is_empty() {
            "somebody is on duty at every moment".to_owned()
        } else {
            let gaps = told::count(self.gaps.len(), "gap");
            format!("nobody is on duty for {} of {} ({gaps})", told::length(uncovered), told::length(whole))
        };
        (share(Measure::Coverage, whole - uncovered, whole), because)
    }

    /// How far the members are from equal parts: all points when they are at most one shift apart, none when one of them has
    /// everything, also when there is nobody else. `time` is what is shared, `part` what a shift has of it, `apart_max` the
    /// most that counts as one shift.
    fn balance(
        &self,
        measure: Measure,
        time: impl Fn(&Load) -> TimeDelta,
        part: impl Fn(&ResponderId, &Span) -> TimeDelta,
        apart_max: TimeDelta,
    ) -> Judged {
        let what = if measure == Measure::Nights { "at night" } else { "on duty" };
        let times: Vec<(TimeDelta, &ResponderId)> =
            self.loads.iter().map(|(person, load)| (time(load), person)).collect();
        let sum: TimeDelta = times.iter().map(|(time, _)| *time).sum();
        let least = times.iter().min_by_key(|time| time.0);
        let most = times.iter().rev().max_by_key(|time| time.0);
        let (Some(least), Some(most), false) = (least, most, sum.is_zero()) else {
            return (measure.points_max(), format!("nobody is {what}"));
        };
        if times.len() == 1 {
            return (0, format!("{} carries everything alone", most.1));
        }
        if least.0 == most.0 {
            return (measure.points_max(), format!("everybody has {} {what}", told::length(most.0)));
        }
        let because = format!("{} has {} {what}, {} {}", most.1, told::length(most.0), least.1, told::length(least.0));
        let parts = self.shifts.iter().flat_map(|(person, shifts)| shifts.iter().map(|shift| part(person, shift)));
        if most.0 - least.0 <= parts.max().unwrap_or_default().min(apart_max) + CLOCK_CHANGE {
            return (measure.points_max(), format!("{because}: no more than a shift apart"));
        }
        let count = i32::try_from(times.len()).unwrap_or(i32::MAX);
        let distance: TimeDelta = times.iter().map(|(time, _)| (*time * count - sum).abs()).sum();
        let distance_max = sum * 2 * (count - 1);
        (share(measure, distance_max - distance, distance_max), because)
    }

    fn hours(&self) -> Judged {
        self.balance(Measure::Hours, |load| load.duty, |_, shift| shift.length(), RUN_GOOD)
    }

    fn nights(&self) -> Judged {
        let part = |person: &ResponderId, shift: &Span| {
            total(&intersection(&nights(*shift, self.judge.clocks.zone(person)), &[*shift]))
        };
        self.balance(Measure::Nights, |load| load.at_night, part, NIGHTS_GOOD)
    }

    fn days_off(&self) -> Judged {
        let runs = self.shifts.iter().map(|(person, shifts)| (longest_run(shifts), person));
        // The first of equals, as everywhere in this file.
        let Some((run, person)) = runs.rev().max_by_key(|run| run.0) else {
            return (Measure::DaysOff.points_max(), "nobody is ever on duty".to_owned());
        };
        // One point for each further day that began.
        let excess_hours = (run - RUN_GOOD).num_hours().max(0);
        let lost = u32::try_from(excess_hours / 24 + i64::from(run > RUN_GOOD)).unwrap_or(u32::MAX);
        let told = if run < TimeDelta::days(2) { told::length(run) } else { format!("{} days", run.num_days()) };
        let because = format!("the longest time without a day off is {told}, of {person}");
        (Measure::DaysOff.points_max().saturating_sub(lost), because)
    }

    fn rests(&self) -> Judged {
        let mut rests = 0;
        let mut short: BTreeMap<&ResponderId, usize> = BTreeMap::new();
        for (person, shifts) in &self.shifts {
            for pair in shifts.windows(2) {
                rests += 1;
                if pair[1].start - pair[0].end < REST_MIN {
                    *short.entry(person).or_default() += 1;
                }
            }
        }
        let short_sum: usize = short.values().sum();
        let because = if short_sum == 0 {
            "nobody rests less than 11 h between two shifts".to_owned()
        } else {
            let count = told::count(short_sum, "rest");
            format!("{count} of {rests} between two shifts under 11 h, of {}", told::people(short.into_keys()))
        };
        (share_of_counts(Measure::Rests, rests - short_sum, rests), because)
    }

    fn reachable(&self) -> Judged {
        let on_duty = self.loads.iter().filter(|(_, load)| !load.duty.is_zero());
        let (reached, lost): (Vec<_>, Vec<_>) =
            on_duty.partition(|(person, _)| self.judge.is_reachable(self.rota, person));
        let sum = |part: &[(&ResponderId, &Load)]| part.iter().map(|(_, load)| load.duty).sum::<TimeDelta>();
        let (reached, duty_lost) = (sum(&reached), sum(&lost));
        let because = if lost.is_empty() {
            "everybody on duty can be reached".to_owned()
        } else {
            let people = told::people(lost.into_iter().map(|(person, _)| person));
            format!("{people} cannot be reached: {} of duty", told::length(duty_lost))
        };
        (share(Measure::Reachable, reached, reached + duty_lost), because)
    }
}

/// The points for `good` of `whole`, rounded down, so that the least fault costs one.
fn share(measure: Measure, good: TimeDelta, whole: TimeDelta) -> u32 {
    points(measure, good.num_milliseconds().into(), whole.num_milliseconds().into())
}

/// As [`share`], for things that are counted.
fn share_of_counts(measure: Measure, good: usize, whole: usize) -> u32 {
    points(measure, i128::try_from(good).unwrap_or(0), i128::try_from(whole).unwrap_or(0))
}

fn points(measure: Measure, good: i128, whole: i128) -> u32 {
    let max = measure.points_max();
    if whole <= 0 {
        return max;
    }
    u32::try_from(i128::from(max) * good / whole).unwrap_or(0).min(max)
}

/// The longest time from the start of a shift to the end of one without a day off between.
fn longest_run(shifts: &[Span]) -> TimeDelta {
    let mut longest = TimeDelta::zero();
    let mut run: Option<Span> = None;
    for shift in shifts {
        let start = run.filter(|run| shift.start - run.end < DAY_OFF).map_or(shift.start, |run| run.start);
        run = Some(Span { start, end: shift.end });
        longest = longest.max(shift.end - start);
    }
    longest
}

#[cfg(test)]
mod tests;
