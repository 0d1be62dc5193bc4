//! How long one answer takes: `cargo bench -p rota`. The least of several runs, because machines are noisy.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and says what it measured")]

use chrono::{DateTime, TimeDelta, Utc};
use rota::{Change, Operation, Rota, final_schedule, on_call, on_duty};
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 7;

fn main() {
    let small = rota_of(1, "2026-01-05 09:00", "");
    let aged = rota_of(1, "1970-01-05 09:00", "");
    let office = rota_of(1, "2026-01-05 09:00", "window = \"Mon-Fri 08:00-20:00\"");
    let large = rota_of(10, "2026-01-05 09:00", "window = \"09:00-18:00\"");
    let start: DateTime<Utc> = DateTime::from_timestamp(1_780_000_000, 0).unwrap_or_default();
    let operations: Vec<Operation> = (0..50).map(|number| override_of(number, start)).collect();

    for (name, rota, operations) in [
        ("1 layer", &small, &[][..]),
        ("1 layer, anchor of 1970", &aged, &[]),
        ("1 layer with office hours", &office, &[]),
        ("10 layers with hours", &large, &[]),
        ("10 layers with hours, 50 overrides", &large, &operations),
    ] {
        let duty = least(20_000, |turn| {
            black_box(on_duty(rota, "s", operations, start + TimeDelta::minutes(turn * 7)).is_ok());
        });
        let whole = least(5_000, |turn| {
            black_box(on_call(rota, "s", operations, start + TimeDelta::minutes(turn * 7)).is_ok());
        });
        println!("{name}: on_duty {duty:.0} ns, on_call {whole:.0} ns");
    }
    let year = least(20, |_| {
        black_box(
            final_schedule(&large, "s", &operations, start, start + TimeDelta::days(365))
                .map_or(0, |found| found.len()),
        );
    });
    println!("a year of 10 layers with hours, 50 overrides: {:.2} ms", year / 1e6);
}

/// Nanoseconds of one call, the least of [`RUNS`] runs of `calls` calls.
fn least(calls: i64, mut call: impl FnMut(i64)) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let started = Instant::now();
        (0..calls).for_each(&mut call);
        started.elapsed().as_nanos() as f64 / calls as f64
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn rota_of(layers: usize, handoff: &str, window: &str) -> Rota {
    let mut text = String::from(
        "[escalation.default]\nlevels = [{ page = [\"p0\"] }]\n[schedules.s]\nzone = \"America/New_York\"\n",
    );
    for layer in 0..layers {
        let every = if layer % 2 == 0 { "1 week" } else { "1 day" };
        let rotation = "[\"p0\", \"p1\", \"p2\", \"p3\", \"p4\", \"p5\"]";
        write!(
            text,
            "[[schedules.s.layers]]\nrotation = {rotation}\nhandoff = \"{handoff}\"\nevery = \"{every}\"\n{window}\n"
        )
        .expect("a string grows");
    }
    (0..6).for_each(|person| write!(text, "[people.p{person}]\nslack = \"U{person}\"\n").expect("a string grows"));
    Rota::parse(&[("bench.toml", text)]).expect("the bench's own file is right")
}

fn override_of(number: u64, from: DateTime<Utc>) -> Operation {
    let start = from + TimeDelta::hours(175 * i64::try_from(number).unwrap_or_default());
    let change = Change::ReplaceUser { from: "p1".into(), to: "p2".into() };
    Operation {
        number,
        schedule: "s".into(),
        start,
        end: start + TimeDelta::hours(8),
        change,
        by: "p2".into(),
        reason: String::new(),
    }
}
