//! Every cause of who is on duty at an instant, one by one: what each layer says and which one hides it, whose turn it is by
//! which grid and which change of people, and what each change by hand made of it. `tell` puts it into words.
//!
//! It decides nothing: the layers are asked as the sweep asks them, and a law holds both to the same people. What the files
//! and the log know besides (when they changed, when somebody did what) is handed in.

mod tell;

use crate::holiday::{OnHolidays, holiday};
use crate::membership::Rollout;
use crate::on_call::ANSWERED;
use crate::operation::{Change, Operation, join};
use crate::rota::{Rota, UnknownSchedule};
use crate::rotation::{Group, Role};
use crate::schedule::{Layer, Schedule};
use crate::span::Span;
use crate::sweep::People;
use crate::ticks::{instant, tick};
use crate::window::open;
use crate::zone::{Nearby, Zone};
use crate::{Book, BookEvent};
use chrono::{DateTime, NaiveDateTime, Utc};
use incident::ResponderId;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is known besides the rota and the changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// When the files of the rota changed, in order; empty when that is not known.
    pub edits: &'k [DateTime<Utc>],
    /// How changes came about, by their number.
    pub made: Option<&'k BTreeMap<u64, Made>>,
}

/// How a change by hand came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// When.
    pub at: DateTime<Utc>,
    /// What it came from.
    pub from: Origin,
}

/// What a change by hand came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Somebody said so.
    Override,
    /// Somebody took the cover that was asked for.
    Cover {
        /// The request's number.
        request: u64,
    },
    /// Two people agreed on it.
    Swap {
        /// The swap's number.
        swap: u64,
    },
}

/// How all changes of a log came about, by their number.
#[must_use]
pub fn made<'e>(events: impl IntoIterator<Item = (&'e BookEvent, DateTime<Utc>)>) -> BTreeMap<u64, Made> {
    let (mut book, mut made) = (Book::default(), BTreeMap::new());
    for (event, at) in events {
        book.apply(event, at);
        let from = match event {
            BookEvent::Overridden { .. } => Origin::Override,
            BookEvent::Cover { number, .. } => Origin::Cover { request: *number },
            BookEvent::SwapAgreed { number } => Origin::Swap { swap: *number },
            BookEvent::CoverAsked { .. }
            | BookEvent::SwapProposed { .. }
            | BookEvent::SwapClosed { .. }
            | BookEvent::OperationCancelled { .. } => continue,
        };
        for operation in book.operations() {
            made.entry(operation.number).or_insert(Made { at, from });
        }
    }
    made
}

/// Who is on duty at an instant, and every cause of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The schedule as it was asked for: `payments`, `payments/secondary`.
    pub schedule: String,
    /// The zone in which its times are told.
    pub zone: String,
    /// The instant.
    pub at: DateTime<Utc>,
    /// The people, first to be paged first.
    pub on_duty: Vec<ResponderId>,
    /// What each layer says, highest priority first; those that have not begun or are over are left out.
    pub layers: Vec<LayerWhy>,
    /// The changes by hand that apply at the instant, in the order of creation.
    pub changes: Vec<ChangeWhy>,
    /// The holidays of the day, by name, whether or not a layer heeds them.
    pub holidays: Vec<String>,
    /// The version of the files that counts; `None` when it is not known.
    pub version: Option<Version>,
    /// The version of the rules by which clocks are moved: `2026e`.
    pub tzdata: String,
    #[serde(skip)]
    clocks: Zone,
}

/// A version of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Counted from 1, the first that was ever served.
    pub number: usize,
    /// Since when it counts.
    pub since: DateTime<Utc>,
}

/// What a layer says at an instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerWhy {
    /// Its name.
    pub name: String,
    /// Its priority; the highest with somebody on duty counts.
    pub priority: i64,
    /// The zone of its wall times.
    pub zone: String,
    /// What comes of it.
    pub says: Says,
    /// From when until when it counts, where it does not always.
    pub lasts: Option<Span>,
    #[serde(skip)]
    clocks: Zone,
}

