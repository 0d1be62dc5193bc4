//! Every cause of who is on call at one or several moments, a line each, or as data.

use super::Asked;
use crate::cli::duty;
use crate::flow::causes::Causes;
use anyhow::Result;
use rota::{When, Zone};
use serde_json::{Value, json};

/// Answers for each moment that was typed, for now when none was.
pub(super) fn print(asked: &Asked<'_>, causes: &Causes, typed: &[String], zone: &Zone) -> Result<()> {
    let now = crate::clock::now();
    let mut moments = Vec::new();
    for typed in typed {
        moments.push(When::spoken(typed, zone, now)?.at);
    }
    if moments.is_empty() {
        moments.push(now);
    }
    let mut told: Vec<Value> = Vec::new();
    for at in moments {
        for name in &asked.schedules {
            let why = causes.why(asked.rota, name, at)?;
            let lines = why.lines(asked.rota, None);
            if asked.json {
                told.push(json!({ "lines": lines, "why": why }));
                continue;
            }
            for (place, line) in lines.iter().enumerate() {
                println!("{}{line}", if place == 0 { "" } else { "  " });
            }
        }
    }
    if asked.json { duty::print_json(&told.into()) } else { Ok(()) }
}
