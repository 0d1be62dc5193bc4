//! What every body of the log must do, checked through the trait alone: the promises P1 to P7 and the life of effects.
//!
//! Each check gets an empty log of its own and panics with what it found. Durability (P2) cannot be seen from inside
//! one process life; a body's own tests reopen it.

use std::{fmt::Debug, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Append, AppendError, BODY_BYTES_MAX, Claim, ClaimKey, Cursor, Digest, Effect, EffectId, EffectState, Erasure,
    EventLog, Expected, Findings, Head, Holder, IdemKey, Lease, LeasedEffect, NewEffect, NewEvent, Outcome, Piece,
    PutError, Raw, ReadError, Receipt, Repeat, StreamId, StreamWrite, View, Walk, decide,
};

/// Runs every check; `make` gives an empty log that may be used from several tasks.
pub async fn event_log(make: impl Fn() -> Arc<dyn EventLog>) {
    versions_are_gapless(&*make()).await;
    concurrent_writers_of_one_stream_all_get_in(make()).await;
    one_key_appends_once(make()).await;
    several_keys_append_at_most_once(make()).await;
    one_claim_has_one_winner(make()).await;
    a_refused_append_leaves_no_trace(&*make()).await;
    malformed_and_large_appends_are_refused(&*make()).await;
    the_chain_holds_and_shows_what_was_erased(&*make()).await;
    the_feed_shows_every_event_in_stream_order(&*make()).await;
    a_place_in_the_feed_passes_over_nothing_later(&*make()).await;
    receipts_are_told_page_by_page(&*make()).await;
    lists_are_newest_first_and_follow_the_head(&*make()).await;
    decisions_see_what_was_written_before_them(make()).await;
    a_decision_may_say_nothing(&*make()).await;
    numbers_rise(&*make()).await;
    an_effect_is_leased_to_one_holder(make()).await;
    an_expired_lease_is_handed_out_again(&*make()).await;
    settling_writes_the_outcome_and_the_append_together(&*make()).await;
    a_retry_waits_for_its_time(&*make()).await;
    an_effect_is_asked_for_once(&*make()).await;
    a_slot_takes_the_newest(&*make()).await;
    a_cancelled_effect_is_not_handed_out(&*make()).await;
    due_effects_are_born_leased(&*make()).await;
    what_waits_is_told_and_not_handed_out(&*make()).await;
    only_safe_leases_are_released_early(&*make()).await;
    held_effects_wait_for_a_person(&*make()).await;
    waiting_effects_wake_the_sender(&*make()).await;
    figures_count_what_is_there(&*make()).await;
    a_log_is_moved_piece_by_piece(&*make(), &*make()).await;
    what_does_not_fit_is_not_put(&make, &*make()).await;
}

async fn versions_are_gapless(log: &dyn EventLog) {
    let receipt = ok(log.append(opening("inc/1", 2)).await);
    assert_eq!(receipt.streams, [(id("inc/1"), 2)]);
    let receipt = ok(log.append(write("inc/1", Expected::Exact(2), 1)).await);
    assert_eq!(receipt.streams, [(id("inc/1"), 3)]);

    let events = ok(log.events(&id("inc/1"), 1, usize::MAX).await);
    assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(ok(log.events(&id("inc/1"), 2, 1).await), events[1..2]);
    assert_eq!((events[2].kind.as_str(), events[2].schema, events[2].at), ("Noted", 3, at(0)));
    assert_eq!(events[2].body, br#"{"n":0,"of":"inc/1"}"#);
    assert_eq!(ok(log.raw(&id("inc/1"), 3).await).as_deref(), Some(&b"raw bytes of inc/1"[..]));
    assert_eq!(ok(log.raw(&id("inc/1"), 4).await), None);
    let stream = ok(log.load(&id("inc/1")).await).expect("the stream exists");
    assert_eq!((stream.version, stream.head.snapshot.as_slice()), (3, &b"state of inc/1 at 3"[..]));

    for (expected, name, actual) in
        [(Expected::NoStream, "inc/1", 3), (Expected::Exact(2), "inc/1", 3), (Expected::Exact(1), "inc/2", 0)]
    {
        match log.append(write(name, expected, 1)).await {
            Err(AppendError::Conflict { stream, actual: found }) => assert_eq!((stream, found), (id(name), actual)),
            other => panic!("a writer that is behind must conflict: {other:?}"),
        }
    }
    assert_eq!(ok(log.load(&id("inc/2")).await), None);
    assert_eq!(ok(log.events(&id("inc/2"), 1, 9).await), []);
}

async fn concurrent_writers_of_one_stream_all_get_in(log: Arc<dyn EventLog>) {
    let writers = (0..12).map(|_| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let version = ok(log.load(&id("inc/1")).await).map_or(0, |stream| stream.version);
                match log.append(write("inc/1", Expected::Exact(version), 1)).await {
                    Ok(receipt) => return receipt.streams[0].1,
                    Err(AppendError::Conflict { .. }) => {}
                    Err(other) => panic!("only conflicts are expected: {other:?}"),
                }
            }
        })
    });
    let mut versions = all(writers).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=12).collect::<Vec<_>>());
    let events = ok(log.events(&id("inc/1"), 1, 100).await);
    assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), versions);
}

