//! What went wrong with a call, sorted by what to do about it.
//!
//! A card too many is worse than a card a minute late: whenever Slack may have done it, the outcome is unknown, and the
//! caller looks before it tries again.

use serde_json::Value;
use std::time::Duration;

/// A call that did not go well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not done; the same call may go well after a wait.
    #[error("{method}: {error}; try again in {} s", after.as_secs())]
    Retry {
        /// The method.
        method: String,
        /// Slack's code, or what broke.
        error: String,
        /// How long to wait at least.
        after: Duration,
    },
    /// Nobody can say whether it was done.
    #[error("{method}: {error}; it may have been done")]
    Unknown {
        /// The method.
        method: String,
        /// Slack's code, or what broke.
        error: String,
    },
    /// The channel, message, view or trigger is not there (any more).
    #[error("{method}: {error}; the target is gone")]
    Gone {
        /// The method.
        method: String,
        /// Slack's code.
        error: String,
    },
    /// The token or its scopes do not allow it: nothing will work until somebody mends that.
    #[error("{method}: {error}{}; install the app again or grant the scope", needed(scope.as_deref()))]
    Auth {
        /// The method.
        method: String,
        /// Slack's code.
        error: String,
        /// The scope that is missing, when Slack says so.
        scope: Option<String>,
    },
    /// We sent something wrong; trying again is no use.
    #[error("{method}: {error}{}", details(messages))]
    Bug {
        /// The method.
        method: String,
        /// Slack's code.
        error: String,
        /// What Slack says about it, with JSON pointers.
        messages: Vec<String>,
    },
}

impl Failure {
    /// Slack's code, or what broke.
    #[must_use]
    pub fn error(&self) -> &str {
        match self {
            Self::Retry { error, .. }
            | Self::Unknown { error, .. }
            | Self::Gone { error, .. }
            | Self::Auth { error, .. }
            | Self::Bug { error, .. } => error,
        }
    }
}

/// How long to wait when Slack does not say; its limits on posting are one a second.
const WAIT_SECONDS: u64 = 1;
/// Longest wait that is believed.
const WAIT_SECONDS_MAX: u64 = 3600;

/// Sorts an answer: the body when it went well, otherwise why not.
pub(super) fn sort(method: &str, status: u16, wait_seconds: Option<u64>, body: &str) -> Result<Value, Failure> {
    let answer: Option<Value> = serde_json::from_str(body).ok();
    let text = |pointer: &str| answer.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
    let ok = answer.as_ref().and_then(|answer| answer.get("ok")).and_then(Value::as_bool);
    // A response_url answers "ok" in plain text.
    if (200..300).contains(&status) && (ok == Some(true) || body.trim() == "ok") {
        return Ok(answer.unwrap_or_default());
    }
    let error = text("/error").unwrap_or_else(|| format!("HTTP {status}"));
    let method = method.to_owned();
    let after = Duration::from_secs(wait_seconds.unwrap_or(WAIT_SECONDS).min(WAIT_SECONDS_MAX));
    Err(match error.as_str() {
        _ if status == 429 => Failure::Retry { method, error, after },
        "ratelimited" | "rate_limited" | "service_unavailable" | "request_timeout" => {
            Failure::Retry { method, error, after }
        }
        "fatal_error" | "internal_error" => Failure::Unknown { method, error },
        code if GONE.contains(&code) => Failure::Gone { method, error },
        code if AUTH.contains(&code) => Failure::Auth { method, error, scope: text("/needed") },
        // Of an expired trigger Slack sometimes says only "invalid_arguments".
        "invalid_arguments" if messages(answer.as_ref()).iter().any(|said| said.contains("trigger_id")) => {
            Failure::Gone { method, error: "expired_trigger_id".to_owned() }
        }
        _ if status == 503 => Failure::Retry { method, error, after },
        _ if status >= 500 => Failure::Unknown { method, error },
        // A response_url that was used up, or is too old, is answered with 404 and "used_url" or "expired_url".
        _ if status == 404 => Failure::Gone { method, error },
        _ => Failure::Bug { method, error, messages: messages(answer.as_ref()) },
    })
}

