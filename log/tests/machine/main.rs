//! A machine that walks through the contract: random calls on a log and on a small model of it, and after each call
//! everything that a reader can see is compared. Failing walks are cut short before they are shown.
//!
//! The walk holds both local bodies to the same model, so it also finds what they have in common. It never looks at how a
//! body keeps its things. `PROPTEST_CASES=10000` walks further.
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

#[cfg(feature = "dynamodb")]
mod in_table;
mod model;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
#[cfg(feature = "dynamodb")]
use in_table::InTable;
use log::{
    Append, AppendError, Claim, ClaimKey, Cursor, EffectId, EffectState, EventLog, Expected, Head, Holder, IdemKey,
    LeaseToken, LeasedEffect, MemoryLog, NewEffect, NewEvent, Raw, ReadError, Receipt, SqliteLog, StreamId,
    StreamWrite, View, decide,
};
use model::{Answer, Ask, AskClaim, AskEffect, AskStream, Ending, HandedOut, Lease, Model, Name, Refusal};
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::BoxedStrategy};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const STREAMS: Name = 4;
const CLAIMS: Name = 3;
const KEYS: Name = 6;
const EFFECTS: Name = 6;
const STATES: [EffectState; 6] = [
    EffectState::Pending,
    EffectState::Leased,
    EffectState::Done,
    EffectState::Failed,
    EffectState::Unknown,
    EffectState::Cancelled,
];

/// One call.
#[derive(Debug, Clone)]
enum Step {
    Append(Ask),
    /// The same, but the log asks for it.
    Decide(Ask),
    DecideNothing,
    Wait(i64),
    LeaseDue {
        holder: model::Holder,
        seconds: i64,
        max: usize,
    },
    ReleaseSafe(model::Holder),
    Reopen,
}

struct Walk;

impl ReferenceStateMachine for Walk {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        let holder = || select(vec![model::Holder::Old, model::Holder::New]);
        let lease = (holder(), 1_i64..20, 1_usize..5);
        prop_oneof![
            8 => ask(model).prop_map(Step::Append),
            3 => ask(model).prop_map(Step::Decide),
            1 => Just(Step::DecideNothing),
            3 => (1_i64..30).prop_map(Step::Wait),
            5 => lease.prop_map(|(holder, seconds, max)| Step::LeaseDue { holder, seconds, max }),
            1 => holder().prop_map(Step::ReleaseSafe),
            1 => Just(Step::Reopen),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.answer = Answer::Nothing;
        match step {
            Step::Append(ask) | Step::Decide(ask) => model.append(ask),
            Step::DecideNothing | Step::Reopen => {}
            Step::Wait(seconds) => model.now += seconds,
            Step::LeaseDue { holder, seconds, max } => model.lease_due(*holder, *seconds, *max),
            Step::ReleaseSafe(holder) => model.release_safe(*holder),
        }
        model
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        match step {
            // A token that was never given cannot be shown.
            Step::Append(Ask { settles: Some((lease, _)), .. })
            | Step::Decide(Ask { settles: Some((lease, _)), .. }) => model.leases().contains(lease),
            _ => true,
        }
    }
}

fn ask(model: &Model) -> impl Strategy<Value = Ask> + use<> {
    let listing = select(vec![Some("open"), Some("resolved"), None]);
    let wrong_by = prop_oneof![8 => Just(0_i64), 1 => Just(-1), 1 => Just(1)];
    let stream = (0..STREAMS, wrong_by, 1_usize..3, listing)
        .prop_map(|(stream, wrong_by, events, listing)| AskStream { stream, wrong_by, events, listing });
    let guess = prop_oneof![4 => Just(None), 1 => option::of(0..STREAMS).prop_map(Some)];
    let claim =
        (0..CLAIMS, guess, option::of(0..STREAMS)).prop_map(|(claim, guess, holder)| AskClaim { claim, guess, holder });
    let effect = (0..EFFECTS, -3_i64..20).prop_map(|(effect, due_in)| AskEffect { effect, due_in });
    let leases = model.leases();
    let settles = if leases.is_empty() { Just(None).boxed() } else { option::of((select(leases), ending())).boxed() };
    let keys = prop_oneof![4 => vec(0..KEYS, 0..2), 1 => vec(0..KEYS, 2..4)];
    let lease = option::of(1_i64..20);
    (keys, vec(stream, 0..3), vec(claim, 0..2), vec(effect, 0..4), vec(0..EFFECTS, 0..2), settles, lease).prop_map(
        |(keys, streams, claims, effects, cancel, settles, lease)| {
            let mut ask = Ask { keys, streams, claims, effects, cancel, settles, lease };
            once_each(&mut ask);
            ask
        },
    )
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        2 => Just(Ending::Done),
        1 => Just(Ending::Failed),
        1 => Just(Ending::Unknown),
        2 => (0_i64..20).prop_map(Ending::RetryIn),
    ]
}

