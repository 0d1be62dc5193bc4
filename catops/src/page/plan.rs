//! By what somebody is paged, and when: their rules, the rules for everybody, else Slack at once and all their other ways
//! after `second_channel_after` unless Slack has delivered. A rule that cannot be followed never leaves anybody unpaged.

use crate::app::App;
use crate::config::Setup;
use crate::flow::triage;
use chrono::TimeDelta;
use incident::{Incident, PlannedPage, ResponderId, Urgency};
use rota::{Person, Rule, Way};

/// How urgent an incident is: by its policy, else by its severity.
#[must_use]
pub fn urgency(setup: &Setup, incident: &Incident) -> Urgency {
    triage::policy(&setup.rota, incident).urgency.unwrap_or(Urgency::of(incident.severity))
}

/// The plan for somebody; empty when nothing is known by which they could be paged.
#[must_use]
pub fn plan(app: &App, to: &ResponderId, urgency: Urgency) -> Vec<PlannedPage> {
    plan_by(&app.setup(), app.slack.is_some(), to, urgency)
}

/// The same for whoever has no process around them.
#[must_use]
pub fn plan_by(setup: &Setup, has_slack: bool, to: &ResponderId, urgency: Urgency) -> Vec<PlannedPage> {
    let Some(person) = setup.rota.person(to) else { return Vec::new() };
    let can = |way: Way| is_usable(setup, has_slack, person, way);
    let by_rules = setup.rota.rules(person, urgency).map(|rules| followed(rules, can)).unwrap_or_default();
    if by_rules.is_empty() { usual(setup, can) } else { by_rules }
}

/// Whether somebody can be paged this way.
pub(super) fn is_usable(setup: &Setup, has_slack: bool, person: &Person, way: Way) -> bool {
    let is_there = match way {
        Way::Slack => has_slack,
        Way::Email => setup.config.paging.email.is_some(),
        Way::Sms | Way::Sns | Way::Webhook | Way::Voice => true,
    };
    is_there && person.address(way).is_some()
}

/// The rules that can be followed. When one at the beginning cannot, nobody waits for it: the others move up by its time.
fn followed(rules: &[Rule], can: impl Fn(Way) -> bool) -> Vec<PlannedPage> {
    let first = rules.first().map_or(TimeDelta::zero(), |rule| rule.after);
    let usable: Vec<&Rule> = rules.iter().filter(|rule| can(rule.way)).collect();
    let early = usable.first().map_or(TimeDelta::zero(), |rule| rule.after - first);
    let planned = |rule: &&Rule| planned(rule.way, rule.after - early, false);
    usable.iter().map(planned).collect()
}

/// What holds where nobody has written a rule.
fn usual(setup: &Setup, can: impl Fn(Way) -> bool) -> Vec<PlannedPage> {
    let by_slack = can(Way::Slack);
    let wait = if by_slack { setup.config.paging.second_channel_after } else { TimeDelta::zero() };
    let slack = by_slack.then(|| planned(Way::Slack, TimeDelta::zero(), false));
    let others = Way::ALL.into_iter().filter(|way| *way != Way::Slack && can(*way));
    slack.into_iter().chain(others.map(|way| planned(way, wait, true))).collect()
}

fn planned(way: Way, after: TimeDelta, unless_delivered: bool) -> PlannedPage {
    let after_seconds = u64::try_from(after.num_seconds()).unwrap_or(0);
    PlannedPage { by: way.as_str().to_owned(), after_seconds, unless_delivered }
}
