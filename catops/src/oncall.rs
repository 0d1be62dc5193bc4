//! The rota in Slack: what people ask of it and change about it, typed or pressed. Words and times become a wish here, in
//! the zone of the schedule; what the wish becomes is decided by `rota::Book`. Answers repeat what was understood.

use crate::app::App;
use crate::clock;
use crate::flow::act::Doer;
use crate::flow::book::{self, NotDone};
use crate::flow::change::ChangeError;
use crate::flow::handoff::{self, NotTaken};
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use log::ReadError;
use rota::{
    Book, BookEvent, Candidate, Change, Clocks, Facts, Operation, Rota, Span, SpokenSpan, SwapState, Wish,
    final_schedule, gaps, ledger, shifts, whom_to_ask,
};
use slack::blocks::Message;
use slack::command::Timed;

/// How far ahead gaps are looked for.
const GAPS_AHEAD: TimeDelta = TimeDelta::weeks(8);
/// How far ahead somebody's own shifts are listed.
const SHIFTS_AHEAD: TimeDelta = TimeDelta::weeks(8);
/// Own shifts that are listed.
const SHIFTS_MAX: usize = 10;
/// The time that loads are compared over: the last four weeks and the next four.
const FAIR_AROUND: TimeDelta = TimeDelta::weeks(4);
/// How long somebody who takes over has it when no shift ends.
const TAKEN: TimeDelta = TimeDelta::hours(12);
/// Candidates that a request names.
const NAMED_MAX: usize = 3;

/// What somebody asked for and nobody can do, in words for them.
#[derive(Debug, thiserror::Error)]
pub enum Said {
    /// The words cannot be read, or the rules refuse it.
    #[error("{0}")]
    No(String),
    /// The log.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<NotDone> for Said {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused(refused) => Self::No(refused.to_string()),
            NotDone::Change(error) => Self::Change(error),
            unreadable @ NotDone::Unreadable => Self::No(unreadable.to_string()),
        }
    }
}

impl From<ReadError> for Said {
    fn from(error: ReadError) -> Self {
        Self::Change(error.into())
    }
}

fn no(error: impl ToString) -> Said {
    Said::No(error.to_string())
}

/// The shifts of somebody, on all schedules.
///
/// # Errors
/// The log cannot be read.
pub async fn mine(app: &App, who: &ResponderId) -> Result<Message, Said> {
    let now = clock::now();
    let (setup, operations) = (app.setup(), book::load(&*app.log).await?.operations());
    let mut own: Vec<(Span, &String)> = Vec::new();
    for name in setup.rota.schedules.keys() {
        let segments = final_schedule(&setup.rota, name, &operations, now, now + SHIFTS_AHEAD).map_err(no)?;
        own.extend(shifts(&segments).remove(who).into_iter().flatten().map(|span| (span, name)));
    }
    own.sort_by_key(|(span, name)| (span.start, *name));
    let now_on: Vec<&str> = own.iter().filter(|(span, _)| span.contains(now)).map(|(_, name)| name.as_str()).collect();
    let headline = match now_on.as_slice() {
        [] => "You are not on call now. Your next shifts:".to_owned(),
        schedules => format!("You are on call for {} now. Your shifts:", schedules.join(", ")),
    };
    let named = |(span, name): &(Span, &String)| slack::rota::gap(name, (span.start, span.end));
    let lines: Vec<String> = own.iter().take(SHIFTS_MAX).map(named).collect();
    Ok(slack::rota::list(&headline, &lines, "You have no shift in the next eight weeks."))
}

