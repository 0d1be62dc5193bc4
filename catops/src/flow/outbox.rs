//! The outbox: what the log says is to be done is leased and handed to performers, in this process one queue.
//! What falls out of the queue by a crash is leased again by the next process; nothing lives only here.

use crate::app::App;
use crate::clock;
use crate::flow::perform::perform;
use chrono::{DateTime, TimeDelta, Utc};
use log::{LeasedEffect, ReadError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long an effect is leased: longer than an attempt's calls to Slack together (where, 4 s; whether, 4 s; the post, 8 s)
/// with room for the log, so that a slow or dead attempt's post has ended before the next one asks whether it arrived.
pub const LEASE: TimeDelta = TimeDelta::seconds(20);

/// Effects performed at the same time. They wait for Slack most of the time; more would only meet its rate limits.
pub const PERFORMERS: usize = 32;

/// Alarms in one second from which on a storm is assumed: then durable answers to the senders come first, and one
/// effect in [`STORM_PAUSE`] is performed beside them, so that pages still go out. No person reads a hundred a second.
const STORM_PER_SECOND: u64 = 100;

/// The time between two effects while a storm comes in.
const STORM_PAUSE: Duration = Duration::from_millis(25);

/// The longest sleep between two looks into the log: bounds what a lost wake-up or a jump of the clock can cost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two looks: a storm of commits wakes us once, not once each.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The shortest time between two looks that find nothing to lease, of a process that pays for each.
const DRAIN_PAUSE: Duration = Duration::from_millis(250);

/// The queue of effects that this process holds a lease of.
pub struct Outbox {
    offered: mpsc::UnboundedSender<LeasedEffect>,
    underway: AtomicUsize,
    received: Mutex<Received>,
    ended: Notify,
}

/// Alarms of the present second and of the one before it.
#[derive(Default)]
struct Received {
    second: i64,
    now: u64,
    before: u64,
}

impl Received {
    fn count(&mut self, second: i64, alarms: u64) {
        if second != self.second {
            self.before = if second == self.second + 1 { self.now } else { 0 };
            (self.second, self.now) = (second, 0);
        }
        self.now += alarms;
    }

    /// The busier of the last two seconds, so that a storm does not end at each full one.
    fn most(&self, second: i64) -> u64 {
        match second - self.second {
            0 => self.now.max(self.before),
            1 => self.now,
            _ => 0,
        }
    }
}

/// The end of the queue that the dispatcher reads.
pub struct Offered(mpsc::UnboundedReceiver<LeasedEffect>);

impl Outbox {
    /// A queue, and its end for [`run`].
    #[must_use]
    pub fn new() -> (Self, Offered) {
        let (offered, receiver) = mpsc::unbounded_channel();
        let outbox = Self { offered, underway: AtomicUsize::new(0), received: Mutex::default(), ended: Notify::new() };
        (outbox, Offered(receiver))
    }

    /// True when an effect that is leased now would be performed at once, so that its lease cannot run out in a queue.
    #[must_use]
    pub fn has_room(&self) -> bool {
        // The point is reached only by what is not born leased.
        #[cfg(feature = "fail_points")]
        if log::fail_point::is_armed("before-lease") {
            return false;
        }
        !self.in_storm() && self.underway.load(Ordering::Relaxed) < PERFORMERS
    }

    /// Counts alarms that have just come in.
    pub fn received(&self, at: DateTime<Utc>, alarms: usize) {
        let alarms = u64::try_from(alarms).unwrap_or(u64::MAX);
        self.received.lock().unwrap_or_else(PoisonError::into_inner).count(at.timestamp(), alarms);
    }

    fn is_full(&self) -> bool {
        self.room() == 0
    }

    fn is_idle(&self) -> bool {
        self.underway.load(Ordering::Relaxed) == 0
    }

    fn in_storm(&self) -> bool {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.most(clock::now().timestamp()) >= STORM_PER_SECOND
    }

    /// How many effects may be leased now.
    fn room(&self) -> usize {
        let most = if self.in_storm() { 1 } else { PERFORMERS };
        most.saturating_sub(self.underway.load(Ordering::Relaxed))
    }

    /// Takes over effects that were born leased to this process.
    pub fn offer(&self, leased: Vec<LeasedEffect>) {
        for effect in leased {
            self.underway.fetch_add(1, Ordering::Relaxed);
            if self.offered.send(effect).is_err() {
                // The dispatcher has stopped: the lease runs out and the next process performs it.
                self.underway.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn end_one(&self) {
        self.underway.fetch_sub(1, Ordering::Relaxed);
        self.ended.notify_one();
    }
}

/// Performs effects until the process ends: those that were born leased at once, the others when they are due.
pub async fn run(app: Arc<App>, mut offered: Offered) {
    let born = Arc::clone(&app);
    tokio::spawn(async move {
        while let Some(effect) = offered.0.recv().await {
            start(&born, effect);
        }
    });
    loop {
        let next_look = look(&app).await;
        tokio::select! {
            // In this order, so that the same night goes the same way in the simulator.
            biased;
            () = app.log.notified() => clock::sleep(LOOK_PAUSE).await,
            () = app.outbox.ended.notified(), if app.outbox.is_full() => {}
            () = wait(&app, next_look) => {}
        }
    }
}

/// Performs what is due, and stays for what falls due before `until`; then waits for what is under way. For a process that
/// lives as long as it is asked to: what comes later is somebody else's.
///
/// # Errors
/// The log cannot be read.
pub async fn drain(app: &Arc<App>, offered: &mut Offered, until: DateTime<Utc>) -> Result<(), ReadError> {
    loop {
        while let Ok(effect) = offered.0.try_recv() {
            start(app, effect);
        }
        let now = clock::now();
        // Asked before "when is something due": most often something is, and each question is paid for.
        if now < until && !app.outbox.is_full() && lease(app).await > 0 {
            continue;
        }
        let due = if now < until { app.log.next_due().await?.filter(|due| *due < until) } else { None };
        if due.is_none() && app.outbox.is_idle() {
            return Ok(());
        }
        // What is due by now and was not leased is somebody else's, or cannot be leased: not to be asked for at once.
        let next = due.map_or(now + LOOK_EVERY, |due| due.max(now + DRAIN_PAUSE));
        tokio::select! {
            () = room_or_end(&app.outbox) => {}
            () = app.log.notified() => {}
            () = clock::sleep_until(next, LOOK_EVERY) => {}
        }
    }
}

/// Returns when an effect ends that kept others from being leased, or was the last one: the end of another changes nothing.
async fn room_or_end(outbox: &Outbox) {
    loop {
        let was_full = outbox.is_full();
        outbox.ended.notified().await;
        if was_full || outbox.is_idle() {
            return;
        }
    }
}

/// Leases what is due, and says when to look again.
async fn look(app: &Arc<App>) -> DateTime<Utc> {
    match app.log.next_due().await {
        Ok(Some(due)) if due > clock::now() => due,
        Ok(Some(_)) if app.outbox.is_full() => clock::now() + LOOK_EVERY,
        Ok(Some(_)) => {
            if app.outbox.in_storm() {
                clock::sleep(STORM_PAUSE).await;
            }
            lease(app).await;
            clock::now()
        }
        Ok(None) => clock::now() + LOOK_EVERY,
        Err(error) => {
            tracing::error!(error = %error, "the outbox cannot read the log; trying again");
            clock::now() + LOOK_EVERY
        }
    }
}

async fn wait(app: &App, next_look: DateTime<Utc>) {
    clock::sleep(if app.outbox.in_storm() { STORM_PAUSE } else { LOOK_PAUSE }).await;
    clock::sleep_until(next_look, LOOK_EVERY).await;
}

/// Leases what is due and starts it; says how much.
async fn lease(app: &Arc<App>) -> usize {
    let room = app.outbox.room();
    #[cfg(feature = "fail_points")]
    log::fail_point::die_at("before-lease");
    match app.log.lease_due(clock::now(), &app.holder, LEASE, room).await {
        Ok(leased) => {
            let count = leased.len();
            for effect in leased {
                app.outbox.underway.fetch_add(1, Ordering::Relaxed);
                start(app, effect);
            }
            count
        }
        Err(error) => {
            tracing::error!(error = %error, "the outbox cannot lease what is due; trying again");
            0
        }
    }
}

fn start(app: &Arc<App>, effect: LeasedEffect) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        perform(&app, effect).await;
        app.outbox.end_one();
    });
}
