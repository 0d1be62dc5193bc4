//! From an append to one transaction: what it writes, on which conditions, and what a refusal says. Pure: it is given what
//! was read, and says what to write.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use chrono::{DateTime, Utc};

use super::group::Group;
use super::item::{Chunk, EVENTS_BYTES, Ended, Item, Kept, Key, Receipted, Stamp, Strange, claim_item, number, string};
use super::known::{Known, Lies, Thing, losing};
use crate::{
    Append, AppendError, Claim, Cursor, Digest, Effect, EffectId, EffectState, Event, ITEMS_MAX, LeasedEffect,
    NewEvent, Proof, Raw, Receipt, Span, StreamId, StreamWrite,
    chain::{self, Salts},
    effect::micros,
};

/// Bytes of one transaction, at most; DynamoDB stops at 4 MB.
const TRANSACTION_BYTES_MAX: usize = 4_000_000;

/// What an append needs that only its process has.
pub(super) struct Mint<'m> {
    pub(super) table: &'m str,
    pub(super) now: DateTime<Utc>,
    /// Not earlier than anything this process stamped before.
    pub(super) micros: i64,
    pub(super) append: u32,
    pub(super) salts: &'m mut Salts,
}

/// A transaction.
pub(super) struct Transaction {
    pub(super) items: Vec<TransactWriteItem>,
    /// What each item is about; none when its condition cannot fail on its own.
    things: Vec<Option<Thing>>,
    pub(super) receipt: Receipt,
    /// The effects that it writes.
    pub(super) kept: Vec<Kept>,
    pub(super) groups: Vec<Group>,
    /// The streams' ends that it writes.
    pub(super) heads: Vec<(StreamId, Ended)>,
    /// It leaves an effect to wait for.
    pub(super) waits: bool,
    /// Effects that it would have changed if they were otherwise.
    pub(super) left: Vec<EffectId>,
}

impl Transaction {
    /// Takes in why the conditions did not hold, and says about what.
    pub(super) fn learn(&self, known: &mut Known, reasons: &[CancellationReason]) -> Result<BTreeSet<Thing>, Strange> {
        let mut changed = BTreeSet::new();
        for (thing, reason) in self.things.iter().zip(reasons) {
            let Some(thing) = thing else { continue };
            if reason.code() == Some("ConditionalCheckFailed") {
                known.learn(thing, reason.item())?;
                changed.insert(thing.clone());
            }
        }
        Ok(changed)
    }
}

/// What an append erases from: the events as they are, and the items of their payloads that lie elsewhere.
#[derive(Default)]
pub(super) struct Erasable {
    pub(super) chunks: Vec<Chunk>,
    pub(super) parts: Vec<Key>,
}

/// Writes an append out, given what was read: the heads of streams that go on, the effects that it touches, and what it
/// erases from. What was seen and is not written is made a condition.
pub(super) fn plan(
    append: &Append,
    known: &Known,
    seen: &BTreeSet<Thing>,
    erasable: &Erasable,
    mint: Mint<'_>,
) -> Result<Transaction, AppendError> {
    allow(append, known)?;
    let mut plan = Plan::new(mint);
    let (mut spans, mut nth) = (Vec::new(), 0);
    let latest = append.streams.iter().filter_map(|write| known.heads.get(&write.stream)?.as_ref());
    let micros = latest.map(|ended| ended.stamp + 1).fold(plan.mint.micros, i64::max);
    for write in &append.streams {
        let before = known.heads.get(&write.stream).and_then(Option::as_ref);
        let loses = losing(append).any(|stream| *stream == write.stream);
        spans.push(plan.stream(write, before, loses, micros, &mut nth)?);
    }
    let position = Cursor::new(Stamp { micros, append: plan.mint.append, nth }.to_string());
    for key in &append.keys {
        let receipted = Receipted { spans: spans.clone(), position: position.clone() };
        let item = receipted.write(key, plan.mint.now);
        plan.put(item, Condition::Absent, Some(Thing::Receipt(key.clone())))?;
    }
    for claim in &append.claims {
        plan.claim(claim)?;
    }
    let leased = plan.effects(append, known)?;
    for chunk in erased(append, &erasable.chunks) {
        let Some(item) = chunk.write().into_iter().next() else { continue };
        plan.put(item, Condition::Present, None)?;
    }
    for part in &erasable.parts {
        plan.delete(part, Condition::Present, None)?;
    }
    if !plan.items.is_empty() {
        plan.checks(append, known, seen)?;
    }
    let receipt = Receipted { spans, position }.receipt();
    plan.end(Receipt { leased, ..receipt })
}

