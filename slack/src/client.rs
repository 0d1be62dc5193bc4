//! The Web API: one generic call, and the few methods that CatOps needs with their types.
//!
//! It never waits and never retries: it says which of five things went wrong, and the outbox decides. It reads neither the
//! clock nor the environment. Every payload passes `limits` on its way out. Methods and errors are those of Slack's
//! method pages of August 2026; the base address can be another (`SLACK_API_URL`, `GovSlack`, the local Slack).

use crate::blocks::{Message, Metadata, View};
use crate::limits::{fit, fit_view};
use crate::secret::Secret;
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

mod failure;
mod pacer;
#[cfg(feature = "simulation")]
mod wire;

pub use failure::Failure;
pub use pacer::{CHANNEL_POST_INTERVAL, Pacer, UPDATES_PER_MINUTE};
#[cfg(feature = "simulation")]
pub use wire::{Answer, Carried, Wire};

/// Where Slack answers.
pub const API_URL: &str = "https://slack.com/api";
/// A call that takes longer is given up; its outcome is then unknown.
pub const TIMEOUT: Duration = Duration::from_secs(8);
/// Each of the three steps of an upload, so that all of them fit into one lease.
pub const UPLOAD_STEP_TIMEOUT: Duration = Duration::from_millis(2500);
/// A call that only asks is given up sooner, so that asking where and whether and then posting fit into one lease.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(4);

/// A workspace, seen through the app's bot token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Secret,
    #[cfg(feature = "simulation")]
    wire: Option<std::sync::Arc<dyn Wire>>,
}

/// Where a message went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Posted {
    /// The channel's id, also when a name or a user was given.
    pub channel: String,
    /// The message's id in that channel.
    pub ts: String,
}

/// A view that stands open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// Its version.
    #[serde(default)]
    pub hash: String,
}

/// A message of a channel's history.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Heard {
    /// Its id.
    pub ts: String,
    /// Its words.
    #[serde(default)]
    pub text: String,
    /// What it carries for machines: the outbox finds its own `post_key` here.
    #[serde(default)]
    pub metadata: Option<Metadata>,
    /// What hangs on it.
    #[serde(default)]
    pub files: Vec<HeardFile>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HeardFile {
    /// Its id.
    pub id: String,
    /// Its name, as the sender gave it: the outbox finds its own by it.
    #[serde(default)]
    pub name: Option<String>,
}

/// A picture for a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The file's name.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// What a screen reader says in its place.
    pub alt: String,
    /// The PNG.
    pub bytes: Vec<u8>,
    /// What is said with it, as mrkdwn.
    pub comment: String,
}

/// A piece of a channel's history, newest message first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct History {
    /// The messages.
    pub messages: Vec<Heard>,
    /// True when there are older ones within what was asked for.
    #[serde(default)]
    pub has_more: bool,
}

/// A person of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The id.
    pub id: String,
    /// The handle.
    #[serde(default)]
    pub name: String,
    /// The full name.
    #[serde(default)]
    pub real_name: String,
    /// The zone's IANA name.
    #[serde(default)]
    pub tz: Option<String>,
    /// True when the account is closed.
    #[serde(default)]
    pub deleted: bool,
    /// True for a program.
    #[serde(default)]
    pub is_bot: bool,
}

/// Who the token is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The bot's user id.
    pub user_id: String,
    /// The bot's name.
    #[serde(default)]
    pub user: String,
    /// The workspace's id.
    #[serde(default)]
    pub team_id: String,
    /// The workspace's name.
    #[serde(default)]
    pub team: String,
    /// The workspace's address.
    #[serde(default)]
    pub url: String,
}

