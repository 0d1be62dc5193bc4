//! The composition root: everything that the flow needs, built once and handed around.

use crate::action::reach::Reach;
use crate::config::Setup;
use crate::context::CloudWatch;
use crate::flow::calendars::Board;
use crate::flow::lately::Lately;
use crate::flow::notify::Courier;
use crate::flow::outbox::{LEASE, Offered, Outbox};
use crate::flow::published::Shelf;
use crate::flow::receive::Received;
use crate::flow::refusals::Refusals;
use crate::flow::silences::Rules;
use crate::flow::turns::Turns;
use crate::heard::Heard;
use crate::metrics::Metrics;
use crate::page::Sns;
use crate::past::Past;
use crate::runbooks::{self, Found};
use crate::slack_side::SlackSide;
use crate::watchdog::Watch;
use chrono::{DateTime, Utc};
use incident::{Alarm, IncidentId, ResponderId, RunId, RunbookId};
use log::{EventLog, Holder, Lease};
use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// The process: its log, its configuration, its neighbours.
pub struct App {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The outbox of this process.
    pub outbox: Outbox,
    /// Alarms that wait for the one before them.
    pub turns: Turns<Received>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What was refused lately.
    pub refusals: Refusals,
    /// Whether the invariants hold.
    pub watch: Watch,
    /// The events of Slack that were heard lately.
    pub heard: Heard,
    /// Slack, when there is one.
    pub slack: Option<SlackSide>,
    /// The client for what Amazon signs with.
    pub http: reqwest::Client,
    /// The clients for receivers that the configuration names.
    pub reach: Reach,
    /// CloudWatch, which is asked about its alarms.
    pub cloudwatch: CloudWatch,
    /// What tells receivers of events.
    pub courier: Courier,
    /// The incidents that are over.
    pub past: Past,
    /// What this process remembers of the calendars that it fetches.
    pub calendars: Board,
    /// The calendar feeds of the last minute.
    pub feeds: Shelf,
    /// What people do with the rota, of the last minute.
    pub lately: Lately,
    /// The silences, of the last ten seconds.
    pub silences: Rules,
    /// SNS, for pages that Slack does not deliver.
    pub sns: Sns,
    /// The name under which this process leases.
    pub holder: Holder,
    /// Work that was begun for somebody who has been answered: a process that is about to be frozen waits for it.
    pub background: TaskTracker,
    /// The data folder; none when the log is in memory or in a table.
    pub data: Option<PathBuf>,
    /// Where people reach a server that shows incidents, without a slash at the end; empty where there is none.
    pub public_url: String,
    performs: bool,
    setup: RwLock<Arc<Setup>>,
    library: RwLock<Arc<index::Library>>,
    stops: Mutex<HashMap<RunId, (IncidentId, watch::Sender<bool>)>>,
}

/// What an [`App`] is built from.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The configuration.
    pub setup: Setup,
    /// The runbooks.
    pub library: index::Library,
    /// Slack, when there is one.
    pub slack: Option<SlackSide>,
    /// The client for what Amazon signs with.
    pub http: reqwest::Client,
    /// The data folder, when there is one.
    pub data: Option<PathBuf>,
    /// Where people reach this server.
    pub public_url: String,
    /// The name under which this process leases: another one in each process life.
    pub holder: Holder,
    /// Whether this process performs effects, or leaves them to others.
    pub performs: bool,
}

impl App {
    /// Puts it together; the second half belongs to [`crate::flow::outbox::run`].
    #[must_use]
    pub fn new(parts: Parts) -> (Arc<Self>, Offered) {
        let (outbox, offered) = Outbox::new();
        let app = Self {
            log: parts.log,
            outbox,
            turns: Turns::default(),
            metrics: Arc::default(),
            refusals: Refusals::default(),
            watch: Watch::default(),
            heard: Heard::default(),
            slack: parts.slack,
            http: parts.http,
            cloudwatch: CloudWatch::default(),
            courier: Courier::default(),
            past: Past::default(),
            calendars: Board::default(),
            feeds: Shelf::default(),
            lately: Lately::default(),
            silences: Rules::default(),
            reach: Reach::default(),
            data: parts.data,
            sns: Sns::default(),
            holder: parts.holder,
            performs: parts.performs,
            background: TaskTracker::new(),
            public_url: parts.public_url.trim_end_matches('/').to_owned(),
            setup: RwLock::new(Arc::new(parts.setup)),
            library: RwLock::new(Arc::new(parts.library)),
            stops: Mutex::default(),
        };
        (Arc::new(app), offered)
    }