/// An append may name a thing once; what names it twice is refused as malformed, which the plain contract suite checks.
fn once_each(ask: &mut Ask) {
    let mut seen = Vec::new();
    ask.keys.retain(|key| first(&mut seen, *key));
    let mut seen = Vec::new();
    ask.streams.retain(|write| first(&mut seen, write.stream));
    let mut seen = Vec::new();
    ask.effects.retain(|wanted| first(&mut seen, wanted.effect));
    ask.cancel.retain(|name| first(&mut seen, *name));
}

fn first(seen: &mut Vec<Name>, name: Name) -> bool {
    let is_first = !seen.contains(&name);
    seen.push(name);
    is_first
}

/// A log that is walked on, whatever its body.
struct Stage<B> {
    runtime: Runtime,
    log: Option<Arc<dyn EventLog>>,
    body: B,
    /// The tokens that were given, the stale ones included.
    tokens: BTreeMap<Lease, LeaseToken>,
    number: u64,
}

/// Makes a log, and makes it again over what the first one left.
trait Body {
    fn new() -> Self;
    fn open(&self, before: Option<Arc<dyn EventLog>>) -> Arc<dyn EventLog>;
}

struct InMemory;

impl Body for InMemory {
    fn new() -> Self {
        Self
    }

    /// It survives nothing, so it is not closed.
    fn open(&self, before: Option<Arc<dyn EventLog>>) -> Arc<dyn EventLog> {
        before.unwrap_or_else(|| Arc::new(MemoryLog::new()))
    }
}

struct InFolder(TempDir);

impl Body for InFolder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn open(&self, before: Option<Arc<dyn EventLog>>) -> Arc<dyn EventLog> {
        drop(before);
        Arc::new(SqliteLog::open(self.0.path(), [7; 32]).unwrap())
    }
}

impl<B: Body> StateMachineTest for Stage<B> {
    type SystemUnderTest = Self;
    type Reference = Walk;

    fn init_test(_: &Model) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = B::new();
        let log = body.open(None);
        Self { runtime, log: Some(log), body, tokens: BTreeMap::new(), number: 0 }
    }

    fn apply(mut stage: Self, model: &Model, step: Step) -> Self {
        let now = at(model.now);
        match step {
            Step::Append(ask) => {
                let append = stage.append(&ask, model);
                let answer = stage.runtime.block_on(stage.log().append(append));
                stage.judge(answer, &model.answer);
            }
            Step::Decide(ask) => stage.decide(&ask, model),
            Step::DecideNothing => {
                let answer = stage.runtime.block_on(stage.log().decide(Box::new(|_| None)));
                assert_eq!(answer.unwrap(), None);
            }
            Step::Wait(_) => {}
            Step::LeaseDue { holder, seconds, .. } => {
                let Answer::Leased { max, handed_out } = &model.answer else { panic!("the model leases") };
                let (holder, ttl) = (Holder::new(holder.name()), TimeDelta::seconds(seconds));
                let leased = stage.runtime.block_on(stage.log().lease_due(now, &holder, ttl, *max));
                let leased = leased.unwrap();
                in_order(&leased, handed_out);
                stage.take(leased, handed_out);
            }
            Step::ReleaseSafe(holder) => {
                let released = stage.runtime.block_on(stage.log().release_safe(holder.name())).unwrap();
                assert_eq!(Answer::Released(released), model.answer);
            }
            Step::Reopen => {
                let before = stage.log.take();
                stage.log = Some(stage.body.open(before));
            }
        }
        stage
    }

    fn check_invariants(stage: &Self, model: &Model) {
        stage.runtime.block_on(compare(stage.log(), model));
    }
}

impl<B> Stage<B> {
    fn log(&self) -> &dyn EventLog {
        &**self.log.as_ref().expect("it is closed only while it is opened again")
    }

