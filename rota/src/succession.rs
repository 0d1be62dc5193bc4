//! Rule V: what a rota is when its files change. The past stays as it was; the new files count from an instant on. Nothing
//! here knows files or a log: whoever keeps the old versions puts them one after the other.

use crate::holiday::OnHolidays;
use crate::membership::{Membership, Rollout};
use crate::rota::Rota;
use crate::rotation::Rotation;
use crate::schedule::{Layer, Schedule};
use crate::zone::Zone;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

impl Rota {
    /// This rota until `at`, and `new` from then on.
    ///
    /// A layer that stays as it was goes on. A layer of which only the people are different goes on too, with a
    /// [`Membership`] and the rollout of its new schedule: nobody's turn moves more than it must. Any other layer ends at
    /// `at`, and its new version starts then; when its turns are the same, whose turn it is goes on as well. People and
    /// policies are those of `new`; a schedule that is gone is still answered for by name.
    #[must_use]
    pub fn succeeded_by(&self, new: &Self, at: DateTime<Utc>) -> Self {
        let mut schedules = BTreeMap::new();
        for (name, after) in &new.schedules {
            let before = self.schedules.get(name).or_else(|| self.past_schedules.get(name));
            let schedule = match before {
                Some(before) => before.succeeded_by(after, at),
                None => after.starting(at),
            };
            schedules.insert(name.clone(), schedule);
        }
        let gone = |name: &&String| !new.schedules.contains_key(*name);
        let ended =
            self.schedules.iter().filter(|(name, _)| gone(name)).map(|(name, old)| (name.clone(), old.ending(at)));
        let earlier = self.past_schedules.iter().filter(|(name, _)| gone(name));
        let mut past_schedules: BTreeMap<String, Schedule> =
            earlier.map(|(name, old)| (name.clone(), old.clone())).collect();
        past_schedules.extend(ended);
        Self { schedules, past_schedules, ..new.clone() }
    }
}

impl Schedule {
    fn succeeded_by(&self, new: &Self, at: DateTime<Utc>) -> Self {
        let mut layers = Vec::new();
        let mut starting = new.layers.clone();
        for old in &self.layers {
            let runs_on = |layer: &Layer| layer.name == old.name && old.lasts.end > at && old.has_turns_of(layer);
            let successor = starting.iter().position(runs_on);
            if let Some(place) = successor {
                let rotation = &starting[place].rotation;
                starting[place].rotation = old.rotation.succeeded_by(rotation, &old.zone, new.rollout, at);
            }
            match successor.filter(|place| old.is_but_for_people(self, &starting[*place], new, at)) {
                Some(place) => layers.push(Layer { lasts: old.lasts, ..starting.remove(place) }),
                None => layers.extend(old.ending(self, at)),
            }
        }
        layers.extend(starting.iter().filter_map(|layer| layer.starting(at)));
        let overrides = self.overrides.succeeded_by(&new.overrides, at);
        Self { layers: Self::new(&new.name, new.zone.clone(), layers).layers, overrides, ..new.clone() }
    }

    fn starting(&self, at: DateTime<Utc>) -> Self {
        let layers = self.layers.iter().filter_map(|layer| layer.starting(at)).collect();
        Self { layers, overrides: self.overrides.from(at), ..self.clone() }
    }

    fn ending(&self, at: DateTime<Utc>) -> Self {
        let layers = self.layers.iter().filter_map(|layer| layer.ending(self, at)).collect();
        Self { layers, overrides: self.overrides.until(at), ..self.clone() }
    }
}

impl Layer {
    /// Whether both count the same turns, so that whose turn it is can go on from one to the other.
    fn has_turns_of(&self, new: &Self) -> bool {
        let calendar = |layer: &Self| layer.rotation.planned().map(|planned| planned.calendar().to_owned());
        self.zone == new.zone
            && self.rotation.grid() == new.rotation.grid()
            && self.rotation.deals_like(&new.rotation)
            && calendar(self) == calendar(new)
    }

    /// Whether nothing but the people is different from `at` on.
    fn is_but_for_people(&self, schedule: &Schedule, new: &Self, new_schedule: &Schedule, at: DateTime<Utc>) -> bool {
        let same_holidays = self.on_holidays == OnHolidays::AsAlways || schedule.holidays == new_schedule.holidays;
        let same_time = self.lasts.end == new.lasts.end && self.lasts.start.max(at) == new.lasts.start.max(at);
        let same_rest = Self { rotation: self.rotation.clone(), lasts: self.lasts, ..new.clone() } == *self;
        same_holidays && same_time && same_rest
    }

    /// The version that is over at `at`; `None` when it had not begun.
    fn ending(&self, schedule: &Schedule, at: DateTime<Utc>) -> Option<Self> {
        let mut over = self.clone();
        over.lasts.end = over.lasts.end.min(at);
        if over.on_holidays != OnHolidays::AsAlways {
            over.past_holidays = Some(schedule.holidays_of(self).to_vec());
        }
        (over.lasts.start < over.lasts.end).then_some(over)
    }

    /// The version that starts at `at`; `None` when it is over by then.
    fn starting(&self, at: DateTime<Utc>) -> Option<Self> {
        let mut begun = self.clone();
        begun.lasts.start = begun.lasts.start.max(at);
        (begun.lasts.start < begun.lasts.end).then_some(begun)
    }
}

impl Rotation {
    /// This rotation until `at`, and the people of `new` from then on, over the same turns. What was planned for later is
    /// what `new` plans.
    fn succeeded_by(&self, new: &Self, zone: &Zone, rollout: Rollout, at: DateTime<Utc>) -> Self {
        if new.planned().is_some() {
            return new.clone();
        }
        let (past, planned) = (self.changes().iter().filter(|change| change.at <= at), new.changes().iter());
        let mut changes: Vec<Membership> = past.cloned().collect();
        if self.listed(at) != new.listed(at) {
            changes.push(Membership { at, groups: new.listed(at).to_vec(), rollout });
        }
        changes.extend(planned.filter(|change| change.at > at).cloned());
        changes.iter().fold(self.unchanged(), |rotation, change| rotation.changed(change, zone))
    }
}

#[cfg(test)]
mod tests;
