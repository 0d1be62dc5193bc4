//! `[people.NAME]`.

use super::node::Table;
use super::notify;
use super::schedules::zone_of;
use super::{Problem, words};
use crate::nearest::nearest;
use crate::rota::Person;
use incident::ResponderId;
use std::collections::BTreeMap;

/// Reads all people. One with a mistake is in the result too, so that the mistake is not repeated wherever they are named.
pub(super) fn read(sections: &[Table<'_>], problems: &mut Vec<Problem>) -> BTreeMap<ResponderId, Person> {
    let mut people: BTreeMap<ResponderId, Person> = BTreeMap::new();
    for section in sections {
        let person = person(section, problems);
        let same_slack = |other: &&Person| other.slack.is_some() && other.slack == person.slack;
        if let Some(other) = people.values().find(same_slack) {
            let message = format!("{} and {} have the same slack id; each person needs their own", other.id, person.id);
            problems.push(section.problem(message));
        }
        people.insert(person.id.clone(), person);
    }
    people
}

fn person(section: &Table<'_>, problems: &mut Vec<Problem>) -> Person {
    section.only(&["name", "slack", "email", "phone", "sns", "webhook", "voice", "zone", "notify", "away"], problems);
    let id = section.name.as_str();
    if ["slack", "email", "phone", "sns", "webhook", "voice"].iter().all(|way| section.get(way).is_none()) {
        let message = format!(
            "{id} cannot be reached; write slack = \"U...\" (the member id of the Slack profile), email, phone, sns, webhook or voice"
        );
        problems.push(section.problem(message));
    }
    let slack = section.get("slack").and_then(|node| node.read(slack, problems));
    let email = section.get("email").and_then(|node| node.read(email, problems));
    let phone = section.get("phone").and_then(|node| node.read(phone, problems));
    let sns = section.get("sns").and_then(|node| node.read(topic, problems));
    let webhook = section.get("webhook").and_then(|node| node.read(webhook_address, problems));
    let voice = section.get("voice").and_then(|node| node.read(webhook_address, problems));
    let notify = notify::read(section, problems);
    let name = section.text("name", problems).unwrap_or(id).to_owned();
    let zone = section.get("zone").and_then(|node| zone_of(&node, problems));
    let away = section.get("away").and_then(|node| node.read(away, problems));
    let place = section.written();
    Person { id: id.into(), name, slack, email, phone, sns, webhook, voice, notify, zone, away, place }
}

/// `calendar NAME`.
fn away(text: &str) -> Result<String, String> {
    match text.split_once(' ') {
        Some(("calendar", name)) if words::is_name(name.trim()) => Ok(name.trim().to_owned()),
        _ => Err(format!(
            "\"{text}\" says no calendar; write away = \"calendar NAME\", with the NAME of a [calendars.NAME] in catops.toml"
        )),
    }
}

fn slack(text: &str) -> Result<String, String> {
    let is_member = text.len() > 1
        && text.starts_with(['U', 'W'])
        && text.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
    if is_member {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is no member id; copy it from the Slack profile, like \"U012AB3CD\""))
    }
}

fn email(text: &str) -> Result<String, String> {
    match text.split_once('@') {
        Some((user, host)) if !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err(format!("\"{text}\" is no address; write it like \"ana@example.com\"")),
    }
}

/// E.164: a plus, then the country and the number, 15 digits at most. The shortest numbers in use have 7.
fn phone(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let is_number = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.chars().all(|letter| letter.is_ascii_digit());
    if is_number {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{text}\" is no telephone number; write it with its country and digits only, like \"+34600111222\""
        ))
    }
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn topic(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_topic = matches!(parts.as_slice(), ["arn", partition, "sns", region, account, name]
        if partition.starts_with("aws")
            && !region.is_empty()
            && account.len() == 12
            && account.chars().all(|letter| letter.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)));
    if is_topic {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is no topic; write it like \"arn:aws:sns:eu-west-1:123456789012:page-ana\""))
    }
}

/// Over HTTPS, or to this machine.
fn webhook_address(text: &str) -> Result<String, String> {
    let own = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .filter_map(|own| text.strip_prefix(own))
        .any(|rest| rest.is_empty() || rest.starts_with([':', '/']));
    let safe =
        text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']));
    if (own || safe) && text.chars().all(|letter| letter.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is no address for pages; write it like \"https://example.com/pages/ana\""))
    }
}

/// That person, when known; else what to say about it.
pub(super) fn known(name: &str, people: &BTreeMap<ResponderId, Person>) -> Result<ResponderId, String> {
    let id = ResponderId::from(name);
    if people.contains_key(&id) {
        return Ok(id);
    }
    let advice = match nearest(name, people.keys().map(ResponderId::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write [people.{name}] with a slack id first"),
    };
    Err(format!("names \"{name}\", whom nobody knows; {advice}"))
}
