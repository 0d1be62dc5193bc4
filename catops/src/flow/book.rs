//! The book of what people change about the rota, in the log: one stream whose state is the book. What a wish becomes is
//! decided in `rota::Book`, in the step that writes it; whoever has to hear of it is told through the outbox.

use crate::app::App;
use crate::clock;
use crate::flow::act::Doer;
use crate::flow::change::{ChangeError, Origin, json};
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::flow::single::{self, Single};
use crate::flow::{handoff, names};
use crate::oncall;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use log::{Append, EventLog, Head, LeasedEffect, NewEffect, ReadError, Repeat, StreamId};
use rota::{Book, BookEvent, CoverEvent, Reminded, Role, Rota, Wish, WishRefused, reminder_due, reminders};
use serde::{Deserialize, Serialize};

/// The kind of the effects that tell somebody of the rota. Only this file writes and reads their bodies.
pub const TELL: &str = "rota";

/// How many are asked for cover, the best first: more would be a crowd in which each waits for another.
const ASKED_MAX: usize = 5;

/// Why a wish became nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] WishRefused),
    /// The book holds what this program cannot read.
    #[error("some change of the rota was written by a newer CatOps; this one changes nothing beside it")]
    Unreadable,
    /// The log could not be read or written, or it was done before.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<ReadError> for NotDone {
    fn from(error: ReadError) -> Self {
        Self::Change(error.into())
    }
}

/// Somebody has to hear of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tell {
    /// The request, swap or change that it is about.
    number: u64,
    what: Told,
}

/// What somebody hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
enum Told {
    /// A request for cover, as it stands then.
    Cover { to: ResponderId },
    /// A swap, as it stands then.
    Swap { to: ResponderId },
    /// Somebody else changed who is on duty, and it is about this person.
    Changed { to: ResponderId, schedule: String, start: DateTime<Utc>, end: DateTime<Utc>, by: ResponderId },
    /// Nobody has taken a request, and it begins soon.
    StillOnCall { to: ResponderId },
    /// A request that nobody has taken, some time before it begins: who is told follows from when it is.
    Remind,
}

/// The book as it stands.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog) -> Result<Book, ReadError> {
    Ok(load_version(log).await?.0)
}

/// The book, and the version of its stream.
///
/// # Errors
/// The log cannot be read.
pub async fn load_version(log: &dyn EventLog) -> Result<(Book, u64), ReadError> {
    single::load(log).await
}

impl Single for Book {
    type Event = BookEvent;

    const UNREAD: &'static str = "a change of the rota cannot be read, and does not count";

    fn stream() -> StreamId {
        names::book()
    }

    fn moved(&mut self, event: &BookEvent, at: DateTime<Utc>) {
        self.apply(event, at);
    }
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    single::refolded::<Book>(log).await
}

/// Writes what the wish becomes; returns it with the book after it.
///
/// # Errors
/// [`NotDone`].
pub async fn wish(app: &App, doer: &Doer, wish: Wish) -> Result<(BookEvent, Book), NotDone> {
    let at = clock::now();
    let (setup, doer, lease) = (app.setup(), doer.clone(), app.lease(at));
    let decided = log::decide(&*app.log, move |view| {
        let (before, version) = single::seen::<Book>(view)?.ok_or(NotDone::Unreadable)?;
        let event = before.decide(&setup.rota, &doer.who, &wish, at)?;
        let mut book = before.clone();
        book.apply(&event, at);
        let origin = Origin::person(&doer.who, &doer.cause);
        let written = origin.writes(event.kind(), &event, at);
        let write = single::write(&book, version, written);
        let news = News { before: &before, book: &book, event: &event, rota: &setup.rota, by: &doer.who, at };
        let append = Append {
            keys: origin.key.into_iter().collect(),
            streams: vec![write],
            effects: news.effects(version + 1).into_iter().chain(news.handoffs()).collect(),
            lease: lease.clone(),
            ..Append::default()
        };
        Ok::<_, NotDone>((append, (event, book, version + 1)))
    });
    let (receipt, (event, book, version)) = decided.await.map_err(ChangeError::from)??;
    app.lately.keep(&book, version, at);
    app.outbox.offer(receipt.leased);
    Ok((event, book))
}

/// An event, and what it changed.
struct News<'a> {
    before: &'a Book,
    book: &'a Book,
    event: &'a BookEvent,
    rota: &'a Rota,
    by: &'a ResponderId,
    at: DateTime<Utc>,
}