impl Client {
    /// A client. `base` is [`API_URL`] or another address without a slash at the end.
    ///
    /// # Errors
    /// When the TLS roots cannot be set up.
    pub fn new(token: Secret, base: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent("catops")
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
            #[cfg(feature = "simulation")]
            wire: None,
        })
    }

    /// Calls any method with a JSON body and gives the whole answer.
    ///
    /// # Errors
    /// [`Failure`], sorted by what to do about it.
    pub async fn call(&self, method: &str, body: &Value) -> Result<Value, Failure> {
        self.call_within(TIMEOUT, method, body).await
    }

    async fn call_within(&self, timeout: Duration, method: &str, body: &Value) -> Result<Value, Failure> {
        #[cfg(feature = "simulation")]
        if let Some(wire) = &self.wire {
            return wire::call(wire.as_ref(), method, body.clone(), timeout).await;
        }
        let request = self.http.post(format!("{}/{method}", self.base)).bearer_auth(self.token.expose());
        answer(method, request.timeout(timeout).json(body)).await
    }

    /// Posts a message. An unknown outcome is looked up with [`Self::history`] before it is tried again.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post_message(&self, channel: &str, message: Message) -> Result<Posted, Failure> {
        self.typed("chat.postMessage", "", with(fit(message), &[("channel", channel)])).await
    }

    /// Puts a message in the place of one of ours. Doing it twice does no harm.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn update(&self, channel: &str, ts: &str, message: Message) -> Result<Posted, Failure> {
        let mut body = with(fit(message), &[("channel", channel), ("ts", ts)]);
        // `chat.update` keeps blocks that are not named: an edit to words only has to say so.
        if let Some(body) = body.as_object_mut() {
            body.entry("blocks").or_insert_with(|| json!([]));
        }
        self.typed("chat.update", "", body).await
    }

    /// Shows a message to one person in a channel.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post_ephemeral(&self, channel: &str, user: &str, message: Message) -> Result<(), Failure> {
        let body = with(fit(message), &[("channel", channel), ("user", user)]);
        self.call("chat.postEphemeral", &body).await.map(drop)
    }

    /// Opens a modal: once for each trigger, within 3 s of the press.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn views_open(&self, trigger_id: &str, view: View) -> Result<Opened, Failure> {
        let body = json!({ "trigger_id": trigger_id, "view": fit_view(view) });
        self.typed("views.open", "/view", body).await
    }

    /// Changes an open modal; with a `hash` only if nobody changed it in between.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn views_update(&self, view_id: &str, hash: Option<&str>, view: View) -> Result<Opened, Failure> {
        let mut body = json!({ "view_id": view_id, "view": fit_view(view) });
        if let Some(hash) = hash {
            body["hash"] = hash.into();
        }
        self.typed("views.update", "/view", body).await
    }

    /// A channel's newest messages since `oldest` (seconds since 1970) and up to the message `latest`, both ends included, with
    /// their metadata.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn history(
        &self,
        channel: &str,
        oldest: i64,
        latest: Option<&str>,
        limit: usize,
    ) -> Result<History, Failure> {
        let (oldest, limit) = (oldest.to_string(), limit.to_string());
        let mut form = vec![
            ("channel", channel),
            ("oldest", &oldest),
            ("limit", &limit),
            ("inclusive", "true"),
            ("include_all_metadata", "true"),
        ];
        form.extend(latest.map(|latest| ("latest", latest)));
        self.read("conversations.history", &form, "").await
    }

    /// The newest messages of a thread since `oldest` (seconds since 1970), with their metadata.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn replies(
        &self,
        channel: &str,
        thread_ts: &str,
        oldest: i64,
        limit: usize,
    ) -> Result<Vec<Heard>, Failure> {
        let (oldest, limit) = (oldest.to_string(), limit.to_string());
        let form = [
            ("channel", channel),
            ("ts", thread_ts),
            ("oldest", &oldest),
            ("limit", &limit),
            ("inclusive", "true"),
            ("include_all_metadata", "true"),
        ];
        self.read("conversations.replies", &form, "/messages").await
    }

    /// One person.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn users_info(&self, user: &str) -> Result<User, Failure> {
        self.read("users.info", &[("user", user)], "/user").await
    }

    /// Who the token is: the first call of a start, and of a doctor.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn auth_test(&self) -> Result<Identity, Failure> {
        self.typed("auth.test", "", json!({})).await
    }

    /// The channel of the direct messages with a person.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn conversations_open(&self, user: &str) -> Result<String, Failure> {
        let method = "conversations.open";
        pick(method, self.call_within(ASK_TIMEOUT, method, &json!({ "users": user })).await?, "/channel/id")
    }

    /// The topic of a channel, with escaped words. Needs the scope `channels:read`, or `groups:read` of a private channel.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn topic(&self, channel: &str) -> Result<String, Failure> {
        self.read("conversations.info", &[("channel", channel)], "/channel/topic/value").await
    }

    /// Sets the topic of a channel. Doing it twice says so twice in the channel: ask [`Self::topic`] first. Needs the scope
    /// `channels:write.topic`, or `groups:write.topic` of a private channel.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_topic(&self, channel: &str, topic: &str) -> Result<(), Failure> {
        self.call("conversations.setTopic", &json!({ "channel": channel, "topic": topic })).await.map(drop)
    }

    /// The member ids of a user group. Needs the scope `usergroups:read` and a paid plan.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn group_members(&self, group: &str) -> Result<Vec<String>, Failure> {
        self.read("usergroups.users.list", &[("usergroup", group)], "/users").await
    }

    /// Makes these and nobody else the members of a user group, which cannot be empty. Needs the scope `usergroups:write`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_group_members(&self, group: &str, users: &[String]) -> Result<(), Failure> {
        let body = json!({ "usergroup": group, "users": users.join(",") });
        self.call("usergroups.users.update", &body).await.map(drop)
    }

    /// Uploads a picture into a thread, and gives the file's id. Only the last step shows anything: an unknown outcome is
    /// looked up with [`Self::replies`] before it is tried again. Needs the scope `files:write`.
    ///
    /// # Errors
    /// [`Failure`], which names the step.
    pub async fn upload(&self, channel: &str, thread_ts: &str, picture: &Picture) -> Result<String, Failure> {
        let (url, id) = self.upload_url(picture).await?;
        if !self.is_slacks(&url) {
            let error = "not an address of Slack".to_owned();
            return Err(Failure::Bug { method: "upload_url".to_owned(), error, messages: Vec::new() });
        }
        let request = self.http.post(url).header("content-type", "application/octet-stream");
        let sent = request.timeout(UPLOAD_STEP_TIMEOUT).body(picture.bytes.clone()).send().await;
        let sent = sent.map_err(|error| not_sent("upload_url", &error))?;
        if !sent.status().is_success() {
            failure::sort("upload_url", sent.status().as_u16(), None, "")?;
        }
        let body = json!({
            "files": [{ "id": id, "title": picture.title }],
            "channel_id": channel,
            "thread_ts": thread_ts,
            "initial_comment": picture.comment,
        });
        self.call_within(UPLOAD_STEP_TIMEOUT, "files.completeUploadExternal", &body).await?;
        Ok(id)
    }

    /// Where to send a picture's bytes, and the id that its file will have.
    async fn upload_url(&self, picture: &Picture) -> Result<(String, String), Failure> {
        #[derive(Deserialize)]
        struct Place {
            upload_url: String,
            file_id: String,
        }
        let length = picture.bytes.len().to_string();
        let form = [("filename", picture.name.as_str()), ("length", &length), ("alt_txt", &picture.alt)];
        let place: Place = self.read("files.getUploadURLExternal", &form, "").await?;
        Ok((place.upload_url, place.file_id))
    }

    /// Answers a command or a press: at most 5 times within 30 minutes of it. Carries no token, and goes to Slack only.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Bug`] for an address that is not Slack's.
    pub async fn respond(&self, response_url: &str, message: Message) -> Result<(), Failure> {
        if !self.is_slacks(response_url) {
            let error = "not an address of Slack".to_owned();
            return Err(Failure::Bug { method: "response_url".to_owned(), error, messages: Vec::new() });
        }
        let request = self.http.post(response_url).json(&fit(message));
        answer("response_url", request).await.map(drop)
    }

    /// Slack's own hooks and uploads, or the server whose Web API we call (another Slack, the local one).
    fn is_slacks(&self, url: &str) -> bool {
        let (Ok(url), Ok(base)) = (reqwest::Url::parse(url), reqwest::Url::parse(&self.base)) else { return false };
        let is_known = url.scheme() == "https"
            && url.port().is_none()
            && matches!(
                url.host_str(),
                Some("hooks.slack.com" | "hooks.slack-gov.com" | "files.slack.com" | "files.slack-gov.com")
            );
        is_known || url.origin() == base.origin()
    }

    async fn typed<T: DeserializeOwned>(&self, method: &str, pointer: &str, body: Value) -> Result<T, Failure> {
        pick(method, self.call(method, &body).await?, pointer)
    }

    /// For the methods that read: they do not take JSON.
    async fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        form: &[(&str, &str)],
        pointer: &str,
    ) -> Result<T, Failure> {
        #[cfg(feature = "simulation")]
        if let Some(wire) = &self.wire {
            let body = form.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            return pick(method, wire::call(wire.as_ref(), method, Value::Object(body), ASK_TIMEOUT).await?, pointer);
        }
        let request = self.http.post(format!("{}/{method}", self.base)).bearer_auth(self.token.expose());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            request.timeout(ASK_TIMEOUT).header("content-type", "application/x-www-form-urlencoded").body(body);
        pick(method, answer(method, request).await?, pointer)
    }
}

