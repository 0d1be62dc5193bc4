//! What every command about who is on call starts from: the configuration, the changes that people made, and how names and
//! times are told to a terminal. It asks the log only when a data folder is named, and writes nothing.

use super::read::{Reader, block_on};
use crate::config::Setup;
use crate::flow::causes::Causes;
use crate::flow::{calendars, triage, versions};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use rota::{Operation, Rota, Span, When, Zone};
use serde_json::{Value, json};
use std::path::Path;

/// Ten years: nobody keeps the same rota for longer, and an answer of more lines is read by nobody.
const WEEKS_MAX: u32 = 520;

/// The rota of a configuration folder.
pub(super) fn rota(config: &Path) -> Result<Rota> {
    let Some(setup) = Setup::read(config).setup else {
        bail!("{0} cannot be used; `catops lint {0}` says why", config.display());
    };
    // An answer without them may be another one.
    for name in setup.config.calendars.iter().filter(|(_, calendar)| calendar.url.is_some()).map(|(name, _)| name) {
        eprintln!(
            "calendar {name} is fetched by the server and counts for nothing here; name its data folder with --data"
        );
    }
    Ok(setup.rota)
}

/// The rota of a configuration folder after the versions before it, and the changes that people made: both lie in the log, and
/// count when a data folder is named.
pub(super) fn standing(config: &Path, data: Option<&Data>) -> Result<(Rota, Vec<Operation>)> {
    let Some(data) = data else { return Ok((rota(config)?, Vec::new())) };
    let Some(mut setup) = Setup::read(config).setup else {
        bail!("{0} cannot be used; `catops lint {0}` says why", config.display());
    };
    let reader = Reader::open(data)?;
    let operations = block_on(async {
        versions::recall(reader.log(), &mut setup).await.context("reading the versions of the rota")?;
        let now = crate::clock::now();
        for say in calendars::statuses(reader.log(), &setup).await?.iter().filter_map(|status| status.say(now)) {
            eprintln!("{say}");
        }
        triage::operations(reader.log()).await.context("reading the changes of the schedules")
    })?;
    Ok((setup.rota, operations))
}

/// The changes that people made to the schedules; none when no data folder is named.
pub(super) fn operations(data: Option<&Data>) -> Result<Vec<Operation>> {
    let Some(data) = data else { return Ok(Vec::new()) };
    let reader = Reader::open(data)?;
    block_on(async { triage::operations(reader.log()).await.context("reading the changes of the schedules") })
}

/// What the log knows of the causes of who is on call; nothing when no data folder is named.
pub(super) fn causes(data: Option<&Data>) -> Result<Causes> {
    let Some(data) = data else { return Ok(Causes::default()) };
    let reader = Reader::open(data)?;
    block_on(async { Causes::load(reader.log()).await.context("reading the changes of the schedules") })
}

/// The schedule that was asked for, else all of them.
pub(super) fn schedules(rota: &Rota, wanted: Option<&str>) -> Result<Vec<String>> {
    if let Some(wanted) = wanted {
        if let Err(unknown) = rota.schedule(wanted) {
            let known: Vec<&str> = rota.schedules.keys().map(String::as_str).collect();
            bail!("{unknown} (there are: {})", known.join(", "));
        }
        return Ok(vec![wanted.to_owned()]);
    }
    if rota.schedules.is_empty() {
        bail!("the rota has no schedule; write one as [schedules.NAME] in rota/*.toml");
    }
    Ok(rota.schedules.keys().cloned().collect())
}

/// The moment that was typed, in the words of [`When`], else now.
pub(super) fn moment(typed: Option<&str>, zone: &Zone) -> Result<DateTime<Utc>> {
    let now = crate::clock::now();
    Ok(typed.map(|typed| When::parse(typed, zone, now)).transpose()?.map_or(now, |when| when.at))
}

/// So many weeks from a moment on.
pub(super) fn weeks(from: DateTime<Utc>, weeks: u32) -> Result<Span> {
    if weeks == 0 || weeks > WEEKS_MAX {
        bail!("--weeks is {weeks}; it is 1 to {WEEKS_MAX}");
    }
    let end = from.checked_add_signed(TimeDelta::weeks(weeks.into())).context("--weeks is too long")?;
    Ok(Span { start: from, end })
}

/// `Ana Ruiz, Ben Okafor`, or `nobody`; people whom the rota does not know go by their id.
pub(super) fn names<'p>(rota: &Rota, people: impl IntoIterator<Item = &'p ResponderId>) -> String {
    let name = |id: &ResponderId| rota.person(id).map_or_else(|| id.0.clone(), |person| person.name.clone());
    let names: Vec<String> = people.into_iter().map(name).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// `Mon 7 Dec 2026 09:00`, on the clocks of `zone`.
pub(super) fn local(at: DateTime<Utc>, zone: &Zone) -> String {
    zone.wall(at).format("%a %-d %b %Y %H:%M").to_string()
}

/// `Mon 7 Dec 2026 09:00 to Mon 14 Dec 2026 09:00`; the second day only when it is another one.
pub(super) fn span(span: Span, zone: &Zone) -> String {
    let (start, end) = (zone.wall(span.start), zone.wall(span.end));
    if start.date() == end.date() {
        return format!("{} to {}", local(span.start, zone), end.format("%H:%M"));
    }
    format!("{} to {}", local(span.start, zone), local(span.end, zone))
}

/// `56 h`, `1 h 30 min`, `20 min`, `36 s`.
pub(super) fn length(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{} s", length.num_seconds()),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// `1 gap`, `2 gaps`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// What a person carries, as JSON; times in hours.
pub(super) fn load(load: &rota::Load) -> Value {
    let hours = |time: TimeDelta| time.num_seconds() as f64 / 3600.0;
    json!({
        "duty_hours": hours(load.duty), "night_hours": hours(load.at_night), "weekend_hours": hours(load.on_weekends),
        "holiday_hours": hours(load.on_holidays), "nights": load.nights, "shifts": load.shifts,
        "pages": load.pages, "pages_at_night": load.pages_at_night,
    })
}

/// Prints JSON for programs.
pub(super) fn print_json(value: &Value) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value).context("printing")?);
    Ok(())
}
