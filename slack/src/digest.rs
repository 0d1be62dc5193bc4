//! The digest: one card for the incidents of a storm, edited in place like any card.
//!
//! Pure. It counts them all, lists the worst that are open, and lets somebody take everything that nobody has. When
//! nothing is open any more it shrinks to what it was.

use crate::answer::row;
use crate::blocks::{Block, Button, Confirm, Message, Style, Text};
use crate::card::Setting;
use crate::escape;
use crate::limits::fit;
use crate::value::{Claim, Verb};
use incident::{Digest, Incident, Status};
use std::cmp::Reverse;

/// Open incidents that a digest lists: a screen's worth. The rest is counted, and stands behind a button.
pub const DIGEST_LISTED_MAX: usize = 8;

/// How many of a digest's incidents stand where.
struct Counts {
    firing: usize,
    taken: usize,
    over: usize,
}

impl Counts {
    fn of(members: &[Incident]) -> Self {
        let count = |status: Status| members.iter().filter(|incident| incident.status == status).count();
        Self { firing: count(Status::Open), taken: count(Status::Acknowledged), over: count(Status::Resolved) }
    }

    const fn open(&self) -> usize {
        self.firing + self.taken
    }

    fn told(&self) -> String {
        let parts = [(self.firing, "firing"), (self.taken, "acknowledged"), (self.over, "resolved")];
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// The digest as it has to stand in this channel now. `members` are its newest incidents, in any order.
#[must_use]
pub fn digest(digest: &Digest, channel: &str, members: &[Incident], setting: &Setting<'_>) -> Message {
    let counts = Counts::of(members);
    let total = match digest.total {
        1 => "1 more incident".to_owned(),
        total => format!("{total} more incidents"),
    };
    let (sign, state) = match (counts.firing, counts.taken) {
        (0, 0) => (":large_green_circle:", "STORM OVER"),
        (0, _) => (":large_yellow_circle:", "STORM"),
        _ => (":rotating_light:", "STORM"),
    };
    let told = counts.told();
    let head = format!("{sign} *{state}*  ·  {total} since {}\n{told}", escape::time(digest.began_at));
    let mut words = vec![format!("{state}: {total} since {}, {told}.", escape::utc_time(digest.began_at))];
    let mut blocks = vec![Block::section(Text::verbatim(head))];
    if counts.open() == 0 {
        return fit(Message::new(words.join(" "), blocks));
    }
    blocks.push(Block::context([Text::verbatim(
        "They came too fast for a card each. Running an action or writing a note on one gives it its own card.",
    )]));
    for incident in worst(members).into_iter().take(DIGEST_LISTED_MAX) {
        let (word, block) = row(incident, setting);
        words.push(word);
        blocks.push(block);
    }
    if counts.open() > DIGEST_LISTED_MAX {
        let rest = format!("And {} more.", counts.open() - DIGEST_LISTED_MAX);
        blocks.push(Block::context([Text::verbatim(rest.clone())]));
        words.push(rest);
    }
    blocks.push(buttons(digest, channel, &counts));
    fit(Message::new(words.join(" "), blocks))
}

/// Those that are open: what nobody has first, then the worst, then the oldest.
fn worst(members: &[Incident]) -> Vec<&Incident> {
    let mut open: Vec<&Incident> = members.iter().filter(|incident| incident.is_open()).collect();
    open.sort_by_key(|incident| (incident.acknowledged.is_some(), Reverse(incident.severity), incident.id));
    open
}

fn buttons(digest: &Digest, channel: &str, counts: &Counts) -> Block {
    let mut buttons = Vec::new();
    if counts.firing > 0 {
        let claim = Claim::new(Verb::AcknowledgeAll).with("c", channel).with("d", digest.number).to_string();
        let all = if counts.firing == 1 { "the one".to_owned() } else { format!("all {}", counts.firing) };
        buttons.push(Button::new("digest.ack", format!("Acknowledge {all}"), claim).style(Style::Primary).confirm(
            Confirm {
                title: Text::plain("Take them all?"),
                text: Text::verbatim(
                    "You become the owner of every incident on this digest that nobody has, and nobody else is asked.",
                ),
                confirm: Text::plain("Acknowledge all"),
                deny: Text::plain("Not now"),
                style: None,
            },
        ));
    }
    buttons.push(Button::new("digest.list", "Open incidents", Claim::new(Verb::Incidents).to_string()));
    Block::buttons(buttons)
}
