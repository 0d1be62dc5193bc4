//! `[escalation.NAME]` and `[[escalation.NAME.levels]]`.

use super::node::{Node, Table};
use super::{Problem, people, words};
use crate::escalation::{Level, Policy, Target};
use crate::rota::Rota;
use chrono::TimeDelta;
use incident::ResponderId;

/// How long the last level waits when it does not say.
const LAST_WAIT: TimeDelta = TimeDelta::minutes(5);

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
}

fn policy(section: &Table<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Policy {
    section.only(&["services", "levels", "catch_all", "urgency"], problems);
    let name = section.name.clone();
    let services = section.get("services").map(|node| node.texts(problems));
    if name == "default" && services.is_some() {
        problems.push(section.problem("[escalation.default] serves whatever no other one serves; take services out"));
    } else if name != "default" && services.as_ref().is_none_or(Vec::is_empty) {
        let message =
            format!("[escalation.{name}] serves nothing; write services = [\"checkout-api\", \"payments-*\"]");
        problems.push(section.problem(message));
    }
    let levels = section.get("levels").and_then(|node| levels(&node, rota, problems)).unwrap_or_default();
    let catch_all = section.get("catch_all").and_then(|node| catch_all(&node, rota, problems)).unwrap_or_default();
    if section.get("levels").is_none() {
        let message = format!(
            "[escalation.{name}] pages nobody; write [[escalation.{name}.levels]] with page = [\"ana\"] and wait = \"5m\""
        );
        problems.push(section.problem(message));
    }
    let urgency = section.get("urgency").and_then(|node| node.read(words::urgency, problems));
    let place = section.written();
    Policy { name, services: services.unwrap_or_default(), levels, catch_all, urgency, place }
}

fn levels(node: &Node<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Option<Vec<Level>> {
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
        levels.push(Level { page, wait, place: table.written() });
    }
    Some(levels)
}

fn page_list(node: &Node<'_>, rota: &Rota, problems: &mut Vec<Problem>) -> Option<Vec<Target>> {
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
