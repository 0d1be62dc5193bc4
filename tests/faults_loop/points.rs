//! The moments at which a death, or something like it, could cost an alarm or a page: one by one, each on a folder and a
//! Slack of its own, and what has to have come of it. A binary with the feature `fail_points` dies where it is told to;
//! what can be done to a process from outside is done to the binary as it is shipped.

use crate::judge::{self, Told, judge};
use crate::kills::drained;
use crate::process::{Place, Process};
use crate::sender::Alarm;
use crate::slack::FakeSlack;
use anyhow::{Context, Result, bail, ensure};
use catops::clock;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;
use tests::{binary, text};
use tokio::sync::oneshot;

/// How long a process may take to die where it is told to.
const DEATH: Duration = Duration::from_secs(60);
/// Longer than a lease: whoever wakes after it finds that another one has taken over.
const STOPPED: Duration = Duration::from_secs(27);
/// The latest that a page may go out after the restart: a lease, and a busy machine.
const LATE: Duration = Duration::from_secs(45);
/// Repeats that arrive while the first alarm's posts are on their way.
const REPEATS: u64 = 30;

/// How a moment is brought about.
#[derive(Debug, Clone, Copy)]
enum How {
    /// The test build dies there.
    Dies(Expected),
    /// Killed from outside when Slack has shown a post and not answered yet.
    KilledAfterPost,
    /// Stopped there for longer than a lease, then it goes on.
    StoppedAfterPost,
    /// The test build is told by the disk that nobody knows whether it was written.
    OutcomeUnknown,
    /// Repeats of the same alarm change the incident while its posts are on their way.
    ParallelEvents,
    /// A second server wants the same folder.
    SecondServer,
    /// Slack does not take the token; after a restart with another one it does.
    TokenRevoked,
    /// The shipped build is told to die at every point, and does not.
    Shipped,
    /// A test of its own.
    Test(&'static str),
}

/// What must be so at the moment of the death.
#[derive(Debug, Clone, Copy)]
struct Expected {
    /// Whether the sender was answered; none where that is a race.
    answered: Option<bool>,
    /// Whether the alarm is in the log.
    kept: bool,
    /// Whether Slack shows something.
    posted: bool,
}

/// A moment: its number among the crash points of the design, its name, and in words what is asked of it.
pub(crate) struct Point {
    number: &'static str,
    pub(crate) name: &'static str,
    what: &'static str,
    how: How,
}

const fn dies(answered: Option<bool>, kept: bool, posted: bool) -> How {
    How::Dies(Expected { answered, kept, posted })
}

/// All of them. 11 and 13 exist only where CatOps runs as functions on AWS.
pub(crate) const POINTS: [Point; 18] = [
    Point {
        number: "1",
        name: "before-append",
        what: "dies before the alarm is written",
        how: dies(Some(false), false, false),
    },
    Point {
        number: "2",
        name: "before-answer",
        what: "dies between the write and the answer",
        how: dies(Some(false), true, false),
    },
    Point {
        number: "3",
        name: "append-unknown",
        what: "nobody knows whether it was written",
        how: How::OutcomeUnknown,
    },
    Point {
        number: "4",
        name: "before-lease",
        what: "dies before anything is taken in hand",
        how: dies(None, true, false),
    },
    Point {
        number: "5",
        name: "before-call",
        what: "dies between the lease and the call",
        how: dies(None, true, false),
    },
    Point {
        number: "6",
        name: "answer-lost",
        what: "dies when Slack has it and has not answered",
        how: How::KilledAfterPost,
    },
    Point {
        number: "7",
        name: "after-call",
        what: "dies between Slack's answer and the log",
        how: dies(None, true, true),
    },
    Point { number: "8", name: "parallel-events", what: "other events come while it posts", how: How::ParallelEvents },
    Point { number: "9", name: "two-servers", what: "a second server wants the folder", how: How::SecondServer },
    Point {
        number: "10",
        name: "slow-holder",
        what: "stands still for longer than its lease",
        how: How::StoppedAfterPost,
    },
    Point {
        number: "12",
        name: "state-behind",
        what: "the state beside the events is older than they",
        how: How::Test("cargo test -p eventlog --test machine"),
    },
    Point {
        number: "14",
        name: "disk-full",
        what: "the disk is full or read-only",
        how: How::Test("cargo test -p tests disk"),
    },
    Point {
        number: "15",
        name: "old-backup",
        what: "an old backup is restored",
        how: How::Test("cargo test -p tests a_restored_log_waits_for_a_person"),
    },
    Point {
        number: "16",
        name: "new-fold",
        what: "a new version folds events otherwise",
        how: How::Test("cargo test -p tests the_whole_corpus_folds_into_an_incident"),
    },
    Point {
        number: "17",
        name: "unreadable-event",
        what: "an event cannot be read",
        how: How::Test("cargo test -p tests audit"),
    },
    Point {
        number: "18",
        name: "token-revoked",
        what: "Slack takes the token no more, then a new one",
        how: How::TokenRevoked,
    },
    Point {
        number: "18",
        name: "slack-away",
        what: "Slack is down for an hour",
        how: How::Test("cargo test -p tests outbox paging simulated"),
    },
    Point { number: "-", name: "shipped", what: "the shipped binary is told to die", how: How::Shipped },
];

/// Goes through one point; what came of it, in words.
pub(crate) async fn run(point: &'static Point) -> Result<String> {
    let said = match point.how {
        How::Dies(expected) => die(point.name, expected).await,
        How::KilledAfterPost => killed_after_post().await,
        How::StoppedAfterPost => stopped_after_post().await,
        How::OutcomeUnknown => outcome_unknown(point.name).await,
        How::ParallelEvents => parallel_events().await,
        How::SecondServer => second_server().await,
        How::TokenRevoked => token_revoked().await,
        How::Shipped => shipped().await,
        How::Test(command) => Ok(format!("see {command}")),
    };
    let said = said.with_context(|| format!("{} ({})", point.name, point.what));
    said.map(|said| format!("{:>2} {:16} {:46} {said}", point.number, point.name, point.what))
}

/// A folder, a Slack, a sender.
struct Stage {
    slack: FakeSlack,
    place: Place,
    alarm: Alarm,
}

impl Stage {
    async fn set() -> Result<Self> {
        let slack = FakeSlack::start(1, false).await?;
        let place = Place::new(&slack)?;
        Ok(Self { slack, place, alarm: Alarm::firing("a-1", "disk") })
    }

