//! What people type, the same for a slash command, a mention, a direct message and the command line.
//!
//! ```text
//! line     = [ word, { rest } ] ;                              (* empty = help *)
//! word     = "help" | "incidents" | "ack" | "resolve" | "reopen" | "note" | "run" | "why" | "oncall" | "ping"
//!          | "assign" | "escalate" | "timeline" | "whoami" | "pin" | "ban" | "unpin" | "similar" | "runbook"
//!          | "snooze" | "extend" | "cannot" | "handover" | "drill" | "ready" | "actions"
//!          | "silence" | "silences" | "unsilence" ;         (* any beginning that fits one word, but never of one that decides about actions *)
//! incident = ["INC-" | "#"], digit, { digit } | "last" | "this" ;
//! help     = "help", [ word ] ;
//! resolve  = "resolve", [ incident ], [ text ] ;
//! note     = "note", [ incident ], text ;
//! run      = "run", [ action, { argument } ], [ "on", incident ], [ "--dry" ], [ "--reason", value ] ;
//! argument = name, "=", value | value ;                        (* a value with spaces stands in quotes *)
//! actions  = "actions", [ "stop", [ "because" ], [ text ] | "start" ] ;
//! oncall   = "oncall", { ... } ;                                    (* in command/rota.rs *)
//! silence  = "silence", { ... } ;                                   (* in command/silence.rs *)
//! pin      = ( "pin" | "ban" ), action, [ "on", incident ], [ "because" ], text | "unpin", action, [ "on", incident ] ;
//! snooze   = ( "snooze" | "extend" ), [ incident ], [ "for" ], [ length ] ;      (* 30m, 2h; "90 min" in two words, too *)
//! handover = "handover", [ incident ], [ "to" ], ( "next" | "<@U...>" | "@name" | name ) ;
//! drill    = "drill", { ( "service" | "schedule" | "policy" ), name | "person", person }, [ "because", text ] ;
//! ready    = "ready" ;
//! assign   = "assign", [ incident ], [ "to" ], ( "me" | "<@U...>" | "@name" | name ) ;
//! ```
//! Words are case-blind, typographic quotes and dashes are accepted, and what cannot be read is answered with what to type.
//! Nothing here knows who may do what, nor whether an incident exists.

use crate::escape::unescape;
use chrono::TimeDelta;
use incident::{IncidentId, Mark, SilenceId};

mod length;
mod nearest;
mod question;
mod rota;
mod silence;
mod word;
mod words;

pub use question::parse_said;
pub use rota::{OnCall, Timed};
pub use silence::{About, Length, Silencing};
pub use word::Word;

use words::{Spoken, readable, split};

/// A line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The commands, or one of them. Also the empty line.
    Help(Option<Word>),
    /// The open incidents.
    Incidents,
    /// Take it.
    Acknowledge(Which),
    /// Close it; the note may be empty.
    Resolve(Which, String),
    /// Open it again.
    Reopen(Which),
    /// Write something down.
    Note(Which, String),
    /// Run an action, or choose one.
    Run(Run),
    /// Why these suggestions.
    Why(Which),
    /// What became of the alarms that these words are about, and whom they asked.
    WhyNot(String),
    /// Incidents that looked like it, and what ended them.
    Similar(Which),
    /// Runbooks that say these words.
    Runbook(String),
    /// Who is on call, and what people change about it.
    OnCall(OnCall),
    /// Are you there?
    Ping,
    /// Give it to somebody.
    Assign(Which, Person),
    /// Ask the next level now.
    Escalate(Which),
    /// Leave it alone for a while.
    Snooze(Which, TimeDelta),
    /// Have it for longer: for so long, or for as long as the policy says.
    Extend(Which, Option<TimeDelta>),
    /// Was asked and cannot.
    Decline(Which),
    /// Give it to somebody; `None` is whoever is on call next.
    HandOver(Which, Option<Person>),
    /// What happened.
    Timeline(Which),
    /// Whom does CatOps take me for?
    Whoami,
    /// All actions at once.
    Actions(Actions),
    /// An action first, or never, on an alarm.
    Mark(Marking),
    /// Try whether people are reached.
    Drill(Drilling),
    /// The one who typed is ready for their shift.
    Ready,
    /// Alarms that open nothing for a while.
    Silence(Silencing),
    /// The silences.
    Silences,
    /// A silence is over.
    Unsilence(SilenceId),
}