async fn one_key_appends_once(log: Arc<dyn EventLog>) {
    let deliveries = (0..50).map(|n| {
        let log = Arc::clone(&log);
        let append = Append { keys: vec![IdemKey::new("delivery")], ..opening(&format!("inc/{n}"), 2) };
        tokio::spawn(async move { log.append(append).await })
    });
    let answers = all(deliveries).await;
    let first: Vec<&Receipt> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(first.len(), 1, "one delivery is appended");
    for answer in &answers {
        match answer {
            Ok(_) => {}
            Err(AppendError::Duplicate(receipt)) => assert_eq!(receipt, first[0]),
            Err(other) => panic!("a repeat is a duplicate: {other:?}"),
        }
    }
    assert_eq!(ok(log.stats().await).events, 2);

    // A delivery that changed nothing is remembered too.
    let nothing = Append { keys: vec![IdemKey::new("nothing")], ..Append::default() };
    let receipt = ok(log.append(nothing.clone()).await);
    match log.append(nothing).await {
        Err(AppendError::Duplicate(again)) => assert_eq!(again, receipt),
        other => panic!("a repeat is a duplicate: {other:?}"),
    }
}

/// Deliveries that were written together are answered together, and each of them is recognised alone.
async fn several_keys_append_at_most_once(log: Arc<dyn EventLog>) {
    let key = IdemKey::new;
    let both = Append { keys: vec![key("a"), key("b")], ..opening("inc/1", 1) };
    let receipt = ok(log.append(both).await);
    for keys in [vec![key("a")], vec![key("b")], vec![key("c"), key("b")]] {
        match log.append(Append { keys, ..opening("inc/2", 1) }).await {
            Err(AppendError::Duplicate(again)) => assert_eq!(again, receipt),
            other => panic!("one of them was written before: {other:?}"),
        }
    }
    let decided = decide(&*log, move |view| {
        let seen = [view.answered(&key("a"))?, view.answered(&key("b"))?, view.answered(&key("c"))?];
        Ok::<_, ReadError>((Append { keys: vec![key("c")], ..opening("inc/2", 1) }, seen))
    });
    let (_, seen) = ok(ok(decided.await));
    assert_eq!(seen, [true, true, false], "what was refused left no trace");
    let twice = Append { keys: vec![key("d"), key("d")], ..opening("inc/3", 1) };
    assert!(matches!(log.append(twice).await, Err(AppendError::Malformed(_))));
}

async fn one_claim_has_one_winner(log: Arc<dyn EventLog>) {
    let key = ClaimKey::new("alarm");
    let takers = (0..64).map(|n| {
        let log = Arc::clone(&log);
        let append = Append { claims: vec![claim(None, Some(&format!("inc/{n}")))], ..opening(&format!("inc/{n}"), 1) };
        tokio::spawn(async move { log.append(append).await })
    });
    let answers = all(takers).await;
    let winners: Vec<&Receipt> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1);
    let winner = winners[0].streams[0].0.clone();
    for answer in &answers {
        match answer {
            Ok(_) => {}
            Err(AppendError::ClaimConflict { actual, .. }) => assert_eq!(actual.as_ref(), Some(&winner)),
            Err(other) => panic!("the others meet the claim: {other:?}"),
        }
    }
    assert_eq!(ok(log.stats().await).streams, 1, "a loser writes no event");

    let claimed = ok(log.load_claimed(&key).await).expect("the claim is held");
    assert_eq!((&claimed.holder, claimed.stream.map(|stream| stream.version)), (&winner, Some(1)));
    let release = claim(Some(winner.as_str()), None);
    ok(log.append(Append { claims: vec![release], ..Append::default() }).await);
    assert_eq!(ok(log.load_claimed(&key).await), None);
}

async fn a_refused_append_leaves_no_trace(log: &dyn EventLog) {
    ok(log.append(Append { claims: vec![claim(None, Some("inc/1"))], ..opening("inc/1", 1) }).await);
    let before = (ok(log.stats().await), ok(log.load(&id("inc/1")).await));
    let refused = Append {
        keys: vec![IdemKey::new("refused")],
        claims: vec![claim(None, Some("inc/2"))],
        effects: vec![effect("page", 0)],
        ..write("inc/1", Expected::Exact(1), 1)
    };
    match log.append(refused.clone()).await {
        Err(AppendError::ClaimConflict { actual, .. }) => assert_eq!(actual, Some(id("inc/1"))),
        other => panic!("the claim is held: {other:?}"),
    }
    assert_eq!((ok(log.stats().await), ok(log.load(&id("inc/1")).await)), before);
    // Its key is free.
    ok(log.append(Append { claims: vec![claim(Some("inc/1"), Some("inc/1"))], ..refused }).await);
    assert_eq!(ok(log.load_claimed(&ClaimKey::new("alarm")).await).map(|claimed| claimed.holder), Some(id("inc/1")));
}

