//! The causes in plain words, one line each. It decides nothing.

use super::{ChangeWhy, LayerWhy, Origin, Says, TurnWhy, Why};
use crate::operation::Change;
use crate::rota::Rota;
use crate::rotation::Group;
use crate::span::Span;
use crate::zone::Zone;
use chrono::{DateTime, Utc};
use incident::ResponderId;

/// How people and times are told.
struct Teller<'t> {
    rota: &'t Rota,
    zone: &'t Zone,
}

impl Why {
    /// The answer, then each cause in a line. People go by the names that `rota` has for them, and times by the clocks of
    /// `zone`; by those of the schedule, when there is none. What was written by people stands in it as it was written.
    #[must_use]
    pub fn lines(&self, rota: &Rota, zone: Option<&Zone>) -> Vec<String> {
        let teller = Teller { rota, zone: zone.unwrap_or(&self.clocks) };
        let mut lines = vec![format!(
            "{}, {} {}: {}",
            self.schedule,
            teller.moment(self.at),
            teller.zone.name(),
            teller.people(&self.on_duty)
        )];
        if self.layers.is_empty() {
            lines.push("no layer counts at this time".to_owned());
        }
        self.layers.iter().for_each(|layer| teller.layer(layer, &mut lines));
        lines.extend(self.changes.iter().map(|change| teller.change(change)));
        lines.extend(self.holidays.iter().map(|name| format!("holiday: {name}")));
        lines.extend(self.version.map(|version| {
            format!("files: version {}, which counts since {}", version.number, teller.moment(version.since))
        }));
        lines.push(format!("clocks: {}, tzdata {}", self.zone, self.tzdata));
        lines
    }
}

impl Teller<'_> {
    fn moment(&self, at: DateTime<Utc>) -> String {
        self.zone.wall(at).format("%a %-d %b %Y %H:%M").to_string()
    }

    fn span(&self, span: Span) -> String {
        format!("{} to {}", self.moment(span.start), self.moment(span.end))
    }

    fn people(&self, people: &[ResponderId]) -> String {
        let name = |id: &ResponderId| self.rota.person(id).map_or_else(|| id.0.clone(), |person| person.name.clone());
        let names: Vec<String> = people.iter().map(name).collect();
        match names.split_last() {
            None => "nobody".to_owned(),
            Some((only, [])) => only.clone(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
        }
    }

    fn layer(&self, layer: &LayerWhy, lines: &mut Vec<String>) {
        let name = format!("layer {} (priority {})", layer.name, layer.priority);
        let turn = match &layer.says {
            Says::Counts { turn } => {
                lines.push(format!("{name}: {} has {}", self.people(&turn.group), self.turn(turn)));
                Some(turn)
            }
            Says::Hidden { turn, by } => {
                lines.push(format!(
                    "{name}: hidden by {by}, which has a higher priority; else {} would have {}",
                    self.people(&turn.group),
                    self.turn(turn)
                ));
                None
            }
            Says::Nobody { turn } => {
                lines.push(format!("{name}: {} is that of nobody", self.turn(turn)));
                Some(turn)
            }
            Says::Closed => {
                lines.push(format!("{name}: outside its hours"));
                None
            }
            Says::OffOnHolidays => {
                lines.push(format!("{name}: does not count on holidays"));
                None
            }
            Says::OnlyOnHolidays => {
                lines.push(format!("{name}: counts on holidays only"));
                None
            }
        };
        if let Some(turn) = turn {
            self.reasons(layer, turn, lines);
        }
        lines.extend(layer.lasts.and_then(|lasts| self.lasts(lasts)));
    }

    fn turn(&self, turn: &TurnWhy) -> String {
        format!("turn {}, {}", turn.number, self.span(turn.span))
    }

    /// Why the turn is that of these people.
    fn reasons(&self, layer: &LayerWhy, turn: &TurnWhy, lines: &mut Vec<String>) {
        let anchor = turn.anchor.format("%a %-d %b %Y %H:%M");
        let fair = if turn.fair { "; each goes to whoever has done least" } else { "" };
        lines.push(format!("  turns: {} from {anchor} {}{fair}", turn.every, layer.clocks.name()));
        lines.extend(turn.window.map(|window| format!("  hours: open {}", self.span(window))));
        if let Some(changed) = &turn.people_changed {
            let groups: Vec<String> = changed.groups.iter().map(|group: &Group| self.people(group)).collect();
            let running = if changed.within_turn { "; this turn began before" } else { "" };
            lines.push(format!(
                "  people: changed {} to {}, {}{running}",
                self.moment(changed.at),
                groups.join(" / "),
                changed.rollout
            ));
        }
    }

    fn lasts(&self, lasts: Span) -> Option<String> {
        let (starts, ends) = (lasts.start > Span::ALWAYS.start, lasts.end < Span::ALWAYS.end);
        match (starts, ends) {
            (false, false) => None,
            (true, false) => Some(format!("  counts from {}", self.moment(lasts.start))),
            (false, true) => Some(format!("  counts until {}", self.moment(lasts.end))),
            (true, true) => Some(format!("  counts {}", self.span(lasts))),
        }
    }

    /// `#12, override by Bo Li on Sat 28 Nov 2026 09:00, until ...: Ben instead of Ana, because dentist`.
    fn change(&self, change: &ChangeWhy) -> String {
        let person = |id: &ResponderId| self.people(std::slice::from_ref(id));
        let what = match &change.change {
            Change::ReplaceAll { users } => format!("{} and nobody else", self.people(users)),
            Change::ReplaceUser { from, to } => format!("{} instead of {}", person(to), person(from)),
            Change::Add { user } => format!("{} too", person(user)),
            Change::Remove { user } => format!("not {}", person(user)),
            Change::Exchange { a, b } => format!("{} and {} for each other", person(a), person(b)),
            Change::Temporary { .. } => "the shifts of a temporary schedule".to_owned(),
        };
        let kind = match (&change.change, change.made.as_ref().map(|made| made.from)) {
            (_, Some(Origin::Cover { request })) => format!("cover of request #{request}, asked for by"),
            (_, Some(Origin::Swap { swap })) => format!("swap #{swap}, proposed by"),
            (Change::Temporary { .. }, _) => "temporary schedule by".to_owned(),
            (_, Some(Origin::Override) | None) => "override by".to_owned(),
        };
        let when = change.made.as_ref().map_or_else(String::new, |made| format!(" on {}", self.moment(made.at)));
        let reason = if change.reason.is_empty() { String::new() } else { format!(", because {}", change.reason) };
        let effect = if change.before == change.after { "; it changes nobody here" } else { "" };
        format!(
            "change #{}: {what}, {}; {kind} {}{when}{reason}{effect}",
            change.number,
            self.span(change.span),
            person(&change.by)
        )
    }
}
