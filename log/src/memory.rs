//! The log in memory: for tests, simulations and the demo. It survives nothing, and it is the plain reading of the
//! contract that the other bodies are compared with.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::{
    Append, AppendError, Appended, ClaimKey, Claimed, Cursor, Decision, Digest, Effect, EffectId, EffectState, Event,
    EventLog, Head, Holder, IdemKey, Keys, Lease, LeasedEffect, Listed, NewEvent, Page, Piece, Pieces, Proof, PutError,
    Raw, ReadError, Receipt, Roll, Span, Stats, Stream, StreamEnd, StreamId, Tail, Tails, Unfit, View, Walk,
    chain::{self, Salts},
    effect::micros,
    raw,
};

/// A log that lives as long as the value does.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    /// In the order of writing; places in it are the cursors of the feed.
    events: Vec<Proof>,
    streams: HashMap<StreamId, Streamed>,
    receipts: HashMap<IdemKey, Kept>,
    claims: HashMap<ClaimKey, StreamId>,
    effects: BTreeMap<EffectId, Effect>,
    numbers: HashMap<String, u64>,
    salts: Salts,
}

impl Default for State {
    /// Its salts are known to everybody: it keeps nothing that could be guessed later.
    fn default() -> Self {
        Self {
            events: Vec::new(),
            streams: HashMap::new(),
            receipts: HashMap::new(),
            claims: HashMap::new(),
            effects: BTreeMap::new(),
            numbers: HashMap::new(),
            salts: Salts::new([0; 32]),
        }
    }
}

#[derive(Debug)]
struct Streamed {
    /// Counts streams, from 1; places in a list are such numbers.
    born: u64,
    /// Places in `State::events`, by version.
    events: Vec<usize>,
    head: Head,
}

