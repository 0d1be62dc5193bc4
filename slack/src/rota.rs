//! What is said about the rota: shifts, gaps, requests for cover, swaps, overrides. Texts and buttons only; who is on duty and
//! what counts is handed in.

use crate::blocks::{Block, Button, Element, Message, PlainTextInput, Style, Text, View};
use crate::card::Setting;
use crate::escape::{bold, day_time, line, plain, text};
use crate::form::{FIELD, asking, input};
use crate::limits::{fit, fit_view};
use crate::value::{Claim, Verb};
use chrono::{DateTime, Utc};
use incident::ResponderId;
use serde_json::{Value, json};

/// Characters of an answer's lines: a section takes 3,000, with the headline.
const LINES_CHARS_MAX: usize = 2_600;
/// The field of the form that asks for a part.
pub const PART_FIELD: &str = "part";
/// The form that asks for a part.
const PART: &str = "rota.part";
/// Characters of a typed time.
const PART_CHARS_MAX: u32 = 80;

/// A time, `[start, end)`.
pub type Time = (DateTime<Utc>, DateTime<Utc>);

/// A request for cover as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Its number.
    pub number: u64,
    /// The schedule.
    pub schedule: String,
    /// Who asked.
    pub asker: ResponderId,
    /// Why; may be empty.
    pub reason: String,
    /// What is still to be taken.
    pub open: Vec<Time>,
    /// What somebody took.
    pub taken: Vec<(ResponderId, Time)>,
    /// True when the asker needs the rest no more.
    pub is_cancelled: bool,
    /// Who could be asked, the best first, with the reason.
    pub candidates: Vec<(ResponderId, String)>,
}

/// A swap as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Its number.
    pub number: u64,
    /// The schedule.
    pub schedule: String,
    /// Who wants it.
    pub by: ResponderId,
    /// Who has to agree.
    pub with: ResponderId,
    /// What is given away.
    pub given: Time,
    /// What is taken for it.
    pub taken: Time,
    /// `agreed` or `closed`; open, when `None`.
    pub ended: Option<&'static str>,
}

/// A change of who is on duty, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Its number.
    pub number: u64,
    /// The schedule.
    pub schedule: String,
    /// Who is on duty.
    pub user: ResponderId,
    /// When.
    pub time: Time,
    /// Who said so.
    pub by: ResponderId,
    /// Why; may be empty.
    pub reason: String,
    /// Earlier changes of the same time, which it covers.
    pub beneath: Vec<(u64, ResponderId)>,
}

/// A list with a headline; lines are escaped already or hold only times and names of ours.
#[must_use]
pub fn list(headline: &str, lines: &[String], nothing: &str) -> Message {
    let headline = text(headline, 200);
    if lines.is_empty() {
        let nothing = text(nothing, 300);
        return fit(Message::ephemeral(nothing.clone(), vec![Block::section(Text::verbatim(nothing))]));
    }
    let mut room = LINES_CHARS_MAX;
    let fits = |line: &&String| {
        room = room.saturating_sub(line.chars().count() + 1);
        room > 0
    };
    let mut shown: Vec<String> = lines.iter().take_while(fits).cloned().collect();
    let more = lines.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    let body = format!("*{headline}*\n{}", shown.join("\n"));
    fit(Message::ephemeral(headline, vec![Block::section(Text::verbatim(body))]))
}

/// One shift of a list: from when until when, and who.
#[must_use]
pub fn shift((start, end): Time, people: &[ResponderId], setting: &Setting<'_>) -> String {
    let who = if people.is_empty() { ":warning: nobody".to_owned() } else { names(people, setting) };
    format!("{} to {}  {who}", day_time(start), day_time(end))
}

/// One gap of a list, with what fills it.
#[must_use]
pub fn gap(schedule: &str, time: Time) -> String {
    format!("{}  {}", bold(schedule, 80), told(time))
}

/// The request, with its buttons while something is open.
#[must_use]
pub fn cover(cover: &Cover, setting: &Setting<'_>) -> Message {
    let asker = setting.name(&cover.asker);
    let schedule = bold(&cover.schedule, 80);
    let reason = if cover.reason.is_empty() { String::new() } else { format!("\n_{}_", line(&cover.reason, 200)) };
    let mut body = vec![format!("*{asker}* asks for cover on {schedule}  ·  #{}{reason}", cover.number)];
    for (taker, time) in &cover.taken {
        body.push(format!(":white_check_mark: {} covers {}", setting.name(taker), told(*time)));
    }
    body.extend(cover.open.iter().map(|time| format!(":hourglass: {}", told(*time))));
    if cover.is_cancelled {
        body.push(format!("{asker} needs no more of it."));
    }
    let mut blocks = vec![Block::section(Text::verbatim(body.join("\n")))];
    if !cover.open.is_empty() {
        if !cover.candidates.is_empty() {
            let could = cover.candidates.iter().map(|(who, why)| format!("{} ({})", setting.name(who), line(why, 120)));
            blocks.push(Block::context([Text::verbatim(format!(
                "Could be asked: {}",
                could.collect::<Vec<_>>().join("; ")
            ))]));
        }
        let number = cover.number;
        let button = |id: &str, text: &str, verb| {
            Button::new(id, text, claim(verb, number).to_string()).label(format!("#{number}: {text}"))
        };
        blocks.push(Block::buttons([
            button("rota.accept", "I take all", Verb::RotaAccept).style(Style::Primary),
            button("rota.part", "A part…", Verb::RotaPart),
            button("rota.cancel", "Not needed", Verb::RotaCancel),
        ]));
        let still = format!("Until somebody takes it, {asker} is on call.");
        blocks.push(Block::context([Text::verbatim(still)]));
    }
    let words = body.join(" ").replace(":white_check_mark: ", "").replace(":hourglass: ", "");
    fit(Message::new(words, blocks))
}

