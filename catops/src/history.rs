//! A history that never happened, for those who want to try `backtest` and `coverage` before they have one of their own.
//!
//! Alarms fire by chance, some clear alone, people press what is suggested, mostly the first, and what helps helps with its
//! chance; all of it decided by the rules of the real thing and written as the real thing writes. From the same seed comes
//! the same history. What fires and what helps stands in `kinds.toml`. Nothing of it is performed.

use crate::config::Setup;
use crate::flow::act;
use crate::flow::change::{ChangeError, Draft, Origin};
use crate::flow::{names, runbook_versions};
use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use incident::action::{Action, render};
use incident::{
    ActionId, ActionRequest, Alarm, AlarmState, BY_SLACK, Command, Event, Fix, Incident, IncidentId, Reception, Record,
    Recorded, ResponderId, RunId, RunOutcome, Severity, receive,
};
use index::{Library, RunbookFile};
use log::{Append, Claim, EventLog};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use suggest::Known;

/// What fires, and what helps.
const KINDS: &str = include_str!("history/kinds.toml");

/// Chances that somebody presses the first, second and third suggestion, one who does not know better.
const PRESSED: [f64; 3] = [0.7, 0.2, 0.1];
/// How often the person on call knows what helps and asks for that, whatever is suggested.
const KNOWS: f64 = 0.25;
/// How often an alarm ends by something that CatOps did not do.
const BY_HAND: f64 = 0.08;
/// Actions that somebody tries before they look for the cause by hand.
const TRIES: usize = 3;
/// How often somebody says what ended it.
const SAYS: f64 = 0.5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    kind: Vec<Kind>,
}

/// One kind of alarm.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    title: String,
    summary: String,
    services: Vec<String>,
    #[serde(default)]
    metric: Option<String>,
    severity: Severity,
    per_month: f64,
    alone: f64,
    alone_minutes: f64,
    works: BTreeMap<ActionId, f64>,
    #[serde(default)]
    later: Option<BTreeMap<ActionId, f64>>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// How many incidents.
    pub incidents: usize,
    /// Over how many days.
    pub days: u32,
    /// The end of the history.
    pub until: DateTime<Utc>,
    /// How many edits of runbooks, evenly spread; without one the log does not know how the runbooks stood.
    pub edits: usize,
    /// The same seed is the same history.
    pub seed: u64,
}

/// One firing that will be.
struct Firing<'k> {
    kind: &'k Kind,
    service: &'k str,
    at: DateTime<Utc>,
}

/// Writes a history into a log that is empty. `progress` hears how many incidents are written.
///
/// # Errors
/// The log does not take it.
pub async fn invent(
    log: &dyn EventLog,
    setup: &Setup,
    library: &Library,
    runbooks: &[RunbookFile],
    wish: Wish,
    mut progress: impl FnMut(usize),
) -> Result<()> {
    let kinds: Kinds = toml::from_str(KINDS).context("kinds.toml")?;
    let mut chance = Rng::with_seed(wish.seed);
    let firings = firings(&kinds.kind, wish, &mut chance);
    let middle = wish.until - TimeDelta::days(i64::from(wish.days)) / 2;
    let mut author = Author { log, setup, library, chance, middle, records: HashMap::new(), count: 0 };
    let mut edits = edits(runbooks, wish).peekable();
    for (place, firing) in firings.iter().enumerate() {
        while let Some((at, files)) = edits.next_if(|(at, _)| *at <= firing.at) {
            runbook_versions::write_at(log, &files, at).await?;
        }
        author.night(firing).await?;
        progress(place + 1);
    }
    Ok(())
}

/// The runbooks after each edit and before the first, in order. An edit says of one, one after the other, when somebody
/// looked through it.
fn edits(runbooks: &[RunbookFile], wish: Wish) -> impl Iterator<Item = (DateTime<Utc>, Vec<RunbookFile>)> {
    let edits = if runbooks.is_empty() { 0 } else { wish.edits };
    let minutes = i64::from(wish.days) * 24 * 60;
    let mut files = runbooks.to_vec();
    let versions = if edits == 0 { 0 } else { edits + 1 };
    (0..versions).map(move |edit| {
        let at = wish.until - TimeDelta::minutes(minutes - minutes * edit as i64 / versions as i64);
        let count = files.len();
        if let Some(file) = edit.checked_sub(1).and_then(|edit| files.get_mut(edit % count)) {
            file.text.push_str(&format!("\nLooked through on {}.\n", at.format("%-d %B %Y at %H:%M")));
        }
        (at, files.clone())
    })
}

