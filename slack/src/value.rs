//! What a button carries: `1|verb|incident|seq|key=value...`, as in `1|run|42|17|a=rollback|n=1`.
//!
//! It is a claim, not authority: the server derives rights anew and compares `seq` with the incident. It holds ids and
//! nothing else, fits the 75 characters of a menu's choice when it has few of them, and never holds foreign text.

use incident::IncidentId;
use std::fmt;
use std::str::FromStr;

/// The grammar's version, first in each value: a button outlives a deployment.
const VERSION: &str = "1";

/// What a press asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Take it.
    Acknowledge,
    /// Take everything on a digest (`c`, `d`) that nobody has.
    AcknowledgeAll,
    /// Close it.
    Resolve,
    /// Open it again.
    Reopen,
    /// Run a suggestion (`n`, `a`) or an action (`a`).
    Run,
    /// Choose any action.
    Other,
    /// Stop a run (`r`).
    Stop,
    /// A person looked: the run of unknown outcome (`r`) is done.
    Settle,
    /// Take a run back (`r`).
    Undo,
    /// Why these suggestions.
    Why,
    /// Write something down.
    Note,
    /// Give it to somebody.
    Assign,
    /// Ask the next level.
    Escalate,
    /// What happened.
    Timeline,
    /// Show one incident.
    Open,
    /// List the open ones.
    Incidents,
    /// Who is on call.
    OnCall,
    /// Was the first suggestion right (`r=good`, `r=bad`)?
    Feedback,
    /// What ended it: an action (`a`), or `f=alone`, `f=other`.
    Fix,
    /// Take all of a request for cover (`n`) that is open.
    RotaAccept,
    /// Take a part of a request for cover (`n`).
    RotaPart,
    /// Take back a change, a request or a swap (`n`).
    RotaCancel,
    /// Agree to a swap (`n`).
    RotaAgree,
    /// I came on duty on a schedule (`s`) by a handoff (`n`), and have it.
    HandoffTake,
    /// I fill a gap (`n`) of a schedule (`s`).
    GapFill,
    /// The commands.
    Help,
    /// Only opens an address; nothing is done at the server.
    Link,
}

impl Verb {
    const WORDS: [(Self, &'static str); 27] = [
        (Self::Acknowledge, "ack"),
        (Self::AcknowledgeAll, "ackall"),
        (Self::Resolve, "resolve"),
        (Self::Reopen, "reopen"),
        (Self::Run, "run"),
        (Self::Other, "other"),
        (Self::Stop, "stop"),
        (Self::Settle, "settle"),
        (Self::Undo, "undo"),
        (Self::Why, "why"),
        (Self::Note, "note"),
        (Self::Assign, "assign"),
        (Self::Escalate, "escalate"),
        (Self::Timeline, "timeline"),
        (Self::Open, "open"),
        (Self::Incidents, "incidents"),
        (Self::OnCall, "oncall"),
        (Self::Feedback, "fb"),
        (Self::Fix, "fix"),
        (Self::RotaAccept, "rotaaccept"),
        (Self::RotaPart, "rotapart"),
        (Self::RotaCancel, "rotacancel"),
        (Self::RotaAgree, "rotaagree"),
        (Self::HandoffTake, "handoff"),
        (Self::GapFill, "gapfill"),
        (Self::Help, "help"),
        (Self::Link, "link"),
    ];

    /// The word in the value.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(verb, _)| *verb == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(verb, _)| *verb)
    }
}

/// A button's value, read or to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is asked for.
    pub verb: Verb,
    /// On which incident.
    pub incident: Option<IncidentId>,
    /// The number of the last event when the button was drawn.
    pub seq: Option<u64>,
    /// More ids, in order; keys are single words.
    pub ids: Vec<(String, String)>,
}

/// Said when a value is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadClaim {
    /// Written by another version of this grammar.
    #[error("this button was drawn by another version of CatOps; use a newer card or type the command")]
    Version,
    /// The verb is not known.
    #[error("this button asks for {0:?}, which this version of CatOps does not know")]
    Verb(String),
    /// A part cannot be read.
    #[error("this button's value cannot be read at {0:?}")]
    Malformed(String),
}

impl Claim {
    /// A claim on no incident.
    #[must_use]
    pub const fn new(verb: Verb) -> Self {
        Self { verb, incident: None, seq: None, ids: Vec::new() }
    }

