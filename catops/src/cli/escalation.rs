//! `catops escalation`: a policy as a tree, every way through it with its times, and what would happen to one alarm. It asks
//! the log only when a data folder is named, and pages nobody.

use super::duty;
use crate::store::Data;
use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use incident::Severity;
use rota::escalation::{Facts, Path, Step, StepKind, foretell, paths, told};
use rota::{Operation, Policy, Rota, policy_for};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this policy.
    policy: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve` or `catops demo`: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// What would happen to an alarm of this service.
    #[arg(long)]
    service: Option<String>,
    /// What would happen to an alarm of this severity: critical, error, warning, info.
    #[arg(long)]
    severity: Option<String>,
    /// What would happen at this time: "18:00", "sat 03:00", 2026-11-23T03:00:00Z.
    #[arg(long)]
    at: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    if args.service.is_some() || args.severity.is_some() || args.at.is_some() {
        one_alarm(args, &rota, &operations)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all: Vec<&Policy> = match &args.policy {
        Some(name) => vec![named(&rota, name)?],
        None => rota.policies.values().chain([&rota.default_policy]).collect(),
    };
    if args.json {
        let all: Vec<Value> = all.iter().map(|policy| policy_json(&rota, policy)).collect();
        duty::print_json(&json!({ "policies": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (place, policy) in all.iter().enumerate() {
        if place > 0 {
            println!();
        }
        lines(&rota, policy).iter().for_each(|line| println!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn named<'r>(rota: &'r Rota, name: &str) -> Result<&'r Policy> {
    let default = Some(&rota.default_policy).filter(|default| default.name == name);
    if let Some(policy) = rota.policies.get(name).or(default) {
        return Ok(policy);
    }
    let known: Vec<&str> =
        rota.policies.keys().map(String::as_str).chain([rota.default_policy.name.as_str()]).collect();
    bail!("there is no [escalation.{name}] (there are: {})", known.join(", "))
}

/// The services that other policies serve, which the default one therefore does not.
fn others(rota: &Rota) -> Vec<String> {
    rota.policies.values().flat_map(|policy| policy.services.iter().cloned()).collect()
}

/// What would happen to one alarm.
fn one_alarm(args: &Args, rota: &Rota, operations: &[Operation]) -> Result<()> {
    let severity = args.severity.as_deref().map_or(Severity::Unknown, Severity::parse);
    if let (Some(typed), Severity::Unknown) = (&args.severity, severity)
        && typed != "unknown"
    {
        bail!("--severity is \"{typed}\"; it is critical, error, warning, info or unknown");
    }
    let service = args.service.as_deref();
    let policy = match &args.policy {
        Some(name) => named(rota, name)?,
        None => policy_for(rota, service),
    };
    let zone = rota.zone_of(None);
    let at = duty::moment(args.at.as_deref(), &zone)?;
    // Whose turn it is follows from the incident's number, which nobody knows before: the first one's turn is shown.
    let facts = Facts { number: 1, severity, service, spared: &[] };
    let told = foretell(rota, &policy.plan(), facts, operations, at);
    if args.json {
        let steps: Vec<Value> = told.iter().map(|(when, what)| json!({ "at": when, "what": what })).collect();
        return duty::print_json(&json!({ "policy": policy.name, "at": at, "steps": steps }));
    }
    println!(
        "escalation {} for an alarm at {} {}, when nobody answers:",
        policy.name,
        duty::local(at, &zone),
        zone.name()
    );
    for (when, what) in told {
        println!("  at {}  {what}", after(when - at));
    }
    Ok(())
}

/// The tree and its paths, line by line.
pub(super) fn lines(rota: &Rota, policy: &Policy) -> Vec<String> {
    let serves = match policy.services.as_slice() {
        [] => "whatever no other policy serves".to_owned(),
        services => services.join(", "),
    };
    let mut out = vec![format!("escalation {}  ({serves})", policy.name)];
    tree(&policy.steps, 1, &mut out);
    if !policy.catch_all.is_empty() {
        out.push(format!("  at last page {} (catch-all)", duty::names(rota, &policy.catch_all)));
    }
    out.push(match policy.acknowledge_timeout {
        Some(time) => format!("  who acknowledges has it for {}, then it asks again", duty::length(time)),
        None => "  who acknowledges has it for ever".to_owned(),
    });
    for path in paths(policy, &others(rota)) {
        out.push(String::new());
        out.push(match path.when.as_slice() {
            [] => "  when nobody answers:".to_owned(),
            when => format!("  when {}:", when.join(", and ")),
        });
        out.extend(path.stops.iter().map(|stop| format!("    at {}  {}", after(stop.after), stop.what)));
        out.push(format!("    {}", over(&path)));
    }
    out
}

/// A line for each policy: how many ways lead through it, and when the longest is over.
pub(super) fn totals(rota: &Rota) -> Vec<String> {
    let (others, all) = (others(rota), rota.policies.values().chain([&rota.default_policy]));
    let named = all.filter(|policy| !policy.steps.is_empty());
    let total = |policy: &Policy| {
        let paths = paths(policy, &others);
        let longest = paths.iter().map(|path| path.over_after).max().unwrap_or_default();
        let waits =
            if paths.iter().any(|path| !path.waits_for.is_empty()) { ", and the hours it waits for" } else { "" };
        format!(
            "escalation {}: {}, over after {}{waits}",
            policy.name,
            duty::count(paths.len(), "path"),
            after(longest)
        )
    };
    named.map(total).collect()
}

fn over(path: &Path) -> String {
    let waits: Vec<String> = path.waits_for.iter().map(|what| format!(", and the time {what}")).collect();
    format!("over after {}{}", after(path.over_after), waits.concat())
}

fn tree(steps: &[Step], depth: usize, out: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for step in steps {
        let name = step.name.as_ref().map(|name| format!("  ({name})")).unwrap_or_default();
        let text = match &step.kind {
            StepKind::Page(ask) => format!("{}, wait {}", told(ask), incident::length(ask.wait_seconds)),
            StepKind::Notify { channel, wait } => format!("notify {channel}, wait {}", duty::length(*wait)),
            StepKind::Wait(wait) => format!("wait {}", duty::length(*wait)),
            StepKind::Until { hours, edge: incident::Edge::Open } => format!("wait until {hours} begins"),
            StepKind::Until { hours, edge: incident::Edge::Close } => format!("wait until {hours} ends"),
            StepKind::If { condition, .. } => format!("if {condition}"),
            StepKind::Repeat { from, times } => {
                let first = steps.get(*from).and_then(|step| step.name.as_deref());
                let from = first.map(|name| format!(" from {name}")).unwrap_or_default();
                format!("again{from}, {}", duty::count(usize::from(*times), "time"))
            }
        };
        out.push(format!("{indent}{text}{name}"));
        if let StepKind::If { then, otherwise, .. } = &step.kind {
            tree(then, depth + 1, out);
            if !otherwise.is_empty() {
                out.push(format!("{indent}else"));
                tree(otherwise, depth + 1, out);
            }
        }
    }
}

fn policy_json(rota: &Rota, policy: &Policy) -> Value {
    let path = |path: &Path| {
        let stops =
            path.stops.iter().map(|stop| json!({ "after_seconds": stop.after.num_seconds(), "what": stop.what }));
        json!({
            "when": path.when, "stops": stops.collect::<Vec<_>>(),
            "over_after_seconds": path.over_after.num_seconds(), "waits_for": path.waits_for,
        })
    };
    let paths: Vec<Value> = paths(policy, &others(rota)).iter().map(path).collect();
    json!({
        "name": policy.name, "services": policy.services, "catch_all": policy.catch_all, "plan": policy.plan(),
        "acknowledge_timeout_seconds": policy.acknowledge_timeout.map(|time| time.num_seconds()), "paths": paths,
    })
}

/// `00:10`, hours and minutes; `00:00:40` where seconds count.
fn after(time: TimeDelta) -> String {
    let (hours, minutes, seconds) = (time.num_hours(), time.num_minutes() % 60, time.num_seconds() % 60);
    if seconds == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{hours:02}:{minutes:02}:{seconds:02}") }
}

/// What is foretold of an incident, as the command line says it.
pub(super) fn foretold(now: DateTime<Utc>, ahead: &[crate::flow::future::Foretold]) -> Vec<String> {
    ahead.iter().map(|next| format!("{}: {}", crate::flow::future::until(now, next.at), next.text)).collect()
}
