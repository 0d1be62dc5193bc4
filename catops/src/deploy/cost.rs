//! The arithmetic of a month: how often what is paid for happens at a number of alarms, times its list price.
//!
//! Prices are list prices of us-east-1 as of [`PRICES_OF`], each with the page it stands on; the free tier is not counted.
//! Every alarm is counted as an incident of its own with a typical life (fires, is taken, one action, clears), which is the
//! dear side: a repeat costs a fraction of it. It never asks AWS for a price.

use super::template::{Entry, count, entries};

#[cfg(test)]
mod tests;

/// When the prices were written down, from published price lists. The page that each names is the truth.
pub const PRICES_OF: &str = "2026-11-28";

/// A list price: so many dollars for so many of a thing.
#[derive(Debug, Clone, Copy)]
struct Price {
    dollars: f64,
    of: f64,
    unit: &'static str,
    page: &'static str,
}

const MILLION: f64 = 1e6;
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const SECRETS_MANAGER: &str = "https://aws.amazon.com/secrets-manager/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";

const WRITE_UNITS: Price = Price { dollars: 0.625, of: MILLION, unit: "write units", page: DYNAMODB };
const READ_UNITS: Price = Price { dollars: 0.125, of: MILLION, unit: "read units", page: DYNAMODB };
/// 0.25 for the table and 0.20 for its point-in-time recovery.
const STORED: Price = Price { dollars: 0.45, of: 1.0, unit: "GB stored and backed up", page: DYNAMODB };
const INVOCATIONS: Price = Price { dollars: 0.20, of: MILLION, unit: "invocations", page: LAMBDA };
/// The price of `x86_64`; `arm64` is a fifth less.
const GB_SECONDS: Price = Price { dollars: 0.000_016_666_7, of: 1.0, unit: "GB-seconds", page: LAMBDA };
const QUEUE_REQUESTS: Price =
    Price { dollars: 0.40, of: MILLION, unit: "requests", page: "https://aws.amazon.com/sqs/pricing/" };
const PUBLISHED: Price =
    Price { dollars: 0.50, of: MILLION, unit: "messages published", page: "https://aws.amazon.com/sns/pricing/" };
const HTTP_REQUESTS: Price =
    Price { dollars: 1.00, of: MILLION, unit: "HTTP requests", page: "https://aws.amazon.com/api-gateway/pricing/" };
const SCHEDULED: Price = Price { dollars: 1.00, of: MILLION, unit: "scheduled invocations", page: EVENTBRIDGE };
const ALARMS: Price = Price { dollars: 0.10, of: 1.0, unit: "alarms on CatOps itself", page: CLOUDWATCH };
const COMPOSITE_ALARMS: Price = Price { dollars: 0.50, of: 1.0, unit: "composite alarms", page: CLOUDWATCH };
const DASHBOARDS: Price = Price { dollars: 3.00, of: 1.0, unit: "dashboards", page: CLOUDWATCH };
const METRICS: Price = Price { dollars: 0.30, of: 1.0, unit: "metrics of our own", page: CLOUDWATCH };
/// 0.50 to take it in and 0.03 to keep it for a month.
const LOGGED: Price = Price { dollars: 0.53, of: 1.0, unit: "GB of logs", page: CLOUDWATCH };
const QUESTIONS: Price = Price { dollars: 0.01, of: 1000.0, unit: "graphs and questions", page: CLOUDWATCH };
const SECRETS: Price = Price { dollars: 0.40, of: 1.0, unit: "secrets", page: SECRETS_MANAGER };
const SECRET_READS: Price = Price { dollars: 0.05, of: 10_000.0, unit: "reads of a secret", page: SECRETS_MANAGER };

/// An average month, in hours, as AWS counts it.
const MONTH_MINUTES: f64 = 730.0 * 60.0;
const MONTH_SECONDS: f64 = MONTH_MINUTES * 60.0;

