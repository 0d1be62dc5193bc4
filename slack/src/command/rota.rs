//! What people type about the rota, behind `oncall`:
//!
//! ```text
//! oncall = "oncall", ( [ "why" ], [ schedule ], [ "at", time ]
//!        | "me" | ( "week" | "gaps" | "fair" ), [ schedule ]
//!        | "cover", [ "me" ], time, { clause }
//!        | "take", [ person ], [ time ], { clause }
//!        | "override", person, time, { clause }
//!        | "swap", person, { clause }
//!        | "accept", number, [ time ]
//!        | "cancel", number ) ;
//! clause = "on", schedule | "because", text ;                 (* because takes the rest *)
//! number = [ "#" ], digit, { digit } ;
//! ```
//! Times stay words: the rota reads them, in its own zone.

use super::words::readable;
use super::{Line, Misread, Person, Rest, person, short};
use crate::escape::unescape;

/// What somebody wants of the rota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnCall {
    /// Who is on call: of a schedule, at a time.
    Who {
        /// The schedule; `None` is all.
        schedule: Option<String>,
        /// When; `None` is now.
        at: Option<String>,
    },
    /// Every cause of who is on call.
    Why {
        /// The schedule; `None` is all.
        schedule: Option<String>,
        /// When; `None` is now.
        at: Option<String>,
    },
    /// My shifts.
    Me,
    /// The next seven days; of all schedules, when none is named.
    Week(Option<String>),
    /// Times with nobody, in the next weeks.
    Gaps(Option<String>),
    /// Who carries how much.
    Fair(Option<String>),
    /// Somebody else shall have my duty.
    Cover(Timed),
    /// I have it: instead of somebody, or of whoever is on duty.
    Take {
        /// Whose duty; `None` is whoever has it.
        from: Option<Person>,
        /// When; without words until the present shift ends.
        timed: Timed,
    },
    /// Somebody has it.
    Override {
        /// Who.
        who: Person,
        /// When, where and why.
        timed: Timed,
    },
    /// My next shift for somebody's next one; the time is not read.
    Swap {
        /// With whom.
        with: Person,
        /// Where and why.
        timed: Timed,
    },
    /// I take a request for cover.
    Accept {
        /// Its number.
        number: u64,
        /// Which part; all of it, when empty.
        part: String,
    },
    /// A change, a request or a swap shall count no more.
    Cancel(u64),
}

/// When, on which schedule, and why, in the words that were typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timed {
    /// When; may be empty.
    pub when: String,
    /// The schedule.
    pub schedule: Option<String>,
    /// Why; may be empty.
    pub why: String,
}

const COVER: &str = "oncall cover me sat 10-14 because my sister marries";
const OVERRIDE: &str = "oncall override @ben mon 9-17";
const SWAP: &str = "oncall swap @ben";

/// Words that are no schedule's name.
const WORDS: [&str; 11] =
    ["me", "why", "week", "gaps", "fair", "cover", "take", "override", "swap", "accept", "cancel"];

/// Reads what stands behind `oncall`.
pub(super) fn on_call(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let said = rest.peek().map(str::to_lowercase).unwrap_or_default();
    let Some(word) = WORDS.into_iter().find(|word| *word == said) else {
        let (schedule, at) = schedule_and_time(rest)?;
        return rest.end(Line::OnCall(OnCall::Who { schedule, at }));
    };
    rest.next += 1;
    let wish = match word {
        "me" => return rest.end(Line::OnCall(OnCall::Me)),
        "why" => {
            let (schedule, at) = schedule_and_time(rest)?;
            return rest.end(Line::OnCall(OnCall::Why { schedule, at }));
        }
        "week" | "gaps" | "fair" => {
            let schedule = rest.take().map(unescape);
            let wish = match word {
                "week" => OnCall::Week(schedule),
                "gaps" => OnCall::Gaps(schedule),
                _ => OnCall::Fair(schedule),
            };
            return rest.end(Line::OnCall(wish));
        }
        "cover" => {
            if rest.peek_is("me") {
                rest.next += 1;
            }
            let timed = timed(rest);
            if timed.when.is_empty() {
                return Err(Misread::Incomplete { what: "the time", example: COVER });
            }
            OnCall::Cover(timed)
        }
        "take" => {
            let from = rest.peek().is_some_and(is_person).then(|| rest.take()).flatten().map(person);
            OnCall::Take { from, timed: timed(rest) }
        }
        "override" => {
            let who = somebody(rest, OVERRIDE)?;
            let timed = timed(rest);
            if timed.when.is_empty() {
                return Err(Misread::Incomplete { what: "the time", example: OVERRIDE });
            }
            OnCall::Override { who, timed }
        }
        "swap" => {
            let (with, timed) = (somebody(rest, SWAP)?, timed(rest));
            if !timed.when.is_empty() {
                return Err(Misread::TooMuch { said: short(&timed.when), word: rest.word });
            }
            OnCall::Swap { with, timed }
        }
        "accept" => OnCall::Accept { number: number(rest)?, part: rest.text() },
        _ => {
            let number = number(rest)?;
            return rest.end(Line::OnCall(OnCall::Cancel(number)));
        }
    };
    Ok(Line::OnCall(wish))
}

fn schedule_and_time(rest: &mut Rest<'_>) -> Result<(Option<String>, Option<String>), Misread> {
    let schedule = if rest.peek_is("at") { None } else { rest.take().map(unescape) };
    let at = if rest.peek_is("at") {
        rest.next += 1;
        match rest.text() {
            text if text.is_empty() => return Err(Misread::Missing { what: "the time", word: rest.word }),
            text => Some(text),
        }
    } else {
        None
    };
    Ok((schedule, at))
}

/// A mention or a name behind `@`: a bare word could be a time.
fn is_person(text: &str) -> bool {
    text.starts_with("<@") || text.starts_with('@')
}

fn somebody(rest: &mut Rest<'_>, example: &'static str) -> Result<Person, Misread> {
    if rest.peek_is("with") {
        rest.next += 1;
    }
    rest.take().map(person).ok_or(Misread::Incomplete { what: "the person", example })
}

fn number(rest: &mut Rest<'_>) -> Result<u64, Misread> {
    let example = "oncall cancel 3";
    let said = rest.take().ok_or(Misread::Incomplete { what: "the number", example })?;
    said.trim_start_matches('#').parse().map_err(|_| Misread::NotANumber { said: short(said) })
}

/// The time and its clauses: everything to the end of the line.
fn timed(rest: &mut Rest<'_>) -> Timed {
    let mut timed = Timed::default();
    while let Some(word) = rest.take() {
        if word.eq_ignore_ascii_case("because") {
            timed.why = rest.text();
        } else if word.eq_ignore_ascii_case("on") && rest.peek().is_some() {
            timed.schedule = rest.take().map(unescape);
        } else {
            if !timed.when.is_empty() {
                timed.when.push(' ');
            }
            timed.when.push_str(&readable(word));
        }
    }
    timed
}