    fn append(&self, ask: &Ask, after: &Model) -> Append {
        let settles = ask.settles.map(|(lease, ending)| (self.tokens[&lease].clone(), ending.outcome(after.now)));
        let lease = ask.lease.map(|seconds| log::Lease {
            holder: Holder::new(model::Holder::New.name()),
            at: at(after.now),
            until: at(after.now + seconds),
        });
        Append {
            keys: ask.keys.iter().map(|key| idem_key(*key)).collect(),
            streams: ask.streams.iter().map(|write| stream_write(write, after)).collect(),
            claims: ask.claims.iter().map(|claim| self.claim(claim)).collect(),
            effects: ask.effects.iter().map(|wanted| new_effect(wanted, after)).collect(),
            cancel: ask.cancel.iter().map(|name| effect_id(*name)).collect(),
            settles,
            lease,
            ..Append::default()
        }
    }

    /// Who holds the claim is read from the log itself: the model is already one call further.
    fn claim(&self, claim: &AskClaim) -> Claim {
        let key = claim_key(claim.claim);
        let expected = match claim.guess {
            Some(guess) => guess.map(stream_id),
            None => self.runtime.block_on(self.log().load_claimed(&key)).unwrap().map(|claimed| claimed.holder),
        };
        Claim { key, expected, holder: claim.holder.map(stream_id) }
    }

    fn decide(&mut self, ask: &Ask, after: &Model) {
        let append = self.append(ask, after);
        let before: Vec<(StreamId, u64)> =
            append.streams.iter().map(|write| (write.stream.clone(), written_before(write, after))).collect();
        let decided = self.runtime.block_on(decide(self.log(), move |view: &mut dyn View| {
            let seen: Result<Vec<u64>, ReadError> =
                before.iter().map(|(stream, _)| version_seen(view, stream)).collect();
            Ok::<_, ReadError>((append.clone(), (seen?, before.clone(), view.number("inc")?)))
        }));
        let answer = match decided {
            Ok(said) => {
                let (receipt, (seen, before, number)) = said.unwrap();
                assert_eq!(
                    seen,
                    before.into_iter().map(|(_, version)| version).collect::<Vec<_>>(),
                    "a decision sees the present"
                );
                assert!(number > self.number, "numbers rise: {number} came after {}", self.number);
                self.number = number;
                Ok(receipt)
            }
            Err(error) => Err(error),
        };
        self.judge(answer, &after.answer);
    }

    fn judge(&mut self, answer: Result<Receipt, AppendError>, expected: &Answer) {
        match (answer, expected) {
            (Ok(receipt), Answer::Written { streams, leased }) => {
                assert_eq!(versions(&receipt), *streams);
                self.take(receipt.leased, leased);
            }
            (Err(AppendError::Duplicate(receipt)), Answer::Duplicate(first)) => {
                assert_eq!(versions(&receipt), *first, "the first receipt answers a repeat");
                assert_eq!(receipt.leased, [], "a repeat leases nothing");
            }
            (Err(error), Answer::Refused(reasons)) => {
                let reason = refusal(&error);
                assert!(reason.is_some_and(|reason| reasons.contains(&reason)), "{error:?} is none of {reasons:?}");
            }
            (answer, expected) => panic!("the log said {answer:?}, and {expected:?} would be right"),
        }
    }

    /// Compares what was handed out, and keeps the tokens.
    fn take(&mut self, leased: Vec<LeasedEffect>, expected: &[HandedOut]) {
        assert_eq!(leased.len(), expected.len(), "{leased:?} instead of {expected:?}");
        for given in leased {
            let right = expected.iter().find(|right| effect_id(right.lease.0) == given.effect.id);
            let right = right.unwrap_or_else(|| panic!("{} was handed out, and was not due", given.effect.id));
            let seen = (given.attempt, given.interrupted, given.intent_at, given.effect.body.as_slice());
            assert_eq!(seen, (right.attempt, right.interrupted, at(right.intent), right.body.as_bytes()));
            self.tokens.insert(right.lease, given.token);
        }
    }
}

/// What waits longest comes first; between two that wait equally long any order is right.
fn in_order(leased: &[LeasedEffect], expected: &[HandedOut]) {
    let since = |given: &LeasedEffect| {
        expected.iter().find(|right| effect_id(right.lease.0) == given.effect.id).map(|right| right.waiting_since)
    };
    assert!(leased.iter().map(since).is_sorted(), "the longest waiting comes first: {leased:?}");
}

