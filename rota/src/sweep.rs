//! What the layers of a schedule and the changes by hand say, put together: the one place where it is decided who is on
//! duty. [`who`] asks for one instant and takes no memory; a [`Sweep`] goes from piece to piece of time and asks each layer
//! only when its answer may have changed.

use crate::operation::{Change, Operation, join};
use crate::rotation::Role;
use crate::schedule::{Asked, Schedule, Standing, Turn};
use crate::ticks::{Ticks, tick};
use crate::zone::Nearby;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use smallvec::SmallVec;

/// People on duty, first to be paged first. Few at once need no memory of their own.
pub type People<'r> = SmallVec<[&'r ResponderId; 8]>;

/// Who is on duty, and why.
#[derive(Debug, Default)]
pub(crate) struct Duty<'r> {
    pub(crate) people: People<'r>,
    pub(crate) turns: SmallVec<[Turn; 16]>,
    pub(crate) operations: SmallVec<[&'r Operation; 2]>,
}

/// Who is on duty, with a time around the instant in which it stays so.
#[derive(Debug)]
pub(crate) struct Piece<'r> {
    pub(crate) ticks: Ticks,
    pub(crate) duty: Duty<'r>,
}

/// Who is on duty at an instant. Operations on other schedules and at other times are passed over.
pub(crate) fn who<'r>(
    schedule: &'r Schedule,
    role: Role,
    operations: impl IntoIterator<Item = &'r Operation>,
    moment: DateTime<Utc>,
    nearby: &mut Nearby<'r>,
) -> Duty<'r> {
    let at = tick(moment);
    let mut applying: SmallVec<[&Operation; 8]> = SmallVec::new();
    for operation in operations {
        if operation.span().contains(moment) && operation.is_of(&schedule.name, role) {
            applying.push(operation);
        }
    }
    applying.sort_by_key(|operation| operation.number);

    let mut duty = Duty::default();
    let mut layers = Layers::default();
    for (place, layer) in schedule.layers.iter().enumerate() {
        if layers.are_hiding(layer.priority) {
            break;
        }
        let near = nearby.at(&layer.zone, at);
        let standing = layer.standing(schedule.holidays_of(layer), role, Asked::Who, at, near);
        layers.join(place, layer.priority, &standing, &mut duty);
    }
    if role == Role::Primary
        && let (Some(planned), _) = schedule.overrides.at(at)
    {
        duty.change(planned, at);
    }
    applying.into_iter().for_each(|operation| duty.change(operation, at));
    duty
}

/// A walk over a schedule, in either direction and also by leaps.
pub(crate) struct Sweep<'r> {
    schedule: &'r Schedule,
    role: Role,
    /// Those of this schedule, in the order of creation.
    operations: Vec<&'r Operation>,
    /// The ones of them that apply, and the time in which it is these.
    applying: SmallVec<[&'r Operation; 4]>,
    unchanged: Ticks,
    standings: Vec<Standing<'r>>,
    nearby: Nearby<'r>,
}

impl<'r> Sweep<'r> {
    pub(crate) fn new(schedule: &'r Schedule, role: Role, operations: &'r [Operation]) -> Self {
        let here = |operation: &&Operation| operation.start < operation.end && operation.is_of(&schedule.name, role);
        let mut operations: Vec<&Operation> = operations.iter().filter(here).collect();
        operations.sort_by_key(|operation| operation.number);
        let never = Ticks { start: i64::MAX, end: i64::MIN };
        let unasked = Standing { number: 0, group: &[], ticks: never };
        Self {
            schedule,
            role,
            operations,
            applying: SmallVec::new(),
            unchanged: never,
            standings: vec![unasked; schedule.layers.len()],
            nearby: Nearby::default(),
        }
    }

    /// Who is on duty at a tick, and how long at least.
    pub(crate) fn piece(&mut self, at: i64) -> Piece<'r> {
        let mut duty = Duty::default();
        let mut ticks = Ticks::ALWAYS;
        let mut layers = Layers::default();
        for (place, (layer, standing)) in self.schedule.layers.iter().zip(&mut self.standings).enumerate() {
            if layers.are_hiding(layer.priority) {
                break;
            }
            if !standing.ticks.contains(at) {
                let near = self.nearby.at(&layer.zone, at);
                let holidays = self.schedule.holidays_of(layer);
                *standing = layer.standing(holidays, self.role, Asked::WhoAndWhen, at, near);
            }
            ticks = ticks.and(standing.ticks);
            layers.join(place, layer.priority, standing, &mut duty);
        }
        if self.role == Role::Primary {
            let (planned, same) = self.schedule.overrides.at(at);
            ticks = ticks.and(same);
            planned.into_iter().for_each(|planned| duty.change(planned, at));
        }
        if !self.unchanged.contains(at) {
            self.look_at_operations(at);
        }
        ticks = ticks.and(self.unchanged);
        for operation in &self.applying {
            ticks = ticks.and(operation.change.unchanged(at));
            duty.change(operation, at);
        }
        Piece { ticks, duty }
    }

    fn look_at_operations(&mut self, at: i64) {
        self.applying.clear();
        self.unchanged = Ticks::ALWAYS;
        for operation in &self.operations {
            let ticks = operation.ticks();
            self.unchanged = self.unchanged.cut(ticks.start, at).cut(ticks.end, at);
            if ticks.contains(at) {
                self.applying.push(operation);
            }
        }
    }
}

/// Rule P, layer by layer from the highest priority down.
#[derive(Default)]
struct Layers {
    winning: Option<i64>,
}

impl Layers {
    /// Whether a layer of that priority is hidden by a higher one with somebody on duty.
    #[inline]
    fn are_hiding(&self, priority: i64) -> bool {
        self.winning.is_some_and(|winning| winning > priority)
    }

    #[inline]
    fn join<'r>(&mut self, place: usize, priority: i64, standing: &Standing<'r>, duty: &mut Duty<'r>) {
        if !standing.group.is_empty() {
            self.winning = Some(priority);
            duty.turns.push(Turn { layer: place, number: standing.number });
            standing.group.iter().for_each(|user| join(&mut duty.people, user));
        }
    }
}

impl<'r> Duty<'r> {
    /// Rule O: applies an operation, and remembers it as a reason when it changed something.
    fn change(&mut self, operation: &'r Operation, at: i64) {
        if operation.change.apply(at, &mut self.people) {
            if matches!(operation.change, Change::ReplaceAll { .. } | Change::Temporary { .. }) {
                self.turns.clear();
                self.operations.clear();
            }
            self.operations.push(operation);
        }
    }
}
