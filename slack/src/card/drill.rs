//! What is different on the card and the page of a drill: it says so in its first word, offers nothing that repairs, and ends
//! with the seconds that were measured. Pure, as the card is.

use super::{Drawing, NAME_CHARS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX, span};
use crate::blocks::{Block, Button, Choice, Element, Message, Overflow, Style, Text};
use crate::escape::{self, bold, line};
use crate::limits::fit;
use crate::value::Verb;
use chrono::TimeDelta;
use incident::{Drill, ResponderId, Status};

impl Drawing<'_> {
    /// The blocks of a drill's card, whatever its state.
    pub(super) fn drill(&self, drill: &Drill) -> Vec<Block> {
        let incident = self.incident;
        let mut text = format!(
            "{}\n*{}* {}",
            self.drill_state(drill),
            self.setting.number(incident.id),
            bold(&incident.alarm.title, TITLE_CHARS_MAX)
        );
        if incident.is_open() {
            text = format!("{text}\n{}", line(&incident.alarm.summary, REASON_CHARS_MAX));
        }
        let choice = |text: &str, verb: Verb| Choice::new(text, self.claim(verb).to_string());
        let mut options = vec![choice("Add a note…", Verb::Note), choice("Timeline", Verb::Timeline)];
        if incident.is_open() && incident.only_answered_by().is_none() {
            options.insert(0, choice("Escalate now", Verb::Escalate));
        }
        let menu = Element::Overflow(Overflow { action_id: "inc.more".to_owned(), options, confirm: None });
        let facts = self.drill_facts(drill).into_iter().map(Text::verbatim);
        let mut blocks = vec![
            Block::section_with(Text::verbatim(text), menu).id(self.id("head")),
            Block::context(facts).id(self.id("ctx")),
        ];
        if incident.is_open() {
            blocks.push(Block::buttons([self.answer_button(drill)]).id(self.id("acts")));
        }
        blocks
    }

    fn drill_state(&self, drill: &Drill) -> String {
        let incident = self.incident;
        let word = if drill.ready.is_some() { "DRILL, READY CHECK" } else { "DRILL" };
        match (&incident.acknowledged, incident.status) {
            (Some(answer), _) => format!(
                ":large_green_circle: *{word}, ANSWERED* by {} after {}",
                self.setting.mention(&answer.by),
                span(answer.at - incident.opened_at)
            ),
            (None, Status::Resolved) => format!(":rotating_light: *{word}, NOBODY ANSWERED*"),
            (None, _) => format!(
                ":large_blue_circle: *{word}*  ·  nothing is broken  ·  an answer counts until {}",
                escape::time(incident.opened_at + seconds(drill))
            ),
        }
    }

    fn drill_facts(&self, drill: &Drill) -> Vec<String> {
        let incident = self.incident;
        let mut facts: Vec<String> = Vec::new();
        if incident.is_open() {
            facts.extend(self.owner(|who| self.setting.mention(who), escape::time));
        } else {
            facts.extend(self.measured());
        }
        let wanted_by = drill.by.as_ref().map(|who| format!("begun by {}", self.setting.name(who)));
        let by_rule = drill.rule.as_ref().map(|rule| format!("by the rule {}", line(rule, NAME_CHARS_MAX)));
        facts.extend(wanted_by.or(by_rule));
        if let Some(note) = incident.notes.last() {
            facts.push(format!("{}: {}", self.setting.name(&note.by), line(&note.text, 150)));
        }
        facts.push("Counts in no statistic".to_owned());
        facts
    }

    fn measured(&self) -> Option<String> {
        let measured = self.incident.measured()?;
        let told = measured.told(|who: &ResponderId| (self.setting.face)(who).name);
        let mut letters = told.chars();
        let first = letters.next()?.to_uppercase();
        Some(line(&first.chain(letters).collect::<String>(), TITLE_CHARS_MAX + REASON_CHARS_MAX))
    }

    fn answer_button(&self, drill: &Drill) -> Button {
        let claim = self.claim(Verb::Acknowledge).to_string();
        let (text, label) = match &drill.ready {
            Some(ready) => ("I am ready", format!("I am ready for my shift on {}", line(&ready.schedule, 40))),
            None => ("Acknowledge", format!("Acknowledge the drill {}", self.incident.id)),
        };
        Button::new("inc.ack", text, claim).style(Style::Primary).label(escape::plain(&label, 75))
    }

    /// The direct message of a drill.
    pub(crate) fn drill_page(&self, drill: &Drill, to: &ResponderId) -> Message {
        let incident = self.incident;
        let title = bold(&incident.alarm.title, TITLE_CHARS_MAX);
        let because = line(&incident.because, 200);
        let why = if because.is_empty() { String::new() } else { format!("\nYou are asked because: {because}") };
        let summary = line(&incident.alarm.summary, REASON_CHARS_MAX);
        let text = format!(":pager: *{}* {title}\n{summary}{why}", self.setting.number(incident.id));
        fit(Message::new(
            format!("Drill for {}: {}", self.setting.name(to), self.words()),
            vec![Block::section(Text::verbatim(text)), Block::buttons([self.answer_button(drill)])],
        ))
    }

    /// The card of a drill in words.
    pub(super) fn drill_words(&self, drill: &Drill) -> String {
        let incident = self.incident;
        let what = format!("{} {}", incident.id, line(&incident.alarm.title, TITLE_CHARS_MAX));
        if !incident.is_open() {
            return format!("Drill over: {what}. {}.", self.measured().unwrap_or_default());
        }
        let summary = line(&incident.alarm.summary, REASON_CHARS_MAX);
        let typed = if drill.ready.is_some() { "ready".to_owned() } else { format!("ack {}", incident.id.0) };
        let within = span(seconds(drill));
        format!("Drill: {what}. {summary} It ends within {within}. Type {} {typed}.", self.setting.command)
    }
}

fn seconds(drill: &Drill) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(drill.answer_seconds).unwrap_or(0).min(86_400))
}
