//! A schedule and its layers: rules P and V. A layer says whose turn it is while it lasts and is open; of the layers with
//! somebody on duty the highest priority counts, and layers of equal priority are on duty together.

use crate::holiday::{Holiday, OnHolidays, holiday};
use crate::membership::Rollout;
use crate::operation::{Operation, join};
use crate::place::Place;
use crate::planned::PlannedOverrides;
use crate::rotation::{Role, Rotation};
use crate::span::Span;
use crate::sweep::People;
use crate::ticks::{Ticks, tick};
use crate::window::{Window, closed, open};
use crate::zone::{Near, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::cmp::Reverse;

/// Who is on duty when, before anybody changes it by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name in `rota/*.toml`: `payments`.
    pub name: String,
    /// The zone in which its times are told; a layer may have its own.
    pub zone: Zone,
    /// The layers, highest priority first; in the order of the file where equal.
    pub layers: Vec<Layer>,
    /// Who is second, when anybody is.
    pub secondary: Option<Secondary>,
    /// How a changed rotation starts, unless the change says so itself.
    pub rollout: Rollout,
    /// Where its holidays come from: files beside the configuration, or URLs. Nothing here reads them.
    pub holiday_calendars: Vec<String>,
    /// Its holidays, which the caller has read; none as it comes from [`crate::Rota::parse`].
    pub holidays: Vec<Holiday>,
    /// The name of the calendar whose entries override it, when there is one.
    pub overrides_from: Option<String>,
    /// What that calendar says, which the caller has read; nothing as it comes from [`crate::Rota::parse`].
    pub overrides: PlannedOverrides,
    /// The id of the Slack channel that hears of its handovers and gaps; nobody hears of them, when `None`.
    pub channel: Option<String>,
    /// How long whoever comes on duty has to say that they are ready; nobody is asked, when `None`.
    pub ready_check: Option<TimeDelta>,
    /// Who is told when they do not.
    pub lead: Option<ResponderId>,
    /// Whether the topic of that channel says who is on duty.
    pub topic: bool,
    /// Where it is written.
    pub place: Place,
}

/// Who is second on a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secondary {
    /// Whoever has the next turn, layer by layer.
    NextTurn,
}

/// A rotation with the hours and the time in which it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name: `weekly`.
    pub name: String,
    /// The zone of its wall times.
    pub zone: Zone,
    /// Whose turn it is.
    pub rotation: Rotation,
    /// When it is open; always, when empty.
    pub windows: Vec<Window>,
    /// Higher wins over lower.
    pub priority: i64,
    /// What it does on holidays.
    pub on_holidays: OnHolidays,
    /// When it counts. The end cuts a running turn; the start does not move the turns.
    pub lasts: Span,
    /// The holidays that counted for a version of a layer that is over; those of the schedule, when `None`.
    pub past_holidays: Option<Vec<Holiday>>,
    /// Where it is written.
    pub place: Place,
}

/// A turn of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The layer, as a place in [`Schedule::layers`].
    pub layer: usize,
    /// The turn's number: 0 starts at the handoff that is written in the file, earlier ones are below 0. Of a secondary it
    /// is the turn that comes next.
    pub number: i64,
}

/// How a layer stands at an instant, for one of the roles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'r> {
    /// The number of the turn; nobody's, when the layer does not count or the group is empty.
    pub(crate) number: i64,
    pub(crate) group: &'r [ResponderId],
    /// The time around the instant in which this stays so, when it was asked for.
    pub(crate) ticks: Ticks,
}

/// What is asked of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Who, and nothing else: the time said with it may be too long.
    Who,
    /// Who, and around which time it stays so.
    WhoAndWhen,
}

