//! A schedule as a picture: whole weeks as text for a terminal, one block a week, a letter for every two hours; and the same
//! as SVG. It shows what `final_schedule` says, and has no colours, so that it reads the same in a log or on paper.

mod letters;
mod svg;

use crate::gaps::gaps_of;
use crate::ledger::{Clocks, loads};
use crate::on_call::{Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::total;
use crate::span::Span;
use crate::told;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use incident::ResponderId;
use letters::{Letters, printable};
pub use svg::picture_svg;

/// The hours behind one letter.
const SLOT_HOURS: u32 = 2;
/// Letters a day.
const SLOTS: usize = 12;
/// Shown where nobody is on duty, if only for a moment.
const GAP: char = '!';
/// Gaps told in words below the picture.
const GAPS_TOLD_MAX: usize = 10;

/// Whole weeks, Monday to Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weeks {
    first: NaiveDate,
    count: u32,
}

impl Weeks {
    /// Weeks in one picture at most: a year.
    pub const COUNT_MAX: u32 = 53;

    /// `count` weeks from the one that holds `day`: at least 1, at most [`Weeks::COUNT_MAX`].
    #[must_use]
    pub fn from(day: NaiveDate, count: u32) -> Self {
        let back = Days::new(day.weekday().num_days_from_monday().into());
        Self { first: day.checked_sub_days(back).unwrap_or(day), count: count.clamp(1, Self::COUNT_MAX) }
    }

    /// The four to six weeks that show the month of `day`.
    #[must_use]
    pub fn of_month(day: NaiveDate) -> Self {
        let first = day.with_day(1).unwrap_or(day);
        let last = first.iter_days().take_while(|next| next.month() == first.month()).last().unwrap_or(first);
        let weeks = Self::from(first, 1);
        let days = (last - weeks.first).num_days();
        Self { count: u32::try_from(days / 7 + 1).unwrap_or(1), ..weeks }
    }

    /// The day that comes `number` days after the first Monday.
    fn day(self, number: u32) -> NaiveDate {
        self.first.checked_add_days(Days::new(number.into())).unwrap_or(self.first)
    }

    /// From the first Monday 00:00 to the Monday after, in that zone.
    fn span(self, zone: &Zone) -> Span {
        let midnight = |day: NaiveDate| zone.instant(day.and_time(NaiveTime::MIN), Occurrence::First);
        Span { start: midnight(self.first), end: midnight(self.day(7 * self.count)) }
    }
}

/// The weeks as text, at most 100 columns wide, in the zone of the schedule: for each week its days, and below them the
/// people on duty, a letter for two hours. Who is on duty together is in lines below each other. The day of `now` is in
/// brackets. A legend says who is who and carries how much, and which gaps there are.
///
/// # Errors
/// When there is no such schedule.
pub fn picture(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    weeks: Weeks,
    now: DateTime<Utc>,
) -> Result<String, UnknownSchedule> {
    let zone = &rota.schedule(schedule)?.zone;
    let span = weeks.span(zone);
    let segments = final_schedule(rota, schedule, operations, span.start, span.end)?;
    let letters = letters_of(rota, schedule, &segments)?;
    let last = weeks.day(7 * weeks.count - 1);
    let mut text = format!(
        "{schedule}, {} to {}, {}; a letter is {SLOT_HOURS} hours\n",
        weeks.first.format("%a %-d %b %Y"),
        last.format("%a %-d %b %Y"),
        zone.name()
    );
    let today = zone.wall(now).date();
    for week in 0..weeks.count {
        let days: Vec<NaiveDate> = (7 * week..7 * week + 7).map(|number| weeks.day(number)).collect();
        text.push('\n');
        line(&mut text, days.iter().map(|day| heading(*day, today)));
        let columns: Vec<Vec<Vec<char>>> = days.iter().map(|day| column(*day, zone, &segments, &letters)).collect();
        let height = columns.iter().flatten().map(Vec::len).max().unwrap_or(0);
        for row in 0..height {
            let shown =
                |column: &Vec<Vec<char>>| column.iter().map(|slot| slot.get(row).copied().unwrap_or(' ')).collect();
            line(&mut text, columns.iter().map(shown));
        }
    }
    text.push_str(&legend(rota, &segments, &letters, &Clocks::new(zone.clone()), now));
    Ok(text)
}

