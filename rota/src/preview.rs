//! What a change of the files or of the operations does to a schedule before it is made: whose shifts move, what each
//! person carries, which gaps come and go. Before and after are read by the same `final_schedule` that pages, so a preview
//! can never promise anything else than what comes.

use crate::gaps::gaps_of;
use crate::ledger::{Clocks, Load, load_of};
use crate::on_call::{Reason, Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{difference, shifts, total};
use crate::span::Span;
use crate::told;
use crate::zone::Zone;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a change does to one schedule in a time. `Display` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The schedule.
    pub schedule: String,
    /// The time that was looked at.
    pub span: Span,
    /// The times in which others are on duty than before, in order; outside them nothing changes.
    pub handed: Vec<Handed>,
    /// Everybody on duty before or after, by id; who is not affected has no moves.
    pub people: BTreeMap<ResponderId, PersonPreview>,
    /// The times with nobody on duty before the change.
    pub gaps_before: Vec<Span>,
    /// The times with nobody on duty after it.
    pub gaps_after: Vec<Span>,
    clocks: Clocks,
}

/// A time in which others are on duty than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// When.
    pub span: Span,
    /// Who was to be on duty, first to be paged first.
    pub before: Vec<ResponderId>,
    /// Who is on duty after the change. The same people in another order are a change too: others are paged first.
    pub after: Vec<ResponderId>,
}

/// What a change does to one person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonPreview {
    /// The shifts that are other ones than before, in order. Carried out on the shifts before, they give those after.
    pub moves: Vec<Move>,
    /// What the person carries before the change; pages and holidays are not counted.
    pub before: Load,
    /// What the person carries after it.
    pub after: Load,
}

/// What happens to a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It is no longer theirs.
    Lost(Span),
    /// It is theirs now.
    Gained(Span),
    /// It is at another time: it shares time with the earlier one, or is as long as the earlier one and the nearest such.
    Moved {
        /// When it was.
        from: Span,
        /// When it is.
        to: Span,
    },
}

/// One side of a preview: the files, and what people changed by hand.
pub type Side<'s> = (&'s Rota, &'s [Operation]);

