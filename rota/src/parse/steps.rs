//! `[[escalation.NAME.steps]]`: the tree of a policy. Which steps can never run is the business of `escalation::check`.

use super::node::{Node, Table};
use super::policies::{LAST_WAIT, page_list, seconds};
use super::{Problem, schedules, words};
use crate::escalation::{NESTING_MAX, REPEAT_MAX, Step, StepKind};
use crate::rota::Rota;
use crate::zone::Zone;
use chrono::TimeDelta;
use incident::{AckMode, Ask, Condition, Edge, Hours, Severities, Severity};
use toml::de::DeValue;

/// The words that a step may have.
const KEYS: [&str; 11] =
    ["name", "page", "wait", "ack_mode", "rotate_after", "zone", "if", "then", "else", "notify", "repeat"];

/// Incidents in a row that one person of a round robin has at most.
const ROTATE_AFTER_MAX: i64 = 1000;

/// Reads the steps of a policy, whose zone holds where a step names none.
pub(super) fn read(node: &Node<'_>, rota: &Rota, zone: Option<&Zone>, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut reader = Reader { rota, zone, problems };
    reader.list(node, 0)
}

struct Reader<'a> {
    rota: &'a Rota,
    zone: Option<&'a Zone>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn list(&mut self, node: &Node<'_>, depth: usize) -> Vec<Step> {
        let nodes = node.list(self.problems).unwrap_or_default();
        if nodes.is_empty() {
            self.problems.push(node.problem("there is no step in it; write one with page and wait"));
        }
        let mut steps: Vec<Step> = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            let Some(table) = node.table(self.problems) else { continue };
            let is_last = place + 1 == nodes.len();
            let name = table.text("name", self.problems).map(str::to_owned);
            if name.as_ref().is_some_and(|name| steps.iter().any(|step| step.name.as_ref() == Some(name))) {
                self.problems.push(table.problem("another step of this list has the same name; give each its own"));
            }
            if let Some(kind) = self.kind(&table, &steps, is_last, depth) {
                steps.push(Step { name, kind, place: table.written() });
            }
        }
        steps
    }

    fn kind(&mut self, table: &Table<'_>, before: &[Step], is_last: bool, depth: usize) -> Option<StepKind> {
        let verbs: Vec<&str> =
            ["page", "notify", "if", "repeat"].into_iter().filter(|key| table.get(key).is_some()).collect();
        if let [one, other, ..] = verbs[..] {
            self.problems.push(table.problem(format!("a step is {one} or {other}, not both; write two steps")));
            return None;
        }
        match verbs.first() {
            Some(&"page") => self.page(table, is_last),
            Some(&"notify") => {
                table.only(&["name", "notify", "wait"], self.problems);
                let channel = table.get("notify")?.read(channel, self.problems)?;
                Some(StepKind::Notify { channel, wait: self.wait(table, is_last) })
            }
            Some(&"if") => self.branch(table, depth),
            Some(_) => self.repeat(table, before),
            None if table.get("wait").is_some() => self.pause(table),
            None => {
                let mut known = KEYS.to_vec();
                known.push("from");
                table.only(&known, self.problems);
                self.problems.push(table.problem("this step does nothing; write page, wait, if, notify or repeat"));
                None
            }
        }
    }

    fn page(&mut self, table: &Table<'_>, is_last: bool) -> Option<StepKind> {
        table.only(&["name", "page", "wait", "ack_mode", "rotate_after"], self.problems);
        let page = page_list(&table.get("page")?, self.rota, self.problems)?;
        let ack_mode = table.get("ack_mode").and_then(|node| node.read(ack_mode, self.problems)).unwrap_or_default();
        let rotate_after = table.get("rotate_after").and_then(|node| {
            let turns = whole(&node, 1..=ROTATE_AFTER_MAX);
            if turns.is_none() {
                let message = "rotate_after is a whole number of incidents, 1 to 1000, like rotate_after = 1";
                self.problems.push(node.problem(message));
            }
            u32::try_from(turns?).ok()
        });
        let wait_seconds = seconds(self.wait(table, is_last));
        Some(StepKind::Page(Ask { page, wait_seconds, ack_mode, rotate_after }))
    }

    /// How long an answer is waited for. Only behind the last step nobody comes, so only there it need not be said.
    fn wait(&mut self, table: &Table<'_>, is_last: bool) -> TimeDelta {
        match table.get("wait") {
            Some(node) => node.read(words::duration, self.problems).unwrap_or(LAST_WAIT),
            None => {
                if !is_last {
                    let message = "wait is missing; write wait = \"5m\", so that there is time to answer";
                    self.problems.push(table.problem(message));
                }
                LAST_WAIT
            }
        }
    }

    /// `wait = "10m"`, `wait = "until Mon-Fri 08:00-20:00"`, `wait = "until the end of Mon-Fri 08:00-20:00"`.
    fn pause(&mut self, table: &Table<'_>) -> Option<StepKind> {
        table.only(&["name", "wait", "zone"], self.problems);
        let node = table.get("wait")?;
        let text = node.text(self.problems)?.trim();
        let (edge, window) = match (text.strip_prefix("until the end of "), text.strip_prefix("until ")) {
            (Some(window), _) => (Edge::Close, window),
            (None, Some(window)) => (Edge::Open, window),
            (None, None) => {
                if table.get("zone").is_some() {
                    self.problems.push(table.problem("zone is for hours, and this wait has none; take it out"));
                }
                return node.read(words::duration, self.problems).map(StepKind::Wait);
            }
        };
        let window = node.read(|_| hours_word(window), self.problems)?;
        let zone = self.zone(table)?;
        Some(StepKind::Until { hours: Hours { windows: vec![window], zone }, edge })
    }

    fn branch(&mut self, table: &Table<'_>, depth: usize) -> Option<StepKind> {
        table.only(&["name", "if", "then", "else"], self.problems);
        if depth == NESTING_MAX {
            let message =
                format!("if stands in if more than {NESTING_MAX} deep; write a policy of its own for a service");
            self.problems.push(table.problem(message));
            return None;
        }
        let condition = table.get("if")?.table(self.problems).and_then(|table| self.condition(&table));
        let then = table.need("then", "then = [{ page = [\"ana\"], wait = \"5m\" }]", self.problems);
        let then = then.map(|node| self.list(&node, depth + 1)).unwrap_or_default();
        let otherwise = table.get("else").map(|node| self.list(&node, depth + 1)).unwrap_or_default();
        Some(StepKind::If { condition: condition?, then, otherwise })
    }

    fn condition(&mut self, table: &Table<'_>) -> Option<Condition> {
        table.only(&["hours", "zone", "severity", "service"], self.problems);
        let mut condition = Condition::default();
        if let Some(node) = table.get("hours") {
            let nodes = node.one_or_more(self.problems);
            let windows: Vec<String> = nodes.iter().filter_map(|node| node.read(hours_word, self.problems)).collect();
            let zone = self.zone(table)?;
            condition.hours = (windows.len() == nodes.len() && !windows.is_empty()).then_some(Hours { windows, zone });
            condition.hours.as_ref()?;
        }
        if let Some(node) = table.get("severity") {
            condition.severity = Some(node.read(severities, self.problems)?);
        }
        if let Some(node) = table.get("service") {
            let nodes = node.one_or_more(self.problems);
            condition.service = nodes.iter().filter_map(|node| node.text(self.problems)).map(str::to_owned).collect();
        }
        if condition == Condition::default() {
            self.problems.push(table.problem("this if asks nothing; write hours, severity or service"));
            return None;
        }
        Some(condition)
    }

    fn repeat(&mut self, table: &Table<'_>, before: &[Step]) -> Option<StepKind> {
        table.only(&["name", "repeat", "from"], self.problems);
        let node = table.get("repeat")?;
        let Some(times) = whole(&node, 1..=i64::from(REPEAT_MAX)).and_then(|times| u8::try_from(times).ok()) else {
            let message =
                format!("repeat is how often the steps before it come again, 1 to {REPEAT_MAX}, like repeat = 2");
            self.problems.push(node.problem(message));
            return None;
        };
        if before.is_empty() {
            self.problems.push(table.problem("there is no step before it to repeat; write it behind them"));
            return None;
        }
        let Some(named) = table.get("from") else { return Some(StepKind::Repeat { from: 0, times }) };
        let name = named.text(self.problems)?;
        let from = before.iter().position(|step| step.name.as_deref() == Some(name));
        if from.is_none() {
            let message = format!("no step before it in this list has name = \"{name}\"; name the first one to repeat");
            self.problems.push(named.problem(message));
        }
        Some(StepKind::Repeat { from: from?, times })
    }

    fn zone(&mut self, table: &Table<'_>) -> Option<String> {
        let zone = match table.get("zone") {
            Some(node) => schedules::zone_of(&node, self.problems),
            None if self.zone.is_none() => {
                let message = "hours need a zone; write zone = \"Europe/Madrid\" here or for the whole policy";
                self.problems.push(table.problem(message));
                None
            }
            None => self.zone.cloned(),
        };
        zone.map(|zone| zone.name().to_owned())
    }
}

