//! What is said when the duty changes hands, and about times and people for whom nobody can be on call. Texts and buttons only;
//! who left, who came and what counts is handed in.

use crate::blocks::{Block, Button, Confirm, Message, Style, Text};
use crate::card::Setting;
use crate::escape::{bold, code, day_time, line, time as clock_time};
use crate::limits::fit;
use crate::rota::{Time, shift};
use crate::value::{Claim, Verb};
use chrono::{DateTime, Utc};
use incident::{IncidentId, ResponderId, SilenceId};

/// Incidents and promises that a post lists of each kind; the rest is counted.
pub const LISTED_MAX: usize = 8;
/// Characters of a title or a note in a post.
const WORDS_CHARS_MAX: usize = 120;

/// What there is to know when the duty changes hands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// What is open, the newest first.
    pub open: Vec<Open>,
    /// What happened since the shift before began.
    pub news: Vec<News>,
    /// What somebody said or asked and is not settled.
    pub promised: Vec<Promise>,
    /// What opens nothing for now, what ends first before the others.
    pub silenced: Vec<Silenced>,
    /// The next shifts.
    pub next: Vec<Shift>,
}

/// A shift to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when; `None` when that is further ahead than was searched.
    pub end: Option<DateTime<Utc>>,
    /// Who; nobody when empty.
    pub people: Vec<ResponderId>,
}

/// An incident that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number.
    pub id: IncidentId,
    /// Its title, as it came from outside.
    pub title: String,
    /// Who has it, or who was asked.
    pub people: Vec<ResponderId>,
    /// True when they acknowledged it.
    pub is_acknowledged: bool,
}

/// A silence in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// Its number.
    pub id: SilenceId,
    /// Its matchers, as they were typed.
    pub rule: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Who made it.
    pub by: ResponderId,
    /// Why, as it was written.
    pub because: String,
}

/// Something that happened to an incident in the shift before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Its number.
    pub id: IncidentId,
    /// Its title, as it came from outside.
    pub title: String,
    /// What.
    pub what: Happened,
}

/// What happened to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It began, and is open.
    Began,
    /// It is over.
    Ended,
    /// It came back so many times.
    CameBack(u32),
}

/// Something that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// The last note on an open incident.
    Note {
        /// The incident.
        id: IncidentId,
        /// Who wrote it.
        by: ResponderId,
        /// What, as it was written.
        text: String,
    },
    /// A request for cover that nobody has taken as a whole.
    Cover {
        /// Its number.
        number: u64,
        /// Who asked.
        asker: ResponderId,
        /// What is still to be taken.
        open: Vec<Time>,
    },
}

/// A handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// The schedule.
    pub schedule: String,
    /// Its number on that schedule.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// True when it was told late, because CatOps was not running.
    pub is_late: bool,
    /// Who left.
    pub left: Vec<ResponderId>,
    /// Who came.
    pub came: Vec<ResponderId>,
    /// Who stays.
    pub stayed: Vec<ResponderId>,
    /// Until when, when that is known.
    pub until: Option<DateTime<Utc>>,
    /// The version of tzdata by which it is then.
    pub tzdata: String,
    /// Where it stands.
    pub standing: Standing,
}

/// Where a handoff stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Who came is asked to say so.
    Waiting,
    /// Somebody has it.
    Acknowledged(ResponderId, DateTime<Utc>),
    /// Nobody said so in time; these were told, if there is anybody.
    Asked(Vec<ResponderId>, DateTime<Utc>),
    /// Others are on duty by now.
    Over,
}

/// The post of a handoff.
#[must_use]
pub fn post(handoff: &Handoff, summary: &Summary, setting: &Setting<'_>) -> Message {
    let headline = headline(handoff, setting);
    let mut blocks = vec![Block::section(Text::verbatim(headline.clone()))];
    for (title, lines) in parts(summary, setting) {
        blocks.push(Block::section(Text::verbatim(format!("*{title}*\n{}", lines.join("\n")))));
    }
    let (said, asks) = standing(handoff, setting);
    if asks {
        let claim = Claim::new(Verb::HandoffTake).with("s", &handoff.schedule).with("n", handoff.number);
        let label = format!("{}: I have it", line(&handoff.schedule, 60));
        blocks.push(Block::buttons([Button::new("handoff.take", "I have it", claim.to_string())
            .style(Style::Primary)
            .label(label)]));
    }
    let mut below = said.clone();
    if !below.is_empty() {
        below.push_str("  ·  ");
    }
    below.push_str(&format!(
        "handoff {} of {}, tzdata {}",
        handoff.number,
        line(&handoff.schedule, 80),
        line(&handoff.tzdata, 20)
    ));
    blocks.push(Block::context([Text::verbatim(below)]));
    fit(Message::new(format!("{headline} {said}"), blocks))
}