/// The next seven days.
///
/// # Errors
/// No such schedule, or the log cannot be read.
pub async fn week(app: &App, schedule: Option<&str>) -> Result<Message, Said> {
    let now = clock::now();
    let (setup, book) = (app.setup(), book::load(&*app.log).await?);
    let operations = book.operations();
    let mut lines = Vec::new();
    for name in named(&setup.rota, schedule)? {
        lines.push(format!("*{}*", slack::escape::line(&name, 80)));
        let end = now + TimeDelta::weeks(1);
        for segment in final_schedule(&setup.rota, &name, &operations, now, end).map_err(no)? {
            let people: Vec<ResponderId> = segment.on_duty.iter().map(|who| (*who).clone()).collect();
            let changed: Vec<String> =
                segment.reason.operations.iter().map(|operation| format!("#{}", operation.number)).collect();
            let changed = if changed.is_empty() { String::new() } else { format!(" ({})", changed.join(", ")) };
            let shift =
                surface::drawn(app, |setting| slack::rota::shift((segment.start, segment.end), &people, setting));
            lines.push(format!("{shift}{changed}"));
        }
    }
    Ok(slack::rota::list("On call in the next seven days", &lines, "No schedule is set up."))
}

/// The times with nobody.
///
/// # Errors
/// No such schedule, or the log cannot be read.
pub async fn no_one(app: &App, schedule: Option<&str>) -> Result<Message, Said> {
    let now = clock::now();
    let (setup, operations) = (app.setup(), book::load(&*app.log).await?.operations());
    let mut lines = Vec::new();
    for name in named(&setup.rota, schedule)? {
        let found = gaps(&setup.rota, &name, &operations, now, now + GAPS_AHEAD).map_err(no)?;
        lines.extend(found.into_iter().map(|span| slack::rota::gap(&name, (span.start, span.end))));
    }
    let headline = "Times with nobody on call, next eight weeks";
    Ok(slack::rota::list(headline, &lines, "Somebody is on call at every moment of the next eight weeks."))
}

/// What each person carries, of the last four weeks and the next four.
///
/// # Errors
/// No such schedule, or the log cannot be read.
pub async fn fair(app: &App, schedule: Option<&str>) -> Result<Message, Said> {
    let now = clock::now();
    let (setup, operations) = (app.setup(), book::load(&*app.log).await?.operations());
    let span = Span { start: now - FAIR_AROUND, end: now + FAIR_AROUND };
    let mut lines = Vec::new();
    for name in named(&setup.rota, schedule)? {
        let clocks = Clocks::of(&setup.rota, &name).map_err(no)?;
        let holidays: Vec<_> =
            setup.rota.schedule(&name).map_err(no)?.holidays.iter().flat_map(rota::Holiday::days).collect();
        let facts = Facts { clocks: &clocks, holidays: &holidays, pages: &[] };
        let ledger = ledger(&setup.rota, &name, &operations, span, &facts).map_err(no)?;
        lines.push(format!("*{}*", slack::escape::line(&name, 80)));
        for (person, load) in &ledger.people {
            let who = slack::escape::line(&app.name(person), 80);
            let (duty, weekends) = (load.duty.num_hours(), load.on_weekends.num_hours());
            lines.push(format!(
                "{who}: {duty} h, {} nights, {weekends} h on weekends, {} shifts",
                load.nights, load.shifts
            ));
        }
    }
    Ok(slack::rota::list("Who carries how much, four weeks back and four ahead", &lines, "No schedule is set up."))
}

/// Asks for cover.
///
/// # Errors
/// [`Said`].
pub async fn ask(app: &App, doer: &Doer, timed: &Timed) -> Result<Message, Said> {
    let book = book::load(&*app.log).await?;
    let operations = book.operations();
    let setup = app.setup();
    let first_read = read(app, doer, timed, timed.schedule.as_deref())?;
    let is_on = |name: &String| {
        let segments = final_schedule(&setup.rota, name, &operations, first_read.span.start, first_read.span.end);
        segments.is_ok_and(|segments| segments.iter().any(|segment| segment.on_duty.contains(&&doer.who)))
    };
    let schedule = choose(&setup.rota, timed.schedule.as_deref(), &doer.who, is_on)?;
    let span = read(app, doer, timed, Some(&schedule))?.span;
    let wish = Wish::Cover { schedule, span, reason: timed.why.clone() };
    let (event, book) = book::wish(app, doer, wish).await?;
    Ok(cover(app, &book, event.number()).map_or_else(|| surface::sentence("Asked."), surface::aloud))
}

