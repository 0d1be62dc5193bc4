//! One delivery as it came in, without the transport: what `authenticate` and `decode` read.

use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// Largest body that is read. CloudWatch sends 2 KB, SNS at most 256 KB, PagerDuty 512 KB, a large Alertmanager group
/// some 100 KB. The server should refuse more before it has read it all.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// One delivery.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The hook's configured name. Goes into the keys of senders whose keys are only unique among themselves, so that
    /// one team's hook can never clear another's alarm. Empty for a delivery without a hook (EventBridge to a queue).
    pub hook: &'a str,
    /// What follows the hook's name in the path: `/v2/enqueue`; may be empty.
    pub path_rest: &'a str,
    /// The query without its question mark.
    pub query: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
    /// The content type, parameters included; may be empty.
    pub content_type: &'a str,
    /// The raw bytes, exactly as signed.
    pub body: &'a [u8],
    /// Where the connection comes from.
    pub peer: Peer,
    /// When it was received.
    pub now: DateTime<Utc>,
}

impl<'a> Request<'a> {
    /// A delivery without headers, from this machine: a queue message, a replay, a test.
    #[must_use]
    pub const fn local(body: &'a [u8], now: DateTime<Utc>) -> Self {
        Self {
            hook: "",
            path_rest: "",
            query: "",
            headers: Headers(&[]),
            content_type: "application/json",
            body,
            peer: Peer::Loopback,
            now,
        }
    }

    /// `generic`, or `generic:team-a` where the hook has a name of its own.
    pub(crate) fn scope(&self, kind: &str) -> String {
        if self.hook.is_empty() || self.hook == kind { kind.to_owned() } else { format!("{kind}:{}", self.hook) }
    }

    /// The fields of the query.
    pub(crate) fn query_fields(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(self.query.as_bytes()).take(FIELDS_MAX)
    }

    /// The fields of a form, when the body says that it is one.
    pub(crate) fn form_fields(&self) -> Option<impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a>> {
        let form = "application/x-www-form-urlencoded";
        let is_form = self.content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form));
        (is_form && self.body.len() <= BODY_BYTES_MAX).then(|| form_urlencoded::parse(self.body).take(FIELDS_MAX))
    }
}

/// Most fields read of a form or a query; `UptimeRobot` has 15 variables.
const FIELDS_MAX: usize = 200;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// This machine, and no proxy in between.
    Loopback,
    /// Anywhere else.
    Remote,
}

/// Header names and values. Names are compared without case.
#[derive(Clone, Copy)]
pub struct Headers<'a>(pub &'a [(&'a str, &'a str)]);

impl<'a> Headers<'a> {
    /// The first header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl std::fmt::Debug for Headers<'_> {
    /// Names only: values hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
