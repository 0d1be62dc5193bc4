//! `[calendars.NAME]` of catops.toml, and what the rota names of them: which calendars there are, where each comes from, and
//! the texts of those that are files here. It fetches nothing; what a calendar means is `rota::calendar`'s business.
//!
//! An address is often a secret: nothing here says one.

use crate::clock;
use crate::config::file::{Config, duration};
use crate::config::secret::SecretRef;
use crate::config::setup::Problem;
use chrono::{TimeDelta, Utc};
use log::{Digest, RAW_BYTES_MAX};
use rota::calendar::{Imported, Misread, Texts, condensed};
use rota::{Rota, Span};
use serde::Deserialize;
use std::path::{Component, Path};

/// How far back and ahead calendars are laid out.
const BACK: TimeDelta = TimeDelta::days(400);
const AHEAD: TimeDelta = TimeDelta::days(1100);
/// The largest file read, in bytes; what is read of an address is as large.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The shortest time between two fetches.
pub const REFRESH_MIN: TimeDelta = TimeDelta::minutes(1);
/// Before the name of a calendar whose address stands in `holidays`.
const OF_ADDRESS: &str = "holidays-";

/// A calendar that others keep.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarConfig {
    /// Its address: `https://...`, or where that is to be found, `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub url: Option<SecretRef>,
    /// A file below the configuration folder, instead.
    #[serde(default)]
    pub file: Option<String>,
    /// Between two fetches of an address; at least a minute.
    #[serde(default = "hourly", deserialize_with = "duration")]
    pub refresh: TimeDelta,
    /// Whether it says of everybody when they are away.
    #[serde(default)]
    pub absences: bool,
    /// Whether cover is asked for in the name of who is on duty and away by it.
    #[serde(default)]
    pub ask_for_cover: bool,
}

const fn hourly() -> TimeDelta {
    TimeDelta::hours(1)
}

/// What the files of a configuration folder say of calendars.
#[derive(Debug, Default)]
pub struct Calendars {
    /// The texts of those that are files, by name.
    pub texts: Texts,
    /// What of calendars does not count, as they were read last.
    pub misread: Vec<Misread>,
    /// What counts.
    pub imported: Imported,
    /// Of what it was made from; empty where no log was asked.
    pub made_from: String,
}

impl CalendarConfig {
    fn at(url: SecretRef) -> Self {
        Self { url: Some(url), file: None, refresh: hourly(), absences: false, ask_for_cover: false }
    }

    /// The SHA-256 of where it comes from, in hexadecimal: says whether that changed, and nothing else.
    #[must_use]
    pub fn place(&self) -> String {
        let place = match (&self.url, &self.file) {
            (Some(SecretRef::Plain(address)), _) => address.clone(),
            (Some(reference), _) => format!("{reference:?} {}", reference.read().unwrap_or_default()),
            (None, file) => format!("file {}", file.as_deref().unwrap_or_default()),
        };
        Digest::of(place.as_bytes()).to_string()
    }
}

/// The time that calendars are laid out for at `now`.
#[must_use]
pub fn window(now: chrono::DateTime<Utc>) -> Span {
    Span { start: now - BACK, end: now + AHEAD }
}

/// The text of a calendar as it is kept.
///
/// # Errors
/// It is no calendar, or too large.
pub fn kept_text(bytes: &[u8], now: chrono::DateTime<Utc>) -> Result<String, String> {
    let text = condensed(bytes, (now - BACK).date_naive()).map_err(|unreadable| unreadable.to_string())?;
    if text.len() > RAW_BYTES_MAX {
        return Err(format!(
            "the calendar has {} bytes about events, more than the {RAW_BYTES_MAX} that are kept; ask for one that goes back less far",
            text.len()
        ));
    }
    Ok(text)
}

/// The names of the calendars that say of everybody when they are away.
#[must_use]
pub fn absences(config: &Config) -> Vec<String> {
    let shared = config.calendars.iter().filter(|(_, calendar)| calendar.absences);
    shared.map(|(name, _)| name.clone()).collect()
}

