//! Pages by each way that a person has: text message, SNS topic, webhook, call, e-mail; Slack's own are in `flow/post.rs`.
//! The core says when (`plan.rs`, at the moment somebody is asked); here is how. One effect for each person and way, so that
//! a way that fails holds up no other.
//!
//! None of these can be asked afterwards whether a page arrived. Each page therefore carries its effect's id, by which a
//! receiver knows a repeat, and is sent twice only when its answer was lost or CatOps died in the middle of sending.

mod bundle;
mod email;
mod link;
mod plan;
mod send;
pub(crate) mod text;
mod throttle;
pub(crate) mod trial;

#[cfg_attr(not(feature = "aws"), path = "no_aws.rs")]
mod sns;

pub use link::{Claim, holds};
pub use plan::{plan, plan_by, urgency};
pub use sns::Sns;
pub(crate) use sns::{Letter, NOT_BUILT};
pub(crate) use throttle::refolded;

use crate::action::guard::{Private, written};
use crate::app::App;
use crate::config::secret::SecretRef;
use crate::config::{Problem, Setup};
use crate::flow::change::{self, Origin, change};
use crate::flow::perform::{NotNow, done};
use crate::flow::post;
use incident::{Command, Incident, IncidentId, PageCause};
use log::LeasedEffect;
use rota::{Person, Rota, Way};
use send::Unsent;

/// Attempts at one page by one way: with the outbox's waits some half an hour. Slack's own pages are never given up.
const ATTEMPTS_MAX: u32 = 12;

/// The ways that need AWS.
const fn needs_aws(way: Way) -> bool {
    match way {
        Way::Sms | Way::Sns => true,
        Way::Slack | Way::Webhook | Way::Voice | Way::Email => false,
    }
}

/// What the rota asks for and this build cannot do.
#[must_use]
pub fn not_built(rota: &Rota) -> Vec<Problem> {
    if sns::IS_BUILT {
        return Vec::new();
    }
    let asks = |person: &&Person| Way::ALL.into_iter().any(|way| needs_aws(way) && person.address(way).is_some());
    let names: Vec<&str> = rota.people.values().filter(asks).map(|person| person.id.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let message = format!("phone and sns are given for {}, and {}", names.join(", "), NOT_BUILT);
    vec![Problem { path: "rota".to_owned(), line: 0, message }]
}

/// Mistakes about pages that show only when the files are looked at together.
pub fn cross_check(setup: &Setup, report: &mut impl FnMut(String)) {
    let paging = &setup.config.paging;
    let secret = paging.webhook_secret.as_ref();
    let email = paging.email.as_ref();
    let secrets = [
        ("[paging]", "webhook_secret", secret),
        ("[paging]", "link_secret", paging.link_secret.as_ref()),
        ("[paging.email]", "password", email.and_then(|email| email.password.as_ref())),
    ];
    for (section, key, _) in secrets.into_iter().filter(|(_, _, secret)| secret.is_some_and(SecretRef::is_plain)) {
        report(format!("{section} has its {key} in the file; write \"env:NAME\" or \"file:PATH\""));
    }
    let told = setup.rota.people.values().find(|person| person.webhook.is_some() || person.voice.is_some());
    if let (Some(person), None) = (told, secret) {
        report(format!(
            "{} has a webhook, and nothing signs what it is told; write [paging] webhook_secret = \"env:NAME\"",
            person.id
        ));
    }
    if let Some(Err(wrong)) = email.map(email::check) {
        report(wrong);
    }
    let mail = setup.rota.people.values().find(|person| wants_mail(&setup.rota, person));
    if let (Some(person), None) = (mail, email) {
        report(format!(
            "{} is to be paged by e-mail, and there is no mail server; write [paging.email] with smtp and from",
            person.id
        ));
    }
    let private = Private::of("[paging]", &paging.allow_private);
    for person in setup.rota.people.values() {
        for way in [Way::Webhook, Way::Voice] {
            let url = person.address(way).and_then(|address| reqwest::Url::parse(address).ok());
            if let Some(Err(refused)) = url.and_then(|url| written(&url, private)) {
                report(format!("{} is not paged by {}: {refused}", person.id, way.as_str()));
            }
        }
    }
}

fn wants_mail(rota: &Rota, person: &Person) -> bool {
    let rules =
        [incident::Urgency::High, incident::Urgency::Low].into_iter().filter_map(|urgency| rota.rules(person, urgency));
    person.email.is_some() && rules.flatten().any(|rule| rule.way == Way::Email)
}

/// A planned page, as its effect says it.
#[derive(Clone, Copy)]
pub struct Planned<'p> {
    /// Who, and what for.
    pub cause: &'p PageCause,
    /// By what.
    pub by: &'p str,
    /// True when it is not wanted once Slack has delivered.
    pub unless_delivered: bool,
}

