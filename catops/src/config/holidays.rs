//! The holidays of schedules, read from the calendar files that `rota/*.toml` names. It reads files below the configuration
//! folder and nothing else; what a calendar means is `rota::calendar`'s business.

use crate::clock;
use crate::config::setup::Problem;
use chrono::TimeDelta;
use rota::{Rota, Schedule, Span, calendar};
use std::path::{Component, Path};

/// How far back and ahead holidays are read.
const BACK: TimeDelta = TimeDelta::days(400);
const AHEAD: TimeDelta = TimeDelta::days(1100);
/// The largest calendar read, in bytes.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Puts the holidays into the schedules. A calendar that cannot be read is a problem, and its schedule goes without.
pub(super) fn fill(folder: &Path, rota: &mut Rota, problems: &mut Vec<Problem>) {
    for schedule in rota.schedules.values_mut() {
        let calendars = schedule.holiday_calendars.clone();
        for name in calendars {
            match read(folder, &name, schedule) {
                Ok(found) => schedule.holidays.extend(found),
                Err(message) => problems.push(Problem {
                    path: schedule.place.path.to_string(),
                    line: schedule.place.line,
                    message: format!("holidays \"{name}\" {message}"),
                }),
            }
        }
    }
}

fn read(folder: &Path, name: &str, schedule: &Schedule) -> Result<Vec<rota::Holiday>, String> {
    if name.contains("://") {
        return Err(
            "is an address; save that calendar beside the configuration and name the file, like \"holidays/es.ics\""
                .into(),
        );
    }
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside {
        return Err("leads out of the configuration folder; write it like \"holidays/es.ics\"".into());
    }
    let path = folder.join(name);
    let size = std::fs::metadata(&path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > BYTES_MAX {
        return Err("is larger than 4 MiB".into());
    }
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot be read: {error}"))?;
    let now = clock::now();
    let window = Span { start: now - BACK, end: now + AHEAD };
    let read = calendar::read_calendar(&bytes, &schedule.zone, window).map_err(|error| error.to_string())?;
    Ok(calendar::holidays(&read, &schedule.zone))
}
