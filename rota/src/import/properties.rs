//! What holds for every export, also for one that no tool ever wrote: nothing panics, the files are a rota without mistakes,
//! and every object is accounted for once.

use super::tests::{corpus, texts};
use super::{Outcome, Tool, plan};
use crate::Rota;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Names of keys, so that what is made up is now and then where something is expected.
const KEYS: [&str; 24] = [
    "id",
    "name",
    "users",
    "schedules",
    "data",
    "results",
    "nodes",
    "rotations",
    "targets",
    "rules",
    "type",
    "start",
    "end",
    "email",
    "time_zone",
    "timeZone",
    "timezone",
    "duration",
    "interval",
    "level",
    "services",
    "shifts",
    "repeat",
    "slack",
];

/// Texts that the tools use, and some that they should not.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "default",
    "ana",
    "user",
    "schedule",
    "rotation",
    "weekly",
    "daily",
    "hourly",
    "monthly",
    "rolling_users",
    "Europe/Madrid",
    "Nowhere/At all",
    "2026-01-05T09:00:00Z",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00Z",
    "1969-12-31T23:59:59+14:00",
    "2199-12-31T23:59:59Z",
    "2026-03-29T02:30:00",
    "09:00:00",
    "a\nb\u{7}# \"'''\\",
    "ana@x.example",
    "\u{1F600}",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        proptest::sample::select(vec![0, 1, -1, 7, 59, 3_600, 5_400, 86_400, 604_800, i64::MAX, i64::MIN])
            .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(TEXTS.to_vec()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 6, |inner| {
        let key = prop_oneof![proptest::sample::select(KEYS.to_vec()).prop_map(str::to_owned), "[a-z]{1,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

fn any_tool() -> impl Strategy<Value = Tool> {
    proptest::sample::select(Tool::ALL.to_vec())
}

/// Puts `value` at a place of `root` that `steps` lead to.
fn put(root: &mut Value, steps: &[usize], value: Value) {
    let mut place = root;
    for step in steps {
        let count = match &*place {
            Value::Array(list) => list.len(),
            Value::Object(fields) => fields.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        };
        if count == 0 {
            break;
        }
        place = match place {
            Value::Array(list) => &mut list[step % count],
            Value::Object(fields) => fields.values_mut().nth(step % count).expect("there are so many"),
            _ => unreachable!("scalars have no places"),
        };
    }
    *place = value;
}

/// A case here reads and writes a whole export several times, so a quarter of the usual number is tried.
pub(super) fn fewer_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), ..usual }
}

/// What holds for every plan.
fn is_sound(tool: Tool, documents: &[(String, String)]) -> Result<(), TestCaseError> {
    let nothing: [(String, String); 0] = [];
    let first = plan(tool, documents, &nothing);
    prop_assert_eq!(&first.problems, &[]);
    let rota = Rota::parse(&texts(&first));
    prop_assert!(rota.is_ok(), "{:?}", rota);
    let rota = rota.unwrap_or_default();
    prop_assert!(first.operations.iter().all(|operation| rota.schedule(&operation.schedule).is_ok()));
    for object in &first.objects {
        prop_assert!(!object.kind.is_empty());
        prop_assert!(!matches!(&object.outcome, Outcome::ImportedWith(caveats) if caveats.is_empty()));
    }
    let existing: Vec<(String, String)> =
        first.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    let second = plan(tool, documents, &existing);
    prop_assert!(second.files.iter().all(|file| file.change == super::FileChange::Unchanged));
    prop_assert_eq!(&first.objects, &second.objects);
    Ok(())
}

proptest! {
    /// Any text at all.
    #[test]
    fn any_text_is_a_plan(tool in any_tool(), text in "\\PC{0,80}") {
        is_sound(tool, &[("users.json".to_owned(), text)])?;
    }

    /// Any JSON, under any name.
    #[test]
    fn any_json_is_a_plan(tool in any_tool(), value in any_json(), name in proptest::sample::select(KEYS.to_vec())) {
        is_sound(tool, &[(format!("{name}.json"), value.to_string())])?;
    }
}