async fn answer(method: &str, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await.map_err(|error| not_sent(method, &error))?;
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let body = response.text().await.map_err(|error| not_sent(method, &error))?;
    failure::sort(method, status, wait, &body)
}

fn not_sent(method: &str, error: &reqwest::Error) -> Failure {
    // The address may hold the secret of a response_url: only the causes are told.
    let mut causes = if error.is_timeout() { "no answer in time".to_owned() } else { String::new() };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let colon = if causes.is_empty() { "" } else { ": " };
        write!(causes, "{colon}{cause}").expect("writing to a String cannot fail");
        source = cause.source();
    }
    failure::unsent(method, causes, error.is_connect() || error.is_builder())
}

fn pick<T: DeserializeOwned>(method: &str, answer: Value, pointer: &str) -> Result<T, Failure> {
    let part = answer.pointer(pointer).cloned().unwrap_or_default();
    serde_json::from_value(part).map_err(|error| failure::unexpected(method, &error))
}

fn with(message: Message, arguments: &[(&str, &str)]) -> Value {
    let mut body = match serde_json::to_value(message) {
        Ok(Value::Object(body)) => body,
        _ => Map::new(),
    };
    body.extend(arguments.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::{API_URL, Client};
    use crate::secret::Secret;

    #[test]
    fn answers_go_to_slack_only() {
        #[track_caller]
        fn check(base: &str, url: &str, expect: bool) {
            assert_eq!(Client::new(Secret::new("xoxb-1"), base).unwrap().is_slacks(url), expect, "{url}");
        }
        check(API_URL, "https://hooks.slack.com/commands/T1/2/x", true);
        check(API_URL, "https://hooks.slack-gov.com/actions/T1/2/x", true);
        check(API_URL, "https://files.slack.com/upload/v1/abc", true);
        check(API_URL, "http://hooks.slack.com/commands/T1/2/x", false);
        check(API_URL, "https://hooks.slack.com:8443/commands/T1/2/x", false);
        check(API_URL, "https://hooks.slack.com.evil.example/x", false);
        check(API_URL, "https://hooks.slack.com@evil.example/x", false);
        check(API_URL, "http://169.254.169.254/latest/meta-data/", false);
        check(API_URL, "", false);
        let local = "http://127.0.0.1:7070/api";
        check(local, "http://127.0.0.1:7070/local/response/R1", true);
        check(local, "http://127.0.0.1:7071/local/response/R1", false);
    }
}