async fn malformed_and_large_appends_are_refused(log: &dyn EventLog) {
    let mut twice = opening("inc/1", 1);
    twice.streams.push(twice.streams[0].clone());
    for append in [twice, opening("inc/1", 0)] {
        assert!(matches!(log.append(append).await, Err(AppendError::Malformed(_))));
    }
    let mut large = opening("inc/1", 1);
    large.streams[0].events[0].body = vec![b' '; BODY_BYTES_MAX + 1];
    for append in [large, opening("inc/1", crate::ITEMS_MAX)] {
        assert!(matches!(log.append(append).await, Err(AppendError::TooLarge { .. })));
    }
    assert_eq!(ok(log.stats().await).events, 0);
}

async fn the_chain_holds_and_shows_what_was_erased(log: &dyn EventLog) {
    for name in ["inc/1", "inc/2", "inc/3"] {
        ok(log.append(write(name, Expected::NoStream, 2)).await);
        ok(log.append(write(name, Expected::Exact(2), 2)).await);
    }
    let erase = |version| Append {
        erase: vec![Erasure { stream: id("inc/2"), version, body: b"{}".to_vec() }],
        ..write("inc/2", Expected::Exact(4), 1)
    };
    assert!(matches!(log.append(erase(9)).await, Err(AppendError::Malformed(_))));
    let untold = Append { streams: Vec::new(), ..erase(3) };
    assert!(matches!(log.append(untold).await, Err(AppendError::Malformed(_))));
    ok(log.append(erase(3)).await);

    let mut found = Vec::new();
    let mut after = Cursor::start();
    loop {
        let page = ok(log.tails(&after, 2).await);
        let Some(_) = page.tails.first() else { break };
        for tail in page.tails {
            let mut walk = Walk::default();
            let proofs = ok(log.proofs(&tail.stream, 1, usize::MAX).await);
            proofs.iter().for_each(|proof| walk.add(proof));
            found.push((tail.stream.clone(), walk.end(&tail)));
        }
        after = page.next;
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let whole = Findings { faults: Vec::new(), replaced: Vec::new() };
    let erased = Findings { replaced: vec![(3, Digest::of(b"{}"))], ..whole.clone() };
    assert_eq!(found, [(id("inc/1"), whole.clone()), (id("inc/2"), erased), (id("inc/3"), whole)]);
    assert_eq!(ok(log.raw(&id("inc/2"), 3).await), None);
    assert_eq!(ok(log.events(&id("inc/2"), 3, 1).await)[0].body, b"{}");
}

async fn the_feed_shows_every_event_in_stream_order(log: &dyn EventLog) {
    for round in 0..3 {
        for name in ["inc/1", "inc/2"] {
            ok(log.append(write(name, Expected::Exact(round * 2), 2)).await);
        }
    }
    let mut seen = Vec::new();
    let mut cursor = Cursor::start();
    loop {
        let page = ok(log.feed(&cursor, 5).await);
        if page.events.is_empty() {
            assert_eq!(ok(log.feed(&page.next, 5).await), page, "the end stays the end");
            break;
        }
        seen.extend(page.events);
        cursor = page.next;
    }
    for name in ["inc/1", "inc/2"] {
        let versions: Vec<u64> =
            seen.iter().filter(|event| event.stream == id(name)).map(|event| event.version).collect();
        assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    }
    let receipt = ok(log.append(opening("inc/3", 1)).await);
    assert_eq!(ok(log.feed(&cursor, 5).await).events[0].stream, id("inc/3"));
    assert_eq!(ok(log.feed(&receipt.position, 5).await).events, []);
}

async fn a_place_in_the_feed_passes_over_nothing_later(log: &dyn EventLog) {
    assert_eq!(ok(log.feed(&ok(log.feed_place(at(0)).await), 9).await).events, [], "an empty log has a place too");
    const HOUR: i64 = 3600;
    for hour in 0..9 {
        let mut append = opening(&format!("inc/{hour}"), 1);
        append.streams[0].events[0].at = at(hour * HOUR);
        ok(log.append(append).await);
    }
    for hour in 0..10 {
        let place = ok(log.feed_place(at(hour * HOUR)).await);
        let seen = ok(log.feed(&place, 99).await).events;
        let later = seen.iter().filter(|event| event.at >= at(hour * HOUR)).count();
        assert_eq!(later as i64, 9 - hour.min(9), "events from hour {hour} on");
    }
}

async fn receipts_are_told_page_by_page(log: &dyn EventLog) {
    for name in ["c", "a", "b"] {
        ok(log.append(Append { keys: vec![IdemKey::new(name)], ..opening(name, 2) }).await);
    }
    ok(log.append(Append { keys: vec![IdemKey::new("nothing")], ..Append::default() }).await);
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = ok(log.receipts(after.as_ref(), 2).await);
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "c"].map(IdemKey::new), "each that wrote events once");
}