    /// A claim on an incident as it stood at `seq`.
    #[must_use]
    pub const fn on(verb: Verb, incident: IncidentId, seq: u64) -> Self {
        Self { verb, incident: Some(incident), seq: Some(seq), ids: Vec::new() }
    }

    /// The same claim with one more id.
    #[must_use]
    pub fn with(mut self, key: &str, id: impl fmt::Display) -> Self {
        self.ids.push((key.to_owned(), id.to_string()));
        self
    }

    /// One of its ids.
    #[must_use]
    pub fn id(&self, key: &str) -> Option<&str> {
        self.ids.iter().find(|(known, _)| known == key).map(|(_, id)| id.as_str())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}|{}", self.verb.word())?;
        match (self.incident, self.seq) {
            (None, None) if self.ids.is_empty() => return Ok(()),
            (incident, seq) => {
                let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
                write!(f, "|{}|{}", number(incident.map(|id| id.0)), number(seq))?;
            }
        }
        self.ids.iter().try_for_each(|(key, id)| write!(f, "|{}={}", pack(key), pack(id)))
    }
}

impl FromStr for Claim {
    type Err = BadClaim;

    fn from_str(value: &str) -> Result<Self, BadClaim> {
        let mut parts = value.split('|');
        if parts.next() != Some(VERSION) {
            return Err(BadClaim::Version);
        }
        let word = parts.next().unwrap_or_default();
        let verb = Verb::parse(word).ok_or_else(|| BadClaim::Verb(word.to_owned()))?;
        let incident = number(parts.next())?.map(IncidentId);
        let seq = number(parts.next())?;
        let ids = parts.map(|part| {
            let (key, id) = part.split_once('=').ok_or_else(|| BadClaim::Malformed(part.to_owned()))?;
            Ok((unpack(key), unpack(id)))
        });
        Ok(Self { verb, incident, seq, ids: ids.collect::<Result<_, _>>()? })
    }
}

fn number(part: Option<&str>) -> Result<Option<u64>, BadClaim> {
    match part {
        None | Some("") => Ok(None),
        Some(digits) => digits.parse().map(Some).map_err(|_| BadClaim::Malformed(digits.to_owned())),
    }
}

fn pack(id: &str) -> String {
    id.replace('%', "%25").replace('|', "%7C").replace('=', "%3D")
}

fn unpack(packed: &str) -> String {
    packed.replace("%3D", "=").replace("%7C", "|").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::{BadClaim, Claim, Verb};
    use incident::IncidentId;
    use proptest::prelude::*;

    #[test]
    fn a_button_says_what_where_and_when() {
        let claim = Claim::on(Verb::Acknowledge, IncidentId(42), 17);
        assert_eq!(claim.to_string(), "1|ack|42|17");
        let run = Claim::on(Verb::Run, IncidentId(42), 17).with("a", "rollback").with("n", 1);
        assert_eq!(run.to_string(), "1|run|42|17|a=rollback|n=1");
        assert_eq!(run.id("n"), Some("1"));
        assert_eq!(Claim::new(Verb::Help).to_string(), "1|help");
        assert_eq!("1|help".parse(), Ok(Claim::new(Verb::Help)));
    }

    #[test]
    fn every_verb_has_one_word() {
        for (verb, word) in Verb::WORDS {
            assert_eq!((verb.word(), Verb::parse(word)), (word, Some(verb)));
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for (value, why) in [
            ("", BadClaim::Version),
            ("2|ack|42|17", BadClaim::Version),
            ("1|dance|42", BadClaim::Verb("dance".into())),
            ("1|ack|INC-42|17", BadClaim::Malformed("INC-42".into())),
            ("1|ack|42|-1", BadClaim::Malformed("-1".into())),
            ("1|run|42|17|a", BadClaim::Malformed("a".into())),
        ] {
            assert_eq!(value.parse::<Claim>(), Err(why), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_claim_is_read_back_as_it_was_written(
            incident in proptest::option::of(any::<u64>()), seq in proptest::option::of(any::<u64>()),
            ids in proptest::collection::vec(("[a-z]{1,3}", "[a-z|=%0-9]{0,12}"), 0..4),
        ) {
            let claim = Claim { verb: Verb::Run, incident: incident.map(IncidentId), seq, ids };
            prop_assert_eq!(claim.to_string().parse(), Ok(claim));
        }

        #[test]
        fn no_value_makes_it_panic(value in ".{0,40}") {
            drop(value.parse::<Claim>());
        }
    }
}
