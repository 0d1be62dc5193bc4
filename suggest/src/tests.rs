//! What a person sees on the card, for small catalogues and hits made by hand.

use crate::{Ranking, record_line, suggest};
use chrono::DateTime;
use incident::action::Catalogue;
use incident::{ActionId, ActionRecord, Alarm, AlarmKey, AlarmState, DeliveryId, RunbookId, Severity, Strength};
use index::{Hit, Match};
use std::collections::BTreeMap;

fn alarm() -> Alarm {
    Alarm {
        source: "test".to_owned(),
        delivery: DeliveryId::from("test:1"),
        key: AlarmKey::from("test:1"),
        state: AlarmState::Firing,
        severity: Severity::Critical,
        title: "checkout p99 latency".to_owned(),
        summary: String::new(),
        resource: String::new(),
        service: Some("checkout-api".to_owned()),
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: DateTime::UNIX_EPOCH,
    }
}

fn catalogue() -> Catalogue {
    let action = |title: &str| {
        format!(
            "title = \"{title}\"\ndescription = \"x\"\nread_only = false\ntimeout = \"1m\"\nwatch = \"5m\"\nallow = \"any-responder\"\n\
             [runner]\nkind = \"dry-run\"\n[[params]]\nname = \"service\"\ntitle = \"Service\"\nkind = \"text\"\npattern = '[a-z-]+'\n\
             from = [\"service\"]\nrequired = true\n"
        )
    };
    let files = [
        ("actions/roll-back.toml", action("Roll back {service}")),
        ("actions/restart.toml", action("Restart {service}")),
        ("actions/scale.toml", action("Scale {service}")),
        ("actions/drain.toml", action("Drain {service}")),
    ];
    let (catalogue, problems) = Catalogue::parse(&files);
    assert!(problems.is_empty(), "{problems:?}");
    catalogue
}

fn hit(title: &str, actions: &[&str], terms: &[(&str, &str, f64)]) -> Hit {
    let matched = terms.iter().map(|(field, term, share)| Match {
        field: (*field).to_owned(),
        term: (*term).to_owned(),
        share: *share,
    });
    Hit {
        runbook: RunbookId(title.to_lowercase().replace(' ', "-")),
        title: title.to_owned(),
        actions: actions.iter().map(|id| ActionId::from(*id)).collect(),
        score: terms.iter().map(|(_, _, share)| share).sum(),
        explained: 0.5,
        matched: matched.collect(),
    }
}

fn slow() -> Hit {
    hit("Slow service", &["roll-back", "restart", "scale"], &[("title", "latency", 900.0), ("lead", "p99", 600.0)])
}

fn titles(ranking: &Ranking) -> Vec<&str> {
    ranking.suggestions.iter().map(|suggestion| suggestion.title.as_str()).collect()
}

fn run(hits: &[Hit], records: &[(&str, u32, u32)], already_run: &[&str]) -> Ranking {
    let records = records
        .iter()
        .map(|(id, helped, did_not_help)| {
            (ActionId::from(*id), ActionRecord { helped: *helped, did_not_help: *did_not_help })
        })
        .collect();
    let already_run: Vec<ActionId> = already_run.iter().map(|id| ActionId::from(*id)).collect();
    suggest(&alarm(), hits, &catalogue(), &records, &already_run)
}

#[test]
fn at_a_cold_start_the_text_and_the_author_decide() {
    let ranking = run(&[slow()], &[], &[]);
    assert_eq!(titles(&ranking), ["Roll back checkout-api", "Restart checkout-api", "Scale checkout-api"]);
    assert_eq!(ranking.suggestions[0].reason, "matches “latency”, “p99” in Slow service");
    assert_eq!(ranking.no_match, None);
}

#[test]
fn with_history_the_record_decides() {
    let ranking = run(&[slow()], &[("scale", 3, 0), ("roll-back", 0, 2)], &[]);
    assert_eq!(titles(&ranking), ["Scale checkout-api", "Restart checkout-api", "Roll back checkout-api"]);
    assert_eq!(ranking.suggestions[0].strength, Strength::Strong);
}

#[test]
fn what_cleared_this_alarm_before_is_offered_though_no_runbook_names_it() {
    let ranking = run(&[], &[("drain", 2, 0)], &[]);
    assert_eq!(titles(&ranking), ["Drain checkout-api"]);
    assert_eq!(ranking.suggestions[0].reason, "cleared this alarm before");
    assert_eq!(ranking.no_match, None);
}

#[test]
fn an_action_that_just_did_not_help_makes_room_for_the_next() {
    let ranking =
        run(&[slow(), hit("Node", &["drain"], &[("body", "a", 500.0), ("body", "b", 500.0)])], &[], &["roll-back"]);
    assert_eq!(titles(&ranking), ["Restart checkout-api", "Drain checkout-api", "Scale checkout-api"]);
    assert_eq!(ranking.runners_up[0].title, "Roll back checkout-api");
}

#[test]
fn the_same_button_is_offered_once() {
    let ranking =
        run(&[slow(), hit("Also slow", &["restart"], &[("body", "a", 400.0), ("body", "b", 400.0)])], &[], &[]);
    let restarts = titles(&ranking).iter().filter(|title| **title == "Restart checkout-api").count();
    assert_eq!((ranking.suggestions.len(), restarts, ranking.runners_up.len()), (3, 1, 0));
}

#[test]
fn a_runbook_without_a_known_action_is_for_reading() {
    let ranking =
        run(&[hit("Slow service", &["no-such"], &[("title", "latency", 900.0), ("title", "p99", 900.0)])], &[], &[]);
    assert_eq!(titles(&ranking), ["Read Slow service"]);
    assert_eq!(ranking.suggestions[0].action, None);
}

#[test]
fn below_the_bar_it_says_so_and_keeps_the_runner_up() {
    let weak = Hit { explained: 0.1, ..slow() };
    let one_word = hit("Slow service", &["restart"], &[("body", "service", 90.0)]);
    let ranking = run(&[weak, one_word], &[], &[]);
    assert!(ranking.suggestions.is_empty());
    assert_eq!(ranking.no_match.as_deref(), Some("no good match: the nearest runbook is Slow service"));
    assert_eq!(ranking.runners_up.len(), 3);
    assert_eq!(run(&[], &[], &[]).no_match.as_deref(), Some("no good match: no runbook shares a word with this alarm"));
}

#[test]
fn a_declared_alarm_is_strong_and_needs_no_score() {
    let ranking = run(&[hit("Slow", &["restart"], &[(Match::DECLARED_ALARM, "checkout*", 5.0)])], &[], &[]);
    assert_eq!(ranking.suggestions[0].strength, Strength::Strong);
    assert_eq!(ranking.suggestions[0].reason, "Slow is declared for “checkout*”");
}

#[test]
fn records_are_counts() {
    assert_eq!(record_line(&ActionRecord { helped: 3, did_not_help: 0 }).as_deref(), Some("worked 3 of 3"));
    assert_eq!(record_line(&ActionRecord { helped: 1, did_not_help: 2 }).as_deref(), Some("worked 1 of 3"));
    assert_eq!(record_line(&ActionRecord::default()), None);
}
