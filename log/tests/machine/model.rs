//! What a log should hold after a sequence of calls, in the fewest words: lists, maps and no cleverness.
//!
//! It is written from the contract, not from a body: it keeps histories where the bodies keep indexes, and where the
//! contract leaves a choice (which refusal is named first) it lists all that would be right.

use std::collections::{BTreeMap, BTreeSet};

use log::{EffectState, Outcome, Repeat};

/// Seconds since 1970.
pub(crate) type Second = i64;
/// Which stream, claim, delivery key or effect: the machine has a handful of each.
pub(crate) type Name = u8;
/// A hand-out: which effect, and the how-manieth of its whole life.
pub(crate) type Lease = (Name, u64);

/// Everything that was ever written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) now: Second,
    /// All events, in the order of writing.
    pub(crate) events: Vec<Written>,
    pub(crate) listings: BTreeMap<Name, Option<&'static str>>,
    pub(crate) receipts: BTreeMap<Name, Vec<(Name, u64)>>,
    pub(crate) claims: BTreeMap<Name, Name>,
    pub(crate) effects: BTreeMap<Name, Wish>,
    /// What the last call should have answered.
    pub(crate) answer: Answer,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) stream: Name,
    pub(crate) version: u64,
    /// Its text, different for each event.
    pub(crate) text: String,
}

/// An effect that somebody wanted once.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) body: String,
    pub(crate) due: Second,
    pub(crate) state: EffectState,
    pub(crate) attempt: u32,
    pub(crate) intent: Option<Second>,
    pub(crate) interrupted: bool,
    pub(crate) error: Option<&'static str>,
    pub(crate) held: Option<(Holder, Second)>,
    /// Over its whole life.
    hand_outs: u64,
    /// What was asked while it was held.
    meanwhile: Meanwhile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    AskedAgain,
    Withdrawn,
}

/// Who performs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Old,
    New,
}

impl Holder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Old => "serve/old",
            Self::New => "serve/new",
        }
    }
}

/// What a call should say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Answer {
    #[default]
    Nothing,
    /// Written: streams with their versions, and what was leased to the writer.
    Written { streams: Vec<(Name, u64)>, leased: Vec<HandedOut> },
    /// The first receipt's streams.
    Duplicate(Vec<(Name, u64)>),
    /// Refused for one of these reasons.
    Refused(Vec<Refusal>),
    /// Handed out, longest waiting first, when asked for at most `max`.
    Leased { max: usize, handed_out: Vec<HandedOut> },
    /// How many leases were ended.
    Released(usize),
}

/// A reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Version { stream: Name, actual: u64 },
    Claim { claim: Name, actual: Option<Name> },
    Lease(Name),
}

/// One hand-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandedOut {
    pub(crate) lease: Lease,
    pub(crate) body: String,
    pub(crate) attempt: u32,
    pub(crate) intent: Second,
    pub(crate) interrupted: bool,
    /// Since when it could have been handed out.
    pub(crate) waiting_since: Second,
}

