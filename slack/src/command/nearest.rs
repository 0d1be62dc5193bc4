//! The word that was probably meant: one that begins like that, else the nearest one. Distance counts inserted, dropped,
//! changed and swapped letters.

/// Farthest distance at which a word is still offered.
const DISTANCE_MAX: usize = 2;

/// Letters that are enough to be the beginning of a word.
const BEGINNING_MIN: usize = 4;

/// The one of `words` that begins like that, or the nearest of them, if one is near: at most two letters off, and more right
/// than wrong.
pub(super) fn nearest<'a>(said: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let length = said.chars().count();
    if let Some(begun) = words.clone().into_iter().find(|word| length >= BEGINNING_MIN && word.starts_with(said)) {
        return Some(begun);
    }
    words
        .into_iter()
        .map(|word| (distance(said, word), word))
        .filter(|(distance, _)| *distance <= DISTANCE_MAX && distance * 2 < length.max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Optimal string alignment: three rows are enough, since a swap looks back two.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > DISTANCE_MAX {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut cost = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_a_guess_is_not_made() {
        let words = ["ack", "resolve", "incidents", "run", "oncall"];
        for (said, meant) in [
            ("akc", Some("ack")),
            ("reslove", Some("resolve")),
            ("incidnet", Some("incidents")),
            ("on-call", Some("oncall")),
            ("rum", Some("run")),
            ("incid", Some("incidents")),
            ("restart", None),
            ("xy", None),
            ("", None),
        ] {
            assert_eq!(nearest(said, words), meant, "{said}");
        }
    }
}
