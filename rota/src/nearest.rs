//! The name that was probably meant, for messages about a name that does not exist.

/// The name nearest to `wrong`, when it is within a third of its letters; letter case does not count.
pub(crate) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wrong = wrong.to_lowercase();
    let mistakes_max = wrong.chars().count().div_ceil(3);
    let measured = names.map(|name| (mistakes(&wrong, &name.to_lowercase()), name));
    measured.filter(|(mistakes, _)| *mistakes <= mistakes_max).min().map(|(_, name)| name)
}

/// How many letters have to be put in, left out or changed to make `a` into `b` (Levenshtein's distance).
fn mistakes(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}
