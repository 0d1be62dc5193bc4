//! A Slack that is slow, asks to wait, breaks, does what was asked and never says so, or is down for an hour.
//! It keeps what was posted over all lives of the process; what was on its way when a process died still arrives.

use crate::sim::world::{State, World};
use catops::clock;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slack::client::{Answer, Carried, Wire};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What stands in Slack.
#[derive(Default)]
pub(crate) struct Chat {
    pub(crate) down: bool,
    pub(crate) posts: Vec<Post>,
    underway: Vec<Post>,
    posted: u64,
    /// When a history could not be read: the channel, and the tick.
    pub(crate) unread: Vec<(String, u64)>,
    /// Every call that was answered, or was not.
    pub(crate) calls: Vec<Call>,
}

/// A call, when it was over.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) at: DateTime<Utc>,
    /// The effect of a post, the message of an edit.
    pub(crate) of: String,
    pub(crate) refused: bool,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) channel: String,
    pub(crate) thread_ts: Option<String>,
    pub(crate) ts: String,
    /// The effect that it carries.
    pub(crate) key: String,
    /// When the call left the process.
    pub(crate) called: u64,
    applies_at: DateTime<Utc>,
}

/// The way from one process life to Slack.
pub(crate) struct SimulatedWire(pub(crate) Arc<World>);

impl fmt::Debug for SimulatedWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedWire")
    }
}

impl Wire for SimulatedWire {
    fn carry<'a>(&'a self, method: &'a str, body: Value, timeout: Duration) -> Carried<'a> {
        let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        Box::pin(self.carried(method, body, timeout))
    }
}

/// How a call goes.
#[derive(Clone, Copy)]
enum Course {
    Well,
    Slow,
    Limited,
    /// Broken before it did anything.
    Broken,
    /// Broken after it did it.
    BrokenLate,
    /// Did it, and the answer was lost.
    AppliedThenSilent,
    Silent,
    Down,
}

impl SimulatedWire {
    async fn carried(&self, method: &str, body: Value, timeout: i64) -> Result<Answer, String> {
        let world = &self.0;
        world.may_die(&format!("{method}, before it is sent")).await;
        let course = course(&mut world.get());
        let delay = match course {
            Course::Well => world.get().dice.between(20, 300),
            Course::Slow => world.get().dice.between(1000, timeout - 100),
            Course::AppliedThenSilent | Course::BrokenLate => world.get().dice.between(50, timeout - 100),
            Course::Silent | Course::Down => timeout,
            Course::Limited | Course::Broken => 30,
        };
        let applies = matches!(course, Course::Well | Course::Slow | Course::AppliedThenSilent | Course::BrokenLate);
        let ts = (applies && method == "chat.postMessage").then(|| send(&mut world.get(), &body, delay));
        sleep(delay).await;
        world.may_die(&format!("{method}, before its answer is read")).await;
        let said = come_back(&mut world.get(), course, method, &body, ts);
        if matches!(course, Course::AppliedThenSilent) {
            sleep(timeout - delay).await;
        }
        let (status, retry_after_seconds, body) = said?;
        Ok(Answer { status, retry_after_seconds, body: body.to_string() })
    }
}

type Said = Result<(u16, Option<u64>, Value), String>;

fn course(state: &mut State) -> Course {
    if state.chat.down {
        return state.dice.pick(&[Course::Down, Course::Broken, Course::Limited]);
    }
    let per_mille = state.profile.chat_faults;
    if !state.fault(per_mille) {
        return Course::Well;
    }
    state.dice.pick(&[
        Course::Slow,
        Course::Limited,
        Course::Broken,
        Course::BrokenLate,
        Course::AppliedThenSilent,
        Course::Silent,
    ])
}

