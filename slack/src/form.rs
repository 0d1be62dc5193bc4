//! The modals: why these actions, an action's parameters, the choice of an action, a note, a hand-over, the timeline.
//!
//! Pure. What a form is about stands in `private_metadata` as a claim (`value`), its fields are named by their block ids,
//! and every field's `action_id` is [`FIELD`]. What comes back is validated again; a form promises nothing.

use crate::blocks::{
    Block, Checkboxes, Choice, Element, Input, NumberInput, PlainTextInput, StaticSelect, Text, UsersSelect, View,
};
use crate::card::{Drawing, Setting, span, verdict};
use crate::escape::{self, bold, line, plain};
use crate::limits::{self, fit_view};
use crate::value::{Claim, Verb};
use chrono::{DateTime, Utc};
use incident::action::{Action, BadParam, Param, ParamKind, VALUE_CHARS_MAX, render};
use incident::{Incident, IncidentId, Line, NOTE_CHARS_MAX, Suggestion};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The `action_id` of every field.
pub const FIELD: &str = "v";
/// The form of [`params`].
pub const RUN: &str = "run";
/// The form of [`choose`].
pub const CHOOSE: &str = "choose";
/// The form of [`note`].
pub const NOTE: &str = "note";
/// The form of [`assign`].
pub const ASSIGN: &str = "assign";
/// The field of [`choose`].
pub const ACTION_FIELD: &str = "action";
/// The field of [`note`].
pub const NOTE_FIELD: &str = "text";
/// The field of [`assign`].
pub const PERSON_FIELD: &str = "person";
/// What a parameter's block id begins with, so that no parameter's name meets another field's.
pub const PARAM_PREFIX: &str = "param:";
/// Lines of a timeline in one modal: the newest.
pub const TIMELINE_LINES_MAX: usize = 60;

/// Why these actions: reasons, record and score of each suggestion, and what came close.
#[must_use]
pub fn why(incident: &Incident, before: &[Before], setting: &Setting<'_>) -> View {
    let drawing = Drawing { incident, setting };
    let mut blocks = vec![Block::section(Text::verbatim(format!(
        "*{}* {}",
        setting.number(incident.id),
        line(&incident.alarm.title, 200)
    )))];
    for (index, suggestion) in incident.suggestions.iter().enumerate() {
        let text = Text::verbatim(reasons(&format!("{}. ", index + 1), suggestion, setting));
        blocks.push(match drawing.suggestion_button(index + 1, suggestion).filter(|_| incident.is_open()) {
            Some(button) => Block::section_with(text, Element::Button(button)),
            None => Block::section(text),
        });
    }
    if incident.suggestions.is_empty() {
        let why = incident.no_match.as_deref().unwrap_or("no suggestions were made yet");
        blocks.push(Block::section(Text::verbatim(format!("No suggestion: {}", line(why, 500)))));
    }
    if !incident.runners_up.is_empty() {
        let close: Vec<String> = incident.runners_up.iter().map(|s| reasons("", s, setting)).collect();
        blocks.push(Block::section(Text::verbatim(format!("*Came close*\n{}", close.join("\n")))));
    }
    blocks.extend(similar(before, setting));
    blocks.push(Block::context([Text::verbatim(
        "Found by full-text search over your runbooks; the record comes from this alarm's own past. Nothing runs by itself.",
    )]));
    let mut view = View::modal("why", "Why these actions?", blocks);
    view.private_metadata = drawing.claim(Verb::Why).to_string();
    fit_view(view)
}

/// An incident that is over and looked like this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Which.
    pub incident: IncidentId,
    /// Its alarm.
    pub title: String,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What ended it.
    pub ended: String,
}

/// Incidents that looked like this one, with what ended them; none when there are none.
#[must_use]
pub fn similar(before: &[Before], setting: &Setting<'_>) -> Option<Block> {
    let line_of = |before: &Before| {
        format!(
            "{} {}  ·  {}  ·  {}",
            setting.number(before.incident),
            line(&before.title, 120),
            before.ended_at.format("%-d %b"),
            line(&before.ended, 150)
        )
    };
    let lines: Vec<String> = before.iter().map(line_of).collect();
    (!lines.is_empty()).then(|| Block::section(Text::verbatim(format!("*Similar incidents*\n{}", lines.join("\n")))))
}

fn reasons(number: &str, suggestion: &Suggestion, setting: &Setting<'_>) -> String {
    let runbook = suggestion.runbook.as_ref().map(|id| {
        let title = if suggestion.runbook_title.is_empty() { id.as_str() } else { &suggestion.runbook_title };
        let shown = match setting.runbook_url(id) {
            Some(url) => escape::link(&url, title),
            None => line(title, 150),
        };
        format!("\n*Runbook*  {shown}")
    });
    format!(
        "{}  ·  {}  ·  score {:.2}\n*Reason*  {}{}{}",
        bold(&format!("{number}{}", suggestion.title), 200),
        verdict(suggestion),
        suggestion.score,
        line(&suggestion.reason, 500),
        runbook.unwrap_or_default(),
        sum(suggestion)
    )
}