/// Whom somebody wants to try to reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drilling {
    /// Whoever is asked for an alarm of this service.
    pub service: Option<String>,
    /// Whoever is on duty on this schedule.
    pub schedule: Option<String>,
    /// This person.
    pub person: Option<Person>,
    /// Whoever this policy asks.
    pub policy: Option<String>,
    /// Why; may be empty.
    pub why: String,
}

/// What somebody wants of an action on an alarm from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking {
    /// First or never; `None` takes the mark away.
    pub mark: Option<Mark>,
    /// The action's id, or the number of a suggestion on the card.
    pub action: String,
    /// The incident whose alarm is meant.
    pub which: Which,
    /// Why; may be empty only where a mark is taken away.
    pub why: String,
}

/// What somebody wants of all actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actions {
    /// Whether they may run.
    Show,
    /// None may run; the reason may be empty.
    Stop(String),
    /// They may run again.
    Start,
}

/// Which incident is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Nothing was said: the one of this thread, or the only open one.
    Unsaid,
    /// This number.
    Number(IncidentId),
    /// The newest.
    Last,
    /// The one whose card stands in this thread or channel.
    This,
}

/// Whom somebody means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// The one who typed.
    Me,
    /// A mention: the user's id in Slack.
    User(String),
    /// A name as in the rota.
    Name(String),
}

/// An action to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The action's id, or the number of a suggestion on the card; `None` shows the choice.
    pub action: Option<String>,
    /// `name=value`, or a value whose name is its place.
    pub arguments: Vec<Argument>,
    /// On which incident.
    pub which: Which,
    /// True: only say what would be done.
    pub dry: bool,
    /// Why, for the log.
    pub reason: Option<String>,
}

/// One argument of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The parameter; `None` means by place.
    pub name: Option<String>,
    /// The value, without quotes.
    pub value: String,
}

/// A line that was not understood. Each text says what to type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// There is no such command.
    #[error("I do not know \"{said}\"; {}type \"help\" for all commands", did_you_mean(nearest.as_deref()))]
    UnknownWord {
        /// What was typed, shortened.
        said: String,
        /// The same line with the nearest command in it.
        nearest: Option<String>,
    },
    /// The beginning of several commands.
    #[error("\"{said}\" could be {}; type a letter more", or_list(could_be))]
    Ambiguous {
        /// What was typed.
        said: String,
        /// The commands.
        could_be: Vec<&'static str>,
    },
    /// Something stands where an incident belongs.
    #[error("\"{said}\" is no incident number; write it as INC-42, 42, last or this: {}", word.example())]
    NotAnIncident {
        /// What was typed, shortened.
        said: String,
        /// The command.
        word: Word,
    },
    /// Something stands at the end that does not belong there.
    #[error("\"{said}\" is too much; type: {}", word.example())]
    TooMuch {
        /// What was typed, shortened.
        said: String,
        /// The command.
        word: Word,
    },
    /// Something is missing.
    #[error("{what} is missing; type: {}", word.example())]
    Missing {
        /// What: `the text`, `the person`.
        what: &'static str,
        /// The command.
        word: Word,
    },
    /// Something is missing from one of the wishes of a command.
    #[error("{what} is missing; type: {example}")]
    Incomplete {
        /// What: `the time`.
        what: &'static str,
        /// A whole line.
        example: &'static str,
    },
    /// Something stands where a number of a change belongs.
    #[error("\"{said}\" is no number of a change; the answers name them, as in: oncall cancel 3")]
    NotANumber {
        /// What was typed, shortened.
        said: String,
    },
    /// Something stands where a length of time belongs.
    #[error("\"{said}\" is no length of time; write it like 30m or 2h: {}", word.example())]
    NotALength {
        /// What was typed, shortened.
        said: String,
        /// The command.
        word: Word,
    },
    /// Something stands where a silence is described and does not belong there.
    #[error("{why}")]
    Unfit {
        /// What is wrong with it.
        why: String,
    },
    /// A quote that never ends.
    #[error("a quote is open; close it with \" at the end")]
    OpenQuote,
}