/// Write units of an incident's whole life, counted by DynamoDB (docs/aws.md): transactions count twice, the index beside
/// the table.
const INCIDENT_WRITE_UNITS: f64 = 143.0;
/// Read units of the same life where several write: `serve` alone needs fewer.
const INCIDENT_READ_UNITS: f64 = 82.0;
/// Read units of a sweep that finds nothing to do: what is due, what waits, what is open. Assumed, not measured.
const SWEEP_READ_UNITS: f64 = 5.0;
/// What an incident leaves in the table, its payloads and receipts included. Assumed.
const INCIDENT_GB: f64 = 30e-6;
/// The table is counted as it is after a year.
const MONTHS_KEPT: f64 = 12.0;

/// Messages of an alarm: it fires and it clears.
const MESSAGES: f64 = 2.0;
/// A queue is paid for when a message is sent, received and deleted.
const REQUESTS_A_MESSAGE: f64 = 3.0;
/// Lambda asks an empty queue five times at once, each for twenty seconds.
const POLLS_A_MINUTE: f64 = 5.0 * 3.0;
/// What people press and type about an incident, and what Slack tells of it. Assumed.
const SLACK_REQUESTS: f64 = 4.0;
/// How often the stream wakes `act` in an incident's life. Assumed.
const WAKES: f64 = 8.0;
/// How long one way in keeps a function busy: some writes to the table. Assumed.
const DOOR_SECONDS: f64 = 0.1;
/// A sweep with nothing to do. Assumed.
const SWEEP_SECONDS: f64 = 0.1;
/// How long `act` works and stays for an incident: three timers fall due, and for each it waits half a minute on average,
/// possibly twice: woken by the stream, and by the schedule. Assumed.
const ACT_SECONDS: f64 = 3.0 * 30.0 * 2.0;
/// It stays for all incidents at once: no more than these two at a time.
const ACTS_AT_ONCE: f64 = 2.0;
/// Logs of an incident, and of a sweep with what Lambda adds to each invocation. Assumed.
const INCIDENT_LOG_GB: f64 = 15e-6;
const SWEEP_LOG_GB: f64 = 0.6e-6;
/// A picture of the metric, the alarm's history, its tags, its neighbours.
const QUESTIONS_AN_INCIDENT: f64 = 4.0;
/// A function that starts anew reads its secrets. Assumed.
const SECRET_READS_AN_INCIDENT: f64 = 3.0;
/// Memory of a function where the template names none, in MB.
const MEMORY_MB: f64 = 256.0;

/// What no line counts, and why.
pub const NOT_COUNTED: [&str; 3] = [
    "text messages (by country, https://aws.amazon.com/sns/sms-pricing/)",
    "uptime checks of CatOps' own (each adds its runs to Lambda and DynamoDB)",
    "incident events on a bus of yours (1.00 a million), data that leaves AWS, taxes",
];

/// One line of the bill.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Line {
    /// DynamoDB, Lambda ...
    pub service: &'static str,
    /// How many of it in a month.
    pub quantity: f64,
    /// Of what.
    pub unit: &'static str,
    /// Dollars a month.
    pub dollars: f64,
    /// Where its price stands.
    pub page: &'static str,
}

/// A month's bill of the template's resources at a number of alarms.
#[must_use]
pub fn bill(template: &str, alarms_per_month: u64) -> Vec<Line> {
    let resources = entries(template, "Resources");
    let memory = entries(template, "Parameters")
        .iter()
        .find(|parameter| parameter.name == "Memory")
        .and_then(|parameter| parameter.member("Default")?.parse().ok());
    let month = Month::new(&resources, memory.unwrap_or(MEMORY_MB), alarms_per_month);
    let quantities =
        [month.of_table(), month.of_functions(), month.of_ways_in(), month.of_watching(), month.of_secrets()];
    let lines = quantities.into_iter().flatten().filter(|(_, quantity, _)| *quantity > 0.0);
    lines.map(|(service, quantity, price)| line(service, quantity, price)).collect()
}

/// The sum of a bill, in dollars.
#[must_use]
pub fn total(bill: &[Line]) -> f64 {
    bill.iter().map(|line| line.dollars).sum()
}