/// What is known already to be in the way, in the order in which it is told.
fn allow(append: &Append, known: &Known) -> Result<(), AppendError> {
    if let Some(receipted) = append.keys.iter().find_map(|key| known.receipts.get(key)?.as_ref()) {
        return Err(AppendError::Duplicate(receipted.receipt()));
    }
    if let Some((token, _)) = &append.settles
        && !known.effect(token.effect()).is_some_and(|effect| effect.is_held_by(token))
    {
        return Err(AppendError::LeaseLost(token.effect().clone()));
    }
    for write in &append.streams {
        let Some(ended) = known.heads.get(&write.stream) else { continue };
        let actual = ended.as_ref().map_or(0, |ended| ended.version);
        if actual != write.expected.version() {
            return Err(AppendError::Conflict { stream: write.stream.clone(), actual });
        }
    }
    for claim in &append.claims {
        let Some(actual) = known.claims.get(&claim.key) else { continue };
        if *actual != claim.expected {
            return Err(AppendError::ClaimConflict { key: claim.key.clone(), actual: actual.clone() });
        }
    }
    Ok(())
}

/// When an item may be written.
enum Condition {
    Absent,
    Present,
    /// A field has this value.
    Is(&'static str, AttributeValue),
    /// A stream is at this version, and has lost so many claims.
    At(u64, u64),
}

impl Condition {
    fn expression(&self) -> String {
        match self {
            Self::Absent => "attribute_not_exists(pk)".to_owned(),
            Self::Present => "attribute_exists(pk)".to_owned(),
            Self::Is(field, _) => format!("{field} = :seen"),
            Self::At(_, 0) => "v = :seen AND attribute_not_exists(lost)".to_owned(),
            Self::At(_, _) => "v = :seen AND lost = :lost".to_owned(),
        }
    }

    fn values(self) -> Vec<(&'static str, AttributeValue)> {
        match self {
            Self::Absent | Self::Present => Vec::new(),
            Self::Is(_, value) => vec![(":seen", value)],
            Self::At(version, 0) => vec![(":seen", number(version))],
            Self::At(version, lost) => vec![(":seen", number(version)), (":lost", number(lost))],
        }
    }

    /// The stream is as it was seen; none is a stream without events.
    fn ended(ended: Option<&Ended>) -> Self {
        ended.map_or(Self::Absent, |ended| Self::At(ended.version, ended.lost))
    }

    /// The claim is held so.
    fn held_by(holder: Option<&StreamId>) -> Self {
        holder.map_or(Self::Absent, |holder| Self::Is("holder", string(holder.as_str())))
    }
}

const OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

struct Plan<'m> {
    mint: Mint<'m>,
    items: Vec<TransactWriteItem>,
    things: Vec<Option<Thing>>,
    bytes: usize,
    kept: Vec<Kept>,
    groups: Vec<Group>,
    heads: Vec<(StreamId, Ended)>,
    waits: bool,
    left: Vec<EffectId>,
}

impl<'m> Plan<'m> {
    fn new(mint: Mint<'m>) -> Self {
        let (items, things, kept, groups, left) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { mint, items, things, bytes: 0, kept, groups, heads: Vec::new(), waits: false, left }
    }

    fn add(&mut self, item: TransactWriteItem, thing: Option<Thing>) {
        self.items.push(item);
        self.things.push(thing);
    }