async fn lists_are_newest_first_and_follow_the_head(log: &dyn EventLog) {
    for n in 1..=5 {
        ok(log.append(opening(&format!("inc/{n}"), 1)).await);
    }
    let mut closing = write("inc/3", Expected::Exact(1), 1);
    closing.streams[0].head.listing = Some("closed".to_owned());
    ok(log.append(closing).await);
    let first = ok(log.list("open", None, 3).await);
    assert_eq!(names(&first), ["inc/5", "inc/4", "inc/2"]);
    assert_eq!(first.streams[0].stream.head.snapshot, b"state of inc/5 at 1");
    let rest = ok(log.list("open", first.next.as_ref(), 3).await);
    assert_eq!((names(&rest), &rest.next), (vec!["inc/1"], &None));
    assert_eq!(names(&ok(log.list("closed", None, 3).await)), ["inc/3"]);
    assert_eq!(names(&ok(log.list("no such list", None, 3).await)), Vec::<&str>::new());
}

/// 64 alarms of one key at once: the first opens, the others join what it opened, and none has to be decided twice by
/// its caller.
async fn decisions_see_what_was_written_before_them(log: Arc<dyn EventLog>) {
    let deciders = (0..64).map(|_| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let decided = decide(&*log, |view| {
                let Some(held) = view.claimed(&ClaimKey::new("alarm"))? else {
                    let name = format!("inc/{}", view.number("inc")?);
                    let opened =
                        Append { claims: vec![claim(None, Some(&name))], ..write(&name, Expected::NoStream, 1) };
                    return Ok::<_, ReadError>((opened, "opened"));
                };
                let version = held.stream.map_or(0, |stream| stream.version);
                Ok((write(held.holder.as_str(), Expected::Exact(version), 1), "joined"))
            });
            let (receipt, said) = ok(ok(decided.await));
            assert_eq!(said == "opened", receipt.streams[0].1 == 1);
            receipt.streams[0].clone()
        })
    });
    let mut written = all(deciders).await;
    written.sort_by_key(|(_, version)| *version);
    let holder = ok(log.load_claimed(&ClaimKey::new("alarm")).await).expect("somebody holds it").holder;
    assert_eq!(written, (1..=64).map(|version| (holder.clone(), version)).collect::<Vec<_>>());
}

async fn a_decision_may_say_nothing(log: &dyn EventLog) {
    ok(log.append(write("inc/1", Expected::NoStream, 2)).await);
    let refused = ok(decide(log, |view| {
        let version = view.stream(&id("inc/1")).map(|found| found.map_or(0, |stream| stream.version));
        let bodies = view.events(&id("inc/1"), 2, 9).map(|events| events.len());
        Err::<(Append, ()), _>((version.ok(), bodies.ok(), view.stream(&id("inc/2")).ok().flatten()))
    })
    .await);
    assert_eq!(refused.err(), Some((Some(2), Some(1), None)), "what it saw");
    assert_eq!(ok(log.stats().await).events, 2, "and it wrote nothing");

    match decide(log, |_| Ok::<_, ()>((write("inc/1", Expected::Exact(1), 1), ()))).await {
        Err(AppendError::Conflict { actual: 2, .. }) => {}
        other => panic!("a decision that did not look must conflict: {other:?}"),
    }
    match decide(log, |_| Ok::<_, ()>((opening("inc/2", crate::ITEMS_MAX), ()))).await {
        Err(AppendError::TooLarge { .. }) => {}
        other => panic!("limits hold for decisions too: {other:?}"),
    }
}

async fn numbers_rise(log: &dyn EventLog) {
    let mut given = Vec::new();
    for series in ["inc", "inc", "run"] {
        let number = decide(log, move |view| Ok::<_, ReadError>((Append::default(), view.number(series)?)));
        given.push(ok(ok(number.await)).1);
    }
    assert_eq!((given[0], given[2]), (1, 1));
    assert!(given[1] > 1);
}

async fn an_effect_is_leased_to_one_holder(log: Arc<dyn EventLog>) {
    for n in 0..20 {
        ask(&*log, effect(&format!("page/{n}"), n.min(2))).await;
    }
    assert_eq!(ok(log.next_due().await), Some(at(0)));
    assert_eq!(lease(&*log, -1, "early").await, []);
    assert_eq!(ids(&lease(&*log, 1, "early").await), ["page/0", "page/1"]);
    let holders = (0..8).map(|n| {
        let log = Arc::clone(&log);
        tokio::spawn(async move { lease(&*log, 15, &format!("holder/{n}")).await })
    });
    let mut leased: Vec<EffectId> = all(holders).await.into_iter().flatten().map(|leased| leased.effect.id).collect();
    assert_eq!(leased.len(), 18);
    leased.sort();
    leased.dedup();
    assert_eq!(leased.len(), 18, "nobody got what another one had");
    assert_eq!(ok(log.stats().await).effects_leased, 20);
}

