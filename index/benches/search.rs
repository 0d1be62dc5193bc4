//! Measures searching, laying out, opening and changing libraries of 1,000 and 10,000 made-up runbooks, and, for
//! comparison, tantivy's own BM25 over the same words: a `BooleanQuery` of them, the ten best, once over title and body,
//! once over all parts as this crate cuts them.
//!
//! `cargo bench -p index` prints a table; `cargo bench -p index -- layout` only lays out, several times, each time from
//! nothing. One runbook in twenty is a manual of twelve procedures.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use chrono::DateTime;
use incident::{Alarm, AlarmKey, AlarmState, DeliveryId, RunbookId, Severity};
use index::{Library, RunbookFile, Weights};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STRING, Schema, TEXT};
use tantivy::{Index, Searcher, TantivyDocument, Term};

const ALARMS: usize = 400;
const ROUNDS: usize = 5;
/// How often a library is laid out from nothing.
const LAYOUTS: usize = 7;
/// Files that are changed, one after the other.
const EDITS: usize = 128;

const THINGS: [&str; 40] = [
    "Api",
    "Etcd",
    "Kafka",
    "Node",
    "Pod",
    "Disk",
    "Memory",
    "Queue",
    "Database",
    "Replica",
    "Ingress",
    "Proxy",
    "Cache",
    "Certificate",
    "Volume",
    "Job",
    "Scheduler",
    "Operator",
    "Gateway",
    "Backup",
    "Consumer",
    "Broker",
    "Lambda",
    "Topic",
    "Shard",
    "Cluster",
    "Tenant",
    "Session",
    "Thread",
    "Heap",
    "Socket",
    "Cron",
    "Dns",
    "Vault",
    "Secret",
    "Registry",
    "Webhook",
    "Worker",
    "Router",
    "Storage",
];
const TROUBLES: [&str; 20] = [
    "Down",
    "Slow",
    "HighLatency",
    "Full",
    "Failing",
    "Stuck",
    "Lagging",
    "Missing",
    "Unavailable",
    "Restarting",
    "Expired",
    "Throttled",
    "Degraded",
    "Unreachable",
    "Overloaded",
    "LowSpace",
    "HighErrorRate",
    "NotReady",
    "OutOfMemory",
    "Flapping",
];
const COMMON: [&str; 48] = [
    "check",
    "the",
    "service",
    "is",
    "running",
    "and",
    "logs",
    "of",
    "pods",
    "restart",
    "deployment",
    "when",
    "errors",
    "increase",
    "latency",
    "requests",
    "to",
    "metrics",
    "dashboard",
    "cluster",
    "node",
    "alert",
    "fires",
    "for",
    "minutes",
    "impact",
    "users",
    "may",
    "see",
    "failed",
    "memory",
    "cpu",
    "usage",
    "high",
    "low",
    "disk",
    "space",
    "connection",
    "timeout",
    "database",
    "queue",
    "messages",
    "consumer",
    "network",
    "storage",
    "namespace",
    "container",
    "status",
];

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Half common words, half rare ones of a vocabulary whose words grow rarer.
    fn word(&mut self) -> String {
        if self.below(2) == 0 {
            return self.of(&COMMON).to_owned();
        }
        let most = 1 << (4 + self.below(12));
        format!("w{}x", letters(self.below(most)))
    }

    fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for number in 0..words {
            let end = if number % 12 == 11 { ".\n" } else { " " };
            text.push_str(&self.word());
            text.push_str(end);
        }
        text
    }

    fn name(&mut self) -> String {
        format!("{}{}{}", self.of(&THINGS), self.of(&THINGS), self.of(&TROUBLES))
    }

    fn metric(&mut self) -> String {
        format!("{}_{}_total", self.of(&THINGS).to_lowercase(), letters(self.below(3000)))
    }

    fn procedure(&mut self, level: &str) -> String {
        let mut text = String::new();
        for heading in ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
            let words = 10 + self.below(60);
            text.push_str(&format!("{level} {heading}\n{}\n`{}`\n", self.text(words), self.metric()));
        }
        text
    }

    fn runbook(&mut self, number: usize) -> RunbookFile {
        let name = self.name();
        let text = if number.is_multiple_of(20) {
            let sections: Vec<String> =
                (0..12).map(|_| format!("## {}\n{}", self.name(), self.procedure("###"))).collect();
            format!("# Troubleshooting\n{}", sections.join("\n"))
        } else {
            format!("# {name}\n{}", self.procedure("##"))
        };
        let id = format!("team{}/{name}-{number}", number % 50);
        RunbookFile { path: format!("runbooks/{id}.md"), id: RunbookId(id), text }
    }

    fn alarm(&mut self) -> Alarm {
        let labels = [
            ("description", self.text(25)),
            ("expr", format!("sum(rate({}[5m])) / sum({}) > 0.5", self.metric(), self.metric())),
            ("namespace", self.of(&THINGS).to_owned()),
            ("pod", format!("{}-{}", self.of(&THINGS), self.below(100))),
        ];
        Alarm {
            source: "bench".to_owned(),
            delivery: DeliveryId("bench".to_owned()),
            key: AlarmKey("bench".to_owned()),
            state: AlarmState::Firing,
            severity: Severity::parse("warning"),
            title: self.name(),
            summary: self.text(10),
            resource: String::new(),
            service: None,
            labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
            links: Vec::new(),
            occurred_at: DateTime::UNIX_EPOCH,
            drill: None,
        }
    }
}

