//! Rule S: a request for cover, as a state machine of events. It is open until all of it is taken, its start has passed, or
//! the asker cancels it; only what is taken changes the schedule, as an [`Operation`]. A part that is taken leaves the rest
//! open, and the first who accepts wins.
//!
//! It keeps nothing and tells nobody: the events are kept elsewhere, and reminders are only said to be due. It is anchored
//! to instants, and remembers the turns that they were: when the files move a turn, [`CoverRequest::standing`] says so, so
//! that people are asked anew and the cover does not drift.

mod candidates;

use crate::on_call::final_schedule;
use crate::operation::{Change, Operation};
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{append, difference, intersection, union};
use crate::span::Span;
use crate::told;
use crate::zone::Zone;
pub use candidates::{Away, Candidate, whom_to_ask};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};

/// How long before the start people are reminded of a request that is still open: the times that Grafana's swaps use.
pub const REMINDERS_BEFORE: [TimeDelta; 8] = [
    TimeDelta::weeks(4),
    TimeDelta::weeks(3),
    TimeDelta::weeks(2),
    TimeDelta::weeks(1),
    TimeDelta::days(3),
    TimeDelta::days(2),
    TimeDelta::days(1),
    TimeDelta::hours(12),
];

/// How far around a request a turn that moved is looked for.
const MOVED_SEARCH: TimeDelta = TimeDelta::weeks(8);

/// What somebody asked for: the first event of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The schedule.
    pub schedule: String,
    /// Who wants to be relieved.
    pub asker: ResponderId,
    /// The times in which the asker was on duty when asking, in order; at least one.
    pub parts: Vec<AskedPart>,
    /// Why, in that person's words; may be empty.
    #[serde(default)]
    pub reason: String,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

/// A time of a request, and the turns that put the asker on duty in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedPart {
    /// The time.
    pub span: Span,
    /// The turns; none when an operation alone put the asker on duty.
    #[serde(default)]
    pub turns: Vec<AskedTurn>,
}

/// A turn as a request remembers it: by the layer's name, since its place may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedTurn {
    /// The layer's name.
    pub layer: String,
    /// The turn's number.
    pub number: i64,
}

/// Said when nothing can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskRefused {
    /// There is no such schedule.
    #[error(transparent)]
    Unknown(#[from] UnknownSchedule),
    /// The asker is not on duty in that time.
    #[error("{asker} is not on call on {schedule} in that time, so there is nothing to cover")]
    NotOnDuty {
        /// Who asked.
        asker: ResponderId,
        /// On which schedule.
        schedule: String,
    },
    /// It has begun, and nobody can be asked in time.
    #[error("that time has begun; for a time from now on, say who takes over: override")]
    Begun,
}

/// What may be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoverCommand {
    /// Somebody takes it.
    Accept {
        /// Who.
        taker: ResponderId,
        /// The part that is taken, as far as it lies in the request; everything that is open, when `None`.
        part: Option<Span>,
        /// The times around it in which the taker is on duty on the schedule, as [`crate::shifts`] gives them.
        on_duty: Vec<Span>,
    },
    /// The asker no longer needs what is not taken yet.
    Cancel {
        /// Who says so.
        by: ResponderId,
    },
}

