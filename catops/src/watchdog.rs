//! Looks every minute whether the invariants hold, and says so: metrics, health, one log line each, and a ping to somebody
//! who notices when it stays away. It reads in pieces, never the whole of a long list at once, and it repairs nothing.
//! [`incident::invariant`] judges.

use crate::action::guard::Private;
use crate::action::reach::why;
use crate::app::App;
use crate::audit::waits;
use crate::clock;
use crate::flow::{change, names, triage};
use chrono::{DateTime, Utc};
use incident::audit::Escalation;
use incident::invariant::{
    LEASE_OVERDUE, Violation, Waiting, WaitingState, counts, judge_effect, lacks_owner, no_owner, page_late, stalled,
    timer,
};
use incident::{Incident, IncidentId};
use log::{Cursor, Effect, EffectState, Listed};
use rota::Operation;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Two rounds are at least this far apart, whatever the configuration says.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// Effects of each state that one round reads. More are a storm or a night's wreck, and 1,000 of them are alarm enough.
const EFFECTS_MAX: usize = 1000;

/// Open incidents of one read.
const PIECE: usize = 200;

/// Reads of one round. 5,000 open incidents are looked at each minute; of 100,000 each is looked at every 20 minutes.
const PIECES_MAX: usize = 25;

/// Incidents whose events one round reads: those without a waiting timer, which are few.
const SUSPECTS_MAX: usize = 200;

/// How long the receiver of the heartbeat may take.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the last round found; also whose turn it is to audit, since one audit at a time is enough for a server.
#[derive(Default)]
pub struct Watch {
    state: Mutex<Health>,
    /// Held while somebody audits through the API.
    pub auditing: tokio::sync::Mutex<()>,
}

/// What the last round found.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// All violations of now.
    pub violations: BTreeSet<Violation>,
    /// When the last round ended; none before the first.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the last round without a violation ended.
    pub clean_at: Option<DateTime<Utc>>,
    /// True when the last round did not look at everything: the next ones go on where it stopped.
    pub sampled: bool,
}

impl Watch {
    /// What the last round found.
    #[must_use]
    pub fn health(&self) -> Health {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The gauges, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let health = self.health();
        let mut text = "# TYPE catops_invariant_violations gauge\n".to_owned();
        for (kind, count) in counts(&health.violations) {
            writeln!(text, "catops_invariant_violations{{kind=\"{kind}\"}} {count}")
                .expect("a String takes every text");
        }
        for (name, at) in [("last_check", health.checked_at), ("last_clean", health.clean_at)] {
            let name = format!("catops_invariant_{name}_timestamp_seconds");
            let seconds = at.map_or(0, |at| at.timestamp());
            writeln!(text, "# TYPE {name} gauge\n{name} {seconds}").expect("a String takes every text");
        }
        text
    }

    fn put(&self, health: Health) -> Health {
        std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), health)
    }
}

/// Looks until the process ends.
pub async fn run(app: Arc<App>) {
    let mut pass = Pass::default();
    loop {
        let every = app.setup().config.watchdog.every.to_std().unwrap_or_default();
        clock::sleep(every.max(EVERY_MIN)).await;
        look(&app, &mut pass).await;
    }
}

/// Looks once, and says what it found.
pub async fn look(app: &App, pass: &mut Pass) {
    let started = clock::mark();
    let done = round(app, pass).await;
    app.metrics.observe("watchdog", started.elapsed());
    match done {
        Ok(true) => heartbeat(app).await,
        Ok(false) => {}
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "the invariants could not be checked; trying again");
        }
    }
}

/// One round. True when everything holds, the next alarm included: it could be written.
async fn round(app: &App, pass: &mut Pass) -> anyhow::Result<bool> {
    app.log.ping().await?;
    let now = clock::now();
    let (mut violations, effects_sampled) = effects(app, now).await?;
    let incidents_sampled = pass.go_on(app, now).await?;
    violations.extend(pass.violations());
    let is_clean = violations.is_empty();
    let checked_at = Some(clock::now());
    let clean_at = if is_clean { checked_at } else { app.watch.health().clean_at };
    let sampled = effects_sampled || incidents_sampled;
    let before = app.watch.put(Health { violations, checked_at, clean_at, sampled });
    tell(&before.violations, &app.watch.health().violations);
    Ok(is_clean)
}

/// Says each violation once, and once that it is over.
fn tell(before: &BTreeSet<Violation>, now: &BTreeSet<Violation>) {
    let is_in = |set: &BTreeSet<Violation>, wanted: &Violation| {
        set.iter().any(|violation| violation.kind == wanted.kind && violation.subject == wanted.subject)
    };
    for violation in now.iter().filter(|violation| !is_in(before, violation)) {
        let (kind, subject) = (violation.kind.as_str(), &violation.subject);
        tracing::error!(invariant = kind, subject = %subject, "{kind}: {}", violation.text);
    }
    for violation in before.iter().filter(|violation| !is_in(now, violation)) {
        let (kind, subject) = (violation.kind.as_str(), &violation.subject);
        tracing::info!(invariant = kind, subject = %subject, "{kind} of {subject} is over");
    }
}