/// Reads one line.
///
/// # Errors
/// [`Misread`]: show its text to whoever typed.
pub fn parse(line: &str) -> Result<Line, Misread> {
    let spoken = split(line);
    let Some(first) = spoken.words.first() else {
        return Ok(Line::Help(None));
    };
    let word = find_word(&first.text, &spoken)?;
    let mut rest = Rest { word, spoken: &spoken, next: 1 };
    match word {
        Word::Help => Ok(Line::Help(rest.take().and_then(|text| find_word(text, &spoken).ok()))),
        Word::Incidents => rest.end(Line::Incidents),
        Word::Ping => rest.end(Line::Ping),
        Word::Whoami => rest.end(Line::Whoami),
        Word::Ack => rest.incident().and_then(|which| rest.end(Line::Acknowledge(which))),
        Word::Reopen => rest.incident().and_then(|which| rest.end(Line::Reopen(which))),
        Word::Why => rest.incident().and_then(|which| rest.end(Line::Why(which))),
        Word::WhyNot => match rest.text() {
            text if text.is_empty() => Err(Misread::Missing { what: "what it is about", word }),
            text => Ok(Line::WhyNot(text)),
        },
        Word::Runbook => match rest.text() {
            text if text.is_empty() => Err(Misread::Missing { what: "what it is about", word }),
            text => Ok(Line::Runbook(text)),
        },
        Word::Similar => rest.incident().and_then(|which| rest.end(Line::Similar(which))),
        Word::Escalate => rest.incident().and_then(|which| rest.end(Line::Escalate(which))),
        Word::Timeline => rest.incident().and_then(|which| rest.end(Line::Timeline(which))),
        Word::Cannot => rest.incident().and_then(|which| rest.end(Line::Decline(which))),
        Word::Snooze => snooze(&mut rest),
        Word::Extend => {
            let which = length::incident_before(&mut rest);
            let length = length::length(&mut rest)?;
            rest.end(Line::Extend(which, length))
        }
        Word::Handover => hand_over(&mut rest),
        Word::Resolve => Ok(Line::Resolve(rest.incident_if_any(), rest.text())),
        Word::Note => {
            let which = rest.incident_if_any();
            match rest.text() {
                text if text.is_empty() => Err(Misread::Missing { what: "the text", word }),
                text => Ok(Line::Note(which, text)),
            }
        }
        Word::OnCall => rota::on_call(&mut rest),
        Word::Assign => assign(&mut rest),
        Word::Run => run(&mut rest).map(Line::Run),
        Word::Actions => actions(&mut rest),
        Word::Pin => marking(&mut rest, Some(Mark::Pinned)),
        Word::Ban => marking(&mut rest, Some(Mark::Banned)),
        Word::Unpin => marking(&mut rest, None),
        Word::Drill => drilling(&mut rest),
        Word::Ready => rest.end(Line::Ready),
        Word::Silence => silence::silence(&mut rest),
        Word::Silences => rest.end(Line::Silences),
        Word::Unsilence => silence::unsilence(&mut rest),
    }
}