impl Schedule {
    /// A schedule of these layers, with nobody second and no holidays.
    #[must_use]
    pub fn new(name: &str, zone: Zone, mut layers: Vec<Layer>) -> Self {
        layers.sort_by_key(|layer| Reverse(layer.priority));
        Self {
            name: name.to_owned(),
            zone,
            layers,
            secondary: None,
            rollout: Rollout::default(),
            holiday_calendars: Vec::new(),
            holidays: Vec::new(),
            overrides_from: None,
            overrides: PlannedOverrides::default(),
            channel: None,
            ready_check: None,
            lead: None,
            topic: false,
            place: Place::default(),
        }
    }

    /// Everybody who is or ever was on duty by it, each once, in the order of the layers and turns.
    #[must_use]
    pub fn members(&self) -> Vec<&ResponderId> {
        let overriding = self.overrides.iter().flat_map(Operation::brought);
        once(self.layers.iter().flat_map(|layer| layer.rotation.members(None)).chain(overriding))
    }

    /// Everybody who can be on duty at `at` or later, each once: without those who were removed before.
    #[must_use]
    pub fn members_from(&self, at: DateTime<Utc>) -> Vec<&ResponderId> {
        let lasting = self.layers.iter().filter(|layer| layer.lasts.end > at);
        let overriding = self.overrides.iter().filter(|operation| operation.end > at).flat_map(Operation::brought);
        once(lasting.flat_map(|layer| layer.rotation.members(Some(at))).chain(overriding))
    }

    /// The holidays that count for one of its layers.
    pub(crate) fn holidays_of<'r>(&'r self, layer: &'r Layer) -> &'r [Holiday] {
        layer.past_holidays.as_ref().unwrap_or(&self.holidays)
    }
}

impl Layer {
    /// A layer that always counts and is always open, with priority 0.
    #[must_use]
    pub fn new(name: &str, zone: Zone, rotation: Rotation) -> Self {
        Self {
            name: name.to_owned(),
            zone,
            rotation,
            windows: Vec::new(),
            priority: 0,
            on_holidays: OnHolidays::AsAlways,
            lasts: Span::ALWAYS,
            past_holidays: None,
            place: Place::default(),
        }
    }

    /// How it stands at the tick `at`, with its zone around it.
    #[inline]
    pub(crate) fn standing<'r>(
        &'r self,
        holidays: &[Holiday],
        role: Role,
        asked: Asked,
        at: i64,
        near: &Near<'_>,
    ) -> Standing<'r> {
        let nobody = |ticks| Standing { number: 0, group: &[], ticks };
        let mut ticks = Ticks::ALWAYS;
        if self.lasts != Span::ALWAYS {
            let lasts = Ticks { start: tick(self.lasts.start), end: tick(self.lasts.end) };
            ticks = ticks.cut(lasts.start, at).cut(lasts.end, at);
            if !lasts.contains(at) {
                return nobody(ticks);
            }
        }
        if self.on_holidays != OnHolidays::AsAlways {
            let (is_holiday, same) = holiday(holidays, near);
            ticks = ticks.and(same);
            if !self.on_holidays.counts(is_holiday) {
                return nobody(ticks);
            }
        }
        let Some(open) = open(&self.windows, near) else {
            return match asked {
                Asked::Who => nobody(ticks),
                Asked::WhoAndWhen => nobody(ticks.and(closed(&self.windows, near))),
            };
        };
        let (number, turn) = match self.rotation.planned() {
            Some(planned) => planned.turn(at),
            None => self.rotation.grid().turn(near),
        };
        let (group, listed) = self.rotation.group_at(number, at, role);
        let number = match role {
            Role::Primary => number,
            Role::Secondary => number.saturating_add(1),
        };
        Standing { number, group, ticks: ticks.and(open).and(turn).and(listed) }
    }
}

/// Each of them once, in the order in which they come first.
fn once<'r>(people: impl Iterator<Item = &'r ResponderId>) -> Vec<&'r ResponderId> {
    let mut once = People::new();
    people.for_each(|person| join(&mut once, person));
    once.into_vec()
}