/// Takes a request for cover, whole or in part.
///
/// # Errors
/// [`Said`].
pub async fn accept(app: &App, doer: &Doer, number: u64, part: &str) -> Result<Message, Said> {
    let part = match part.trim() {
        "" => None,
        part => {
            let book = book::load(&*app.log).await?;
            let schedule = book.request(number).map(|request| request.asked.schedule.clone());
            let timed = Timed { when: part.to_owned(), ..Timed::default() };
            Some(read(app, doer, &timed, schedule.as_deref())?.span)
        }
    };
    let (_, book) = book::wish(app, doer, Wish::Accept { number, part }).await?;
    Ok(cover(app, &book, number).map_or_else(|| surface::sentence("Taken."), surface::aloud))
}

/// Takes over now, from whoever has it or from somebody.
///
/// # Errors
/// [`Said`].
pub async fn take(app: &App, doer: &Doer, from: Option<ResponderId>, timed: &Timed) -> Result<Message, Said> {
    let now = clock::now();
    let setup = app.setup();
    let operations = book::load(&*app.log).await?.operations();
    let has_it = |name: &String| {
        let duty = rota::on_duty(&setup.rota, name, &operations, now);
        from.as_ref().is_some_and(|from| duty.is_ok_and(|(people, _)| people.contains(&from)))
    };
    let schedule = choose(&setup.rota, timed.schedule.as_deref(), &doer.who, has_it)?;
    let span = if timed.when.is_empty() {
        let until = rota::on_call(&setup.rota, &schedule, &operations, now).map_err(no)?.until;
        Span { start: now, end: until.unwrap_or(now + TAKEN) }
    } else {
        read(app, doer, timed, Some(&schedule))?.span
    };
    let wish = Wish::Override { schedule, span, user: doer.who.clone(), from, reason: timed.why.clone() };
    let (event, book) = book::wish(app, doer, wish).await?;
    Ok(overridden(app, &book, event.number()).map_or_else(|| surface::sentence("Taken."), surface::aloud))
}

/// Puts somebody on duty.
///
/// # Errors
/// [`Said`].
pub async fn put(app: &App, doer: &Doer, user: ResponderId, timed: &Timed) -> Result<Message, Said> {
    let setup = app.setup();
    let is_member =
        |name: &String| setup.rota.members_from(name, clock::now()).is_ok_and(|members| members.contains(&&user));
    let schedule = choose(&setup.rota, timed.schedule.as_deref(), &user, is_member)?;
    let span = read(app, doer, timed, Some(&schedule))?.span;
    let wish = Wish::Override { schedule, span, user, from: None, reason: timed.why.clone() };
    let (event, book) = book::wish(app, doer, wish).await?;
    Ok(overridden(app, &book, event.number()).map_or_else(|| surface::sentence("Done."), surface::aloud))
}

/// Fills a gap that was found: whoever presses is on duty in all of it.
///
/// # Errors
/// [`Said`].
pub async fn fill(app: &App, doer: &Doer, schedule: &str, number: u64) -> Result<Message, Said> {
    let span = handoff::gap_to_fill(app, schedule, number).await.map_err(|not_taken| match not_taken {
        NotTaken::Change(error) => Said::Change(error),
        not_taken => no(format!("Nothing done: {not_taken}.")),
    })?;
    let reason = "filled a gap".to_owned();
    let wish = Wish::Override { schedule: schedule.to_owned(), span, user: doer.who.clone(), from: None, reason };
    let (event, book) = book::wish(app, doer, wish).await?;
    Ok(overridden(app, &book, event.number()).map_or_else(|| surface::sentence("Filled."), surface::aloud))
}

/// Offers a swap.
///
/// # Errors
/// [`Said`].
pub async fn offer(app: &App, doer: &Doer, with: ResponderId, timed: &Timed) -> Result<Message, Said> {
    let setup = app.setup();
    let is_both = |name: &String| {
        setup
            .rota
            .members_from(name, clock::now())
            .is_ok_and(|members| members.contains(&&with) && members.contains(&&doer.who))
    };
    let schedule = choose(&setup.rota, timed.schedule.as_deref(), &doer.who, is_both)?;
    let (event, book) = book::wish(app, doer, Wish::Swap { schedule, with, reason: timed.why.clone() }).await?;
    Ok(swap(app, &book, event.number()).map_or_else(|| surface::sentence("Offered."), surface::aloud))
}

