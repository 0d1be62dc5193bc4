//! Names of alarms and runbooks compared as names, not as words: the same, one inside the other, or ending alike.
//! It knows no weights; `search` says what an agreement is worth.

use crate::runbook::{Runbook, file_name};

/// Shortest name, without separators, that counts when it stands inside a longer one: `error` would be everywhere.
const NAME_INSIDE_CHARS_MIN: usize = 8;

/// A name made ready for comparing.
pub(crate) struct Name {
    /// Without case and separators, so that `Kube-Pod-CrashLooping` and `KubePodCrashLooping` agree.
    plain: String,
    /// The last part of a name with `/`, plain; empty for other names.
    ending: String,
}

/// How near two names are, the nearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Nearness {
    #[default]
    Apart,
    Ending,
    Inside,
    Same,
}

impl Name {
    pub(crate) fn of(name: &str) -> Self {
        let ending = name.rsplit_once('/').map(|(_, last)| plain(last)).unwrap_or_default();
        Self { plain: plain(name), ending }
    }

    /// All names of a runbook: title, file name and aliases.
    pub(crate) fn all_of(runbook: &Runbook) -> Vec<Self> {
        let own = [runbook.title.as_str(), file_name(&runbook.id)];
        own.into_iter().chain(runbook.aliases.iter().map(String::as_str)).map(Self::of).collect()
    }

    /// How near this alarm's name is to a runbook's.
    pub(crate) fn nearness(&self, own: &Self) -> Nearness {
        if own.plain.is_empty() || self.plain.is_empty() {
            Nearness::Apart
        } else if own.plain == self.plain {
            Nearness::Same
        } else if own.plain.chars().count() >= NAME_INSIDE_CHARS_MIN && self.plain.contains(&own.plain) {
            Nearness::Inside
        } else if !self.ending.is_empty() && own.ending == self.ending {
            Nearness::Ending
        } else {
            Nearness::Apart
        }
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Does the whole name fit the pattern? `*` is anything, `?` any one character, case does not count.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.trim().to_lowercase().chars().collect();
    let name: Vec<char> = name.trim().to_lowercase().chars().collect();
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
            assert_eq!(fits(pattern, name), expect, "{pattern} {name}");
        }
    }
}
