//! What people are told of silences, and how what they typed becomes a wish: for Slack and for the command line. It draws and
//! reads; what a wish becomes is decided in `flow::silences`.

use crate::app::App;
use crate::clock;
use crate::flow::change::ChangeError;
use crate::flow::names;
use crate::flow::silences::{self, Kept, Made, kept_back};
use crate::surface;
use chrono::{DateTime, Utc};
use incident::{HISTORY_DAYS, Hidden, Incident, Matcher, ResponderId, Silence, SilenceId, SilenceStanding};
use log::ReadError;
use rota::SpokenSpan;
use slack::blocks::Message;
use slack::command::Length;

/// Incidents that are named in an answer.
const NAMED_MAX: usize = 5;
/// Silences that are listed in an answer.
const LISTED_MAX: usize = 20;
/// Events that are read to count for an answer: Slack waits three seconds for it, and so many take half of one.
const EVENTS_MAX: usize = 100_000;
/// Said when there is nothing to list.
const NONE: &str = "There is no silence. One is made like this: silence alertname=HighCPU 2h because load test";
/// Longest rule in a line, in characters.
const RULE_CHARS_MAX: usize = 200;

/// The time that was typed, in the zone of whoever typed it.
///
/// # Errors
/// What to type instead.
pub fn time(app: &App, who: &ResponderId, length: &Length) -> Result<(DateTime<Utc>, DateTime<Utc>), String> {
    let now = clock::now();
    let words = match length {
        Length::For(length) => return Ok((now, now + *length)),
        Length::Until(words) => format!("now - {words}"),
        Length::During(words) => words.clone(),
    };
    let zone = surface::zone_of(&app.setup().rota, who, None);
    let read = SpokenSpan::parse(&words, &zone, now).map_err(|error| error.to_string())?;
    Ok((read.span.start, read.span.end))
}

/// The matcher of an incident's alarm.
///
/// # Errors
/// The key is longer than a matcher may be.
pub fn of_incident(incident: &Incident) -> Result<Matcher, String> {
    Matcher::exactly("key", incident.alarm.key.as_str()).map_err(|error| error.to_string())
}

/// What a silence does, and what it leaves as it is.
#[must_use]
pub fn made(app: &App, made: &Made) -> String {
    let silence = &made.silence;
    let mut told = format!(
        "{}: {} silenced{} by {} ({}). What matches opens no incident and pages nobody; what still fires then opens one.",
        silence.id,
        silence.rule(),
        from_until(silence),
        app.name(&silence.by),
        silence.because
    );
    told.push_str(&beside(app, made));
    told
}

/// What a silence would do that was only looked at.
#[must_use]
pub fn looked_at(app: &App, made: &Made) -> String {
    let silence = &made.silence;
    let told = format!("Nothing is silenced: {} would be{}.", silence.rule(), from_until(silence));
    format!("{told}{}", beside(app, made))
}

fn from_until(silence: &Silence) -> String {
    let from =
        if silence.starts_at > clock::now() { format!(" from {}", utc(silence.starts_at)) } else { String::new() };
    format!("{from} until {}", utc(silence.ends_at))
}

/// What a silence would have kept back before, and what is open and stays as it is.
fn beside(app: &App, made: &Made) -> String {
    let Made { open, hidden, .. } = made;
    let mut told = past(hidden);
    for incident in open.iter().take(NAMED_MAX) {
        told.push(' ');
        told.push_str(&stays(app, incident));
    }
    if open.len() > NAMED_MAX {
        told.push_str(&format!(" {} more are open and stay as they are.", open.len() - NAMED_MAX));
    }
    told
}

/// What it would have kept back, and on what of that somebody did something. Nothing of it is a typing mistake, most often.
fn past(hidden: &Hidden) -> String {
    let of = match (hidden.of, hidden.since) {
        (0, _) => return String::new(),
        (1, None) => format!("the one incident that ended within {HISTORY_DAYS} days"),
        (of, None) => format!("the {of} incidents that ended within {HISTORY_DAYS} days"),
        (of, Some(since)) => format!("the newest {of} incidents that ended (since {})", since.format("%Y-%m-%d")),
    };
    if hidden.incidents == 0 {
        return format!(" It would have kept back none of {of}.");
    }
    let alarms = if hidden.alarms == 1 { "1 alarm".to_owned() } else { format!("{} alarms", hidden.alarms) };
    let named: Vec<String> = hidden.acted_on.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let acted_on = match hidden.acted_on.len() {
        0 => "nobody did anything on them".to_owned(),
        count if count > NAMED_MAX => {
            format!("on {count} somebody did something: {} and {} more", named.join(", "), count - NAMED_MAX)
        }
        count => format!("on {count} somebody did something: {}", named.join(", ")),
    };
    format!(" Of {of} it would have kept back {} ({alarms}); {acted_on}.", hidden.incidents)
}

