//! How rare the words of each title are together: what a title that an alarm says in full is measured against.
//! It counts nothing itself: whoever knows the index tells it in how many units a word stands.

use std::collections::HashMap;

/// The words of all titles.
#[derive(Default)]
pub(crate) struct Titles {
    numbers: HashMap<String, u32>,
    /// For each word, in how many units it stands.
    units_with: Vec<u32>,
    /// For each unit, the words of its title, in the order of their stems.
    of_units: Vec<Box<[u32]>>,
}

impl Titles {
    /// The title of the next unit: its stems, each once, in order.
    pub(crate) fn push(&mut self, stems: Vec<String>) {
        let Self { numbers, units_with, .. } = self;
        let number = |stem| {
            *numbers.entry(stem).or_insert_with(|| {
                units_with.push(0);
                units_with.len() as u32 - 1
            })
        };
        let title = stems.into_iter().map(number).collect();
        self.of_units.push(title);
    }

    /// Forgets the units from this one on.
    pub(crate) fn truncate(&mut self, units: usize) {
        self.of_units.truncate(units);
    }

    /// Counts these words anew; those that stand in no title are passed over.
    pub(crate) fn recount<'a>(&mut self, stems: impl IntoIterator<Item = &'a str>, count: impl Fn(&str) -> u32) {
        for stem in stems {
            if let Some(number) = self.numbers.get(stem) {
                self.units_with[*number as usize] = count(stem);
            }
        }
    }

    /// For each unit, the sum of the rarity of its title's words.
    pub(crate) fn rarities(&self, rarity: impl Fn(u32) -> f32) -> impl Iterator<Item = f32> {
        let of_words: Vec<f32> = self.units_with.iter().map(|with| rarity(*with)).collect();
        self.of_units.iter().map(move |title| title.iter().map(|word| of_words[*word as usize]).sum())
    }
}