impl News<'_> {
    /// Who has to hear of it; `version` is its place in the stream, from which the effects have their names.
    fn effects(&self, version: u64) -> Vec<NewEffect> {
        let number = self.event.number();
        let mut told = self.answers();
        told.extend(self.changed());
        let effect = |(place, what): (usize, Told)| {
            let request = self.book.request(number).filter(|_| what == Told::Remind);
            let next = request.and_then(|request| reminders(request, self.at).into_iter().next());
            NewEffect {
                id: format!("rota/{version}/{place}").into(),
                due_at: next.map_or(self.at, |reminder| reminder.at),
                kind: TELL.to_owned(),
                body: json(&Tell { number, what }),
                repeat: Repeat::Reconcile,
                slot: false,
            }
        };
        told.into_iter().enumerate().map(effect).collect()
    }

    /// The timer of the schedule that it is about: who is on duty, or when, may be another.
    fn handoffs(&self) -> Option<NewEffect> {
        let number = self.event.number();
        let of = |book: &Book| {
            let operation = book.operation(number).map(|operation| operation.schedule.clone());
            let request = || book.request(number).map(|request| request.asked.schedule.clone());
            operation.or_else(request).or_else(|| book.swap(number).map(|(swap, _)| swap.schedule.clone()))
        };
        let schedule = of(self.book).or_else(|| of(self.before))?;
        Some(handoff::timer(Role::named(&schedule).0, self.at))
    }

    /// Those who asked or are asked.
    fn answers(&self) -> Vec<Told> {
        let number = self.event.number();
        let swap = || self.book.swap(number).map(|(swap, _)| swap);
        match self.event {
            BookEvent::CoverAsked { .. } => {
                let asked = candidates(self.book, number, self.rota, self.at).into_iter();
                asked.map(|to| Told::Cover { to }).chain([Told::Remind]).collect()
            }
            BookEvent::Cover { happened: CoverEvent::Taken { .. }, .. } => {
                let request = self.book.request(number);
                request.map(|request| Told::Cover { to: request.asked.asker.clone() }).into_iter().collect()
            }
            BookEvent::SwapProposed { swap, .. } => vec![Told::Swap { to: swap.with.clone() }],
            BookEvent::SwapAgreed { .. } => swap().map(|swap| Told::Swap { to: swap.by.clone() }).into_iter().collect(),
            BookEvent::SwapClosed { by, .. } => {
                let other = |swap: &rota::Swap| if swap.by == *by { swap.with.clone() } else { swap.by.clone() };
                swap().map(|swap| Told::Swap { to: other(swap) }).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Those who have another duty because somebody else said so.
    fn changed(&self) -> Vec<Told> {
        let (BookEvent::Overridden { .. } | BookEvent::OperationCancelled { .. }) = self.event else {
            return Vec::new();
        };
        let number = self.event.number();
        let Some(operation) = self.book.operation(number).or_else(|| self.before.operation(number)) else {
            return Vec::new();
        };
        // A change that is taken back may have been longer before.
        let end = self.before.operation(number).map_or(operation.end, |before| before.end.max(operation.end));
        let (schedule, start) = (&operation.schedule, operation.start);
        let shifts_by = |book: &Book| {
            let operations = book.operations();
            let segments = rota::final_schedule(self.rota, schedule, &operations, start, end);
            segments.map(|segments| rota::shifts(&segments)).unwrap_or_default()
        };
        let (before, now) = (shifts_by(self.before), shifts_by(self.book));
        let mut people: Vec<&ResponderId> = before.keys().chain(now.keys()).collect();
        people.sort();
        people.dedup();
        people.retain(|person| *person != self.by && before.get(*person) != now.get(*person));
        let told = |to: &ResponderId| Told::Changed {
            to: to.clone(),
            schedule: schedule.clone(),
            start,
            end,
            by: self.by.clone(),
        };
        people.into_iter().map(told).collect()
    }
}

/// Whom to ask for what is open of a request, the best first.
fn candidates(book: &Book, number: u64, rota: &Rota, at: DateTime<Utc>) -> Vec<ResponderId> {
    oncall::candidates(book, number, rota, at).into_iter().map(|candidate| candidate.person).take(ASKED_MAX).collect()
}

/// Tells somebody.
///
/// # Errors
/// Slack or the log did not take it.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Tell { number, what } = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown news of the rota: {error}")))?;
    let book = load(&*app.log).await?;
    let (to, message) = match &what {
        Told::Remind => return remind(app, &book, number, leased).await,
        Told::Cover { to } => (to, oncall::cover(app, &book, number)),
        Told::Swap { to } => (to, oncall::swap(app, &book, number)),
        Told::StillOnCall { to } => (to, oncall::still_on_call(app, &book, number)),
        Told::Changed { to, schedule, start, end, by } => {
            let span = rota::Span { start: *start, end: *end };
            (to, Some(oncall::changed(app, &book, number, schedule, span, by)))
        }
    };
    let setup = app.setup();
    let slack = setup.rota.person(to).and_then(|person| person.slack.clone());
    // Who has no Slack sees it in the calendar; a page reaches them as always.
    let (Some(side), Some(slack), Some(message)) = (&app.slack, slack, message) else { return done(app, leased).await };
    let direct = side.direct_channel(&slack).await.map_err(|failure| NotNow::Failed(failure.to_string()))?;
    post_once(side, &direct, message, leased).await?;
    done(app, leased).await
}

/// A reminder is due: those who can take it are asked again, and near the start the asker is told to be still on call. Then it
/// waits for the next.
async fn remind(app: &App, book: &Book, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let now = clock::now();
    let Some(request) = book.request(number).filter(|request| !request.open(now).is_empty()) else {
        return done(app, leased).await;
    };
    if let Some(due) = reminder_due(request, now) {
        let mut told: Vec<Told> =
            candidates(book, number, &app.setup().rota, now).into_iter().map(|to| Told::Cover { to }).collect();
        if due.reminded == Reminded::Asker {
            told.push(Told::StillOnCall { to: request.asked.asker.clone() });
        }
        let effect = |(place, what): (usize, Told)| NewEffect {
            // By the moment of the reminder: the same one again asks nobody twice.
            id: format!("rota/{number}/reminded/{}/{place}", due.at.timestamp()).into(),
            due_at: now,
            kind: TELL.to_owned(),
            body: json(&Tell { number, what }),
            repeat: Repeat::Reconcile,
            slot: false,
        };
        let effects = told.into_iter().enumerate().map(effect).collect();
        let receipt = app.log.append(Append { effects, lease: app.lease(now), ..Append::default() }).await?;
        app.outbox.offer(receipt.leased);
    }
    match reminders(request, now).first() {
        Some(next) => Err(NotNow::Later { at: next.at, why: "waiting for the next reminder".to_owned() }),
        None => done(app, leased).await,
    }
}
