//! What a calendar program is told when it asks again, also after a restart.

use super::*;
use crate::app::Parts;
use crate::config::starter;
use crate::flow::feeds::{self, Minted};
use log::{Holder, MemoryLog, SNAPSHOT_BYTES_MAX};
use rota::Change;

const ROTA: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { name = "Ben Okafor", slack = "U0BEN" }
[schedules.payments]
zone = "UTC"
[[schedules.payments.layers]]
name = "weekly"
rotation = ["ana", "ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
[escalation.default]
levels = [{ page = ["schedule:payments"] }]
"#;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{text}Z").parse().unwrap()
}

/// A CatOps in memory with this rota, and the folder of its configuration.
fn stage(rota: &str) -> (Arc<App>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = App::new(Parts {
        log: Arc::new(MemoryLog::new()),
        data: None,
        setup: setup(folder.path(), rota),
        library: index::Library::new(),
        slack: None,
        http: reqwest::Client::new(),
        public_url: String::new(),
        holder: Holder::new("test"),
        performs: true,
    });
    (app, folder)
}

fn setup(folder: &std::path::Path, rota: &str) -> Setup {
    if !folder.join("catops.toml").exists() {
        starter::write(folder).unwrap();
    }
    for entry in std::fs::read_dir(folder.join("rota")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::fs::write(folder.join("rota/team.toml"), rota).unwrap();
    Setup::read(folder).setup.unwrap()
}

async fn opened(app: &App) -> (Feeds, OpenFeed) {
    let whose = Whose::Schedule("payments".to_owned());
    let minted = Minted::fresh().unwrap();
    let open = feeds::open(&*app.log, whose, "ana".into(), &minted, at("02-01T12:00:00")).await.unwrap();
    (feeds::load(&*app.log).await.unwrap(), open)
}

/// Ben has what is Ana's, from nine to nine.
fn cover(first_day: &str, last_day: &str) -> Operation {
    Operation {
        number: 1,
        schedule: "payments".to_owned(),
        start: at(&format!("{first_day}T09:00:00")),
        end: at(&format!("{last_day}T09:00:00")),
        change: Change::ReplaceUser { from: "ana".into(), to: "ben".into() },
        by: "ben".into(),
        reason: String::new(),
    }
}

async fn told(app: &App, open: &OpenFeed) -> (u64, Told) {
    let stream = app.log.load(&open.whose.published()).await.unwrap().unwrap();
    (stream.version, serde_json::from_slice(&stream.head.snapshot).unwrap())
}

#[tokio::test]
async fn a_feed_is_made_once_a_minute_while_nothing_changes() {
    let (app, folder) = stage(ROTA);
    let (feeds, open) = opened(&app).await;
    let shelf = Shelf::default();
    let first = shelf.page(&app, &feeds, &open, at("02-01T12:00:00")).await.unwrap();
    let same = shelf.page(&app, &feeds, &open, at("02-01T12:00:59")).await.unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    let anew = shelf.page(&app, &feeds, &open, at("02-01T12:01:00")).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &anew));
    assert_eq!((&first.etag, first.changed_at), (&anew.etag, anew.changed_at));
    assert_eq!(told(&app, &open).await.0, 1, "nothing new was written");

    let setup_before = app.setup();
    let made = shelf.made.lock().await.remove(&open.whose).unwrap();
    assert!(made.is_of(&setup_before, &[]));
    assert!(!made.is_of(&setup_before, &[cover("02-03", "02-04")]), "an operation shows at once");
    shelf.made.lock().await.insert(open.whose.clone(), made);
    app.replace_setup(setup(folder.path(), &ROTA.replace("\"ana\", \"ben\"", "\"ben\", \"ana\"")));
    let other = shelf.page(&app, &feeds, &open, at("02-01T12:01:01")).await.unwrap();
    assert_ne!(other.etag, anew.etag, "a changed configuration shows at once");
}

#[tokio::test]
async fn what_is_gone_is_cancelled_also_after_a_restart() {
    let (app, folder) = stage(ROTA);
    let (feeds, open) = opened(&app).await;
    let now = at("02-01T12:00:00");
    let first = Shelf::default().page(&app, &feeds, &open, now).await.unwrap();
    assert!(!first.body.contains("CANCELLED"), "{}", first.body);
    // A whole week of Ana's.
    let second = publish(&*app.log, &app.setup(), &[cover("02-16", "02-23")], &feeds, &open, now).await.unwrap();
    assert_eq!(second.body.matches("STATUS:CANCELLED").count(), 1, "{}", second.body);
    assert_eq!(second.changed_at, first.changed_at + TimeDelta::seconds(1), "later, though it is the same second");

    let other = ROTA.replace("payments", "billing");
    app.replace_setup(setup(folder.path(), &other));
    let third = Shelf::default().page(&app, &feeds, &open, now + TimeDelta::hours(1)).await.unwrap();
    let events = third.body.matches("BEGIN:VEVENT").count();
    assert!(events > 20, "{events}");
    assert_eq!(third.body.matches("STATUS:CANCELLED").count(), events, "of a schedule that is no more, all is gone");
    assert!(third.body.contains("X-WR-CALNAME:On call: payments"), "{}", third.body);
}

#[tokio::test]
async fn what_was_told_is_kept_whole_and_small() {
    let (app, _folder) = stage(ROTA);
    let (feeds, open) = opened(&app).await;
    let now = at("02-01T12:00:00");
    Shelf::default().page(&app, &feeds, &open, now).await.unwrap();
    let (_, kept) = told(&app, &open).await;
    let feed = of(&app.setup().rota, &[], &open.whose, &feeds.site, &[], now);
    assert_eq!(kept.events(), feed.published);

    // 4,680 shifts: one each hour.
    let (app, _folder) = stage(&ROTA.replace("1 week", "1 hour"));
    let (feeds, open) = opened(&app).await;
    let page = Shelf::default().page(&app, &feeds, &open, now).await.unwrap();
    let shifts = page.body.matches("BEGIN:VEVENT").count();
    let stream = app.log.load(&open.whose.published()).await.unwrap().unwrap();
    let (_, kept) = told(&app, &open).await;
    assert!(stream.head.snapshot.len() <= SNAPSHOT_BYTES_MAX, "{}", stream.head.snapshot.len());
    assert!(kept.events.len() > 2000 && kept.events.len() < shifts, "{} of {shifts}", kept.events.len());
    assert!(
        kept.events().iter().any(|event| event.start > now + TimeDelta::days(60)),
        "the next months are remembered"
    );
}

#[tokio::test]
async fn two_servers_of_one_log_tell_the_same() {
    let (app, _folder) = stage(ROTA);
    let (feeds, open) = opened(&app).await;
    let (here, there) = (Shelf::default(), Shelf::default());
    let (now, later) = (at("02-01T12:00:00"), at("02-01T12:00:07"));
    let both = futures::future::join(here.page(&app, &feeds, &open, now), there.page(&app, &feeds, &open, later)).await;
    let (here, there) = (both.0.unwrap(), both.1.unwrap());
    assert_eq!((&here.etag, here.changed_at), (&there.etag, there.changed_at));
    assert_eq!(told(&app, &open).await.0, 1, "who was slower found it written");
}
