//! How good the suggestions would have been: every incident of a log is ranked again as it stood when it opened, with what
//! its alarm's record held by then, and compared with what people ran and what helped.
//!
//! Pure: it is fed events in the order in which they were written. Runbooks and catalogue are those of the configuration that
//! is tried; how they stood at the time is not known to the log.

use crate::config::Setup;
use crate::flow::{names, triage};
use chrono::{DateTime, Utc};
use incident::{
    ActionId, AlarmKey, Change, Changes, Counting, Event, Fix, Incident, IncidentId, Record, RecordEvent, Recorded,
    RunId, Suggestion,
};
use index::Library;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use suggest::Known;

/// A configuration that is tried.
pub struct Tried {
    /// Actions and the like.
    pub setup: Setup,
    /// Its runbooks.
    pub library: Library,
}

/// One incident, and how it was ranked.
#[derive(Debug, Clone)]
struct Case {
    title: String,
    /// The suggestions of each configuration, with the runners-up behind them, and how many of them were shown.
    ranked: Vec<(Vec<ActionId>, usize)>,
    chosen: BTreeSet<ActionId>,
    helped: BTreeSet<ActionId>,
    runs: HashMap<RunId, ActionId>,
}

impl Case {
    /// What should have been suggested: what helped; when nothing is known to have helped, nothing can be said.
    fn place(&self, tried: usize) -> Option<usize> {
        self.ranked[tried].0.iter().position(|action| self.helped.contains(action)).map(|place| place + 1)
    }

    fn chosen_place(&self, tried: usize) -> Option<usize> {
        self.ranked[tried].0.iter().position(|action| self.chosen.contains(action)).map(|place| place + 1)
    }
}

/// The replay of a log.
pub struct Replay<'t> {
    tried: &'t [Tried],
    since: DateTime<Utc>,
    records: HashMap<AlarmKey, Record>,
    changes: Changes,
    cases: BTreeMap<IncidentId, Case>,
    counting: Counting,
}

impl<'t> Replay<'t> {
    /// Incidents that opened before `since` are learned from and not counted.
    #[must_use]
    pub fn new(tried: &'t [Tried], since: DateTime<Utc>) -> Self {
        let (records, changes, cases) = (HashMap::new(), Changes::default(), BTreeMap::new());
        Self { tried, since, records, changes, cases, counting: Counting::default() }
    }

    /// Takes in the next event; one of another sort of stream, or that cannot be read, changes nothing.
    pub fn apply(&mut self, event: &log::Event) {
        if let Some(id) = names::incident_of(&event.stream) {
            if let Ok(parsed) = serde_json::from_slice::<Event>(&event.body)
                && self.counting.counts(id, &parsed)
            {
                self.incident(id, event.at, parsed);
            }
        } else if let Some(key) = names::record_of(&event.stream)
            && let Ok(parsed) = serde_json::from_slice::<RecordEvent>(&event.body)
        {
            self.records.entry(key).or_default().apply(&parsed, event.at);
        } else if event.stream == names::changes()
            && let Ok(parsed) = serde_json::from_slice::<Change>(&event.body)
        {
            self.changes.add(parsed);
        }
    }

    /// How many incidents were ranked.
    #[must_use]
    pub fn ranked(&self) -> usize {
        self.cases.len()
    }

    fn incident(&mut self, id: IncidentId, at: DateTime<Utc>, event: Event) {
        if let Event::Opened { alarm } = event {
            if at >= self.since {
                let opened = Recorded { seq: 1, at, event: Event::Opened { alarm: alarm.clone() } };
                let incident = Incident::open(id, &opened);
                let changes = incident.map(|incident| self.changes.before(&incident)).unwrap_or_default();
                let none = Record::default();
                let record = self.records.get(&alarm.key).unwrap_or(&none);
                let rank = |tried: &Tried| {
                    let hits = tried.library.search(&alarm, triage::HITS);
                    let known = Known { changes: &changes, ..Known::of(record) };
                    let ranking = suggest::suggest(&alarm, &hits, &tried.setup.catalogue, known, at);
                    (actions(&ranking.suggestions, &ranking.runners_up), ranking.suggestions.len())
                };
                let ranked = self.tried.iter().map(rank).collect();
                let (chosen, helped, runs) = (BTreeSet::new(), BTreeSet::new(), HashMap::new());
                self.cases.insert(id, Case { title: alarm.title, ranked, chosen, helped, runs });
            }
            return;
        }
        let Some(case) = self.cases.get_mut(&id) else { return };
        match event {
            Event::ActionRequested { run, action, .. } => {
                case.chosen.insert(action.clone());
                case.runs.insert(run, action);
            }
            Event::ActionHelped { run, .. } => case.helped.extend(case.runs.get(&run).cloned()),
            Event::FixNamed { fix: Fix::Action(action), .. } => case.helped = BTreeSet::from([action]),
            Event::FixNamed { fix: Fix::Alone | Fix::Other, .. } => case.helped.clear(),
            _ => {}
        }
    }

