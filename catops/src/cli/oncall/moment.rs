//! Who is on call at one or several moments: who, since and until when, who is next, and why.

use super::Asked;
use crate::cli::duty;
use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use rota::{OnCall, When, Zone};
use serde_json::{Value, json};

/// How far around a moment the ends of an absence are looked for.
const AROUND: TimeDelta = TimeDelta::days(366);

/// Answers for each moment that was typed, for now when none was.
pub(super) fn print(asked: &Asked<'_>, typed: &[String], zone: &Zone) -> Result<()> {
    let now = crate::clock::now();
    let moments = typed.iter().map(|typed| When::spoken(typed, zone, now)).collect::<Result<Vec<_>, _>>()?;
    let instants: Vec<DateTime<Utc>> =
        if moments.is_empty() { vec![now] } else { moments.iter().map(|when| when.at).collect() };
    let mut told: Vec<Value> = Vec::new();
    for (place, at) in instants.into_iter().enumerate() {
        if let Some(when) = moments.get(place).filter(|_| !asked.json) {
            println!("{}At {when}:", if place == 0 { "" } else { "\n" });
        }
        for name in &asked.schedules {
            let answer = rota::on_call(asked.rota, name, asked.operations, at)?;
            let zone = &asked.rota.schedule(name)?.zone;
            if asked.json {
                told.push(as_json(asked, name, zone, at, &answer));
            } else {
                println!("{}{}", sentence(asked, name, zone, &answer), away(asked, zone, at, &answer));
            }
        }
    }
    if asked.json { duty::print_json(&told.into()) } else { Ok(()) }
}

/// A line for each of them who is away by a calendar.
fn away(asked: &Asked<'_>, zone: &Zone, at: DateTime<Utc>, answer: &OnCall) -> String {
    let within = rota::Span { start: at - AROUND, end: at + AROUND };
    let lines = answer.on_duty.iter().filter_map(|person| {
        let away = rota::away_of(asked.rota, person, within).into_iter().find(|away| away.contains(at))?;
        Some(format!("\n  but {} is away until {}", duty::names(asked.rota, [person]), duty::local(away.end, zone)))
    });
    lines.collect()
}

/// Three lines: who until when, since when and who is next, why.
fn sentence(asked: &Asked<'_>, name: &str, zone: &Zone, answer: &OnCall) -> String {
    let people = duty::names(asked.rota, &answer.on_duty);
    let until = answer.until.map_or_else(
        || " with no end in sight".to_owned(),
        |until| format!(" until {} {}", duty::local(until, zone), zone.name()),
    );
    let since =
        answer.since.map_or_else(|| "since long ago".to_owned(), |at| format!("since {}", duty::local(at, zone)));
    let next = answer.next.as_ref().map_or_else(String::new, |next| {
        let people = duty::names(asked.rota, &next.on_duty);
        let late = answer.until.is_some_and(|until| until < next.start);
        let from = if late { format!(" from {}", duty::local(next.start, zone)) } else { String::new() };
        format!("; next {people}{from}")
    });
    format!("{name}: {people}{until}\n  {since}{next}\n  because {}", answer.because)
}

fn as_json(asked: &Asked<'_>, name: &str, zone: &Zone, at: DateTime<Utc>, answer: &OnCall) -> Value {
    let next = answer.next.as_ref().map(|next| json!({ "on_duty": next.on_duty, "start": next.start }));
    let names: Vec<String> = answer.on_duty.iter().map(|person| duty::names(asked.rota, [person])).collect();
    let away: Vec<_> = asked.rota.away.iter().filter(|away| away.span.contains(at)).map(|away| &away.person).collect();
    let away: Vec<_> = answer.on_duty.iter().filter(|person| away.contains(person)).collect();
    json!({
        "schedule": name, "zone": zone.name(), "at": at, "on_duty": answer.on_duty, "names": names,
        "since": answer.since, "until": answer.until, "next": next, "because": answer.because, "away": away,
    })
}
