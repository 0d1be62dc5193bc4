//! Simulates nights: `simulate --seeds 1000000` many, `simulate --seed 7` one with its transcript, `simulate --directed`
//! an hour without Slack and a clock that is set.
#![expect(clippy::print_stdout, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "it says how fast it was")]

use std::process::ExitCode;
use std::time::Instant;
use tests::sim;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = args.iter().position(|arg| arg == name)?;
        args.get(place + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = value("--seed") {
        let night = sim::night(seed);
        println!("{}", night.transcript.join("\n"));
        println!("seed {seed}, hash {:016x}, {} violations", night.hash(), night.violations.len());
        println!("{}", night.violations.join("\n"));
        return if night.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if args.iter().any(|arg| arg == "--directed") {
        return directed();
    }
    let (first, count) = (value("--first").unwrap_or(0), value("--seeds").unwrap_or(10_000));
    let began = Instant::now();
    let bad = sim::nights(first, count, value("--threads").unwrap_or(1));
    for night in &bad {
        println!("{}\n", night.report(40));
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} seeds from {first}: {} went wrong; {:.0} seeds a second", bad.len(), count as f64 / seconds);
    if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The nights that are written by hand, with their figures.
fn directed() -> ExitCode {
    let outage = sim::directed::slack_away_for_an_hour(500, 40);
    println!("an hour without Slack, 500 alarms: {}", outage.figures());
    let mut nights = vec![outage.night];
    for minutes in [60, -60] {
        let jump = sim::directed::clock_is_set_by(chrono::TimeDelta::minutes(minutes));
        println!(
            "the clock is set by {minutes} minutes: levels asked {:?}, {} pages of what was acknowledged, at most {} of one",
            jump.levels, jump.pages_of_acknowledged, jump.most_of_one
        );
        nights.push(jump.night);
    }
    nights.retain(|night| !night.violations.is_empty());
    nights.iter().for_each(|night| println!("{}", night.report(40)));
    if nights.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
