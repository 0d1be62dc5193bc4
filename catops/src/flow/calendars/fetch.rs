//! The timer of a calendar: it fetches, has what came judged, puts the rota anew where something changed, and waits. The same
//! on a laptop and on Lambda; none is lost by a restart. One fetch is shorter than its lease.

use crate::app::App;
use crate::calendar::{Answer, Validators, get};
use crate::clock;
use crate::config::Setup;
use crate::config::calendars::{CalendarConfig, REFRESH_MIN, kept_text};
use crate::config::secret::SecretError;
use crate::flow::calendars::{self, CalendarEvent, Seen};
use crate::flow::change::json;
use crate::flow::perform::{NotNow, pause};
use crate::flow::{cover_asked, handoff, imports, names, versions};
use chrono::{DateTime, TimeDelta, Utc};
use log::{Append, AppendError, EffectId, EffectState, EventLog, LeasedEffect, NewEffect, Outcome, ReadError, Repeat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The kind of the timers. Only this file writes and reads their bodies.
pub const FETCH: &str = "calendar";

/// From the name server to the last byte: an effect is leased for twenty seconds, and what came has to be written.
const TIMEOUT: Duration = Duration::from_secs(12);
/// So many failures in a row are written down; one alone is the weather.
const FAILURES: u32 = 3;
/// How often a process that shares its log looks whether another one read a calendar.
const LOOK_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Before the time of the last look, in what a timer waits for.
const READ: &str = "read ";

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    name: String,
    /// Of where it came from when it was scheduled: another one is fetched at once.
    place: String,
}

/// What this process remembers of calendars; nothing of it is needed after a restart.
#[derive(Default)]
pub struct Board {
    fetched: Mutex<BTreeMap<String, Fetched>>,
    /// Held while the rota is put anew.
    pub(crate) rebuilding: tokio::sync::Mutex<()>,
    looked: Mutex<Option<(DateTime<Utc>, Option<u64>)>>,
}

#[derive(Debug, Clone, Default)]
struct Fetched {
    place: String,
    validators: Validators,
    failures: u32,
    failing_since: Option<DateTime<Utc>>,
}

impl Board {
    fn of(&self, name: &str, place: &str) -> Fetched {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.get(name).filter(|fetched| fetched.place == place).cloned().unwrap_or_default()
    }

    fn put(&self, name: &str, fetched: Fetched) {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), fetched);
    }
}

/// A slot: one timer a calendar, however often it is asked for.
fn timer_id(name: &str) -> EffectId {
    format!("calendar/{name}").as_str().into()
}

/// Makes sure that every calendar with an address has its timer; one whose address is another than before is fetched at once.
/// Those that are no longer configured stop at their next one.
///
/// # Errors
/// The log cannot be read or written.
pub async fn schedule(log: &dyn EventLog, setup: &Setup) -> Result<(), AppendError> {
    let now = clock::now();
    for (name, calendar) in setup.config.calendars.iter().filter(|(_, calendar)| calendar.url.is_some()) {
        let body = json(&Body { name: name.clone(), place: calendar.place() });
        let known = log.effect(&timer_id(name)).await?;
        let waits = |effect: &log::Effect| match effect.state {
            EffectState::Leased => effect.wanted.body == body,
            EffectState::Pending => effect.wanted.body == body && effect.wanted.due_at <= now + refresh(calendar) * 2,
            _ => false,
        };
        if known.as_ref().is_some_and(waits) {
            continue;
        }
        let (id, kind, repeat) = (timer_id(name), FETCH.to_owned(), Repeat::Safe);
        let effect = NewEffect { id, due_at: now, kind, body, repeat, slot: true };
        log.append(Append { effects: vec![effect], ..Append::default() }).await?;
    }
    Ok(())
}

fn refresh(calendar: &CalendarConfig) -> TimeDelta {
    calendar.refresh.max(REFRESH_MIN)
}

