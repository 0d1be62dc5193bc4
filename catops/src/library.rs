//! The runbooks on disk, read into the index, and looked at again every few seconds.
//! A broken runbook is reported and its last good version stays.

use crate::app::App;
use crate::clock;
use crate::config::{Files, Problem, Setup};
use crate::flow::{calendars, drill, handoff, runbook_versions, versions};
use index::Runbook;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often the configuration folder is looked at. Polling some hundred modification times costs less than a
/// millisecond and works on every file system, network ones included, where change notifications do not.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Reads every runbook of a folder, good and bad.
#[must_use]
pub fn read(folder: &Path) -> (Vec<Runbook>, Vec<Problem>) {
    let scan = index::scan_dir(folder);
    let mut runbooks = Vec::new();
    let mut problems: Vec<Problem> = scan.problems.into_iter().map(problem).collect();
    for file in &scan.files {
        match Runbook::parse(file.id.clone(), &file.path, &file.text) {
            Ok(runbook) => runbooks.push(runbook),
            Err(found) => problems.push(problem(found)),
        }
    }
    (runbooks, problems)
}

fn problem(found: index::Problem) -> Problem {
    Problem { path: format!("runbooks/{}", found.path), line: found.line, message: found.message }
}

/// Watches the configuration folder until the process ends: a changed file takes effect, a broken one is reported.
pub async fn watch(app: Arc<App>) {
    // As it was when it was read: a file that changed since then is seen at the first look.
    let mut seen = app.setup().files.clone();
    let mut hangup = Hangup::new();
    loop {
        let asked = tokio::select! {
            () = clock::sleep(LOOK_EVERY) => false,
            () = hangup.recv() => true,
        };
        let now = Files::of(&app.setup().folder);
        if now == seen && !asked {
            continue;
        }
        seen = now;
        let reloading = Arc::clone(&app);
        // Reading and indexing is disk and CPU work: not on the threads that answer requests.
        if tokio::task::spawn_blocking(move || reload(&reloading)).await.is_err() {
            tracing::error!("reloading the configuration failed; the old one stays");
        }
    }
}

/// Reads the folder again and puts what is good in place.
pub fn reload(app: &App) {
    let folder = app.setup().folder.clone();
    let reading = Setup::read(&folder);
    for problem in &reading.problems {
        tracing::warn!("{problem}");
    }
    match reading.setup {
        Some(mut setup) => {
            tokio::runtime::Handle::current().block_on(async {
                let _turn = app.calendars.rebuilding.lock().await;
                versions::note(&*app.log, &mut setup).await;
                if let Err(error) = calendars::schedule(&*app.log, &setup).await {
                    tracing::error!(error = %error, "the calendars could not be scheduled; they are with the next start");
                }
                if setup.lost_calendars(&app.setup()) {
                    tracing::error!("what calendars say could not be read from the log; the old configuration stays");
                    return;
                }
                app.replace_setup(setup);
                // A rule that was added or moved takes effect at once.
                if let Err(error) = drill::schedule(app).await {
                    tracing::error!(error = %error, "the drills could not be scheduled; the next start does it");
                }
                // Whose turn it is may be another one now.
                if let Err(error) = handoff::arm_all(app).await {
                    tracing::error!(error = %error, "the handoffs could not be scheduled anew; each is looked at again in time");
                }
            });
        }
        None => tracing::error!("the configuration in {} cannot be used; the old one stays", folder.display()),
    }
    let scan = index::scan_dir(&folder.join("runbooks"));
    let mut library = (*app.library()).clone();
    match library.reload(&scan.files) {
        Ok(reload) => {
            report(&scan, &reload);
            let digest = library.digest();
            let note = runbook_versions::note(&*app.log, &digest, || scan.files.clone());
            tokio::runtime::Handle::current().block_on(note);
            app.replace_library(library);
            let (added, changed, removed) = (reload.added, reload.changed, reload.removed);
            tracing::info!(
                added,
                changed,
                removed,
                "reloaded the configuration: {added} runbooks added, {changed} changed, {removed} removed"
            );
        }
        Err(error) => tracing::error!(error = %error, "the runbooks could not be indexed; the old index stays"),
    }
}

/// Warns of every runbook that cannot be used as it stands.
pub fn report(scan: &index::Scan, reload: &index::Reload) {
    for problem in scan.problems.iter().chain(&reload.problems) {
        tracing::warn!("runbooks/{}:{}: {}", problem.path, problem.line, problem.message);
    }
}

/// `SIGHUP`, where there is such a thing.
struct Hangup(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangup {
    #[cfg(unix)]
    fn new() -> Self {
        Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok())
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self()
    }

    #[cfg(unix)]
    async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        std::future::pending().await
    }
}