fn find_word(said: &str, spoken: &Spoken) -> Result<Word, Misread> {
    let lower = said.to_lowercase();
    let exact = match lower.as_str() {
        "ls" | "list" => Some(Word::Incidents),
        "acknowledge" => Some(Word::Ack),
        "why-not" => Some(Word::WhyNot),
        "unban" => Some(Word::Unpin),
        _ => Word::ALL.into_iter().find(|word| word.text() == lower),
    };
    if let Some(word) = exact {
        return Ok(word);
    }
    // Nobody runs, stops, forbids, gives away, silences or practises something by a letter too few.
    let is_whole = |word: &Word| {
        let about_actions =
            matches!(word, Word::Run | Word::Runbook | Word::Actions | Word::Pin | Word::Ban | Word::Unpin);
        let silences = matches!(word, Word::Silence | Word::Unsilence);
        about_actions
            || silences
            || matches!(word, Word::Snooze | Word::Extend | Word::Cannot | Word::Handover | Word::Drill)
    };
    let is_short = |word: &Word| !is_whole(word) && word.text().starts_with(&lower);
    let begins: Vec<Word> = Word::ALL.into_iter().filter(is_short).collect();
    match begins.as_slice() {
        [word] => Ok(*word),
        [] => Err(Misread::UnknownWord {
            said: short(said),
            nearest: nearest::nearest(&lower, Word::ALL.map(Word::text)).map(|word| spoken.with_first(word)),
        }),
        several => Err(Misread::Ambiguous {
            said: said.to_owned(),
            could_be: several.iter().map(|word| word.text()).collect(),
        }),
    }
}

fn actions(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let Some(wish) = rest.take() else { return Ok(Line::Actions(Actions::Show)) };
    match wish.to_lowercase().as_str() {
        "start" => rest.end(Line::Actions(Actions::Start)),
        "stop" => {
            if rest.peek_is("because") {
                rest.next += 1;
            }
            Ok(Line::Actions(Actions::Stop(rest.text())))
        }
        _ => Err(Misread::TooMuch { said: short(wish), word: rest.word }),
    }
}

fn drilling(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let mut wish = Drilling::default();
    while let Some(text) = rest.take() {
        let text = text.trim_start_matches('-').to_lowercase();
        if text == "because" || text == "why" {
            wish.why = rest.text();
            break;
        }
        if !matches!(text.as_str(), "service" | "schedule" | "person" | "policy") {
            return Err(Misread::TooMuch { said: short(&text), word: rest.word });
        }
        let named = rest.take().ok_or(Misread::Missing { what: "the name", word: rest.word })?;
        match text.as_str() {
            "service" => wish.service = Some(unescape(named)),
            "schedule" => wish.schedule = Some(unescape(named)),
            "policy" => wish.policy = Some(unescape(named)),
            _ => wish.person = Some(person(named)),
        }
    }
    Ok(Line::Drill(wish))
}

fn marking(rest: &mut Rest<'_>, mark: Option<Mark>) -> Result<Line, Misread> {
    let word = rest.word;
    let action = rest.take().map(unescape).ok_or(Misread::Missing { what: "the action", word })?;
    let which = if rest.peek_is("on") {
        rest.next += 1;
        rest.incident()?
    } else {
        Which::Unsaid
    };
    if rest.peek_is("because") {
        rest.next += 1;
    }
    let why = rest.text();
    match (mark, why.is_empty()) {
        (Some(_), true) => Err(Misread::Missing { what: "the reason", word }),
        (None, false) => Err(Misread::TooMuch { said: short(&why), word }),
        _ => Ok(Line::Mark(Marking { mark, action, which, why })),
    }
}

/// How long somebody wants to be left alone who does not say.
const SNOOZE: TimeDelta = TimeDelta::minutes(30);

fn snooze(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    // "snooze 42" names an incident, "snooze 30m" does not.
    let which = length::incident_before(rest);
    let length = length::length(rest)?.unwrap_or(SNOOZE);
    rest.end(Line::Snooze(which, length))
}

fn hand_over(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let which = rest.incident_if_any();
    if rest.peek_is("to") {
        rest.next += 1;
    }
    let Some(text) = rest.take() else {
        return Err(Misread::Missing { what: "the person", word: rest.word });
    };
    let to = (!text.eq_ignore_ascii_case("next")).then(|| person(text));
    rest.end(Line::HandOver(which, to))
}

fn assign(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let which = rest.incident_if_any();
    if rest.peek_is("to") {
        rest.next += 1;
    }
    let Some(text) = rest.take() else {
        return Err(Misread::Missing { what: "the person", word: rest.word });
    };
    let person = person(text);
    rest.end(Line::Assign(which, person))
}

