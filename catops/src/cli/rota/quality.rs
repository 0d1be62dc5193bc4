//! `catops rota quality`: a score for each schedule, what it is made of, and what would raise it.

use crate::cli::duty;
use crate::store::Data;
use anyhow::Result;
use rota::{Clocks, Part, Quality};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// From when on, now if left out: "mon 09:00", "2026-12-24 08:00".
    #[arg(long)]
    from: Option<String>,
    /// Fail, with exit code 1, when a schedule scores less, 0 to 100.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<u32>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    let from = duty::moment(args.from.as_deref(), &rota.zone_of(args.schedule.as_deref()))?;
    let mut judged = Vec::new();
    for name in duty::schedules(&rota, args.schedule.as_deref())? {
        let clocks = Clocks::of(&rota, &name)?;
        judged.push(rota::quality(&rota, &name, &operations, from, &clocks, &[])?);
    }
    if args.json {
        duty::print_json(&judged.iter().map(as_json).collect())?;
    } else {
        let told: Vec<String> = judged.iter().map(Quality::to_string).collect();
        print!("{}", told.join("\n"));
    }
    let worst = judged.iter().min_by_key(|quality| quality.score());
    if let (Some(worst), Some(least)) = (worst, args.min_score)
        && worst.score() < least
    {
        eprintln!("catops: {} scores {} of 100, less than {least}", worst.schedule, worst.score());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(quality: &Quality) -> Value {
    let parts = |parts: &[Part]| {
        let part = |part: &Part| {
            json!({
                "measure": part.measure.name(), "points": part.points, "points_max": part.measure.points_max(),
                "because": part.because,
            })
        };
        parts.iter().map(part).collect::<Value>()
    };
    let suggestion = quality.suggestions.first().map(|suggestion| {
        json!({ "sentence": suggestion.sentence, "score": suggestion.score(), "parts": parts(&suggestion.parts) })
    });
    json!({
        "schedule": quality.schedule, "start": quality.span.start, "end": quality.span.end, "score": quality.score(),
        "parts": parts(&quality.parts), "suggestion": suggestion, "tried": quality.tried,
    })
}
