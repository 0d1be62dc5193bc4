//! Runbooks: any text is one, unless its front matter cannot be read. Nothing of its text is lost or made up, and a library
//! that holds it still finds what an alarm of anybody asks for.
#![no_main]

use fuzz::{Input, now};
use incident::{Alarm, AlarmState, Severity};
use index::{Library, Runbook, RunbookFile};
use std::cell::RefCell;

const OURS: [&str; 3] = [
    include_str!("../../index/runbooks/host/disk-full.md"),
    "+++\ntitle = \"Queue is long\"\nalarms = [\"*queue*\"]\nservices = [\"shop\"]\n+++\n## Checks\nLook at `queue_depth`.\n",
    "# Memory is full\n\nRestart it.\n",
];

thread_local! {
    static LIBRARY: RefCell<Library> = RefCell::new({
        let mut library = Library::new();
        let files: Vec<RunbookFile> = OURS.iter().zip(["disk", "queue", "memory"]).map(|(text, id)| file(id, text)).collect();
        library.reload(&files).expect("ours can be read");
        library
    });
}

fn file(id: &str, text: &str) -> RunbookFile {
    RunbookFile { id: id.into(), path: format!("runbooks/{id}.md"), text: text.to_owned() }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    if input.byte() & 1 == 0 { search(input) } else { read(&input.text()) }
});

fn read(text: &str) {
    match Runbook::parse("host/a".into(), "runbooks/host/a.md", text) {
        Err(problem) => assert!((1..=text.lines().count() + 1).contains(&problem.line), "{problem}"),
        Ok(runbook) => {
            assert!(!runbook.title.trim().is_empty());
            let mut from = 0;
            for section in &runbook.sections {
                assert!(section.level <= 6);
                for line in section.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                    let found =
                        text[from..].find(line).unwrap_or_else(|| panic!("{line:?} is not in the file, or not there"));
                    from += found + line.len();
                }
            }
        }
    }
}

/// The query is built from an alarm's text, expressions included.
fn search(mut input: Input<'_>) {
    let (title, service, expression) = (input.line(), input.line(), input.line());
    let alarm = Alarm {
        source: "generic".to_owned(),
        delivery: "d".into(),
        key: "k".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: title.chars().take(Alarm::TITLE_CHARS_MAX).collect(),
        summary: input.text().chars().take(Alarm::SUMMARY_CHARS_MAX).collect(),
        resource: String::new(),
        service: (!service.is_empty()).then_some(service),
        labels: [("expr".to_owned(), expression.chars().take(Alarm::LABEL_CHARS_MAX).collect())].into(),
        links: Vec::new(),
        occurred_at: now(),
        drill: None,
    };
    LIBRARY.with_borrow(|library| {
        let hits = library.search(&alarm, 2);
        assert!(hits.len() <= 2 && hits.is_sorted_by(|a, b| a.score >= b.score), "{hits:?}");
        assert!(hits.iter().all(|hit| hit.score.is_finite() && library.get(&hit.runbook).is_some()));
    });
}
