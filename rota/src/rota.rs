//! Everything that the files `rota/*.toml` say: people, schedules, escalation. It does not change while it is in use.

use crate::cover::Away;
use crate::escalation::Policy;
use crate::nearest::nearest;
use crate::notify::{Rule, Rules, Way};
use crate::place::Place;
use crate::rotation::Role;
use crate::schedule::Schedule;
use crate::zone::Zone;
use chrono::{DateTime, Utc};
use incident::{ResponderId, Urgency};
use std::collections::BTreeMap;

/// The rota. The empty one knows nobody, and its default policy pages nobody.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rota {
    /// People by id.
    pub people: BTreeMap<ResponderId, Person>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// Schedules that no file has any more. They are still answered for by name, since the past stays as it was.
    pub past_schedules: BTreeMap<String, Schedule>,
    /// Escalation policies by name, without the default one.
    pub policies: BTreeMap<String, Policy>,
    /// The policy for everything that no other policy serves.
    pub default_policy: Policy,
    /// By what those are paged who have not said it for themselves.
    pub notify: Rules,
    /// When people are away by their calendars, which the caller has read. It changes nobody's duty.
    pub away: Vec<Away>,
}

/// A person who can be on call. Reachable in at least one way when it comes from [`Rota::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As written in the files: `ana`.
    pub id: ResponderId,
    /// As shown to people: `Ana Ruiz`.
    pub name: String,
    /// The member id in Slack: `U0ANA`.
    pub slack: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number for text messages, as E.164 writes it: `+34600111222`.
    pub phone: Option<String>,
    /// The ARN of an SNS topic of their own.
    pub sns: Option<String>,
    /// The address that is told of their pages.
    pub webhook: Option<String>,
    /// The address of a provider that calls them.
    pub voice: Option<String>,
    /// By what they want to be paged, and when.
    pub notify: Rules,
    /// The zone in which their own times are read and told; the schedule's, when `None`.
    pub zone: Option<Zone>,
    /// The name of the calendar in which everything is an absence of theirs, when there is one.
    pub away: Option<String>,
    /// Where they are written.
    pub place: Place,
}

impl Person {
    /// Their address for a way, when they have one.
    #[must_use]
    pub fn address(&self, way: Way) -> Option<&str> {
        match way {
            Way::Slack => self.slack.as_deref(),
            Way::Sms => self.phone.as_deref(),
            Way::Sns => self.sns.as_deref(),
            Way::Webhook => self.webhook.as_deref(),
            Way::Voice => self.voice.as_deref(),
            Way::Email => self.email.as_deref(),
        }
    }
}

/// Said when a text names no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no schedule \"{name}\"{}", hint.as_ref().map(|hint| format!("; did you mean \"{hint}\"?")).unwrap_or_default())]
pub struct UnknownSchedule {
    /// What was asked for.
    pub name: String,
    /// The schedule with the nearest name, when one is near.
    pub hint: Option<String>,
}

impl Rota {
    /// The rules by which somebody is paged: their own, else those for everybody; `None` when nobody has written any.
    #[must_use]
    pub fn rules<'r>(&'r self, person: &'r Person, urgency: Urgency) -> Option<&'r [Rule]> {
        person.notify.of(urgency).or_else(|| self.notify.of(urgency))
    }

    /// The person of that id.
    #[must_use]
    pub fn person(&self, id: &ResponderId) -> Option<&Person> {
        self.people.get(id)
    }

    /// The person with that Slack member id.
    #[must_use]
    pub fn by_slack_id(&self, slack: &str) -> Option<&Person> {
        self.people.values().find(|person| person.slack.as_deref() == Some(slack))
    }

    /// Whether the rota knows that person.
    #[must_use]
    pub fn is_responder(&self, id: &ResponderId) -> bool {
        self.people.contains_key(id)
    }

    /// Everybody who is or ever was on duty on a schedule by its layers. For who may do something now, ask
    /// [`Self::members_from`].
    ///
    /// # Errors
    /// When there is no such schedule.
    pub fn members(&self, schedule: &str) -> Result<Vec<&ResponderId>, UnknownSchedule> {
        self.schedule(schedule).map(Schedule::members)
    }

    /// Everybody who can be on duty on a schedule at `at` or later, which is also a group for permissions: a change of
    /// people that has come takes them away.
    ///
    /// # Errors
    /// When there is no such schedule.
    pub fn members_from(&self, schedule: &str, at: DateTime<Utc>) -> Result<Vec<&ResponderId>, UnknownSchedule> {
        self.schedule(schedule).map(|schedule| schedule.members_from(at))
    }

    /// The schedule of that name; also of a name with a role, `payments/secondary`, when it has one.
    ///
    /// # Errors
    /// When there is none; the error names the nearest one.
    pub fn schedule(&self, name: &str) -> Result<&Schedule, UnknownSchedule> {
        self.role(name).map(|(schedule, _)| schedule)
    }

    /// The schedule and the role that a name means: `payments` and `payments/primary` are who is first on `payments`,
    /// `payments/secondary` is who is second.
    ///
    /// # Errors
    /// When there is no such schedule, or nobody is second on it.
    pub fn role(&self, name: &str) -> Result<(&Schedule, Role), UnknownSchedule> {
        let (plain, role) = Role::named(name);
        let found = self.schedules.get(plain).or_else(|| self.past_schedules.get(plain));
        let found = found.filter(|schedule| role == Role::Primary || schedule.secondary.is_some());
        found.map(|schedule| (schedule, role)).ok_or_else(|| {
            let hint = nearest(name, self.schedules.keys().map(String::as_str));
            let hint = hint.or_else(|| self.schedules.contains_key(plain).then_some(plain)).map(str::to_owned);
            UnknownSchedule { name: name.to_owned(), hint }
        })
    }
}