    fn put(&mut self, item: Item, condition: Condition, thing: Option<Thing>) -> Result<(), AppendError> {
        self.bytes += item.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        let put = Put::builder().table_name(self.mint.table).set_item(Some(item));
        let put = put.condition_expression(condition.expression()).return_values_on_condition_check_failure(OLD);
        let values = condition.values().into_iter();
        let put = values.fold(put, |put, (name, value)| put.expression_attribute_values(name, value));
        let put = put.build().map_err(incomplete)?;
        self.add(TransactWriteItem::builder().put(put).build(), thing);
        Ok(())
    }

    fn delete(&mut self, key: &Key, condition: Condition, thing: Option<Thing>) -> Result<(), AppendError> {
        let delete = Delete::builder().table_name(self.mint.table).set_key(Some(key.item()));
        let delete = delete.condition_expression(condition.expression()).return_values_on_condition_check_failure(OLD);
        let values = condition.values().into_iter();
        let delete = values.fold(delete, |delete, (name, value)| delete.expression_attribute_values(name, value));
        let delete = delete.build().map_err(incomplete)?;
        self.add(TransactWriteItem::builder().delete(delete).build(), thing);
        Ok(())
    }

    fn check(&mut self, condition: Condition, thing: Thing) -> Result<(), AppendError> {
        let check = ConditionCheck::builder().table_name(self.mint.table).set_key(Some(thing.key().item()));
        let check = check.condition_expression(condition.expression()).return_values_on_condition_check_failure(OLD);
        let values = condition.values().into_iter();
        let check = values.fold(check, |check, (name, value)| check.expression_attribute_values(name, value));
        let check = check.build().map_err(incomplete)?;
        self.add(TransactWriteItem::builder().condition_check(check).build(), Some(thing));
        Ok(())
    }

    /// The stream loses a claim and is otherwise as it was seen.
    fn lose(&mut self, stream: &StreamId, ended: &Ended) -> Result<(), AppendError> {
        let thing = Thing::Head(stream.clone());
        let condition = Condition::ended(Some(ended));
        let update = Update::builder().table_name(self.mint.table).set_key(Some(thing.key().item()));
        let update = update.update_expression("ADD lost :one").expression_attribute_values(":one", number(1));
        let update = update.condition_expression(condition.expression()).return_values_on_condition_check_failure(OLD);
        let values = condition.values().into_iter();
        let update = values.fold(update, |update, (name, value)| update.expression_attribute_values(name, value));
        let update = update.build().map_err(incomplete)?;
        self.add(TransactWriteItem::builder().update(update).build(), Some(thing));
        self.heads.push((stream.clone(), Ended { lost: ended.lost + 1, ..ended.clone() }));
        Ok(())
    }

    /// The head first: its condition is what keeps the versions without a gap.
    fn stream(
        &mut self,
        write: &StreamWrite,
        before: Option<&Ended>,
        loses: bool,
        micros: i64,
        nth: &mut u16,
    ) -> Result<Span, AppendError> {
        let expected = write.expected.version();
        let mut link = before.map_or(Digest::START, |ended| ended.link);
        let mut proofs = Vec::with_capacity(write.events.len());
        for (version, new) in (expected + 1..).zip(&write.events) {
            let proof = proof(&write.stream, version, new, link, self.mint.salts);
            link = proof.link;
            proofs.push(proof);
        }
        let mut chunks = Vec::new();
        for proofs in pieces(proofs) {
            *nth += 1;
            chunks.push(Chunk { stamp: Stamp { micros, append: self.mint.append, nth: *nth }, proofs });
        }
        let first = chunks.first().map(|chunk| chunk.stamp.to_string()).unwrap_or_default();
        let last = expected + write.events.len() as u64;
        let ended = Ended {
            version: last,
            link,
            stamp: micros,
            born: before.map_or(first, |ended| ended.born.clone()),
            lost: before.map_or(0, |ended| ended.lost) + u64::from(loses),
            head: write.head.clone(),
        };
        let head = ended.write(&write.stream);
        self.put(head, Condition::ended(before), Some(Thing::Head(write.stream.clone())))?;
        for item in chunks.iter().flat_map(Chunk::write) {
            self.put(item, Condition::Absent, None)?;
        }
        self.heads.push((write.stream.clone(), ended));
        Ok(Span { stream: write.stream.clone(), first: expected + 1, last })
    }

