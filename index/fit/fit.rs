//! Moves weights on the fitting half of the benchmark, by coordinate ascent over a listwise loss, one weight after another,
//! in the order of the file, so that every run does the same.
//! `cargo run --release -p index --example fit FOLDER [--without SOURCE] [--rounds N] [--weights FILE]` prints each step,
//! the weights, and what they do on the organisation that was left out. It never looks at the other half.
#![allow(clippy::print_stdout, reason = "a measuring program")]

mod data;

use data::{Quality, Variant};
use index::Weights;
use std::path::{Path, PathBuf};

/// How sharply the loss may look at differences, as parts of the best score.
const SHARPNESS: [f64; 8] = [6.0, 8.0, 11.0, 15.0, 20.0, 27.0, 36.0, 48.0];
/// The likelihood of a relevant runbook that was not found.
const P_MIN: f64 = 0.005;
/// Hits looked at.
const LIMIT: usize = 24;
/// What a step has to gain: less is noise.
const GAIN_MIN: f64 = 0.0015;
/// Steps of the first round, and of those after it.
const FIRST_STEPS: [f64; 2] = [0.5, 1.6];
const LATER_STEPS: [f64; 2] = [0.7, 1.3];

struct Options {
    folder: PathBuf,
    without: Option<String>,
    rounds: usize,
    weights: toml::Table,
}

fn main() {
    let options = options();
    let weights = parse(&options.weights);
    let mut variants = data::all(&options.folder, &weights);
    variants.extend(data::shortened(&options.folder, &weights));
    let without = options.without.as_deref();
    let used = |source: &str| without != Some(source);
    let mut table = options.weights;
    report("before", &variants, &table, without);
    let mut best = loss(&variants, &parse(&table), &used);
    for round in 0..options.rounds {
        let steps = if round == 0 { FIRST_STEPS } else { LATER_STEPS };
        for (section, key) in keys(&table) {
            for step in steps {
                best = follow(&variants, &mut table, (&section, &key), step, best, &used);
            }
        }
    }
    println!("{}", toml::to_string(&table).expect("it was read from TOML"));
    report("after", &variants, &table, without);
}

fn options() -> Options {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).cloned()
    };
    let built_in = || include_str!("../weights.toml").to_owned();
    let weights = after("--weights").map_or_else(built_in, |path| {
        std::fs::read_to_string(Path::new(&path)).expect("the file of weights can be read")
    });
    Options {
        folder: PathBuf::from(arguments.first().expect("usage: fit FOLDER")),
        without: after("--without"),
        rounds: after("--rounds").map_or(2, |rounds| rounds.parse().expect("a number of rounds")),
        weights: weights.parse().expect("weights are TOML"),
    }
}

/// Takes a step as long as it gains; returns the new loss.
fn follow(
    variants: &[Variant],
    table: &mut toml::Table,
    (section, key): (&str, &str),
    step: f64,
    mut best: f64,
    used: &dyn Fn(&str) -> bool,
) -> f64 {
    loop {
        let mut trial = table.clone();
        let Some(value) = trial.get_mut(section).and_then(|values| values.get_mut(key)) else { return best };
        let old = value.as_float().expect("only numbers with a fraction are moved");
        let new = (old * step * 10_000.0).round() / 10_000.0;
        *value = toml::Value::Float(new);
        let now = loss(variants, &parse(&trial), used);
        if now > best - GAIN_MIN {
            return best;
        }
        println!("# {section}.{key} {old} -> {new}: loss {now:.4}");
        best = now;
        *table = trial;
    }
}

/// The mean negative log likelihood of the relevant runbooks.
fn loss(variants: &[Variant], weights: &Weights, used: &dyn Fn(&str) -> bool) -> f64 {
    let mut rankings = Vec::new();
    for variant in variants {
        for case in variant.cases.iter().filter(|case| case.fit && used(&case.source)) {
            let hits = variant.library.search_with(weights, &case.alarm, LIMIT);
            let best = hits.first().map_or(1.0, |hit| hit.score);
            let ranking = hits.iter().map(|hit| (hit.score / best - 1.0, case.relevant.contains(&hit.runbook)));
            rankings.push((variant.weight, ranking.collect::<Vec<_>>()));
        }
    }
    // Weights that only stretch or squeeze all scores are worth nothing: the best sharpness is found for each.
    SHARPNESS.iter().map(|sharpness| loss_at(&rankings, *sharpness)).fold(f64::INFINITY, f64::min)
}

fn loss_at(rankings: &[(f64, Vec<(f64, bool)>)], sharpness: f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (weight, ranking) in rankings {
        let likelihood = |score: f64| (sharpness * score).exp();
        let all: f64 = ranking.iter().map(|(score, _)| likelihood(*score)).sum();
        let good: f64 = ranking.iter().filter(|hit| hit.1).map(|(score, _)| likelihood(*score)).sum();
        let p = if all > 0.0 { good / all } else { 0.0 };
        sum += weight * -p.max(P_MIN).ln();
        count += weight;
    }
    sum / count
}

/// Prints loss and quality on what is used, and on what is left out.
fn report(when: &str, variants: &[Variant], table: &toml::Table, without: Option<&str>) {
    let weights = parse(table);
    let used = |source: &str| without != Some(source);
    println!("# {when}: loss {:.4}", loss(variants, &weights, &used));
    quality(variants, &weights, &used);
    if let Some(without) = without {
        let left_out = |source: &str| source == without;
        println!("# {when}, {without} alone: loss {:.4}", loss(variants, &weights, &left_out));
        quality(variants, &weights, &left_out);
    }
}

fn quality(variants: &[Variant], weights: &Weights, used: &dyn Fn(&str) -> bool) {
    for variant in variants {
        let mut quality = Quality::default();
        for case in variant.cases.iter().filter(|case| case.fit && used(&case.source)) {
            let hits = variant.library.search_with(weights, &case.alarm, 10);
            quality.add(hits.iter().position(|hit| case.relevant.contains(&hit.runbook)));
        }
        println!("#   {:17} {}", variant.name, quality.line());
    }
}

/// Sections and keys of everything that can be moved: `b` and `k1` too, but not whole numbers and not the confidence.
fn keys(table: &toml::Table) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for (section, values) in table.iter().filter(|(section, _)| *section != "confidence") {
        let values = values.as_table().into_iter().flatten();
        keys.extend(values.filter(|(_, value)| value.is_float()).map(|(key, _)| (section.clone(), key.clone())));
    }
    keys
}

fn parse(table: &toml::Table) -> Weights {
    Weights::parse(&toml::to_string(table).expect("it was read from TOML")).expect("every weight is there")
}
