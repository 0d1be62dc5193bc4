//! The benchmark as the programs beside this file read it: alarms with the runbooks that their own authors link, two
//! halves, and how well a ranking does. The files stay where they are; nothing of them is kept here.

use incident::{Alarm, RunbookId};
use index::{Library, Weights, read_alarms, read_runbooks};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The kinds of alarm file, and which runbooks each is ranked against.
pub(crate) const VARIANTS: [(&str, &str, &str); 4] = [
    ("easy", "alerts.jsonl", "runbooks.jsonl"),
    ("blind", "alerts.blind.jsonl", "runbooks.blind.jsonl"),
    ("cloudwatch", "alerts.cloudwatch.jsonl", "runbooks.jsonl"),
    ("cloudwatch.blind", "alerts.cloudwatch.blind.jsonl", "runbooks.blind.jsonl"),
];
/// How many runbooks make a manual.
const PAGE_RUNBOOKS: usize = 6;
/// The source whose alarms come from CloudWatch; its files of other kinds repeat them without their metric.
const CLOUDWATCH_SOURCE: &str = "construct-hub";

/// One alarm and what its authors link.
pub(crate) struct Case {
    pub(crate) source: String,
    pub(crate) alarm: Alarm,
    pub(crate) relevant: BTreeSet<RunbookId>,
    /// True in the half that weights are chosen on.
    pub(crate) fit: bool,
}

/// One kind of alarm file.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) cases: Vec<Case>,
    pub(crate) library: Library,
    /// How much it counts in the loss.
    pub(crate) weight: f64,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    source: String,
    relevant: Vec<String>,
}

/// Reads a kind of alarm file.
pub(crate) fn read(folder: &Path, (name, alarms, runbooks): (&'static str, &str, &str), weights: &Weights) -> Variant {
    let library = read_runbooks(&folder.join(runbooks), weights.clone()).expect("the benchmark's own form");
    let wanted = |source: &str| name.starts_with("cloudwatch") == (source == CLOUDWATCH_SOURCE);
    Variant { name, cases: cases(folder, alarms, alarms, &wanted), library, weight: 1.0 }
}

/// The alarms of one file, with what the other one links for the same ids.
fn cases(folder: &Path, alarms: &str, linked_by: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<Case> {
    let read = |name: &str| -> Vec<Row> {
        let text = fs::read_to_string(folder.join(name)).expect("the folder of the benchmark is given");
        text.lines().map(|line| serde_json::from_str(line).expect("the benchmark's own form")).collect()
    };
    let links: BTreeMap<String, Vec<String>> = read(linked_by).into_iter().map(|row| (row.id, row.relevant)).collect();
    let sources = read(alarms).into_iter().map(|row| row.source);
    let alarms = read_alarms(&folder.join(alarms)).expect("the same file");
    let case = |(source, (id, alarm)): (String, (String, Alarm))| Case {
        fit: is_fit(&id),
        relevant: links[&id].iter().cloned().map(RunbookId).collect(),
        source,
        alarm,
    };
    sources.zip(alarms).filter(|(source, _)| wanted(source)).map(case).collect()
}

/// What weights are chosen on: the benchmark's own kinds, and three made of them. `symptoms` has alarms without names and
/// runbooks with titles. In the `manual` kinds half of the runbooks are sections of large pages called "Troubleshooting",
/// as other organisations write them.
pub(crate) fn all(folder: &Path, weights: &Weights) -> Vec<Variant> {
    let mut all: Vec<Variant> = VARIANTS.into_iter().map(|variant| read(folder, variant, weights)).collect();
    all[0].weight = 0.5;
    all[2].weight = 0.5;
    all[3].weight = 0.5;
    let not_cloudwatch = |source: &str| source != CLOUDWATCH_SOURCE;
    all.push(Variant {
        name: "symptoms",
        cases: cases(folder, "alerts.blind.jsonl", "alerts.jsonl", &not_cloudwatch),
        library: read_runbooks(&folder.join("runbooks.jsonl"), weights.clone()).expect("the benchmark's own form"),
        weight: 0.5,
    });
    for (name, alarms, runbooks) in
        [("manual", "alerts.jsonl", "runbooks.jsonl"), ("manual.blind", "alerts.blind.jsonl", "runbooks.blind.jsonl")]
    {
        let (pages, moved) = manuals(&fs::read_to_string(folder.join(runbooks)).expect("the benchmark's own form"));
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), pages).expect("a temporary file");
        let library = read_runbooks(file.path(), weights.clone()).expect("the benchmark's own form");
        let mut cases = cases(folder, alarms, alarms, &not_cloudwatch);
        for case in &mut cases {
            case.relevant = case.relevant.iter().map(|id| moved.get(id).unwrap_or(id).clone()).collect();
        }
        all.push(Variant { name, cases, library, weight: 0.5 });
    }
    all
}