    fn claim(&mut self, claim: &Claim) -> Result<(), AppendError> {
        let thing = Thing::Claim(claim.key.clone());
        let condition = Condition::held_by(claim.expected.as_ref());
        match (&claim.expected, &claim.holder) {
            (_, Some(holder)) => self.put(claim_item(&claim.key, holder), condition, Some(thing)),
            (Some(_), None) => self.delete(&Key::claim(&claim.key), condition, Some(thing)),
            (None, None) => self.check(condition, thing),
        }
    }

    /// Settles, cancels and asks for effects, each item written once; says which ones the writer now holds.
    fn effects(&mut self, append: &Append, known: &Known) -> Result<Vec<LeasedEffect>, AppendError> {
        let mut touched = Touched::new(known);
        let mut anew = None;
        if let Some((token, outcome)) = &append.settles {
            touched.change(token.effect(), |effect| {
                anew = effect.settle(outcome.clone()).then(|| token.effect());
                true
            });
        }
        for id in &append.cancel {
            touched.change(id, Effect::cancel);
        }
        let mut leased = Vec::new();
        for wanted in &append.effects {
            if !touched.ask(wanted) {
                continue;
            }
            let Some(lease) = &append.lease else { continue };
            touched.change(&wanted.id, |effect| {
                let born = effect.born_leased(lease);
                let is_born = born.is_some();
                leased.extend(born);
                is_born
            });
        }
        if let Some((id, lease)) = anew.zip(append.lease.as_ref()) {
            touched.change(id, |effect| {
                let born = effect.born_leased(lease);
                let is_born = born.is_some();
                leased.extend(born);
                is_born
            });
        }
        let Touched { changed, .. } = touched;
        let unchanged = append.cancel.iter().filter(|id| !changed.contains_key(*id));
        let written: BTreeSet<&StreamId> = changed.values().filter_map(|touched| touched.home.as_ref()).collect();
        // What lies in an item that is written is as it is believed to be, or the write is refused.
        let alone = |id: &&EffectId| !matches!(known.lies(id), Lies::With(home) if written.contains(&home));
        self.left = unchanged.filter(alone).cloned().collect();
        self.outbox(changed, known)?;
        Ok(leased)
    }

    /// Writes what became of effects: those that lie alone, and the groups of the others.
    fn outbox(&mut self, changed: BTreeMap<EffectId, Change>, known: &Known) -> Result<(), AppendError> {
        let mut groups: BTreeMap<StreamId, (Group, bool)> = BTreeMap::new();
        for (id, Change { effect, before, home }) in changed {
            let waits = effect.state == EffectState::Pending;
            self.waits |= waits;
            let Some(home) = home else {
                self.kept(Kept { effect, writes: before.unwrap_or_default() }, before)?;
                continue;
            };
            let group = known.groups.get(&home).and_then(Option::as_ref);
            let group = || (group.cloned().unwrap_or_else(|| Group::new(home.clone())), false);
            let (group, waiting) = groups.entry(home.clone()).or_insert_with(group);
            *waiting |= waits;
            group.effects.insert(id, effect);
        }
        for (mut group, waits) in groups.into_values() {
            let condition =
                if group.writes == 0 { Condition::Absent } else { Condition::Is("writes", number(group.writes)) };
            for kept in group.leave() {
                self.kept(Kept { writes: 0, ..kept }, None)?;
            }
            let item = group.write(waits);
            self.put(item, condition, Some(Thing::Group(group.home.clone())))?;
            self.groups.push(group);
        }
        Ok(())
    }