/// Agrees to a swap.
///
/// # Errors
/// [`Said`].
pub async fn agree(app: &App, doer: &Doer, number: u64) -> Result<Message, Said> {
    let (_, book) = book::wish(app, doer, Wish::Agree { number }).await?;
    Ok(swap(app, &book, number).map_or_else(|| surface::sentence("Agreed."), surface::aloud))
}

/// Takes something back.
///
/// # Errors
/// [`Said`].
pub async fn cancel(app: &App, doer: &Doer, number: u64) -> Result<Message, Said> {
    let (event, book) = book::wish(app, doer, Wish::Cancel { number }).await?;
    let drawn = match event {
        BookEvent::Cover { .. } => cover(app, &book, number),
        BookEvent::SwapClosed { .. } => swap(app, &book, number),
        _ => None,
    };
    let who = app.name(&doer.who);
    Ok(surface::aloud(drawn.unwrap_or_else(|| surface::sentence(&format!("{who} took #{number} back.")))))
}

/// The schedules that are meant: one, or all.
fn named(rota: &Rota, schedule: Option<&str>) -> Result<Vec<String>, Said> {
    match schedule {
        Some(name) => {
            let (schedule, _) = rota.role(name).map_err(no)?;
            if !rota.schedules.contains_key(&schedule.name) {
                return Err(Said::No(format!("{name} is no schedule any more.")));
            }
            Ok(vec![name.strip_suffix("/primary").unwrap_or(name).to_owned()])
        }
        None => Ok(rota.schedules.keys().cloned().collect()),
    }
}

/// The schedule that is meant: the named one, the only one, the only one that fits, or the only one of which the person is.
fn choose(rota: &Rota, said: Option<&str>, who: &ResponderId, fits: impl Fn(&String) -> bool) -> Result<String, Said> {
    let all = named(rota, said)?;
    let fitting = || all.iter().filter(|name| fits(name)).collect::<Vec<_>>();
    let own = || {
        all.iter()
            .filter(|name| rota.members_from(name, clock::now()).is_ok_and(|members| members.contains(&who)))
            .collect()
    };
    let only = |names: Vec<&String>| if let [one] = names[..] { Some(one.clone()) } else { None };
    let found = only(all.iter().collect()).or_else(|| only(fitting())).or_else(|| only(own()));
    found.ok_or_else(|| Said::No(format!("Which schedule do you mean? Add \"on\" and one of: {}.", all.join(", "))))
}

/// The time that was typed, in the zone of who typed it, else in that of the schedule.
fn read(app: &App, doer: &Doer, timed: &Timed, schedule: Option<&str>) -> Result<SpokenSpan, Said> {
    let setup = app.setup();
    let zone = surface::zone_of(&setup.rota, &doer.who, schedule);
    SpokenSpan::parse(&timed.when, &zone, clock::now()).map_err(no)
}

/// The zone in which a part of a request is typed.
pub async fn zone(app: &App, who: &ResponderId, number: u64) -> String {
    let book = book::load(&*app.log).await.unwrap_or_default();
    let schedule = book.request(number).map(|request| request.asked.schedule.as_str());
    surface::zone_of(&app.setup().rota, who, schedule).name().to_owned()
}

/// Whom to ask for what is open of a request, the best first; nobody when the request is not known.
#[must_use]
pub fn candidates(book: &Book, number: u64, rota: &Rota, at: DateTime<Utc>) -> Vec<Candidate> {
    let Some(request) = book.request(number) else { return Vec::new() };
    let (asked, operations) = (&request.asked, book.operations());
    let Ok(clocks) = Clocks::of(rota, &asked.schedule) else { return Vec::new() };
    let mut found: Vec<Candidate> = Vec::new();
    // Who is free in one part may take that part.
    for span in request.open(at) {
        let free = whom_to_ask(rota, &asked.schedule, &operations, &asked.asker, span, &[], &clocks);
        for candidate in free.unwrap_or_default() {
            if found.iter().all(|known| known.person != candidate.person) {
                found.push(candidate);
            }
        }
    }
    found
}