/// Everything that a reader can see.
async fn compare(log: &dyn EventLog, model: &Model) {
    for stream in 0..STREAMS {
        compare_stream(log, model, stream).await;
    }
    for claim in 0..CLAIMS {
        let claimed = log.load_claimed(&claim_key(claim)).await.unwrap();
        let holder = model.claims.get(&claim).copied();
        assert_eq!(claimed.as_ref().map(|claimed| claimed.holder.clone()), holder.map(stream_id), "claim {claim}");
        let version = claimed.and_then(|claimed| claimed.stream).map(|stream| stream.version);
        assert_eq!(version, holder.map(|holder| model.version(holder)).filter(|version| *version > 0));
    }
    compare_feed(log, model).await;
    for listing in ["open", "resolved"] {
        let roll = log.list(listing, None, usize::from(u8::MAX)).await.unwrap();
        let listed: Vec<StreamId> = roll.streams.into_iter().map(|listed| listed.id).collect();
        assert_eq!(listed, model.listed(listing).into_iter().map(stream_id).collect::<Vec<_>>(), "{listing}");
    }
    for state in STATES {
        let found = log.effects(state, usize::from(u8::MAX)).await.unwrap();
        let mut found: Vec<EffectId> = found.into_iter().map(|effect| effect.wanted.id).collect();
        found.sort_unstable();
        let expected: Vec<EffectId> = model.in_state(state).into_iter().map(effect_id).collect();
        assert_eq!(found, expected, "{state:?}");
    }
    for name in 0..EFFECTS {
        compare_effect(log, model, name).await;
    }
    assert_eq!(log.next_due().await.unwrap(), model.next_due().map(at));
    let stats = log.stats().await.unwrap();
    let streams = model.events.iter().filter(|event| event.version == 1).count() as u64;
    let waiting = model.in_state(EffectState::Pending).len() as u64;
    let held = model.in_state(EffectState::Leased).len() as u64;
    assert_eq!((stats.events, stats.streams), (model.events.len() as u64, streams));
    assert_eq!(
        (stats.effects_pending, stats.effects_leased, stats.oldest_due),
        (waiting, held, model.next_due().map(at))
    );
}

async fn compare_stream(log: &dyn EventLog, model: &Model, stream: Name) {
    let id = stream_id(stream);
    let expected: Vec<(u64, &str)> = model
        .events
        .iter()
        .filter(|event| event.stream == stream)
        .map(|event| (event.version, event.text.as_str()))
        .collect();
    let events = log.events(&id, 1, usize::from(u8::MAX)).await.unwrap();
    let seen: Vec<(u64, &str)> =
        events.iter().map(|event| (event.version, std::str::from_utf8(&event.body).unwrap())).collect();
    assert_eq!(seen, expected, "the events of {id}");
    if let Some((version, text)) = expected.last() {
        let raw = log.raw(&id, *version).await.unwrap();
        assert_eq!(raw.as_deref(), Some(text.as_bytes()), "what was sent");
        let from_the_middle = log.events(&id, *version, 1).await.unwrap();
        assert_eq!(from_the_middle.len(), 1);
    }
    let loaded = log.load(&id).await.unwrap().map(|stream| (stream.version, stream.head));
    let head = expected.last().map(|(version, text)| {
        let listing = model.listings[&stream].map(str::to_owned);
        (*version, Head { snapshot: text.as_bytes().to_vec(), fold: 1, listing })
    });
    assert_eq!(loaded, head, "the head of {id}");
}

/// Every event once, in the order of its stream; nothing is promised across streams.
async fn compare_feed(log: &dyn EventLog, model: &Model) {
    let mut cursor = Cursor::start();
    let mut heard: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    loop {
        let page = log.feed(&cursor, 3).await.unwrap();
        if page.events.is_empty() {
            break;
        }
        for event in page.events {
            heard.entry(event.stream.to_string()).or_default().push(event.version);
        }
        cursor = page.next;
    }
    let mut expected: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in &model.events {
        expected.entry(stream_id(event.stream).to_string()).or_default().push(event.version);
    }
    assert_eq!(heard, expected, "the feed");
}

async fn compare_effect(log: &dyn EventLog, model: &Model, name: Name) {
    let found = log.effect(&effect_id(name)).await.unwrap();
    let seen = found.as_ref().map(|effect| {
        let body = std::str::from_utf8(&effect.wanted.body).unwrap();
        let held = effect.holder.clone().zip(effect.lease_until);
        let life = (effect.state, effect.attempt, effect.intent_at, effect.interrupted, effect.error.as_deref());
        // The due time of what is being performed or is over is nobody's business.
        let due = (effect.state == EffectState::Pending).then_some(effect.wanted.due_at);
        (body, due, life, held)
    });
    let expected = model.effects.get(&name).map(|wish| {
        let held = wish.held.map(|(holder, until)| (Holder::new(holder.name()), at(until)));
        let life = (wish.state, wish.attempt, wish.intent.map(at), wish.interrupted, wish.error);
        let due = (wish.state == EffectState::Pending).then_some(at(wish.due));
        (wish.body.as_str(), due, life, held)
    });
    assert_eq!(seen, expected, "effect {name}");
}