/// What comes of a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Says {
    /// Its people are on duty, before changes by hand.
    Counts {
        /// Whose turn it is.
        turn: TurnWhy,
    },
    /// A layer of higher priority has somebody on duty.
    Hidden {
        /// Whose turn it would be.
        turn: TurnWhy,
        /// The layer.
        by: String,
    },
    /// The turn is that of nobody.
    Nobody {
        /// The turn.
        turn: TurnWhy,
    },
    /// It is outside its hours.
    Closed,
    /// It does not count on holidays.
    OffOnHolidays,
    /// It counts on holidays only.
    OnlyOnHolidays,
}

/// A turn, and why it is that of these people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnWhy {
    /// Its number; turn 0 starts at the anchor. Of a secondary it is the turn that comes next.
    pub number: i64,
    /// Whose it is.
    pub group: Group,
    /// When the turn starts and ends that holds the instant.
    pub span: Span,
    /// The wall time from which turns are counted.
    pub anchor: NaiveDateTime,
    /// How long turns are: `every week`.
    pub every: String,
    /// Whether each turn goes to whoever has done least.
    pub fair: bool,
    /// From when until when the layer is open around the instant; `None` when it is always open.
    pub window: Option<Span>,
    /// The last change of its people before.
    pub people_changed: Option<PeopleChanged>,
}

/// A change of people that counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeopleChanged {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who has turns since, in their order.
    pub groups: Vec<Group>,
    /// How the new order starts: `after this turn`.
    pub rollout: &'static str,
    /// Whether the running turn began before the change, so that it is not given by the new order.
    pub within_turn: bool,
}

/// What a change by hand did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeWhy {
    /// Its number.
    pub number: u64,
    /// From when until when.
    pub span: Span,
    /// What it is.
    pub change: Change,
    /// Who asked for it.
    pub by: ResponderId,
    /// Why; may be empty.
    pub reason: String,
    /// When and from what it came about; `None` when that is not known.
    pub made: Option<Made>,
    /// Who was on duty without it.
    pub before: Vec<ResponderId>,
    /// Who is on duty with it; the same people when it changed nothing.
    pub after: Vec<ResponderId>,
}

/// Why exactly these people are on duty on `schedule` at `at`.
///
/// # Errors
/// When there is no such schedule.
pub fn why(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    known: Known<'_>,
    at: DateTime<Utc>,
) -> Result<Why, UnknownSchedule> {
    let (found, role) = rota.role(schedule)?;
    let at = at.clamp(ANSWERED.start, ANSWERED.end);
    let mut people = People::new();
    let layers = layers(found, role, at, &mut people);
    let changes = changes(found, role, operations, known, at, &mut people);
    let version = known.edits.iter().rposition(|edit| *edit <= at);
    Ok(Why {
        schedule: schedule.to_owned(),
        zone: found.zone.name().to_owned(),
        at,
        on_duty: owned(&people),
        layers,
        changes,
        holidays: holidays(found, at),
        version: version.and_then(|place| Some(Version { number: place + 1, since: *known.edits.get(place)? })),
        tzdata: Zone::tzdata_version().to_owned(),
        clocks: found.zone.clone(),
    })
}

fn layers<'r>(schedule: &'r Schedule, role: Role, at: DateTime<Utc>, people: &mut People<'r>) -> Vec<LayerWhy> {
    let mut winner: Option<&Layer> = None;
    let mut told = Vec::new();
    for layer in schedule.layers.iter().filter(|layer| layer.lasts.contains(at)) {
        let says = match closed(schedule, layer, at) {
            Some(closed) => closed,
            None => {
                let turn = turn(layer, role, at);
                match winner.filter(|winner| winner.priority > layer.priority) {
                    _ if turn.group.is_empty() => Says::Nobody { turn },
                    Some(winner) => Says::Hidden { turn, by: winner.name.clone() },
                    None => {
                        let number = turn_at(layer, at).0;
                        winner = Some(layer);
                        let group = layer.rotation.group_at(number, tick(at), role).0;
                        group.iter().for_each(|person| join(people, person));
                        Says::Counts { turn }
                    }
                }
            }
        };
        told.push(LayerWhy {
            name: layer.name.clone(),
            priority: layer.priority,
            zone: layer.zone.name().to_owned(),
            says,
            lasts: (layer.lasts != Span::ALWAYS).then_some(layer.lasts),
            clocks: layer.zone.clone(),
        });
    }
    told
}