/// What happened to a request after it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CoverEvent {
    /// Somebody took it or a part of it.
    Taken {
        /// Who.
        taker: ResponderId,
        /// What, in order.
        spans: Vec<Span>,
        /// When.
        at: DateTime<Utc>,
    },
    /// What was not taken is no longer needed.
    Cancelled {
        /// Who said so.
        by: ResponderId,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Said when a command changes nothing. The words are for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverRefused {
    /// Nobody relieves themselves.
    #[error("you asked for this cover yourself; somebody else has to take it")]
    OwnRequest,
    /// Somebody was faster.
    #[error("already taken by {}", told::people(by))]
    AlreadyTaken {
        /// Who has what was wanted.
        by: Vec<ResponderId>,
    },
    /// The taker cannot be on duty twice.
    #[error("you are on call yourself in that time; take a part in which you are not")]
    OnDuty {
        /// The times in which both would be the taker.
        spans: Vec<Span>,
    },
    /// The part shares no time with the request.
    #[error("that part is outside the time that was asked for")]
    Outside,
    /// Its start has passed.
    #[error("that time has begun, and {asker} is on call; to take over now, take the duty itself")]
    PastDue {
        /// Who is on call.
        asker: ResponderId,
    },
    /// It was cancelled.
    #[error("{asker} no longer needs it")]
    Cancelled {
        /// Who had asked.
        asker: ResponderId,
    },
    /// Only the asker cancels.
    #[error("only {asker}, who asked, can cancel it")]
    NotYours {
        /// Who had asked.
        asker: ResponderId,
    },
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverState {
    /// Something of it can still be taken.
    Open,
    /// All of it is taken.
    Taken,
    /// Something of it was not taken before it started, and nothing more can be.
    PastDue,
    /// The asker cancelled what was not taken.
    Cancelled,
}

/// A part of a request that somebody took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Who.
    pub taker: ResponderId,
    /// What.
    pub span: Span,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether the files still mean what a request was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The asker is on duty in all that is open.
    Same,
    /// The asker is no longer on duty in some of it: ask whether the request shall be withdrawn and made anew.
    Moved {
        /// What is open and no longer the asker's duty.
        gone: Vec<Span>,
        /// Where the asker is now on duty for the same turns; empty when they are somebody else's or too far away.
        now: Vec<Span>,
    },
}

/// A request with all that happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverRequest {
    /// What was asked for.
    pub asked: Asked,
    /// What was taken, in the order of taking; no two share any time.
    pub takes: Vec<Take>,
    /// When the rest was cancelled.
    pub cancelled: Option<DateTime<Utc>>,
}

/// A reminder of a request that is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// How long before the start that is.
    pub before: TimeDelta,
    /// Who is reminded.
    pub reminded: Reminded,
}

/// Who is reminded, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminded {
    /// Those who can take it.
    Others,
    /// The asker too, who is told that nobody took it.
    Asker,
}