/// No answer came. Before the connection stood nothing was sent.
pub(super) fn unsent(method: &str, error: String, before_connection: bool) -> Failure {
    let method = method.to_owned();
    if before_connection {
        Failure::Retry { method, error, after: Duration::from_secs(WAIT_SECONDS) }
    } else {
        Failure::Unknown { method, error }
    }
}

/// It was done, but the answer is not what its page says.
pub(super) fn unexpected(method: &str, error: &serde_json::Error) -> Failure {
    Failure::Unknown { method: method.to_owned(), error: format!("unexpected answer: {error}") }
}

const GONE: [&str; 17] = [
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "exchanged_trigger_id",
    "expired_trigger_id",
    "expired_url",
    "hash_conflict",
    "invalid_trigger_id",
    "is_archived",
    "is_inactive",
    "message_not_found",
    "messages_tab_disabled",
    "not_found",
    "not_in_channel",
    "used_url",
    "user_not_found",
    "user_not_in_channel",
];

const AUTH: [&str; 12] = [
    "access_denied",
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_added_to_org",
    "token_expired",
    "token_revoked",
];

fn messages(answer: Option<&Value>) -> Vec<String> {
    let said = answer.and_then(|answer| answer.pointer("/response_metadata/messages")).and_then(Value::as_array);
    said.into_iter().flatten().filter_map(|message| message.as_str().map(str::to_owned)).collect()
}

fn needed(scope: Option<&str>) -> String {
    scope.map(|scope| format!(" (needs {scope})")).unwrap_or_default()
}

fn details(messages: &[String]) -> String {
    if messages.is_empty() { String::new() } else { format!(": {}", messages.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::{sort, unsent};

    #[track_caller]
    fn check(status: u16, wait: Option<u64>, body: &str, expect: &str) {
        let said = match sort("chat.postMessage", status, wait, body) {
            Ok(answer) => format!("ok {answer}"),
            Err(failure) => {
                let debug = format!("{failure:?}");
                let class = debug.split(' ').next().unwrap_or_default();
                format!("{class} {failure}")
            }
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn an_answer_says_what_to_do() {
        check(200, None, r#"{"ok":true,"ts":"1.2"}"#, r#"ok {"ok":true,"ts":"1.2"}"#);
        check(200, None, "ok", "ok null");
        check(
            429,
            Some(30),
            r#"{"ok":false,"error":"ratelimited"}"#,
            "Retry chat.postMessage: ratelimited; try again in 30 s",
        );
        check(503, None, "busy", "Retry chat.postMessage: HTTP 503; try again in 1 s");
        check(502, None, "<html>", "Unknown chat.postMessage: HTTP 502; it may have been done");
        check(
            200,
            None,
            r#"{"ok":false,"error":"fatal_error"}"#,
            "Unknown chat.postMessage: fatal_error; it may have been done",
        );
        check(
            200,
            None,
            r#"{"ok":false,"error":"is_archived"}"#,
            "Gone chat.postMessage: is_archived; the target is gone",
        );
        check(404, None, r#"{"ok":false,"error":"used_url"}"#, "Gone chat.postMessage: used_url; the target is gone");
        check(
            200,
            None,
            r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":""}"#,
            "Auth chat.postMessage: missing_scope (needs chat:write); install the app again or grant the scope",
        );
        check(
            200,
            None,
            r#"{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] too long [json-pointer:/blocks/0]"]}}"#,
            "Bug chat.postMessage: invalid_blocks: [ERROR] too long [json-pointer:/blocks/0]",
        );
        check(
            200,
            None,
            r#"{"ok":false,"error":"invalid_arguments","response_metadata":{"messages":["trigger_id expired"]}}"#,
            "Gone chat.postMessage: expired_trigger_id; the target is gone",
        );
    }

    #[test]
    fn without_an_answer_it_may_have_been_done() {
        let said = |before| unsent("chat.postMessage", "no answer in time".into(), before).to_string();
        assert_eq!(said(true), "chat.postMessage: no answer in time; try again in 1 s");
        assert_eq!(said(false), "chat.postMessage: no answer in time; it may have been done");
    }
}
