//! A letter for each person, the same for the same people in any order.

use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};

/// Shared by all who are left when every letter is taken.
const NO_LETTER: char = '*';

/// Characters of a name that are shown.
const NAME_CHARS_MAX: usize = 60;

/// Who has which letter.
pub(super) struct Letters {
    of: BTreeMap<ResponderId, char>,
}

impl Letters {
    /// The first free letter of each person's id, else any free letter or digit.
    pub(super) fn of<'p>(people: impl Iterator<Item = &'p ResponderId>) -> Self {
        let people: BTreeSet<&ResponderId> = people.collect();
        let mut of: BTreeMap<ResponderId, char> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for person in people {
            let own =
                person.as_str().chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase());
            let any = ('A'..='Z').chain('a'..='z').chain('0'..='9');
            let letter = own.chain(any).find(|letter| !taken.contains(letter)).unwrap_or(NO_LETTER);
            taken.insert(letter);
            of.insert(person.clone(), letter);
        }
        Self { of }
    }

    /// That person's letter.
    pub(super) fn letter(&self, person: &ResponderId) -> char {
        self.of.get(person).copied().unwrap_or(NO_LETTER)
    }

    /// Everybody, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (char, &ResponderId)> {
        self.of.iter().map(|(person, letter)| (*letter, person))
    }
}

/// A name without anything that moves a cursor or ends a line, shortened.
pub(super) fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect()
}
