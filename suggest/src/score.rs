//! A score as the sum of what it is made of. It decides nothing: it is what is shown when somebody asks why.

use crate::reason::terms;
use incident::Part;
use index::{Hit, Match};

/// Summands of a text that are named; the others are one.
const NAMED_MAX: usize = 5;

/// A score that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) parts: Vec<Part>,
}

impl Score {
    /// What a runbook's text gives, `chance` in all, shared out as the words and names that match share its score.
    pub(crate) fn of_text(hit: &Hit, chance: f64) -> Self {
        let scale = if hit.score > 0.0 { chance / hit.score } else { 0.0 };
        let mut shares: Vec<(String, f64)> = agreements(hit).collect();
        let fields = |term: &str| {
            let fields = hit.matched.iter().filter(|matched| !matched.is_agreement());
            let mut fields: Vec<&Match> = fields.filter(|matched| matched.term.eq_ignore_ascii_case(term)).collect();
            fields.sort_by(|a, b| b.share.total_cmp(&a.share));
            fields.first().map_or_else(String::new, |matched| matched.field.clone())
        };
        shares.extend(terms(hit).into_iter().map(|(term, share)| (format!("“{term}” in {}", fields(term)), share)));
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let rest: f64 = shares.iter().skip(NAMED_MAX).map(|(_, share)| share).sum();
        shares.truncate(NAMED_MAX);
        let mut score = Self::default();
        for (what, share) in shares {
            score.add(what, share * scale);
        }
        if rest != 0.0 {
            score.add("other words".to_owned(), rest * scale);
        }
        score
    }

    pub(crate) fn add(&mut self, what: String, adds: f64) {
        self.parts.push(Part { what, adds });
    }

    /// Everything so far counts less.
    pub(crate) fn scale(&mut self, by: f64) {
        self.parts.iter_mut().for_each(|part| part.adds *= by);
    }

    pub(crate) fn sum(&self) -> f64 {
        self.parts.iter().map(|part| part.adds).sum()
    }

    /// The score and its parts, as they are shown and kept.
    pub(crate) fn told(self) -> (f64, Vec<Part>) {
        let rounded = |part: Part| Part { adds: rounded(part.adds), ..part };
        let parts: Vec<Part> = self.parts.into_iter().map(rounded).collect();
        (self::rounded(parts.iter().map(|part| part.adds).sum()), parts)
    }
}

/// To a millionth: nobody reads more, and so few digits are read back from JSON as the same number.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

fn agreements(hit: &Hit) -> impl Iterator<Item = (String, f64)> {
    let agreements = hit.matched.iter().filter(|matched| matched.is_agreement());
    agreements.map(|matched| (format!("{}: {}", matched.field, matched.term), matched.share))
}
