//! Prints how well the built-in weights rank the benchmark, by half and by source:
//! `cargo run --release -p index --example measure FOLDER`. `--fit` leaves the other half unseen.
#![allow(clippy::print_stdout, reason = "a measuring program")]

#[allow(dead_code, reason = "shared with the other programs")]
mod data;

use data::{Quality, VARIANTS};
use index::Weights;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("usage: measure FOLDER [--fit]"));
    let halves: &[bool] = if arguments.iter().any(|argument| argument == "--fit") { &[true] } else { &[true, false] };
    for variant in VARIANTS {
        let variant = data::read(&folder, variant, &Weights::built_in());
        for half in halves {
            let mut all = Quality::default();
            let mut by_source = BTreeMap::<String, Quality>::new();
            for case in variant.cases.iter().filter(|case| case.fit == *half) {
                let hits = variant.library.search(&case.alarm, 10);
                let place = hits.iter().position(|hit| case.relevant.contains(&hit.runbook));
                all.add(place);
                by_source.entry(case.source.clone()).or_default().add(place);
            }
            println!("{:17} {} {}", variant.name, if *half { "fit " } else { "test" }, all.line());
            for (source, quality) in by_source {
                println!("    {source:20} {}", quality.line());
            }
        }
    }
}
