//! The bill by hand, for a template of two secrets, one alarm and the usual three functions.

use super::{bill, total};

const TEMPLATE: &str = "
Parameters:
  Memory:
    Default: 512
Resources:
  Table:
    Type: AWS::DynamoDB::Table
  One:
    Type: AWS::SecretsManager::Secret
  Two:
    Type: AWS::SecretsManager::Secret
  Alarms:
    Type: AWS::SQS::Queue
  Sweep:
    Type: AWS::Scheduler::Schedule
  ActIsSilent:
    Type: AWS::CloudWatch::Alarm
  Board:
    Type: AWS::CloudWatch::Dashboard
";

#[track_caller]
fn check(alarms: u64, service: &str, unit: &str, quantity: f64, dollars: f64) {
    let bill = bill(TEMPLATE, alarms);
    let line = bill.iter().find(|line| (line.service, line.unit) == (service, unit)).expect("the line");
    assert!((line.quantity - quantity).abs() < quantity * 1e-6, "{line:?}");
    assert!((line.dollars - dollars).abs() < 0.000_1, "{line:?}");
}

#[test]
fn each_line_is_a_quantity_times_its_list_price() {
    check(1_000_000, "DynamoDB", "write units", 143e6, 89.375);
    // 82 for each incident and 5 for each of 43,800 sweeps.
    check(1_000, "DynamoDB", "read units", 301_000.0, 0.037_6);
    check(100_000, "DynamoDB", "GB stored and backed up", 36.0, 16.2);
    // 14 for each incident and one a minute.
    check(1_000, "Lambda", "invocations", 57_800.0, 0.011_6);
    // (600 s at the doors, 180,000 s of act, 4,380 s of sweeps) at half a GB.
    check(1_000, "Lambda", "GB-seconds", 92_490.0, 1.541_5);
    check(1_000, "SQS", "requests", 663_000.0, 0.265_2);
    check(1_000, "SNS", "messages published", 1_000.0, 0.000_5);
    check(1_000, "API Gateway", "HTTP requests", 6_000.0, 0.006);
    check(1_000, "Scheduler", "scheduled invocations", 43_800.0, 0.043_8);
    check(1_000, "CloudWatch", "alarms on CatOps itself", 1.0, 0.1);
    check(1_000, "CloudWatch", "dashboards", 1.0, 3.0);
    check(1_000, "CloudWatch", "graphs and questions", 4_000.0, 0.04);
    check(1_000, "Secrets Manager", "secrets", 2.0, 0.8);
}

#[test]
fn act_stays_for_all_incidents_at_once() {
    // Two at a time for a whole month, and the doors and sweeps beside them.
    let (doors, sweeps) = (1_000_000.0 * 6.0 * 0.1, 4_380.0);
    let seconds = 2.0 * 2_628_000.0 + doors + sweeps;
    check(1_000_000, "Lambda", "GB-seconds", seconds / 2.0, seconds / 2.0 * 0.000_016_666_7);
}

#[test]
fn nothing_happens_and_only_what_stands_is_paid() {
    let idle = bill(TEMPLATE, 0);
    let units: Vec<_> = idle.iter().map(|line| line.unit).collect();
    assert_eq!(
        units,
        [
            "read units",
            "invocations",
            "GB-seconds",
            "requests",
            "scheduled invocations",
            "alarms on CatOps itself",
            "dashboards",
            "GB of logs",
            "secrets"
        ]
    );
    assert!((total(&idle) - 4.293).abs() < 0.001, "{}", total(&idle));
}
