//! How long one answer takes: `cargo bench -p rota`. The least of many short runs, because machines are noisy; beside each
//! figure is the bar that it is held against. That an instant takes no memory is a test of its own (`on_call/tests.rs`).

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and says what it measured")]

use chrono::{DateTime, TimeDelta, Utc};
use rota::{Change, Operation, Rota, everywhere, final_schedule, on_call, on_duty, people_on_duty};
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 60;

fn main() {
    let start: DateTime<Utc> = DateTime::from_timestamp(1_780_000_000, 0).unwrap_or_default();
    let operations: Vec<Operation> = (0..50).map(|number| override_of(number, start)).collect();
    one_instant(start, &operations);
    anchors(start);

    for hours in [Hours::Staggered, Hours::Scattered] {
        let large = rota_of(1, 10, "2026-01-05 09:00", hours);
        let mut segments = 0;
        let year = least(1, |_| {
            let found = final_schedule(&large, "s0", &operations, start, start + TimeDelta::days(365));
            segments = black_box(found.map_or(0, |found| found.len()));
        });
        println!("a year of 10 layers with hours, 50 overrides, {segments} segments: {:.2} ms (at most 1)", year / 1e6);
    }

    let many = rota_of(10_000, 1, "2026-01-05 09:00", Hours::Office);
    let asked = least(1, |turn| {
        let at = start + TimeDelta::minutes(turn * 97);
        black_box(everywhere(&many, &operations, at).map(|(_, people)| people.len()).sum::<usize>());
    });
    println!("who is on call on each of 10,000 schedules: {:.2} ms (at most 5)", asked / 1e6);
}

/// Ten layers of nine hours each, as their days pass.
fn one_instant(start: DateTime<Utc>, operations: &[Operation]) {
    let small = rota_of(1, 1, "2026-01-05 09:00", Hours::Always);
    let office = rota_of(1, 1, "2026-01-05 09:00", Hours::Office);
    let together = rota_of(1, 10, "2026-01-05 09:00", Hours::Together);
    let staggered = rota_of(1, 10, "2026-01-05 09:00", Hours::Staggered);
    for (name, rota, operations) in [
        ("1 layer", &small, &[][..]),
        ("1 layer with office hours", &office, &[]),
        ("10 layers with the same hours", &together, &[]),
        ("10 layers with hours", &staggered, &[]),
        ("10 layers with hours, 50 overrides", &staggered, operations),
    ] {
        let at = |turn: i64| start + TimeDelta::minutes(turn * 7);
        let people = least(2_000, |turn| {
            black_box(people_on_duty(rota, "s0", operations, at(turn)).is_ok());
        });
        let duty = least(2_000, |turn| {
            black_box(on_duty(rota, "s0", operations, at(turn)).is_ok());
        });
        let whole = least(200, |turn| {
            black_box(on_call(rota, "s0", operations, at(turn)).is_ok());
        });
        println!(
            "{name}: people {people:.0} ns (at most 200), with the reason {duty:.0} ns, until when and who is next {whole:.0} ns"
        );
    }
}

/// The same question of rotations that began long ago.
fn anchors(start: DateTime<Utc>) {
    let ages = ["2026-01-05 09:00", "1999-01-04 09:00", "1970-01-05 09:00"].map(|handoff| {
        let rota = rota_of(1, 10, handoff, Hours::Staggered);
        let people = least(2_000, |turn| {
            black_box(people_on_duty(&rota, "s0", &[], start + TimeDelta::minutes(turn * 7)).is_ok());
        });
        format!("{} {people:.0} ns", &handoff.get(..4).unwrap_or_default())
    });
    println!("10 layers with hours by the year of the anchor: {}", ages.join(", "));
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

#[derive(Clone, Copy)]
enum Hours {
    Always,
    Office,
    /// Nine hours, the same in each layer.
    Together,
    /// Nine hours, three hours later in each layer: handoffs fall together.
    Staggered,
    /// Nine hours, two hours later in each layer: none falls on another.
    Scattered,
}

impl Hours {
    fn window(self, layer: usize) -> String {
        let from = match self {
            Self::Scattered => layer * 2 % 24,
            Self::Always | Self::Office | Self::Together | Self::Staggered => layer * 3 % 24,
        };
        match self {
            Self::Always => String::new(),
            Self::Office => "window = \"Mon-Fri 08:00-20:00\"".to_owned(),
            Self::Together => "window = \"09:00-18:00\"".to_owned(),
            Self::Staggered | Self::Scattered => format!("window = \"{from:02}:00-{:02}:00\"", (from + 9) % 24),
        }
    }
}

/// Alternately a weekly and a daily layer, with six people each.
fn rota_of(schedules: usize, layers: usize, handoff: &str, hours: Hours) -> Rota {
    let mut text = String::from("[escalation.default]\nlevels = [{ page = [\"p0\"] }]\n");
    for schedule in 0..schedules {
        write!(text, "[schedules.s{schedule}]\nzone = \"America/New_York\"\n").expect("a string grows");
        for layer in 0..layers {
            let every = if layer % 2 == 0 { "1 week" } else { "1 day" };
            let window = hours.window(layer);
            write!(
                text,
                "[[schedules.s{schedule}.layers]]\nname = \"{layer}\"\n\
                 rotation = [\"p0\", \"p1\", \"p2\", \"p3\", \"p4\", \"p5\"]\n\
                 handoff = \"{handoff}\"\nevery = \"{every}\"\n{window}\n"
            )
            .expect("a string grows");
        }
    }
    (0..6).for_each(|person| write!(text, "[people.p{person}]\nslack = \"U{person}\"\n").expect("a string grows"));
    Rota::parse(&[("bench.toml", text)]).expect("the bench's own file is right")
}

fn override_of(number: u64, from: DateTime<Utc>) -> Operation {
    let start = from + TimeDelta::hours(175 * i64::try_from(number).unwrap_or_default());
    let change = Change::ReplaceUser { from: "p1".into(), to: "p2".into() };
    Operation {
        number,
        schedule: "s0".into(),
        start,
        end: start + TimeDelta::hours(8),
        change,
        by: "p2".into(),
        reason: String::new(),
    }
}