    /// Writes an effect that lies alone; `before` says how often it was written, if it is there.
    fn kept(&mut self, kept: Kept, before: Option<u64>) -> Result<(), AppendError> {
        let condition = before.map_or(Condition::Absent, |writes| Condition::Is("writes", number(writes)));
        let kept = Kept { writes: kept.writes + 1, ..kept };
        self.put(kept.write(), condition, Some(Thing::Effect(kept.effect.wanted.id.clone())))?;
        self.kept.push(kept);
        Ok(())
    }

    /// What a decision saw and nothing of the above says must be as it was.
    fn checks(&mut self, append: &Append, known: &Known, seen: &BTreeSet<Thing>) -> Result<(), AppendError> {
        let written = |stream: &StreamId| append.streams.iter().any(|write| write.stream == *stream);
        let lost: BTreeSet<&StreamId> = losing(append).filter(|stream| !written(stream)).collect();
        for stream in &lost {
            match known.heads.get(*stream).and_then(Option::as_ref) {
                Some(ended) => self.lose(stream, ended)?,
                None => self.check(Condition::Absent, Thing::Head((*stream).clone()))?,
            }
        }
        for thing in seen {
            let condition = match thing {
                Thing::Head(stream) if !written(stream) && !lost.contains(stream) => {
                    Condition::ended(known.heads.get(stream).and_then(Option::as_ref))
                }
                Thing::Claim(key) if append.claims.iter().all(|claim| claim.key != *key) => {
                    let holder = known.claims.get(key).and_then(Option::as_ref);
                    let has_head = |holder: &&StreamId| known.heads.get(*holder).is_some_and(Option::is_some);
                    // Its condition says that it has lost none.
                    if holder.filter(has_head).is_some_and(|holder| seen.contains(&Thing::Head(holder.clone()))) {
                        continue;
                    }
                    Condition::held_by(holder)
                }
                // What was answered stays answered.
                Thing::Receipt(key)
                    if !append.keys.contains(key) && known.receipts.get(key).is_none_or(Option::is_none) =>
                {
                    Condition::Absent
                }
                Thing::Head(_) | Thing::Claim(_) | Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => continue,
            };
            self.check(condition, thing.clone())?;
        }
        Ok(())
    }

    fn end(self, receipt: Receipt) -> Result<Transaction, AppendError> {
        if self.items.len() > ITEMS_MAX {
            let (what, size) = ("things in one append, those it depends on included", self.items.len());
            return Err(AppendError::TooLarge { what, size, max: ITEMS_MAX });
        }
        if self.bytes > TRANSACTION_BYTES_MAX {
            return Err(AppendError::TooLarge {
                what: "bytes of one append",
                size: self.bytes,
                max: TRANSACTION_BYTES_MAX,
            });
        }
        let Self { items, things, kept, groups, heads, waits, left, .. } = self;
        Ok(Transaction { items, things, receipt, kept, groups, heads, waits, left })
    }
}

/// The items that write a group out, on condition that it was written so often before; none were added beside it.
pub(super) fn group_items(
    table: &str,
    mut group: Group,
    waits: bool,
) -> Result<(Vec<TransactWriteItem>, Group), AppendError> {
    let mut salts = Salts::new([0; 32]);
    let mint = Mint { table, now: DateTime::<Utc>::MIN_UTC, micros: 0, append: 0, salts: &mut salts };
    let mut plan = Plan::new(mint);
    let condition = Condition::Is("writes", number(group.writes));
    for kept in group.leave() {
        plan.kept(Kept { writes: 0, ..kept }, None)?;
    }
    let item = group.write(waits);
    plan.put(item, condition, Some(Thing::Group(group.home.clone())))?;
    Ok((plan.items, group))
}

/// An effect that an append changes.
#[derive(Clone)]
struct Change {
    /// As it will be.
    effect: Effect,
    /// How often it was written before, if it lies alone and is there.
    before: Option<u64>,
    /// With which others it lies.
    home: Option<StreamId>,
}

