//! The outbox: what the log says is to be done is leased and handed to performers, in this process one queue.
//! What falls out of the queue by a crash is leased again by the next process; nothing lives only here.

use crate::app::App;
use crate::clock;
use crate::flow::change::LEASE;
use crate::flow::perform::perform;
use log::LeasedEffect;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Effects performed at the same time. They wait for Slack most of the time; more would only meet its rate limits.
pub const PERFORMERS: usize = 32;

/// The longest sleep between two looks into the log: bounds what a lost wake-up or a jump of the clock can cost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two looks: a storm of commits wakes us once, not once each.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The queue of effects that this process holds a lease of.
pub struct Outbox {
    offered: mpsc::UnboundedSender<LeasedEffect>,
    underway: AtomicUsize,
    ended: Notify,
}

/// The end of the queue that the dispatcher reads.
pub struct Offered(mpsc::UnboundedReceiver<LeasedEffect>);

impl Outbox {
    /// A queue, and its end for [`run`].
    #[must_use]
    pub fn new() -> (Self, Offered) {
        let (offered, receiver) = mpsc::unbounded_channel();
        (Self { offered, underway: AtomicUsize::new(0), ended: Notify::new() }, Offered(receiver))
    }

    /// True when an effect that is leased now would be performed at once, so that its lease cannot run out in a queue.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.underway.load(Ordering::Relaxed) < PERFORMERS
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

/// Performs effects until the process ends.
pub async fn run(app: Arc<App>, mut offered: Offered) {
    loop {
        let next_look = match app.log.next_due().await {
            Ok(Some(due)) if due <= clock::now() && app.outbox.has_room() => {
                lease(&app).await;
                clock::now()
            }
            Ok(Some(due)) => due,
            Ok(None) => clock::now() + LOOK_EVERY,
            Err(error) => {
                tracing::error!(error = %error, "the outbox cannot read the log; trying again");
                clock::now() + LOOK_EVERY
            }
        };
        while let Ok(effect) = offered.0.try_recv() {
            start(&app, effect);
        }
        tokio::select! {
            effect = offered.0.recv() => match effect {
                Some(effect) => start(&app, effect),
                None => return,
            },
            () = app.log.notified() => clock::sleep(LOOK_PAUSE).await,
            () = app.outbox.ended.notified(), if !app.outbox.has_room() => {}
            () = wait(&app, next_look) => {}
        }
    }
}

/// Waits for the next thing to be due; while all performers are busy there is nothing to look for.
async fn wait(app: &App, next_look: chrono::DateTime<chrono::Utc>) {
    if app.outbox.has_room() {
        clock::sleep(LOOK_PAUSE).await;
        clock::sleep_until(next_look, LOOK_EVERY).await;
    } else {
        clock::sleep(LOOK_EVERY).await;
    }
}

async fn lease(app: &Arc<App>) {
    let room = PERFORMERS.saturating_sub(app.outbox.underway.load(Ordering::Relaxed));
    match app.log.lease_due(clock::now(), &app.holder, LEASE, room).await {
        Ok(leased) => {
            for effect in leased {
                app.outbox.underway.fetch_add(1, Ordering::Relaxed);
                start(app, effect);
            }
        }
        Err(error) => tracing::error!(error = %error, "the outbox cannot lease what is due; trying again"),
    }
}

fn start(app: &Arc<App>, effect: LeasedEffect) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        perform(&app, effect).await;
        app.outbox.end_one();
    });
}