/// Longest summand of a score, in characters.
const PART_CHARS_MAX: usize = 60;

/// What the score is the sum of.
fn sum(suggestion: &Suggestion) -> String {
    let part = |part: &incident::Part| format!("{:+.2} {}", part.adds, line(&part.what, PART_CHARS_MAX));
    let parts: Vec<String> = suggestion.parts.iter().map(part).collect();
    if parts.is_empty() { String::new() } else { format!("\n*Score*  {}", parts.join("  ")) }
}

/// An action's parameters, as far as they are known filled in. `n` is the suggestion's number on the card.
#[must_use]
pub fn params(
    incident: &Incident,
    action: &Action,
    filled: &BTreeMap<String, String>,
    n: Option<usize>,
    setting: &Setting<'_>,
) -> View {
    let undo = action.undo.as_ref().and_then(|undo| setting.catalogue.get(undo));
    let undo = match undo {
        Some(undo) => format!("undo: {}", line(&render(&undo.title, filled), 80)),
        None if action.read_only => "changes nothing".to_owned(),
        None => "no undo".to_owned(),
    };
    let mut blocks = vec![Block::section(Text::verbatim(format!(
        "*{}*  ·  {}  ·  takes at most {}  ·  {undo}\n{}",
        setting.number(incident.id),
        escape::code(action.id.as_str(), 80),
        span(action.timeout),
        escape::text(&action.description, 1000)
    )))];
    blocks.extend(action.params.iter().map(|param| field(param, filled.get(&param.name).map(String::as_str))));
    if let Some(confirm) = &action.confirm {
        blocks.push(Block::context([Text::verbatim(escape::text(&render(confirm, filled), 500))]));
    }
    let claim = Claim::on(Verb::Run, incident.id, incident.seq).with("a", &action.id);
    let claim = match n {
        Some(n) => claim.with("n", n),
        None => claim,
    };
    let title = render(&action.title, filled);
    fit_view(asking(RUN, &title, if action.read_only { "Show" } else { "Run" }, claim, blocks))
}

/// One field for one parameter.
fn field(param: &Param, value: Option<&str>) -> Block {
    let action_id = FIELD.to_owned();
    let value = value.or(param.default.as_deref());
    let (element, hint) = match &param.kind {
        ParamKind::Integer { min, max } => {
            let hint = format!("A whole number from {min} to {max}.");
            let field = NumberInput {
                action_id,
                initial_value: value.filter(|value| value.parse::<i64>().is_ok()).map(str::to_owned),
                min_value: Some(min.to_string()),
                max_value: Some(max.to_string()),
                ..NumberInput::default()
            };
            (Element::NumberInput(field), Some(hint))
        }
        ParamKind::Choice { options } => {
            let choices = options.iter().map(|option| Choice::new(plain(option, 75), option.as_str()));
            let options: Vec<Choice> = choices.take(limits::CHOICES_MAX).collect();
            let initial_option = options.iter().find(|choice| Some(choice.value.as_str()) == value).cloned();
            (Element::StaticSelect(StaticSelect { action_id, options, initial_option, ..Default::default() }), None)
        }
        ParamKind::Boolean => {
            let tick = Choice::new("Yes", "true");
            let initial_options = if value == Some("true") { vec![tick.clone()] } else { Vec::new() };
            (Element::Checkboxes(Checkboxes { action_id, options: vec![tick], initial_options, confirm: None }), None)
        }
        ParamKind::Text { pattern } => {
            let hint = format!("Has to match {}", pattern.as_str());
            let field = PlainTextInput {
                action_id,
                initial_value: value.map(str::to_owned),
                max_length: u32::try_from(VALUE_CHARS_MAX).ok(),
                ..PlainTextInput::default()
            };
            (Element::PlainTextInput(field), Some(hint))
        }
    };
    let label = if param.title.is_empty() { &param.name } else { &param.title };
    Block::Input(Input {
        label: Text::plain(plain(label, 200)),
        element,
        hint: hint.map(|hint| Text::plain(plain(&hint, 300))),
        // An unticked box is an answer: Slack would not send a required one.
        optional: !param.required || param.default.is_some() || matches!(param.kind, ParamKind::Boolean),
        dispatch_action: false,
        block_id: Some(format!("{PARAM_PREFIX}{}", param.name)),
    })
}

/// The parameters of a form that was sent; an unticked box is `false`.
#[must_use]
pub fn sent_params(action: &Action, state: &crate::read::State) -> BTreeMap<String, String> {
    let value = |param: &Param| {
        let value = state.get(&format!("{PARAM_PREFIX}{}", param.name)).map(str::to_owned);
        let unticked = matches!(param.kind, ParamKind::Boolean).then(|| "false".to_owned());
        Some((param.name.clone(), value.or(unticked)?))
    };
    action.params.iter().filter_map(value).collect()
}

/// The answer to a form with values that do not pass: each is told below its own field, and the form stays open.
#[must_use]
pub fn errors(bad: &[BadParam]) -> Value {
    let errors: BTreeMap<String, String> = bad
        .iter()
        .map(|bad| (format!("{PARAM_PREFIX}{}", bad.name), plain(&format!("It {}.", bad.message), 300)))
        .collect();
    json!({ "response_action": "errors", "errors": errors })
}