fn letters(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}

fn main() {
    for count in [1_000, 10_000] {
        let mut numbers = Numbers(42);
        let mut files: Vec<RunbookFile> = (0..count).map(|number| numbers.runbook(number)).collect();
        let alarms: Vec<Alarm> = (0..ALARMS).map(|_| numbers.alarm()).collect();
        println!("{count} runbooks");
        if std::env::args().any(|argument| argument == "layout") {
            layout(&files);
            continue;
        }
        let mut library = Library::with_weights(Weights::built_in());
        let (built, _) = timed(|| library.reload(&files).unwrap());
        println!("  laid out in               {built:>10.1?}");
        let mut edits = Vec::new();
        for number in (0..EDITS).map(|edit| edit * 7 % count) {
            files[number].text.push_str("\nOne more line.\n");
            edits.push(timed(|| library.reload(&files).unwrap()).0);
        }
        edits.sort_unstable();
        let slowest = at(&edits, 100);
        println!("  {EDITS} files changed one by one: {}, slowest {slowest:.1?}", figures(&edits));
        waiting(&library, &mut files, &alarms);
        let ours = measure(&alarms, |alarm| library.search(alarm, 10).len());
        println!("  search                    {}", figures(&ours));
        let body = [Tantivy::over(&files, &["title", "body"]), Tantivy::over(&files, &PARTS)];
        for (name, bare) in ["title and body", "all parts"].iter().zip(body) {
            let theirs = measure(&alarms, |alarm| bare.search(alarm));
            let ratio = at(&ours, 50).as_secs_f64() / at(&theirs, 50).as_secs_f64();
            println!("  tantivy, {name:<16} {}, ratio of p50 {ratio:.2}", figures(&theirs));
        }
        opening(&library, &alarms[0]);
    }
}

/// What laying out takes from nothing: other programs only make it longer, so the shortest says most.
fn layout(files: &[RunbookFile]) {
    let once = |_| {
        let mut library = Library::with_weights(Weights::built_in());
        timed(|| library.reload(files).unwrap()).0
    };
    let mut times: Vec<Duration> = (0..LAYOUTS).map(once).collect();
    times.sort_unstable();
    println!("  laid out in               {:>10.1?}, middle of {LAYOUTS} {:.1?}", times[0], at(&times, 50));
}

/// What searches take while files are changed one after the other: under a lock that each change holds, and on a copy that
/// is put into its place.
fn waiting(library: &Library, files: &mut [RunbookFile], alarms: &[Alarm]) {
    let locked = RwLock::new(library.clone());
    let search = |alarm: &Alarm| locked.read().unwrap().search(alarm, 10).len();
    let under_a_lock = searched_beside(alarms, search, |edit| {
        files[edit * 13].text.push_str("\nAnother line.\n");
        locked.write().unwrap().reload(files).unwrap();
    });
    let swapped = RwLock::new(Arc::new(library.clone()));
    let present = || Arc::clone(&swapped.read().unwrap());
    let beside_a_copy = searched_beside(
        alarms,
        |alarm| present().search(alarm, 10).len(),
        |edit| {
            files[edit * 13].text.push_str("\nAnother line.\n");
            let mut next = (*present()).clone();
            next.reload(files).unwrap();
            *swapped.write().unwrap() = Arc::new(next);
        },
    );
    for (how, times) in [("under a lock", under_a_lock), ("beside a copy", beside_a_copy)] {
        println!("  search, files changing {how}: {}, slowest {:.1?}", figures(&times), at(&times, 100));
    }
}

