//! `catops handoff`: what whoever comes on duty should know, as the post in the schedule's channel says it. It asks the log and
//! writes nothing.

use super::duty;
use super::read::{Reader, block_on};
use crate::clock;
use crate::config::Setup;
use crate::flow::handoff::{self, Handoffs};
use crate::flow::{triage, versions};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use incident::ResponderId;
use rota::{OnCall, Zone};
use serde_json::{Value, json};
use slack::handoff::{Happened, Promise, Summary};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve` or `catops demo`, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What is known of one schedule.
struct Found {
    schedule: String,
    duty: OnCall,
    state: Handoffs,
    summary: Summary,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Some(mut setup) = Setup::read(&args.config).setup else {
        bail!("{0} cannot be used; `catops lint {0}` says why", args.config.display());
    };
    let schedules = duty::schedules(&setup.rota, args.schedule.as_deref())?;
    let reader = Reader::open(&args.data)?;
    let now = clock::now();
    let found = block_on(async {
        versions::recall(reader.log(), &mut setup).await.context("reading the versions of the rota")?;
        let operations = triage::operations(reader.log()).await.context("reading the changes of the schedules")?;
        let mut found = Vec::new();
        for schedule in schedules {
            let duty = rota::on_call(&setup.rota, &schedule, &operations, now)?;
            let state = handoff::load(reader.log(), &schedule).await.context("reading the handoffs")?;
            let at = duty.since.unwrap_or(now);
            let summary = handoff::gather(reader.log(), &setup, &schedule, at, now).await?;
            found.push(Found { schedule, duty, state, summary });
        }
        Ok(found)
    })?;
    if args.json {
        let all: Vec<Value> = found.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "schedules": all }))?);
        return Ok(ExitCode::SUCCESS);
    }
    for (place, found) in found.iter().enumerate() {
        if place > 0 {
            println!();
        }
        let zone = setup.rota.zone_of(Some(&found.schedule));
        print(found, &zone, &|people| duty::names(&setup.rota, people));
    }
    Ok(ExitCode::SUCCESS)
}

fn print(found: &Found, zone: &Zone, names: &dyn Fn(&[ResponderId]) -> String) {
    let moment = |at: DateTime<Utc>| zone.wall(at).format("%a %-d %b %H:%M").to_string();
    let until = found.duty.until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
    println!("{} ({}): {}{until}", found.schedule, zone.name(), names(&found.duty.on_duty));
    if let Some(newest) = &found.state.newest {
        let since = moment(newest.handover.at);
        match (&newest.acknowledged, &newest.asked) {
            (Some((by, at)), _) => {
                println!("  handed over {since}; {} has it since {}", names(std::slice::from_ref(by)), moment(*at))
            }
            (None, Some((to, at))) => {
                println!("  handed over {since}; nobody acknowledged, {} told {}", names(to), moment(*at))
            }
            (None, None) => println!("  handed over {since}; not acknowledged"),
        }
    }
    println!("  open: {}", found.summary.open.len());
    for open in &found.summary.open {
        let who = if open.is_acknowledged { "has it" } else { "was asked" };
        println!("    {} {}  {} {who}", open.id, open.title, names(&open.people));
    }
    for news in &found.summary.news {
        println!("  {} {} {}", happened(news.what), news.id, news.title);
    }
    for promise in &found.summary.promised {
        match promise {
            Promise::Note { id, by, text } => println!("  note on {id}: {}: {text}", names(std::slice::from_ref(by))),
            Promise::Cover { number, asker, open } => {
                let times: Vec<String> =
                    open.iter().map(|(start, end)| format!("{} to {}", moment(*start), moment(*end))).collect();
                println!("  #{number} {} asks for cover: {}", names(std::slice::from_ref(asker)), times.join(", "));
            }
        }
    }
    for silenced in &found.summary.silenced {
        let (id, rule, until) = (silenced.id, &silenced.rule, moment(silenced.until));
        println!("  silenced: {id} {rule} until {until}: {}", silenced.because);
    }
    for shift in &found.summary.next {
        let end = shift.end.map_or_else(String::new, |end| format!(" to {}", moment(end)));
        println!("  next: {}{end}  {}", moment(shift.start), names(&shift.people));
    }
}

fn happened(what: Happened) -> String {
    match what {
        Happened::Began => "new:".to_owned(),
        Happened::Ended => "resolved:".to_owned(),
        Happened::CameBack(times) => format!("came back ({times}):"),
    }
}

fn as_json(found: &Found) -> Value {
    let Summary { open, news, promised, silenced, next } = &found.summary;
    let what = |what: Happened| match what {
        Happened::Began => json!("began"),
        Happened::Ended => json!("ended"),
        Happened::CameBack(times) => json!({ "came_back": times }),
    };
    let promise = |promise: &Promise| match promise {
        Promise::Note { id, by, text } => json!({ "note": text, "incident": id.to_string(), "by": by }),
        Promise::Cover { number, asker, open } => {
            let times: Vec<Value> = open.iter().map(|(start, end)| json!({ "start": start, "end": end })).collect();
            json!({ "cover": number, "asker": asker, "open": times })
        }
    };
    let newest = found.state.newest.as_ref().map(|newest| {
        json!({
            "number": newest.number,
            "at": newest.handover.at,
            "left": newest.handover.left,
            "came": newest.handover.came,
            "stayed": newest.handover.stayed,
            "tzdata": newest.tzdata,
            "acknowledged_by": newest.acknowledged.as_ref().map(|(by, _)| by),
            "told_instead": newest.asked.as_ref().map(|(to, _)| to),
        })
    });
    json!({
        "schedule": found.schedule,
        "on_duty": found.duty.on_duty,
        "until": found.duty.until,
        "handoff": newest,
        "open": open.iter().map(|open| json!({
            "incident": open.id.to_string(), "title": open.title, "people": open.people, "acknowledged": open.is_acknowledged,
        })).collect::<Vec<_>>(),
        "news": news.iter().map(|news| json!({
            "incident": news.id.to_string(), "title": news.title, "what": what(news.what),
        })).collect::<Vec<_>>(),
        "promised": promised.iter().map(promise).collect::<Vec<_>>(),
        "silenced": silenced.iter().map(|silenced| json!({
            "silence": silenced.id.to_string(), "rule": silenced.rule, "until": silenced.until, "by": silenced.by,
            "because": silenced.because,
        })).collect::<Vec<_>>(),
        "next": next.iter().map(|shift| json!({
            "start": shift.start, "end": shift.end, "people": shift.people,
        })).collect::<Vec<_>>(),
    })
}