/// What comes of putting `after` in the place of `before`, on `schedule` in `[from, to)`. A schedule that only one of them
/// has is one with nobody on duty in the other.
///
/// # Errors
/// When neither has such a schedule.
pub fn preview(
    before: Side<'_>,
    after: Side<'_>,
    schedule: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Preview, UnknownSchedule> {
    let clocks = Clocks::of(after.0, schedule).or_else(|_| Clocks::of(before.0, schedule))?;
    let segments = |(rota, operations)| {
        // That one of them knows the schedule was just seen.
        final_schedule(rota, schedule, operations, from, to).unwrap_or_else(|_| nobody(from, to))
    };
    let (before, after) = (segments(before), segments(after));
    Ok(Preview {
        schedule: schedule.to_owned(),
        span: Span { start: from, end: to },
        handed: handed(&before, &after),
        people: people(&before, &after, &clocks),
        gaps_before: gaps_of(&before),
        gaps_after: gaps_of(&after),
        clocks,
    })
}

/// A time in which nobody is on duty, as segments.
fn nobody<'r>(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Segment<'r>> {
    let reason = Reason { turns: Vec::new(), operations: Vec::new() };
    let whole = Segment { start: from, end: to, on_duty: Vec::new(), reason };
    (from < to).then_some(whole).into_iter().collect()
}

/// Walks both lists at once; they start and end alike.
fn handed(before: &[Segment<'_>], after: &[Segment<'_>]) -> Vec<Handed> {
    let mut handed: Vec<Handed> = Vec::new();
    let (mut earlier, mut later) = (before.iter().peekable(), after.iter().peekable());
    while let (Some(one), Some(other)) = (earlier.peek(), later.peek()) {
        let span = Span { start: one.start.max(other.start), end: one.end.min(other.end) };
        if one.on_duty != other.on_duty {
            let owned = |people: &[&ResponderId]| people.iter().map(|&person| person.clone()).collect::<Vec<_>>();
            let next = Handed { span, before: owned(&one.on_duty), after: owned(&other.on_duty) };
            match handed.last_mut() {
                Some(last) if last.span.end == span.start && last.before == next.before && last.after == next.after => {
                    last.span.end = span.end;
                }
                _ => handed.push(next),
            }
        }
        let (one_ends, other_ends) = (one.end == span.end, other.end == span.end);
        one_ends.then(|| earlier.next());
        other_ends.then(|| later.next());
    }
    handed
}

fn people(before: &[Segment<'_>], after: &[Segment<'_>], clocks: &Clocks) -> BTreeMap<ResponderId, PersonPreview> {
    let (mut before, mut after) = (shifts(before), shifts(after));
    let everybody: BTreeSet<ResponderId> = before.keys().chain(after.keys()).cloned().collect();
    let preview = |person: ResponderId| {
        let (before, after) = (before.remove(&person).unwrap_or_default(), after.remove(&person).unwrap_or_default());
        let load = |shifts: &[Span]| load_of(shifts, clocks.zone(&person), &[]);
        let preview = PersonPreview { before: load(&before), after: load(&after), moves: moves(&before, &after) };
        (person, preview)
    };
    everybody.into_iter().map(preview).collect()
}

/// What becomes of one person's shifts, in the order of time.
fn moves(before: &[Span], after: &[Span]) -> Vec<Move> {
    let mut lost: Vec<Span> = before.iter().copied().filter(|span| !after.contains(span)).collect();
    let mut gained: Vec<Span> = after.iter().copied().filter(|span| !before.contains(span)).collect();
    let mut moves = Vec::new();
    let overlap =
        |from: &Span, to: &Span| (from.and(*to).length() > TimeDelta::zero()).then(|| -from.and(*to).length());
    let as_long = |from: &Span, to: &Span| (from.length() == to.length()).then(|| (to.start - from.start).abs());
    pair(&mut lost, &mut gained, &mut moves, overlap);
    pair(&mut lost, &mut gained, &mut moves, as_long);
    moves.extend(lost.into_iter().map(Move::Lost));
    moves.extend(gained.into_iter().map(Move::Gained));
    moves.sort_by_key(Move::start);
    moves
}

/// Makes one move of a lost and a gained shift wherever `distance` allows it, for each lost shift the smallest distance.
fn pair(
    lost: &mut Vec<Span>,
    gained: &mut Vec<Span>,
    moves: &mut Vec<Move>,
    distance: impl Fn(&Span, &Span) -> Option<TimeDelta>,
) {
    lost.retain(|from| {
        let nearest =
            gained.iter().enumerate().filter_map(|(place, to)| distance(from, to).map(|far| (far, place))).min();
        if let Some((_, place)) = nearest {
            moves.push(Move::Moved { from: *from, to: gained.remove(place) });
        }
        nearest.is_none()
    });
}

impl Move {
    /// The earliest instant it is about.
    #[must_use]
    pub fn start(&self) -> DateTime<Utc> {
        match self {
            Self::Lost(span) | Self::Gained(span) => span.start,
            Self::Moved { from, to } => from.start.min(to.start),
        }
    }
}

impl Preview {
    /// Whether nothing changes in the time looked at.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.handed.is_empty()
    }

    /// A line for each move.
    fn lines(&self, preview: &PersonPreview, zone: &Zone) -> String {
        let tell = |span: &Span| told::span(*span, zone, self.span.start);
        let line = |step: &Move| match step {
            Move::Lost(span) => format!("  - {}\n", tell(span)),
            Move::Gained(span) => format!("  + {}\n", tell(span)),
            Move::Moved { from, to } => format!("  ~ {}, was {}\n", tell(to), tell(from)),
        };
        preview.moves.iter().map(line).collect()
    }
}

impl fmt::Display for Preview {
    /// The summary, then each affected person with the shifts (`-` lost, `+` gained, `~` moved), then the gaps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.clocks.everybody();
        let time = told::span(self.span, zone, self.span.start);
        if self.is_unchanged() {
            return writeln!(f, "Nothing changes on {}, {time} {}.", self.schedule, zone.name());
        }
        let affected: Vec<_> = self.people.iter().filter(|(_, preview)| !preview.moves.is_empty()).collect();
        let shifts: usize = affected.iter().map(|(_, preview)| preview.moves.len()).sum();
        let people = if affected.len() == 1 { "1 person".to_owned() } else { format!("{} people", affected.len()) };
        if affected.is_empty() {
            return writeln!(f, "Others are paged first on {}, {time} {}; no shift moves.", self.schedule, zone.name());
        }
        let shifts = told::count(shifts, "shift");
        writeln!(f, "This changes {shifts} of {people} on {}, {time} {}.", self.schedule, zone.name())?;
        for (person, preview) in affected {
            let (before, after) = (&preview.before, &preview.after);
            let hours = format!("{} before, {} after", told::length(before.duty), told::length(after.duty));
            let nights = format!("{} before, {} after", told::count(before.nights, "night"), after.nights);
            writeln!(f, "\n{person}: {hours}; {nights}")?;
            write!(f, "{}", self.lines(preview, zone))?;
        }
        let hours = |gaps: &[Span]| told::length(total(gaps));
        if self.gaps_before.is_empty() && self.gaps_after.is_empty() {
            return writeln!(f, "\nNo gaps, before or after.");
        }
        writeln!(f, "\nNobody on duty: {} before, {} after", hours(&self.gaps_before), hours(&self.gaps_after))?;
        for gap in difference(&self.gaps_after, &self.gaps_before) {
            writeln!(f, "  new gap {}", told::span(gap, zone, self.span.start))?;
        }
        for gap in difference(&self.gaps_before, &self.gaps_after) {
            writeln!(f, "  filled  {}", told::span(gap, zone, self.span.start))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
