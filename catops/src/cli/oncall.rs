//! `catops oncall`: who is on call at a moment and why, over a time, or as a picture of a month. Changes that people made
//! lie in the log, so it asks for the data.

mod causes;
mod moment;
mod month;
mod stretch;

use super::duty;
use crate::store::Data;
use anyhow::Result;
use rota::{Operation, Rota};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve` or `catops demo`: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// At this time instead of now: "18:00", "tomorrow 09:00", "fri 3am", "2026-12-24 08:00" of the schedule's zone,
    /// or 2026-11-23T03:00:00Z. May be given several times.
    #[arg(long, conflicts_with_all = ["from", "to", "month"])]
    at: Vec<String>,
    /// Every cause of it, a line each: layers and what hides them, turns, hours, changes of people, versions of the files,
    /// changes by hand with their numbers.
    #[arg(long, conflicts_with_all = ["from", "to", "month"])]
    why: bool,
    /// Everybody from this time on, in the same words, until --to.
    #[arg(long, conflicts_with = "month")]
    from: Option<String>,
    /// The end of that time, in the same words as seen from --from; a week later when it is left out.
    #[arg(long, conflicts_with = "month", requires = "from")]
    to: Option<String>,
    /// A picture of a month, 2026-12, or of the one that runs. A schedule is named before it.
    #[arg(long, num_args = 0..=1, default_missing_value = "", value_name = "YEAR-MONTH", conflicts_with = "json")]
    month: Option<String>,
    /// Write the picture as SVG into this file too.
    #[arg(long, value_name = "FILE", requires = "month")]
    svg: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What every answer is read from.
struct Asked<'a> {
    rota: &'a Rota,
    operations: &'a [Operation],
    schedules: Vec<String>,
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    let schedules = duty::schedules(&rota, args.schedule.as_deref())?;
    let asked = Asked { rota: &rota, operations: &operations, schedules, json: args.json };
    let zone = rota.zone_of(args.schedule.as_deref());
    match (&args.month, &args.from) {
        (Some(month), _) => month::print(&asked, month, &zone, args.svg.as_deref())?,
        (None, Some(from)) => stretch::print(&asked, stretch::read(from, args.to.as_deref(), &zone)?)?,
        (None, None) if args.why => causes::print(&asked, &duty::causes(args.data.as_ref())?, &args.at, &zone)?,
        (None, None) => moment::print(&asked, &args.at, &zone)?,
    }
    Ok(ExitCode::SUCCESS)
}
