//! The book of what people change about the rota, in the log: one stream whose state is the book. What a wish becomes is
//! decided in `rota::Book`, in the step that writes it; whoever has to hear of it is told through the outbox.

use crate::app::App;
use crate::clock;
use crate::flow::act::Doer;
use crate::flow::change::{ChangeError, Origin, all_events, json};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::oncall;
use chrono::{DateTime, Utc};
use incident::{FOLD, ResponderId, SCHEMA};
use log::{
    Append, EventLog, Expected, Head, LeasedEffect, NewEffect, NewEvent, ReadError, Repeat, Stream, StreamWrite, View,
};
use rota::{Book, BookEvent, Change, CoverEvent, Reminded, Rota, Wish, WishRefused, reminders};
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
    /// A change of who is on duty, made by somebody else.
    Override { to: ResponderId },
    /// A request that nobody has taken, some time before it begins: who is told follows from when it is.
    Remind,
}

/// The book as it stands.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog) -> Result<Book, ReadError> {
    let Some(stream) = log.load(&names::book()).await? else { return Ok(Book::default()) };
    match remembered(&stream) {
        Some(book) => Ok(book),
        None => Ok(fold(&all_events(log, &names::book()).await?).unwrap_or_default()),
    }
}

/// The book as its head has it; none when another version wrote it.
fn remembered(stream: &Stream) -> Option<Book> {
    if stream.head.fold != FOLD {
        return None;
    }
    serde_json::from_slice(&stream.head.snapshot).ok()
}

fn fold(events: &[log::Event]) -> Option<Book> {
    let mut book = Book::default();
    for event in events {
        book.apply(&serde_json::from_slice::<BookEvent>(&event.body).ok()?, event.at);
    }
    Some(book)
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    Ok(fold(&all_events(log, &names::book()).await?).as_ref().map(head))
}

fn head(book: &Book) -> Head {
    Head { snapshot: json(book), fold: FOLD, listing: None }
}

/// Writes what the wish becomes; returns it with the book after it.
///
/// # Errors
/// [`NotDone`].
pub async fn wish(app: &App, doer: &Doer, wish: Wish) -> Result<(BookEvent, Book), NotDone> {
    let at = clock::now();
    let (setup, doer, lease) = (app.setup(), doer.clone(), app.lease(at));
    let decided = log::decide(&*app.log, move |view| {
        let (mut book, expected) = seen(view)?;
        let event = book.decide(&setup.rota, &doer.who, &wish, at)?;
        book.apply(&event, at);
        let origin = Origin::person(&doer.who, &doer.cause);
        let written = NewEvent {
            kind: event.kind().to_owned(),
            schema: SCHEMA,
            at,
            actor: origin.actor,
            cause: origin.cause,
            body: json(&event),
            raw: None,
        };
        let write = StreamWrite { stream: names::book(), expected, events: vec![written], head: head(&book) };
        let append = Append {
            keys: origin.key.into_iter().collect(),
            streams: vec![write],
            effects: tells(&book, &event, &setup.rota, at),
            lease: lease.clone(),
            ..Append::default()
        };
        Ok::<_, NotDone>((append, (event, book)))
    });
    let (receipt, done) = decided.await.map_err(ChangeError::from)??;
    app.outbox.offer(receipt.leased);
    Ok(done)
}

fn seen(view: &mut dyn View) -> Result<(Book, Expected), ReadError> {
    let Some(stream) = view.stream(&names::book())? else { return Ok((Book::default(), Expected::NoStream)) };
    let book = match remembered(&stream) {
        Some(book) => book,
        None => fold(&view.events(&names::book(), 1, usize::MAX)?).unwrap_or_default(),
    };
    Ok((book, Expected::Exact(stream.version)))
}