fn person(text: &str) -> Person {
    if text.eq_ignore_ascii_case("me") {
        return Person::Me;
    }
    match text.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>')) {
        Some(mention) => Person::User(mention.split('|').next().unwrap_or_default().to_owned()),
        None => Person::Name(unescape(text.trim_start_matches('@'))),
    }
}

fn run(rest: &mut Rest<'_>) -> Result<Run, Misread> {
    if rest.spoken.open_quote {
        return Err(Misread::OpenQuote);
    }
    let mut run = Run { action: None, arguments: Vec::new(), which: Which::Unsaid, dry: false, reason: None };
    while let Some(text) = rest.take() {
        match text.to_lowercase().as_str() {
            "--dry" | "--dry-run" => run.dry = true,
            "--reason" => match rest.take() {
                Some(reason) => run.reason = Some(readable(reason)),
                None => return Err(Misread::Missing { what: "the reason", word: Word::Run }),
            },
            "on" if run.action.is_some() || rest.peek().is_some_and(|next| incident(next).is_some()) => {
                run.which = match rest.incident()? {
                    Which::Unsaid => return Err(Misread::Missing { what: "the incident", word: Word::Run }),
                    which => which,
                };
            }
            _ if run.action.is_none() => run.action = Some(unescape(text)),
            _ => run.arguments.push(argument(text)),
        }
    }
    Ok(run)
}

fn argument(text: &str) -> Argument {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match text.split_once('=').filter(|(name, _)| is_name(name)) {
        Some((name, value)) => Argument { name: Some(name.to_owned()), value: readable(value) },
        None => Argument { name: None, value: readable(text) },
    }
}

fn incident(text: &str) -> Option<Which> {
    match text.to_lowercase().as_str() {
        "last" => Some(Which::Last),
        "this" => Some(Which::This),
        // Of a linked number people paste the link and mean the number.
        _ => readable(text).parse().ok().map(Which::Number),
    }
}

/// The words behind the first one.
struct Rest<'a> {
    word: Word,
    spoken: &'a Spoken,
    next: usize,
}

impl<'a> Rest<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.spoken.words.get(self.next).map(|word| word.text.as_str())
    }

    fn peek_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|next| next.eq_ignore_ascii_case(text))
    }

    fn take(&mut self) -> Option<&'a str> {
        let text = self.peek()?;
        self.next += 1;
        Some(text)
    }

    /// An incident, nothing, or an error.
    fn incident(&mut self) -> Result<Which, Misread> {
        match self.take() {
            None => Ok(Which::Unsaid),
            Some(text) => incident(text).ok_or_else(|| Misread::NotAnIncident { said: short(text), word: self.word }),
        }
    }

    /// An incident if one stands here; what is no incident stays for the text.
    fn incident_if_any(&mut self) -> Which {
        match self.peek().and_then(incident) {
            Some(which) => {
                self.next += 1;
                which
            }
            None => Which::Unsaid,
        }
    }

    /// Everything that is left, as it was typed.
    fn text(&mut self) -> String {
        let text = self.spoken.from(self.next);
        self.next = self.spoken.words.len();
        text
    }

    fn end(&self, line: Line) -> Result<Line, Misread> {
        match self.peek() {
            None => Ok(line),
            Some(text) => Err(Misread::TooMuch { said: short(text), word: self.word }),
        }
    }
}

/// Longest part of somebody's words that is said back, in characters.
const SAID_CHARS_MAX: usize = 40;

fn short(said: &str) -> String {
    let said = readable(said);
    if said.chars().count() <= SAID_CHARS_MAX {
        said
    } else {
        said.chars().take(SAID_CHARS_MAX).chain(['…']).collect()
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|line| format!("did you mean \"{line}\"? Or ")).unwrap_or_default()
}

fn or_list(words: &[&str]) -> String {
    words.join(" or ")
}

#[cfg(test)]
mod tests;
