//! User groups of Slack that hold whoever is on call: the union over their schedules, and those who are always in. A group is
//! never emptied: then the last members stay, and the channel hears of it. What people change by hand is put right within
//! minutes. What is wrong is told once, until it is something else.

use crate::app::App;
use crate::clock;
use crate::config::Config;
use crate::config::Setup;
use crate::config::file::UserGroupConfig;
use crate::flow::change::json;
use crate::flow::handoff::Due;
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::flow::triage;
use crate::slack_side::SlackSide;
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{FOLD, SCHEMA};
use log::{Append, Expected, Head, LeasedEffect, NewEffect, NewEvent, Outcome, StreamWrite};
use rota::Operation;
use serde::{Deserialize, Serialize};
use slack::client::Failure;
use std::collections::BTreeSet;

/// Between two looks at a group: what people changed by hand is put right within it.
const LOOK_EVERY: TimeDelta = TimeDelta::minutes(5);
/// The same while Slack refuses for a reason that a person has to remove.
const REFUSED_EVERY: TimeDelta = TimeDelta::hours(1);
/// What Slack says where user groups cost more than is paid.
const NOT_PAID: [&str; 3] = ["paid_teams_only", "plan_upgrade_required", "paid_only"];

/// What is wrong with a group; also the state of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Wrong {
    /// In words; empty when nothing is.
    problem: String,
}

/// Reports groups that name nobody, or what is not there.
pub fn cross_check(setup: &Setup, report: &mut impl FnMut(String)) {
    for group in &setup.config.usergroups {
        let is_id = group.id.len() > 1
            && group.id.starts_with('S')
            && group.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            report(format!(
                "[[usergroups]] \"{}\" is no user group's id; it begins with S and stands in the group's details",
                group.id
            ));
        }
        if setup.config.usergroups.iter().filter(|other| other.id == group.id).count() > 1 {
            report(format!("[[usergroups]] {} is there twice; name all its schedules in one", group.id));
        }
        if group.schedules.is_empty() && group.permanent.is_empty() {
            report(format!("[[usergroups]] {} names nobody; write schedules = [\"payments\"]", group.id));
        }
        for schedule in &group.schedules {
            if let Err(unknown) = setup.rota.schedule(schedule) {
                report(format!("[[usergroups]] {}: {unknown}", group.id));
            }
        }
        for person in group.permanent.iter().filter(|person| !setup.rota.is_responder(person)) {
            report(format!("[[usergroups]] {}: \"{person}\" is not in rota/*.toml", group.id));
        }
    }
}

/// The timers of all groups.
pub(super) fn timers(config: &Config, due_at: DateTime<Utc>) -> Vec<NewEffect> {
    let timer = |group: &UserGroupConfig| Due::Group { id: group.id.clone() }.effect(due_at);
    config.usergroups.iter().map(timer).collect()
}

/// Brings a group up to date, and sets the next timer.
pub(super) async fn perform(app: &App, id: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    let group = setup.config.usergroups.iter().find(|group| group.id == id);
    let (Some(side), Some(group)) = (&app.slack, group) else { return done(app, leased).await };
    let operations = triage::operations(&*app.log).await?;
    let now = clock::now();
    let (wanted, unlinked) = members(&setup, group, &operations, now);
    let (problem, again) = if wanted.is_empty() {
        (
            format!("Nobody of {} is on call: user group {id} keeps its last members.", group.schedules.join(", ")),
            LOOK_EVERY,
        )
    } else {
        match bring(side, id, &wanted).await {
            Ok(()) if unlinked.is_empty() => (String::new(), LOOK_EVERY),
            Ok(()) => {
                let who: Vec<String> = unlinked.iter().map(|who| app.name(who)).collect();
                (
                    format!("{} is on call, has no Slack member id, and is not in user group {id}.", who.join(", ")),
                    LOOK_EVERY,
                )
            }
            Err(failure @ (Failure::Retry { .. } | Failure::Unknown { .. })) => {
                return Err(crate::flow::post::sorted(side, "usergroups.users.update", failure));
            }
            Err(failure) if NOT_PAID.contains(&failure.error()) => {
                (format!("User group {id} stays as it is: Slack has user groups in paid plans only."), REFUSED_EVERY)
            }
            Err(failure) => (format!("User group {id} stays as it is: {failure}."), REFUSED_EVERY),
        }
    };
    settle(app, &setup, group, Wrong { problem }, now + again, leased).await
}