    /// What came of it, for each configuration.
    #[must_use]
    pub fn report(&self, misses: usize) -> Report {
        let scores = (0..self.tried.len()).map(|tried| self.score(tried)).collect();
        Report { incidents: self.cases.len(), scores, misses: self.misses(misses), changed: self.changed() }
    }

    fn score(&self, tried: usize) -> Score {
        let helped: Vec<Option<usize>> =
            self.cases.values().filter(|case| !case.helped.is_empty()).map(|case| case.place(tried)).collect();
        let chosen: Vec<Option<usize>> =
            self.cases.values().filter(|case| !case.chosen.is_empty()).map(|case| case.chosen_place(tried)).collect();
        let shown = self.cases.values().filter(|case| case.ranked[tried].1 > 0).count();
        Score { coverage: share(shown, self.cases.len()), helped: Hits::of(&helped), chosen: Hits::of(&chosen) }
    }

    /// Where what helped was not among the first three, the furthest first.
    fn misses(&self, max: usize) -> Vec<Miss> {
        let missed = self.cases.iter().filter(|(_, case)| !case.helped.is_empty());
        let mut missed: Vec<(Option<usize>, Miss)> = missed
            .filter(|(_, case)| case.place(0).is_none_or(|place| place > Suggestion::SHOWN_MAX))
            .map(|(id, case)| (case.place(0), miss(*id, case)))
            .collect();
        missed.sort_by_key(|(place, miss)| (std::cmp::Reverse(place.unwrap_or(usize::MAX)), miss.incident));
        missed.into_iter().take(max).map(|(_, miss)| miss).collect()
    }

    /// Incidents of which two configurations say different things: better and worse by the second.
    fn changed(&self) -> Changed {
        let place = |case: &Case, tried| case.place(tried).unwrap_or(usize::MAX);
        let judged = self.cases.values().filter(|case| case.ranked.len() > 1 && !case.helped.is_empty());
        let mut changed = Changed::default();
        for case in judged {
            match place(case, 1).cmp(&place(case, 0)) {
                std::cmp::Ordering::Less => changed.better += 1,
                std::cmp::Ordering::Greater => changed.worse += 1,
                std::cmp::Ordering::Equal => changed.same += 1,
            }
        }
        changed
    }
}

fn miss(id: IncidentId, case: &Case) -> Miss {
    Miss {
        incident: id,
        title: case.title.clone(),
        helped: case.helped.iter().cloned().collect(),
        suggested: case.ranked[0].0.iter().take(case.ranked[0].1).cloned().collect(),
        place: case.place(0),
    }
}

fn actions(suggestions: &[Suggestion], runners_up: &[Suggestion]) -> Vec<ActionId> {
    suggestions.iter().chain(runners_up).filter_map(|suggestion| suggestion.action.clone()).collect()
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Incidents that were ranked.
    pub incidents: usize,
    /// For each configuration.
    pub scores: Vec<Score>,
    /// The worst misses of the first one.
    pub misses: Vec<Miss>,
    /// The second one beside the first.
    pub changed: Changed,
}

/// How one configuration did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The share of incidents for which something was suggested, 0 to 1.
    pub coverage: f64,
    /// Against what helped.
    pub helped: Hits,
    /// Against what was asked for, whether it helped or not.
    pub chosen: Hits,
}

/// How often the right action stood where.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hits {
    /// Incidents of which it is known what is right.
    pub judged: usize,
    /// The share in which it stood first.
    pub hit_1: f64,
    /// Among the first three.
    pub hit_3: f64,
    /// The mean of one divided by its place; 0 where it was not found.
    pub mrr: f64,
}

impl Hits {
    fn of(places: &[Option<usize>]) -> Self {
        let within = |most: usize| places.iter().filter(|place| place.is_some_and(|place| place <= most)).count();
        let reciprocal: f64 = places.iter().flatten().map(|place| 1.0 / *place as f64).sum();
        Self {
            judged: places.len(),
            hit_1: share(within(1), places.len()),
            hit_3: share(within(Suggestion::SHOWN_MAX), places.len()),
            mrr: if places.is_empty() { 0.0 } else { reciprocal / places.len() as f64 },
        }
    }
}

/// An incident whose fix was not suggested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// Which.
    pub incident: IncidentId,
    /// Its alarm.
    pub title: String,
    /// What helped.
    pub helped: Vec<ActionId>,
    /// What was suggested.
    pub suggested: Vec<ActionId>,
    /// Where what helped stood among the runners-up, from 1; `None` when nowhere.
    pub place: Option<usize>,
}

/// Two configurations beside each other, in incidents of which it is known what helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Changed {
    /// The second one has it further up.
    pub better: usize,
    /// Further down.
    pub worse: usize,
    /// In the same place.
    pub same: usize,
}

#[cfg(test)]
mod tests;