/// Everybody with a letter: who can be on duty, and who is.
fn letters_of(rota: &Rota, schedule: &str, segments: &[Segment<'_>]) -> Result<Letters, UnknownSchedule> {
    let on_duty = segments.iter().flat_map(|segment| segment.on_duty.iter().copied());
    Ok(Letters::of(rota.members(schedule)?.into_iter().chain(on_duty)))
}

/// One line of seven cells.
fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:<SLOTS$}")).collect();
    text.push_str("  ");
    text.push_str(cells.join(" ").trim_end());
    text.push('\n');
}

fn heading(day: NaiveDate, today: NaiveDate) -> String {
    let name = day.format("%a %-d %b");
    if day == today { format!("[{name}]") } else { name.to_string() }
}

/// The twelve slots of a day, each with what is shown, first line first.
fn column(day: NaiveDate, zone: &Zone, segments: &[Segment<'_>], letters: &Letters) -> Vec<Vec<char>> {
    let hours = |hours: u32| TimeDelta::hours(hours.into());
    let at = |wall: NaiveDateTime| zone.instant(wall, Occurrence::First);
    let midnight = day.and_time(NaiveTime::MIN);
    let slot = |number: u32| Span {
        start: at(midnight + hours(SLOT_HOURS * number)),
        end: at(midnight + hours(SLOT_HOURS * (number + 1))),
    };
    (0..24 / SLOT_HOURS).map(|number| shown(slot(number), segments, letters)).collect()
}

/// What is shown for a time: the gap, if there is one; then all who are on duty for half of it or more, else whoever is
/// longest. Nothing, when clocks skip it.
fn shown(slot: Span, segments: &[Segment<'_>], letters: &Letters) -> Vec<char> {
    let mut gap = false;
    let mut times: Vec<(&ResponderId, TimeDelta)> = Vec::new();
    let first = segments.partition_point(|segment| segment.end <= slot.start);
    for segment in segments.iter().skip(first).take_while(|segment| segment.start < slot.end) {
        let time = slot.and(Span { start: segment.start, end: segment.end }).length();
        gap |= segment.on_duty.is_empty();
        for &person in &segment.on_duty {
            match times.iter_mut().find(|(known, _)| *known == person) {
                Some((_, known)) => *known += time,
                None => times.push((person, time)),
            }
        }
    }
    let longest = times.iter().map(|(_, time)| *time).max().unwrap_or_default();
    let enough = longest.min(slot.length() / 2);
    let people = times.iter().filter(|(_, time)| *time >= enough).map(|(person, _)| letters.letter(person));
    // Two people who share a slot in halves took turns; the first of them is shown.
    let together = times.iter().map(|(_, time)| *time).sum::<TimeDelta>() > slot.length();
    let people = people.take(if together { usize::MAX } else { 1 });
    gap.then_some(GAP).into_iter().chain(people.filter(|_| !gap)).collect()
}

/// Who is who and what they carry in these weeks, then the gaps.
fn legend(rota: &Rota, segments: &[Segment<'_>], letters: &Letters, clocks: &Clocks, now: DateTime<Utc>) -> String {
    let loads = loads(segments, clocks, &[]);
    let mut text = "\n".to_owned();
    for (letter, person) in letters.iter() {
        let name = rota.person(person).map_or(person.as_str(), |person| &person.name);
        let load = loads.get(person).copied().unwrap_or_default();
        let (hours, nights) = (told::length(load.duty), told::count(load.nights, "night"));
        text.push_str(&format!("  {letter}  {}: {hours}, {nights}\n", printable(name)));
    }
    let gaps = gaps_of(segments);
    if gaps.is_empty() {
        return text;
    }
    text.push_str(&format!("  {GAP}  nobody: {}\n", told::length(total(&gaps))));
    for gap in gaps.iter().take(GAPS_TOLD_MAX) {
        text.push_str(&format!("     {}\n", told::span(*gap, clocks.everybody(), now)));
    }
    if gaps.len() > GAPS_TOLD_MAX {
        text.push_str(&format!("     and {} more\n", gaps.len() - GAPS_TOLD_MAX));
    }
    text
}

#[cfg(test)]
mod tests;