/// The Slack member ids that belong into a group, and the people without one.
fn members(
    setup: &Setup,
    group: &UserGroupConfig,
    operations: &[Operation],
    now: DateTime<Utc>,
) -> (BTreeSet<String>, Vec<incident::ResponderId>) {
    let on_duty = |schedule: &String| {
        let found = rota::on_duty(&setup.rota, schedule, operations, now);
        found.map(|(people, _)| people.into_iter().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let all = group.schedules.iter().flat_map(on_duty).chain(group.permanent.iter().cloned());
    let (mut wanted, mut unlinked) = (BTreeSet::new(), Vec::new());
    for who in all {
        match setup.rota.person(&who).and_then(|person| person.slack.clone()) {
            Some(slack) => drop(wanted.insert(slack)),
            None => unlinked.push(who),
        }
    }
    (wanted, unlinked)
}

/// Reads who is in, and writes the whole set when it is another.
async fn bring(side: &SlackSide, id: &str, wanted: &BTreeSet<String>) -> Result<(), Failure> {
    let present: BTreeSet<String> = side.client.group_members(id).await?.into_iter().collect();
    if present == *wanted {
        return Ok(());
    }
    let users: Vec<String> = wanted.iter().cloned().collect();
    side.client.set_group_members(id, &users).await
}

/// Waits for the next look. What is wrong is written down and told, when it is something else than before.
async fn settle(
    app: &App,
    setup: &Setup,
    group: &UserGroupConfig,
    wrong: Wrong,
    due_at: DateTime<Utc>,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let waiting = Outcome::Retry { due_at, error: "waiting for the next look".to_owned() };
    let stream = app.log.load(&names::usergroup(&group.id)).await?;
    let before: Wrong =
        stream.as_ref().and_then(|stream| serde_json::from_slice(&stream.head.snapshot).ok()).unwrap_or_default();
    if before == wrong {
        app.log.settle(&leased.token, waiting, None).await?;
        return Ok(());
    }
    let version = stream.map_or(0, |stream| stream.version);
    let event = NewEvent {
        kind: "usergroup_noted".to_owned(),
        schema: SCHEMA,
        at: clock::now(),
        actor: "catops".to_owned(),
        cause: leased.effect.id.to_string(),
        body: json(&wrong),
        raw: None,
    };
    let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
    let head = Head { snapshot: json(&wrong), fold: FOLD, listing: None };
    let write = StreamWrite { stream: names::usergroup(&group.id), expected, events: vec![event], head };
    let tell = Due::GroupTell { id: group.id.clone(), version: version + 1, problem: wrong.problem.clone() };
    let tells = !wrong.problem.is_empty() && channel(setup, group).is_some();
    let effects = tells.then(|| tell.effect(clock::now())).into_iter().collect();
    let append = Append { streams: vec![write], effects, ..Append::default() };
    app.log.settle(&leased.token, waiting, Some(append)).await?;
    Ok(())
}

/// Tells the channel what is wrong with a group.
pub(super) async fn tell(app: &App, id: &str, problem: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    let group = setup.config.usergroups.iter().find(|group| group.id == id);
    let channel = group.and_then(|group| channel(&setup, group));
    let (Some(side), Some(channel)) = (&app.slack, channel) else { return done(app, leased).await };
    post_once(side, &channel, surface::notice(problem), leased).await?;
    done(app, leased).await
}

/// The channel of the first of its schedules that has one, else the common one.
fn channel(setup: &Setup, group: &UserGroupConfig) -> Option<String> {
    let of = |name: &String| setup.rota.schedule(name).ok()?.channel.clone();
    let common = || Some(setup.config.slack.channel.clone()).filter(|channel| !channel.is_empty());
    group.schedules.iter().find_map(of).or_else(common)
}