async fn effects(app: &App, now: DateTime<Utc>) -> anyhow::Result<(BTreeSet<Violation>, bool)> {
    let mut found = BTreeSet::new();
    let mut sampled = false;
    let mut judge = |effects: Vec<Effect>| {
        sampled |= effects.len() == EFFECTS_MAX;
        found.extend(effects.iter().filter_map(waiting).filter_map(|effect| judge_effect(&effect, now)));
    };
    judge(app.log.waiting(now - LEASE_OVERDUE, EFFECTS_MAX).await?);
    judge(app.log.effects(EffectState::Failed, EFFECTS_MAX).await?);
    judge(app.log.effects(EffectState::Unknown, EFFECTS_MAX).await?);
    Ok((found, sampled))
}

fn waiting(effect: &Effect) -> Option<Waiting> {
    let tried_at = effect.intent_at.unwrap_or(effect.wanted.due_at);
    let state = match effect.state {
        EffectState::Pending => WaitingState::Due(effect.wanted.due_at),
        EffectState::Leased => WaitingState::LeasedUntil(effect.lease_until?),
        EffectState::Failed => WaitingState::Failed(tried_at),
        EffectState::Unknown => WaitingState::Unknown(tried_at),
        // What a restore put aside waits for a person, who was told.
        EffectState::Done | EffectState::Cancelled | EffectState::Held => return None,
    };
    Some(Waiting { id: effect.wanted.id.to_string(), state, error: effect.error.clone() })
}

/// The walk through the open incidents, which may take several rounds.
#[derive(Default)]
pub struct Pass {
    /// Where the last round stopped; none at the beginning of a walk.
    place: Option<Cursor>,
    /// What this walk found so far.
    found: BTreeSet<Violation>,
    /// What the walk before found, for as long as this one is under way.
    before: BTreeSet<Violation>,
}

/// What is asked about each incident of a round.
struct Round<'a> {
    app: &'a App,
    now: DateTime<Utc>,
    operations: Vec<Operation>,
    suspects: usize,
}

impl Pass {
    fn violations(&self) -> impl Iterator<Item = Violation> {
        self.found.union(&self.before).cloned()
    }

    /// Walks on; true when it did not look at every incident.
    async fn go_on(&mut self, app: &App, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let operations = triage::operations(app.log.as_ref()).await?;
        let mut round = Round { app, now, operations, suspects: 0 };
        let whole = self.place.is_none();
        if whole {
            self.before = std::mem::take(&mut self.found);
        }
        for _ in 0..PIECES_MAX {
            let roll = app.log.list(names::OPEN, self.place.as_ref(), PIECE).await?;
            for listed in &roll.streams {
                round.judge(listed, &mut self.found).await?;
            }
            self.place = roll.next;
            if self.place.is_none() {
                self.before.clear();
                return Ok(!whole || round.suspects > SUSPECTS_MAX);
            }
        }
        Ok(true)
    }
}

impl Round<'_> {
    async fn judge(&mut self, listed: &Listed, found: &mut BTreeSet<Violation>) -> anyhow::Result<()> {
        let Some(id) = names::incident_of(&listed.id) else { return Ok(()) };
        let incident = change::from_stream(self.app, id, &listed.stream).await?;
        if incident.owners.is_empty() && lacks_owner(&incident, self.somebody_is_on_call(&incident), self.now) {
            found.insert(no_owner(&incident));
        }
        found.extend(page_late(&incident, self.now));
        let Some(timer) = timer(&incident) else { return Ok(()) };
        if waits(self.app.log.as_ref(), &timer).await? {
            return Ok(());
        }
        self.suspects += 1;
        if self.suspects <= SUSPECTS_MAX && self.is_stalled(id).await? {
            found.insert(stalled(id, &incident.alarm.title));
        }
        Ok(())
    }

    fn somebody_is_on_call(&self, incident: &Incident) -> bool {
        triage::somebody_is_on_call(&self.app.setup().rota, incident, &self.operations, self.now)
    }

    /// Reads its events, then its effects; what has moved in between is not stalled.
    async fn is_stalled(&self, id: IncidentId) -> anyhow::Result<bool> {
        let (log, stream) = (self.app.log.as_ref(), names::incident(id));
        let events = change::all_events(log, &stream).await?;
        let steps = events.iter().map(|event| (event.version, event.kind.as_str(), event.body.as_slice()));
        let escalation = Escalation::after(id, steps);
        if !escalation.needs_carrier() {
            return Ok(false);
        }
        for carrier in escalation.carriers() {
            if waits(log, &carrier).await? {
                return Ok(false);
            }
        }
        Ok(log.load(&stream).await?.is_some_and(|stream| stream.version == events.len() as u64))
    }
}

/// Tells the receiver that all is well; it raises the alarm when this stays away.
async fn heartbeat(app: &App) {
    let setup = app.setup();
    let Some(address) = &setup.config.watchdog.heartbeat else { return };
    let address = match address.read() {
        Ok(address) => address,
        Err(error) => return tracing::error!(error = %error, "the heartbeat has no address"),
    };
    // The client follows no redirects. The address may hold a secret and is not logged.
    let private = Private::of("[watchdog]", &setup.config.watchdog.allow_private);
    let failed = match app.reach.client(&address, private) {
        Ok((client, url)) => {
            let answer = client.get(url).timeout(HEARTBEAT_TIMEOUT).send().await;
            answer.and_then(reqwest::Response::error_for_status).err().map(why)
        }
        Err(error) => Some(error.to_string()),
    };
    match failed {
        None => tracing::debug!("sent the heartbeat"),
        Some(error) => tracing::warn!(error = %error, "the heartbeat did not arrive ({error}); trying again"),
    }
}
