//! Everything that CatOps says besides the card: help, lists, refusals, pages, lines in a thread.
//!
//! Pure. Answers are for the asker only; a page is a direct message; a thread line names people plainly, so that nobody is
//! subscribed to a thread by a mention. Every text says what to do next when there is something to do.

use crate::blocks::{Block, Button, Choice, Element, Message, Overflow, Section, Style, Text};
use crate::card::{Drawing, Setting, verdict};
use crate::command::{Misread, Word};
use crate::escape::{self, bold, code, line, utc_day_time, utc_time};
use crate::limits::fit;
use crate::value::{Claim, Verb};
use chrono::{DateTime, Utc};
use incident::action::Denied;
use incident::{Incident, Line, ResponderId, RunbookId, Status};
use std::ops::Range;

/// Incidents in one list; the rest is counted.
pub const LISTED_MAX: usize = 15;
/// Characters of an alarm's resource in a list.
const PLACE_CHARS_MAX: usize = 80;
/// Characters of one line of what the alarm's own system shows.
const CONTEXT_LINE_CHARS_MAX: usize = 400;
/// Schedules in one list.
const SCHEDULES_MAX: usize = 20;

/// One schedule, for the answer to `oncall`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The schedule's name.
    pub schedule: String,
    /// The people, first to be paged first.
    pub people: Vec<ResponderId>,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
    /// Why these people.
    pub because: String,
    /// Who comes after them.
    pub next: Vec<ResponderId>,
}

/// A time that somebody asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The instant.
    pub at: DateTime<Utc>,
    /// In words, with the zone that it was meant in.
    pub told: String,
}

/// A plain sentence for the asker; it may hold foreign text.
#[must_use]
pub fn say(sentence: &str) -> Message {
    let text = escape::text(sentence, 2900);
    fit(Message::ephemeral(text.clone(), vec![Block::section(Text::verbatim(text))]))
}

/// A press or command that changed nothing, and why: the refusal's own sentence.
#[must_use]
pub fn nothing_done(incident: Option<&Incident>, why: &str) -> Message {
    let about = incident.map(|incident| format!("{}: ", incident.id)).unwrap_or_default();
    let why = line(why, 500);
    let text = format!("Nothing done. {about}{why}.");
    fit(Message::ephemeral(
        text.clone(),
        vec![Block::context([Text::verbatim(format!(":information_source: {text}"))])],
    ))
}

/// Somebody may not run an action; names those who can.
#[must_use]
pub fn denied(title: &str, denied: &Denied, setting: &Setting<'_>) -> Message {
    let sentence = line(&denied.to_string(), 500);
    let who = denied.who_can.iter().map(|name| setting.mention(&ResponderId(name.clone()))).collect::<Vec<_>>();
    let ask = if who.is_empty() { String::new() } else { format!("\nAsk {}.", who.join(" or ")) };
    fit(Message::ephemeral(
        format!("You may not run {}: {sentence}.", line(title, 200)),
        vec![Block::section(Text::verbatim(format!(
            ":lock: *You may not run* {}: {sentence}.{ask}",
            bold(title, 200)
        )))],
    ))
}

/// A line that was not understood, with a way on.
#[must_use]
pub fn misread(misread: &Misread, setting: &Setting<'_>) -> Message {
    let said = line(&misread.to_string(), 500);
    let help = Button::new("help.open", "Help", Claim::new(Verb::Help).to_string()).label("Show all commands");
    let text = format!("{said}. Commands stand behind {}.", setting.command);
    fit(Message::ephemeral(text, vec![Block::section_with(Text::verbatim(format!("{said}.")), Element::Button(help))]))
}