/// A request for cover as it stands; none when it is not known.
#[must_use]
pub fn cover(app: &App, book: &Book, number: u64) -> Option<Message> {
    let now = clock::now();
    let request = book.request(number)?;
    let setup = app.setup();
    let could = candidates(book, number, &setup.rota, now);
    let shown = slack::rota::Cover {
        number,
        schedule: request.asked.schedule.clone(),
        asker: request.asked.asker.clone(),
        reason: request.asked.reason.clone(),
        open: request.open(now).into_iter().map(time).collect(),
        taken: request.takes.iter().map(|take| (take.taker.clone(), time(take.span))).collect(),
        is_cancelled: request.cancelled.is_some(),
        candidates: could.into_iter().take(NAMED_MAX).map(|one| (one.person, one.because)).collect(),
    };
    Some(surface::drawn(app, |setting| slack::rota::cover(&shown, setting)))
}

/// What who asked for cover is told shortly before it begins, when nobody took it.
#[must_use]
pub fn still_on_call(app: &App, book: &Book, number: u64) -> Option<Message> {
    let now = clock::now();
    let request = book.request(number)?;
    let zone = surface::zone_of(&app.setup().rota, &request.asked.asker, Some(&request.asked.schedule));
    let due = rota::reminder_due(request, now)?;
    Some(surface::notice(&format!("{}. #{number}", due.sentence(request, &zone))))
}

/// What somebody is told whose duty somebody else changed: who is on call in that time now.
#[must_use]
pub fn changed(app: &App, book: &Book, number: u64, schedule: &str, span: Span, by: &ResponderId) -> Message {
    let (setup, operations) = (app.setup(), book.operations());
    let segments = final_schedule(&setup.rota, schedule, &operations, span.start, span.end).unwrap_or_default();
    surface::drawn(app, |setting| {
        let shifts: Vec<String> = segments
            .iter()
            .map(|segment| {
                let people: Vec<ResponderId> = segment.on_duty.iter().map(|who| (*who).clone()).collect();
                slack::rota::shift((segment.start, segment.end), &people, setting)
            })
            .collect();
        slack::rota::changed(number, schedule, by, &shifts, setting)
    })
}

/// A swap as it stands; none when it is not known.
#[must_use]
pub fn swap(app: &App, book: &Book, number: u64) -> Option<Message> {
    let (swap, state) = book.swap(number)?;
    let shown = slack::rota::Swap {
        number,
        schedule: swap.schedule.clone(),
        by: swap.by.clone(),
        with: swap.with.clone(),
        given: time(swap.given),
        taken: time(swap.taken),
        ended: match state {
            SwapState::Open => None,
            SwapState::Agreed => Some(":white_check_mark: Agreed. It counts."),
            SwapState::Closed => Some("It does not count."),
        },
    };
    Some(surface::drawn(app, |setting| slack::rota::swap(&shown, setting)))
}

/// A change of who is on duty; none when it counts no more.
#[must_use]
pub fn overridden(app: &App, book: &Book, number: u64) -> Option<Message> {
    let operation = book.operation(number)?;
    let user = match &operation.change {
        Change::ReplaceAll { users } => users.first()?,
        Change::ReplaceUser { to, .. } => to,
        _ => return None,
    };
    let beneath = book.beneath(operation).into_iter().map(|other: &Operation| (other.number, other.by.clone()));
    let shown = slack::rota::Override {
        number,
        schedule: operation.schedule.clone(),
        user: user.clone(),
        time: time(operation.span()),
        by: operation.by.clone(),
        reason: operation.reason.clone(),
        beneath: beneath.collect(),
    };
    Some(surface::drawn(app, |setting| slack::rota::overridden(&shown, setting)))
}

const fn time(span: Span) -> slack::rota::Time {
    (span.start, span.end)
}