    async fn send(&self) -> Option<u16> {
        self.alarm.post(&self.place.http, &self.place.url).await
    }

    async fn told(&self) -> Result<Told> {
        judge::read(&self.place).await
    }

    /// How often the alarm is in the log.
    async fn kept(&self) -> Result<u64> {
        Ok(self.told().await?.deliveries.get("generic:a-1").copied().unwrap_or(0))
    }

    /// Starts again, sends the alarm once more, and waits for the page and for the end of all that follows.
    async fn recovers(&self) -> Result<String> {
        let mut process = self.place.start(&[])?;
        self.place.answers(&mut process).await?;
        self.ends_well(process).await
    }

    async fn ends_well(&self, mut process: Process) -> Result<String> {
        let began = clock::mark();
        let status = self.send().await;
        ensure!(status == Some(202), "the repeated alarm was answered with {status:?}");
        while !self.slack.posts().keys().any(|key| key.starts_with("page/")) {
            ensure!(began.elapsed() < LATE, "no page after {LATE:?}; {}", self.place.said());
            clock::sleep(Duration::from_millis(20)).await;
        }
        let late = began.elapsed();
        ensure!(drained(&self.place, &self.slack, &mut process).await?, "it does not come to rest");
        let verdict = judge(&self.place, &self.slack, &BTreeSet::from(["a-1".to_owned()])).await?;
        ensure!(verdict.is_good(), "{}: {:?}", verdict.line(), verdict.findings);
        ensure!(self.kept().await? == 1, "the alarm is not in the log once");
        process.kill()?;
        Ok(format!(
            "in the log once, {} posts, none twice, page {:.1} s after the restart, history asked {} times",
            verdict.posts,
            late.as_secs_f64(),
            self.slack.asked(),
        ))
    }
}

async fn die(at: &str, expected: Expected) -> Result<String> {
    let stage = Stage::set().await?;
    let stage = Stage { place: stage.place.with_fail_points()?, ..stage };
    let mut process = stage.place.start(&[("CATOPS_DIE_AT", at)])?;
    stage.place.answers(&mut process).await?;
    let status = stage.send().await;
    ended(&mut process).await.with_context(|| format!("it did not die; the sender was told {status:?}"))?;
    let (kept, posts) = (stage.kept().await?, stage.slack.count());
    ensure!(expected.answered.is_none_or(|expected| expected == status.is_some()), "the sender was told {status:?}");
    ensure!(expected.kept == (kept == 1), "the alarm is in the log {kept} times at the death");
    ensure!(expected.posted == (posts > 0), "Slack shows {posts} posts at the death");
    let recovered = stage.recovers().await?;
    ensure!(!expected.posted || stage.slack.asked() > 0, "it did not ask whether the post is there");
    Ok(recovered)
}

async fn ended(process: &mut Process) -> Result<()> {
    let began = clock::mark();
    while process.0.try_wait()?.is_none() {
        ensure!(began.elapsed() < DEATH, "it lives on after {DEATH:?}");
        clock::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn signal(name: &str, process: u32) {
    Command::new("kill").args([name, &process.to_string()]).status().ok();
}

/// A signal to the process when Slack shows the next post.
fn strike(stage: &Stage, process: &Process, name: &'static str) -> oneshot::Receiver<()> {
    let (id, (struck, hit)) = (process.id(), oneshot::channel());
    stage.slack.strike_at_next_post(move || {
        signal(name, id);
        struck.send(()).ok();
    });
    hit
}

async fn killed_after_post() -> Result<String> {
    let stage = Stage::set().await?;
    let mut process = stage.place.start(&[])?;
    stage.place.answers(&mut process).await?;
    let hit = strike(&stage, &process, "-KILL");
    stage.send().await;
    tokio::time::timeout(DEATH, hit).await.context("nothing was posted")??;
    ended(&mut process).await?;
    let recovered = stage.recovers().await?;
    ensure!(stage.slack.asked() > 0, "it did not ask whether the post is there");
    Ok(recovered)
}

async fn stopped_after_post() -> Result<String> {
    let stage = Stage::set().await?;
    let mut process = stage.place.start(&[])?;
    stage.place.answers(&mut process).await?;
    let hit = strike(&stage, &process, "-STOP");
    // The answer stays away while the process stands still.
    let send = stage.send();
    let standing = async {
        tokio::time::timeout(DEATH, hit).await.context("nothing was posted")??;
        clock::sleep(STOPPED).await;
        signal("-CONT", process.id());
        anyhow::Ok(())
    };
    let (_, stood) = tokio::join!(send, standing);
    stood?;
    stage.ends_well(process).await
}

async fn outcome_unknown(at: &str) -> Result<String> {
    let stage = Stage::set().await?;
    let stage = Stage { place: stage.place.with_fail_points()?, ..stage };
    let mut process = stage.place.start(&[("CATOPS_DIE_AT", at)])?;
    stage.place.answers(&mut process).await?;
    let status = stage.send().await;
    ensure!(status == Some(503), "the sender was told {status:?}");
    ensure!(stage.kept().await? == 1, "it was not written");
    stage.ends_well(process).await
}

async fn parallel_events() -> Result<String> {
    let stage = Stage::set().await?;
    let mut process = stage.place.start(&[])?;
    stage.place.answers(&mut process).await?;
    ensure!(stage.send().await == Some(202), "the alarm was refused");
    for number in 2..REPEATS + 2 {
        let status = Alarm::firing(&format!("a-{number}"), "disk").post(&stage.place.http, &stage.place.url).await;
        ensure!(status == Some(202), "a repeat was answered with {status:?}");
    }
    let recorded = stage.told().await?.deliveries;
    ensure!(recorded.len() as u64 == REPEATS + 1, "{recorded:?}");
    stage.ends_well(process).await
}

async fn second_server() -> Result<String> {
    let stage = Stage::set().await?;
    let mut process = stage.place.start(&[])?;
    stage.place.answers(&mut process).await?;
    let (config, data) = (text(&stage.place.home.config), text(&stage.place.home.data));
    let args = ["serve", "--config", config, "--data", data, "--listen", "127.0.0.1:0"];
    let mut second = Process(Command::new(binary()).args(args).stderr(std::process::Stdio::null()).spawn()?);
    ended(&mut second).await.context("the second server runs")?;
    ensure!(second.0.wait()?.code() == Some(1), "the second server ended well");
    stage.ends_well(process).await
}

async fn token_revoked() -> Result<String> {
    let stage = Stage::set().await?;
    let mut process = stage.place.start(&[("SLACK_BOT_TOKEN", "xoxb-revoked")])?;
    stage.place.answers(&mut process).await?;
    ensure!(stage.send().await == Some(202), "an alarm does not wait for Slack");
    let began = clock::mark();
    while !stage.told().await?.kinds.contains_key("page_failed") {
        ensure!(began.elapsed() < LATE, "nobody is told that the page did not go out");
        clock::sleep(Duration::from_millis(50)).await;
    }
    ensure!(stage.slack.count() == 0, "Slack took something");
    process.kill()?;
    stage.recovers().await
}

async fn shipped() -> Result<String> {
    let stage = Stage::set().await?;
    let mut said = String::new();
    for point in POINTS.iter().filter(|point| matches!(point.how, How::Dies(_) | How::OutcomeUnknown)) {
        let mut process =
            stage.place.start(&[("CATOPS_DIE_AT", point.name), ("CATOPS_PLANT", "resend-without-asking")])?;
        stage.place.answers(&mut process).await?;
        if said.is_empty() {
            said = stage.ends_well(process).await?;
        } else {
            let again = Alarm::firing(point.name, point.name).post(&stage.place.http, &stage.place.url).await;
            ensure!(again == Some(202), "{}: answered with {again:?}", point.name);
            clock::sleep(Duration::from_secs(1)).await;
            if let Some(ended) = process.0.try_wait()? {
                bail!("it died at {}: {ended}", point.name);
            }
        }
    }
    Ok(format!("does not; {said}"))
}