/// Makes a request for the times in `span` in which `asker` is on duty.
///
/// # Errors
/// When the asker is not on duty in it, or it has begun.
pub fn ask_for_cover(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    asker: &ResponderId,
    span: Span,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<Asked, AskRefused> {
    let parts = duty_of(rota, schedule, operations, asker, span)?;
    match parts.first() {
        None => Err(AskRefused::NotOnDuty { asker: asker.clone(), schedule: schedule.to_owned() }),
        Some(first) if first.span.start <= at => Err(AskRefused::Begun),
        Some(_) => {
            Ok(Asked { schedule: schedule.to_owned(), asker: asker.clone(), parts, reason: reason.to_owned(), at })
        }
    }
}

/// The times in `span` in which that person is on duty, with the turns that are the reason.
fn duty_of(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    person: &ResponderId,
    span: Span,
) -> Result<Vec<AskedPart>, UnknownSchedule> {
    let layers = &rota.schedule(schedule)?.layers;
    let mut parts: Vec<AskedPart> = Vec::new();
    for segment in final_schedule(rota, schedule, operations, span.start, span.end)? {
        if !segment.on_duty.contains(&person) {
            continue;
        }
        let name = |layer: usize| layers.get(layer).map(|layer| layer.name.clone()).unwrap_or_default();
        let turn = |turn: &crate::schedule::Turn| AskedTurn { layer: name(turn.layer), number: turn.number };
        let turns: Vec<AskedTurn> = segment.reason.turns.iter().map(turn).collect();
        match parts.last_mut() {
            Some(last) if last.span.end == segment.start && last.turns == turns => last.span.end = segment.end,
            _ => parts.push(AskedPart { span: Span { start: segment.start, end: segment.end }, turns }),
        }
    }
    Ok(parts)
}

impl CoverRequest {
    /// A request to which nothing happened yet.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self { asked, takes: Vec::new(), cancelled: None }
    }

    /// Takes one more event into account. Events come from [`CoverRequest::decide`], in its order.
    pub fn apply(&mut self, event: &CoverEvent) {
        match event {
            CoverEvent::Taken { taker, spans, at } => {
                let takes = spans.iter().map(|span| Take { taker: taker.clone(), span: *span, at: *at });
                self.takes.extend(takes);
            }
            CoverEvent::Cancelled { at, .. } => self.cancelled = Some(*at),
        }
    }

    /// Decides a command; the answer is to be applied before the next one is decided.
    ///
    /// # Errors
    /// When it changes nothing, with what to say to whoever gave it.
    pub fn decide(&self, command: &CoverCommand, at: DateTime<Utc>) -> Result<CoverEvent, CoverRefused> {
        match command {
            CoverCommand::Accept { taker, part, on_duty } => {
                let spans = self.takeable(taker, *part, on_duty, at)?;
                Ok(CoverEvent::Taken { taker: taker.clone(), spans, at })
            }
            CoverCommand::Cancel { by } if *by != self.asked.asker => {
                Err(CoverRefused::NotYours { asker: self.asked.asker.clone() })
            }
            CoverCommand::Cancel { by } => match self.state(at) {
                CoverState::Open => Ok(CoverEvent::Cancelled { by: by.clone(), at }),
                state => Err(self.refused(state)),
            },
        }
    }

    /// What `taker` would get.
    fn takeable(
        &self,
        taker: &ResponderId,
        part: Option<Span>,
        on_duty: &[Span],
        at: DateTime<Utc>,
    ) -> Result<Vec<Span>, CoverRefused> {
        if *taker == self.asked.asker {
            return Err(CoverRefused::OwnRequest);
        }
        match self.state(at) {
            CoverState::Open => {}
            state => return Err(self.refused(state)),
        }
        let open = self.open(at);
        let wanted = match part {
            None => open.clone(),
            Some(part) => intersection(&self.spans(), &[part]),
        };
        if wanted.is_empty() {
            return Err(CoverRefused::Outside);
        }
        let by = self.takers(&wanted);
        if !by.is_empty() {
            return Err(CoverRefused::AlreadyTaken { by });
        }
        if !difference(&wanted, &open).is_empty() {
            return Err(CoverRefused::PastDue { asker: self.asked.asker.clone() });
        }
        let spans = intersection(&wanted, on_duty);
        if spans.is_empty() { Ok(wanted) } else { Err(CoverRefused::OnDuty { spans }) }
    }

    /// What to say of a request in which nothing is open.
    fn refused(&self, state: CoverState) -> CoverRefused {
        let asker = self.asked.asker.clone();
        match state {
            CoverState::Open | CoverState::PastDue => CoverRefused::PastDue { asker },
            CoverState::Taken => CoverRefused::AlreadyTaken { by: self.takers(&self.spans()) },
            CoverState::Cancelled => CoverRefused::Cancelled { asker },
        }
    }

    /// Who took something of that, each once, in the order of taking.
    fn takers(&self, of: &[Span]) -> Vec<ResponderId> {
        let mut takers: Vec<ResponderId> = Vec::new();
        for take in self.takes.iter().filter(|take| !intersection(of, &[take.span]).is_empty()) {
            if !takers.contains(&take.taker) {
                takers.push(take.taker.clone());
            }
        }
        takers
    }

    /// All the time that was asked for, in order.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        self.asked.parts.iter().for_each(|part| append(&mut spans, part.span));
        spans
    }

    /// What nobody took, in order, also when it can no longer be taken: there the asker is still on call.
    #[must_use]
    pub fn untaken(&self) -> Vec<Span> {
        difference(&self.spans(), &union(self.takes.iter().map(|take| take.span).collect()))
    }

    /// What can be taken at `at`: what nobody took and what has not begun.
    #[must_use]
    pub fn open(&self, at: DateTime<Utc>) -> Vec<Span> {
        let untaken = if self.cancelled.is_some() { Vec::new() } else { self.untaken() };
        untaken.into_iter().filter(|span| span.start > at).collect()
    }

    /// Where it stands at `at`. That a start passes needs no event.
    #[must_use]
    pub fn state(&self, at: DateTime<Utc>) -> CoverState {
        match (self.untaken().is_empty(), self.cancelled.is_some(), self.open(at).is_empty()) {
            (true, _, _) => CoverState::Taken,
            (false, true, _) => CoverState::Cancelled,
            (false, false, true) => CoverState::PastDue,
            (false, false, false) => CoverState::Open,
        }
    }

    /// How it stands at `at`, in words: what was asked, who has which part, and what nobody has.
    #[must_use]
    pub fn told(&self, zone: &Zone, at: DateTime<Utc>) -> String {
        let Asked { schedule, asker, reason, .. } = &self.asked;
        let span = |span: &Span| told::span(*span, zone, at);
        let spans = |spans: &[Span]| spans.iter().map(span).collect::<Vec<_>>().join(", ");
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let mut lines = vec![format!("{asker} asks for cover on {schedule}, {}{reason}", zone.name())];
        let mut takes: Vec<&Take> = self.takes.iter().collect();
        takes.sort_by_key(|take| take.span.start);
        lines.extend(takes.iter().map(|take| format!("{} covers {}", take.taker, span(&take.span))));
        let open = self.open(at);
        let stays = difference(&self.untaken(), &open);
        if !open.is_empty() {
            lines.push(format!("open: {}", spans(&open)));
        }
        match (stays.is_empty(), self.cancelled.is_some()) {
            (true, _) => {}
            (false, true) => lines.push(format!("cancelled: {}", spans(&stays))),
            (false, false) => lines.push(format!("nobody took it, {asker} is on call: {}", spans(&stays))),
        }
        lines.join("\n")
    }

    /// What a take does to the schedule. `number` is its place in the order of all operations.
    #[must_use]
    pub fn operation(&self, take: &Take, number: u64) -> Operation {
        Operation {
            number,
            schedule: self.asked.schedule.clone(),
            start: take.span.start,
            end: take.span.end,
            change: Change::ReplaceUser { from: self.asked.asker.clone(), to: take.taker.clone() },
            by: self.asked.asker.clone(),
            reason: self.asked.reason.clone(),
        }
    }

    /// Whether the asker is, by files and operations as they are at `at`, still on duty in what is open.
    ///
    /// # Errors
    /// When the schedule is gone.
    pub fn standing(
        &self,
        rota: &Rota,
        operations: &[Operation],
        at: DateTime<Utc>,
    ) -> Result<Standing, UnknownSchedule> {
        let open = self.open(at);
        let (Some(first), Some(last)) = (open.first(), open.last()) else { return Ok(Standing::Same) };
        let around = Span { start: at.max(first.start - MOVED_SEARCH), end: last.end + MOVED_SEARCH };
        let duty = duty_of(rota, &self.asked.schedule, operations, &self.asked.asker, around)?;
        let gone = difference(&open, &union(duty.iter().map(|part| part.span).collect()));
        if gone.is_empty() {
            return Ok(Standing::Same);
        }
        // Only the turns that the lost time was are looked for, not those of the rest.
        let lost = |part: &&AskedPart| !intersection(&gone, &[part.span]).is_empty();
        let turns: Vec<&AskedTurn> = self.asked.parts.iter().filter(lost).flat_map(|part| &part.turns).collect();
        let same = duty.into_iter().filter(|part| part.turns.iter().any(|turn| turns.contains(&turn)));
        let now = difference(&union(same.map(|part| part.span).collect()), &self.spans());
        Ok(Standing::Moved { gone, now })
    }
}