/// The commands, or one of them.
#[must_use]
pub fn help(word: Option<Word>, setting: &Setting<'_>) -> Message {
    if let Some(word) = word {
        let text = format!("{}: {}. For example: {} {}", word.text(), word.purpose(), setting.command, word.example());
        let blocks = vec![Block::section(Text::verbatim(format!(
            "*{}*  {}\n{}",
            word.text(),
            word.purpose(),
            code(&format!("{} {}", setting.command, word.example()), 200)
        )))];
        return fit(Message::ephemeral(text, blocks));
    }
    let group = |title: &str, words: &[Word]| {
        let lines: Vec<String> =
            words.iter().map(|word| format!("{}  {}", code(word.example(), 100), word.purpose())).collect();
        Text::verbatim(format!("*{title}*\n{}", lines.join("\n")))
    };
    let (incidents, rest) = Word::ALL.split_at(12);
    let examples: Vec<&str> = Word::ALL.iter().map(|word| word.example()).collect();
    let list = Button::new("inc.list", "Open incidents", Claim::new(Verb::Incidents).to_string()).style(Style::Primary);
    let duty = Button::new("oncall.list", "Who is on call", Claim::new(Verb::OnCall).to_string());
    fit(Message::ephemeral(
        format!("CatOps help. After {} type one of: {}.", setting.command, examples.join(", ")),
        vec![
            Block::section(Text::verbatim(format!(
                "*CatOps*  ·  {} here, or mention CatOps in a thread and leave the command out",
                code(&format!("{} ack 42", setting.command), 60)
            ))),
            Block::Section(Section {
                fields: vec![group("Incidents", incidents), group("Actions and people", rest)],
                ..Section::default()
            }),
            Block::buttons([list, duty]),
        ],
    ))
}

/// The open incidents, worst and newest first as they are given.
#[must_use]
pub fn incidents(open: &[Incident], setting: &Setting<'_>) -> Message {
    if open.is_empty() {
        return say("No open incidents.");
    }
    let count = match open.len() {
        1 => "1 open incident".to_owned(),
        count => format!("{count} open incidents"),
    };
    let mut blocks = vec![Block::section(Text::verbatim(format!("*{count}*")))];
    let mut words = vec![format!("{count}.")];
    for incident in open.iter().take(LISTED_MAX) {
        let (word, block) = row(incident, setting);
        words.push(word);
        blocks.push(block);
    }
    if open.len() > LISTED_MAX {
        let rest = format!("And {} more.", open.len() - LISTED_MAX);
        blocks.push(Block::context([Text::verbatim(rest.clone())]));
        words.push(rest);
    }
    fit(Message::ephemeral(words.join(" "), blocks))
}

/// A runbook that somebody looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRunbook {
    /// Which.
    pub id: RunbookId,
    /// Its title.
    pub title: String,
    /// The line that says most of what was asked for; empty when there is none.
    pub line: String,
    /// Where the words that match stand in it, in bytes.
    pub matches: Vec<Range<usize>>,
}

/// Runbooks that say what was asked for, with the words that match in bold.
#[must_use]
pub fn runbooks(asked: &str, found: &[FoundRunbook], setting: &Setting<'_>) -> Message {
    if found.is_empty() {
        return say(&format!("No runbook says \"{asked}\". A Markdown file in runbooks/ is found within seconds."));
    }
    let shown = |found: &FoundRunbook| {
        let title = match setting.runbook_url(&found.id) {
            Some(url) => escape::link(&url, &found.title),
            None => bold(&found.title, 150),
        };
        format!("{title}  ·  {}\n{}", code(found.id.as_str(), 100), marked(&found.line, &found.matches))
    };
    let blocks = found.iter().map(|found| Block::section(Text::verbatim(shown(found).trim_end())));
    let titles: Vec<String> = found.iter().map(|found| line(&found.title, 150)).collect();
    fit(Message::ephemeral(format!("Runbooks: {}", titles.join("; ")), blocks.collect()))
}

/// A text with some of its words in bold.
fn marked(text: &str, matches: &[Range<usize>]) -> String {
    let (mut shown, mut done) = (String::new(), 0);
    let plain = |range: Range<usize>| escape::text(text.get(range).unwrap_or_default(), 300);
    for range in matches {
        shown.push_str(&plain(done..range.start));
        shown.push_str(&bold(text.get(range.clone()).unwrap_or_default(), 100));
        done = range.end;
    }
    shown + &plain(done..text.len())
}