/// One append as the machine asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) keys: Vec<Name>,
    pub(crate) streams: Vec<AskStream>,
    pub(crate) claims: Vec<AskClaim>,
    pub(crate) effects: Vec<AskEffect>,
    pub(crate) cancel: Vec<Name>,
    pub(crate) settles: Option<(Lease, Ending)>,
    /// For how many seconds what is due is leased to the writer.
    pub(crate) lease: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct AskStream {
    pub(crate) stream: Name,
    /// How far the writer's belief is from the truth; 0 is a writer who knows.
    pub(crate) wrong_by: i64,
    pub(crate) events: usize,
    pub(crate) listing: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(crate) struct AskClaim {
    pub(crate) claim: Name,
    /// `None`: whoever holds it now; otherwise a guess that may be wrong.
    pub(crate) guess: Option<Option<Name>>,
    pub(crate) holder: Option<Name>,
}

#[derive(Debug, Clone)]
pub(crate) struct AskEffect {
    pub(crate) effect: Name,
    /// Seconds from now; what is negative or zero is due.
    pub(crate) due_in: i64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Done,
    Failed,
    Unknown,
    RetryIn(i64),
}

impl Ending {
    pub(crate) fn outcome(self, now: Second) -> Outcome {
        let error = || "it did not work".to_owned();
        match self {
            Self::Done => Outcome::Done,
            Self::Failed => Outcome::Failed { error: error() },
            Self::Unknown => Outcome::Unknown { error: error() },
            Self::RetryIn(seconds) => Outcome::Retry { due_at: super::at(now + seconds), error: error() },
        }
    }
}

/// The first three effects are slots.
pub(crate) fn is_slot(effect: Name) -> bool {
    effect < 3
}

pub(crate) fn repeat(effect: Name) -> Repeat {
    match effect % 3 {
        0 => Repeat::Safe,
        1 => Repeat::Reconcile,
        _ => Repeat::Never,
    }
}

impl Model {
    pub(crate) fn version(&self, stream: Name) -> u64 {
        self.events.iter().filter(|event| event.stream == stream).count() as u64
    }

    /// The text that the next event of a stream carries.
    pub(crate) fn text(stream: Name, version: u64) -> String {
        format!(r#"{{"stream":{stream},"version":{version}}}"#)
    }

    /// The streams of a list, the youngest first.
    pub(crate) fn listed(&self, listing: &str) -> Vec<Name> {
        let born = self.events.iter().filter(|event| event.version == 1).map(|event| event.stream);
        let mut listed: Vec<Name> = born.filter(|stream| self.listings[stream] == Some(listing)).collect();
        listed.reverse();
        listed
    }

    /// Leases that were given and can be shown again, the stale ones included.
    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.effects.iter().flat_map(|(name, wish)| (1..=wish.hand_outs).map(|number| (*name, number))).collect()
    }

    pub(crate) fn append(&mut self, ask: &Ask) {
        if let Some(first) = ask.keys.iter().find_map(|key| self.receipts.get(key)) {
            self.answer = Answer::Duplicate(first.clone());
            return;
        }
        let refusals = self.refusals(ask);
        if !refusals.is_empty() {
            self.answer = Answer::Refused(refusals);
            return;
        }
        let now = self.now;
        let mut anew = None;
        if let Some(((name, _), ending)) = ask.settles
            && let Some(wish) = self.effects.get_mut(&name)
        {
            anew = wish.settle(ending, now).then_some(name);
        }
        let streams: Vec<(Name, u64)> = ask.streams.iter().map(|write| (write.stream, self.write(write))).collect();
        for key in &ask.keys {
            self.receipts.insert(*key, streams.clone());
        }
        for claim in &ask.claims {
            match claim.holder {
                Some(holder) => self.claims.insert(claim.claim, holder),
                None => self.claims.remove(&claim.claim),
            };
        }
        for name in &ask.cancel {
            if let Some(wish) = self.effects.get_mut(name) {
                wish.cancel();
            }
        }
        let mut leased: Vec<HandedOut> = ask.effects.iter().filter_map(|wanted| self.want(wanted, ask.lease)).collect();
        if let Some((name, seconds)) = anew.zip(ask.lease)
            && let Some(wish) = self.effects.get_mut(&name)
            && wish.state == EffectState::Pending
            && wish.due <= now
        {
            leased.extend(wish.hand_out(name, Holder::New, now, now + seconds));
        }
        self.answer = Answer::Written { streams, leased };
    }

    fn refusals(&self, ask: &Ask) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if let Some((lease, _)) = &ask.settles
            && !self.effects.get(&lease.0).is_some_and(|wish| wish.is_held_by(*lease))
        {
            refusals.push(Refusal::Lease(lease.0));
        }
        for write in &ask.streams {
            let actual = self.version(write.stream);
            if write.believed(actual) != actual {
                refusals.push(Refusal::Version { stream: write.stream, actual });
            }
        }
        for claim in &ask.claims {
            let actual = self.claims.get(&claim.claim).copied();
            if claim.guess.is_some_and(|guess| guess != actual) {
                refusals.push(Refusal::Claim { claim: claim.claim, actual });
            }
        }
        refusals
    }

    fn write(&mut self, write: &AskStream) -> u64 {
        for _ in 0..write.events {
            let version = self.version(write.stream) + 1;
            let text = Self::text(write.stream, version);
            self.events.push(Written { stream: write.stream, version, text });
        }
        self.listings.insert(write.stream, write.listing);
        self.version(write.stream)
    }

    fn want(&mut self, wanted: &AskEffect, lease: Option<i64>) -> Option<HandedOut> {
        let (name, now) = (wanted.effect, self.now);
        let due = now + wanted.due_in;
        let body = format!(r#"{{"asked_at_event":{}}}"#, self.events.len());
        let wish = match self.effects.remove(&name) {
            None => Wish::new(body, due, 0),
            Some(known) if !is_slot(name) => {
                self.effects.insert(name, known);
                return None;
            }
            Some(known) => known.ask_again(body, due),
        };
        let wish = self.effects.entry(name).or_insert(wish);
        let seconds = lease?;
        let due_now = wish.state == EffectState::Pending && wish.due <= now;
        if due_now { wish.hand_out(name, Holder::New, now, now + seconds) } else { None }
    }

    pub(crate) fn lease_due(&mut self, holder: Holder, seconds: i64, max: usize) {
        let (now, max) = (self.now, self.unambiguous(max));
        let mut due: Vec<(Second, Name)> =
            self.effects.iter().filter_map(|(name, wish)| Some((wish.wake_at()?, *name))).collect();
        due.retain(|(wake_at, _)| *wake_at <= now);
        due.sort_unstable();
        due.truncate(max);
        let mut handed_out = Vec::new();
        for (_, name) in due {
            let wish = self.effects.get_mut(&name);
            handed_out.extend(wish.and_then(|wish| wish.hand_out(name, holder, now, now + seconds)));
        }
        self.answer = Answer::Leased { max, handed_out };
    }

    /// How many may be asked for, so that the contract says which: where two wait equally long, either may come first.
    fn unambiguous(&self, max: usize) -> usize {
        let mut due: Vec<Second> = self.effects.values().filter_map(Wish::wake_at).collect();
        due.sort_unstable();
        let tied = due.get(max).is_some_and(|next| Some(next) == due.get(max.wrapping_sub(1)));
        if tied { usize::from(u16::MAX) } else { max }
    }

    pub(crate) fn release_safe(&mut self, holder: Holder) {
        let mut released = 0;
        for (name, wish) in &mut self.effects {
            let held = wish.held.is_some_and(|(by, _)| by == holder);
            if held && repeat(*name) == Repeat::Safe {
                released += 1;
                wish.interrupted = true;
                wish.end(if wish.meanwhile == Meanwhile::Withdrawn {
                    EffectState::Cancelled
                } else {
                    EffectState::Pending
                });
            }
        }
        self.answer = Answer::Released(released);
    }

    pub(crate) fn next_due(&self) -> Option<Second> {
        self.effects.values().filter_map(Wish::wake_at).min()
    }

    pub(crate) fn in_state(&self, state: EffectState) -> BTreeSet<Name> {
        self.effects.iter().filter(|(_, wish)| wish.state == state).map(|(name, _)| *name).collect()
    }
}

impl AskStream {
    /// The version that the writer believes in.
    pub(crate) fn believed(&self, actual: u64) -> u64 {
        actual.saturating_add_signed(self.wrong_by)
    }
}

impl Wish {
    fn new(body: String, due: Second, hand_outs: u64) -> Self {
        Self {
            body,
            due,
            state: EffectState::Pending,
            attempt: 0,
            intent: None,
            interrupted: false,
            error: None,
            held: None,
            hand_outs,
            meanwhile: Meanwhile::Nothing,
        }
    }

    fn wake_at(&self) -> Option<Second> {
        match self.state {
            EffectState::Pending => Some(self.due),
            EffectState::Leased => self.held.map(|(_, until)| until),
            _ => None,
        }
    }

    fn is_held_by(&self, lease: Lease) -> bool {
        self.state == EffectState::Leased && self.hand_outs == lease.1
    }

    fn ask_again(self, body: String, due: Second) -> Self {
        match self.state {
            EffectState::Pending => Self { body, due: self.due.min(due), ..self },
            EffectState::Leased => Self { body, due, meanwhile: Meanwhile::AskedAgain, ..self },
            _ => Self::new(body, due, self.hand_outs),
        }
    }

    fn cancel(&mut self) {
        match self.state {
            EffectState::Pending => self.end(EffectState::Cancelled),
            EffectState::Leased => self.meanwhile = Meanwhile::Withdrawn,
            _ => {}
        }
    }

    fn hand_out(&mut self, name: Name, holder: Holder, now: Second, until: Second) -> Option<HandedOut> {
        let waiting_since = self.wake_at()?;
        if self.state == EffectState::Leased {
            self.interrupted = true;
            if self.meanwhile == Meanwhile::Withdrawn {
                self.end(EffectState::Cancelled);
                return None;
            }
        }
        self.state = EffectState::Leased;
        self.meanwhile = Meanwhile::Nothing;
        self.attempt += 1;
        self.hand_outs += 1;
        self.held = Some((holder, until));
        let intent = *self.intent.get_or_insert(now);
        Some(HandedOut {
            lease: (name, self.hand_outs),
            body: self.body.clone(),
            attempt: self.attempt,
            intent,
            interrupted: self.interrupted,
            waiting_since,
        })
    }

    /// Whether it is performed once more, because a newer body came.
    fn settle(&mut self, ending: Ending, now: Second) -> bool {
        let meanwhile = self.meanwhile;
        let anew = meanwhile == Meanwhile::AskedAgain && !matches!(ending, Ending::RetryIn(_));
        let failed = Some("it did not work");
        match ending {
            Ending::RetryIn(_) if meanwhile == Meanwhile::Withdrawn => {
                self.error = failed;
                self.end(EffectState::Cancelled);
            }
            Ending::RetryIn(seconds) => {
                self.error = failed;
                self.due = now + seconds;
                self.end(EffectState::Pending);
            }
            // A newer body came while it was performed: it is performed once more, as if it were new.
            _ if meanwhile == Meanwhile::AskedAgain => *self = Self::new(self.body.clone(), self.due, self.hand_outs),
            Ending::Done => {
                self.error = None;
                self.end(EffectState::Done);
            }
            Ending::Failed => {
                self.error = failed;
                self.end(EffectState::Failed);
            }
            Ending::Unknown => {
                self.error = failed;
                self.end(EffectState::Unknown);
            }
        }
        anew
    }

    fn end(&mut self, state: EffectState) {
        self.state = state;
        self.held = None;
        self.meanwhile = Meanwhile::Nothing;
    }
}
