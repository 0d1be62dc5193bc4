//! Files to rota. It finds every mistake at once, each with its file, its line and what to write instead; a rota with a
//! mistake in it is never used. What is likely wrong though it can be read is the business of `warnings`. The tests beside
//! it show what it accepts.

mod layers;
mod node;
mod notify;
mod people;
mod policies;
mod schedules;
mod steps;
mod words;

use crate::notify::Rules;
use crate::rota::Rota;
use crate::window::Window;
use node::{Document, Table};
use std::collections::BTreeMap;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as it was named to [`Rota::parse`].
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Rota {
    /// Reads files given as (path, text), all together: a person of one file may be on a schedule of another.
    /// No files at all are the empty rota.
    ///
    /// ```toml
    /// [people.ana]
    /// name = "Ana Ruiz"
    /// slack = "U0ANA"                 # or email = "ana@example.com", or both; phone, sns and webhook, too
    /// zone = "Europe/Madrid"          # optional: in which her own times are read and told
    /// away = "calendar anas-holidays" # optional: a calendar in which everything is an absence of hers
    /// notify.high = ["slack", "sms after 1m"]  # optional: by what she is paged, and when, unless somebody acknowledges
    /// notify.low = ["slack"]
    ///
    /// [notify]                        # optional: the same for whoever has not said it for themselves
    /// high = ["slack", "sms after 2m"]
    ///
    /// [schedules.payments]
    /// zone = "Europe/Madrid"
    /// secondary = "next turn"         # optional: who has the next turn is second, "schedule:payments/secondary"
    /// rollout = "after this turn"     # optional, and the default: see `changes`
    /// holidays = ["holidays/es.ics"]  # optional: calendars that the caller reads, see `on_holidays`
    /// overrides_from = "changes"      # optional: the entries of a calendar override the layers
    /// [[schedules.payments.layers]]
    /// calendar = "nights"             # who is on duty by the entries of a calendar; no rotation, handoff and every then
    /// priority = 2
    /// [[schedules.payments.layers]]
    /// name = "weekly"
    /// rotation = ["ana", "ben", ["chi", "dan"], []]  # a turn each; [] is nobody
    /// handoff = "2026-01-05 09:00"    # turn 0 starts here, in the zone
    /// every = "1 week"                # hours, days, weeks, months, years; or a list, ["1 day", "3 days"]
    /// window = "Mon-Fri 08:00-20:00"  # optional, as is everything from here on; or a list
    /// advance = "window"              # with every = "1 day": days without a window are nobody's turn
    /// monthdays = [1, 15, -1]         # windows open on these days of the month only, -1 is the last; not with advance
    /// on_holidays = "off"             # "off": does not count on holidays; "only": counts on no other day
    /// priority = 1                    # the highest with somebody on duty wins; 0 when not said
    /// zone = "Europe/Lisbon"          # its own
    /// start = "2026-01-05 09:00"      # it counts from here until its end; its turns are not moved
    /// end = "2027-01-04 09:00"
    ///
    /// [[schedules.payments.layers.changes]]  # optional: other people from a moment on; the turns stay where they are
    /// at = "2026-03-02 09:00"
    /// rotation = ["ana", "chi"]       # whoever is not in it leaves at once
    /// rollout = "after a full round"  # "now": as if it had always been written so; "after this turn": who is on duty
    ///                                 # ends their turn; "after a full round": everybody of the old order does
    ///
    /// [escalation.payments]
    /// services = ["checkout-api", "payments-*"]
    /// urgency = "high"                # optional: whatever the severity says
    /// catch_all = ["ana"]
    /// [[escalation.payments.levels]]
    /// page = ["schedule:payments", "dan"]
    /// wait = "5m"                     # the last level may leave it out: 5 minutes
    /// ```
    ///
    /// Instead of `levels` a policy may have `steps`, a small tree: `docs/escalation.md` has all of them.
    ///
    /// # Errors
    /// Every mistake, by file and line. While any file is not TOML at all, only that is said: what the rest of it
    /// would have named is not known.
    pub fn parse(files: &[(impl AsRef<str>, impl AsRef<str>)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut documents = Vec::new();
        for (path, text) in files {
            documents.push(Document::read(path.as_ref(), text.as_ref(), &mut problems));
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }

        let people = sections(&documents, "people", &mut problems);
        let schedules = sections(&documents, "schedules", &mut problems);
        let policies = sections(&documents, "escalation", &mut problems);
        for document in &documents {
            document.root().only(&["people", "schedules", "escalation", "notify"], &mut problems);
        }

        let mut rota = Self::default();
        rota.people = people::read(&people, &mut problems);
        rota.notify = everybody(&documents, &mut problems);
        rota.schedules = schedules::read(&schedules, &rota.people, &mut problems);
        policies::read(&policies, &mut rota, &mut problems);
        if let (Some(document), false) = (documents.first(), policies.iter().any(|policy| policy.name == "default")) {
            let message =
                "no [escalation.default] in any file; write one with levels, so that every alarm pages somebody";
            problems.push(document.root().problem(message));
        }

        problems.sort();
        if problems.is_empty() { Ok(rota) } else { Err(problems) }
    }
}

/// A window in the words of a file: `Mon-Fri 08:00-20:00`.
///
/// # Errors
/// What to write instead.
pub(crate) fn window_named(text: &str) -> Result<Window, String> {
    words::window(text)
}

/// `[notify]`, which may stand in one file only.
fn everybody(documents: &[Document<'_>], problems: &mut Vec<Problem>) -> Rules {
    let mut said = documents.iter().map(Document::root).filter(|root| root.get("notify").is_some());
    let rules = said.next().map(|root| notify::read(&root, problems)).unwrap_or_default();
    for root in said {
        if let Some(node) = root.get("notify") {
            problems.push(node.problem("[notify] is in another file already; keep it in one of them"));
        }
    }
    rules
}

/// The tables `[kind.NAME]` of all files. A name that comes twice is a problem, and its first table is kept.
fn sections<'d>(documents: &'d [Document<'d>], kind: &str, problems: &mut Vec<Problem>) -> Vec<Table<'d>> {
    let mut sections: Vec<Table<'d>> = Vec::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let found = documents.iter().filter_map(|document| document.root().get(kind));
    for node in found {
        let Some(names) = node.table(problems) else { continue };
        for table in names.tables(problems) {
            if !words::is_name(&table.name) {
                let message = format!("\"{}\" is no name; use letters, digits, \".\", \"_\" and \"-\"", table.name);
                problems.push(table.problem(message));
            } else if let Some(first) = places.get(&table.name) {
                let message = format!("[{kind}.{}] is already in {first}; keep one of them", table.name);
                problems.push(table.problem(message));
            } else {
                places.insert(table.name.clone(), table.place());
                sections.push(table);
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests;
