//! The switch that stops all actions at once. It lies in the log, so that a restart changes nothing, and is read in the same
//! step in which a run begins: nothing slips through between. What it means is decided in `incident::switch`.

use crate::app::App;
use crate::clock;
use crate::flow::act::{self, Doer};
use crate::flow::change::{ChangeError, Origin, json};
use crate::flow::names;
use incident::{Command, FOLD, Refused, Stopped, Switch, SwitchEvent};
use log::{Append, EventLog, Expected, Head, ReadError, Stream, StreamWrite, View};

/// How the switch stands.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog) -> Result<Switch, ReadError> {
    Ok(log.load(&names::switch()).await?.as_ref().map(read).unwrap_or_default())
}

/// What becomes of commands as the switch stands now.
///
/// # Errors
/// [`Refused::ActionsStopped`], or the log cannot be read.
pub fn permitted(view: &mut dyn View, commands: &[Command]) -> Result<Vec<Command>, ChangeError> {
    if !commands.iter().any(Switch::is_asked) {
        return Ok(commands.to_vec());
    }
    let (switch, _) = seen(view)?;
    let permitted: Result<Vec<Command>, Refused> =
        commands.iter().map(|command| switch.permit(command.clone())).collect();
    Ok(permitted?)
}

/// What became of the wish to stop all actions.
#[derive(Debug)]
pub struct Halt {
    /// Who stopped them; whoever came first.
    pub stopped: Stopped,
    /// How many runs were under way and are being stopped.
    pub runs: usize,
}

/// Stops all actions: first none can start any more, then what runs is stopped.
///
/// # Errors
/// [`ChangeError`]; a run that ended meanwhile is none.
pub async fn stop(app: &App, doer: &Doer, why: &str) -> Result<Halt, ChangeError> {
    let (who, why) = (doer.who.clone(), why.to_owned());
    let switch = flip(app, doer, move |switch| switch.stop(who.clone(), &why)).await?;
    let stopped = switch.stopped.unwrap_or(Stopped { by: doer.who.clone(), why: String::new(), at: clock::now() });
    let running = app.running();
    // Before anything is written: a log that takes nothing must not keep a run going.
    for (_, run) in &running {
        app.stop_run(run);
    }
    let mut halt = Halt { stopped, runs: 0 };
    let mut unwritten = None;
    for (incident, run) in running {
        let each = Doer { who: doer.who.clone(), cause: format!("{}:{run}", doer.cause) };
        match act::stop(app, &each, incident, Some(run)).await {
            Ok(_) => halt.runs += 1,
            Err(ChangeError::Refused(_) | ChangeError::Duplicate) => {}
            Err(error) => unwritten = Some(error),
        }
    }
    unwritten.map_or(Ok(halt), Err)
}

/// Lets actions run again.
///
/// # Errors
/// [`ChangeError`].
pub async fn allow(app: &App, doer: &Doer) -> Result<(), ChangeError> {
    let who = doer.who.clone();
    flip(app, doer, move |switch| switch.allow(who.clone())).await.map(drop)
}

/// Writes what the wish becomes, if anything; returns how the switch stands then.
async fn flip(
    app: &App,
    doer: &Doer,
    wish: impl Fn(&Switch) -> Option<SwitchEvent> + Send + Sync + 'static,
) -> Result<Switch, ChangeError> {
    let at = clock::now();
    let origin = Origin::person(&doer.who, &doer.cause);
    let decided = log::decide(&*app.log, move |view| {
        let (mut switch, expected) = seen(view)?;
        let Some(event) = wish(&switch) else { return Ok((Append::default(), switch)) };
        switch.apply(&event, at);
        let written = origin.writes(event.kind(), &event, at);
        let head = Head { snapshot: json(&switch), fold: FOLD, listing: None };
        let write = StreamWrite { stream: names::switch(), expected, events: vec![written], head };
        let keys = origin.key.iter().cloned().collect();
        Ok::<_, ChangeError>((Append { keys, streams: vec![write], ..Append::default() }, switch))
    });
    let (_, switch) = decided.await??;
    Ok(switch)
}

fn seen(view: &mut dyn View) -> Result<(Switch, Expected), ReadError> {
    Ok(match view.stream(&names::switch())? {
        None => (Switch::default(), Expected::NoStream),
        Some(stream) => (read(&stream), Expected::Exact(stream.version)),
    })
}

/// A snapshot that cannot be read is a switch that nobody can be sure of: then nothing runs.
fn read(stream: &Stream) -> Switch {
    serde_json::from_slice(&stream.head.snapshot).unwrap_or_else(|_| Switch {
        stopped: Some(Stopped {
            by: "catops".into(),
            why: "how the switch stands cannot be read".to_owned(),
            at: clock::now(),
        }),
    })
}