fn refusal(error: &AppendError) -> Option<Refusal> {
    match error {
        AppendError::Conflict { stream, actual } => {
            Some(Refusal::Version { stream: name_of(stream.as_str()), actual: *actual })
        }
        AppendError::ClaimConflict { key, actual } => Some(Refusal::Claim {
            claim: name_of(key.as_str()),
            actual: actual.as_ref().map(|holder| name_of(holder.as_str())),
        }),
        AppendError::LeaseLost(effect) => Some(Refusal::Lease(name_of(effect.as_str()))),
        _ => None,
    }
}

fn versions(receipt: &Receipt) -> Vec<(Name, u64)> {
    receipt.streams.iter().map(|(stream, version)| (name_of(stream.as_str()), *version)).collect()
}

fn version_seen(view: &mut dyn View, stream: &StreamId) -> Result<u64, ReadError> {
    Ok(view.stream(stream)?.map_or(0, |stream| stream.version))
}

/// The version before the call: what the model holds, less what this call wrote if it wrote.
fn written_before(write: &StreamWrite, after: &Model) -> u64 {
    let version = after.version(name_of(write.stream.as_str()));
    match after.answer {
        Answer::Written { .. } => version - write.events.len() as u64,
        _ => version,
    }
}

fn stream_write(write: &AskStream, after: &Model) -> StreamWrite {
    let written = matches!(after.answer, Answer::Written { .. });
    let actual = after.version(write.stream) - if written { write.events as u64 } else { 0 };
    let expected = match write.believed(actual) {
        0 => Expected::NoStream,
        version => Expected::Exact(version),
    };
    let events = (1..=write.events as u64).map(|nth| {
        let text = Model::text(write.stream, actual + nth);
        let raw = Some(Raw::new(text.as_bytes()));
        NewEvent {
            kind: "Noted".to_owned(),
            schema: 1,
            at: at(after.now),
            actor: "the machine".to_owned(),
            cause: "a step".to_owned(),
            body: text.into_bytes(),
            raw,
        }
    });
    let snapshot = Model::text(write.stream, actual + write.events as u64).into_bytes();
    let head = Head { snapshot, fold: 1, listing: write.listing.map(str::to_owned) };
    StreamWrite { stream: stream_id(write.stream), expected, events: events.collect(), head }
}

fn new_effect(wanted: &AskEffect, after: &Model) -> NewEffect {
    NewEffect {
        id: effect_id(wanted.effect),
        due_at: at(after.now + wanted.due_in),
        kind: "post".to_owned(),
        body: format!(r#"{{"asked_at_event":{}}}"#, after.events.len()).into_bytes(),
        repeat: model::repeat(wanted.effect),
        slot: model::is_slot(wanted.effect),
    }
}

fn stream_id(name: Name) -> StreamId {
    StreamId::new(format!("inc/{name}"))
}

fn idem_key(name: Name) -> IdemKey {
    IdemKey::new(format!("delivery-{name}"))
}

fn claim_key(name: Name) -> ClaimKey {
    ClaimKey::new(format!("alarm/{name}"))
}

fn effect_id(name: Name) -> EffectId {
    EffectId::new(format!("effect/{name}"))
}

fn name_of(text: &str) -> Name {
    text.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(Name::MAX)
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// As many walks as `PROPTEST_CASES` says, 256 when it says nothing; a body that syncs to a disk gets one in eight.
fn walks(divisor: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(divisor), failure_persistence: None, ..usual }
}

prop_state_machine! {
    #![proptest_config(walks(1))]
    #[test]
    fn the_memory_body_keeps_the_contract(sequential 1..60 => Stage<InMemory>);
}

prop_state_machine! {
    #![proptest_config(walks(8))]
    #[test]
    fn the_sqlite_body_keeps_the_contract(sequential 1..40 => Stage<InFolder>);
}

// Each call is a message to another process here, and each step makes some forty.
#[cfg(feature = "dynamodb")]
prop_state_machine! {
    #![proptest_config(walks(16))]
    #[test]
    fn the_dynamodb_body_keeps_the_contract(sequential 1..40 => Stage<InTable>);
}
