//! Holidays, and layers that do not count on them or count on nothing else. Where holidays come from is the caller's
//! business: here they are names with dates. A holiday is a calendar day of the layer's zone, from midnight to midnight,
//! also for a window that began the day before: a layer that is off on holidays and one that counts only on them leave no
//! hole between them.

use crate::ticks::Ticks;
use crate::zone::{DAY_SECONDS, Near, Occurrence};
use chrono::NaiveDate;

/// A day or days on which people are off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holiday {
    /// As people call it: `Epiphany`.
    pub name: String,
    /// The first day.
    pub from: NaiveDate,
    /// The first day after it that is none.
    pub to: NaiveDate,
}

impl Holiday {
    /// Its days, in order; at most ten years of them.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(|day| *day < self.to).take(3653)
    }
}

/// What a layer does on holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnHolidays {
    /// It counts as on other days.
    #[default]
    AsAlways,
    /// It does not count.
    Off,
    /// It counts on no other day.
    Only,
}

/// Whether the instant is in one of `holidays`, with the time around it in which that stays so.
pub(crate) fn holiday(holidays: &[Holiday], near: &Near<'_>) -> (bool, Ticks) {
    let mut inside = false;
    let mut same = Ticks::ALWAYS;
    let at = near.at().saturating_mul(1_000_000_000);
    for holiday in holidays {
        let [start, end] = [holiday.from, holiday.to].map(|date| {
            let midnight = i64::from(date.to_epoch_days()) * DAY_SECONDS;
            near.second(midnight, Occurrence::First)
        });
        if start < end {
            inside |= start <= near.at() && near.at() < end;
            let ticks = Ticks::of_seconds(start, end);
            same = same.cut(ticks.start, at).cut(ticks.end, at);
        }
    }
    (inside, same)
}

impl OnHolidays {
    /// Whether a layer counts, given whether it is a holiday.
    pub(crate) const fn counts(self, is_holiday: bool) -> bool {
        match self {
            Self::AsAlways => true,
            Self::Off => !is_holiday,
            Self::Only => is_holiday,
        }
    }
}

#[cfg(test)]
mod tests;