/// Why a layer has no turn to give at the instant; `None` when it has.
fn closed(schedule: &Schedule, layer: &Layer, at: DateTime<Utc>) -> Option<Says> {
    let mut nearby = Nearby::default();
    let near = nearby.at(&layer.zone, tick(at));
    let (is_holiday, _) = holiday(schedule.holidays_of(layer), near);
    if !layer.on_holidays.counts(is_holiday) {
        return Some(match layer.on_holidays {
            OnHolidays::Off => Says::OffOnHolidays,
            OnHolidays::Only | OnHolidays::AsAlways => Says::OnlyOnHolidays,
        });
    }
    open(&layer.windows, near).is_none().then_some(Says::Closed)
}

/// The number of the turn that holds the instant, and the turn.
fn turn_at(layer: &Layer, at: DateTime<Utc>) -> (i64, Span) {
    let (number, ticks) = layer.rotation.grid().turn(Nearby::default().at(&layer.zone, tick(at)));
    (number, Span { start: instant(ticks.start), end: instant(ticks.end) })
}

fn turn(layer: &Layer, role: Role, at: DateTime<Utc>) -> TurnWhy {
    let (number, span) = turn_at(layer, at);
    let rotation = &layer.rotation;
    let changed = rotation.changes().iter().rev().find(|change| change.at <= at);
    let window = open(&layer.windows, Nearby::default().at(&layer.zone, tick(at)));
    TurnWhy {
        number: match role {
            Role::Primary => number,
            Role::Secondary => number.saturating_add(1),
        },
        group: rotation.group_at(number, tick(at), role).0.to_vec(),
        span,
        anchor: rotation.grid().anchor(),
        every: rotation.grid().to_string(),
        fair: rotation.is_fair(at),
        window: window
            .filter(|_| !layer.windows.is_empty())
            .map(|open| Span { start: instant(open.start), end: instant(open.end) }),
        people_changed: changed.map(|change| PeopleChanged {
            at: change.at,
            groups: change.groups.clone(),
            rollout: rollout(change.rollout),
            within_turn: change.at > span.start,
        }),
    }
}

/// As the files say it.
const fn rollout(rollout: Rollout) -> &'static str {
    match rollout {
        Rollout::Now => "now",
        Rollout::AfterThisTurn => "after this turn",
        Rollout::AfterAFullRound => "after a full round",
    }
}

fn changes<'r>(
    schedule: &Schedule,
    role: Role,
    operations: &'r [Operation],
    known: Known<'_>,
    at: DateTime<Utc>,
    people: &mut People<'r>,
) -> Vec<ChangeWhy> {
    let applies = |operation: &&Operation| operation.span().contains(at) && operation.is_of(&schedule.name, role);
    let mut applying: Vec<&Operation> = operations.iter().filter(applies).collect();
    applying.sort_by_key(|operation| operation.number);
    let mut told = Vec::new();
    for operation in applying {
        let before = owned(people);
        operation.change.apply(tick(at), people);
        told.push(ChangeWhy {
            number: operation.number,
            span: operation.span(),
            change: operation.change.clone(),
            by: operation.by.clone(),
            reason: operation.reason.clone(),
            made: known.made.and_then(|made| made.get(&operation.number)).cloned(),
            before,
            after: owned(people),
        });
    }
    told
}

fn holidays(schedule: &Schedule, at: DateTime<Utc>) -> Vec<String> {
    let day = schedule.zone.wall(at).date();
    let today = schedule.holidays.iter().filter(|holiday| holiday.from <= day && day < holiday.to);
    today.map(|holiday| holiday.name.clone()).collect()
}

fn owned(people: &People<'_>) -> Vec<ResponderId> {
    people.iter().map(|person| (*person).clone()).collect()
}

#[cfg(test)]
mod tests;