/// What the caller hears.
fn come_back(state: &mut State, course: Course, method: &str, body: &Value, ts: Option<String>) -> Said {
    let said = match course {
        Course::Well | Course::Slow => Ok(answer(state, method, body, ts)),
        Course::Limited => {
            let seconds = u64::try_from(state.dice.between(1, 30)).unwrap_or(1);
            Ok((429, Some(seconds), json!({ "ok": false, "error": "ratelimited" })))
        }
        Course::Broken | Course::BrokenLate => Ok((500, None, json!({ "ok": false, "error": "internal_error" }))),
        Course::AppliedThenSilent | Course::Silent | Course::Down => Err("no answer in time".to_owned()),
    };
    note(state, method, body, &said);
    said
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

/// The message is on its way, whatever becomes of its sender.
fn send(state: &mut State, body: &Value, delay_milliseconds: i64) -> String {
    let applies_at = clock::now() + TimeDelta::milliseconds(delay_milliseconds);
    state.chat.posted += 1;
    let ts = format!("{}.{:06}", applies_at.timestamp(), state.chat.posted);
    let called = state.next_tick();
    let key = body.pointer("/metadata/event_payload/post_key").and_then(Value::as_str).unwrap_or_default();
    state.chat.underway.push(Post {
        channel: text(body, "channel"),
        thread_ts: body["thread_ts"].as_str().map(str::to_owned),
        ts: ts.clone(),
        key: key.to_owned(),
        called,
        applies_at,
    });
    ts
}

impl Chat {
    /// What has arrived by now.
    pub(crate) fn arrive(&mut self, now: DateTime<Utc>) {
        self.underway.sort_by_key(|post| (post.applies_at, post.called));
        while self.underway.first().is_some_and(|post| post.applies_at <= now) {
            let post = self.underway.remove(0);
            self.posts.push(post);
        }
    }
}

fn answer(state: &mut State, method: &str, body: &Value, ts: Option<String>) -> (u16, Option<u64>, Value) {
    state.chat.arrive(clock::now());
    let channel = text(body, "channel");
    let said = match method {
        "conversations.open" => json!({ "ok": true, "channel": { "id": format!("D{}", text(body, "users")) } }),
        "chat.postMessage" => json!({ "ok": true, "channel": channel, "ts": ts }),
        "chat.update" => {
            let ts = text(body, "ts");
            let there = state.chat.posts.iter().any(|post| post.channel == channel && post.ts == ts);
            match there {
                true => json!({ "ok": true, "channel": channel, "ts": ts }),
                false => json!({ "ok": false, "error": "message_not_found" }),
            }
        }
        "conversations.history" => json!({ "ok": true, "messages": heard(&state.chat, body, None) }),
        "conversations.replies" => {
            json!({ "ok": true, "messages": heard(&state.chat, body, Some(text(body, "ts"))) })
        }
        _ => json!({ "ok": false, "error": "unknown_method" }),
    };
    (200, None, said)
}

fn heard(chat: &Chat, body: &Value, thread: Option<String>) -> Vec<Value> {
    let (channel, oldest) = (text(body, "channel"), text(body, "oldest").parse().unwrap_or(0));
    let limit = text(body, "limit").parse().unwrap_or(100);
    let there =
        chat.posts.iter().rev().filter(|post| {
            post.channel == channel && post.thread_ts == thread && post.applies_at.timestamp() >= oldest
        });
    let told = |post: &Post| {
        let metadata = json!({ "event_type": "catops_effect", "event_payload": { "post_key": post.key } });
        json!({ "ts": post.ts, "text": "", "metadata": metadata })
    };
    there.take(limit).map(told).collect()
}

fn note(state: &mut State, method: &str, body: &Value, said: &Said) {
    let failed = !matches!(said, Ok((200, _, _)));
    if failed && matches!(method, "conversations.history" | "conversations.replies") {
        let tick = state.next_tick();
        state.chat.unread.push((text(body, "channel"), tick));
    }
    let how = match said {
        Ok((status, _, _)) => status.to_string(),
        Err(cause) => cause.clone(),
    };
    let key = body.pointer("/metadata/event_payload/post_key").and_then(Value::as_str).unwrap_or_default();
    let of = if method == "chat.update" { text(body, "ts") } else { key.to_owned() };
    state.chat.calls.push(Call { at: clock::now(), of, refused: failed });
    state.say(clock::now(), "slack", &format!("{method} {} {key} -> {how}", text(body, "channel")));
}

async fn sleep(milliseconds: i64) {
    clock::sleep(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))).await;
}