/// Pages somebody by one of their ways. Whoever has it by Slack when it only stands in for that, and whose incident is not
/// theirs any more, is left in peace.
///
/// # Errors
/// It was not taken, and is tried again.
pub async fn by(app: &App, id: IncidentId, planned: Planned<'_>, leased: &LeasedEffect) -> Result<(), NotNow> {
    let cause = planned.cause;
    let incident = change::load(app, id).await?;
    if !incident.wants_page(cause, planned.unless_delivered) {
        return done(app, leased).await;
    }
    let setup = app.setup();
    let way = Way::named(planned.by);
    if way == Some(Way::Slack) {
        return post::page(app, id, &cause.to, cause.level, leased).await;
    }
    let known = setup.rota.person(&cause.to).zip(way);
    let known = known.filter(|(person, way)| person.address(*way).is_some());
    let Some((person, way)) = known else {
        let gone = Unsent::Never(format!("rota/*.toml has no {} any more", way.map_or("such way", Way::key)));
        return failed(app, id, planned, leased, gone).await;
    };
    let limits = setup.config.throttle.of(way);
    // A drill is a page by itself, which holds up nobody and is not held.
    if !limits.is_off() && incident.counts() {
        return throttle::by(app, &incident, planned, (person, way), limits, leased).await;
    }
    let part = send::Part::new(app, &incident, person, cause);
    match send::send(app, &[part], person, way, leased.effect.id.as_str()).await {
        Ok(()) => {
            let learned = vec![delivered(planned, Vec::new())];
            change(app, id, &Origin::effect(leased.effect.id.as_str()), learned, Some(&leased.token)).await?;
            Ok(())
        }
        Err(unsent) => failed(app, id, planned, leased, unsent).await,
    }
}

/// `with` are the other incidents of the page.
fn delivered(planned: Planned<'_>, with: Vec<IncidentId>) -> Command {
    let Planned { cause, by, .. } = planned;
    Command::RecordPage { to: cause.to.clone(), by: by.to_owned(), level: cause.level, message: None, with }
}

async fn failed(
    app: &App,
    id: IncidentId,
    planned: Planned<'_>,
    leased: &LeasedEffect,
    unsent: Unsent,
) -> Result<(), NotNow> {
    failed_since(app, id, planned, leased, unsent, 1).await
}

/// Said once at the first failure, and once more when it is given up: the retries between are the outbox's, not the reader's.
/// `first` is the attempt at which it was first sent; those before only waited.
async fn failed_since(
    app: &App,
    id: IncidentId,
    planned: Planned<'_>,
    leased: &LeasedEffect,
    unsent: Unsent,
    first: u32,
) -> Result<(), NotNow> {
    let (error, never) = match unsent {
        Unsent::Later(error) => (error, false),
        Unsent::Never(error) => (error, true),
    };
    let before = leased.attempt.saturating_sub(first);
    let gave_up = never || before + 1 >= ATTEMPTS_MAX;
    let (to, by) = (planned.cause.to.clone(), planned.by.to_owned());
    let said = Command::RecordPageFailure { to, by, error: error.clone(), gave_up };
    let origin = Origin::effect(leased.effect.id.as_str());
    if gave_up {
        tracing::error!(effect.id = %leased.effect.id, error = %error, "gave up {}: {error}", leased.effect.id);
        change(app, id, &origin, vec![said], Some(&leased.token)).await?;
        return Ok(());
    }
    if before == 0 {
        change(app, id, &origin, vec![said], None).await?;
    }
    Err(NotNow::Failed(error))
}

/// Pages somebody by every way but Slack that has not taken this page yet: what logs from before December 2026 may still
/// ask for.
///
/// # Errors
/// A way did not take it; the others are written down and not tried again.
pub async fn second(app: &App, id: IncidentId, cause: &PageCause, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let setup = app.setup();
    let Some(person) = setup.rota.person(&cause.to).filter(|_| incident.wants_second_page(cause)) else {
        return done(app, leased).await;
    };
    let (mut learned, mut failures) = (Vec::new(), Vec::new());
    let missing = |way: &Way| wants_now(&setup, &incident, person, cause, *way);
    for way in Way::ALL.into_iter().filter(missing) {
        let planned = Planned { cause, by: way.as_str(), unless_delivered: true };
        let part = send::Part::new(app, &incident, person, cause);
        match send::send(app, &[part], person, way, leased.effect.id.as_str()).await {
            Ok(()) => learned.push(delivered(planned, Vec::new())),
            Err(Unsent::Later(error) | Unsent::Never(error)) => failures.push(format!("{}: {error}", way.as_str())),
        }
    }
    let settles = failures.is_empty().then_some(&leased.token);
    if settles.is_some() || !learned.is_empty() {
        change(app, id, &Origin::effect(leased.effect.id.as_str()), learned, settles).await?;
    }
    if failures.is_empty() { Ok(()) } else { Err(NotNow::Failed(failures.join("; "))) }
}

fn wants_now(setup: &Setup, incident: &Incident, person: &Person, cause: &PageCause, way: Way) -> bool {
    way != Way::Slack && plan::is_usable(setup, false, person, way) && !incident.was_paged(cause, way.as_str())
}