/// An open incident as one line of a list, in words and as a block with what can be done.
pub(crate) fn row(incident: &Incident, setting: &Setting<'_>) -> (String, Block) {
    let title = line(&incident.alarm.title, 150);
    let severity = incident.severity.label();
    let (sign, state) = match (incident.status, &incident.acknowledged) {
        (Status::Acknowledged, Some(taken)) => {
            (":large_yellow_circle:", format!("acknowledged by {}", setting.name(&taken.by)))
        }
        _ if !incident.counts() => (":large_blue_circle:", format!("a drill, {}", asked(incident, setting))),
        _ => (":red_circle:", format!("firing, {}", asked(incident, setting))),
    };
    // What tells apart the incidents of one alarm that fires in many places.
    let place = Some(incident.alarm.resource.as_str()).filter(|place| !place.is_empty());
    let place = place.map(|place| format!(" {}", code(place, PLACE_CHARS_MAX))).unwrap_or_default();
    let choice = |text: &str, verb| Choice::new(text, Claim::on(verb, incident.id, incident.seq).to_string());
    let mut options = vec![choice("Show", Verb::Open)];
    if incident.acknowledged.is_none() {
        options.push(choice("Acknowledge", Verb::Acknowledge));
    }
    options.push(choice("Resolve", Verb::Resolve));
    let menu = Overflow { action_id: "inc.more".to_owned(), options, confirm: None };
    let text = format!(
        "{sign} *{}*  ·  {severity}  ·  {title}{place}\n{state}, since {}",
        setting.number(incident.id),
        escape::time(incident.opened_at)
    );
    let words = format!("{} {severity} {title}{}, {state}.", incident.id, place.replace('`', ""));
    (words, Block::section_with(Text::verbatim(text), Element::Overflow(menu)))
}

fn asked(incident: &Incident, setting: &Setting<'_>) -> String {
    if incident.owners.is_empty() {
        return "nobody was asked".to_owned();
    }
    let names: Vec<String> = incident.owners.iter().map(|who| setting.name(who)).collect();
    format!("{} asked", names.join(", "))
}

