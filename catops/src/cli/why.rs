//! `catops why INC-1`: why these people, why these actions.

use super::read::{IncidentArgs, Reader};
use anyhow::Result;
use incident::{Incident, Suggestion};
use serde_json::json;
use std::process::ExitCode;

pub(super) fn run(args: &IncidentArgs) -> Result<ExitCode> {
    let (reader, incident, _) = args.read()?;
    if args.data.json {
        let why = json!({
            "incident": incident.id.to_string(), "key": incident.alarm.key, "owners": incident.owners,
            "policy": incident.policy, "level": incident.level, "because": incident.because,
            "suggestions": incident.suggestions, "runners_up": incident.runners_up, "no_match": incident.no_match,
            "history": incident.history,
            "paged": incident.paged,
            "held": incident.held,
        });
        println!("{}", serde_json::to_string_pretty(&why)?);
        return Ok(ExitCode::SUCCESS);
    }
    print(&reader, &incident);
    Ok(ExitCode::SUCCESS)
}

fn print(reader: &Reader, incident: &Incident) {
    println!("{}  {}", incident.id, incident.alarm.title);
    println!("Same trouble means: {}", incident.alarm.key);
    let owners: Vec<String> = incident.owners.iter().map(|owner| reader.name(owner)).collect();
    let owners = if owners.is_empty() { "nobody".to_owned() } else { owners.join(", ") };
    println!(
        "Asked: {owners}, level {} of policy \"{}\", because {}",
        incident.level + 1,
        incident.policy,
        incident.because
    );
    let paged = incident.paged.iter().map(|page| {
        let by = incident::page_channel(&page.by);
        format!("{} by {by} at {}", reader.name(&page.to), page.at.format("%H:%M:%S UTC"))
    });
    let paged: Vec<String> = paged.collect();
    println!("Paged: {}", if paged.is_empty() { "nobody yet".to_owned() } else { paged.join("; ") });
    for held in &incident.held {
        let (who, way) = (reader.name(&held.to), incident::channel_word(&held.by));
        println!("Waits: {way} to {who} until {}: {}", held.until.format("%H:%M:%S UTC"), held.because);
    }
    if let Some(no_match) = &incident.no_match {
        println!("No suggestion: {no_match}");
    }
    for (rank, suggestion) in incident.suggestions.iter().enumerate() {
        print_suggestion(&format!("{}.", rank + 1), suggestion);
    }
    for suggestion in &incident.runners_up {
        print_suggestion("next:", suggestion);
    }
    if let Some(history) = &incident.history {
        println!("Before: {}", history.line(|who| reader.name(who)));
    }
}

fn print_suggestion(rank: &str, suggestion: &Suggestion) {
    let record = suggest::record_line(&suggestion.record).unwrap_or_else(|| "not run yet on this alarm".to_owned());
    println!("{rank} {}  score {:.2}", suggestion.title, suggestion.score);
    println!("   {}; {record}", suggestion.reason);
    for part in &suggestion.parts {
        println!("   {:+.3}  {}", part.adds, part.what);
    }
}
