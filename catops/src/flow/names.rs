//! How the things of the domain are named in the log. The only file that knows.

use incident::{AlarmKey, IncidentId, ResponderId, SilenceId};
use log::{ClaimKey, StreamId};

/// The list of incidents that want attention.
pub const OPEN: &str = "open";
/// The list of incidents that are over.
pub const RESOLVED: &str = "resolved";
/// The list of streams of deliveries that could not be read.
pub const DEAD_LETTERS: &str = "dead-letters";
/// The kind of the event that keeps a delivery that could not be read.
pub const DEAD_LETTER: &str = "dead_letter";
/// The series that incident numbers come from.
pub const INCIDENTS: &str = "incident";
/// Before the name of the stream of somebody's pages.
const PAGES: &str = "pages/";

/// The stream of one incident.
#[must_use]
pub fn incident(id: IncidentId) -> StreamId {
    StreamId::new(format!("inc/{}", id.0))
}

/// The incident that a stream belongs to, if it is one.
#[must_use]
pub fn incident_of(stream: &StreamId) -> Option<IncidentId> {
    stream.as_str().strip_prefix("inc/")?.parse().ok().map(IncidentId)
}

/// The claim on an alarm key: held by the incident that its alarms belong to.
#[must_use]
pub fn claim(key: &AlarmKey) -> ClaimKey {
    ClaimKey::new(key.as_str())
}

/// The stream of alarms of a key that belonged to no incident.
#[must_use]
pub fn aside(key: &AlarmKey) -> StreamId {
    StreamId::new(format!("alarm/{key}"))
}

/// The alarm key of such a stream, if it is one.
#[must_use]
pub fn aside_of(stream: &StreamId) -> Option<&str> {
    stream.as_str().strip_prefix("alarm/")
}

/// The stream of the silences that people make.
#[must_use]
pub fn silences() -> StreamId {
    StreamId::new("silences")
}

/// The list of the alarm keys that a silence holds back.
#[must_use]
pub fn silenced(silence: SilenceId) -> String {
    format!("silenced/{}", silence.0)
}

/// The stream of what happened to an alarm key over all its incidents.
#[must_use]
pub fn record(key: &AlarmKey) -> StreamId {
    StreamId::new(format!("record/{key}"))
}

/// The alarm key of such a record, if it is one.
#[must_use]
pub fn record_of(stream: &StreamId) -> Option<AlarmKey> {
    stream.as_str().strip_prefix("record/").map(AlarmKey::from)
}

/// The stream of deliveries of a source that could not be read.
#[must_use]
pub fn dead_letters(source: &str) -> StreamId {
    StreamId::new(format!("dead-letters/{source}"))
}

/// The source of such a stream, if it is one.
#[must_use]
pub fn dead_letters_of(stream: &StreamId) -> Option<&str> {
    stream.as_str().strip_prefix("dead-letters/")
}

/// The stream of the digests of one channel.
#[must_use]
pub fn digests(channel: &str) -> StreamId {
    StreamId::new(format!("digests/{channel}"))
}

/// The stream of the switch that stops all actions.
#[must_use]
pub fn switch() -> StreamId {
    StreamId::new("actions/switch")
}

/// The stream of one uptime check.
#[must_use]
pub fn uptime(check: &str) -> StreamId {
    StreamId::new(format!("uptime/{check}"))
}

/// The stream of the log's own new beginnings: each restore from a backup.
#[must_use]
pub fn epochs() -> StreamId {
    StreamId::new("epochs")
}

/// The stream of changes that others told us of.
#[must_use]
pub fn changes() -> StreamId {
    StreamId::new("changes")
}

/// The stream of the anchors.
#[must_use]
pub fn anchors() -> StreamId {
    StreamId::new("anchors")
}

/// The stream of the versions of the schedules' files.
#[must_use]
pub fn versions() -> StreamId {
    StreamId::new("rota/versions")
}

/// The stream of one calendar that others keep: what was read of it.
#[must_use]
pub fn calendar(name: &str) -> StreamId {
    StreamId::new(format!("calendars/{name}"))
}

/// The calendar of such a stream, if it is one.
#[must_use]
pub fn calendar_of(stream: &StreamId) -> Option<&str> {
    stream.as_str().strip_prefix("calendars/")
}

/// The stream of what calendars said for the rota, each time that became something else.
#[must_use]
pub fn imported() -> StreamId {
    StreamId::new("rota/imported")
}

/// The stream of the versions of the runbooks' folder.
#[must_use]
pub fn runbook_versions() -> StreamId {
    StreamId::new("runbooks/versions")
}

/// The stream of the changes that people make to the schedules.
#[must_use]
pub fn book() -> StreamId {
    StreamId::new("rota/book")
}

/// The stream of the secret addresses of calendar feeds: opened, revoked.
#[must_use]
pub fn feeds() -> StreamId {
    StreamId::new("rota/feeds")
}

/// The stream of what the feeds of one schedule or person said last; `whose` is `schedule/payments` or `person/ana`.
#[must_use]
pub fn published(whose: &str) -> StreamId {
    StreamId::new(format!("rota/published/{whose}"))
}

/// The stream of what was announced of one schedule: handoffs, gaps.
#[must_use]
pub fn handoffs(schedule: &str) -> StreamId {
    StreamId::new(format!("rota/handoffs/{schedule}"))
}

/// The schedule of such a stream, if it is one.
#[must_use]
pub fn handoffs_of(stream: &StreamId) -> Option<&str> {
    stream.as_str().strip_prefix("rota/handoffs/")
}

/// The stream of the pages of one person by one way that has limits: what took a slot, what was held.
#[must_use]
pub fn pages(to: &ResponderId, by: &str) -> StreamId {
    StreamId::new(format!("{PAGES}{to}/{by}"))
}

/// True for such a stream.
#[must_use]
pub fn is_pages(stream: &StreamId) -> bool {
    stream.as_str().starts_with(PAGES)
}

/// The stream of what was wrong with a user group of Slack.
#[must_use]
pub fn usergroup(id: &str) -> StreamId {
    StreamId::new(format!("rota/usergroups/{id}"))
}
