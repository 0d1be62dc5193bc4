//! With which stream an effect is kept: what an incident asks for lies together where that is cheaper. It must follow from
//! the effect's id and must not change: whoever opens the log looks for it there.

use log::{EffectId, StreamId};

/// Whose second word is an incident, or a run of one.
const OF_INCIDENTS: [&str; 16] = [
    "triage",
    "card",
    "page",
    "page-by",
    "second-page",
    "page-over",
    "ack",
    "ask-channel",
    "drill-end",
    "not-ready",
    "thread",
    "context",
    "notify",
    "run",
    "deadline",
    "watch",
];

/// The stream that an effect is kept with; none when it is kept alone.
#[must_use]
pub fn of(effect: &EffectId) -> Option<StreamId> {
    let mut words = effect.as_str().split('/');
    let kind = words.next()?;
    let of = words.next()?;
    if !OF_INCIDENTS.contains(&kind) {
        return None;
    }
    let number = of.strip_prefix("run-").and_then(|run| run.split('-').next()).unwrap_or(of);
    let number: u64 = number.parse().ok()?;
    Some(super::names::incident(incident::IncidentId(number)))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn effects_of_incidents_lie_with_them() {
        for (id, home) in [
            ("card/7", Some("inc/7")),
            ("page/7/3/ana", Some("inc/7")),
            ("page-by/7/3/ana/sms/2", Some("inc/7")),
            ("not-ready/7/ben", Some("inc/7")),
            ("page-over/7/D0ANA/1795906870.050161", Some("inc/7")),
            ("run/run-12-1", Some("inc/12")),
            ("deadline/run-12-3", Some("inc/12")),
            ("digest/7/1", None),
            ("anchor", None),
            ("suggest/slack:press:1", None),
            ("card/x", None),
        ] {
            let found = of(&id.into());
            assert_eq!(found.as_ref().map(log::StreamId::as_str), home, "{id}");
        }
    }
}
