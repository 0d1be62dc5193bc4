//! How rare the words of each title are together: what a title that an alarm says in full is measured against.
//! It counts nothing itself: whoever knows the index tells it in how many units a word stands.
//! Words of titles that are gone are let go of once they are more than those that are left.

use std::collections::HashMap;
use std::sync::Arc;

/// The words of all titles.
#[derive(Clone, Default)]
pub(crate) struct Titles {
    numbers: HashMap<Arc<str>, u32>,
    /// For each number, what is known of its word.
    words: Vec<Word>,
    /// Numbers whose word was let go of, for words to come.
    free: Vec<u32>,
    /// How many words stand in a title.
    used: usize,
    /// For each unit, the words of its title, in the order of their stems.
    of_units: Vec<Arc<[u32]>>,
}

#[derive(Clone, Copy, Default)]
struct Word {
    /// In how many units it stands.
    units_with: u32,
    /// In how many of these titles.
    titles_with: u32,
}

impl Titles {
    /// The title of the next unit: its stems, each once, in order.
    pub(crate) fn push(&mut self, stems: Vec<String>) {
        let title = stems.iter().map(|stem| self.number(stem)).collect();
        self.of_units.push(title);
    }

    fn number(&mut self, stem: &str) -> u32 {
        let number = self.numbers.get(stem).copied().unwrap_or_else(|| {
            let number = self.free.pop().unwrap_or_else(|| {
                self.words.push(Word::default());
                self.words.len() as u32 - 1
            });
            self.words[number as usize] = Word::default();
            self.numbers.insert(stem.into(), number);
            number
        });
        let word = &mut self.words[number as usize];
        self.used += usize::from(word.titles_with == 0);
        word.titles_with += 1;
        number
    }

    /// Forgets the units from this one on.
    pub(crate) fn truncate(&mut self, units: usize) {
        for number in self.of_units.drain(units.min(self.of_units.len())..).flat_map(|title| title.to_vec()) {
            let word = &mut self.words[number as usize];
            word.titles_with -= 1;
            self.used -= usize::from(word.titles_with == 0);
        }
        if self.numbers.len() > 2 * self.used {
            let Self { numbers, words, free, .. } = self;
            let is_unused = |number: &mut u32| words[*number as usize].titles_with == 0;
            free.extend(numbers.extract_if(|_, number| is_unused(number)).map(|(_, number)| number));
        }
    }

    /// Counts these words anew; those that stand in no title are passed over.
    pub(crate) fn recount<'a>(&mut self, stems: impl IntoIterator<Item = &'a str>, count: impl Fn(&str) -> u32) {
        for stem in stems {
            if let Some(number) = self.numbers.get(stem) {
                self.words[*number as usize].units_with = count(stem);
            }
        }
    }

    /// Counts all words anew.
    pub(crate) fn recount_all(&mut self, count: impl Fn(&str) -> u32) {
        for (stem, number) in &self.numbers {
            self.words[*number as usize].units_with = count(stem);
        }
    }

    /// For each unit, the sum of the rarity of its title's words.
    pub(crate) fn rarities(&self, rarity: impl Fn(u32) -> f32) -> impl Iterator<Item = f32> {
        let of_words: Vec<f32> = self.words.iter().map(|word| rarity(word.units_with)).collect();
        self.of_units.iter().map(move |title| title.iter().map(|word| of_words[*word as usize]).sum())
    }

    /// How many words it keeps.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_titles_leave_no_more_behind_than_a_few() {
        let mut titles = Titles::default();
        titles.push(vec!["disk".to_owned(), "full".to_owned()]);
        for edit in 0..10_000 {
            titles.truncate(1);
            let word = format!("word{edit}");
            titles.push(vec!["full".to_owned(), word.clone()]);
            titles.recount(["full", &word], |stem| if stem == "full" { 2 } else { 1 });
            let rarities: Vec<f32> = titles.rarities(|with| with as f32).collect();
            // Of "disk" nothing was counted; of a word that took the place of another, what was counted for it.
            assert_eq!(rarities, [2.0, 3.0], "after {edit} edits");
        }
        assert!(titles.kept() <= 8, "{} words are kept", titles.kept());
    }
}
