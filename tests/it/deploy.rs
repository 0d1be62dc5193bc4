//! `catops deploy plan` as somebody reads it who has not deployed yet.

use anyhow::Result;
use serde_json::Value;
use tests::{catops, root};

#[test]
fn a_plan_lists_every_resource_and_adds_up_to_its_total() -> Result<()> {
    let said = catops(&["deploy", "plan", "--alarms-per-month", "1000", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let plan: Value = serde_json::from_str(&said.stdout)?;
    let template = std::fs::read_to_string(root().join("infra/template.yaml"))?;
    let resources = plan["resources"].as_array().expect("a list");
    assert!(resources.iter().any(|resource| resource["type"] == "AWS::DynamoDB::Table"));
    for resource in resources {
        let name = resource["name"].as_str().expect("a name");
        assert!(template.contains(&format!("\n  {name}:\n    Type: ")), "{name} is not in the template");
    }
    let lines = plan["cost"]["lines"].as_array().expect("a list");
    let sum: f64 = lines.iter().filter_map(|line| line["dollars"].as_f64()).sum();
    assert!((plan["cost"]["total"].as_f64().unwrap_or_default() - sum).abs() < 1e-9);
    for line in lines {
        assert!(line["page"].as_str().is_some_and(|page| page.starts_with("https://aws.amazon.com/")), "{line}");
    }
    Ok(())
}

#[test]
fn a_plan_can_be_read_without_an_account() {
    let said = catops(&["deploy", "plan", "--alarms-per-month", "1000"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for wanted in [
        "AWS::Lambda::Function",
        "Intake, ",
        "Costs each month at 1000 alarms",
        "143000  write units",
        "in all; ",
        "the free tier is not counted",
    ] {
        assert!(said.stdout.contains(wanted), "{wanted:?} is missing:\n{}", said.stdout);
    }
    let free = catops(&["deploy", "plan", "--alarms-per-month", "many"]);
    assert_eq!(free.code, Some(2), "{}", free.stderr);
}
