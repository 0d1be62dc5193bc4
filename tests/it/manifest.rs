//! `catops slack manifest`: Slack's own schema takes it, every address in it is one that CatOps answers, and it asks for
//! nothing that is not used.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Home, catops, root, text};

const URL: &str = "https://catops.example.com";

fn manifest() -> Result<Value> {
    let said = catops(&["slack", "manifest", "--url", &format!("{URL}/")]);
    ensure!(said.code == Some(0), "{}", said.stderr);
    Ok(serde_json::from_str(&said.stdout)?)
}

fn schema() -> Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(root().join("tests/corpus/slack/manifest.schema.json"))?)?)
}

#[test]
fn slacks_own_schema_takes_the_manifest() -> Result<()> {
    let (schema, manifest) = (schema()?, manifest()?);
    let faults = Schema { root: &schema }.faults(&schema, &manifest, "");
    ensure!(faults.is_empty(), "{faults:#?}");
    Ok(())
}

#[test]
fn the_check_refuses_what_slack_would_refuse() -> Result<()> {
    let (schema, right) = (schema()?, manifest()?);
    for (pointer, wrong) in [
        ("/display_information/name", json!("x".repeat(36))),
        ("/display_information/name", Value::Null),
        ("/display_information/background_color", json!(7)),
        ("/display_information", json!({ "name": "CatOps", "colour": "#fff" })),
        ("/features/slash_commands/0/command", json!("catops")),
        ("/features/slash_commands/0/command", json!(format!("/{}", "x".repeat(32)))),
        ("/features/slash_commands/0/url", json!("catops.example.com")),
        ("/features/slash_commands/0", json!({ "command": "/catops" })),
        ("/features/slash_commands", json!([])),
        ("/settings/interactivity", json!({ "request_url": URL })),
        ("/settings/socket_mode_enabled", json!("no")),
    ] {
        let mut manifest = right.clone();
        *manifest.pointer_mut(pointer).context(pointer)? = wrong.clone();
        let faults = Schema { root: &schema }.faults(&schema, &manifest, "");
        ensure!(!faults.is_empty(), "{pointer} = {wrong} is taken");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_finds_catops_at_every_address_of_the_manifest() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[])?;
    let manifest = manifest()?;
    let addresses = [
        "/features/slash_commands/0/url",
        "/settings/event_subscriptions/request_url",
        "/settings/interactivity/request_url",
        "/settings/interactivity/message_menu_options_url",
    ];
    for pointer in addresses {
        let address = manifest.pointer(pointer).and_then(Value::as_str).context(pointer)?;
        let path = address.strip_prefix(URL).context("an address of ours")?;
        let answer = server.http.post(format!("{}{path}", server.url)).body("x").send().await?;
        // Not signed: it is refused, and not unknown.
        ensure!(answer.status() == 401, "{path} is answered {}", answer.status());
    }
    Ok(())
}

#[test]
fn slack_is_asked_for_no_more_than_is_used() -> Result<()> {
    let manifest = manifest()?;
    let scopes = manifest.pointer("/oauth_config/scopes/bot").and_then(Value::as_array).context("scopes")?;
    let explained = slack::manifest::SCOPES.map(|(scope, _)| json!(scope));
    ensure!(*scopes == explained, "{scopes:?}");
    // What the client can call and CatOps calls; `auth.test`, `views.open` and `response_url` need no scope.
    for (call, scope) in [
        (".history(", "channels:history"),
        (".replies(", "groups:history"),
        (".post_message(", "chat:write"),
        (".conversations_open(", "im:write"),
        (".upload(", "files:write"),
    ] {
        ensure!(explained.contains(&json!(scope)) == is_called(call)?, "{call} and {scope} do not go together");
    }
    Ok(())
}

