//! `catops deploy plan`: what the template would create in an AWS account, and what it would cost each month. Asks no
//! account: `infra/deploy.sh` deploys.

use crate::deploy::TEMPLATE;
use crate::deploy::cost::{Line, NOT_COUNTED, PRICES_OF, bill, total};
use crate::deploy::template::{Entry, entries};
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Far more than anybody has; beyond it the arithmetic says nothing.
const ALARMS_MAX: u64 = 1_000_000_000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Print what would be created, and its monthly cost.
    Plan(PlanArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// Alarms in a month, each counted as an incident of its own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=ALARMS_MAX))]
    alarms_per_month: u64,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Args::Plan(args) = args;
    let resources = entries(TEMPLATE, "Resources");
    let bill_of_month = bill(TEMPLATE, args.alarms_per_month);
    let idle = total(&bill(TEMPLATE, 0));
    if args.json {
        print_json(&resources, &bill_of_month, idle, args.alarms_per_month)?;
    } else {
        print_resources(&resources);
        print_bill(&bill_of_month, idle, args.alarms_per_month);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_json(resources: &[Entry<'_>], bill: &[Line], idle: f64, alarms: u64) -> Result<()> {
    let resources: Vec<_> = resources
        .iter()
        .map(|resource| {
            json!({ "name": resource.name, "type": resource.kind(), "condition": resource.member("Condition") })
        })
        .collect();
    let cost = json!({
        "alarms_per_month": alarms,
        "currency": "USD",
        "region": "us-east-1",
        "prices_of": PRICES_OF,
        "free_tier_counted": false,
        "lines": bill,
        "total": total(bill),
        "total_without_alarms": idle,
        "not_counted": NOT_COUNTED,
    });
    println!("{}", serde_json::to_string_pretty(&json!({ "resources": resources, "cost": cost }))?);
    Ok(())
}

fn print_resources(resources: &[Entry<'_>]) {
    let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for resource in resources {
        let name = match resource.member("Condition") {
            Some(condition) => format!("{} (if {condition})", resource.name),
            None => resource.name.to_owned(),
        };
        by_type.entry(resource.kind()).or_default().push(name);
    }
    println!("Creates {} resources (infra/template.yaml):\n", resources.len());
    for (kind, names) in by_type {
        println!("{:>4}  {kind:<36}  {}", names.len(), names.join(", "));
    }
}

fn print_bill(bill: &[Line], idle: f64, alarms: u64) {
    println!("\nCosts each month at {alarms} alarms, each an incident of its own:\n");
    for line in bill {
        println!("{:>12}  {:<16}{:>16}  {}", money(line.dollars), line.service, amount(line.quantity), line.unit);
    }
    println!("{:>12}  in all; {} without any alarm", money(total(bill)), money(idle));
    println!("\nList prices of us-east-1 in dollars, {PRICES_OF}; the free tier is not counted. Nor are:");
    for what in NOT_COUNTED {
        println!("  {what}");
    }
    println!("Where each price stands: --json");
}

fn money(dollars: f64) -> String {
    format!("{dollars:.2}")
}

/// Whole numbers where there are many, and what is left of a few gigabytes.
fn amount(quantity: f64) -> String {
    if quantity < 100.0 && quantity.fract() != 0.0 { format!("{quantity:.3}") } else { format!("{quantity:.0}") }
}