fn headline(handoff: &Handoff, setting: &Setting<'_>) -> String {
    let schedule = bold(&handoff.schedule, 80);
    let asked = handoff.standing == Standing::Waiting;
    let came: Vec<String> = handoff
        .came
        .iter()
        .map(|who| if asked { setting.mention(who) } else { format!("*{}*", setting.name(who)) })
        .collect();
    let until = handoff.until.map(|until| format!(" until {}", day_time(until))).unwrap_or_default();
    let mut said = match (came.is_empty(), handoff.stayed.is_empty()) {
        (true, true) => format!(":warning: Nobody is on call for {schedule}{until}."),
        (true, false) => format!("{} is on call for {schedule}{until} as before.", names(&handoff.stayed, setting)),
        (false, _) => format!("{} is on call for {schedule}{until}.", came.join(", ")),
    };
    if !handoff.left.is_empty() {
        said.push_str(&format!(" {} leaves.", names(&handoff.left, setting)));
    }
    if !handoff.stayed.is_empty() && !came.is_empty() {
        said.push_str(&format!(" {} stays.", names(&handoff.stayed, setting)));
    }
    if handoff.is_late {
        said.push_str(&format!(" It is so since {}; CatOps did not run then.", day_time(handoff.at)));
    }
    said
}

/// Where it stands in words, and whether somebody is asked.
fn standing(handoff: &Handoff, setting: &Setting<'_>) -> (String, bool) {
    let can_take = !handoff.came.is_empty();
    match &handoff.standing {
        Standing::Acknowledged(by, at) => {
            (format!(":white_check_mark: {} has it since {}", setting.name(by), clock_time(*at)), false)
        }
        Standing::Waiting => (String::new(), can_take),
        Standing::Asked(to, at) if to.is_empty() => (
            format!(":warning: Nobody acknowledged by {}, and nobody else is there to be told", clock_time(*at)),
            can_take,
        ),
        Standing::Asked(to, at) => {
            (format!(":warning: Nobody acknowledged; {} was told at {}", names(to, setting), clock_time(*at)), can_take)
        }
        Standing::Over => ("This shift is over".to_owned(), false),
    }
}

/// The parts of a summary with something in them: a title, and its lines.
fn parts(summary: &Summary, setting: &Setting<'_>) -> Vec<(String, Vec<String>)> {
    let open = |open: &Open| {
        let who = match (open.people.is_empty(), open.is_acknowledged) {
            (true, _) => "nobody".to_owned(),
            (false, true) => format!("{} has it", names(&open.people, setting)),
            (false, false) => format!("{} was asked", names(&open.people, setting)),
        };
        format!("{} {}  ·  {who}", setting.number(open.id), line(&open.title, WORDS_CHARS_MAX))
    };
    let news = |news: &News| {
        let what = match news.what {
            Happened::Began => "new".to_owned(),
            Happened::Ended => "resolved".to_owned(),
            Happened::CameBack(times) => format!("came back {}", count(times)),
        };
        format!("{} {}  ·  {what}", setting.number(news.id), line(&news.title, WORDS_CHARS_MAX))
    };
    let promise = |promise: &Promise| match promise {
        Promise::Note { id, by, text } => {
            format!("{} {}: _{}_", setting.number(*id), setting.name(by), line(text, WORDS_CHARS_MAX))
        }
        Promise::Cover { number, asker, open } => {
            let times: Vec<String> =
                open.iter().map(|(start, end)| format!("{} to {}", day_time(*start), day_time(*end))).collect();
            format!("#{number} {} asks for cover: {}", setting.name(asker), times.join(", "))
        }
    };
    let silenced = |silenced: &Silenced| {
        format!(
            "{} {} until {}  ·  {}: _{}_",
            silenced.id,
            code(&silenced.rule, WORDS_CHARS_MAX),
            day_time(silenced.until),
            setting.name(&silenced.by),
            line(&silenced.because, WORDS_CHARS_MAX)
        )
    };
    let next = |next: &Shift| match next.end {
        Some(end) => shift((next.start, end), &next.people, setting),
        None if next.people.is_empty() => format!("from {}  :warning: nobody", day_time(next.start)),
        None => format!("from {}  {}", day_time(next.start), names(&next.people, setting)),
    };
    let nothing = vec!["Nothing is open.".to_owned()];
    let open = if summary.open.is_empty() { nothing } else { listed(&summary.open, open) };
    let all = [
        (format!("Open: {}", summary.open.len()), open),
        ("Since the shift before began".to_owned(), listed(&summary.news, news)),
        ("Not settled".to_owned(), listed(&summary.promised, promise)),
        (format!("Silenced: {}", summary.silenced.len()), listed(&summary.silenced, silenced)),
        ("Next shifts".to_owned(), listed(&summary.next, next)),
    ];
    all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
}