/// When a calendar was last read, by what its timer waits for.
pub(super) async fn read_at(log: &dyn EventLog, name: &str) -> Result<Option<DateTime<Utc>>, ReadError> {
    let effect = log.effect(&timer_id(name)).await?;
    Ok(effect.and_then(|effect| effect.error).and_then(|error| read_in(&error)))
}

fn read_in(waiting_for: &str) -> Option<DateTime<Utc>> {
    waiting_for.strip_prefix(READ)?.split(';').next()?.trim().parse().ok()
}

/// Fetches, and waits for the next time.
///
/// # Errors
/// The log cannot be read or written; the timer stays and is tried again.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Body { name, .. } = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown timer of a calendar: {error}")))?;
    let setup = app.setup();
    let calendar = setup.config.calendars.get(&name).filter(|calendar| calendar.url.is_some());
    let Some(calendar) = calendar else {
        app.log.settle(&leased.token, Outcome::Done, None).await?;
        return Ok(());
    };
    let place = calendar.place();
    let before = app.calendars.of(&name, &place);
    let (now, got) = (clock::now(), look(app, &setup, calendar, &before.validators).await);
    let (seen, problems, next) = match got {
        Ok((seen, problems, validators)) => (Some(seen), problems, Fetched { place, validators, ..Fetched::default() }),
        Err(reason) => {
            let since = before.failing_since.unwrap_or(now);
            let next = Fetched { place, failures: before.failures + 1, failing_since: Some(since), ..before };
            tracing::warn!(calendar = %name, failures = next.failures, "calendar {name} could not be read: {reason}");
            let is_much = next.failures >= FAILURES;
            (is_much.then_some(Seen::Nothing { since, reason }), Vec::new(), next)
        }
    };
    app.metrics.count("calendar_fetches", &format!("read=\"{}\"", next.failures == 0));
    if let Some(seen) = &seen {
        calendars::saw(&*app.log, &name, calendar, seen, problems).await?;
    }
    if next.failures == 0 {
        imports_changed(app).await?;
    }
    let (due_at, error) = if next.failures == 0 {
        let jitter = refresh(calendar) / 10 * i32::try_from(now.timestamp_subsec_millis() % 10).unwrap_or(0) / 10;
        (now + refresh(calendar) + jitter, format!("{READ}{}; waiting for the next look", now.to_rfc3339()))
    } else {
        let known = app.log.effect(&leased.effect.id).await?.and_then(|effect| effect.error);
        let read = known.as_deref().and_then(read_in).map(|at| format!("{READ}{}; ", at.to_rfc3339()));
        let wait = pause(leased.effect.id.as_str(), next.failures).min(refresh(calendar));
        (now + wait, format!("{}trying again", read.unwrap_or_default()))
    };
    app.calendars.put(&name, next);
    app.log.settle(&leased.token, Outcome::Retry { due_at, error }, None).await?;
    Ok(())
}

/// Fetches at once, beside the timer; says what it became, nothing when it is as it was.
///
/// # Errors
/// It cannot be read, in words without the address, or the log cannot be read or written.
pub async fn fetch_now(app: &App, name: &str, calendar: &CalendarConfig) -> anyhow::Result<Option<CalendarEvent>> {
    let setup = app.setup();
    let place = calendar.place();
    let event = if calendar.url.is_some() {
        let known = app.calendars.of(name, &place);
        let (seen, problems, validators) =
            look(app, &setup, calendar, &known.validators).await.map_err(|reason| anyhow::anyhow!(reason))?;
        let event = calendars::saw(&*app.log, name, calendar, &seen, problems).await?;
        app.calendars.put(name, Fetched { place, validators, ..Fetched::default() });
        event
    } else {
        None
    };
    rebuild(app).await;
    cover_asked::ask(app).await;
    Ok(event)
}