/// Gives each calendar of the rota a name of `config`, reads those that are files, and puts what they say into the rota. What
/// is wrong is a problem, and that calendar says nothing.
pub(super) fn fill(folder: &Path, config: &mut Config, rota: &mut Rota, problems: &mut Vec<Problem>) -> Calendars {
    let mut texts = Texts::new();
    for schedule in rota.schedules.values_mut() {
        for source in &mut schedule.holiday_calendars {
            let mut report = |message: String| {
                let (path, line) = (schedule.place.path.to_string(), schedule.place.line);
                problems.push(Problem { path, line, message });
            };
            if let Some(name) = source.strip_prefix("calendar:") {
                *source = name.trim().to_owned();
            } else if let Some((_, rest)) = source.split_once("://") {
                let address = format!("https://{rest}");
                if !["https://", "webcal://", "webcals://"].iter().any(|scheme| source.starts_with(scheme)) {
                    report(
                        "holidays has an address that does not begin with https://; nothing else is fetched".to_owned(),
                    );
                }
                let name =
                    format!("{OF_ADDRESS}{}", Digest::of(address.as_bytes()).to_string().get(..8).unwrap_or_default());
                config.calendars.entry(name.clone()).or_insert_with(|| CalendarConfig::at(SecretRef::Plain(address)));
                *source = name;
            } else {
                let file = source.clone();
                // No calendar has a slash in its name.
                *source = format!("./{file}");
                match read_file(folder, &file) {
                    Ok(text) => drop(texts.insert(source.clone(), text)),
                    Err(message) => report(format!("holidays \"{file}\" {message}")),
                }
            }
        }
    }
    for (name, calendar) in &config.calendars {
        let Some(file) = calendar.file.as_ref().filter(|_| calendar.url.is_none()) else { continue };
        match read_file(folder, file) {
            Ok(text) => drop(texts.insert(name.clone(), text)),
            Err(message) => {
                let message =
                    format!("calendars.{name}: \"{file}\" {message}; the last copy that could be read counts");
                problems.push(Problem { path: "catops.toml".to_owned(), line: 0, message });
            }
        }
    }
    let (imported, misread) = Imported::read(rota, &texts, &absences(config), window(clock::now()));
    imported.fill(rota);
    Calendars { texts, misread, imported, made_from: String::new() }
}

fn read_file(folder: &Path, name: &str) -> Result<String, String> {
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside {
        return Err("leads out of the configuration folder; write it like \"holidays/es.ics\"".into());
    }
    let path = folder.join(name);
    let size = std::fs::metadata(&path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > FILE_BYTES_MAX {
        return Err("is larger than 8 MiB".into());
    }
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot be read: {error}"))?;
    kept_text(&bytes, clock::now())
}

/// What is wrong between catops.toml and the rota.
pub(super) fn cross_check(folder: &Path, config: &Config, rota: &Rota, problems: &mut Vec<Problem>) {
    for (name, place) in Imported::named(rota) {
        if !name.starts_with("./") && !config.calendars.contains_key(&name) {
            let message = format!("names the calendar \"{name}\", and catops.toml has no [calendars.{name}]");
            problems.push(Problem { path: place.path.to_string(), line: place.line, message });
        }
    }
    let named = Imported::named(rota);
    for (name, calendar) in &config.calendars {
        let line = line_of(folder, name);
        let mut report = |message: String| problems.push(Problem { path: "catops.toml".to_owned(), line, message });
        if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter)) {
            report(format!("calendars.{name} is no name; use letters, digits, \".\", \"_\" and \"-\""));
        }
        match (&calendar.url, &calendar.file) {
            (None, None) => report(format!("calendars.{name} has no url and no file; write one of them")),
            (Some(_), Some(_)) => report(format!("calendars.{name} has a url and a file; keep one of them")),
            (Some(SecretRef::Plain(address)), None) if !is_fetched(address) => {
                report(format!(
                    "calendars.{name} has an address that does not begin with https://; nothing else is fetched"
                ));
            }
            (Some(SecretRef::Plain(address)), None) if address.contains("/private-") => {
                report(format!(
                    "calendars.{name} has a private address in the file; write \"env:NAME\" or \"file:PATH\""
                ));
            }
            _ => {}
        }
        if calendar.refresh < REFRESH_MIN {
            report(format!("calendars.{name}.refresh is below a minute, which counts as a minute"));
        }
        let is_used = calendar.absences || named.contains_key(name);
        if !is_used {
            report(format!(
                "calendars.{name} is used nowhere; name it in a layer, in overrides_from, holidays or away, or write absences = true"
            ));
        }
    }
}

/// The line of catops.toml in which a calendar begins, from 1; 0 when it stands elsewhere.
#[must_use]
pub fn line_of(folder: &Path, name: &str) -> usize {
    let text = std::fs::read_to_string(folder.join("catops.toml")).unwrap_or_default();
    let heads = [format!("[calendars.{name}]"), format!("[calendars.\"{name}\"]")];
    text.lines().position(|line| heads.iter().any(|head| line.trim() == head)).map_or(0, |place| place + 1)
}

/// Plain http is judged where it is fetched: only private addresses that are allowed are called so.
fn is_fetched(address: &str) -> bool {
    ["https://", "http://", "webcal://", "webcals://"].iter().any(|scheme| address.starts_with(scheme))
}
