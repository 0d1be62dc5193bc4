//! Who is on call over a time, one line for each change, with the times in which nobody is said plainly.

use super::Asked;
use crate::cli::duty;
use anyhow::{Result, bail};
use chrono::{Datelike, TimeDelta};
use rota::{Segment, Span, When, Zone, final_schedule};
use serde_json::{Value, json};

/// How long the time is when no end is named.
const DAYS: i64 = 7;
/// Lines of one schedule at most: a terminal shows no more, and a program asks for less at once.
const SEGMENTS_MAX: usize = 20_000;

/// The time that was typed. An end is read as the first after the start.
pub(super) fn read(from: &str, to: Option<&str>, zone: &Zone) -> Result<Span> {
    let start = When::parse(from, zone, crate::clock::now())?.at;
    let end = match to {
        Some(to) => When::parse(to, zone, start)?.at,
        None => start + TimeDelta::days(DAYS),
    };
    if end <= start {
        bail!("--to \"{to}\" is not after --from \"{from}\"", to = to.unwrap_or_default());
    }
    Ok(Span { start, end })
}

/// Answers for the whole of it.
pub(super) fn print(asked: &Asked<'_>, span: Span) -> Result<()> {
    let mut told: Vec<Value> = Vec::new();
    for (place, name) in asked.schedules.iter().enumerate() {
        let segments = final_schedule(asked.rota, name, asked.operations, span.start, span.end)?;
        if segments.len() > SEGMENTS_MAX {
            bail!("{name} changes hands {} times in that time; ask for a shorter one", segments.len());
        }
        let gaps = rota::gaps(asked.rota, name, asked.operations, span.start, span.end)?;
        let zone = &asked.rota.schedule(name)?.zone;
        if asked.json {
            let segments = segments.iter().map(|segment| as_json(asked, name, segment)).collect::<Result<Vec<_>>>()?;
            told.push(json!({
                "schedule": name, "zone": zone.name(), "start": span.start, "end": span.end,
                "segments": segments, "gaps": gaps,
            }));
            continue;
        }
        println!("{}{name}, {} {}", if place == 0 { "" } else { "\n" }, duty::span(span, zone), zone.name());
        lines(asked, name, zone, &segments)?;
        if gaps.is_empty() {
            println!("  Somebody is on call all the time.");
        } else {
            let all: TimeDelta = gaps.iter().map(Span::length).sum();
            println!("  Nobody is on call for {} ({}).", duty::length(all), duty::count(gaps.len(), "gap"));
        }
    }
    if asked.json { duty::print_json(&told.into()) } else { Ok(()) }
}

fn lines(asked: &Asked<'_>, name: &str, zone: &Zone, segments: &[Segment<'_>]) -> Result<()> {
    let people: Vec<String> =
        segments.iter().map(|segment| duty::names(asked.rota, segment.on_duty.iter().copied())).collect();
    let width = people.iter().map(|people| people.chars().count()).max().unwrap_or(0);
    let year = |segment: Option<&Segment<'_>>| segment.map(|segment| zone.wall(segment.start).year());
    let is_one_year = year(segments.first()) == year(segments.last());
    let form = if is_one_year { "%a %e %b %H:%M" } else { "%a %e %b %Y %H:%M" };
    for (segment, people) in segments.iter().zip(&people) {
        let time = Span { start: segment.start, end: segment.end };
        let (from, until) = (zone.wall(segment.start), zone.wall(segment.end));
        let because = because(asked, name, segment)?;
        println!(
            "  {} to {}  {:>11}  {people:<width$}  {because}",
            from.format(form),
            until.format(form),
            duty::length(time.length())
        );
    }
    Ok(())
}

/// The reason of a segment is that of its first instant, since a segment ends where its reason does.
fn because(asked: &Asked<'_>, name: &str, segment: &Segment<'_>) -> Result<String> {
    Ok(rota::on_call(asked.rota, name, asked.operations, segment.start)?.because)
}

fn as_json(asked: &Asked<'_>, name: &str, segment: &Segment<'_>) -> Result<Value> {
    let because = because(asked, name, segment)?;
    let names: Vec<String> = segment.on_duty.iter().map(|&person| duty::names(asked.rota, [person])).collect();
    Ok(json!({
        "start": segment.start, "end": segment.end, "on_duty": segment.on_duty, "names": names, "because": because,
    }))
}
