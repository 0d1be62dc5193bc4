//! GoAlert's GraphQL: one query for each kind of object, page by page. Since version 0.33 methods of contact and steps have
//! destinations; a server that does not know them is asked for what was there before.

use super::ask::{Client, PAGE};
use super::{COMPARED, Found, rfc3339};
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Where GraphQL is asked.
const PATH: &str = "/api/graphql";

/// A kind of object: its list, its fields, and its fields in older versions where those are others.
struct Kind {
    list: &'static str,
    fields: String,
    older: Option<String>,
}

/// Everything.
pub(super) async fn all(client: &mut Client, now: DateTime<Utc>) -> Result<Found> {
    let mut found: Found = Vec::new();
    for kind in kinds(now) {
        let nodes = match (nodes(client, kind.list, &kind.fields).await, &kind.older) {
            (Err(_), Some(older)) => nodes(client, kind.list, older).await?,
            (nodes, _) => nodes?,
        };
        found.push((kind.list, json!({ kind.list: { "nodes": nodes } })));
    }
    Ok(found)
}

fn kinds(now: DateTime<Utc>) -> [Kind; 6] {
    let (start, end) = (rfc3339(now), rfc3339(now + COMPARED));
    let kind = |list, fields: &str, older: Option<&str>| Kind {
        list,
        fields: fields.to_owned(),
        older: older.map(str::to_owned),
    };
    [
        kind(
            "users",
            "id name email contactMethods { id name dest { type args } }",
            Some("id name email contactMethods { id name type value }"),
        ),
        kind(
            "rotations",
            "id name type shiftLength start timeZone userIDs activeUserIndex nextHandoffTimes(num: 1)",
            None,
        ),
        kind(
            "schedules",
            &format!(
                "id name timeZone targets {{ target {{ id type name }} rules {{ id start end weekdayFilter }} }} \
                 temporarySchedules {{ start end shifts {{ userID start end }} }} \
                 shifts(start: \"{start}\", end: \"{end}\") {{ userID start end truncated }}"
            ),
            None,
        ),
        kind("userOverrides", "id start end addUserID removeUserID target { id type }", None),
        kind(
            "escalationPolicies",
            "id name repeat steps { id stepNumber delayMinutes actions { type args } }",
            Some("id name repeat steps { id stepNumber delayMinutes targets { id type name } }"),
        ),
        kind("services", "id name escalationPolicyID", None),
    ]
}

async fn nodes(client: &mut Client, list: &str, fields: &str) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let input = format!("first: {PAGE}, after: {}", Value::from(after.as_str()));
        let query = format!(
            "query {{ {list}(input: {{ {input} }}) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let answer = client.query(PATH, &json!({ "query": query })).await?;
        if let Some(error) = answer.pointer("/errors/0/message").and_then(Value::as_str) {
            let error: String = error.chars().filter(|letter| !letter.is_control()).take(200).collect();
            bail!("it cannot answer about {list}: {error}");
        }
        let page = answer.pointer(&format!("/data/{list}")).with_context(|| format!("an answer has no {list}"))?;
        all.extend(super::list(page, "nodes")?);
        let next = page.pointer("/pageInfo/endCursor").and_then(Value::as_str).unwrap_or_default();
        let has_more = page.pointer("/pageInfo/hasNextPage").and_then(Value::as_bool) == Some(true);
        // A server that names the same page again would be asked for ever.
        if !has_more || next.is_empty() || next == after {
            client.tell(list, all.len());
            return Ok(all);
        }
        next.clone_into(&mut after);
    }
}