    /// The configuration of this moment.
    #[must_use]
    pub fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a new configuration in place; whoever holds the old one finishes with it.
    pub fn replace_setup(&self, setup: Setup) {
        if let Some(slack) = &self.slack {
            slack.set_post_interval(setup.config.slack.post_interval);
        }
        *self.setup.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(setup);
    }

    /// The runbooks that fit an alarm, best first. Takes below a millisecond, so it is asked where it is needed.
    #[must_use]
    pub fn search(&self, alarm: &Alarm, limit: usize) -> Vec<index::Hit> {
        self.library().search(alarm, limit)
    }

    /// The runbooks that say these words, the best first.
    #[must_use]
    pub fn find_runbooks(&self, words: &str, max: usize) -> Vec<Found> {
        runbooks::find(&self.library(), words, max)
    }

    /// A runbook's title and text.
    #[must_use]
    pub fn runbook(&self, id: &RunbookId) -> Option<(String, String)> {
        let library = self.library();
        let runbook = library.get(id)?;
        let section = |section: &index::Section| match section.level {
            0 => section.text.clone(),
            level => format!("{} {}\n{}", "#".repeat(usize::from(level)), section.heading, section.text),
        };
        Some((runbook.title.clone(), runbook.sections.iter().map(section).collect::<Vec<_>>().join("\n")))
    }

    /// The runbooks of this moment.
    #[must_use]
    pub fn library(&self) -> Arc<index::Library> {
        Arc::clone(&self.library.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other runbooks in place; whoever searches the old ones finishes with them, and nobody waits.
    pub fn replace_library(&self, library: index::Library) {
        let next = Arc::new(library);
        let old = mem::replace(&mut *self.library.write().unwrap_or_else(PoisonError::into_inner), next);
        // Outside the lock: that may take a millisecond.
        drop(old);
    }

    /// Waits for what was begun in the background.
    pub async fn settled(&self) {
        self.background.close();
        self.background.wait().await;
        self.background.reopen();
    }

    /// Whether this process performs effects, or leaves them to others.
    #[must_use]
    pub const fn performs(&self) -> bool {
        self.performs
    }

    /// The lease for effects that this process would perform at once; none when they had to wait in its queue.
    #[must_use]
    pub fn lease(&self, at: DateTime<Utc>) -> Option<Lease> {
        (self.performs && self.outbox.has_room()).then(|| Lease { holder: self.holder.clone(), at, until: at + LEASE })
    }

    /// Where people read about an incident; none where no address is known that serves it.
    #[must_use]
    pub fn incident_url(&self, id: IncidentId) -> Option<String> {
        (!self.public_url.is_empty()).then(|| format!("{}/i/{}", self.public_url, id.0))
    }

    /// How people call a responder.
    #[must_use]
    pub fn name(&self, id: &ResponderId) -> String {
        self.setup().rota.person(id).map_or_else(|| id.0.clone(), |person| person.name.clone())
    }

    /// A run begins in this process: the receiver turns true when somebody wants it stopped.
    pub fn run_begins(&self, incident: IncidentId, run: &RunId) -> watch::Receiver<bool> {
        let (stop, stopped) = watch::channel(false);
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), (incident, stop));
        stopped
    }

    /// A run ended in this process.
    pub fn run_ended(&self, run: &RunId) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }

    /// Asks a run of this process to stop. False when it does not run here.
    pub fn stop_run(&self, run: &RunId) -> bool {
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.get(run).is_some_and(|(_, stop)| stop.send(true).is_ok())
    }

    /// All runs of this process, with their incidents.
    #[must_use]
    pub fn running(&self) -> Vec<(IncidentId, RunId)> {
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.iter().map(|(run, (incident, _))| (*incident, run.clone())).collect()
    }

    /// True when this process is running it.
    #[must_use]
    pub fn runs_here(&self, run: &RunId) -> bool {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).contains_key(run)
    }
}
