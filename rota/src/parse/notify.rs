//! `notify.high = ["slack", "sms after 1m"]` of a person, and `[notify]` for everybody.

use super::node::{Node, Table};
use super::{Problem, words};
use crate::nearest::nearest;
use crate::notify::{Rule, Rules, Way};
use chrono::TimeDelta;

/// Reads `notify` of a person, or of a whole file.
pub(super) fn read(section: &Table<'_>, problems: &mut Vec<Problem>) -> Rules {
    let Some(table) = section.get("notify").and_then(|node| node.table(problems)) else { return Rules::default() };
    table.only(&["high", "low"], problems);
    let high = table.get("high").and_then(|node| rules(&node, problems));
    let low = table.get("low").and_then(|node| rules(&node, problems));
    Rules { high, low }
}

fn rules(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Rule>> {
    let nodes = node.list(problems)?;
    if nodes.is_empty() {
        problems.push(node.problem(
            "the list of rules is empty and would page by nothing; write a way, like [\"slack\"], or leave it out",
        ));
    }
    if nodes.len() > Rules::MAX {
        problems.push(node.problem(format!("{} rules are too many; write at most {}", nodes.len(), Rules::MAX)));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for node in &nodes {
        let Some(found) = node.read(rule, problems) else { continue };
        if rules.contains(&found) {
            problems.push(node.problem(format!("{} is written twice for the same time; keep one", found.way.as_str())));
        } else {
            rules.push(found);
        }
    }
    rules.sort_by_key(|rule| rule.after);
    Some(rules)
}

/// `slack`, `sms after 1m`.
fn rule(text: &str) -> Result<Rule, String> {
    let (word, after) = match text.split_once(" after ") {
        Some((word, after)) => (word.trim(), words::duration(after.trim())?),
        None => (text.trim(), TimeDelta::zero()),
    };
    let words: Vec<&str> = Way::ALL.into_iter().map(Way::as_str).collect();
    match Way::named(word) {
        Some(way) => Ok(Rule { way, after }),
        None => Err(match nearest(word, words.iter().copied()) {
            Some(near) => format!("says \"{text}\": there is no way \"{word}\"; did you mean \"{near}\"?"),
            None => format!(
                "says \"{text}\"; write a way and when, like \"slack\" or \"sms after 1m\": {}",
                words.join(", ")
            ),
        }),
    }
}