/// What is there now, what of it cannot be read, and by what the server knows it.
async fn look(
    app: &App,
    setup: &Setup,
    calendar: &CalendarConfig,
    known: &Validators,
) -> Result<(Seen, Vec<String>, Validators), String> {
    let reference = calendar.url.as_ref().ok_or("it has no address")?;
    let address = reference.read().map_err(|error: SecretError| error.to_string())?;
    match get(&app.reach, &address, &setup.config.http.allow_private, known, TIMEOUT).await? {
        Answer::Same => Ok((Seen::Same, Vec::new(), known.clone())),
        Answer::Bytes(bytes, validators) => {
            // Laying out a large calendar takes a while: not on the threads that answer requests.
            let read = tokio::task::spawn_blocking(move || {
                let now = clock::now();
                let text = kept_text(&bytes, now)?;
                Ok::<_, String>((text, calendars::entries_of(&bytes, now).1))
            });
            let (text, problems) = read.await.map_err(|_| "reading it ended by a fault of ours")??;
            Ok((Seen::Text(text), problems, validators))
        }
    }
}

/// Puts the rota anew when what calendars say is not what it was made from, and asks for cover where that is wanted.
async fn imports_changed(app: &App) -> Result<(), NotNow> {
    if imports::is_behind(&*app.log, &app.setup()).await? {
        rebuild(app).await;
    }
    cover_asked::ask(app).await;
    Ok(())
}

/// What becomes of what is new in the files when they are read again.
#[derive(Clone, Copy)]
enum News {
    /// It is written down.
    Written,
    /// It is another process's to write down: two with different files would else write against each other.
    Followed,
}

/// Reads the configuration again, with what the log knows beside it, writes down what is new, and puts it in place.
pub async fn rebuild(app: &App) {
    put_anew(app, News::Written).await;
}

/// One at a time.
async fn put_anew(app: &App, news: News) {
    let _turn = app.calendars.rebuilding.lock().await;
    let folder = app.setup().folder.clone();
    let read = tokio::task::spawn_blocking(move || Setup::read(&folder)).await;
    let Some(mut setup) = read.ok().and_then(|reading| reading.setup) else {
        tracing::error!("a calendar changed and the configuration cannot be used; the old rota stays");
        return;
    };
    match news {
        News::Written => versions::note(&*app.log, &mut setup).await,
        News::Followed => {
            if let Err(error) = versions::recall(&*app.log, &mut setup).await {
                tracing::error!(error = %error, "what was before cannot be read");
            }
        }
    }
    if setup.lost_calendars(&app.setup()) {
        *app.calendars.looked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tracing::error!("what calendars say could not be read from the log; the old rota stays");
        return;
    }
    app.replace_setup(setup);
    tracing::info!("a calendar changed; the rota counts with it from now on");
    // Whose turn it is may be another one now.
    if app.performs()
        && let Err(error) = handoff::arm_all(app).await
    {
        tracing::error!(error = %error, "the handoffs could not be scheduled anew; each is looked at again in time");
    }
}

/// Looks until the process ends whether another process or a person changed what counts.
pub async fn watch(app: Arc<App>) {
    loop {
        clock::sleep(LOOK_EVERY.to_std().unwrap_or_default()).await;
        keep_fresh(&app).await;
    }
}

/// For a process that shares its log with others: puts the rota anew when another one read a calendar or a person accepted a
/// copy. At most once a minute.
pub async fn keep_fresh(app: &App) {
    let setup = app.setup();
    if setup.config.calendars.is_empty() {
        return;
    }
    let now = clock::now();
    let before = *app.calendars.looked.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some_and(|(at, _)| now - at < LOOK_EVERY) {
        return;
    }
    let version = match app.log.load(&names::imported()).await {
        Ok(stream) => stream.map(|stream| stream.version),
        Err(error) => return tracing::warn!(error = %error, "whether a calendar changed could not be read"),
    };
    *app.calendars.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, version));
    if before.is_some_and(|(_, known)| known != version) {
        put_anew(app, News::Followed).await;
    }
}