/// When what fires, in order; as many as are wished, each kind as often as it says in comparison with the others.
fn firings<'k>(kinds: &'k [Kind], wish: Wish, chance: &mut Rng) -> Vec<Firing<'k>> {
    let each = kinds.iter().flat_map(|kind| kind.services.iter().map(move |service| (kind, service)));
    let each: Vec<(&Kind, &String)> = each.collect();
    let all: f64 = each.iter().map(|(kind, _)| kind.per_month).sum();
    let minutes = i64::from(wish.days) * 24 * 60;
    let mut firings = Vec::with_capacity(wish.incidents);
    for _ in 0..wish.incidents {
        let mut left = chance.f64() * all;
        let chosen = each.iter().find(|(kind, _)| {
            left -= kind.per_month;
            left < 0.0
        });
        let (kind, service) = chosen.unwrap_or(&each[0]);
        let before = TimeDelta::minutes(chance.i64(0..minutes.max(1)));
        firings.push(Firing { kind, service, at: wish.until - before });
    }
    firings.sort_by_key(|firing| firing.at);
    firings
}

/// Who writes the history.
struct Author<'a> {
    log: &'a dyn EventLog,
    setup: &'a Setup,
    library: &'a Library,
    chance: Rng,
    middle: DateTime<Utc>,
    records: HashMap<incident::AlarmKey, Record>,
    count: u64,
}

