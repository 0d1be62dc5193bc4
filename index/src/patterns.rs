//! Patterns that runbooks declare for alarms and services: `*` is anything, `?` any one character, case does not count.
//! Thousands of them are looked through by three letters that each must have, so that a search tries only a few.

use std::collections::HashMap;

/// Letters by which a pattern is found.
const KEY_CHARS: usize = 3;

/// Patterns, each with the place of the runbook that declares it.
#[derive(Clone, Default)]
pub(crate) struct Patterns {
    all: Vec<Pattern>,
    by_key: HashMap<[char; KEY_CHARS], Vec<usize>>,
    /// Those without three letters in a row.
    rest: Vec<usize>,
}

#[derive(Clone)]
struct Pattern {
    runbook: u32,
    written: String,
    lower: Vec<char>,
}

impl Patterns {
    pub(crate) fn add(&mut self, runbook: u32, written: &str) {
        let lower = lower(written);
        let literals = lower.split(|c| matches!(c, '*' | '?'));
        let longest = literals.max_by_key(|literal| literal.len()).unwrap_or_default();
        let number = self.all.len();
        match longest.first_chunk::<KEY_CHARS>() {
            Some(key) => self.by_key.entry(*key).or_default().push(number),
            None => self.rest.push(number),
        }
        self.all.push(Pattern { runbook, written: written.to_owned(), lower });
    }

    /// The runbooks with a pattern that fits the name, each once, with the first such pattern as it is written.
    pub(crate) fn fitting(&self, name: &str) -> Vec<(u32, &str)> {
        let name = lower(name);
        let mut numbers = self.rest.clone();
        for key in name.windows(KEY_CHARS).filter_map(<[char]>::first_chunk::<KEY_CHARS>) {
            numbers.extend(self.by_key.get(key).into_iter().flatten());
        }
        numbers.sort_unstable();
        numbers.retain(|number| fits(&self.all[*number].lower, &name));
        numbers.dedup_by_key(|number| self.all[*number].runbook);
        numbers.into_iter().map(|number| (self.all[number].runbook, self.all[number].written.as_str())).collect()
    }
}

fn lower(text: &str) -> Vec<char> {
    text.trim().to_lowercase().chars().collect()
}

/// Does the whole name fit the pattern?
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            Some(_) | None => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    !pattern.is_empty() && pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expect) in [
            ("KubePod*", "kubepodcrashlooping", true),
            ("*5xx*", "checkout-5XX-rate", true),
            ("disk-?", "disk-1", true),
            ("disk-?", "disk-12", false),
            ("*a*b", "xaybzb", true),
            ("exact", "exactly", false),
            ("", "", false),
            ("*", "", true),
        ] {
            let mut patterns = Patterns::default();
            patterns.add(7, pattern);
            let expect: &[(u32, &str)] = if expect { &[(7, pattern)] } else { &[] };
            assert_eq!(patterns.fitting(name), expect, "{pattern} {name}");
        }
    }
}
