//! `catops import TOOL URL`: asks the other tool's API for everything that its export would hold, page by page, and puts the
//! answers together as documents that `rota::import` reads.
//!
//! It only reads: GET everywhere, and queries where the API is GraphQL. The token comes from the environment, goes to the
//! host that was named and to no other, and is in no message. Addresses are https, but for this machine.

mod ask;
mod goalert;

use anyhow::{Context, Result, bail};
use ask::Client;
use chrono::{DateTime, TimeDelta, Utc};
use rota::import::Tool;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// How far ahead it is asked who is on call, so that the files can be compared with it.
const COMPARED: TimeDelta = TimeDelta::weeks(4);

/// A name and a text for each document.
pub(super) type Documents = Vec<(String, String)>;

/// Asks for everything.
///
/// # Errors
/// The address or the token is not fit, or one question has no whole answer: half of an export would be half of a rota.
pub(super) async fn fetch(tool: Tool, url: &str, token: String, now: DateTime<Utc>) -> Result<Documents> {
    let mut client = Client::new(tool, url, token)?;
    let found = match tool {
        Tool::PagerDuty => pagerduty(&mut client, now).await,
        Tool::Opsgenie => opsgenie(&mut client, now).await,
        Tool::GrafanaOnCall => grafana(&mut client, now).await,
        Tool::GoAlert => goalert::all(&mut client, now).await,
    };
    let found = found.with_context(|| format!("asking {} at {}", tool.name(), client.host()))?;
    found.into_iter().map(|(name, value)| Ok((format!("{name}.json"), serde_json::to_string_pretty(&value)?))).collect()
}

/// Keeps the documents in a folder, for another import without asking again.
pub(super) fn save(documents: &Documents, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, text) in documents {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Objects by the name under which the export lists them.
type Found = Vec<(&'static str, Value)>;

/// REST API version 2: lists with `limit`, `offset` and `more`.
async fn pagerduty(client: &mut Client, now: DateTime<Utc>) -> Result<Found> {
    let mut found: Found = Vec::new();
    for (kind, path) in [
        ("users", "/users?include[]=contact_methods"),
        ("teams", "/teams"),
        ("escalation_policies", "/escalation_policies"),
        ("services", "/services"),
    ] {
        found.push((kind, json!({ kind: client.by_offset(path, kind).await? })));
    }
    let (since, until) = (rfc3339(now), rfc3339(now + COMPARED));
    let mut schedules = Vec::new();
    for listed in client.by_offset("/schedules", "schedules").await? {
        let id = id(&listed)?;
        let whole = client.get(&format!("/schedules/{id}?since={since}&until={until}")).await?;
        let mut schedule = object(&whole, "schedule")?;
        let path = format!("/schedules/{id}/overrides?since={since}&until={until}");
        schedule.insert("overrides".to_owned(), list(&client.get(&path).await?, "overrides")?.into());
        schedules.push(Value::Object(schedule));
    }
    found.push(("schedules", json!({ "schedules": schedules })));
    Ok(found)
}

/// REST API version 2: lists as `data`, with the next page's address in `paging`.
async fn opsgenie(client: &mut Client, now: DateTime<Utc>) -> Result<Found> {
    let users = client.by_link("/v2/users?expand=contact&limit=100", "data", "/paging/next").await?;
    let mut teams = Vec::new();
    for team in client.by_link("/v2/teams", "data", "/paging/next").await? {
        let whole = client.get(&format!("/v2/teams/{}", id(&team)?)).await?;
        teams.push(Value::Object(object(&whole, "data")?));
    }
    let mut schedules = Vec::new();
    let since = rfc3339(now);
    for listed in client.by_link("/v2/schedules?expand=rotation", "data", "/paging/next").await? {
        let id = id(&listed)?;
        let overrides = client.get(&format!("/v2/schedules/{id}/overrides")).await?;
        let path = format!("/v2/schedules/{id}/timeline?interval=4&intervalUnit=weeks&date={since}");
        let timeline = client.get(&path).await?;
        let mut schedule = listed.as_object().cloned().unwrap_or_default();
        schedule.insert("overrides".to_owned(), list(&overrides, "data")?.into());
        let rendered = timeline.pointer("/data/finalTimeline").cloned().unwrap_or_default();
        schedule.insert("finalTimeline".to_owned(), rendered);
        schedules.push(Value::Object(schedule));
    }
    let escalations = client.by_link("/v2/escalations", "data", "/paging/next").await?;
    let services = client.by_link("/v1/services?limit=100", "data", "/paging/next").await?;
    Ok(vec![
        ("users", json!({ "users": users })),
        ("teams", json!({ "teams": teams })),
        ("schedules", json!({ "schedules": schedules })),
        ("escalations", json!({ "escalations": escalations })),
        ("services", json!({ "services": services })),
    ])
}

/// Public API version 1: lists as `results`, with the next page's address in `next`.
async fn grafana(client: &mut Client, now: DateTime<Utc>) -> Result<Found> {
    let mut found: Found = Vec::new();
    for kind in
        ["users", "teams", "on_call_shifts", "escalation_chains", "escalation_policies", "integrations", "routes"]
    {
        found.push((kind, json!({ kind: client.by_link(&format!("/api/v1/{kind}/"), "results", "/next").await? })));
    }
    let (start, end) = (now.format("%Y-%m-%d"), (now + COMPARED).format("%Y-%m-%d"));
    let mut schedules = Vec::new();
    for listed in client.by_link("/api/v1/schedules/", "results", "/next").await? {
        let id = id(&listed)?;
        let path = format!("/api/v1/schedules/{id}/final_shifts?start_date={start}&end_date={end}");
        let shifts = client.by_link(&path, "results", "/next").await?;
        let mut schedule = listed.as_object().cloned().unwrap_or_default();
        schedule.insert("final_shifts".to_owned(), shifts.into());
        schedules.push(Value::Object(schedule));
    }
    found.push(("schedules", json!({ "schedules": schedules })));
    Ok(found)
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An object's id, which becomes part of an address.
fn id(object: &Value) -> Result<String> {
    let id = object.get("id").and_then(Value::as_str).context("an object of a list has no id")?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        bail!("an object of a list has an id that cannot be asked for");
    }
    Ok(id.to_owned())
}

fn object(answer: &Value, key: &str) -> Result<Map<String, Value>> {
    answer.get(key).and_then(Value::as_object).cloned().with_context(|| format!("an answer has no \"{key}\""))
}

fn list(answer: &Value, key: &str) -> Result<Vec<Value>> {
    answer.get(key).and_then(Value::as_array).cloned().with_context(|| format!("an answer has no list \"{key}\""))
}
