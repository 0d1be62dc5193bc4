//! What a person sees on the card, for small catalogues and hits made by hand.

use crate::{Elsewhere, Known, Ranking, record_line, suggest};
use chrono::{DateTime, TimeDelta, Utc};
use incident::action::Catalogue;
use incident::{
    ActionId, ActionRecord, Alarm, AlarmKey, AlarmState, Change, DeliveryId, IncidentId, Mark, Record, RecordEvent,
    Related, RunbookId, Severity, Strength,
};
use index::{Hit, Match};
use std::collections::BTreeMap;
use std::sync::LazyLock;

mod learning;

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
        drill: None,
    }
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(parsed);
    &CATALOGUE
}

fn parsed() -> Catalogue {
    let action = |title: &str| {
        let undoes = title.starts_with("Roll");
        format!(
            "title = \"{title}\"\ndescription = \"x\"\nread_only = false\nundoes_changes = {undoes}\ntimeout = \"1m\"\nwatch = \"5m\"\nallow = \"any-responder\"\n\
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
        confidence: 0.7,
        matched: matched.collect(),
    }
}

fn slow() -> Hit {
    hit("Slow service", &["roll-back", "restart", "scale"], &[("title", "latency", 900.0), ("lead", "p99", 600.0)])
}

fn titles(ranking: &Ranking) -> Vec<&str> {
    ranking.suggestions.iter().map(|suggestion| suggestion.title.as_str()).collect()
}

/// The first hour of the record; each outcome is an hour later than the one before.
fn at(hour: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(i64::try_from(hour).unwrap())
}

fn judge(record: &mut Record, incident: u64, action: &str, helped: bool) {
    let (incident_id, action) = (IncidentId(incident), ActionId::from(action));
    let after_seconds = helped.then_some(60);
    let judged = RecordEvent::RunJudged { incident: incident_id, action, by: "ana".into(), helped, after_seconds };
    record.apply(&judged, at(incident));
}

static NEW: LazyLock<Record> = LazyLock::new(Record::default);

fn run(hits: &[Hit], outcomes: &[(&str, u32, u32)], already_run: &[&str]) -> Ranking {
    let (mut record, mut incident) = (Record::default(), 0);
    for (action, helped, did_not_help) in outcomes {
        for helped in [vec![true; *helped as usize], vec![false; *did_not_help as usize]].concat() {
            incident += 1;
            judge(&mut record, incident, action, helped);
        }
    }
    with_record(hits, &record, already_run)
}

fn with_record(hits: &[Hit], record: &Record, already_run: &[&str]) -> Ranking {
    let already_run: Vec<ActionId> = already_run.iter().map(|id| ActionId::from(*id)).collect();
    let known = Known { already_run: &already_run, ..Known::of(record) };
    checked(suggest(&alarm(), hits, catalogue(), known, at(1000)))
}

fn checked(ranking: Ranking) -> Ranking {
    for suggestion in ranking.suggestions.iter().chain(&ranking.runners_up) {
        let sum: f64 = suggestion.parts.iter().map(|part| part.adds).sum();
        assert!((sum - suggestion.score).abs() < 1e-6, "the parts are the whole: {suggestion:#?}");
    }
    ranking
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
    assert_eq!(ranking.suggestions[0].reason, "helped with this alarm before");
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
    let weak = Hit { explained: 0.1, confidence: 0.1, ..slow() };
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

fn mark(record: &mut Record, action: &str, mark: Option<Mark>) {
    let why = "the vendor says so".to_owned();
    record.apply(&RecordEvent::Marked { action: action.into(), mark, by: "ben".into(), why }, at(0));
}

#[test]
fn what_people_pinned_is_first_and_what_they_banned_is_not_shown() {
    let mut record = Record::default();
    mark(&mut record, "drain", Some(Mark::Pinned));
    mark(&mut record, "roll-back", Some(Mark::Banned));
    let ranking = with_record(&[slow()], &record, &[]);
    assert_eq!(titles(&ranking), ["Drain checkout-api", "Restart checkout-api", "Scale checkout-api"]);
    assert_eq!(ranking.suggestions[0].reason, "pinned by ben: the vendor says so");
    assert_eq!(ranking.runners_up[0].reason, "banned by ben: the vendor says so");
    mark(&mut record, "drain", None);
    mark(&mut record, "roll-back", None);
    assert_eq!(with_record(&[slow()], &record, &[]), run(&[slow()], &[], &[]), "a mark can be taken away");
}

#[test]
fn after_a_deploy_what_takes_it_back_is_more_likely_to_help() {
    let change = Change {
        at: at(999),
        kind: "deploy".to_owned(),
        title: "CodeDeploy checkout-api: SUCCESS".to_owned(),
        service: Some("checkout-api".to_owned()),
        resource: String::new(),
        url: None,
    };
    let hits = [hit("Slow service", &["restart", "roll-back"], &[("title", "latency", 900.0), ("lead", "p99", 600.0)])];
    let ranked = |changes: &[Change]| {
        let known = Known { changes, ..Known::of(&NEW) };
        checked(suggest(&alarm(), &hits, catalogue(), known, at(1000)))
    };
    assert_eq!(titles(&ranked(&[])), ["Restart checkout-api", "Roll back checkout-api"]);
    let after = ranked(std::slice::from_ref(&change));
    assert_eq!(titles(&after), ["Roll back checkout-api", "Restart checkout-api"]);
    assert!(after.suggestions[0].parts.iter().any(|part| part.what == "takes back: CodeDeploy checkout-api: SUCCESS"));
}

#[test]
fn what_was_tried_on_the_same_resource_in_vain_goes_down() {
    let hits = [hit("Slow service", &["restart", "roll-back"], &[("title", "latency", 900.0), ("lead", "p99", 600.0)])];
    let related =
        [Related { incident: IncidentId(7), title: "errors".to_owned(), tried: vec![ActionId::from("restart")] }];
    let ranking =
        checked(suggest(&alarm(), &hits, catalogue(), Known { related: &related, ..Known::of(&NEW) }, at(1000)));
    assert_eq!(titles(&ranking), ["Roll back checkout-api", "Restart checkout-api"]);
    let parts = &ranking.suggestions[1].parts;
    assert!(parts.iter().any(|part| part.what == "ran for INC-7, open on the same resource" && part.adds < 0.0));
}

#[test]
fn what_helped_with_a_similar_alarm_fills_a_free_place_and_never_the_first() {
    let one =
        |action: &str| Elsewhere { action: action.into(), on: "INC-7 cart p99 latency".to_owned(), explained: 1.0 };
    let ranked = |hits: &[Hit], elsewhere: &[Elsewhere]| {
        let known = Known { elsewhere, ..Known::of(&NEW) };
        checked(suggest(&alarm(), hits, catalogue(), known, at(1000)))
    };
    let short = [hit("Slow service", &["restart"], &[("title", "latency", 900.0), ("lead", "p99", 600.0)])];
    let ranking = ranked(&short, &[one("drain"), one("restart")]);
    assert_eq!(titles(&ranking), ["Restart checkout-api", "Drain checkout-api"]);
    assert_eq!(ranking.suggestions[1].reason, "helped on INC-7 cart p99 latency");
    assert!(ranked(&[], &[one("drain")]).suggestions.is_empty(), "alone it is no good match");
}

#[test]
fn the_parts_of_a_score_name_words_and_record() {
    let ranking = run(&[slow()], &[("restart", 3, 0)], &[]);
    let parts: Vec<&str> = ranking.suggestions[0].parts.iter().map(|part| part.what.as_str()).collect();
    assert_eq!(parts, ["“latency” in title", "“p99” in lead", "worked 3 of 3"]);
}

#[test]
fn records_are_counts() {
    let record = |helped, did_not_help| ActionRecord { helped, did_not_help, median_seconds: None };
    assert_eq!(record_line(&record(3, 0)).as_deref(), Some("worked 3 of 3"));
    assert_eq!(record_line(&record(1, 2)).as_deref(), Some("worked 1 of 3"));
    assert_eq!(record_line(&ActionRecord::default()), None);
}
