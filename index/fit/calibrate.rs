//! Fits what a hit's confidence is made of, and prints what each bar would do:
//! `cargo run --release -p index --example calibrate FOLDER`.
//! Each alarm counts twice: with its runbooks, and with them taken away, when every first hit is wrong.
#![allow(clippy::print_stdout, reason = "a measuring program")]

#[allow(dead_code, reason = "shared with the other programs")]
mod data;

use data::Variant;
use index::{Hit, Weights};
use std::path::PathBuf;

/// Steps of plain gradient descent over four numbers: many enough to stand still.
const STEPS: usize = 20_000;
/// How much large numbers are held back.
const RIDGE: f64 = 0.001;
/// What an alarm without its runbook counts beside one with it.
const GONE_WEIGHT: f64 = 0.5;
const BARS: [f64; 7] = [0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7];

/// The first hit of one search.
struct Sample {
    features: [f64; 4],
    good: bool,
    weight: f64,
    variant: &'static str,
    fit: bool,
    gone: bool,
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: calibrate FOLDER"));
    let variants = data::all(&folder, &Weights::built_in());
    let samples: Vec<Sample> = variants.iter().flat_map(samples).collect();
    let [base, explained, named, lead] = train(&samples);
    println!("base = {base:.2}\nexplained = {explained:.2}\nnamed = {named:.2}\nlead = {lead:.2}\n");
    println!("half  kind               bar   first is right  gets a suggestion  gets one though its runbook is gone");
    for fit in [true, false] {
        for variant in &variants {
            for bar in BARS {
                let of = |gone: bool| {
                    let mine = move |sample: &&Sample| (sample.fit, sample.gone) == (fit, gone);
                    samples.iter().filter(mine).filter(|sample| sample.variant == variant.name)
                };
                let above = |gone: bool| {
                    of(gone).filter(|sample| confidence(&[base, explained, named, lead], &sample.features) >= bar)
                };
                let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
                println!(
                    "{}  {:17} {bar:.2}  {:>14.3}  {:>17.3}  {:>10.3}",
                    if fit { "fit " } else { "test" },
                    variant.name,
                    share(above(false).filter(|sample| sample.good).count(), above(false).count()),
                    share(above(false).count(), of(false).count()),
                    share(above(true).count(), of(true).count()),
                );
            }
        }
    }
}

fn samples(variant: &Variant) -> Vec<Sample> {
    let mut samples = Vec::new();
    for case in &variant.cases {
        let hits = variant.library.search(&case.alarm, 12);
        for gone in [false, true] {
            let left: Vec<&Hit> =
                hits.iter().filter(|hit| !gone || !case.relevant.contains(&hit.runbook)).take(2).collect();
            let Some(first) = left.first() else { continue };
            samples.push(Sample {
                features: features(first, left.get(1).copied()),
                good: case.relevant.contains(&first.runbook),
                weight: variant.weight * if gone { GONE_WEIGHT } else { 1.0 },
                variant: variant.name,
                fit: case.fit,
                gone,
            });
        }
    }
    samples
}

/// As `confidence.rs` of the crate has them.
fn features(first: &Hit, second: Option<&Hit>) -> [f64; 4] {
    let lead = 1.0 - second.map_or(0.0, |second| second.score) / first.score;
    [1.0, first.explained, f64::from(first.is_named()), lead]
}

fn confidence(weights: &[f64; 4], features: &[f64; 4]) -> f64 {
    let sum: f64 = weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// A logistic regression on the fitting half.
fn train(samples: &[Sample]) -> [f64; 4] {
    let mut weights = [0.0; 4];
    let samples: Vec<&Sample> = samples.iter().filter(|sample| sample.fit).collect();
    let total: f64 = samples.iter().map(|sample| sample.weight).sum();
    for _ in 0..STEPS {
        let mut slopes = [0.0; 4];
        for sample in &samples {
            let off = sample.weight * (confidence(&weights, &sample.features) - f64::from(sample.good));
            for (slope, feature) in slopes.iter_mut().zip(&sample.features) {
                *slope += off * feature;
            }
        }
        for (number, (weight, slope)) in weights.iter_mut().zip(&slopes).enumerate() {
            *weight -= slope / total + if number == 0 { 0.0 } else { RIDGE * *weight };
        }
    }
    weights
}