/// The reminders that are still to come after `now`, in order: none when nothing is open. What is taken until then changes
/// them, so each is looked at again when it is due.
#[must_use]
pub fn reminders(request: &CoverRequest, now: DateTime<Utc>) -> Vec<Reminder> {
    let mut reminders = reminders_of(&request.open(now));
    reminders.retain(|reminder| reminder.at > now);
    reminders
}

/// The reminder that is due at `now`: the newest of what is open and came since the request was made; none when the next is
/// still to come.
#[must_use]
pub fn reminder_due(request: &CoverRequest, now: DateTime<Utc>) -> Option<Reminder> {
    let came = |reminder: &Reminder| request.asked.at < reminder.at && reminder.at <= now;
    reminders_of(&request.open(now)).into_iter().rfind(came)
}

/// All reminders of some times, in order; those of one moment are one.
fn reminders_of(open: &[Span]) -> Vec<Reminder> {
    let [.., last] = REMINDERS_BEFORE;
    let reminder = |(span, before): (&Span, TimeDelta)| Reminder {
        at: span.start - before,
        before,
        reminded: if before == last { Reminded::Asker } else { Reminded::Others },
    };
    let mut all: Vec<Reminder> =
        open.iter().flat_map(|span| REMINDERS_BEFORE.map(|before| reminder((span, before)))).collect();
    all.sort_by_key(|reminder| (reminder.at, reminder.before));
    all.dedup_by_key(|reminder| reminder.at);
    all
}

impl Reminder {
    /// What to say: `ana still needs cover on payments: Sat 5 Dec 10:00 to 14:00 Europe/Madrid (dentist)`.
    #[must_use]
    pub fn sentence(&self, request: &CoverRequest, zone: &Zone) -> String {
        let Asked { schedule, asker, reason, .. } = &request.asked;
        let open = request.open(self.at);
        let times: Vec<String> = open.iter().map(|span| told::span(*span, zone, self.at)).collect();
        let times = format!("{} {}", times.join(", "), zone.name());
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        match self.reminded {
            Reminded::Others => format!("{asker} still needs cover on {schedule}: {times}{reason}"),
            Reminded::Asker => {
                format!("nobody took your cover on {schedule}: {asker}, you are still on call {times}{reason}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