/// What each search takes until sixteen files were changed, in rising order.
fn searched_beside(
    alarms: &[Alarm],
    search: impl Fn(&Alarm) -> usize + Sync,
    mut change: impl FnMut(usize),
) -> Vec<Duration> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let searching = scope.spawn(|| {
            let mut times = Vec::new();
            for alarm in alarms.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                times.push(timed(|| black_box(search(alarm))).0);
                // As alarms come: a lock that is always held would keep the change waiting instead.
                thread::sleep(Duration::from_micros(500));
            }
            times.sort_unstable();
            times
        });
        (0..16).for_each(&mut change);
        is_over.store(true, Ordering::Relaxed);
        searching.join().unwrap()
    })
}

/// Opens the baked index and searches once, several times: the first reads from disk.
fn opening(library: &Library, alarm: &Alarm) {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let (baked, _) = timed(|| library.bake(&index).unwrap());
    println!("  baked in                  {baked:>10.1?}");
    for _ in 0..3 {
        let (opened, library) = timed(|| Library::open_baked(&index, folder.path()).unwrap());
        let (answered, _) = timed(|| black_box(library.search(alarm, 10)));
        println!("  opened in                 {opened:>10.1?}, first answer after {answered:.1?} more");
    }
}

fn timed<Answer>(work: impl FnOnce() -> Answer) -> (Duration, Answer) {
    let began = Instant::now();
    let answer = work();
    (began.elapsed(), answer)
}

/// What each alarm takes, in rising order, after one round that warms up.
fn measure(alarms: &[Alarm], search: impl Fn(&Alarm) -> usize) -> Vec<Duration> {
    for alarm in alarms {
        black_box(search(alarm));
    }
    let once = |alarm: &Alarm| timed(|| black_box(search(alarm))).0;
    let mut all: Vec<Duration> = (0..ROUNDS).flat_map(|_| alarms.iter().map(once).collect::<Vec<_>>()).collect();
    all.sort_unstable();
    all
}

fn at(all: &[Duration], percent: usize) -> Duration {
    all[(all.len() * percent / 100).min(all.len() - 1)]
}

fn figures(all: &[Duration]) -> String {
    format!("p50 {:>8.1?}  p99 {:>8.1?}", at(all, 50), at(all, 99))
}

/// The texts of a runbook that a reader could hand to tantivy as fields.
const PARTS: [&str; 6] = ["title", "path", "headings", "lead", "code", "body"];

/// Bare tantivy with its default tokenizer.
struct Tantivy {
    searcher: Searcher,
    fields: Vec<Field>,
}

impl Tantivy {
    fn over(files: &[RunbookFile], parts: &[&str]) -> Self {
        let mut schema = Schema::builder();
        let fields: Vec<Field> = parts.iter().map(|part| schema.add_text_field(part, TEXT)).collect();
        let id = schema.add_text_field("id", STRING);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 200_000_000).unwrap();
        for file in files {
            let mut document = TantivyDocument::new();
            document.add_text(id, file.id.as_str());
            for (part, field) in parts.iter().zip(&fields) {
                document.add_text(*field, text(part, file));
            }
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        Self { searcher: index.reader().unwrap().searcher(), fields }
    }

    fn search(&self, alarm: &Alarm) -> usize {
        let text = format!(
            "{} {} {}",
            alarm.title,
            alarm.summary,
            alarm.labels.values().map(String::as_str).collect::<Vec<_>>().join(" ")
        );
        let mut words: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        words.sort();
        words.dedup();
        let term = |field: Field, word: &str| -> (Occur, Box<dyn Query>) {
            let term = Term::from_field_text(field, word);
            (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)))
        };
        let clauses = words.iter().flat_map(|word| self.fields.iter().map(|field| term(*field, word))).collect();
        self.searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(10).order_by_score()).unwrap().len()
    }
}

fn text(part: &str, file: &RunbookFile) -> String {
    let lines =
        |wanted: &dyn Fn(&str) -> bool| file.text.lines().filter(|line| wanted(line)).collect::<Vec<_>>().join("\n");
    match part {
        "title" => file.text.lines().next().unwrap_or_default().to_owned(),
        "path" => file.id.to_string(),
        "headings" => lines(&|line| line.starts_with('#')),
        "code" => lines(&|line| line.starts_with('`')),
        "lead" => file.text.split_whitespace().take(70).collect::<Vec<_>>().join(" "),
        _ => file.text.clone(),
    }
}