/// Who has to hear of an event.
fn tells(book: &Book, event: &BookEvent, rota: &Rota, at: DateTime<Utc>) -> Vec<NewEffect> {
    let number = event.number();
    let swap = || book.swap(number).map(|(swap, _)| swap);
    let told: Vec<Told> = match event {
        BookEvent::CoverAsked { .. } => {
            let mut told: Vec<Told> =
                candidates(book, number, rota, at).into_iter().map(|to| Told::Cover { to }).collect();
            told.push(Told::Remind);
            told
        }
        BookEvent::Cover { happened: CoverEvent::Taken { .. }, .. } => {
            book.request(number).map(|request| Told::Cover { to: request.asked.asker.clone() }).into_iter().collect()
        }
        BookEvent::SwapProposed { swap, .. } => vec![Told::Swap { to: swap.with.clone() }],
        BookEvent::SwapAgreed { .. } => swap().map(|swap| Told::Swap { to: swap.by.clone() }).into_iter().collect(),
        BookEvent::SwapClosed { by, .. } => {
            let other = |swap: &rota::Swap| if swap.by == *by { swap.with.clone() } else { swap.by.clone() };
            swap().map(|swap| Told::Swap { to: other(swap) }).into_iter().collect()
        }
        BookEvent::Overridden { operation } => match &operation.change {
            Change::ReplaceAll { users } => users
                .iter()
                .filter(|user| **user != operation.by)
                .map(|user| Told::Override { to: user.clone() })
                .collect(),
            _ => Vec::new(),
        },
        BookEvent::Cover { happened: CoverEvent::Cancelled { .. }, .. } | BookEvent::OperationCancelled { .. } => {
            Vec::new()
        }
    };
    told.into_iter().enumerate().map(|(place, what)| effect(book, number, event.kind(), place, what, at)).collect()
}

fn effect(book: &Book, number: u64, kind: &str, place: usize, what: Told, at: DateTime<Utc>) -> NewEffect {
    let next = || book.request(number).and_then(|request| reminders(request, at).into_iter().next());
    let due_at = if what == Told::Remind { next().map_or(at, |reminder| reminder.at) } else { at };
    NewEffect {
        // Several may take a part each: the book has one more change after each of them.
        id: format!("rota/{number}/{kind}/{}/{place}", book.operations().len()).into(),
        due_at,
        kind: TELL.to_owned(),
        body: json(&Tell { number, what }),
        repeat: Repeat::Reconcile,
        slot: false,
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
        Told::Override { to } => (to, oncall::overridden(app, &book, number)),
    };
    let setup = app.setup();
    let slack = setup.rota.person(to).and_then(|person| person.slack.clone());
    // Who has no Slack sees it in the calendar; a page reaches them as always.
    let (Some(side), Some(slack), Some(message)) = (&app.slack, slack, message) else { return done(app, leased).await };
    let direct = side.direct_channel(&slack).await.map_err(|failure| NotNow::Failed(failure.to_string()))?;
    post_once(side, &direct, message, leased).await?;
    done(app, leased).await
}

/// A reminder is due: those who can take it are asked again, near the start the asker is told to be still on call. Then it
/// waits for the next.
async fn remind(app: &App, book: &Book, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let now = clock::now();
    let Some(request) = book.request(number).filter(|request| !request.open(now).is_empty()) else {
        return done(app, leased).await;
    };
    let to_come = reminders(request, now);
    let all = reminders(request, leased.intent_at.min(now) - rota::REMINDERS_BEFORE[0]);
    if let Some(due) = all.iter().rfind(|reminder| reminder.at <= now) {
        let mut to = match due.reminded {
            Reminded::Asker => vec![request.asked.asker.clone()],
            Reminded::Others => candidates(book, number, &app.setup().rota, now),
        };
        to.dedup();
        let effects = to.into_iter().map(|to| NewEffect {
            id: format!("rota/{number}/reminded/{}/{to}", due.before.num_hours()).into(),
            due_at: now,
            kind: TELL.to_owned(),
            body: json(&Tell { number, what: Told::Cover { to } }),
            repeat: Repeat::Reconcile,
            slot: false,
        });
        let append = Append { effects: effects.collect(), lease: app.lease(now), ..Append::default() };
        let receipt = app.log.append(append).await?;
        app.outbox.offer(receipt.leased);
    }
    match to_come.first() {
        Some(next) => Err(NotNow::Later { at: next.at, why: "waiting for the next reminder".to_owned() }),
        None => done(app, leased).await,
    }
}
