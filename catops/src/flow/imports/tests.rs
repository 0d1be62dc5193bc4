//! Calendars that change under a rota in the log: what counted stays, whoever reads it and however often the process starts.

use super::*;
use crate::flow::versions;
use log::MemoryLog;
use std::path::Path;

const ROTA: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { name = "Ben Okafor", slack = "U0BEN" }
[schedules.s]
zone = "UTC"
holidays = ["calendar:days", "holidays/own.ics"]
[[schedules.s.layers]]
calendar = "duty"
[escalation.default]
levels = [{ page = ["schedule:s"] }]
"#;

fn event(uid: &str, who: &str, days: [i64; 2]) -> String {
    let [start, end] = days.map(|day| (clock::now() + TimeDelta::days(day)).format("%Y%m%d").to_string());
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART;VALUE=DATE:{start}\nDTEND;VALUE=DATE:{end}\nSUMMARY:{who}\nEND:VEVENT\n")
}

fn write(folder: &Path, name: &str, events: &[String]) {
    std::fs::write(folder.join(name), format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.concat())).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "[calendars.duty]\nfile = \"duty.ics\"\n[calendars.days]\nfile = \"days.ics\"\n";
    std::fs::write(folder.path().join("catops.toml"), config).unwrap();
    for name in ["rota", "holidays"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("rota/team.toml"), ROTA).unwrap();
    write(folder.path(), "duty.ics", &[event("1", "Ana Ruiz", [-5, 5])]);
    write(folder.path(), "days.ics", &[event("1", "Feast", [-3, 3])]);
    write(folder.path(), "holidays/own.ics", &[event("1", "Own", [-9, -8])]);
    folder
}

async fn served(log: &MemoryLog, folder: &Path) -> Setup {
    let reading = Setup::read(folder);
    assert_eq!(reading.problems, []);
    let mut setup = reading.setup.unwrap();
    versions::note(log, &mut setup).await;
    setup
}

/// Who is on call so many days from now, and whether that is a holiday.
fn told(setup: &Setup, day: i64) -> (String, bool) {
    let at = clock::now() + TimeDelta::days(day);
    let people = rota::people_on_duty(&setup.rota, "s", &[], at).unwrap();
    let holidays = &setup.rota.schedules["s"].holidays;
    let is_holiday = holidays.iter().any(|day| day.from <= at.date_naive() && at.date_naive() < day.to);
    (people.iter().map(|person| person.as_str()).collect::<Vec<_>>().join(","), is_holiday)
}

async fn counted(log: &MemoryLog) -> u64 {
    log.load(&names::imported()).await.unwrap().map_or(0, |stream| stream.version)
}

#[tokio::test]
async fn a_calendar_that_changes_changes_nothing_that_was() {
    let (log, folder) = (MemoryLog::new(), folder());
    let setup = served(&log, folder.path()).await;
    assert_eq!((told(&setup, -2), told(&setup, 2)), (("ana".to_owned(), true), ("ana".to_owned(), true)));
    assert_eq!(told(&setup, -9), (String::new(), true), "a file of holidays counts as ever");
    served(&log, folder.path()).await;
    assert_eq!(counted(&log).await, 1, "a start without a change writes nothing");

    write(folder.path(), "duty.ics", &[event("1", "ben", [-5, 5])]);
    write(folder.path(), "days.ics", &[event("1", "Feast", [-3, 1]), event("2", "Late", [8, 9])]);
    write(folder.path(), "holidays/own.ics", &[event("1", "Own", [-20, -19])]);
    let only_read = {
        let mut setup = Setup::read(folder.path()).setup.unwrap();
        recall(&log, &mut setup).await.unwrap();
        setup
    };
    // The calendars' copies in the log count until a server reads the files; the file of holidays is seen at once.
    assert_eq!(told(&only_read, 2), ("ana".to_owned(), true));
    let setup = served(&log, folder.path()).await;
    for setup in [&setup, &served(&log, folder.path()).await] {
        assert_eq!(told(setup, -2), ("ana".to_owned(), true));
        assert_eq!(told(setup, 2), ("ben".to_owned(), false));
        assert!(told(setup, 8).1);
        assert_eq!((told(setup, -9).1, told(setup, -20).1), (true, false), "the past of holidays stays");
    }
    assert_eq!(counted(&log).await, 2);

    // Who is called otherwise from now on was who he was.
    let renamed = ROTA.replace("ben = { name = \"Ben Okafor\"", "benedict = { name = \"Ben\"");
    std::fs::write(folder.path().join("rota/team.toml"), renamed).unwrap();
    let setup = served(&log, folder.path()).await;
    assert_eq!((told(&setup, -2).0, told(&setup, 2).0), ("ana".to_owned(), "benedict".to_owned()));
    let head = log.load(&names::imported()).await.unwrap().unwrap().head;
    assert_eq!(refolded(&log).await.unwrap(), Some(head), "the state is what the events lead to");
}

#[tokio::test]
async fn unknown_names_are_told_once() {
    let (log, folder) = (MemoryLog::new(), folder());
    write(folder.path(), "duty.ics", &[event("1", "Jhon", [1, 2])]);
    let notes = async || {
        let waiting = log.waiting(clock::now() + TimeDelta::minutes(1), 100).await.unwrap();
        waiting.iter().filter(|effect| effect.wanted.kind == calendars::NOTE).count()
    };
    served(&log, folder.path()).await;
    assert_eq!(notes().await, 1);
    served(&log, folder.path()).await;
    write(folder.path(), "duty.ics", &[event("1", "Jhon", [1, 2]), event("2", "ana", [2, 3])]);
    served(&log, folder.path()).await;
    assert_eq!(notes().await, 1, "the same is not told again");
    write(folder.path(), "duty.ics", &[event("1", "Jhon", [1, 2]), event("2", "Jana", [2, 3])]);
    served(&log, folder.path()).await;
    assert_eq!(notes().await, 2);
}

/// The log's format is for ever, the payload's too.
#[test]
fn the_event_is_what_its_golden_file_holds() {
    let golden = include_str!("../../../../tests/corpus/calendar_events/calendars_counted.1.json");
    let event: CalendarsCounted = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_string_pretty(&event).unwrap() + "\n", golden);
    let golden = include_str!("../../../../tests/corpus/calendar_events/calendars_counted.payload.1.json");
    let payload: Imported = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_string(&payload).unwrap() + "\n", golden);
    assert_eq!(payload.starts(), "2026-02-10T00:00:00Z".parse().ok());
}
