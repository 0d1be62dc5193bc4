//! Hours and lengths: how the tools count them and how `rota/*.toml` writes them. Windows are whole minutes there, turns
//! whole hours; what does not fit is rounded outwards or refused, never cut.

use crate::{Every, Unit};
use chrono::{NaiveTime, TimeDelta, Timelike, Weekday};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// Monday to Sunday.
pub(super) const WEEKDAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// The years that `rota/*.toml` can name.
pub(super) const YEARS: std::ops::Range<i32> = 1970..2200;

/// A turn for a layer that is refused.
pub(super) const ONE_DAY: Every = Every { length: 1, unit: Unit::Day };

/// Hours on some weekdays, as the files can say them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) days: Vec<Weekday>,
    pub(super) from: NaiveTime,
    pub(super) to: NaiveTime,
    /// How many days after it opens it closes, 0 to 7.
    pub(super) days_open: u8,
}

/// When a layer is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    Always,
    During(Window),
    Never,
}

/// What opens at `from` on `days` for so many seconds: to the next whole minute, a week at most.
pub(super) fn open(days: &[Weekday], from: NaiveTime, seconds: i64) -> Open {
    if seconds <= 0 || days.is_empty() {
        return Open::Never;
    }
    let from_seconds = i64::from(from.num_seconds_from_midnight() / 60 * 60);
    let end = (i64::from(from.num_seconds_from_midnight()).saturating_add(seconds)).saturating_add(59) / 60 * 60;
    let length = end - from_seconds;
    if length >= WEEK || (length >= DAY && days.len() == 7) {
        return Open::Always;
    }
    let window = |days: &[Weekday]| {
        let days_open = u8::try_from(end / DAY).ok()?;
        Some(Window { days: days.to_vec(), from: time(from_seconds), to: time(end % DAY), days_open })
    };
    window(days).map_or(Open::Always, Open::During)
}

/// From a time of one weekday to a time of another (or a later time of the same one), in minutes of the day.
pub(super) fn open_between(from: (Weekday, i64), to: (Weekday, i64)) -> Open {
    let days = i64::from(to.0.days_since(from.0));
    let minutes = days * 1_440 + to.1 - from.1;
    let minutes = if minutes <= 0 { minutes + 7 * 1_440 } else { minutes };
    open(&[from.0], time(from.1 * 60), minutes * 60)
}

/// Every one of `days` from a minute to a minute of the day; to the same or an earlier one is to that of the next day.
pub(super) fn open_daily(days: &[Weekday], from: i64, to: i64) -> Open {
    let minutes = if to <= from { to + 1_440 - from } else { to - from };
    open(days, time(from * 60), minutes * 60)
}

/// All windows of a layer in few words; `None` when it is never open. One that is always open needs no window.
pub(super) fn together(parts: impl IntoIterator<Item = Open>) -> Option<Vec<Window>> {
    let mut windows: Vec<Window> = Vec::new();
    let mut never = false;
    for part in parts {
        match part {
            Open::Always => return Some(Vec::new()),
            Open::Never => never = true,
            Open::During(window) => match windows.iter_mut().find(|other| same_hours(other, &window)) {
                Some(other) => other.days.extend(window.days),
                None => windows.push(window),
            },
        }
    }
    for window in &mut windows {
        window.days.sort_by_key(Weekday::num_days_from_monday);
        window.days.dedup();
    }
    let always = |window: &Window| window.days.len() == 7 && window.days_open == 1 && window.from == window.to;
    if windows.iter().any(always) {
        return Some(Vec::new());
    }
    windows.sort_by_key(|window| (window.days.first().map(Weekday::num_days_from_monday), window.from, window.to));
    (!never || !windows.is_empty()).then_some(windows)
}

/// As the files write them; a window over several days for each day on which it opens.
pub(super) fn written(window: &Window) -> Vec<String> {
    let (from, to) = (window.from.format("%H:%M"), window.to.format("%H:%M"));
    let hours = i64::from(window.days_open) * DAY + seconds(window.to) - seconds(window.from);
    if hours > DAY {
        let to_day = |day: &Weekday| (0..window.days_open).fold(*day, |day, _| day.succ());
        return window.days.iter().map(|day| format!("{day} {from} - {} {to}", to_day(day))).collect();
    }
    let days = days(&window.days);
    let whole_days = hours == DAY && seconds(window.from) == 0;
    vec![match (window.days.len(), whole_days) {
        (7, _) => format!("{from}-{to}"),
        (_, true) => days,
        (_, false) => format!("{days} {from}-{to}"),
    }]
}

/// A turn of so many seconds of wall time; `None` when it is not whole hours, nothing, or longer than turns can be.
pub(super) fn every(seconds: i64) -> Option<Every> {
    let units = [(WEEK, Unit::Week), (DAY, Unit::Day), (3_600, Unit::Hour)];
    let (length, unit) = units.into_iter().find(|(length, _)| seconds > 0 && seconds % length == 0)?;
    every_of(seconds / length, unit)
}

/// So many units; `None` when that is no length of a turn.
pub(super) fn every_of(length: i64, unit: Unit) -> Option<Every> {
    let length = u32::try_from(length).ok().filter(|length| (1..=Every::LENGTH_MAX).contains(length))?;
    Some(Every { length, unit })
}

/// `1 week`, `12 hours`.
pub(super) fn every_written(every: Every) -> String {
    let unit = match every.unit {
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Year => "year",
    };
    let plural = if every.length == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", every.length)
}

/// `90s`, `5m`, `2h`.
pub(super) fn wait_written(wait: TimeDelta) -> String {
    match wait.num_seconds() {
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// `Mon-Fri`, `Sat,Sun`: three days in a row and more as a range.
fn days(days: &[Weekday]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = days;
    while let Some(first) = rest.first() {
        let start = first.num_days_from_monday();
        let row = (start..).zip(rest).take_while(|(number, day)| *number == day.num_days_from_monday()).count();
        let (run, later) = rest.split_at(row);
        match run {
            [first, _, .., last] => words.push(format!("{first}-{last}")),
            short => words.extend(short.iter().map(Weekday::to_string)),
        }
        rest = later;
    }
    words.join(",")
}

fn same_hours(a: &Window, b: &Window) -> bool {
    (a.from, a.to, a.days_open) == (b.from, b.to, b.days_open)
}

fn seconds(time: NaiveTime) -> i64 {
    time.num_seconds_from_midnight().into()
}

/// A time of the day from its second, which is below a day's.
fn time(seconds: i64) -> NaiveTime {
    u32::try_from(seconds.rem_euclid(DAY))
        .ok()
        .and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0))
        .unwrap_or_default()
}