proptest! {
    #![proptest_config(fewer_cases())]

    /// A real export with up to three values replaced by anything.
    #[test]
    fn an_export_with_anything_in_it_is_a_plan(
        tool in any_tool(),
        changes in proptest::collection::vec((any::<usize>(), proptest::collection::vec(any::<usize>(), 1..9), any_json()), 1..4),
    ) {
        let mut documents: Vec<(String, Value)> =
            corpus(tool).into_iter().map(|(path, text)| (path, serde_json::from_str(&text).unwrap_or_default())).collect();
        for (document, steps, value) in changes {
            let count = documents.len();
            put(&mut documents[document % count].1, &steps, value);
        }
        let documents: Vec<(String, String)> = documents.into_iter().map(|(path, value)| (path, value.to_string())).collect();
        is_sound(tool, &documents)?;
    }

    /// A list of anything under each name that a tool uses, and under one that it does not: each element is one object.
    #[test]
    fn every_element_of_a_list_is_accounted_for(
        tool in any_tool(),
        place in any::<usize>(),
        list in proptest::collection::vec(any_json(), 0..8),
    ) {
        let lists = lists_of(tool);
        let (name, kind) = lists[place % lists.len()];
        let list: Vec<Value> = list.into_iter().enumerate().map(|(number, mut value)| {
            if let Value::Object(fields) = &mut value {
                fields.insert("id".to_owned(), Value::from(format!("#{number}")));
            }
            value
        }).collect();
        let nothing: [(String, String); 0] = [];
        let plan = plan(tool, &[("export.json", json!({ name: list }).to_string())], &nothing);
        let found = plan.objects.iter().filter(|object| object.kind == kind).count();
        prop_assert_eq!(found, list.len(), "{:?}", plan.objects);
    }
}

proptest! {
    /// A list of anything inside of a schedule: each element is one object, too.
    #[test]
    fn every_part_of_a_schedule_is_accounted_for(
        place in any::<usize>(),
        list in proptest::collection::vec(any_json(), 0..8),
    ) {
        let (tool, name, kind) = PARTS[place % PARTS.len()];
        let mut schedule = json!({ "id": "S", "name": "Schedule", "time_zone": "UTC", "timezone": "UTC", "timeZone": "UTC" });
        schedule[name] = Value::from(list.clone());
        let documents = [("export.json".to_owned(), json!({ "schedules": [schedule] }).to_string())];
        let nothing: [(String, String); 0] = [];
        let plan = plan(tool, &documents, &nothing);
        let found = plan.objects.iter().filter(|object| object.kind == kind).count();
        prop_assert_eq!(found, list.len(), "{:?}", plan.objects);
        is_sound(tool, &documents)?;
    }
}

/// The lists inside of schedules, with the word for their objects.
const PARTS: [(Tool, &str, &str); 6] = [
    (Tool::PagerDuty, "schedule_layers", "layer"),
    (Tool::PagerDuty, "overrides", "override"),
    (Tool::Opsgenie, "rotations", "rotation"),
    (Tool::Opsgenie, "overrides", "override"),
    (Tool::GoAlert, "targets", "assignment"),
    (Tool::GoAlert, "temporarySchedules", "temporary schedule"),
];

/// The names of a tool's lists, each with the word for its objects.
fn lists_of(tool: Tool) -> &'static [(&'static str, &'static str)] {
    match tool {
        Tool::PagerDuty => &[
            ("users", "user"),
            ("teams", "team"),
            ("schedules", "schedule"),
            ("overrides", "override"),
            ("escalation_policies", "escalation policy"),
            ("services", "service"),
            ("extensions_of", "other object"),
        ],
        Tool::Opsgenie => &[
            ("users", "user"),
            ("teams", "team"),
            ("schedules", "schedule"),
            ("overrides", "override"),
            ("escalations", "escalation"),
            ("services", "service"),
            ("heartbeats", "other object"),
        ],
        Tool::GrafanaOnCall => &[
            ("users", "user"),
            ("teams", "team"),
            ("schedules", "schedule"),
            ("on_call_shifts", "shift"),
            ("escalation_chains", "escalation chain"),
            ("escalation_policies", "escalation step"),
            ("integrations", "integration"),
            ("routes", "route"),
            ("webhooks", "other object"),
        ],
        Tool::GoAlert => &[
            ("users", "user"),
            ("rotations", "rotation"),
            ("schedules", "schedule"),
            ("userOverrides", "override"),
            ("escalationPolicies", "escalation policy"),
            ("services", "service"),
            ("integrationKeys", "other object"),
        ],
    }
}