impl Author<'_> {
    /// One incident from its alarm to its end.
    async fn night(&mut self, firing: &Firing<'_>) -> Result<()> {
        self.count += 1;
        let alarm = alarm(firing, AlarmState::Firing, self.count, firing.at);
        let Reception::Open(event) = receive(None, None, alarm.clone(), TimeDelta::zero(), firing.at) else {
            return Ok(());
        };
        let incident = self.open(event, &alarm, firing.at).await?;
        let mut incident = self.page(&incident, firing.at + TimeDelta::seconds(1)).await?;
        let works = match &firing.kind.later {
            Some(later) if firing.at > self.middle => later,
            _ => &firing.kind.works,
        };
        if self.chance.f64() < firing.kind.alone {
            let at = firing.at + self.about(firing.kind.alone_minutes);
            return self.clear(&incident, firing, at).await.map(drop);
        }
        let who = incident.owners.first().cloned().unwrap_or_else(|| "ana".into());
        let mut at = firing.at + self.about(3.0);
        incident = self.say(&incident, &person(&who), vec![Command::Acknowledge { by: who.clone() }], at).await?;
        for _ in 0..TRIES {
            at += self.about(2.0);
            let Some(action) = self.pressed(&incident, works) else { break };
            incident = self.run(&incident, &who, &action, at).await?;
            at += TimeDelta::seconds(20);
            if self.chance.f64() < works.get(&action.id).copied().unwrap_or(0.0) {
                let cleared_at = at + self.about(1.5);
                return self.clear(&incident, firing, cleared_at).await.map(drop);
            }
            at += action.watch + TimeDelta::seconds(1);
            let watched = incident.runs.iter().filter(|run| run.is_watched()).map(|run| run.id.clone());
            let ends: Vec<Command> = watched.map(|run| Command::EndWatch { run }).collect();
            incident = self.say(&incident, &Origin::effect("watch"), ends, at).await?;
            if self.chance.f64() < BY_HAND {
                break;
            }
        }
        at += self.about(25.0);
        let resolve = Command::Resolve { by: who.clone(), note: "fixed by hand".to_owned() };
        incident = self.say(&incident, &person(&who), vec![resolve], at).await?;
        self.name_fix(&incident, &who, works, at + TimeDelta::minutes(1)).await
    }

    async fn open(&mut self, event: Event, alarm: &Alarm, at: DateTime<Utc>) -> Result<Incident> {
        let first = Recorded { seq: 1, at, event: event.clone() };
        let opened = Incident::open(IncidentId(0), &first).context("an opening")?;
        let record = self.records.entry(alarm.key.clone()).or_default();
        let hits = self.library.search(alarm, crate::flow::triage::HITS);
        let known = Known::of(record);
        let ranking = suggest::suggest(alarm, &hits, &self.setup.catalogue, known, at);
        let suggest = Command::Suggest {
            suggestions: ranking.suggestions,
            runners_up: ranking.runners_up,
            no_match: ranking.no_match,
            history: record.history(IncidentId(0), at),
            changes: Vec::new(),
            related: Vec::new(),
        };
        let asked = crate::flow::triage::next_by(self.setup, &opened, &[], at, |_, _| Vec::new());
        let origin = Origin {
            actor: format!("source:{}", alarm.source),
            cause: alarm.delivery.0.clone(),
            key: Some(alarm.delivery.as_str().into()),
        };
        let key = alarm.key.clone();
        let decided = log::decide(self.log, move |view| {
            let id = IncidentId(view.number(names::INCIDENTS)?);
            let holder = view.claimed(&names::claim(&key))?.map(|claimed| claimed.holder);
            let mut draft = Draft::open(id, event.clone(), at).expect("a reception that opens carries an opening");
            draft.decide(suggest.clone())?;
            for command in &asked {
                draft.decide(command.clone())?;
            }
            let append = draft.append(view, &origin, None, None)?;
            let claim = Claim { key: names::claim(&key), expected: holder, holder: Some(names::incident(id)) };
            let append = Append { claims: vec![claim], ..unperformed(append) };
            Ok::<_, ChangeError>((append, draft.incident))
        });
        Ok(decided.await??.1)
    }

    /// Whoever is asked gets the page in Slack.
    async fn page(&mut self, incident: &Incident, at: DateTime<Utc>) -> Result<Incident> {
        let (by, level) = (BY_SLACK, 0);
        let reached = |to: &ResponderId| Command::RecordPage {
            to: to.clone(),
            by: by.to_owned(),
            level,
            message: None,
            with: Vec::new(),
        };
        self.say(incident, &Origin::effect("page"), incident.owners.iter().map(reached).collect(), at).await
    }

    /// What the person on call presses.
    fn pressed(&mut self, incident: &Incident, works: &BTreeMap<ActionId, f64>) -> Option<Action> {
        let tried = |id: &ActionId| incident.runs.iter().any(|run| run.action == *id);
        let best = works.iter().filter(|(id, _)| !tried(id)).max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| id);
        if let Some(best) = best.filter(|_| self.chance.f64() < KNOWS) {
            return self.setup.catalogue.get(best).cloned();
        }
        let mut left = self.chance.f64();
        let shown = incident.suggestions.iter().zip(PRESSED);
        let pressed = shown.filter(|(one, _)| one.action.as_ref().is_some_and(|id| !tried(id))).find(|(_, chance)| {
            left -= chance;
            left < 0.0
        });
        let first = || incident.suggestions.iter().find(|one| one.action.as_ref().is_some_and(|id| !tried(id)));
        let suggestion = pressed.map(|(suggestion, _)| suggestion).or_else(first)?;
        self.setup.catalogue.get(suggestion.action.as_ref()?).cloned()
    }

    async fn run(
        &mut self,
        incident: &Incident,
        who: &ResponderId,
        action: &Action,
        at: DateTime<Utc>,
    ) -> Result<Incident> {
        let params = act::values(action, incident, BTreeMap::new());
        let request = ActionRequest {
            action: action.id.clone(),
            title: render(&action.title, &params),
            params,
            read_only: action.read_only,
            watch: action.watch,
            timeout: action.timeout,
            undo: action.undo.clone(),
            seen_seq: None,
            seen_at: None,
        };
        let asked =
            self.say(incident, &person(who), vec![Command::RequestAction { by: who.clone(), request }], at).await?;
        let Some(run) = asked.running().map(|run| run.id.clone()) else { return Ok(asked) };
        let finish = |run: RunId| Command::FinishRun {
            run,
            outcome: RunOutcome::Succeeded,
            detail: "done".to_owned(),
            duration_ms: 20_000,
        };
        let ran = vec![Command::StartRun { run: run.clone() }, finish(run)];
        self.say(&asked, &Origin::effect("run"), ran, at + TimeDelta::seconds(20)).await
    }

    /// The source says that it is over.
    async fn clear(&mut self, incident: &Incident, firing: &Firing<'_>, at: DateTime<Utc>) -> Result<Incident> {
        let cleared = alarm(firing, AlarmState::Cleared, self.count, at);
        let origin = Origin {
            actor: format!("source:{}", cleared.source),
            cause: cleared.delivery.0.clone(),
            key: Some(cleared.delivery.as_str().into()),
        };
        let Reception::Join(events) = receive(Some(incident), None, cleared, TimeDelta::zero(), at) else {
            return Ok(incident.clone());
        };
        let mut draft = Draft::new(incident.clone(), at);
        draft.add(events);
        self.write(draft, &origin).await
    }

    async fn name_fix(
        &mut self,
        incident: &Incident,
        who: &ResponderId,
        works: &BTreeMap<ActionId, f64>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        if self.chance.f64() >= SAYS {
            return Ok(());
        }
        let best = works.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| Fix::Action(id.clone()));
        let fix = best.filter(|_| self.chance.bool()).unwrap_or(Fix::Other);
        self.say(incident, &person(who), vec![Command::NameFix { by: who.clone(), fix }], at).await.map(drop)
    }

    async fn say(
        &mut self,
        incident: &Incident,
        origin: &Origin,
        commands: Vec<Command>,
        at: DateTime<Utc>,
    ) -> Result<Incident> {
        let mut draft = Draft::new(incident.clone(), at);
        for command in commands {
            draft.decide(command)?;
        }
        self.write(draft, origin).await
    }

    async fn write(&mut self, draft: Draft, origin: &Origin) -> Result<Incident> {
        if draft.fresh.is_empty() {
            return Ok(draft.incident);
        }
        let record = self.records.entry(draft.incident.alarm.key.clone()).or_default();
        draft.remembered().iter().for_each(|event| record.apply(event, draft.at()));
        let origin = origin.clone();
        let decided = log::decide(self.log, move |view| {
            let append = unperformed(draft.append(view, &origin, None, None)?);
            Ok::<_, ChangeError>((append, draft.incident.clone()))
        });
        Ok(decided.await??.1)
    }

    /// Some minutes, now more, now less: the waiting time of what comes by chance.
    fn about(&mut self, minutes: f64) -> TimeDelta {
        let seconds = -(1.0 - self.chance.f64()).ln() * minutes * 60.0;
        TimeDelta::milliseconds((seconds * 1000.0) as i64 + 1000)
    }
}

/// Nobody is told of what never happened.
fn unperformed(append: Append) -> Append {
    Append { effects: Vec::new(), cancel: Vec::new(), ..append }
}

fn person(who: &ResponderId) -> Origin {
    Origin { actor: format!("person:{who}"), cause: "history".to_owned(), key: None }
}

fn alarm(firing: &Firing<'_>, state: AlarmState, number: u64, at: DateTime<Utc>) -> Alarm {
    let filled = |text: &str| text.replace("{service}", firing.service);
    let title = filled(&firing.kind.title);
    let word = if state == AlarmState::Firing { "firing" } else { "cleared" };
    let metric = firing.kind.metric.iter().flat_map(|metric| metric.split_once(' '));
    let labels = metric.flat_map(|(metric, namespace)| [("metric", metric), ("namespace", namespace)]);
    Alarm {
        source: "history".to_owned(),
        delivery: format!("history:{number}:{word}").as_str().into(),
        key: format!("history:{title}").as_str().into(),
        state,
        severity: firing.kind.severity,
        summary: filled(&firing.kind.summary),
        resource: firing.service.to_owned(),
        service: Some(firing.service.to_owned()),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        links: Vec::new(),
        occurred_at: at,
        title,
        drill: None,
    }
}
