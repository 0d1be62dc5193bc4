//! What is likely wrong with the rules by which people are paged: a way without an address, an urgency without a rule, a
//! wait that the next level cuts off.

use super::problem;
use crate::escalation::Policy;
use crate::notify::{Rule, Way};
use crate::parse::Problem;
use crate::rota::{Person, Rota};
use chrono::TimeDelta;
use incident::{Target, Urgency};
use std::collections::BTreeSet;

/// Warnings about one person, at their line.
pub(super) fn warnings(rota: &Rota, person: &Person) -> Vec<Problem> {
    let mut said: Vec<String> = Vec::new();
    for urgency in [Urgency::High, Urgency::Low] {
        let Some(rules) = rota.rules(person, urgency) else {
            said.extend(no_rule(rota, person, urgency));
            continue;
        };
        let own = person.notify.of(urgency).is_some();
        if own {
            said.extend(no_address(person, rules, urgency));
        } else if rules.iter().all(|rule| person.address(rule.way).is_none()) {
            let word = urgency.as_str();
            said.push(format!(
                "none of the ways in [notify] {word} reaches {0}, who is paged as if there were no rule; write \
                 notify.{word} for {0}, or an address",
                person.id
            ));
        }
        said.extend(cut_off(rota, person, rules, urgency));
    }
    said.into_iter().map(|message| problem(&person.place, message)).collect()
}

/// Each way of their own rules that they have no address for.
fn no_address(person: &Person, rules: &[Rule], urgency: Urgency) -> impl Iterator<Item = String> {
    let missing: BTreeSet<Way> =
        rules.iter().map(|rule| rule.way).filter(|way| person.address(*way).is_none()).collect();
    missing.into_iter().map(move |way| {
        format!(
            "notify.{} of {} names {}, and there is no {} = \"...\" for them; write it, or take the rule out",
            urgency.as_str(),
            person.id,
            way.as_str(),
            way.key()
        )
    })
}

/// Said only where something is written for the other urgency: who has written nothing wants what is usual.
fn no_rule(rota: &Rota, person: &Person, urgency: Urgency) -> Option<String> {
    let (other, word) = match urgency {
        Urgency::High => (Urgency::Low, "high"),
        Urgency::Low => (Urgency::High, "low"),
    };
    rota.rules(person, other)?;
    Some(format!(
        "{} has rules for {} urgency and none for {word}: then Slack pages at once and all other ways after it; write \
         notify.{word} too",
        person.id,
        other.as_str()
    ))
}

/// The first rule that waits as long as a level of a policy does that pages this person: by then the next one is asked.
fn cut_off(rota: &Rota, person: &Person, rules: &[Rule], urgency: Urgency) -> Option<String> {
    let policies = rota.policies.values().chain([&rota.default_policy]);
    let policies = policies.filter(|policy| policy.urgency.is_none_or(|policy| policy == urgency));
    let waits = policies.flat_map(|policy| waits(rota, person, policy));
    let (wait, place, policy) = waits.min_by_key(|(wait, _, _)| *wait)?;
    let late = rules.iter().find(|rule| rule.after >= wait)?;
    Some(format!(
        "{} is not paged by {} after {} by notify.{}: level {place} of [escalation.{policy}] asks the next one after {}; \
         write a shorter time, or a longer wait there",
        person.id,
        late.way.as_str(),
        length(late.after),
        urgency.as_str(),
        length(wait)
    ))
}

/// The steps that can page somebody and have another one behind them, counted from 1, with their waits.
fn waits<'r>(
    rota: &'r Rota,
    person: &'r Person,
    policy: &'r Policy,
) -> impl Iterator<Item = (TimeDelta, usize, &'r str)> {
    let pages = move |target: &Target| match target {
        Target::Person(named) => *named == person.id,
        Target::Schedule(name) => rota.members(name).is_ok_and(|members| members.contains(&&person.id)),
    };
    let asked = policy.pages();
    let last = asked.len();
    let levels = asked.into_iter().enumerate().map(|(place, (_, ask))| (place + 1, ask));
    let followed = levels.filter(move |(place, _)| *place < last || !policy.catch_all.is_empty());
    let paging = followed.filter(move |(_, ask)| ask.page.iter().any(pages));
    paging.map(|(place, ask)| {
        let wait = TimeDelta::seconds(i64::try_from(ask.wait_seconds).unwrap_or(i64::MAX / 1000));
        (wait, place, policy.name.as_str())
    })
}

/// `90s`, `10m`, `2h`, as it is written.
fn length(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    match seconds {
        0 => "no time".to_owned(),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
