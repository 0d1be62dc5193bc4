//! How far a hit can be trusted: what "no good match" is decided by.
//!
//! A logistic of three things that a ranking knows of itself, with the numbers of `weights.toml`. It looks at the hits of one
//! search and at nothing else.

use crate::search::Hit;
use crate::weights::ConfidenceWeights;

/// Sets the confidence of hits that are in order.
pub(crate) fn set(hits: &mut [Hit], weights: &ConfidenceWeights) {
    let scores: Vec<f64> = hits.iter().map(|hit| hit.score).collect();
    for (place, hit) in hits.iter_mut().enumerate() {
        let named = if hit.is_named() { weights.named } else { 0.0 };
        let sum = weights.base + weights.explained * hit.explained + named + weights.lead * lead(&scores, place);
        hit.confidence = 1.0 / (1.0 + (-sum).exp());
    }
}

/// How far the score is above the best other one, as a part of the larger of the two: -1 to 1, 1 when there is no other.
fn lead(scores: &[f64], place: usize) -> f64 {
    let own = scores[place];
    let other = scores.get(usize::from(place == 0)).copied().unwrap_or(0.0);
    let larger = own.max(other);
    if larger > 0.0 { (own - other) / larger } else { 0.0 }
}
