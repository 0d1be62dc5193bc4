//! Names of alarms and runbooks compared as names, not as words: the same, one inside the other, or ending alike.
//! Headings of long runbooks are names too: manuals have one for each alarm. It knows no weights.

use crate::patterns::Patterns;
use crate::runbook::{Runbook, file_name};
use serde::{Deserialize, Serialize};

/// Shortest name, without separators, that counts when it stands inside a longer one: `error` would be everywhere.
const NAME_INSIDE_CHARS_MIN: usize = 8;

/// How near two names are, the nearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    /// The last part of both is the same: `dev/Follower/NotRunning` and `Hub/Follower/NotRunning`.
    Ending,
    /// The alarm's name holds the whole other one.
    Inside,
    /// The same but for case and separators: `Kube-Pod-CrashLooping` and `KubePodCrashLooping`.
    Same,
}

/// The names of all units, ready to be looked up, and what their runbooks declare.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Names {
    /// Plain names and their units, in order.
    all: Vec<(String, u32)>,
    /// The last parts of names with `/`, in order.
    endings: Vec<(String, u32)>,
    /// What `alarms` of the front matter says.
    #[serde(skip)]
    pub(crate) alarms: Patterns,
    /// What `services` says.
    #[serde(skip)]
    pub(crate) services: Patterns,
}

impl Names {
    /// Title, file name and aliases of a whole runbook.
    pub(crate) fn add_runbook(&mut self, runbook: &Runbook, unit: u32) {
        self.add(&runbook.title, unit);
        self.add(file_name(&runbook.id), unit);
        for alias in &runbook.aliases {
            self.add(alias, unit);
        }
    }

    pub(crate) fn add(&mut self, name: &str, unit: u32) {
        let plain = plain(name);
        if !plain.is_empty() {
            self.all.push((plain, unit));
            self.endings.extend(ending(name).map(|ending| (ending, unit)));
        }
    }

    /// Forgets the names of some units.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(u32) -> bool) {
        for names in [&mut self.all, &mut self.endings] {
            names.retain(|(_, unit)| !is_gone(*unit));
        }
    }

    /// Puts them in order, after the last was added.
    pub(crate) fn sort(&mut self) {
        for names in [&mut self.all, &mut self.endings] {
            // Most are in order already, which the stable sort makes use of.
            names.sort();
            names.dedup();
        }
    }

    /// Takes over what runbooks declare, in the place of what they declared before.
    pub(crate) fn declare<'a>(&mut self, runbooks: impl Iterator<Item = &'a Runbook>) {
        (self.alarms, self.services) = (Patterns::default(), Patterns::default());
        for (place, runbook) in (0..).zip(runbooks) {
            for pattern in &runbook.alarms {
                self.alarms.add(place, pattern);
            }
            for pattern in &runbook.services {
                self.services.add(place, pattern);
            }
        }
    }

    /// The units with a name near this one, each once with its nearest.
    pub(crate) fn near(&self, name: &str) -> Vec<(u32, Nearness)> {
        let whole = plain(name);
        let same = beginning_with(&self.all, &whole).filter(|(own, _)| *own == whole);
        let mut found: Vec<(u32, Nearness)> = same.map(|(_, unit)| (*unit, Nearness::Same)).collect();
        for (at, _) in whole.char_indices() {
            let rest = whole.get(at..).unwrap_or_default();
            let Some((last, c)) = rest.char_indices().nth(NAME_INSIDE_CHARS_MIN - 1) else { break };
            let beginning = rest.get(..last + c.len_utf8()).unwrap_or_default();
            let inside = beginning_with(&self.all, beginning).filter(|(own, _)| rest.starts_with(own.as_str()));
            found.extend(inside.map(|(_, unit)| (*unit, Nearness::Inside)));
        }
        if let Some(ending) = ending(name) {
            let alike = beginning_with(&self.endings, &ending).filter(|(own, _)| *own == ending);
            found.extend(alike.map(|(_, unit)| (*unit, Nearness::Ending)));
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        found.dedup_by_key(|(unit, _)| *unit);
        found
    }
}

/// The names that begin with a text.
fn beginning_with<'a>(names: &'a [(String, u32)], text: &'a str) -> impl Iterator<Item = &'a (String, u32)> {
    let from = names.partition_point(|(name, _)| name.as_str() < text);
    names[from..].iter().take_while(move |(name, _)| name.starts_with(text))
}

fn ending(name: &str) -> Option<String> {
    name.rsplit_once('/').map(|(_, last)| plain(last)).filter(|ending| !ending.is_empty())
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