/// The answer that shows another view in the form's place.
#[must_use]
pub fn replace(view: View) -> Value {
    json!({ "response_action": "update", "view": fit_view(view) })
}

/// Any action of the catalogue; the next form asks for its parameters.
#[must_use]
pub fn choose(incident: &Incident, setting: &Setting<'_>) -> View {
    let options: Vec<Choice> = setting
        .catalogue
        .iter()
        .filter(|action| action.id.as_str().chars().count() <= limits::CHOICE_VALUE_CHARS_MAX)
        .take(limits::CHOICES_MAX)
        .map(|action| {
            let mut choice =
                Choice::new(plain(&render(&action.title, &action.fill(&incident.alarm)), 75), action.id.as_str());
            let about = plain(&action.description, limits::CHOICE_TEXT_CHARS_MAX);
            choice.description = (!about.is_empty()).then(|| Text::plain(about));
            choice
        })
        .collect();
    let claim = Claim::on(Verb::Other, incident.id, incident.seq);
    if options.is_empty() {
        let nothing = "There are no actions yet; write one in actions/, then run: catops lint";
        return fit_view(View::modal(CHOOSE, "Other action", vec![Block::section(Text::verbatim(nothing))]));
    }
    let element = Element::StaticSelect(StaticSelect {
        action_id: FIELD.to_owned(),
        placeholder: Some(Text::plain("Type to search")),
        options,
        ..Default::default()
    });
    fit_view(asking(CHOOSE, "Other action", "Next", claim, vec![input(ACTION_FIELD, "Action", element)]))
}

/// A note for the timeline.
#[must_use]
pub fn note(incident: &Incident) -> View {
    let element = Element::PlainTextInput(PlainTextInput {
        action_id: FIELD.to_owned(),
        placeholder: Some(Text::plain("What you saw, tried or decided")),
        multiline: true,
        max_length: u32::try_from(NOTE_CHARS_MAX.min(limits::INPUT_CHARS_MAX)).ok(),
        ..PlainTextInput::default()
    });
    let claim = Claim::on(Verb::Note, incident.id, incident.seq);
    fit_view(asking(NOTE, &format!("Note on {}", incident.id), "Save", claim, vec![input(NOTE_FIELD, "Note", element)]))
}

/// A hand-over to somebody else.
#[must_use]
pub fn assign(incident: &Incident) -> View {
    let element = Element::UsersSelect(UsersSelect {
        action_id: FIELD.to_owned(),
        placeholder: Some(Text::plain("Somebody of the rota")),
        ..UsersSelect::default()
    });
    let claim = Claim::on(Verb::Assign, incident.id, incident.seq);
    let title = format!("Hand over {}", incident.id);
    fit_view(asking(ASSIGN, &title, "Hand over", claim, vec![input(PERSON_FIELD, "To whom", element)]))
}

/// Lines of what will happen that are shown under what has.
const FUTURE_LINES_MAX: usize = 8;

/// What happened, in order, and what will if nobody acts; the oldest lines of a long night are counted, not shown.
#[must_use]
pub fn timeline(incident: &Incident, lines: &[Line], setting: &Setting<'_>) -> View {
    let lines = &lines[lines.len().saturating_sub(TIMELINE_LINES_MAX)..];
    let left_out = lines.first().map_or(0, |line| line.seq.saturating_sub(1));
    let mut blocks = vec![Block::section(Text::verbatim(format!(
        "*{}* {}",
        setting.number(incident.id),
        line(&incident.alarm.title, 200)
    )))];
    if left_out > 0 {
        blocks.push(Block::context([Text::verbatim(format!(
            "{left_out} earlier lines: catops timeline {}",
            incident.id.0
        ))]));
    }
    blocks.extend(
        lines
            .iter()
            .map(|it| Block::context([Text::verbatim(format!("{}  {}", escape::time(it.at), line(&it.text, 1000)))])),
    );
    if !setting.future.is_empty() {
        let told = setting.future.iter().take(FUTURE_LINES_MAX);
        let told: Vec<String> = told.map(|(at, what)| format!("{}  {}", escape::time(*at), line(what, 250))).collect();
        let text = format!("*If nobody acts:*\n{}", told.join("\n"));
        blocks.push(Block::context([Text::verbatim(text)]));
    }
    fit_view(View::modal("timeline", format!("Timeline {}", incident.id), blocks))
}

pub(crate) fn asking(callback_id: &str, title: &str, submit: &str, claim: Claim, blocks: Vec<Block>) -> View {
    let mut view = View::modal(callback_id, plain(title, limits::MODAL_TITLE_CHARS_MAX), blocks);
    view.submit = Some(Text::plain(submit));
    view.close = Some(Text::plain("Cancel"));
    view.private_metadata = claim.to_string();
    view
}

pub(crate) fn input(block_id: &str, label: &str, element: Element) -> Block {
    Block::Input(Input {
        label: Text::plain(label),
        element,
        hint: None,
        optional: false,
        dispatch_action: false,
        block_id: Some(block_id.to_owned()),
    })
}
