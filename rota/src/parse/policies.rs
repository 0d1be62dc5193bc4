//! `[escalation.NAME]` and `[[escalation.NAME.levels]]`, the flat form; its steps are the business of `steps`.

use super::node::{Node, Table};
use super::{Problem, people, steps, words};
use crate::escalation::{Policy, Step, StepKind, check};
use crate::rota::Rota;
use chrono::TimeDelta;
use incident::{ACKNOWLEDGE_TIMEOUT_SECONDS, Ask, ResponderId, Target};

/// How long the last level or step waits when it does not say.
pub(super) const LAST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Reads all policies into `rota`, whose people and schedules are known already.
pub(super) fn read(sections: &[Table<'_>], rota: &mut Rota, problems: &mut Vec<Problem>) {
    for section in sections {
        let policy = policy(section, rota, problems);
        if policy.name == "default" {
            rota.default_policy = policy;
            continue;
        }
        for service in &policy.services {
            if let Some(other) = rota.policies.values().find(|other| other.services.contains(service)) {
                let message =
                    format!("\"{service}\" is served by [escalation.{}] already; keep it in one of them", other.name);
                problems.push(section.problem(message));
            }
        }
        rota.policies.insert(policy.name.clone(), policy);
    }
    let others: Vec<String> = rota.policies.values().flat_map(|policy| policy.services.iter().cloned()).collect();
    for policy in rota.policies.values().chain([&rota.default_policy]) {
        let found = check(policy, &others).into_iter();
        problems.extend(found.map(|(place, message)| Problem {
            path: place.path.to_string(),
            line: place.line,
            message,
        }));
    }
}

fn policy(section: &Table<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Policy {
    section.only(&["services", "levels", "steps", "zone", "catch_all", "acknowledge_timeout", "urgency"], problems);
    let name = section.name.clone();
    let services = section.get("services").map(|node| node.texts(problems));
    if name == "default" && services.is_some() {
        problems.push(section.problem("[escalation.default] serves whatever no other one serves; take services out"));
    } else if name != "default" && services.as_ref().is_none_or(Vec::is_empty) {
        let message =
            format!("[escalation.{name}] serves nothing; write services = [\"checkout-api\", \"payments-*\"]");
        problems.push(section.problem(message));
    }
    let zone = section.get("zone").and_then(|node| super::schedules::zone_of(&node, problems));
    let steps = match (section.get("levels"), section.get("steps")) {
        (Some(_), Some(node)) => {
            problems.push(node.problem("levels and steps are two ways to say the same; keep one of them"));
            Vec::new()
        }
        (Some(node), None) => levels(&node, rota, problems).unwrap_or_default(),
        (None, Some(node)) => steps::read(&node, rota, zone.as_ref(), problems),
        (None, None) => Vec::new(),
    };
    let default_timeout = TimeDelta::seconds(i64::try_from(ACKNOWLEDGE_TIMEOUT_SECONDS).unwrap_or(i64::MAX));
    let timeout = section.get("acknowledge_timeout").and_then(|node| node.read(acknowledge_timeout, problems));
    let catch_all = section.get("catch_all").and_then(|node| catch_all(&node, rota, problems)).unwrap_or_default();
    if section.get("levels").is_none() && section.get("steps").is_none() {
        let message = format!(
            "[escalation.{name}] pages nobody; write [[escalation.{name}.levels]] with page = [\"ana\"] and wait = \"5m\""
        );
        problems.push(section.problem(message));
    }
    let urgency = section.get("urgency").and_then(|node| node.read(words::urgency, problems));
    let place = section.written();
    Policy {
        name,
        services: services.unwrap_or_default(),
        steps,
        catch_all,
        acknowledge_timeout: timeout.unwrap_or(Some(default_timeout)),
        urgency,
        place,
    }
}

fn levels(node: &Node<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Option<Vec<Step>> {
    let nodes = node.list(problems)?;
    if nodes.is_empty() {
        problems.push(node.problem("levels is empty, so nobody is paged; write a level with page and wait"));
    }
    let mut levels = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let Some(table) = node.table(problems) else { continue };
        table.only(&["page", "wait"], problems);
        let page = table.need("page", "page = [\"schedule:NAME\"] or the name of a person", problems);
        let page = page.and_then(|node| page_list(&node, rota, problems)).unwrap_or_default();
        let wait = match table.get("wait") {
            Some(node) => node.read(words::duration, problems).unwrap_or(LAST_WAIT),
            None => LAST_WAIT,
        };
        if table.get("wait").is_none() && place + 1 < nodes.len() {
            let (this, next) = (place + 1, place + 2);
            let message =
                format!("level {next} is never reached: level {this} has no wait; write wait = \"5m\" in level {this}");
            problems.push(table.problem(message));
        }
        let ask = Ask { page, wait_seconds: seconds(wait), ..Ask::default() };
        levels.push(Step { name: None, kind: StepKind::Page(ask), place: table.written() });
    }
    Some(levels)
}

/// Whole seconds of a wait that was read.
pub(super) fn seconds(wait: TimeDelta) -> u64 {
    u64::try_from(wait.num_seconds()).unwrap_or(0)
}

/// How long somebody has an incident; `None` is for ever.
fn acknowledge_timeout(text: &str) -> Result<Option<TimeDelta>, String> {
    if text.trim() == "off" {
        return Ok(None);
    }
    let time = words::duration(text)?;
    if !(TimeDelta::minutes(1)..=incident::SNOOZE_MAX).contains(&time) {
        return Err(format!("\"{text}\" is not from a minute to a day; write it like \"30m\", or \"off\""));
    }
    Ok(Some(time))
}

pub(super) fn page_list(node: &Node<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Option<Vec<Target>> {
    let nodes = node.list(problems)?;
    if nodes.is_empty() {
        problems.push(
            node.problem("page is empty, so this level pages nobody; write page = [\"schedule:NAME\"] or a person"),
        );
    }
    Some(nodes.iter().filter_map(|node| node.read(|text| target(text, rota), problems)).collect())
}

fn target(text: &str, rota: &Rota) -> Result<Target, String> {
    if let Some(name) = text.strip_prefix("schedule:") {
        let name = name.trim();
        return rota.schedule(name).map(|_| Target::Schedule(name.to_owned())).map_err(|unknown| {
            match name.strip_suffix("/secondary").filter(|plain| rota.schedules.contains_key(*plain)) {
                Some(plain) => format!(
                    "says \"{text}\": nobody is second there; write secondary = \"next turn\" in [schedules.{plain}]"
                ),
                None => format!("says \"{text}\": {unknown}"),
            }
        });
    }
    if rota.schedules.contains_key(text) && !rota.is_responder(&ResponderId::from(text)) {
        return Err(format!("names \"{text}\", which is a schedule; write \"schedule:{text}\""));
    }
    people::known(text, &rota.people).map(Target::Person)
}

fn catch_all(node: &Node<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Option<Vec<ResponderId>> {
    let read = |text: &str| match text.strip_prefix("schedule:") {
        Some(_) => Err(format!("names \"{text}\"; it is for when schedules have failed, so write people")),
        None => people::known(text, &rota.people),
    };
    Some(node.list(problems)?.iter().filter_map(|node| node.read(read, problems)).collect())
}