/// The form that asks which part somebody takes, on the clocks of `zone`; `message` is the channel and the message on which the button stood, which
/// is drawn anew afterwards.
#[must_use]
pub fn part(number: u64, zone: &str, message: Option<(&str, &str)>) -> View {
    let element = Element::PlainTextInput(PlainTextInput {
        action_id: FIELD.to_owned(),
        placeholder: Some(Text::plain("sat 10-12")),
        max_length: Some(PART_CHARS_MAX),
        ..PlainTextInput::default()
    });
    let fields = vec![input(PART_FIELD, &format!("Which part, in {}", plain(zone, 60)), element)];
    let claim = claim(Verb::RotaPart, number);
    let claim = match message {
        Some((channel, ts)) => claim.with("c", channel).with("t", ts),
        None => claim,
    };
    fit_view(asking(PART, "A part of the cover", "I take it", claim, fields))
}

/// The answer to a part that nobody can take: the form stays open and says why below its field.
#[must_use]
pub fn part_error(why: &str) -> Value {
    json!({ "response_action": "errors", "errors": { PART_FIELD: plain(why, 300) } })
}

/// The swap, with its buttons while it is open.
#[must_use]
pub fn swap(swap: &Swap, setting: &Setting<'_>) -> Message {
    let (by, with) = (setting.name(&swap.by), setting.name(&swap.with));
    let asked = if swap.ended.is_none() { setting.mention(&swap.with) } else { format!("*{with}*") };
    let body = format!(
        "*{by}* would like to swap with {asked} on {}  ·  #{}\n{by} gives {}\n{with} gives {}",
        bold(&swap.schedule, 80),
        swap.number,
        told(swap.given),
        told(swap.taken)
    );
    let mut blocks = vec![Block::section(Text::verbatim(body.clone()))];
    match swap.ended {
        Some(ended) => blocks.push(Block::context([Text::verbatim(ended)])),
        None => blocks.push(Block::buttons([
            Button::new("rota.agree", "Agree", claim(Verb::RotaAgree, swap.number).to_string())
                .style(Style::Primary)
                .label(format!("#{}: Agree", swap.number)),
            Button::new("rota.cancel", "No", claim(Verb::RotaCancel, swap.number).to_string())
                .label(format!("#{}: No", swap.number)),
        ])),
    }
    fit(Message::new(body, blocks))
}

/// What was written down, repeated, with the way back.
#[must_use]
pub fn overridden(done: &Override, setting: &Setting<'_>) -> Message {
    let user = setting.name(&done.user);
    let by = if done.by == done.user { String::new() } else { format!(", says {}", setting.name(&done.by)) };
    let reason = if done.reason.is_empty() { String::new() } else { format!("\n_{}_", line(&done.reason, 200)) };
    let body = format!(
        "*{user}* is on call for {}: {}{by}  ·  #{}{reason}",
        bold(&done.schedule, 80),
        told(done.time),
        done.number
    );
    let mut blocks = vec![Block::section(Text::verbatim(body.clone()))];
    if !done.beneath.is_empty() {
        let beneath = done.beneath.iter().map(|(number, by)| format!("#{number} of {}", setting.name(by)));
        let said = format!("It goes before {}.", beneath.collect::<Vec<_>>().join(", "));
        blocks.push(Block::context([Text::verbatim(said)]));
    }
    let undo = Button::new("rota.cancel", "Take it back", claim(Verb::RotaCancel, done.number).to_string())
        .label(format!("#{}: Take it back", done.number));
    blocks.push(Block::buttons([undo]));
    fit(Message::new(body, blocks))
}

/// What somebody is told whose duty somebody else changed; `shifts` as [`shift`] draws them.
#[must_use]
pub fn changed(number: u64, schedule: &str, by: &ResponderId, shifts: &[String], setting: &Setting<'_>) -> Message {
    let headline = format!("*{}* changed who is on call for {}  ·  #{number}", setting.name(by), bold(schedule, 80));
    let shown: Vec<&str> = shifts.iter().take(10).map(String::as_str).collect();
    let body = format!("{headline}\nIt is now:\n{}", shown.join("\n"));
    fit(Message::new(body.clone(), vec![Block::section(Text::verbatim(body))]))
}

/// `Sat 5 Dec 10:00 to 14:00` as each reader's clock shows it.
fn told((start, end): Time) -> String {
    format!("{} to {}", day_time(start), day_time(end))
}

fn names(people: &[ResponderId], setting: &Setting<'_>) -> String {
    people.iter().map(|who| setting.name(who)).collect::<Vec<_>>().join(", ")
}

fn claim(verb: Verb, number: u64) -> Claim {
    Claim::new(verb).with("n", number)
}
