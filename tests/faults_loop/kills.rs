//! `kill -9` at random moments, again and again, in one data folder: while the server starts, while alarms arrive, while it
//! posts. At the end everything has to be where it belongs.

use crate::dice::Dice;
use crate::judge::{self, CutShort, Verdict, judge};
use crate::process::{Place, Process};
use crate::sender::{Sender, Traffic};
use crate::slack::FakeSlack;
use anyhow::Result;
use catops::clock;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const SENDERS: u64 = 16;
/// The latest moment of a kill after the server answers, or has taken its first alarm, in milliseconds.
const LATEST_KILL_MS: u64 = 700;
/// How long a life may wait for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// The latest moment of a kill while the server starts, in milliseconds.
const LATEST_KILL_STARTING_MS: u64 = 120;
/// How long everything may take after the last kill: the lease of a dead process, the backoffs after it, a busy machine.
const DRAIN: Duration = Duration::from_secs(300);
/// How long it has to be quiet: longer than the lease of what a dead process had in hand.
const QUIET: Duration = Duration::from_secs(25);
/// Kills between two lines of progress.
const PROGRESS: u64 = 25;

/// What is asked of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) kills: u64,
    pub(crate) seed: u64,
    pub(crate) history_fails: bool,
    /// In a table of DynamoDB instead of a folder.
    pub(crate) in_table: bool,
    /// A planted bug, of a test build.
    pub(crate) planted: Option<&'a str>,
}

/// Kills that often, drains, and judges.
pub(crate) async fn run(asked: Asked<'_>, tell: impl Fn(&str)) -> Result<Verdict> {
    let began = clock::mark();
    let slack = FakeSlack::start(asked.seed, asked.history_fails).await?;
    let place = Place::new(&slack)?;
    let place = if asked.in_table { place.in_table().await? } else { place };
    let place = if asked.planted.is_some() { place.with_fail_points()? } else { place };
    let environment: Vec<(&str, &str)> = asked.planted.map(|bug| ("CATOPS_PLANT", bug)).into_iter().collect();
    let traffic = Arc::new(Traffic {
        http: place.http.clone(),
        url: place.url.clone(),
        over: AtomicBool::new(false),
        answered: AtomicU64::new(0),
    });
    let senders: Vec<_> =
        (0..SENDERS).map(|name| tokio::spawn(Sender::new(name, asked.seed).run(Arc::clone(&traffic)))).collect();

    let (mut dice, mut cut_short) = (Dice::new(asked.seed), CutShort::new());
    for kill in 1..=asked.kills {
        let mut process = place.start(&environment)?;
        let latest = match dice.below(10) {
            0..2 => LATEST_KILL_STARTING_MS,
            2..4 => {
                place.answers(&mut process).await?;
                LATEST_KILL_MS
            }
            _ => {
                place.answers(&mut process).await?;
                next_answer(&traffic).await;
                LATEST_KILL_MS
            }
        };
        clock::sleep(Duration::from_millis(dice.below(latest))).await;
        process.kill()?;
        if asked.history_fails {
            judge::cut_short(&place, &mut cut_short).await?;
        }
        if kill % PROGRESS == 0 {
            let answered = traffic.answered.load(Ordering::Relaxed);
            let seconds = began.elapsed().as_secs();
            tell(&format!("{kill} of {} kills, {answered} alarms, {} posts, {seconds} s", asked.kills, slack.count()));
        }
    }

    let mut process = place.start(&environment)?;
    place.answers(&mut process).await?;
    traffic.over.store(true, Ordering::Relaxed);
    let (mut answered, mut redeliveries, mut refused) = (BTreeSet::new(), 0, BTreeSet::new());
    for sender in senders {
        let sender = sender.await?;
        answered.extend(sender.answered.into_iter().map(|alarm| alarm.id));
        redeliveries += sender.redelivered;
        refused.extend(sender.refused);
    }
    tell("draining");
    let drained = drained(&place, &slack, &mut process).await?;
    let mut verdict = judge(&place, &slack, &answered).await?;
    process.kill()?;
    (verdict.kills, verdict.redeliveries, verdict.seconds) = (asked.kills, redeliveries, began.elapsed().as_secs());
    verdict.duplicates_allowed = judge::excused(&slack, &cut_short);
    if !drained {
        verdict.other += 1;
        verdict.findings.push(format!("not at rest {DRAIN:?} after the last kill"));
    }
    if !refused.is_empty() {
        verdict.other += 1;
        verdict.findings.push(format!("an alarm was answered with {refused:?}"));
    }
    Ok(verdict)
}

/// Waits until an alarm is answered: on a machine that does other things, most lives would end before that.
async fn next_answer(traffic: &Traffic) {
    let (began, before) = (clock::mark(), traffic.answered.load(Ordering::Relaxed));
    while traffic.answered.load(Ordering::Relaxed) == before && began.elapsed() < FIRST_ANSWER {
        clock::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until nothing is under way and Slack got nothing new for a while; false when that never came.
pub(crate) async fn drained(place: &Place, slack: &FakeSlack, process: &mut Process) -> Result<bool> {
    let began = clock::mark();
    let (mut quiet_since, mut posts) = (clock::mark(), slack.count());
    while began.elapsed() < DRAIN {
        place.answers(process).await?;
        let leased = place.metric("catops_effects_leased").await?;
        let late = place.metric("catops_effects_overdue_seconds").await?;
        if leased + late > 0.0 || slack.count() != posts {
            (quiet_since, posts) = (clock::mark(), slack.count());
        }
        let waiting = judge::never_sent(&judge::read(place).await?, slack).len();
        if quiet_since.elapsed() > QUIET || (waiting == 0 && quiet_since.elapsed() > QUIET / 5) {
            return Ok(true);
        }
        clock::sleep(Duration::from_millis(500)).await;
    }
    Ok(false)
}
