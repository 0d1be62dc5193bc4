//! A schedule and its layers: rules P and V. A layer says whose turn it is while it lasts and is open; of the layers with
//! somebody on duty the highest priority counts, and layers of equal priority are on duty together.

use crate::operation::join;
use crate::rotation::Rotation;
use crate::span::Span;
use crate::window::{Hours, Window, hours};
use crate::zone::Zone;
use chrono::{DateTime, Utc};
use incident::ResponderId;

/// Who is on duty when, before anybody changes it by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name in `rota/*.toml`: `payments`.
    pub name: String,
    /// The zone in which its times are told; a layer may have its own.
    pub zone: Zone,
    /// The layers, highest priority first; in the order of the file where equal.
    pub layers: Vec<Layer>,
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
    /// When it counts. The end cuts a running turn; the start does not move the turns.
    pub lasts: Span,
}

/// A turn of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The layer, as a place in [`Schedule::layers`].
    pub layer: usize,
    /// The turn's number: 0 starts at the handoff that is written in the file, earlier ones are below 0.
    pub number: i64,
}

impl Schedule {
    /// Everybody who can be on duty, each once, in the order of the layers and turns.
    #[must_use]
    pub fn members(&self) -> Vec<&ResponderId> {
        let mut members = Vec::new();
        let groups = self.layers.iter().flat_map(|layer| &layer.rotation.groups);
        groups.flatten().for_each(|member| join(&mut members, member));
        members
    }

    /// Puts into `on_duty` and `turns` what the layers say at `at`; returns a span around `at` in which it stays so.
    pub(crate) fn base<'r>(
        &'r self,
        at: DateTime<Utc>,
        on_duty: &mut Vec<&'r ResponderId>,
        turns: &mut Vec<Turn>,
    ) -> Span {
        let mut span = Span::ALWAYS;
        let mut winning = None;
        for (place, layer) in self.layers.iter().enumerate() {
            if winning.is_some_and(|priority| priority > layer.priority) {
                break;
            }
            let (number, layer_span) = layer.turn(at);
            span = span.and(layer_span);
            let Some(number) = number else { continue };
            let group = layer.rotation.group(number);
            if !group.is_empty() {
                winning = Some(layer.priority);
                turns.push(Turn { layer: place, number });
                group.iter().for_each(|user| join(on_duty, user));
            }
        }
        span
    }
}

impl Layer {
    /// The turn at `at`, `None` while the layer does not count; and a span around `at` in which that stays so.
    fn turn(&self, at: DateTime<Utc>) -> (Option<i64>, Span) {
        let lasts = Span::ALWAYS.cut(self.lasts.start, at).cut(self.lasts.end, at);
        if !self.lasts.contains(at) {
            return (None, lasts);
        }
        let open = match hours(&self.windows, &self.zone, at) {
            Hours::Open(open) => open,
            Hours::Closed(closed) => return (None, lasts.and(closed)),
        };
        let (number, turn) = self.rotation.turn(at, &self.zone);
        (Some(number), lasts.and(open).and(turn))
    }
}
