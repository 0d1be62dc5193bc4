//! What is kept of the runbooks' folder, and what a later night gets back of it.

use super::*;
use crate::runbooks_then::Then;
use log::MemoryLog;

fn file(id: &str, text: &str) -> RunbookFile {
    RunbookFile { id: id.into(), path: format!("runbooks/{id}.md"), text: text.to_owned() }
}

fn digest(files: &[RunbookFile]) -> String {
    let mut library = index::Library::new();
    library.reload(files).unwrap();
    library.digest()
}

async fn noted(log: &MemoryLog, files: &[RunbookFile]) {
    write(log, &digest(files), || files.to_vec()).await.unwrap();
}

async fn bodies(log: &MemoryLog) -> Vec<String> {
    let events = all_events(log, &names::runbook_versions()).await.unwrap();
    events.into_iter().map(|event| String::from_utf8(event.body).unwrap()).collect()
}

#[tokio::test]
async fn a_folder_that_stays_as_it_is_is_neither_read_nor_written_again() {
    let (log, files) = (MemoryLog::new(), [file("disk", "# Disk"), file("host/cpu", "# CPU")]);
    noted(&log, &files).await;
    write(&log, &digest(&files), || panic!("the folder is not read again")).await.unwrap();
    assert_eq!(bodies(&log).await.len(), 1);
    let head = log.load(&names::runbook_versions()).await.unwrap().unwrap().head;
    assert_eq!(refolded(&log).await.unwrap(), Some(head), "an import folds the same state");
}

#[tokio::test]
async fn each_text_is_kept_once_and_every_version_comes_back() {
    let log = MemoryLog::new();
    let (old, new) = ("# Disk\nDelete what is old.", "# Disk\nMake it larger.");
    let steps = [
        vec![file("copy", old), file("disk", old)],
        vec![file("copy", old), file("disk", new)],
        vec![file("disk", old)],
        vec![],
    ];
    for step in &steps {
        noted(&log, step).await;
    }
    let bodies = bodies(&log).await;
    assert_eq!(bodies.iter().map(|body| body.matches("\"bytes\"").count()).collect::<Vec<_>>(), [1, 1, 0, 0]);
    let versions = all(&log).await.unwrap();
    assert_eq!(versions.len(), steps.len());
    let mut library = index::Library::new();
    for (version, step) in versions.iter().zip(&steps) {
        library.follow(std::slice::from_ref(&version.change)).unwrap();
        assert_eq!(library.digest(), digest(step));
        let ids: Vec<&RunbookId> = library.iter().map(|runbook| &runbook.id).collect();
        assert_eq!(ids, step.iter().map(|file| &file.id).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_change_that_is_too_large_for_one_event_counts_with_its_last_one() {
    let log = MemoryLog::new();
    let text = |number: usize| format!("# Page {number}\n{}", "long ".repeat(100_000));
    let files: Vec<RunbookFile> = (0..5).map(|number| file(&format!("page{number}"), &text(number))).collect();
    noted(&log, &files).await;
    let bodies = bodies(&log).await;
    assert_eq!(bodies.iter().map(|body| body.contains("\"more\":true")).collect::<Vec<_>>(), [true, true, false]);
    let versions = all(&log).await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].change.files, files);
}

#[tokio::test]
async fn a_change_that_was_cut_short_is_written_to_its_end() {
    let log = MemoryLog::new();
    let files = [file("disk", "# Disk"), file("queue", "# Queue")];
    let mut piece = edits(&State::default(), &files[..1]).remove(0);
    piece.edited.more = true;
    let event = NewEvent {
        kind: "runbooks_edited".to_owned(),
        schema: SCHEMA,
        at: DateTime::UNIX_EPOCH,
        actor: String::new(),
        cause: String::new(),
        body: json(&piece.edited),
        raw: Some(Raw::new(&piece.texts)),
    };
    let head = Head { snapshot: json(&Last::default()), fold: FOLD, listing: None };
    let stream = names::runbook_versions();
    let write = StreamWrite { stream, expected: Expected::NoStream, events: vec![event], head };
    log.append(Append { streams: vec![write], ..Append::default() }).await.unwrap();
    assert_eq!(all(&log).await.unwrap(), [], "half a change is none");
    noted(&log, &files).await;
    let versions = all(&log).await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].change.files, files);
    assert!(versions[0].at > DateTime::UNIX_EPOCH);
}

#[test]
fn the_time_before_the_first_version_is_not_known() {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let version = |seconds, files: &[RunbookFile], gone: &[&str]| Version {
        at: at(seconds),
        change: Change { files: files.to_vec(), gone: gone.iter().map(|id| RunbookId::from(*id)).collect() },
    };
    let broken = file("disk", "+++\nnever closed");
    let mut then = Then::of(vec![
        version(10, &[file("disk", "# Disk")], &[]),
        version(20, &[broken], &[]),
        version(30, &[file("queue", "# Queue")], &["disk"]),
    ]);
    assert_eq!(then.since(), Some(at(10)));
    let titles = |then: &mut Then, seconds| {
        then.at(at(seconds)).map(|library| library.iter().map(|runbook| runbook.title.clone()).collect::<Vec<_>>())
    };
    assert_eq!(titles(&mut then, 9), None);
    assert_eq!(titles(&mut then, 10), Some(vec!["Disk".to_owned()]));
    assert_eq!(titles(&mut then, 25), Some(vec!["Disk".to_owned()]), "a broken file leaves the last good one");
    assert_eq!(titles(&mut then, 40), Some(vec!["Queue".to_owned()]));
    assert!(Then::of(Vec::new()).at(at(10)).is_none());
}

#[test]
fn every_event_that_was_ever_written_can_be_read() {
    let read = serde_json::from_str::<Edited>(include_str!("../../../../tests/corpus/runbooks/runbooks_edited.1.json"));
    let kept = File { id: "host/disk-full".into(), sha256: "a".repeat(64), bytes: Some(812) };
    let known = File { id: "host/disk-slow".into(), sha256: "b".repeat(64), bytes: None };
    assert_eq!(read.unwrap(), Edited { files: vec![kept, known], gone: vec!["host/cpu".into()], more: true });
}
