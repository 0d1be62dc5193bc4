//! Reading a data folder beside a running server: the same log, opened for reading only.

use super::progress::Bar;
use anyhow::{Context, Result};
use incident::{Incident, IncidentId, Recorded, ResponderId};
use log::{Cursor, EventLog};
use std::sync::Arc;

use crate::config::Setup;
use crate::flow::change;
use crate::store::Data;

/// Events that are read at once.
const PAGE: usize = 1000;

/// Where the data is, for every command that reads it.
#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// The data folder of `catops serve` or `catops demo`, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    pub(super) data: Data,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// One incident of a data folder, for every command that reads about one.
#[derive(Debug, clap::Args)]
pub(super) struct IncidentArgs {
    /// Which incident: INC-42 or 42.
    incident: IncidentId,
    #[command(flatten)]
    pub(super) data: DataArgs,
}

impl IncidentArgs {
    /// The log, and what it says about the incident.
    pub(super) fn read(&self) -> Result<(Reader, Incident, Vec<Recorded>)> {
        let reader = Reader::open(&self.data.data)?;
        let (incident, events) = block_on(reader.events(self.incident))?;
        Ok((reader, incident, events))
    }
}

/// The log of a data folder.
pub(super) struct Reader {
    log: Arc<dyn EventLog>,
    setup: Option<Setup>,
}

impl Reader {
    pub(super) fn open(data: &Data) -> Result<Self> {
        let log = block_on(data.open_read_only())?;
        // The demo keeps its configuration beside its data; then people are shown by name.
        let setup = data.folder().and_then(|folder| Setup::read(&folder.join("config")).setup);
        Ok(Self { log, setup })
    }

    pub(super) fn log(&self) -> &dyn EventLog {
        &*self.log
    }

    /// Hands every event of the log on, in the order of its feed, with a bar for those who wait.
    pub(super) fn every_event(&self, mut take: impl FnMut(&log::Event)) -> Result<()> {
        let bar = Bar::new("events");
        block_on(async {
            let (all, mut done, mut after) = (self.log.stats().await?.events, 0, Cursor::start());
            loop {
                let page = self.log.feed(&after, PAGE).await?;
                if page.events.is_empty() {
                    break Ok(());
                }
                page.events.iter().for_each(&mut take);
                done += page.events.len() as u64;
                bar.at(done, all);
                after = page.next;
            }
        })?;
        bar.end();
        Ok(())
    }

    pub(super) fn name(&self, who: &ResponderId) -> String {
        let person = self.setup.as_ref().and_then(|setup| setup.rota.person(who));
        person.map_or_else(|| who.0.clone(), |person| person.name.clone())
    }

    pub(super) async fn events(&self, id: IncidentId) -> Result<(Incident, Vec<Recorded>)> {
        let recorded = change::events(&*self.log, id).await?;
        let incident = Incident::fold(id, &recorded)
            .with_context(|| format!("there is no {id}; `catops incidents` lists them"))?;
        Ok((incident, recorded))
    }
}

/// A runtime for a command that reads and ends.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    runtime.block_on(work)
}