/// What is kept of an append with a key.
#[derive(Debug)]
struct Kept {
    receipt: Receipt,
    /// The events that it wrote.
    spans: Vec<Span>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, state: &State) {
        if state.effects.values().any(|effect| effect.state == EffectState::Pending) {
            self.wake.notify_one();
        }
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        append.check()?;
        let mut state = self.state();
        let receipt = state.append(append)?;
        self.notify(&state);
        Ok(receipt)
    }

    async fn decide(&self, mut decision: Decision) -> Result<Option<Receipt>, AppendError> {
        let mut state = self.state();
        let Some(append) = decision(&mut *state) else { return Ok(None) };
        append.check()?;
        let receipt = state.append(append)?;
        self.notify(&state);
        Ok(Some(receipt))
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        self.state().stream(stream)
    }

    async fn load_claimed(&self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        self.state().claimed(key)
    }

    async fn events(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        self.state().events(stream, from_version, max)
    }

    async fn raw(&self, stream: &StreamId, version: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let state = self.state();
        let before = version.checked_sub(1).and_then(|before| usize::try_from(before).ok());
        let place = state.streams.get(stream).zip(before).and_then(|(streamed, before)| streamed.events.get(before));
        let kept = place.and_then(|&place| state.events[place].raw.as_ref());
        kept.map(|kept| raw::unpack(kept.packed()).map_err(|error| ReadError(Arc::new(error)))).transpose()
    }

    async fn proofs(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Proof>, ReadError> {
        let state = self.state();
        Ok(state.places(stream, from_version, max).map(|place| state.events[place].clone()).collect())
    }

    async fn tails(&self, after: &Cursor, max: usize) -> Result<Tails, ReadError> {
        let state = self.state();
        let after: u64 = after.as_str().parse().unwrap_or(0);
        let mut found: Vec<(u64, &StreamId)> =
            state.streams.iter().map(|(id, streamed)| (streamed.born, id)).filter(|(born, _)| *born > after).collect();
        found.sort_unstable();
        found.truncate(max);
        let next = Cursor::new(found.last().map_or(after, |(born, _)| *born).to_string());
        Ok(Tails { tails: found.into_iter().map(|(_, id)| state.tail(id)).collect(), next })
    }

    async fn feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError> {
        let state = self.state();
        let after: usize = after.as_str().parse().unwrap_or(0);
        let events: Vec<Event> = state.events.iter().skip(after).take(max).map(|kept| kept.event.clone()).collect();
        let next = Cursor::new((after + events.len()).to_string());
        Ok(Page { events, next })
    }

    async fn receipts(&self, after: Option<&Cursor>, max: usize) -> Result<Keys, ReadError> {
        let state = self.state();
        let written = state.receipts.iter().filter(|(_, kept)| !kept.spans.is_empty());
        let mut keys: Vec<IdemKey> = written.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys.retain(|key| after.is_none_or(|after| key.as_str() > after.as_str()));
        keys.truncate(max);
        let next = keys.last().filter(|_| keys.len() == max).map(|key| Cursor::new(key.as_str()));
        Ok(Keys { keys, next })
    }

    async fn list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError> {
        let state = self.state();
        let before: u64 = before.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(u64::MAX);
        let mut found: Vec<(u64, &StreamId)> = state
            .streams
            .iter()
            .filter(|(_, streamed)| streamed.born < before && streamed.head.listing.as_deref() == Some(listing))
            .map(|(id, streamed)| (streamed.born, id))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        let more = found.len() > max;
        found.truncate(max);
        let next = found.last().filter(|_| more).map(|(born, _)| Cursor::new(born.to_string()));
        let streams = found
            .into_iter()
            .filter_map(|(_, id)| state.head(id).map(|stream| Listed { id: id.clone(), stream }))
            .collect();
        Ok(Roll { streams, next })
    }

    async fn lease_due(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        let lease = Lease { holder: holder.clone(), at: now, until: now + ttl };
        let mut state = self.state();
        let mut due: Vec<&mut Effect> =
            state.effects.values_mut().filter(|effect| effect.wake_at().is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|effect| effect.wake_at());
        Ok(due.into_iter().take(max).filter_map(|effect| effect.hand_out(&lease)).collect())
    }

    async fn release_safe(&self, holder_prefix: &str) -> Result<usize, AppendError> {
        let mut state = self.state();
        let released = state.effects.values_mut().map(|effect| effect.release_safe(holder_prefix));
        let count = released.filter(|&released| released).count();
        self.notify(&state);
        Ok(count)
    }

    async fn hold_open(&self, why: &str) -> Result<usize, AppendError> {
        let mut state = self.state();
        Ok(state.effects.values_mut().map(|effect| effect.hold(why)).filter(|&held| held).count())
    }

    async fn let_go(&self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, AppendError> {
        let mut state = self.state();
        let gone = state.effects.get_mut(id).is_some_and(|effect| effect.let_go(at));
        self.notify(&state);
        Ok(gone)
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        Ok(self.state().effects.values().filter_map(Effect::wake_at).min())
    }

    async fn effect(&self, id: &EffectId) -> Result<Option<Effect>, ReadError> {
        Ok(self.state().effects.get(id).cloned())
    }

    async fn effects(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        Ok(self.state().effects.values().filter(|effect| effect.state == state).take(max).cloned().collect())
    }

    async fn waiting(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError> {
        let state = self.state();
        let could = |effect: &&Effect| effect.wake_at().is_some_and(|at| at <= until);
        let mut found: Vec<Effect> = state.effects.values().filter(could).cloned().collect();
        found.sort_by_key(Effect::wake_at);
        found.truncate(max);
        Ok(found)
    }

    async fn notified(&self) {
        self.wake.notified().await;
    }

    async fn ping(&self) -> Result<(), AppendError> {
        Ok(())
    }

    async fn pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError> {
        let state = self.state();
        let after: usize = after.as_str().parse().unwrap_or(0);
        let pieces: Vec<Piece> = state.pieces().skip(after).take(max).collect();
        let next = (pieces.len() == max).then(|| Cursor::new((after + pieces.len()).to_string()));
        Ok(Pieces { pieces, next })
    }

    async fn put(&self, pieces: Vec<Piece>) -> Result<(), PutError> {
        let mut state = self.state();
        for (index, piece) in pieces.into_iter().enumerate() {
            piece.check().and_then(|()| state.put(piece)).map_err(|why| PutError::Refused { index, why })?;
        }
        Ok(())
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        let state = self.state();
        let count = |wanted| state.effects.values().filter(|effect| effect.state == wanted).count() as u64;
        Ok(Stats {
            events: state.events.len() as u64,
            streams: state.streams.len() as u64,
            effects_pending: count(EffectState::Pending),
            effects_leased: count(EffectState::Leased),
            oldest_due: state.effects.values().filter_map(Effect::wake_at).min(),
        })
    }
}

impl View for State {
    fn stream(&mut self, id: &StreamId) -> Result<Option<Stream>, ReadError> {
        Ok(self.head(id))
    }

    fn claimed(&mut self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        Ok(self.claims.get(key).map(|holder| Claimed { holder: holder.clone(), stream: self.head(holder) }))
    }

    fn events(&mut self, id: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        Ok(self.places(id, from_version, max).map(|place| self.events[place].event.clone()).collect())
    }

    fn answered(&mut self, key: &IdemKey) -> Result<bool, ReadError> {
        Ok(self.receipts.contains_key(key))
    }

    fn number(&mut self, series: &str) -> Result<u64, ReadError> {
        let number = self.numbers.entry(series.to_owned()).or_default();
        *number += 1;
        Ok(*number)
    }
}

impl State {
    fn places(&self, id: &StreamId, from_version: u64, max: usize) -> impl Iterator<Item = usize> {
        let places = self.streams.get(id).map_or(&[][..], |streamed| &streamed.events);
        let skipped = usize::try_from(from_version.saturating_sub(1)).unwrap_or(usize::MAX);
        places.iter().skip(skipped).take(max).copied()
    }

    fn tail(&self, id: &StreamId) -> Tail {
        let version = self.streams.get(id).map_or(0, Streamed::version);
        let last = self.places(id, version, 1).last().map(|place| self.events[place].link);
        Tail { stream: id.clone(), version, link: last.unwrap_or(Digest::START) }
    }

    fn head(&self, id: &StreamId) -> Option<Stream> {
        self.streams.get(id).map(|streamed| Stream { version: streamed.version(), head: streamed.head.clone() })
    }

    fn first_seen(&self, append: &Append) -> Result<(), AppendError> {
        let seen = append.keys.iter().find_map(|key| self.receipts.get(key));
        seen.map_or(Ok(()), |kept| Err(AppendError::Duplicate(kept.receipt.clone())))
    }

    fn append(&mut self, append: Append) -> Result<Receipt, AppendError> {
        self.allow(&append)?;
        let mut anew = None;
        if let Some((token, outcome)) = &append.settles
            && let Some(effect) = self.effects.get_mut(token.effect())
        {
            anew = effect.settle(outcome.clone()).then(|| token.effect().clone());
        }
        let lease = append.lease.clone();
        let mut receipt = self.write(append);
        let anew = anew.and_then(|id| self.effects.get_mut(&id)).zip(lease);
        receipt.leased.extend(anew.and_then(|(effect, lease)| effect.born_leased(&lease)));
        Ok(receipt)
    }

    /// All conditions, before anything is written.
    fn allow(&self, append: &Append) -> Result<(), AppendError> {
        self.first_seen(append)?;
        if let Some((token, _)) = &append.settles
            && !self.effects.get(token.effect()).is_some_and(|effect| effect.is_held_by(token))
        {
            return Err(AppendError::LeaseLost(token.effect().clone()));
        }
        for write in &append.streams {
            let actual = self.streams.get(&write.stream).map_or(0, Streamed::version);
            if actual != write.expected.version() {
                return Err(AppendError::Conflict { stream: write.stream.clone(), actual });
            }
        }
        for erasure in &append.erase {
            if self.places(&erasure.stream, erasure.version, 1).next().is_none() {
                return Err(AppendError::Malformed("an erasure of an event that is not there"));
            }
        }
        for claim in &append.claims {
            let actual = self.claims.get(&claim.key);
            if actual != claim.expected.as_ref() {
                return Err(AppendError::ClaimConflict { key: claim.key.clone(), actual: actual.cloned() });
            }
        }
        Ok(())
    }

    fn write(&mut self, append: Append) -> Receipt {
        let mut receipt = Receipt::default();
        for erasure in append.erase {
            let place = self.places(&erasure.stream, erasure.version, 1).next();
            if let Some(place) = place {
                let kept = &mut self.events[place];
                (kept.event.body, kept.raw, kept.salt) = (erasure.body, None, None);
            }
        }
        let mut spans = Vec::with_capacity(append.streams.len());
        for write in append.streams {
            for event in write.events {
                self.write_event(&write.stream, event, &write.head);
            }
            let version = self.streams.get(&write.stream).map_or(0, Streamed::version);
            spans.push(Span { stream: write.stream.clone(), first: write.expected.version() + 1, last: version });
            receipt.streams.push((write.stream, version));
        }
        receipt.position = Cursor::new(self.events.len().to_string());
        for key in append.keys {
            self.receipts.insert(key, Kept { receipt: receipt.clone(), spans: spans.clone() });
        }
        for claim in append.claims {
            match claim.holder {
                Some(holder) => self.claims.insert(claim.key, holder),
                None => self.claims.remove(&claim.key),
            };
        }
        for id in append.cancel {
            if let Some(effect) = self.effects.get_mut(&id) {
                effect.cancel();
            }
        }
        for wanted in append.effects {
            let id = wanted.id.clone();
            match self.effects.get_mut(&id) {
                Some(effect) => {
                    if !effect.ask_again(wanted) {
                        continue;
                    }
                }
                None => {
                    self.effects.insert(id.clone(), Effect::new(wanted));
                }
            }
            let effect = self.effects.get_mut(&id);
            receipt
                .leased
                .extend(effect.zip(append.lease.as_ref()).and_then(|(effect, lease)| effect.born_leased(lease)));
        }
        receipt
    }

    fn write_event(&mut self, stream: &StreamId, new: NewEvent, head: &Head) {
        let before = self.tail(stream);
        let event = Event {
            stream: stream.clone(),
            version: self.streamed(stream, head),
            kind: new.kind,
            schema: new.schema,
            at: micros(new.at),
            actor: new.actor,
            cause: new.cause,
            body: new.body,
        };
        let salt = self.salts.next();
        let content = chain::content(&salt, &event.body, new.raw.as_ref().map(Raw::packed));
        let mut proof = Proof { event, raw: new.raw, salt: Some(salt), content, link: before.link };
        proof.link = chain::link(&before.link, &proof.facts(), &content);
        self.events.push(proof);
    }

    /// Adds the event that is pushed next to its stream; returns its version.
    fn streamed(&mut self, stream: &StreamId, head: &Head) -> u64 {
        let born = self.streams.len() as u64 + 1;
        let new = || Streamed { born, events: Vec::new(), head: head.clone() };
        let streamed = self.streams.entry(stream.clone()).or_insert_with(new);
        streamed.events.push(self.events.len());
        streamed.head = head.clone();
        streamed.version()
    }
}

/// Moving a log.
impl State {
    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let mut streams: Vec<(&StreamId, &Streamed)> = self.streams.iter().collect();
        streams.sort_unstable_by_key(|(_, streamed)| streamed.born);
        let mut receipts: Vec<(&IdemKey, &Kept)> = self.receipts.iter().collect();
        receipts.sort_unstable_by_key(|(key, _)| *key);
        let events = self.events.iter().cloned().map(Piece::Event);
        let ends = streams.into_iter().map(|(id, streamed)| {
            let Tail { version, link, .. } = self.tail(id);
            Piece::Stream(StreamEnd { id: id.clone(), version, link, head: streamed.head.clone() })
        });
        let receipts = receipts
            .into_iter()
            .map(|(key, kept)| Piece::Receipt(Appended { key: key.clone(), spans: kept.spans.clone() }));
        let claims: BTreeMap<_, _> = self.claims.iter().collect();
        let claims = claims.into_iter().map(|(key, holder)| Piece::Claim { key: key.clone(), holder: holder.clone() });
        let numbers: BTreeMap<_, _> = self.numbers.iter().collect();
        let numbers = numbers.into_iter().map(|(series, last)| Piece::Number { series: series.clone(), last: *last });
        let effects = self.effects.values().cloned().map(Piece::Effect);
        events.chain(ends).chain(receipts).chain(claims).chain(numbers).chain(effects)
    }

    fn put(&mut self, piece: Piece) -> Result<(), Unfit> {
        match piece {
            Piece::Event(proof) => self.put_event(proof),
            Piece::Stream(end) => {
                let tail = self.tail(&end.id);
                let Some(streamed) = self.streams.get_mut(&end.id).filter(|_| tail == end.tail()) else {
                    return Err(end.is_not_at(tail.version));
                };
                streamed.head = end.head;
                Ok(())
            }
            Piece::Receipt(appended) => self.put_receipt(appended),
            Piece::Claim { key, holder } => {
                let twice = Unfit::twice("claim", key.as_str());
                self.claims.insert(key, holder).map_or(Ok(()), |_| Err(twice))
            }
            Piece::Number { series, last } => {
                let twice = Unfit::twice("series", &series);
                self.numbers.insert(series, last).map_or(Ok(()), |_| Err(twice))
            }
            Piece::Effect(effect) => {
                let twice = Unfit::twice("effect", effect.wanted.id.as_str());
                self.effects.insert(effect.wanted.id.clone(), effect).map_or(Ok(()), |_| Err(twice))
            }
        }
    }

    fn put_event(&mut self, proof: Proof) -> Result<(), Unfit> {
        let stream = proof.event.stream.clone();
        let before = self.tail(&stream);
        if let Some(fault) = Walk::step(before.version, before.link, &proof) {
            return Err(Unfit::fault(&stream, fault));
        }
        self.streamed(&stream, &Head { snapshot: Vec::new(), fold: 0, listing: None });
        self.events.push(proof);
        Ok(())
    }

    fn put_receipt(&mut self, appended: Appended) -> Result<(), Unfit> {
        let apart = Unfit::Apart { key: appended.key.clone() };
        let mut places: Vec<usize> = Vec::new();
        for span in &appended.spans {
            let streamed = self.streams.get(&span.stream).ok_or_else(|| apart.clone())?;
            let within = span.first.checked_sub(1).map(|first| first as usize..span.last as usize);
            places.extend(within.and_then(|within| streamed.events.get(within)).ok_or_else(|| apart.clone())?);
        }
        if places.windows(2).any(|pair| pair[1] != pair[0] + 1) {
            return Err(apart);
        }
        let position = places.last().map_or(self.events.len(), |last| last + 1);
        let receipt = Receipt {
            streams: appended.spans.iter().map(|span| (span.stream.clone(), span.last)).collect(),
            position: Cursor::new(position.to_string()),
            leased: Vec::new(),
        };
        let twice = Unfit::twice("receipt", appended.key.as_str());
        let kept = Kept { receipt, spans: appended.spans };
        self.receipts.insert(appended.key, kept).map_or(Ok(()), |_| Err(twice))
    }
}

impl Streamed {
    fn version(&self) -> u64 {
        self.events.len() as u64
    }
}

#[cfg(test)]
mod tests;
