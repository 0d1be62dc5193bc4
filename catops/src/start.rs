//! Putting a server together: configuration, log, runbooks, Slack or the local one, loops. Used by `serve` and `demo`.

use crate::anchor;
use crate::app::{App, Parts};
use crate::clock;
use crate::config::secret::env;
use crate::config::{Reading, Setup};
use crate::entry::serve::router;
use crate::flow::{calendars, desk, drill, handoff, outbox, runbook_versions, versions};
use crate::slack_side::{SlackSide, Which};
use crate::store::Data;
use crate::{library, past, uptime, watchdog};
use anyhow::{Context, Result, bail};
use log::Holder;
use slack::command::Word;
use slack::sim::{ChannelSeed, Sim, SimConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a configuration that holds the baked index of its runbooks.
pub const BAKED: &str = ".index";

/// What to start.
pub struct Options {
    /// The configuration folder.
    pub config: PathBuf,
    /// Where the log is.
    pub data: Data,
    /// The address that is already bound.
    pub address: SocketAddr,
    /// Channels that the local Slack shows, when it is the local one.
    pub local_channels: Vec<(String, String, String)>,
}

/// A server that is ready to answer.
pub struct Started {
    /// The process.
    pub app: Arc<App>,
    /// What it serves.
    pub router: axum::Router,
    /// True when the Slack is the local one.
    pub local_slack: bool,
}

/// Builds everything and starts the loops.
///
/// # Errors
/// The configuration is broken, the data folder is in use, a secret is missing.
pub async fn start(options: Options) -> Result<Started> {
    let mut setup = usable(&options.config, Setup::read(&options.config))?;
    let runbooks = read_runbooks(&setup)?;
    let log = options.data.open_to_serve().await?;
    if options.data.folder().is_some() {
        // The folder is ours alone, so whoever held leases is dead. A table has other servers, which are not.
        log.release_safe("serve/").await.context("taking over what the last process left")?;
    }
    let own_url = format!("http://{}", options.address);
    versions::note(&*log, &mut setup).await;
    runbook_versions::note(&*log, &runbooks.digest(), || index::scan_dir(&setup.runbooks()).files).await;
    let which = which_slack(&options, &own_url, &setup)?;
    let slack = match &which {
        Which::Real => Some(SlackSide::from_environment(&setup)?),
        Which::Local(_, config) => Some(SlackSide::local(config, &setup)?),
        Which::Nothing => None,
    };
    let parts = Parts {
        log,
        data: options.data.folder().map(Path::to_owned),
        public_url: setup.config.public_url.clone().unwrap_or_else(|| own_url.clone()),
        slack,
        setup,
        library: runbooks,
        http: http_client()?,
        holder: Holder::new(format!("serve/{}/{}", std::process::id(), clock::now().timestamp_millis())),
        performs: true,
    };
    let (app, offered) = App::new(parts);
    uptime::schedule(&app).await.context("scheduling the uptime checks")?;
    anchor::schedule(&app).await.context("scheduling the anchors")?;
    calendars::schedule(&*app.log, &app.setup()).await.context("scheduling the calendars")?;
    drill::schedule(&app).await.context("scheduling the drills")?;
    handoff::arm_all(&app).await.context("scheduling the handoffs")?;
    let loopback = options.address.ip().is_loopback();
    let mut served = router(Arc::clone(&app), loopback);
    if let Which::Local(sim, _) = &which {
        served = served.merge(sim.router());
    }
    tokio::spawn(outbox::run(Arc::clone(&app), offered));
    tokio::spawn(library::watch(Arc::clone(&app)));
    tokio::spawn(watchdog::run(Arc::clone(&app)));
    tokio::spawn(past::keep_fresh(Arc::clone(&app)));
    tokio::spawn(calendars::watch(Arc::clone(&app)));
    tokio::spawn(desk::run(Arc::clone(&app)));
    Ok(Started { app, router: served, local_slack: matches!(which, Which::Local(..)) })
}

/// The runbooks of a configuration, in an index; what is wrong with them is reported.
pub(crate) fn read_runbooks(setup: &Setup) -> Result<index::Library> {
    let mut runbooks = index::Library::new();
    let scan = index::scan_dir(&setup.runbooks());
    let reload = runbooks.reload(&scan.files).context("indexing the runbooks")?;
    library::report(&scan, &reload);
    Ok(runbooks)
}

/// The client for what Amazon signs with.
pub(crate) fn http_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("catops/", env!("CARGO_PKG_VERSION")))
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .context("making the HTTP client")
}

/// A configuration that can be used; what is wrong with it is reported.
pub(crate) fn usable(config: &Path, reading: Reading) -> Result<Setup> {
    for problem in &reading.problems {
        tracing::warn!("{problem}");
    }
    match reading.setup {
        Some(setup) => Ok(setup),
        None => {
            let first = reading.problems.first().map(ToString::to_string).unwrap_or_default();
            bail!("the configuration cannot be used: {first}; `catops lint {}` lists everything", config.display())
        }
    }
}

/// The real Slack when its secrets are there; the local one only where nobody else can reach it.
fn which_slack(options: &Options, own_url: &str, setup: &Setup) -> Result<Which> {
    match (env("SLACK_BOT_TOKEN"), env("SLACK_SIGNING_SECRET")) {
        (Some(_), Some(_)) => Ok(Which::Real),
        (Some(_), None) => bail!(
            "SLACK_BOT_TOKEN is set and SLACK_SIGNING_SECRET is not; it stands under Basic Information of the Slack app"
        ),
        (None, Some(_)) => bail!(
            "SLACK_SIGNING_SECRET is set and SLACK_BOT_TOKEN is not; it stands under OAuth & Permissions of the Slack app"
        ),
        (None, None) if options.address.ip().is_loopback() => {
            let mut config = local_slack(options, own_url, &setup.rota);
            config.usergroups = setup.config.usergroups.iter().map(|group| group.id.clone()).collect();
            let sim = Sim::new(config.clone()).context("starting the local Slack")?;
            Ok(Which::Local(sim, Box::new(config)))
        }
        (None, None) => {
            tracing::warn!(
                "no Slack: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET, or listen on a loopback address for the local one"
            );
            Ok(Which::Nothing)
        }
    }
}

fn local_slack(options: &Options, own_url: &str, rota: &rota::Rota) -> SimConfig {
    let mut config = SimConfig::acme(own_url, own_url, clock::now);
    for person in &mut config.people {
        if let Some(known) = rota.by_slack_id(&person.id) {
            person.name.clone_from(&known.name);
        }
    }
    config.journal = options.data.folder().map(|folder| folder.join("local-slack.jsonl"));
    config.app.hints = Word::ALL.iter().map(|word| (word.example().to_owned(), word.purpose().to_owned())).collect();
    config.app.message_shortcuts.clear();
    let seed = |(id, name, topic): &(String, String, String)| ChannelSeed {
        id: id.clone(),
        name: name.clone(),
        topic: topic.clone(),
    };
    if !options.local_channels.is_empty() {
        config.channels = options.local_channels.iter().map(seed).collect();
    }
    config
}