fn ack_mode(text: &str) -> Result<AckMode, String> {
    match text {
        "any" => Ok(AckMode::Any),
        "all" => Ok(AckMode::All),
        _ => Err(format!("\"{text}\" is not known; write \"any\" or \"all\"")),
    }
}

/// A channel of Slack.
fn channel(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('#').unwrap_or(text);
    let fits = !name.is_empty() && name.len() <= 80 && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    if fits { Ok(text.to_owned()) } else { Err(format!("\"{text}\" is no channel; write it like \"#payments\"")) }
}

/// Hours, checked and kept in the words of the file.
fn hours_word(text: &str) -> Result<String, String> {
    words::window(text)?;
    Ok(text.trim().to_owned())
}

/// `critical`, or `at least error`.
fn severities(text: &str) -> Result<Severities, String> {
    let (least, word) = match text.trim().strip_prefix("at least ") {
        Some(word) => (true, word),
        None => (false, text),
    };
    let severity = match word.trim() {
        "unknown" => Severity::Unknown,
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        "error" => Severity::Error,
        "critical" => Severity::Critical,
        _ => {
            return Err(format!(
                "\"{text}\" is no severity; write \"critical\", \"error\", \"warning\", \"info\" or \"unknown\", or \"at least error\""
            ));
        }
    };
    Ok(if least { Severities::AtLeast(severity) } else { Severities::Is(severity) })
}

fn whole(node: &Node<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let DeValue::Integer(number) = node.value() else { return None };
    i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| range.contains(number))
}