fn stays(app: &App, incident: &Incident) -> String {
    let people: Vec<String> = match &incident.acknowledged {
        Some(taken) => vec![app.name(&taken.by)],
        None => incident.owners.iter().map(|who| app.name(who)).collect(),
    };
    let with = if people.is_empty() { "as it is".to_owned() } else { format!("with {}", people.join(", ")) };
    format!("{} is open and stays {with}; snooze it if you want: snooze {}.", incident.id, incident.id.0)
}

/// A silence was ended.
#[must_use]
pub fn ended(app: &App, silence: &Silence) -> String {
    let by = silence.ended.as_ref().map(|(by, _)| format!(" by {}", app.name(by))).unwrap_or_default();
    format!("{} is over, ended{by}. What still fires opens an incident within seconds.", silence.id)
}

/// One silence in a line.
#[must_use]
pub fn line(
    silence: &Silence,
    kept: Option<&Kept>,
    at: DateTime<Utc>,
    name: &dyn Fn(&ResponderId) -> String,
) -> String {
    let when = match (silence.standing(at), &silence.ended) {
        (SilenceStanding::Pending, _) => format!("from {} until {}", utc(silence.starts_at), utc(silence.ends_at)),
        (SilenceStanding::Active, _) => format!("until {}", utc(silence.ends_at)),
        (SilenceStanding::Expired, Some((by, at))) => format!("ended {} by {}", utc(*at), name(by)),
        (SilenceStanding::Expired, None) => format!("over since {}", utc(silence.ends_at)),
    };
    let kept = match kept {
        None => String::new(),
        Some(kept) => format!("; kept back {}", count(kept)),
    };
    let rule: String = silence.rule().chars().take(RULE_CHARS_MAX).collect();
    format!("{} {} {rule}, {when} ({}, {}){kept}", silence.id, word(silence, at), name(&silence.by), silence.because)
}

/// How many alarms of how many keys.
#[must_use]
pub fn count(kept: &Kept) -> String {
    match (kept.alarms, kept.keys) {
        (0, _) => "no alarm".to_owned(),
        (1, _) => "1 alarm".to_owned(),
        (alarms, 1) => format!("{alarms} alarms of one key"),
        (alarms, keys) => format!("{alarms} alarms of {keys} keys"),
    }
}

/// Its standing in a word.
#[must_use]
pub fn word(silence: &Silence, at: DateTime<Utc>) -> &'static str {
    match silence.standing(at) {
        SilenceStanding::Pending => "pending",
        SilenceStanding::Active => "active",
        SilenceStanding::Expired => "expired",
    }
}

/// The list. What each kept back is counted where that costs next to nothing; of a table, and of a long log, only what fires
/// now.
///
/// # Errors
/// The log cannot be read.
pub async fn list(app: &App) -> Result<Message, ChangeError> {
    let now = clock::now();
    let all = silences::load(&*app.log).await?;
    let listed = all.listed(now);
    if listed.is_empty() {
        return Ok(surface::sentence(NONE));
    }
    let kept = if app.data.is_some() { kept_back(&*app.log, &all, now, EVENTS_MAX).await? } else { None };
    let none = Kept::default();
    let kept = |id: &SilenceId| kept.as_ref().map(|kept| kept.get(id).unwrap_or(&none));
    let name = |who: &ResponderId| app.name(who);
    let mut lines: Vec<String> = Vec::new();
    for silence in listed.iter().take(LISTED_MAX) {
        let fires = if silence.is_active(now) { firing(app, silence.id).await? } else { String::new() };
        lines.push(format!("{}{fires}", line(silence, kept(&silence.id), now, &name)));
    }
    if listed.len() > LISTED_MAX {
        lines.push(format!("and {} more: catops silences", listed.len() - LISTED_MAX));
    }
    Ok(surface::sentence(&lines.join("\n")))
}

/// What a silence holds back now.
async fn firing(app: &App, id: SilenceId) -> Result<String, ReadError> {
    const COUNTED_MAX: usize = 100;
    let held = app.log.list(&names::silenced(id), None, COUNTED_MAX).await?;
    Ok(match (held.streams.len(), held.next.is_some()) {
        (0, _) => String::new(),
        (count, false) => format!("; {count} of them fire now"),
        (count, true) => format!("; more than {count} fire now"),
    })
}

/// A time as people read it in the log.
#[must_use]
pub fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