async fn an_expired_lease_is_handed_out_again(log: &dyn EventLog) {
    ask(log, effect("page", 0)).await;
    let first = one(lease(log, 1, "first").await);
    assert_eq!((first.attempt, first.intent_at, first.interrupted), (1, at(1), false));
    assert_eq!(ok(log.next_due().await), Some(at(16)), "the lease is what is waited for");
    assert_eq!(lease(log, 15, "second").await, []);
    let second = one(lease(log, 16, "second").await);
    assert_eq!((second.attempt, second.intent_at, second.interrupted), (2, at(1), true));
    let follow_up = write("inc/1", Expected::NoStream, 1);
    match log.settle(&first.token, Outcome::Done, Some(follow_up)).await {
        Err(AppendError::LeaseLost(effect)) => assert_eq!(effect, EffectId::new("page")),
        other => panic!("the lease was taken over: {other:?}"),
    }
    assert_eq!(ok(log.load(&id("inc/1")).await), None);
    ok(log.settle(&second.token, Outcome::Done, None).await);
    assert_eq!((lease(log, 1000, "third").await, ok(log.next_due().await)), (Vec::new(), None));
}

async fn settling_writes_the_outcome_and_the_append_together(log: &dyn EventLog) {
    ask(log, effect("page", 0)).await;
    let page = one(lease(log, 0, "holder").await);
    let behind = write("inc/1", Expected::Exact(7), 1);
    assert!(matches!(log.settle(&page.token, Outcome::Done, Some(behind)).await, Err(AppendError::Conflict { .. })));
    assert_eq!(find(log, EffectState::Leased).await.wanted.id, EffectId::new("page"), "it may be settled again");

    let follow_up = Append { keys: vec![IdemKey::new("page sent")], ..opening("inc/1", 1) };
    let receipt = ok(log.settle(&page.token, Outcome::Done, Some(follow_up.clone())).await);
    assert_eq!(receipt.streams, [(id("inc/1"), 1)]);
    find(log, EffectState::Done).await;
    match log.settle(&page.token, Outcome::Done, Some(follow_up)).await {
        Err(AppendError::Duplicate(again)) => assert_eq!(again.streams, receipt.streams),
        other => panic!("a repeat with its key is a duplicate: {other:?}"),
    }
    assert!(matches!(log.settle(&page.token, Outcome::Done, None).await, Err(AppendError::LeaseLost(_))));
}

async fn a_retry_waits_for_its_time(log: &dyn EventLog) {
    ask(log, effect("page", 0)).await;
    let page = one(lease(log, 0, "holder").await);
    let retry = Outcome::Retry { due_at: at(30), error: "busy".to_owned() };
    ok(log.settle(&page.token, retry, None).await);
    let waiting = find(log, EffectState::Pending).await;
    assert_eq!((waiting.error.as_deref(), waiting.wanted.due_at), (Some("busy"), at(30)));
    assert_eq!(lease(log, 29, "holder").await, []);
    let page = one(lease(log, 30, "holder").await);
    assert_eq!((page.attempt, page.intent_at, page.interrupted), (2, at(0), false));
    ok(log.settle(&page.token, Outcome::Unknown { error: "no answer".to_owned() }, None).await);
    assert_eq!(find(log, EffectState::Unknown).await.error.as_deref(), Some("no answer"));

    ask(log, effect("call", 0)).await;
    let call = one(lease(log, 40, "holder").await);
    ok(log.settle(&call.token, Outcome::Failed { error: "no such number".to_owned() }, None).await);
    assert_eq!(find(log, EffectState::Failed).await.error.as_deref(), Some("no such number"));
}

async fn an_effect_is_asked_for_once(log: &dyn EventLog) {
    ask(log, effect("page", 0)).await;
    ask(log, NewEffect { body: b"other".to_vec(), ..effect("page", 5) }).await;
    let page = one(lease(log, 10, "holder").await);
    assert_eq!((page.effect.due_at, page.effect.body.as_slice()), (at(0), &b"{}"[..]));
    ok(log.settle(&page.token, Outcome::Done, None).await);
    ask(log, effect("page", 0)).await;
    assert_eq!(lease(log, 20, "holder").await, []);
    let kept = ok(log.effect(&"page".into()).await).map(|effect| (effect.wanted.due_at, effect.state));
    assert_eq!(kept, Some((at(0), EffectState::Done)));
    assert_eq!(ok(log.effect(&"nobody asked".into()).await), None);
}

async fn a_slot_takes_the_newest(log: &dyn EventLog) {
    ask(log, slot("old", 5)).await;
    ask(log, slot("new", 9)).await;
    let card = one(lease(log, 5, "holder").await);
    assert_eq!((card.effect.body.as_slice(), card.effect.due_at), (&b"new"[..], at(5)), "newest body, earlier time");

    ask(log, slot("newer", 6)).await;
    assert_eq!(lease(log, 10, "other").await, [], "one holder at a time");
    ok(log.settle(&card.token, Outcome::Done, None).await);
    let again = one(lease(log, 10, "holder").await);
    assert_eq!((again.effect.body.as_slice(), again.attempt), (&b"newer"[..], 1));
    assert!(matches!(log.settle(&card.token, Outcome::Done, None).await, Err(AppendError::LeaseLost(_))));
    ok(log.settle(&again.token, Outcome::Done, None).await);
    assert_eq!(lease(log, 100, "holder").await, []);

    ask(log, slot("newest", 200)).await;
    assert_eq!(one(lease(log, 200, "holder").await).effect.body, b"newest");
}

