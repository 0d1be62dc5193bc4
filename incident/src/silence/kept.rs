//! What a silence holds back, and what becomes of it. An alarm that would open or reopen an incident is kept with its key, as
//! it was last told, until it clears or its silence is over. Then whatever still fires opens an incident: nothing is lost.
//! In every doubt it opens one: a page too many is read and forgotten, one too few is an outage.

use super::{SilenceId, Silences};
use crate::alarm::{Alarm, AlarmState, Severity};
use crate::decide::{AlarmMemory, Reception, receive};
use crate::event::{Aside, Event};
use crate::fold::Incident;
use crate::id::IncidentId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// An alarm that fires and is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// As it was last told, with the worst severity that was.
    pub alarm: Alarm,
    /// By which silence, at present.
    pub silence: SilenceId,
    /// When the first of them came.
    pub since: DateTime<Utc>,
    /// How many came.
    pub alarms: u32,
}

/// What happens to a key that is held back, beside its alarms; lies in the key's own stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeptEvent {
    /// Its silence is over, and it goes on under another one.
    KeptOn {
        /// The one that was over.
        before: SilenceId,
        /// The one that holds it now.
        silence: SilenceId,
    },
    /// It is held back no more.
    CameOut {
        /// The silence that held it.
        silence: SilenceId,
        /// The incident that it has now.
        incident: IncidentId,
    },
}

impl KeptEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::KeptOn { .. } => "kept_on",
            Self::CameOut { .. } => "came_out",
        }
    }
}

impl Held {
    /// The alarm once more, told by CatOps: the delivery that said it last has its outcome already, so this is another.
    #[must_use]
    pub fn told_again(&self) -> Alarm {
        Alarm { delivery: format!("{}@{}", self.alarm.delivery, self.silence).into(), ..self.alarm.clone() }
    }

    /// What its incident says about it.
    #[must_use]
    pub fn event(&self, silences: &Silences) -> Event {
        let silence = silences.get(self.silence);
        Event::KeptBack {
            silence: self.silence,
            since: self.since,
            alarms: self.alarms,
            by: silence.map(|silence| silence.by.clone()),
            because: silence.map(|silence| silence.because.clone()).unwrap_or_default(),
        }
    }

    fn after(before: Option<Self>, alarm: &Alarm, silence: SilenceId, at: DateTime<Utc>) -> Self {
        let Some(before) = before else {
            return Self { alarm: alarm.clone(), silence, since: at, alarms: 1 };
        };
        let severity: Severity = alarm.severity.max(before.alarm.severity);
        // What was under way for longer says nothing newer.
        let newest = if before.alarm.occurred_at > alarm.occurred_at { before.alarm } else { alarm.clone() };
        let alarms = before.alarms.saturating_add(1);
        Self { alarm: Alarm { severity, ..newest }, silence, since: before.since, alarms }
    }
}

impl AlarmMemory {
    /// What is remembered of a key without an incident after one more alarm of it, which had this outcome.
    #[must_use]
    pub fn after(before: Option<Self>, alarm: &Alarm, outcome: &Event, at: DateTime<Utc>) -> Self {
        if let Event::Silenced { silence, .. } = outcome {
            let held = Held::after(before.and_then(|known| known.held).map(|held| *held), alarm, *silence, at);
            return Self { state: AlarmState::Firing, occurred_at: held.alarm.occurred_at, held: Some(Box::new(held)) };
        }
        match before {
            Some(known) if known.occurred_at > alarm.occurred_at || alarm.state == AlarmState::Info => known,
            _ => Self { state: alarm.state, occurred_at: alarm.occurred_at, held: None },
        }
    }
}

/// As [`receive`], under these silences: what would open or reopen an incident is set aside while one is about it. An
/// incident that is open goes on as it is.
#[must_use]
pub fn receive_under(
    silences: &Silences,
    current: Option<&Incident>,
    memory: Option<&AlarmMemory>,
    alarm: Alarm,
    reopen_window: TimeDelta,
    at: DateTime<Utc>,
) -> Reception {
    let held = memory.and_then(|memory| memory.held.as_deref());
    if let Some(held) = held
        && alarm.state == AlarmState::Cleared
        && alarm.occurred_at < held.alarm.occurred_at
    {
        let Alarm { delivery, occurred_at, .. } = alarm;
        return Reception::Aside(Event::SetAside { delivery, why: Aside::Stale, occurred_at });
    }
    let reception = receive(current, memory, alarm.clone(), reopen_window, at);
    let opens = match &reception {
        Reception::Open(_) => true,
        Reception::Join(events) => matches!(events.as_slice(), [Event::Refired { .. }]),
        Reception::Aside(_) => false,
    };
    if !opens {
        return reception;
    }
    // Whatever holds it goes on holding it, so that it need not be looked for elsewhere.
    let same = held.and_then(|held| silences.get(held.silence));
    let same = same.filter(|silence| silence.is_active(at) && silence.is_about(&alarm));
    match same.or_else(|| silences.over(&alarm, at)) {
        Some(silence) => Reception::Aside(Event::Silenced { alarm, silence: silence.id }),
        None => reception,
    }
}

/// What becomes of a key that may be held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is not held back.
    Nothing,
    /// Its silence holds it until then.
    Wait(DateTime<Utc>),
    /// Another silence is about it.
    KeepOn(SilenceId),
    /// It opens an incident.
    Open,
}

/// What becomes of a key that is held back, as it stands at an instant.
#[must_use]
pub fn look(silences: &Silences, memory: Option<&AlarmMemory>, at: DateTime<Utc>) -> Next {
    let Some(held) = memory.and_then(|memory| memory.held.as_deref()) else { return Next::Nothing };
    if let Some(own) = silences.get(held.silence).filter(|own| own.is_active(at)) {
        return Next::Wait(own.over_at());
    }
    silences.over(&held.alarm, at).map_or(Next::Open, |other| Next::KeepOn(other.id))
}
