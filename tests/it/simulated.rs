//! Nights that follow from a seed: the real flow over a store, a Slack, sources and people that misbehave, in virtual time.
//! `docs/reliability.md` says what is checked; `simulate --seed N` shows one night.

use tests::sim;

/// Nights of one test run.
const NIGHTS: u64 = 10_000;

/// Seeds whose nights once went wrong, and why. A change of the simulator makes other nights of them; they stay.
const ONCE_WRONG: [(u64, &str); 6] = [
    (56, "a reassigned incident kept the timers of its former owners beyond its end"),
    (148, "a reassigned incident kept the timers of its former owners beyond its end"),
    (69, "a slow Slack made an attempt outlast its lease, and the next one paged a second time"),
    (821, "a slow Slack made an attempt outlast its lease, and the next one paged a second time"),
    (9899, "an opening and its repeats in one append all named the opening's delivery"),
    (427_228, "a stop whose answer was lost was told, when it was pressed again, that nothing was done"),
];

#[test]
fn no_night_goes_wrong() {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let bad = sim::nights(0, NIGHTS, threads);
    let first = bad.first().map(|night| night.report(60)).unwrap_or_default();
    assert!(bad.is_empty(), "{} nights went wrong; the first:\n{first}", bad.len());
}

#[test]
fn nights_that_once_went_wrong_go_well() {
    for (seed, why) in ONCE_WRONG {
        let night = sim::night(seed);
        assert!(night.violations.is_empty(), "{why}\n{}", night.report(60));
    }
}

#[test]
fn the_same_seed_is_the_same_night() {
    for seed in 0..40 {
        let (first, second) = (sim::night(seed), sim::night(seed));
        assert_eq!(first.hash(), second.hash(), "seed {seed}");
        assert_eq!(first.transcript, second.transcript, "seed {seed}");
    }
    assert_ne!(sim::night(0).hash(), sim::night(1).hash());
}

#[test]
fn an_hour_without_slack_ends_without_a_flood() {
    let outage = sim::directed::slack_away_for_an_hour(500, 40);
    assert!(outage.night.violations.is_empty(), "{}", outage.night.report(60));
    let figures = outage.figures();
    assert_eq!(outage.incidents, 40, "{figures}");
    assert!(outage.posts <= 1, "one card an incident: {figures}");
    assert!(outage.updates <= 2, "and an edit of it for each of two people whose page came through: {figures}");
    assert_eq!(outage.refused_after, 0, "{figures}");
    assert!(outage.most_in_ten_seconds <= 80, "calls in vain come in no bursts: {figures}");
}

#[test]
fn the_clock_may_be_set() {
    for minutes in [60, -60] {
        let jump = sim::directed::clock_is_set_by(chrono::TimeDelta::minutes(minutes));
        assert!(jump.night.violations.is_empty(), "{}", jump.night.report(60));
        let asked: Vec<_> = jump.levels.values().collect();
        assert!(asked.iter().all(|times| **times == 1), "{minutes}: each level once: {:?}", jump.levels);
        assert_eq!(jump.levels.len(), 2, "{minutes}: both levels");
        assert_eq!((jump.pages_of_acknowledged, jump.most_of_one), (1, 1), "{minutes}: nobody twice");
    }
}

/// Product, section 5, numbers 7 and 8: an empty step is passed over at once, and a pause outlives the process. Everything
/// that was foretold is what then happens; the night's own checks compare it, person by person.
#[test]
fn what_is_foretold_happens_when_nobody_acts() {
    use tests::sim::Wish;
    let lab = ["assigned", "channel_asked", "assigned", "channel_asked", "assigned", "assigned"];
    // By then the hours that the pause waited for have begun.
    let again = ["step_skipped"];
    for dies in [false, true] {
        let (night, foretold) = sim::directed::nobody_acts(2, None, dies);
        assert!(night.violations.is_empty(), "{}", night.report(80));
        assert_eq!(foretold, lab, "the pause is under way; dies: {dies}");
        for (wish, first) in [(Wish::Acknowledge, "acknowledgement_expired"), (Wish::Snooze(3), "woke")] {
            let (night, foretold) = sim::directed::nobody_acts(2, Some(wish), dies);
            assert!(night.violations.is_empty(), "{wish:?}: {}", night.report(80));
            assert_eq!(foretold, [&[first], &again[..], &lab[..]].concat(), "{wish:?}");
        }
    }
    let (night, foretold) = sim::directed::nobody_acts(1, Some(Wish::Decline), false);
    assert!(night.violations.is_empty(), "{}", night.report(80));
    assert_eq!(foretold, ["assigned", "escalation_exhausted"], "ana was not asked, so nothing changed");
    let (night, foretold) = sim::directed::nobody_acts(0, Some(Wish::Acknowledge), false);
    assert!(night.violations.is_empty(), "{}", night.report(80));
    assert_eq!(foretold, Vec::<&str>::new(), "this policy gives time for ever");
}
