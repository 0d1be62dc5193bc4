//! Wishes of commands that run beside the server: a data folder has one writer, so a command leaves its wish in the folder
//! `desk` there, and the server carries it out and answers. Who can write into the data folder could as well stop the server
//! and write himself: a wish proves nothing else, and is refused by the same rules. It holds no secret.
//!
//! A wish nobody waits for any more is thrown away unread.

use crate::app::App;
use crate::clock;
use crate::flow::calendars::{self, CalendarEvent};
use crate::flow::feeds::{self, Whose};
use anyhow::{Context, Result, bail};
use incident::ResponderId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The folder of wishes in a data folder.
const DESK: &str = "desk";
/// How often the server looks; a person waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a command looks for its answer.
const ANSWER_EVERY: Duration = Duration::from_millis(50);
/// How long a command waits.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest wish, in bytes.
const BYTES_MAX: u64 = 16 * 1024;
/// Wishes that one look carries out.
const WISHES_MAX: usize = 100;

/// What a command wishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// A feed under the address whose secret has this digest.
    OpenFeed {
        /// Whose shifts.
        whose: Whose,
        /// Who opens it.
        by: ResponderId,
        /// The SHA-256 of the secret, in hexadecimal.
        digest: String,
        /// The right half of every UID, should it be the first feed.
        site: String,
    },
    /// No feed of that number any more.
    RevokeFeed {
        /// Its number.
        id: u64,
        /// Who revokes it.
        by: ResponderId,
    },
    /// The copy of a calendar that waits shall count.
    AcceptCalendar {
        /// The calendar.
        name: String,
        /// Who says so.
        by: ResponderId,
    },
    /// A calendar shall be fetched now.
    FetchCalendar {
        /// The calendar.
        name: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(Value),
    Refused(String),
}

/// Leaves a wish with the server of a data folder, and waits for what it says.
///
/// # Errors
/// The server refuses it, or nobody answers.
pub async fn ask(data: &Path, wish: &Wish) -> Result<Value> {
    let desk = data.join(DESK);
    make(&desk)?;
    let name = random()?;
    let (asked, answered) = (desk.join(format!("{name}.ask")), desk.join(format!("{name}.answer")));
    put(&desk, &asked, &serde_json::to_vec(wish)?)?;
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        clock::sleep(ANSWER_EVERY).await;
        waited += ANSWER_EVERY;
        if let Ok(bytes) = std::fs::read(&answered) {
            std::fs::remove_file(&answered).ok();
            return match serde_json::from_slice(&bytes).context("reading what the server answered")? {
                Answer::Done(told) => Ok(told),
                Answer::Refused(why) => bail!("{why}"),
            };
        }
    }
    std::fs::remove_file(&asked).ok();
    bail!(
        "the server that has {} did not answer within {} s; it may be of an older version: stop it and try again",
        data.display(),
        PATIENCE.as_secs()
    )
}

/// Carries out what lies there until the process ends.
pub async fn run(app: Arc<App>) {
    let Some(desk) = app.data.as_ref().map(|data| data.join(DESK)) else { return };
    // Nobody waits for what was left with the process before.
    std::fs::remove_dir_all(&desk).ok();
    loop {
        clock::sleep(LOOK_EVERY).await;
        if let Err(error) = look(&app, &desk).await {
            tracing::warn!(error = %format!("{error:#}"), "a wish of a command could not be answered");
        }
    }
}

async fn look(app: &App, desk: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(desk) else { return Ok(()) };
    let paths = entries.flatten().map(|entry| entry.path());
    let wishes = paths.filter(|path| path.extension().is_some_and(|extension| extension == "ask"));
    for path in wishes.take(WISHES_MAX) {
        let read = read_wish(&path);
        // Taken away before it is carried out: never twice.
        std::fs::remove_file(&path).context("taking a wish")?;
        let answer = match read {
            Ok(wish) => {
                carry_out(app, wish).await.map_or_else(|error| Answer::Refused(format!("{error:#}")), Answer::Done)
            }
            Err(error) => Answer::Refused(format!("the wish cannot be read: {error:#}")),
        };
        put(desk, &path.with_extension("answer"), &serde_json::to_vec(&answer)?)?;
    }
    Ok(())
}

fn read_wish(path: &Path) -> Result<Wish> {
    if std::fs::metadata(path)?.len() > BYTES_MAX {
        bail!("it has more than {BYTES_MAX} bytes");
    }
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

async fn carry_out(app: &App, wish: Wish) -> Result<Value> {
    let setup = app.setup();
    let known = |by: &ResponderId| {
        if setup.rota.is_responder(by) { Ok(()) } else { bail!("there is no person \"{by}\" in rota/*.toml") }
    };
    match wish {
        Wish::OpenFeed { whose, by, digest, site } => {
            known(&by)?;
            Whose::find(&setup.rota, whose.name())?;
            if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                bail!("that is no SHA-256");
            }
            let feed = feeds::open_known(&*app.log, whose, by, digest, site, clock::now()).await?;
            Ok(json!({ "id": feed.id, "whose": feed.whose, "by": feed.by, "at": feed.at }))
        }
        Wish::RevokeFeed { id, by } => {
            known(&by)?;
            feeds::revoke(&*app.log, id, by, clock::now()).await?;
            Ok(json!({ "id": id }))
        }
        Wish::AcceptCalendar { name, by } => {
            known(&by)?;
            let copy = calendars::accept(&*app.log, &name, &by).await?;
            calendars::rebuild(app).await;
            Ok(json!({ "calendar": name, "entries": copy.entries }))
        }
        Wish::FetchCalendar { name } => {
            let Some(calendar) = setup.config.calendars.get(&name) else {
                bail!("there is no calendar \"{name}\" in catops.toml");
            };
            let event = calendars::fetch_now(app, &name, calendar).await?;
            Ok(json!({ "calendar": name, "became": event.as_ref().map(CalendarEvent::kind) }))
        }
    }
}

/// A file that is there whole or not at all.
fn put(desk: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(desk).with_context(|| format!("writing into {}", desk.display()))?;
    file.write_all(bytes)?;
    file.persist(path).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// The folder, its owner's alone.
fn make(desk: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(desk) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("making {}", desk.display()))
        }
        _ => Ok(()),
    }
}

fn random() -> Result<String> {
    Ok(crate::seed::fresh()?.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
