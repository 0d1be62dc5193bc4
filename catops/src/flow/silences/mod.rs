//! Silences in the log: one stream whose state is all of them. What a wish becomes is decided in `incident::Silences`, in the
//! step that writes it. `rules` is what the way of an alarm asks, `keep` what it writes, `release` what happens when a
//! silence is over, `past` what it would have held back.

mod count;
mod keep;
mod past;
mod release;
mod rules;

pub use count::{Kept, kept_back};
pub(super) use keep::{Key, Silenced, came_out, hold};
pub use release::{KIND, perform};
pub use rules::Rules;

use crate::app::App;
use crate::clock;
use crate::config::Setup;
use crate::config::secret::SecretRef;
use crate::entry::api;
use crate::flow::act::Doer;
use crate::flow::change::{ChangeError, Origin};
use crate::flow::names;
use crate::flow::single::{self, Single};
use chrono::{DateTime, Utc};
use incident::{Hidden, Incident, NotSilenced, ResponderId, Silence, SilenceEvent, SilenceId, SilenceWish, Silences};
use log::{Append, EventLog, Head, NewEffect, ReadError, StreamId};

/// Open incidents that are looked at for those that a new silence leaves as they are.
const OPEN_LOOKED_AT: usize = 200;

/// Why a wish about silences became nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] NotSilenced),
    /// Whoever wants it may not.
    #[error("{0} is not in the rota, and only people of the rota make and end silences")]
    NotInRota(ResponderId),
    /// The log holds what this program cannot read.
    #[error("some silence was written by a newer CatOps; this one changes nothing beside it")]
    Unreadable,
    /// The log could not be read or written, or it was done before.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<ReadError> for NotDone {
    fn from(error: ReadError) -> Self {
        Self::Change(error.into())
    }
}

/// All silences, as the log has them.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog) -> Result<Silences, ReadError> {
    Ok(load_version(log).await?.0)
}

async fn load_version(log: &dyn EventLog) -> Result<(Silences, u64), ReadError> {
    single::load(log).await
}

impl Single for Silences {
    type Event = SilenceEvent;

    const UNREAD: &'static str = "a silence cannot be read, and holds nothing back";

    fn stream() -> StreamId {
        names::silences()
    }

    fn moved(&mut self, event: &SilenceEvent, at: DateTime<Utc>) {
        self.apply(event, at);
    }
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    single::refolded::<Silences>(log).await
}

/// A silence that was made, or that was only looked at, with what it is about.
#[derive(Debug)]
pub struct Made {
    /// It.
    pub silence: Silence,
    /// The open incidents that it would be about: they go on as they are.
    pub open: Vec<Incident>,
    /// What it would have kept back before.
    pub hidden: Hidden,
}

impl Made {
    /// What there is beside a silence. It is made all the same when that cannot be read, and whoever made it should hear so.
    async fn of(app: &App, silence: Silence, at: DateTime<Utc>) -> Self {
        let warn = |error: &ChangeError| {
            tracing::warn!(error = %error, "what {} would be about cannot be read", silence.id);
        };
        let mut open = Vec::new();
        if silence.is_active(at) {
            let listed = api::list(app, names::OPEN, None, OPEN_LOOKED_AT).await.inspect_err(warn);
            open = listed.map(|(listed, _)| listed).unwrap_or_default();
            open.retain(|incident| silence.is_about(&incident.alarm));
        }
        let hidden = past::hidden(app, &silence, at).await.inspect_err(warn).unwrap_or_default();
        Self { silence, open, hidden }
    }
}

/// Makes a silence.
///
/// # Errors
/// [`NotDone`].
pub async fn make(app: &App, doer: &Doer, wish: SilenceWish) -> Result<Made, NotDone> {
    let at = clock::now();
    let (event, silences) = write(app, doer, move |silences| silences.make(wish.clone(), at)).await?;
    Ok(Made::of(app, known(&silences, event.silence())?, at).await)
}

/// Looks at what a wish would become, and makes nothing.
///
/// # Errors
/// [`NotDone`], as when it is made.
pub async fn look_at(app: &App, doer: &Doer, wish: SilenceWish) -> Result<Made, NotDone> {
    may(app, doer)?;
    let at = clock::now();
    let (mut silences, _) = load_version(&*app.log).await?;
    let event = silences.make(wish, at)?;
    silences.apply(&event, at);
    Ok(Made::of(app, known(&silences, event.silence())?, at).await)
}

fn known(silences: &Silences, id: SilenceId) -> Result<Silence, NotSilenced> {
    silences.get(id).cloned().ok_or(NotSilenced::NoSuchSilence(id))
}

fn may(app: &App, doer: &Doer) -> Result<(), NotDone> {
    let is_responder = app.setup().rota.is_responder(&doer.who);
    if is_responder { Ok(()) } else { Err(NotDone::NotInRota(doer.who.clone())) }
}

/// Ends a silence before its time; what it holds back and still fires is looked at soon after.
///
/// # Errors
/// [`NotDone`].
pub async fn end(app: &App, doer: &Doer, id: SilenceId) -> Result<Silence, NotDone> {
    let (at, by) = (clock::now(), doer.who.clone());
    let (_, silences) = write(app, doer, move |silences| silences.end(id, by.clone(), at)).await?;
    Ok(known(&silences, id)?)
}

/// Writes what the wish becomes; returns it with the silences after it.
async fn write(
    app: &App,
    doer: &Doer,
    wish: impl Fn(&Silences) -> Result<SilenceEvent, NotSilenced> + Send + 'static,
) -> Result<(SilenceEvent, Silences), NotDone> {
    may(app, doer)?;
    let at = clock::now();
    let origin = Origin::person(&doer.who, &doer.cause);
    let decided = log::decide(&*app.log, move |view| {
        let (mut silences, version) = single::seen::<Silences>(view)?.ok_or(NotDone::Unreadable)?;
        // The same request again is refused by its key, not by what it did.
        let key = origin.key.clone();
        if let Some(key) = &key
            && view.answered(key)?
        {
            return Err(NotDone::Change(ChangeError::Duplicate));
        }
        let event = wish(&silences)?;
        silences.apply(&event, at);
        let written = origin.writes(event.kind(), &event, at);
        let write = single::write(&silences, version, written);
        let effects: Vec<NewEffect> = release::after(&event, at).into_iter().collect();
        let append = Append { keys: key.into_iter().collect(), streams: vec![write], effects, ..Append::default() };
        Ok((append, (event, silences, version + 1)))
    });
    let (_, (event, silences, version)) = decided.await.map_err(ChangeError::from)??;
    app.silences.keep(silences.clone(), version, at);
    Ok((event, silences))
}

/// Mistakes of the configuration about silences.
pub fn cross_check(setup: &Setup, report: &mut impl FnMut(String)) {
    if setup.config.silences_from.secrets.iter().any(SecretRef::is_plain) {
        report("[silences_from] has a secret in the file; write \"env:NAME\" or \"file:PATH\"".to_owned());
    }
}