/// The blind kind again, each time without one of the alarm's texts, where another one is left: other tools say less of an
/// alarm, and fewer words leave more to be told apart.
pub(crate) fn shortened(folder: &Path, weights: &Weights) -> Vec<Variant> {
    let without = |name: &'static str, text: &str| {
        let mut variant = read(folder, VARIANTS[1], weights);
        variant.cases.retain_mut(|case| {
            let before = case.alarm.clone();
            match text {
                "summary" => case.alarm.summary.clear(),
                label => drop(case.alarm.labels.remove(label)),
            }
            let Alarm { summary, labels, .. } = &case.alarm;
            let is_left = !summary.is_empty() || labels.contains_key("description") || labels.contains_key("expr");
            before != case.alarm && is_left
        });
        Variant { name, weight: 0.4, ..variant }
    };
    vec![
        without("blind.no summary", "summary"),
        without("blind.no text", "description"),
        without("blind.no query", "expr"),
    ]
}

/// Joins every second runbook with others of its source into pages of `PAGE_RUNBOOKS`; says which runbook went where.
fn manuals(runbooks: &str) -> (String, BTreeMap<RunbookId, RunbookId>) {
    let rows =
        runbooks.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("the benchmark's own form"));
    let mut by_source: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for row in rows {
        by_source.entry(row["source"].as_str().unwrap_or_default().to_owned()).or_default().push(row);
    }
    let (mut lines, mut moved) = (Vec::new(), BTreeMap::new());
    for (source, mut rows) in by_source {
        // The order of a digest: any order that says nothing about the texts.
        rows.sort_by_key(|row| {
            ring::digest::digest(&ring::digest::SHA256, row["id"].as_str().unwrap_or_default().as_bytes())
                .as_ref()
                .to_vec()
        });
        let kept = rows.split_off(rows.len() / 2);
        lines.extend(kept.iter().map(ToString::to_string));
        for (number, page) in rows.chunks(PAGE_RUNBOOKS).enumerate() {
            let id = format!("{source}/{number}/troubleshooting");
            let mut text = "# Troubleshooting\n".to_owned();
            for row in page {
                let own = row["text"].as_str().unwrap_or_default();
                text.push_str(&format!("\n## {}\n{own}\n", row["title"].as_str().unwrap_or_default()));
                moved.insert(RunbookId(row["id"].as_str().unwrap_or_default().to_owned()), RunbookId(id.clone()));
            }
            lines.push(serde_json::json!({"id": id, "title": "Troubleshooting", "text": text}).to_string());
        }
    }
    (lines.join("\n"), moved)
}

/// The benchmark's own halves: by the last bit of the SHA-1 of what follows the last colon.
fn is_fit(id: &str) -> bool {
    let own = id.rsplit(':').next().unwrap_or(id);
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, own.as_bytes());
    digest.as_ref().last().is_some_and(|byte| byte % 2 == 0)
}

/// How well rankings do, summed up.
#[derive(Default, Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) count: f64,
    pub(crate) first: f64,
    pub(crate) three: f64,
    pub(crate) reciprocal: f64,
}

impl Quality {
    /// Adds the place of the first relevant runbook, from 0.
    pub(crate) fn add(&mut self, place: Option<usize>) {
        self.count += 1.0;
        let Some(place) = place.filter(|place| *place < 10) else { return };
        self.first += f64::from(place == 0);
        self.three += f64::from(place < 3);
        self.reciprocal += 1.0 / (place as f64 + 1.0);
    }

    /// Shares of all.
    pub(crate) fn line(&self) -> String {
        let share = |sum: f64| sum / self.count.max(1.0);
        format!(
            "S@1 {:.3}  S@3 {:.3}  MRR {:.3}  ({} alarms)",
            share(self.first),
            share(self.three),
            share(self.reciprocal),
            self.count
        )
    }
}
