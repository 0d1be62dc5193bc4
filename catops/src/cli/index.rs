//! `catops index`: `build` lays the index over a configuration's runbooks once, so that a Lambda function opens it instead of
//! reading every runbook at its start; `stats` says what there is to search.

use super::tried;
use crate::clock;
use crate::config::Setup;
use crate::runbooks::in_words;
use crate::start::{BAKED, read_runbooks};
use anyhow::{Result, bail};
use index::{Library, Runbook};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Runbooks that `stats` names, the largest.
const LARGEST: usize = 10;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Lay it out in `.index` of the configuration folder. Do it after each change, before packing; `deploy.sh` does.
    Build {
        /// The configuration folder.
        #[arg(default_value = ".")]
        config: PathBuf,
    },
    /// Say what there is to search, and how long a search takes.
    Stats {
        /// The configuration folder.
        #[arg(default_value = ".")]
        config: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match args {
        Args::Build { config } => build(config),
        Args::Stats { config, json } => stats(config, *json),
    }
}

fn build(config: &Path) -> Result<ExitCode> {
    let Some(setup) = Setup::read(config).setup else {
        bail!("{} cannot be used; `catops lint {}` says why", config.display(), config.display());
    };
    let folder = config.join(BAKED);
    let count = read_runbooks(&setup)?.bake(&folder)?;
    println!("{count} runbooks are in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

fn stats(config: &Path, as_json: bool) -> Result<ExitCode> {
    let began = clock::mark();
    let library = tried::read(config, None)?.library;
    let built = began.elapsed();
    let bytes = |runbook: &Runbook| runbook.sections.iter().map(|section| section.text.len()).sum::<usize>();
    let mut sizes: Vec<(usize, &Runbook)> = library.iter().map(|runbook| (bytes(runbook), runbook)).collect();
    sizes.sort_by_key(|(size, runbook)| (std::cmp::Reverse(*size), &runbook.id));
    let sections: usize = library.iter().map(|runbook| runbook.sections.len()).sum();
    let whole: usize = sizes.iter().map(|(size, _)| size).sum();
    let [median, slowest] = searched(&library);
    let baked = config.join(BAKED);
    if as_json {
        let largest: Vec<_> =
            sizes.iter().take(LARGEST).map(|(size, runbook)| json!({ "id": runbook.id, "bytes": size })).collect();
        let told = json!({
            "runbooks": library.len(), "sections": sections, "bytes": whole, "indexed_ms": built.as_secs_f64() * 1e3,
            "search_ms": { "median": median.as_secs_f64() * 1e3, "slowest": slowest.as_secs_f64() * 1e3 },
            "largest": largest, "laid_out": baked.exists(),
        });
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} runbooks, {sections} sections, {} KB of text", library.len(), whole / 1024);
    println!("read and indexed in {:.0} ms", built.as_secs_f64() * 1e3);
    println!("a search takes {:.2} ms, the slowest {:.2} ms", median.as_secs_f64() * 1e3, slowest.as_secs_f64() * 1e3);
    match baked.exists() {
        true => println!("laid out in {}", baked.display()),
        false => println!("not laid out: `catops index build {}` does that for a Lambda function", config.display()),
    }
    for (size, runbook) in sizes.iter().take(LARGEST) {
        println!("{:>7} KB  {}  {}", size.div_ceil(1024), runbook.id, runbook.title);
    }
    Ok(ExitCode::SUCCESS)
}

/// How long it takes to search for each runbook's title: the median and the slowest.
fn searched(library: &Library) -> [Duration; 2] {
    let search = |runbook: &Runbook| {
        let (alarm, began) = (in_words(&runbook.title), clock::mark());
        let _found = library.search(&alarm, 3);
        began.elapsed()
    };
    let mut times: Vec<Duration> = library.iter().map(search).collect();
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    [at(times.len() / 2), at(times.len().saturating_sub(1))]
}