fn listed<T>(all: &[T], draw: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines: Vec<String> = all.iter().take(LISTED_MAX).map(draw).collect();
    if all.len() > LISTED_MAX {
        lines.push(format!("and {} more", all.len() - LISTED_MAX));
    }
    lines
}

/// The direct message to who is told that nobody acknowledged.
#[must_use]
pub fn unacknowledged(schedule: &str, came: &[ResponderId], at: DateTime<Utc>, setting: &Setting<'_>) -> Message {
    let said = format!(
        "*{}* came on call for {} at {} and did not say so. You are next: see that somebody has it.",
        names(came, setting),
        bold(schedule, 80),
        day_time(at)
    );
    fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said))]))
}

/// A time with nobody on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The schedule.
    pub schedule: String,
    /// Its number on that schedule.
    pub number: u64,
    /// When.
    pub time: Time,
    /// Who is on duty in it by now, in order; somebody is missing while it is empty.
    pub filled: Vec<(Time, Vec<ResponderId>)>,
    /// True once it is over.
    pub is_over: bool,
}

/// The alarm of a gap, with its button while it is one.
#[must_use]
pub fn gap(gap: &Gap, setting: &Setting<'_>) -> Message {
    let (start, end) = gap.time;
    let (schedule, when) = (bold(&gap.schedule, 80), format!("{} to {}", day_time(start), day_time(end)));
    if !gap.filled.is_empty() {
        let shifts: Vec<String> = gap.filled.iter().map(|(time, people)| shift(*time, people, setting)).collect();
        let said =
            format!(":white_check_mark: Somebody is on call for {schedule} again: {when}\n{}", shifts.join("\n"));
        return fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said))]));
    }
    if gap.is_over {
        let said = format!("Nobody was on call for {schedule}: {when}");
        return fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said))]));
    }
    let said = format!(":warning: Nobody will be on call for {schedule}: {when}");
    let claim = Claim::new(Verb::GapFill).with("s", &gap.schedule).with("n", gap.number);
    let button = Button::new("gap.fill", "Fill it", claim.to_string())
        .style(Style::Primary)
        .label(format!("{}: Fill gap {}", line(&gap.schedule, 50), gap.number))
        .confirm(Confirm {
            title: Text::plain("Fill this gap?"),
            text: Text::plain("You will be on call in all of it. You can take it back, or swap it, afterwards."),
            confirm: Text::plain("I take it"),
            deny: Text::plain("No"),
            style: None,
        });
    fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said)), Block::buttons([button])]))
}

/// People who will be on duty and cannot be reached, each with the reason.
#[must_use]
pub fn unreachable(schedule: &str, people: &[(ResponderId, String)], setting: &Setting<'_>) -> Message {
    let lines: Vec<String> =
        people.iter().map(|(who, why)| format!("*{}* {}", setting.name(who), line(why, 200))).collect();
    let said = format!(
        ":warning: Soon on call for {}, and hard to reach:\n{}\nWrite what is missing in rota/*.toml.",
        bold(schedule, 80),
        lines.join("\n")
    );
    fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said))]))
}

/// Handoffs that other rules of time zones moved: before, now, and who comes.
#[must_use]
pub fn moved(
    schedule: &str,
    (before, after): (&str, &str),
    all: &[(DateTime<Utc>, DateTime<Utc>, Vec<ResponderId>)],
    setting: &Setting<'_>,
) -> Message {
    let one = |(old, new, came): &(DateTime<Utc>, DateTime<Utc>, Vec<ResponderId>)| {
        format!("{} instead of {}  {}", day_time(*new), day_time(*old), names(came, setting))
    };
    let said = format!(
        "Governments changed their clocks (tzdata {} instead of {}), and these handoffs of {} move:\n{}",
        line(after, 20),
        line(before, 20),
        bold(schedule, 80),
        listed(all, one).join("\n")
    );
    fit(Message::new(said.clone(), vec![Block::section(Text::verbatim(said))]))
}

fn count(times: u32) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    }
}

fn names(people: &[ResponderId], setting: &Setting<'_>) -> String {
    people.iter().map(|who| setting.name(who)).collect::<Vec<_>>().join(", ")
}
