//! What a team sees over months: the text prefers an action, the world another one.
//!
//! People press the first button, and when the alarm stays the next one; what becomes of it is written to the record. Worlds
//! are made from seeds, and what is claimed holds for nearly all of them: chance alone turns the others.

use super::{at, judge, slow, titles, with_record};
use fastrand::Rng;
use incident::{Fix, IncidentId, Record, RecordEvent};

/// Which the text prefers, in this order.
const TEXT: [&str; 3] = ["roll-back", "restart", "scale"];
const WORLDS: u64 = 200;

/// A team, its record, and how often each action helps.
struct World {
    record: Record,
    chance: Rng,
    helps: [f64; 3],
    incidents: u64,
    outcomes: usize,
}

impl World {
    fn new(seed: u64, helps: [f64; 3]) -> Self {
        Self { record: Record::default(), chance: Rng::with_seed(seed), helps, incidents: 0, outcomes: 0 }
    }

    fn order(&self) -> Vec<&'static str> {
        let ranking = with_record(&[slow()], &self.record, &[]);
        let titles = titles(&ranking);
        let word = |action: &str| action.split('-').next().unwrap_or_default().to_owned();
        let action = |title: &&str| TEXT.into_iter().find(|action| title.to_lowercase().starts_with(&word(action)));
        titles.iter().filter_map(action).collect()
    }

    /// One incident: pressed from the top until something helps.
    fn incident(&mut self) {
        self.incidents += 1;
        for action in self.order() {
            let place = TEXT.iter().position(|known| *known == action).unwrap();
            let helped = self.chance.f64() < self.helps[place];
            judge(&mut self.record, self.incidents, action, helped);
            self.outcomes += 1;
            if helped {
                return;
            }
        }
    }

    fn until_outcomes(&mut self, outcomes: usize) {
        let end = self.outcomes + outcomes;
        while self.outcomes < end {
            self.incident();
        }
    }
}

/// In how many worlds of a hundred it is so.
fn share(holds: impl Fn(u64) -> bool) -> f64 {
    let held = (0..WORLDS).filter(|seed| holds(*seed)).count();
    100.0 * held as f64 / WORLDS as f64
}

#[test]
fn after_twenty_outcomes_the_action_that_works_is_first() {
    for helps in [[0.1, 0.1, 0.9], [0.0, 0.9, 0.1], [0.2, 0.2, 0.8]] {
        let right = share(|seed| {
            let mut world = World::new(seed, helps);
            assert_eq!(world.order()[0], TEXT[0], "the text prefers another one");
            world.until_outcomes(20);
            let best = (0..3).max_by(|a, b| helps[*a].total_cmp(&helps[*b])).unwrap();
            world.order()[0] == TEXT[best]
        });
        assert!(right >= 95.0, "{helps:?}: {right} % of the worlds");
    }
}

#[test]
fn a_world_that_changed_is_unlearned_within_ten_outcomes() {
    let right = share(|seed| {
        let mut world = World::new(seed, [0.05, 0.05, 0.95]);
        world.until_outcomes(40);
        assert_eq!(world.order()[0], TEXT[2]);
        world.helps = [0.05, 0.95, 0.0];
        world.until_outcomes(10);
        world.order()[0] == TEXT[1]
    });
    assert!(right >= 95.0, "{right} % of the worlds");
}

#[test]
fn one_lie_in_a_hundred_moves_nothing() {
    let right = share(|seed| {
        let mut world = World::new(seed, [0.05, 0.05, 0.95]);
        world.until_outcomes(20);
        let mut moved = 0;
        for _ in 0..200 {
            world.incident();
            let incident = IncidentId(world.incidents);
            if world.chance.f64() < 0.01 {
                // Somebody says that what helped did not, and praises what does not.
                let fixed = RecordEvent::Fixed { incident, fix: Fix::Action(TEXT[1].into()), by: "eve".into() };
                world.record.apply(&fixed, at(world.incidents));
                let rejected = RecordEvent::Rejected { incident, action: TEXT[2].into(), by: "eve".into() };
                world.record.apply(&rejected, at(world.incidents));
                moved += usize::from(world.order()[0] != TEXT[2]);
            }
        }
        moved == 0
    });
    assert!(right >= 95.0, "{right} % of the worlds");
}

#[test]
fn clicks_alone_do_not_outweigh_an_outcome() {
    let mut record = Record::default();
    for incident in 0..50 {
        let chosen = RecordEvent::Chosen {
            incident: IncidentId(incident),
            action: TEXT[2].into(),
            by: "eve".into(),
            place: Some(3),
        };
        record.apply(&chosen, at(incident));
    }
    judge(&mut record, 60, TEXT[0], true);
    assert!(titles(&with_record(&[slow()], &record, &[]))[0].starts_with("Roll back"));
}