async fn a_cancelled_effect_is_not_handed_out(log: &dyn EventLog) {
    ask(log, effect("wake", 10)).await;
    ask(log, effect("page", 0)).await;
    let page = one(lease(log, 0, "holder").await);
    let cancel = ["wake", "page", "no such effect"].map(EffectId::from).to_vec();
    ok(log.append(Append { cancel, ..Append::default() }).await);
    assert_eq!(find(log, EffectState::Cancelled).await.wanted.id, EffectId::new("wake"));
    let retry = Outcome::Retry { due_at: at(1), error: "busy".to_owned() };
    ok(log.settle(&page.token, retry, None).await);
    assert_eq!(lease(log, 1000, "holder").await, []);
    assert_eq!(ok(log.effects(EffectState::Cancelled, 9).await).len(), 2);
    assert_eq!(ok(log.next_due().await), None);
}

async fn due_effects_are_born_leased(log: &dyn EventLog) {
    let append = Append {
        effects: vec![effect("now", 0), effect("later", 60)],
        lease: Some(Lease { holder: Holder::new("writer"), at: at(0), until: at(15) }),
        ..opening("inc/1", 1)
    };
    let receipt = ok(log.append(append).await);
    assert_eq!(ids(&receipt.leased), ["now"]);
    assert_eq!((receipt.leased[0].attempt, receipt.leased[0].intent_at), (1, at(0)));
    assert_eq!(lease(log, 14, "other").await, []);
    ok(log.settle(&receipt.leased[0].token, Outcome::Done, None).await);
    assert_eq!(ok(log.next_due().await), Some(at(60)));
}

async fn only_safe_leases_are_released_early(log: &dyn EventLog) {
    for (name, repeat) in [("safe", Repeat::Safe), ("reconcile", Repeat::Reconcile), ("never", Repeat::Never)] {
        ask(log, NewEffect { repeat, ..effect(name, 0) }).await;
    }
    assert_eq!(lease(log, 0, "serve/1").await.len(), 3);
    assert_eq!(ok(log.release_safe("serve/2").await), 0);
    assert_eq!(ok(log.release_safe("serve/").await), 1);
    let safe = one(lease(log, 1, "serve/2").await);
    assert_eq!((safe.effect.id.as_str(), safe.attempt, safe.interrupted), ("safe", 2, true));
    assert_eq!(lease(log, 15, "serve/2").await.len(), 2);
}

async fn held_effects_wait_for_a_person(log: &dyn EventLog) {
    for (name, due) in [("page", 0), ("timer", 60), ("done", 0), ("unwanted", 60)] {
        ask(log, effect(name, due)).await;
    }
    ask(log, slot("old", 60)).await;
    let leased = lease(log, 0, "holder").await;
    let done = leased.iter().find(|leased| leased.effect.id.as_str() == "done").expect("it is due");
    ok(log.settle(&done.token, Outcome::Done, None).await);
    assert_eq!(ok(log.hold_open("restored").await), 4);
    assert_eq!((ok(log.next_due().await), lease(log, 100, "holder").await), (None, Vec::new()));
    let page = leased.iter().find(|leased| leased.effect.id.as_str() == "page").expect("it is due");
    assert!(matches!(log.settle(&page.token, Outcome::Done, None).await, Err(AppendError::LeaseLost(_))));

    assert!(ok(log.let_go(&"page".into(), at(200)).await) && !ok(log.let_go(&"done".into(), at(200)).await));
    ok(log.append(Append { cancel: vec!["unwanted".into()], ..Append::default() }).await);
    ask(log, slot("new", 200)).await;
    assert_eq!(lease(log, 199, "holder").await, []);
    let performed = lease(log, 200, "holder").await;
    let mut bodies: Vec<_> = performed.iter().map(|leased| (leased.effect.id.as_str(), leased.attempt)).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [("card", 1), ("page", 1)], "what was let go, and a slot that is asked for anew");
    assert_eq!(find(log, EffectState::Held).await.wanted.id, EffectId::new("timer"));
}