/// Who is on call, and why; now, when nobody asked about another time.
#[must_use]
pub fn on_call(duties: &[Duty], asked: Option<&Asked>, setting: &Setting<'_>) -> Message {
    if duties.is_empty() {
        return say("No schedule is set up; write one in rota/, then run: catops lint");
    }
    let title = asked.map_or_else(
        || "*On call now*".to_owned(),
        |asked| format!("*On call at {}*  ·  {}", line(&asked.told, 80), escape::day_time(asked.at)),
    );
    let mut words =
        vec![asked.map_or_else(|| "On call now.".to_owned(), |asked| format!("On call at {}.", line(&asked.told, 80)))];
    let mut blocks = vec![Block::section(Text::verbatim(title))];
    for duty in duties.iter().take(SCHEDULES_MAX) {
        let people = |name: &dyn Fn(&ResponderId) -> String, of: &[ResponderId]| {
            of.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        let because = line(&duty.because, 300);
        let schedule = line(&duty.schedule, 80);
        let until = duty.until.map(|until| format!(" until {}", escape::day_time(until))).unwrap_or_default();
        let until_words = duty.until.map(|until| format!(" until {}", utc_day_time(until))).unwrap_or_default();
        let name = |who: &ResponderId| setting.name(who);
        let next = if duty.next.is_empty() { String::new() } else { format!(", then {}", people(&name, &duty.next)) };
        // Names, not mentions: whoever asks who is on call does not want to wake them.
        let who = if duty.people.is_empty() { ":warning: nobody".to_owned() } else { people(&name, &duty.people) };
        words.push(format!("{schedule}: {}{until_words}{next}.", who.replace(":warning: ", "")));
        let text = format!("{}  {who}{until}{next}\n{because}", bold(&duty.schedule, 80));
        blocks.push(Block::section(Text::verbatim(text.trim_end())));
    }
    fit(Message::ephemeral(words.join(" "), blocks))
}

/// The direct message that wakes somebody. `card` is the address of the incident's card.
#[must_use]
pub fn page(incident: &Incident, to: &ResponderId, card: Option<&str>, setting: &Setting<'_>) -> Message {
    let drawing = Drawing { incident, setting };
    if let Some(drill) = incident.drill() {
        return drawing.drill_page(drill, to);
    }
    let title = line(&incident.alarm.title, 200);
    let severity = incident.severity.label();
    let because = line(&incident.because, 200);
    let why = if because.is_empty() { String::new() } else { format!("\nYou are asked because: {because}") };
    let link = card.map(|url| format!("\n{}", escape::link(url, "Open the card"))).unwrap_or_default();
    let first = incident.suggestions.first();
    let first =
        first.map(|s| format!("\nMost likely to help: {} ({})", line(&s.title, 150), verdict(s))).unwrap_or_default();
    let head = format!(":pager: *{severity}*  ·  *{}* {}", setting.number(incident.id), bold(&title, 200));
    let number = incident.id;
    let ack = Button::new("inc.ack", "Acknowledge", drawing.claim(Verb::Acknowledge).to_string())
        .style(Style::Primary)
        .label(format!("Acknowledge {number}"));
    let cannot = Button::new("inc.decline", "I cannot", drawing.claim(Verb::Decline).to_string())
        .label(format!("I cannot take {number}: ask the next one"));
    fit(Message::new(
        format!("Page for {}: {}", setting.name(to), drawing.words()),
        vec![Block::section(Text::verbatim(format!("{head}{why}{first}{link}"))), Block::buttons([ack, cannot])],
    ))
}

/// The message that asks everybody in a channel: whoever takes it first has it.
#[must_use]
pub fn ask_channel(incident: &Incident, setting: &Setting<'_>) -> Message {
    let drawing = Drawing { incident, setting };
    let severity = incident.severity.label();
    let title = bold(&line(&incident.alarm.title, 200), 200);
    let head = format!(":pager: *{severity}*  ·  *{}* {title}", setting.number(incident.id));
    let asks = "Nobody has it yet. Whoever takes it first has it.";
    let number = incident.id;
    let ack = Button::new("inc.ack", "Acknowledge", drawing.claim(Verb::Acknowledge).to_string())
        .style(Style::Primary)
        .label(format!("Acknowledge {number}"));
    fit(Message::new(
        format!("{asks} {}", drawing.words()),
        vec![Block::section(Text::verbatim(format!("{head}\n{asks}"))), Block::buttons([ack])],
    ))
}

/// The page of a round once it asks nobody any more: the same message, without its buttons.
#[must_use]
pub fn page_over(incident: &Incident, round: u32, setting: &Setting<'_>) -> Message {
    let what = match (&incident.acknowledged, incident.status) {
        // A round begins when something that was over begins again, and pages anew.
        _ if round < incident.round => "was resolved, and opened again later".to_owned(),
        (Some(answer), _) if !incident.counts() => format!("was answered by {}", setting.name(&answer.by)),
        (None, Status::Resolved) if !incident.counts() => "ended, and nobody answered".to_owned(),
        (_, Status::Resolved) => "is resolved".to_owned(),
        (Some(taken), _) => format!("was acknowledged by {}", setting.name(&taken.by)),
        (None, _) => "went to the next level".to_owned(),
    };
    let title = line(&incident.alarm.title, 200);
    fit(Message::new(
        format!("{} {title} {what}.", incident.id),
        vec![Block::context([Text::verbatim(format!("*{}* {title} {what}", setting.number(incident.id)))])],
    ))
}

/// What the alarm's own system shows, as the words beside a picture.
#[must_use]
pub fn context_words(lines: &[String]) -> String {
    lines.iter().map(|words| line(words, CONTEXT_LINE_CHARS_MAX)).collect::<Vec<_>>().join("\n")
}

/// The same in the card's thread, where there is no picture.
#[must_use]
pub fn context(lines: &[String], thread_ts: &str) -> Message {
    let words = context_words(lines);
    let mut message = Message::new(words.clone(), vec![Block::context([Text::verbatim(words)])]);
    message.thread_ts = Some(thread_ts.to_owned());
    fit(message)
}

/// A line of the timeline in the card's thread.
#[must_use]
pub fn thread(timeline: &Line, thread_ts: &str) -> Message {
    let text = line(&timeline.text, 2000);
    let block = Block::context([Text::verbatim(format!("{}  {text}", escape::time(timeline.at)))]);
    let mut message = Message::new(format!("{} {text}", utc_time(timeline.at)), vec![block]);
    message.thread_ts = Some(thread_ts.to_owned());
    fit(message)
}
