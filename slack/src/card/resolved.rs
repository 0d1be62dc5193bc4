//! The card of an incident that is over: what ended it, and what to ask about that while it is remembered.

use super::{Drawing, REASON_CHARS_MAX, TITLE_CHARS_MAX, span};
use crate::blocks::{Block, Button, Text};
use crate::escape::{self, bold, line};
use crate::limits;
use crate::value::{Claim, Verb};
use incident::{ActionId, Fix, ResolvedBy};

/// Actions that are offered as what ended an incident.
const FIXES_MAX: usize = 2;

impl Drawing<'_> {
    pub(super) fn resolved(&self) -> Vec<Block> {
        let facts = self.resolution().into_iter().map(Text::verbatim);
        let mut blocks = vec![self.head(), Block::context(facts).id(self.id("ctx"))];
        let buttons: Vec<Button> = self.fixes().into_iter().chain(self.judgements()).collect();
        if !buttons.is_empty() {
            blocks.push(Block::buttons(buttons).id(self.id("fb")));
        }
        blocks
    }

    /// What may have ended it, to be tapped once. Where an action was seen to help nobody is asked.
    fn fixes(&self) -> Vec<Button> {
        let incident = self.incident;
        if incident.fix.is_some() || incident.helped_by().is_some() {
            return Vec::new();
        }
        let mut actions: Vec<(&ActionId, &str)> = Vec::new();
        let ran = incident.runs.iter().rev().filter(|run| !run.read_only).map(|run| (&run.action, run.title.as_str()));
        let suggested = incident.suggestions.iter().filter(|suggestion| !suggestion.read_only);
        let suggested =
            suggested.filter_map(|suggestion| Some((suggestion.action.as_ref()?, suggestion.title.as_str())));
        for (id, title) in ran.chain(suggested) {
            if actions.len() < FIXES_MAX && actions.iter().all(|(known, _)| *known != id) {
                actions.push((id, title));
            }
        }
        let tap = |n: usize, text: &str, label: &str, claim: Claim| {
            let text = escape::plain(text, limits::BUTTON_TEXT_CHARS_MAX);
            Button::new(format!("fix.{n}"), text, claim.to_string()).label(escape::plain(label, 75))
        };
        let of_action = |(n, (id, title)): (usize, (&ActionId, &str))| {
            tap(
                n,
                &format!("Fixed by: {title}"),
                &format!("It was fixed by: {title}"),
                self.claim(Verb::Fix).with("a", id),
            )
        };
        let mut buttons: Vec<Button> = actions.into_iter().enumerate().map(of_action).collect();
        let fix = |word: &str| self.claim(Verb::Fix).with("f", word);
        buttons.push(tap(buttons.len(), "Cleared alone", "It cleared without anybody acting", fix("alone")));
        buttons.push(tap(buttons.len(), "Something else", "Something else fixed it", fix("other")));
        buttons
    }

    fn judgements(&self) -> Vec<Button> {
        if self.incident.suggestions.is_empty() || self.incident.judged_right.is_some() {
            return Vec::new();
        }
        let judge = |action_id: &str, text: &str, label: &str, right: &str| {
            Button::new(action_id, text, self.claim(Verb::Feedback).with("r", right).to_string()).label(label)
        };
        vec![
            judge("fb.yes", "Right suggestion", "The first suggestion was right", "good"),
            judge("fb.no", "Wrong suggestion", "The first suggestion was wrong", "bad"),
        ]
    }

    pub(super) fn resolution(&self) -> Vec<String> {
        let incident = self.incident;
        let mut facts = Vec::new();
        if let Some(run) = incident.helped_by() {
            facts.push(format!("Fixed by {} ({})", bold(&run.title, TITLE_CHARS_MAX), self.setting.name(&run.by)));
        }
        facts.extend(self.fix());
        if let Some(end) = &incident.resolved {
            facts.push(match &end.by {
                ResolvedBy::Drill => "It was a drill".to_owned(),
                ResolvedBy::Source => format!("Alarm cleared {}", escape::time(end.at)),
                ResolvedBy::Person(who) => format!("Resolved by {} {}", self.setting.name(who), escape::time(end.at)),
            });
            if !end.note.is_empty() {
                facts.push(line(&end.note, REASON_CHARS_MAX));
            }
        }
        match &incident.acknowledged {
            Some(taken) => facts.push(format!("Acknowledged in {}", span(taken.at - incident.opened_at))),
            None => facts.push("Nobody had to acknowledge it".to_owned()),
        }
        facts
    }

    /// What somebody said ended it.
    fn fix(&self) -> Option<String> {
        Some(match self.incident.fix.as_ref()? {
            Fix::Action(action) => {
                let run = self.incident.runs.iter().rev().find(|run| run.action == *action).map(|run| &run.title);
                let suggested = self.incident.suggestions.iter().find(|one| one.action.as_ref() == Some(action));
                let title = run.or_else(|| suggested.map(|suggestion| &suggestion.title));
                format!("Fixed by {}", bold(title.map_or(action.as_str(), String::as_str), TITLE_CHARS_MAX))
            }
            Fix::Alone => "It cleared alone".to_owned(),
            Fix::Other => "Fixed by something else".to_owned(),
        })
    }
}