/// Effects while an append works on them.
struct Touched<'k> {
    known: &'k Known,
    changed: BTreeMap<EffectId, Change>,
}

impl<'k> Touched<'k> {
    fn new(known: &'k Known) -> Self {
        Self { known, changed: BTreeMap::new() }
    }

    fn present(&self, id: &EffectId) -> Option<Change> {
        let changed = self.changed.get(id).cloned();
        changed.or_else(|| {
            let effect = self.known.effect(id)?.clone();
            match self.known.lies(id) {
                Lies::With(home) => Some(Change { effect, before: None, home: Some(home) }),
                Lies::Alone => {
                    let before = self.known.effects.get(id)?.as_ref().map(|kept| kept.writes);
                    Some(Change { effect, before, home: None })
                }
            }
        })
    }

    /// Changes an effect, when it is there; `change` says whether it did.
    fn change(&mut self, id: &EffectId, change: impl FnOnce(&mut Effect) -> bool) {
        if let Some(mut present) = self.present(id)
            && change(&mut present.effect)
        {
            self.changed.insert(id.clone(), present);
        }
    }

    /// Asks for an effect; false when it is there already and asking changes nothing.
    fn ask(&mut self, wanted: &crate::NewEffect) -> bool {
        if let Some(mut present) = self.present(&wanted.id) {
            let asked = present.effect.ask_again(wanted.clone());
            if asked {
                self.changed.insert(wanted.id.clone(), present);
            }
            return asked;
        }
        let home = match self.known.lies(&wanted.id) {
            Lies::Alone => None,
            Lies::With(home) => Some(home),
        };
        self.changed.insert(wanted.id.clone(), Change { effect: Effect::new(wanted.clone()), before: None, home });
        true
    }
}

fn proof(stream: &StreamId, version: u64, new: &NewEvent, before: Digest, salts: &mut Salts) -> Proof {
    let event = Event {
        stream: stream.clone(),
        version,
        kind: new.kind.clone(),
        schema: new.schema,
        at: micros(new.at),
        actor: new.actor.clone(),
        cause: new.cause.clone(),
        body: new.body.clone(),
    };
    let salt = salts.next();
    let content = chain::content(&salt, &event.body, new.raw.as_ref().map(Raw::packed));
    let mut proof = Proof { event, raw: new.raw.clone(), salt: Some(salt), content, link: before };
    proof.link = chain::link(&before, &proof.facts(), &content);
    proof
}

/// Cuts events into what fits into one item each.
pub(super) fn pieces(proofs: Vec<Proof>) -> Vec<Vec<Proof>> {
    let mut pieces: Vec<Vec<Proof>> = Vec::new();
    let mut bytes = 0;
    for proof in proofs {
        let size = proof.event.body.len() + proof.raw.as_ref().map_or(0, |raw| raw.packed().len());
        match pieces.last_mut().filter(|_| bytes + size <= EVENTS_BYTES) {
            Some(piece) => piece.push(proof),
            None => {
                bytes = 0;
                pieces.push(vec![proof]);
            }
        }
        bytes += size;
    }
    pieces
}

/// The chunks without what is to be erased.
fn erased(append: &Append, chunks: &[Chunk]) -> Vec<Chunk> {
    let mut chunks = chunks.to_vec();
    for erasure in &append.erase {
        let proofs = chunks.iter_mut().flat_map(|chunk| &mut chunk.proofs);
        for proof in
            proofs.filter(|proof| (&proof.event.stream, proof.event.version) == (&erasure.stream, erasure.version))
        {
            (proof.event.body, proof.raw, proof.salt) = (erasure.body.clone(), None, None);
        }
    }
    chunks
}

/// About what DynamoDB counts.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => values.iter().map(size).sum::<usize>() + values.len(),
        AttributeValue::M(values) => values.iter().map(|(name, value)| name.len() + size(value) + 1).sum(),
        _ => 1,
    }
}

fn incomplete(error: BuildError) -> AppendError {
    AppendError::Unavailable(std::sync::Arc::new(error))
}
