//! Whether a few words in a row of a runbook's lead say one of the alarm's texts.
//!
//! Siblings of one product share nearly all their words; the right one has those of the alarm in one sentence. This reads
//! where words stand, so it looks at the best units of a search only; it finds none that words have not found.

use crate::agreements::Agreement;
use crate::alarm_text::{AlarmTerm, TEXTS};
use crate::engine::Places;
use crate::search::{Match, worth};
use crate::weights::BonusWeights;

/// How many units of a search are looked at: 8 to 40 do the same on the benchmark.
pub(crate) const UNITS_MAX: usize = 16;
/// How many words in a row count as one sentence.
const ROW_WORDS: u32 = 12;
/// Shorter texts are said by accident.
const TEXT_WORDS_MIN: usize = 3;
/// The power of the share: half a sentence is much less than half as good.
const SHARPNESS: i32 = 3;

/// One word of the alarm in a lead.
struct Word {
    position: u32,
    /// Which term of the alarm.
    term: usize,
}

/// The agreements of the best units. `units` are in rising order.
pub(crate) fn agreements(
    weights: &BonusWeights,
    terms: &[AlarmTerm],
    places: &[Places],
    units: &[u32],
) -> Vec<Agreement> {
    let wholes = wholes(terms, places);
    let worths: Vec<f32> = terms.iter().zip(places).map(|(term, places)| worth(term, places)).collect();
    let mut leads: Vec<Vec<Word>> = units.iter().map(|_| Vec::new()).collect();
    for (number, (term, places)) in terms.iter().zip(places).enumerate() {
        if !term.is_phrase && term.texts.contains(&true) {
            places.in_lead(units, |unit, positions| {
                leads[unit].extend(positions.iter().map(|position| Word { position: *position, term: number }));
            });
        }
    }
    let agreement = |(unit, lead): (&u32, &mut Vec<Word>)| {
        let said = most_in_a_row(terms, &worths, lead);
        let shares = said.iter().zip(wholes).map(|(said, whole)| whole.map_or(0.0, |whole| (said / whole).min(1.0)));
        let (text, share) = TEXTS.into_iter().zip(shares).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let share = weights.passage * share.powi(SHARPNESS);
        (share > 0.0).then(|| Agreement { unit: *unit, field: Match::PASSAGE, term: Some(text.to_owned()), share })
    };
    units.iter().zip(&mut leads).filter_map(agreement).collect()
}

/// What all words of each text are worth together; none for short ones.
fn wholes(terms: &[AlarmTerm], places: &[Places]) -> [Option<f32>; TEXTS.len()] {
    std::array::from_fn(|text| {
        let words = || terms.iter().zip(places).filter(|(term, _)| term.texts[text] && !term.is_phrase);
        (words().count() >= TEXT_WORDS_MIN).then(|| words().map(|(term, places)| worth(term, places)).sum())
    })
}

/// For each text, the most that any [`ROW_WORDS`] words in a row of a lead say of it, each word once.
fn most_in_a_row(terms: &[AlarmTerm], worths: &[f32], lead: &mut [Word]) -> [f32; TEXTS.len()] {
    lead.sort_unstable_by_key(|word| word.position);
    let mut most = [0.0_f32; TEXTS.len()];
    let mut first = 0;
    for last in 0..lead.len() {
        while lead[last].position - lead[first].position >= ROW_WORDS {
            first += 1;
        }
        let row = &lead[first..=last];
        for (text, most) in most.iter_mut().enumerate() {
            let is_new = |place: usize| row[..place].iter().all(|before| before.term != row[place].term);
            let said = (0..row.len()).filter(|place| terms[row[*place].term].texts[text] && is_new(*place));
            *most = most.max(said.map(|place| worths[row[place].term]).sum());
        }
    }
    most
}