#[test]
fn topics_and_groups_are_asked_for_only_when_there_are_some() -> Result<()> {
    let home = Home::new()?;
    let scopes = || -> Result<Vec<String>> {
        let said =
            catops(&["slack", "manifest", "--url", "https://catops.example.com", "--config", text(&home.config)]);
        let manifest: Value = serde_json::from_str(&said.stdout)?;
        let scopes = manifest.pointer("/oauth_config/scopes/bot").and_then(Value::as_array).context("scopes")?;
        Ok(scopes.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect())
    };
    ensure!(scopes()? == slack::manifest::SCOPES.map(|(scope, _)| scope.to_owned()));
    home.set("# [handoffs]", "[[usergroups]]\nid = \"S0ONCALL\"\nschedules = [\"team\"]\n# [handoffs]")?;
    let asked = scopes()?;
    ensure!(
        asked.contains(&"usergroups:write".to_owned()) && !asked.contains(&"channels:write.topic".to_owned()),
        "{asked:?}"
    );
    Ok(())
}

/// Whether the executable's own code calls this.
fn is_called(call: &str) -> Result<bool> {
    let mut folders = vec![root().join("catops/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&format!("client{call}"))) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[test]
fn an_address_that_slack_cannot_call_is_refused() {
    for url in ["http://catops.example.com", "catops.example.com", "https://catops.example.com/?x=1", "https://"] {
        let said = catops(&["slack", "manifest", "--url", url]);
        assert_eq!(said.code, Some(2), "{url}: {}", said.stdout);
        assert!(said.stderr.contains("https://"), "{url}: {}", said.stderr);
    }
}

/// Words of a schema that say nothing about a value.
const SILENT: [&str; 8] = ["title", "description", "definitions", "default", "format", "$schema", "_note", "regex"];

/// As much of JSON Schema (draft 7) as a manifest of ours meets. A word that it does not know is a fault of the check.
struct Schema<'a> {
    root: &'a Value,
}

impl Schema<'_> {
    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (word, rule) in schema.as_object().into_iter().flatten() {
            match word.as_str() {
                "$ref" => faults.extend(self.faults(self.named(rule), value, at)),
                "properties" | "additionalProperties" => {}
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        faults.extend(self.faults(rule, item, &format!("{at}/{index}")));
                    }
                }
                silent if SILENT.contains(&silent) => {}
                word if holds(word, rule, value) => {}
                word => faults.push(format!("{at}: {word} {rule} and it is {value}")),
            }
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            match schema["properties"].get(name) {
                Some(rule) => faults.extend(self.faults(rule, member, &at)),
                None if schema["additionalProperties"] == json!(false) => faults.push(format!("{at} is unknown")),
                None => {}
            }
        }
        faults
    }

    fn named(&self, reference: &Value) -> &Value {
        let pointer =
            reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference within the schema");
        self.root.pointer(pointer).expect("a definition")
    }
}

/// Whether a value keeps one rule that looks at nothing inside it.
fn holds(word: &str, rule: &Value, value: &Value) -> bool {
    let (text, list) = (value.as_str(), value.as_array());
    let at_least = |size: Option<usize>| size.is_none_or(|size| size as u64 >= rule.as_u64().expect("a number"));
    let at_most = |size: Option<usize>| size.is_none_or(|size| size as u64 <= rule.as_u64().expect("a number"));
    match word {
        "type" => match rule {
            Value::Array(types) => types.iter().any(|one| is(one, value)),
            one => is(one, value),
        },
        "enum" => rule.as_array().is_some_and(|some| some.contains(value)),
        "required" => value.as_object().is_none_or(|object| {
            rule.as_array().into_iter().flatten().filter_map(Value::as_str).all(|name| object.contains_key(name))
        }),
        "minLength" => at_least(text.map(|text| text.chars().count())),
        "maxLength" => at_most(text.map(|text| text.chars().count())),
        "minItems" => at_least(list.map(Vec::len)),
        "maxItems" => at_most(list.map(Vec::len)),
        "uniqueItems" => {
            list.is_none_or(|list| list.iter().enumerate().all(|(index, item)| !list[..index].contains(item)))
        }
        // The few that a manifest of ours meets, written out: no crate of expressions for four beginnings.
        "pattern" => text.is_none_or(|text| match rule.as_str() {
            Some(r"^\/") => text.starts_with('/'),
            Some(r"^https:\/\/") => text.starts_with("https://"),
            Some(r"^https?:\/\/") => text.starts_with("https://") || text.starts_with("http://"),
            other => panic!("the check does not know the pattern {other:?}"),
        }),
        unknown => panic!("the check does not know {unknown}"),
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("null") => value.is_null(),
        other => panic!("the check does not know the type {other:?}"),
    }
}
