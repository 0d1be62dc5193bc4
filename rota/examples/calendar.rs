//! What `tests/calendar/run` compares with another calendar library: our reading and our feeds, as data on the standard
//! output. Nothing is decided here, and nothing of it comes into the binary.
//!
//! ```text
//! calendar entries ZONE FROM TO < CALENDAR     what a calendar says in [FROM, TO), as JSON
//! calendar condensed SINCE < CALENDAR          what is kept of a calendar
//! calendar duty USE ZONE FROM TO < CALENDAR    who is on call by it, as JSON: USE is layer or overrides; people are s0, s1, s2
//! calendar feed ROTA SCHEDULE AT               the feed of a schedule
//! calendar shifts ROTA SCHEDULE FROM TO        who is on call, as JSON: [start, end, [people]]
//! ```

use chrono::{DateTime, Utc};
use rota::calendar::{Imported, Request, Subject, Texts, condensed, feed, read_calendar};
use rota::{Rota, Span, Zone, final_schedule};
use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["entries", zone, from, to] => entries(zone, from, to)?,
        ["condensed", since] => {
            let mut bytes = Vec::new();
            stdin().read_to_end(&mut bytes)?;
            condensed(&bytes, since.parse::<DateTime<Utc>>()?.date_naive())?
        }
        ["duty", wanted, zone, from, to] => duty(wanted, zone, Span { start: from.parse()?, end: to.parse()? })?,
        ["feed", path, schedule, at] => {
            let request = Request {
                subject: Subject::Schedule(schedule),
                site: "catops.example",
                url: Some("https://catops.example/oncall"),
                alarm_before: Some(chrono::TimeDelta::minutes(30)),
            };
            feed(&rota_of(path)?, &[], &request, &[], at.parse()?)?.body
        }
        ["shifts", path, schedule, from, to] => shifts(path, schedule, from.parse()?, to.parse()?)?,
        _ => return Err("say entries, condensed, feed or shifts; the file's first lines show how".into()),
    };
    stdout().write_all(answer.as_bytes())?;
    Ok(())
}

fn entries(zone: &str, from: &str, to: &str) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let zone = Zone::get(zone).ok_or("there is no such zone")?;
    let calendar = read_calendar(&bytes, &zone, Span { start: from.parse()?, end: to.parse()? })?;
    Ok(serde_json::to_string(&calendar)?)
}

/// A schedule that goes by a calendar, in a rota with three people.
fn duty(wanted: &str, zone: &str, span: Span) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let (overrides, layer) = match wanted {
        "overrides" => ("overrides_from = \"it\"", "other"),
        _ => ("", "it"),
    };
    let file = format!(
        "[people]\ns0 = {{ slack = \"U0\" }}\ns1 = {{ slack = \"U1\" }}\ns2 = {{ slack = \"U2\" }}\n\
         [schedules.s]\nzone = \"{zone}\"\n{overrides}\n[[schedules.s.layers]]\ncalendar = \"{layer}\"\n\
         [escalation.default]\nlevels = [{{ page = [\"schedule:s\"] }}]\n"
    );
    let mut rota = Rota::parse(&[("rota.toml", file)]).map_err(|problems| format!("{problems:?}"))?;
    let texts = Texts::from([("it".to_owned(), condensed(&bytes, span.start.date_naive())?)]);
    let (imported, misread) = Imported::read(&rota, &texts, &[], span);
    if !misread.is_empty() {
        return Err(format!("{misread:?}").into());
    }
    imported.fill(&mut rota);
    told(&rota, "s", span)
}

fn told(rota: &Rota, schedule: &str, span: Span) -> Result<String, Box<dyn Error>> {
    let segments = final_schedule(rota, schedule, &[], span.start, span.end)?;
    let told: Vec<_> = segments.iter().map(|segment| (segment.start, segment.end, &segment.on_duty)).collect();
    Ok(serde_json::to_string(&told)?)
}

fn shifts(path: &str, schedule: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<String, Box<dyn Error>> {
    told(&rota_of(path)?, schedule, Span { start: from, end: to })
}

fn rota_of(path: &str) -> Result<Rota, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    Rota::parse(&[(path, text)]).map_err(|problems| format!("{problems:?}").into())
}
