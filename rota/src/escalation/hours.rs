//! Hours of a policy: whether they are open, and when that changes. The words were checked when the file was read; those of
//! a plan that an older release wrote, or whose zone is gone, count as never open.

use crate::parse::window_named;
use crate::ticks::{instant, tick};
use crate::window::{self, Window};
use crate::zone::{Nearby, Zone};
use chrono::{DateTime, TimeDelta, Timelike, Utc, Weekday};
use incident::{Edge, Hours};

/// No wait is longer: a window of a week begins within seven days, and a day that a zone skipped may be one of them.
const WAIT_MAX: TimeDelta = TimeDelta::days(9);

/// Windows that follow on one another without a break are looked through so often.
const PIECES_MAX: usize = 64;

const MINUTES_A_WEEK: usize = 7 * 24 * 60;

/// Whether they are open.
pub(super) fn is_open(hours: &Hours, at: DateTime<Utc>) -> bool {
    read(hours).is_some_and(|(windows, zone)| open_until(&windows, &zone, at).is_ok())
}

/// When they open or close next; `None` when they are open or closed already, or never will be.
pub(super) fn changes(hours: &Hours, edge: Edge, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (windows, zone) = read(hours)?;
    let mut now = at;
    for _ in 0..PIECES_MAX {
        now = match (open_until(&windows, &zone, now), edge) {
            (Ok(end), Edge::Close) | (Err(end), Edge::Open) => end,
            (Ok(_), Edge::Open) | (Err(_), Edge::Close) => break,
        };
        if now - at > WAIT_MAX {
            return None;
        }
    }
    (now > at).then_some(now)
}

/// Until when they are open, or closed, without looking past the window that is open now.
fn open_until(windows: &[Window], zone: &Zone, at: DateTime<Utc>) -> Result<DateTime<Utc>, DateTime<Utc>> {
    let mut nearby = Nearby::default();
    let near = nearby.at(zone, tick(at));
    match window::open(windows, near) {
        Some(open) => Ok(instant(open.end)),
        None => Err(instant(window::closed(windows, near).end)),
    }
}

fn read(hours: &Hours) -> Option<(Vec<Window>, Zone)> {
    let windows: Option<Vec<Window>> = hours.windows.iter().map(|text| window_named(text).ok()).collect();
    Some((windows.filter(|windows| !windows.is_empty())?, Zone::get(&hours.zone)?))
}

/// The minutes of a week in which they are open, from Monday 00:00 by the clock of their zone.
pub(super) fn week(hours: &Hours) -> Vec<bool> {
    let mut week = vec![false; MINUTES_A_WEEK];
    for window in read(hours).map(|(windows, _)| windows).unwrap_or_default() {
        for day in 0..7 {
            let weekday = Weekday::try_from(day).unwrap_or(Weekday::Mon);
            if !window.days.contains(weekday) {
                continue;
            }
            let minute = |time: chrono::NaiveTime| usize::try_from(time.hour() * 60 + time.minute()).unwrap_or(0);
            let midnight = usize::from(day) * 24 * 60;
            let ends = midnight + usize::from(window.days_open) * 24 * 60 + minute(window.to);
            (midnight + minute(window.from)..ends).for_each(|at| week[at % MINUTES_A_WEEK] = true);
        }
    }
    week
}

/// Whether there is no time in which both are open. Of two zones that is not known.
pub(super) fn are_apart(one: &Hours, other: &Hours) -> bool {
    one.zone == other.zone && !week(one).iter().zip(week(other)).any(|(one, other)| *one && other)
}

/// Whether the one is only open while the other is.
pub(super) fn is_within(one: &Hours, other: &Hours) -> bool {
    one.zone == other.zone && week(one).iter().zip(week(other)).all(|(one, other)| !*one || other)
}