fn line(service: &'static str, quantity: f64, price: Price) -> Line {
    Line { service, quantity, unit: price.unit, dollars: quantity * price.dollars / price.of, page: price.page }
}

type Quantity = (&'static str, f64, Price);

/// How often things happen in a month.
struct Month<'a> {
    resources: &'a [Entry<'a>],
    memory_gb: f64,
    alarms: f64,
    sweeps: f64,
}

impl<'a> Month<'a> {
    #[expect(clippy::cast_precision_loss, reason = "a number of alarms is far below 2^53, and an estimate")]
    fn new(resources: &'a [Entry<'a>], memory_mb: f64, alarms: u64) -> Self {
        let schedules = count(resources, "AWS::Scheduler::Schedule") as f64;
        Self { resources, memory_gb: memory_mb / 1024.0, alarms: alarms as f64, sweeps: MONTH_MINUTES * schedules }
    }

    #[expect(clippy::cast_precision_loss, reason = "a template has some hundred resources")]
    fn number_of(&self, kind: &str) -> f64 {
        count(self.resources, kind) as f64
    }

    fn of_table(&self) -> Vec<Quantity> {
        let reads = self.alarms * INCIDENT_READ_UNITS + self.sweeps * SWEEP_READ_UNITS;
        vec![
            ("DynamoDB", self.alarms * INCIDENT_WRITE_UNITS, WRITE_UNITS),
            ("DynamoDB", reads, READ_UNITS),
            ("DynamoDB", self.alarms * INCIDENT_GB * MONTHS_KEPT, STORED),
        ]
    }

    fn of_functions(&self) -> Vec<Quantity> {
        let doors = self.alarms * (MESSAGES + SLACK_REQUESTS);
        let acting = (self.alarms * ACT_SECONDS).min(ACTS_AT_ONCE * MONTH_SECONDS);
        let seconds = doors * DOOR_SECONDS + acting + self.sweeps * SWEEP_SECONDS;
        vec![
            ("Lambda", doors + self.alarms * WAKES + self.sweeps, INVOCATIONS),
            ("Lambda", seconds * self.memory_gb, GB_SECONDS),
        ]
    }

    fn of_ways_in(&self) -> Vec<Quantity> {
        let polled = if self.number_of("AWS::SQS::Queue") > 0.0 { MONTH_MINUTES * POLLS_A_MINUTE } else { 0.0 };
        vec![
            ("SQS", self.alarms * MESSAGES * REQUESTS_A_MESSAGE + polled, QUEUE_REQUESTS),
            ("SNS", self.alarms, PUBLISHED),
            // An alarm comes through the queue or through here; both are counted.
            ("API Gateway", self.alarms * (MESSAGES + SLACK_REQUESTS), HTTP_REQUESTS),
            ("Scheduler", self.sweeps, SCHEDULED),
        ]
    }

    fn of_watching(&self) -> Vec<Quantity> {
        let logged = self.alarms * INCIDENT_LOG_GB + self.sweeps * SWEEP_LOG_GB;
        vec![
            ("CloudWatch", self.number_of("AWS::CloudWatch::Alarm"), ALARMS),
            ("CloudWatch", self.number_of("AWS::CloudWatch::CompositeAlarm"), COMPOSITE_ALARMS),
            ("CloudWatch", self.number_of("AWS::CloudWatch::Dashboard"), DASHBOARDS),
            ("CloudWatch", self.number_of("AWS::Logs::MetricFilter"), METRICS),
            ("CloudWatch", logged, LOGGED),
            ("CloudWatch", self.alarms * QUESTIONS_AN_INCIDENT, QUESTIONS),
        ]
    }

    fn of_secrets(&self) -> Vec<Quantity> {
        vec![
            ("Secrets Manager", self.number_of("AWS::SecretsManager::Secret"), SECRETS),
            ("Secrets Manager", self.alarms * SECRET_READS_AN_INCIDENT, SECRET_READS),
        ]
    }
}