async fn what_waits_is_told_and_not_handed_out(log: &dyn EventLog) {
    for (name, due) in [("later", 9), ("second", 3), ("first", 2), ("leased", 0)] {
        ok(log.append(Append { effects: vec![effect(name, due)], ..Append::default() }).await);
    }
    lease(log, 0, "holder").await;
    let told = |until, max| async move {
        let found = ok(log.waiting(at(until), max).await);
        found.into_iter().map(|effect| effect.wanted.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(5, 9).await, ["first", "second"], "a lease that lasts is not waiting");
    assert_eq!(told(5, 1).await, ["first"]);
    assert_eq!(told(20, 9).await, ["first", "second", "later", "leased"], "one that is over is");
    assert_eq!(ids(&lease(log, 5, "holder").await), ["first", "second"], "telling took none");
}

async fn waiting_effects_wake_the_sender(log: &dyn EventLog) {
    ask(log, effect("page", 0)).await;
    let waited = TimeDelta::seconds(10).to_std().expect("ten seconds are positive");
    tokio::time::timeout(waited, log.notified()).await.expect("an effect that waits must wake the sender");
}

async fn figures_count_what_is_there(log: &dyn EventLog) {
    ok(log.ping().await);
    ok(log.append(Append { effects: vec![effect("a", 3), effect("b", 7)], ..opening("inc/1", 2) }).await);
    lease(log, 3, "holder").await;
    let stats = ok(log.stats().await);
    assert_eq!((stats.events, stats.streams, stats.effects_pending, stats.effects_leased), (2, 1, 1, 1));
    assert_eq!(stats.oldest_due, Some(at(7)));
}

/// Moves a log, page by page, into one that is empty.
pub async fn moved(from: &dyn EventLog, to: &dyn EventLog, page: usize) -> Vec<Piece> {
    let (mut all, mut after) = (Vec::new(), Cursor::start());
    loop {
        let pieces = ok(from.pieces(&after, page).await);
        assert!(pieces.pieces.len() <= page);
        all.extend(pieces.pieces.iter().cloned());
        ok(to.put(pieces.pieces).await);
        match pieces.next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

/// A log with something of everything that a log can hold.
pub async fn varied(log: &dyn EventLog) {
    let keyed = |key: &str, append: Append| Append { keys: vec![IdemKey::new(key)], ..append };
    let opened = Append { claims: vec![claim(None, Some("inc/1"))], ..opening("inc/1", 2) };
    ok(log.append(keyed("a", opened)).await);
    let two = Append {
        streams: [write("inc/1", Expected::Exact(2), 1).streams, opening("inc/2", 3).streams].concat(),
        ..Append::default()
    };
    ok(log.append(keyed("b", two)).await);
    ok(log.append(keyed("", write("inc/2", Expected::Exact(3), 1))).await);
    ok(log.append(keyed("nothing", Append::default())).await);
    let erasure = Erasure { stream: id("inc/1"), version: 2, body: b"{}".to_vec() };
    ok(log.append(Append { erase: vec![erasure], ..write("inc/1", Expected::Exact(3), 1) }).await);
    for n in 0..4 {
        ask(log, effect(&format!("page/{n}"), n * 10)).await;
    }
    ask(log, slot("card", 50)).await;
    let leased = lease(log, 10, "serve/1").await;
    ok(log.settle(&leased[0].token, Outcome::Failed { error: "no".to_owned() }, None).await);
    ok(log.append(Append { cancel: vec!["page/2".into()], ..Append::default() }).await);
    let number = |view: &mut dyn View| Ok::<_, ReadError>((Append::default(), view.number("inc")?));
    let (_, given) = ok(ok(decide(log, number).await));
    assert_eq!(given, 1);
}

async fn a_log_is_moved_piece_by_piece(log: &dyn EventLog, empty: &dyn EventLog) {
    varied(log).await;
    let all = moved(log, empty, 2).await;
    let whole = ok(log.pieces(&Cursor::start(), 1000).await);
    assert!(whole.pieces.len() <= all.len() && all.starts_with(&whole.pieces), "a page's size changes nothing");
    let again = moved(empty, &crate::MemoryLog::new(), 1).await;
    assert!(all == again, "{all:#?}\n{again:#?}");

    let duplicate = async |log: &dyn EventLog, key: &str| {
        let append = Append { keys: vec![IdemKey::new(key)], ..Append::default() };
        match log.append(append).await {
            Err(AppendError::Duplicate(receipt)) => receipt.streams,
            other => panic!("the receipt of {key} must come along: {other:?}"),
        }
    };
    for key in ["a", "b", "", "nothing"] {
        assert_eq!(duplicate(empty, key).await, duplicate(log, key).await, "{key}");
    }
    assert_eq!(duplicate(empty, "b").await, [(id("inc/1"), 3), (id("inc/2"), 3)]);
    let claimed = ok(empty.load_claimed(&ClaimKey::new("alarm")).await).expect("the claim comes along");
    assert_eq!(claimed.stream.map(|stream| stream.version), Some(4));
    assert_eq!(ok(empty.stats().await), ok(log.stats().await));
    let (old, new) = (ok(log.list("open", None, 9).await), ok(empty.list("open", None, 9).await));
    assert_eq!(old.streams, new.streams);
    let number = |view: &mut dyn View| Ok::<_, ReadError>((Append::default(), view.number("inc")?));
    let (_, given) = ok(ok(decide(empty, number).await));
    assert_eq!(given, 2, "no number is given twice");
    // It goes on from there: the chain, the versions, the leases.
    ok(empty.append(write("inc/1", Expected::Exact(4), 1)).await);
    let proofs = ok(empty.proofs(&id("inc/1"), 1, 9).await);
    let mut walk = Walk::default();
    proofs.iter().for_each(|proof| walk.add(proof));
    let tails = ok(empty.tails(&Cursor::start(), 9).await).tails;
    assert_eq!(walk.end(&tails[0]).faults, []);
    assert_eq!(lease(empty, 10, "serve/2").await, [], "the lease that was held is held");
    let held = find(log, EffectState::Leased).await;
    assert_eq!(find(empty, EffectState::Leased).await, held);
}

async fn what_does_not_fit_is_not_put(make: &impl Fn() -> Arc<dyn EventLog>, log: &dyn EventLog) {
    varied(log).await;
    let mut all = Vec::new();
    moved(log, &*make(), 1000).await.into_iter().for_each(|piece| all.push(piece));
    let refused = async |pieces: Vec<Piece>| match make().put(pieces).await {
        Err(PutError::Refused { index, why }) => (index, why.to_string()),
        other => panic!("it must be refused: {other:?}"),
    };
    let at = |wanted: fn(&Piece) -> bool| all.iter().position(wanted).expect("there is one");
    let mut swapped = all.clone();
    swapped.swap(0, 1);
    assert_eq!(refused(swapped).await, (0, "inc/1: event 1 is missing".to_owned()));
    for place in [0, at(|piece| matches!(piece, Piece::Receipt(_))), all.len() - 1] {
        let mut twice = all.clone();
        twice.insert(place, all[place].clone());
        assert_eq!(refused(twice).await.0, place + 1);
    }
    let stream = at(|piece| matches!(piece, Piece::Stream(_)));
    let mut cut = all.clone();
    cut.remove(stream - 1);
    let (index, why) = refused(cut).await;
    assert!(index == stream - 1 && why.contains("the stream ends with event"), "{index} {why}");
    let mut changed = all.clone();
    if let Piece::Event(proof) = &mut changed[2] {
        proof.event.actor.push('x');
    }
    assert_eq!(refused(changed).await, (2, "inc/1: event 3 does not follow from what is before it".to_owned()));
    let mut apart = all.clone();
    for piece in &mut apart {
        if let Piece::Receipt(appended) = piece
            && appended.key.as_str() == "b"
        {
            appended.spans.swap(0, 1);
        }
    }
    assert!(refused(apart).await.1.contains("receipt b"));
    let mut large = all.clone();
    if let Piece::Event(proof) = &mut large[0] {
        proof.event.body = vec![b'x'; BODY_BYTES_MAX + 1];
    }
    assert!(refused(large).await.1.contains("is the limit"));
}

fn id(name: &str) -> StreamId {
    StreamId::new(name)
}

/// Seconds after the night begins.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second)
}

fn opening(name: &str, events: usize) -> Append {
    write(name, Expected::NoStream, events)
}

fn write(name: &str, expected: Expected, events: usize) -> Append {
    let version = expected.version() + events as u64;
    let event = |n| NewEvent {
        kind: "Noted".to_owned(),
        schema: 3,
        at: at(0) + TimeDelta::nanoseconds(7),
        actor: "ana".to_owned(),
        cause: "test".to_owned(),
        body: format!(r#"{{"n":{n},"of":"{name}"}}"#).into_bytes(),
        raw: Some(Raw::new(format!("raw bytes of {name}").as_bytes())),
    };
    let head = Head {
        snapshot: format!("state of {name} at {version}").into_bytes(),
        fold: 1,
        listing: Some("open".to_owned()),
    };
    let stream = StreamWrite { stream: id(name), expected, events: (0..events).map(event).collect(), head };
    Append { streams: vec![stream], ..Append::default() }
}

fn claim(expected: Option<&str>, holder: Option<&str>) -> Claim {
    Claim { key: ClaimKey::new("alarm"), expected: expected.map(id), holder: holder.map(id) }
}

fn effect(name: &str, due: i64) -> NewEffect {
    NewEffect {
        id: name.into(),
        due_at: at(due),
        kind: "post".to_owned(),
        body: b"{}".to_vec(),
        repeat: Repeat::Safe,
        slot: false,
    }
}

fn slot(body: &str, due: i64) -> NewEffect {
    NewEffect { body: body.as_bytes().to_vec(), slot: true, ..effect("card", due) }
}

async fn ask(log: &dyn EventLog, effect: NewEffect) {
    ok(log.append(Append { effects: vec![effect], ..Append::default() }).await);
}

async fn lease(log: &dyn EventLog, now: i64, holder: &str) -> Vec<LeasedEffect> {
    ok(log.lease_due(at(now), &Holder::new(holder), TimeDelta::seconds(15), 50).await)
}

async fn find(log: &dyn EventLog, state: EffectState) -> Effect {
    let mut found = ok(log.effects(state, 9).await);
    assert_eq!(found.len(), 1, "one effect is {}: {found:?}", state.as_str());
    found.remove(0)
}

fn one(mut leased: Vec<LeasedEffect>) -> LeasedEffect {
    assert_eq!(leased.len(), 1, "one effect is due: {leased:?}");
    leased.remove(0)
}

fn ids(leased: &[LeasedEffect]) -> Vec<&str> {
    leased.iter().map(|leased| leased.effect.id.as_str()).collect()
}

fn names(roll: &crate::Roll) -> Vec<&str> {
    roll.streams.iter().map(|listed| listed.id.as_str()).collect()
}

async fn all<T>(tasks: impl Iterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a task of the check panicked"));
    }
    results
}

#[track_caller]
fn ok<T, E: Debug>(result: Result<T, E>) -> T {
    result.expect("the log must do it")
}
