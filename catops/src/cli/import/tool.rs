//! `catops import TOOL FILE`, or URL: the export of another tool becomes the files `rota/*.toml`, with a tick or a reason for every
//! object in it. Without `--out` only the plan is told. A file that is there already is replaced only when that was said.

use super::api;
use crate::cli::duty;
use crate::cli::read::block_on;
use crate::config::lint;
use crate::config::secret::env;
use anyhow::{Context, Result, bail};
use rota::Rota;
use rota::import::{Check, File, FileChange, Outcome, Plan, Tool, plan};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest export file that is read, in bytes: a hundred times what a company of a thousand people exports.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The files that an import writes: `rota/pagerduty-people.toml` and so on.
const PARTS: [&str; 3] = ["people", "schedules", "escalation"];

/// Lines of differences of one schedule; JSON has all.
const DIFFERENCE_LINES: usize = 5;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The export: JSON files, or folders of them. Answers of the tool's API can be given as they came. Or the address of
    /// the API, <https://api.pagerduty.com>, which is then asked for everything; nothing is changed there.
    #[arg(required = true, value_name = "FILE|URL")]
    files: Vec<PathBuf>,
    /// The variable of the environment that holds the API's token.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// Keep what the API said in this folder.
    #[arg(long, value_name = "DIR", requires = "token_env")]
    save: Option<PathBuf>,
    /// Write the files into this configuration folder, and check it. Without it the plan is told and nothing is written.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only tell the plan, beside what is in the folder of --out.
    #[arg(long)]
    plan: bool,
    /// Replace files of an earlier import that have another text now, and take away those for which nothing is left.
    #[arg(long)]
    force: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, tool: Tool) -> Result<ExitCode> {
    let export = match address(&args.files)? {
        Some(url) => asked(args, tool, url)?,
        None if args.token_env.is_some() => {
            bail!("--token-env goes with the address of an API, which begins with https://")
        }
        None => documents(&args.files)?,
    };
    let existing = args.out.as_deref().map_or_else(|| Ok(Vec::new()), rota_files)?;
    let mut plan = plan(tool, &export, &existing);
    // An empty file is one for which nothing is left: it is taken away, not written.
    plan.files.retain(|file| !file.text.is_empty());
    if plan.objects.is_empty() {
        bail!("there is nothing of {} in {}; name the files of its export", tool.name(), shown(&args.files));
    }
    let left = left_over(tool, &plan, &existing);
    let out = args.out.as_deref().filter(|_| !args.plan);
    if let Some(out) = out {
        refuse_to_replace(&plan, &left, out, args.force)?;
        write(&plan, &left, out)?;
    }
    if args.json {
        duty::print_json(&as_json(&plan, &left, out))?;
    } else {
        print(&plan, &left, &existing);
    }
    let Some(out) = out else {
        if !args.json {
            plan.problems.iter().for_each(|problem| println!("{}:{}: {}", problem.path, problem.line, problem.message));
            println!("\nNothing is written. --out DIR writes it into a configuration folder.");
        }
        return Ok(if plan.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    check(out, args.json)
}

/// The address of an API, when one is named.
fn address(places: &[PathBuf]) -> Result<Option<&str>> {
    let urls = || places.iter().filter_map(|place| place.to_str()).filter(|place| place.contains("://"));
    match (urls().next(), places.len()) {
        (Some(url), 1) => Ok(Some(url)),
        (Some(_), _) => bail!("name one address, or files"),
        (None, _) => Ok(None),
    }
}

/// What the API says.
fn asked(args: &Args, tool: Tool, url: &str) -> Result<api::Documents> {
    let name = args.token_env.as_deref().context("--token-env NAME says which variable holds the API's token")?;
    let token = env(name).with_context(|| format!("the environment has no {name}; put the API's token there"))?;
    let documents = block_on(api::fetch(tool, url, token, crate::clock::now()))?;
    if let Some(folder) = &args.save {
        api::save(&documents, folder)?;
    }
    Ok(documents)
}

/// The documents of an export: name and text of each file, in the order of the names.
fn documents(places: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() {
            let found = listed(place, "json")?;
            if found.is_empty() {
                bail!("{} has no *.json files", place.display());
            }
            files.extend(found);
        } else {
            files.push(place.clone());
        }
    }
    files.iter().map(|file| Ok((file.display().to_string(), read(file)?))).collect()
}

fn read(file: &Path) -> Result<String> {
    let reading = || format!("reading {}", file.display());
    let bytes = fs::metadata(file).with_context(reading)?.len();
    if bytes > FILE_BYTES_MAX {
        bail!("{} is {bytes} bytes; at most {FILE_BYTES_MAX} are read", file.display());
    }
    fs::read_to_string(file).with_context(reading)
}

/// The files of a folder with that ending, in order.
fn listed(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What a configuration folder has in `rota/`, by path below it; nothing when it is not there yet.
fn rota_files(folder: &Path) -> Result<Vec<(String, String)>> {
    if !folder.join("rota").is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for path in listed(&folder.join("rota"), "toml")? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((format!("rota/{name}"), read(&path)?));
    }
    Ok(files)
}

/// The files of an earlier import of that tool for which nothing is left; what they say would count beside the new ones.
fn left_over(tool: Tool, plan: &Plan, existing: &[(String, String)]) -> Vec<String> {
    let own = PARTS.map(|part| format!("rota/{}-{part}.toml", tool.word()));
    let is_left = |path: &String| own.contains(path) && plan.files.iter().all(|file| file.path != *path);
    existing.iter().map(|(path, _)| path).filter(|path| is_left(path)).cloned().collect()
}

fn refuse_to_replace(plan: &Plan, left: &[String], out: &Path, force: bool) -> Result<()> {
    let changed = plan.files.iter().filter(|file| file.change == FileChange::Changed).map(|file| &file.path);
    let changed: Vec<String> = changed.chain(left).map(|path| out.join(path).display().to_string()).collect();
    if changed.is_empty() || force {
        return Ok(());
    }
    bail!(
        "{} would be replaced by another text or taken away, and nothing is written; --plan tells the plan, --force does it",
        changed.join(", ")
    );
}

fn write(plan: &Plan, left: &[String], out: &Path) -> Result<()> {
    for file in plan.files.iter().filter(|file| file.change != FileChange::Unchanged) {
        let path = out.join(&file.path);
        let writing = || format!("writing {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(writing)?;
        }
        // Beside it first, so that a full disk leaves no half of a rota.
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        fs::write(&beside, &file.text).with_context(writing)?;
        fs::rename(&beside, &path).with_context(writing)?;
    }
    for path in left.iter().map(|path| out.join(path)) {
        fs::remove_file(&path).with_context(|| format!("taking {} away", path.display()))?;
    }
    Ok(())
}

/// Lints the folder that was written into.
fn check(out: &Path, json: bool) -> Result<ExitCode> {
    let problems = lint::read(out).problems;
    for problem in problems.iter().filter(|_| !json) {
        println!("{problem}");
    }
    let shown = out.display();
    match (problems.is_empty(), json) {
        (true, false) => println!("ok: `catops oncall --config {shown}` says who is on call"),
        (true, true) => {}
        (false, _) => eprintln!(
            "catops: the files are written, and `catops lint {shown}` finds {}",
            duty::count(problems.len(), "problem")
        ),
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(plan: &Plan, left: &[String], existing: &[(String, String)]) {
    plan.objects.iter().for_each(|object| println!("{object}"));
    let count = |wanted: fn(&Outcome) -> bool| plan.objects.iter().filter(|object| wanted(&object.outcome)).count();
    println!(
        "\n{}: {} imported, {} with something to know, {} not",
        duty::count(plan.objects.len(), "object"),
        count(|outcome| matches!(outcome, Outcome::Imported)),
        count(|outcome| matches!(outcome, Outcome::ImportedWith(_))),
        count(|outcome| matches!(outcome, Outcome::NotImported(_))),
    );
    for file in &plan.files {
        println!("  {}: {}", file.path, word(file.change));
    }
    left.iter().for_each(|path| println!("  {path}: nothing is left for it"));
    plan.checks.iter().for_each(print_check);
    print_overrides(plan, existing);
}

/// The overrides that are not over: they are no files, so somebody has to make them again.
fn print_overrides(plan: &Plan, existing: &[(String, String)]) {
    let now = crate::clock::now();
    let (over, to_come): (Vec<_>, Vec<_>) = plan.operations.iter().partition(|operation| operation.end <= now);
    if !over.is_empty() {
        println!("{} of the export: over, and left out", duty::count(over.len(), "override"));
    }
    if to_come.is_empty() {
        return;
    }
    println!("Overrides are no files; make these again in CatOps. On call with them:");
    let kept = existing.iter().filter(|(path, _)| plan.files.iter().all(|file| file.path != *path));
    let kept = kept.map(|(path, text)| (path.as_str(), text.as_str()));
    let files: Vec<(&str, &str)> =
        plan.files.iter().map(|file| (file.path.as_str(), file.text.as_str())).chain(kept).collect();
    // Files with a mistake are told afterwards; then only the times are known.
    let rota = Rota::parse(&files).unwrap_or_default();
    for operation in to_come {
        let (start, end) = (operation.start.format("%Y-%m-%d %H:%M"), operation.end.format("%Y-%m-%d %H:%M"));
        let on_duty = rota::on_duty(&rota, &operation.schedule, &plan.operations, operation.start);
        let people = on_duty.map_or_else(|_| operation.reason.clone(), |(people, _)| duty::names(&rota, people));
        println!("  {}: {start} to {end} UTC, {people}", operation.schedule);
    }
}

const fn word(change: FileChange) -> &'static str {
    match change {
        FileChange::New => "new",
        FileChange::Changed => "changed",
        FileChange::Unchanged => "unchanged",
    }
}

/// Whether the files name the same people as the export does.
fn print_check(check: &Check) {
    let Check { schedule, start, end, differences } = check;
    let (from, to) = (start.format("%Y-%m-%d %H:%M"), end.format("%Y-%m-%d %H:%M"));
    if differences.is_empty() {
        println!("{schedule}: the same people as in the export at every moment from {from} to {to} UTC");
        return;
    }
    let unequal = duty::length(check.unequal());
    println!("{schedule}: other people than in the export for {unequal} between {from} and {to} UTC:");
    for difference in differences.iter().take(DIFFERENCE_LINES) {
        let names = |people: &[incident::ResponderId]| match people {
            [] => "nobody".to_owned(),
            people => people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let (from, to) = (difference.start.format("%Y-%m-%d %H:%M"), difference.end.format("%Y-%m-%d %H:%M"));
        println!("  {from} to {to} UTC: there {}, here {}", names(&difference.there), names(&difference.here));
    }
    if differences.len() > DIFFERENCE_LINES {
        println!("  and {} more; --json lists all", differences.len() - DIFFERENCE_LINES);
    }
}

fn shown(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn as_json(plan: &Plan, left: &[String], out: Option<&Path>) -> Value {
    let object = |object: &rota::import::Object| {
        let (outcome, because) = match &object.outcome {
            Outcome::Imported => ("imported", Vec::new()),
            Outcome::ImportedWith(caveats) => ("imported with", caveats.clone()),
            Outcome::NotImported(reason) => ("not imported", vec![reason.clone()]),
        };
        json!({ "kind": object.kind, "name": object.name, "outcome": outcome, "because": because })
    };
    let check = |check: &Check| {
        let differences = check.differences.iter().map(|difference| {
            json!({ "start": difference.start, "end": difference.end, "there": difference.there, "here": difference.here })
        });
        json!({ "schedule": check.schedule, "start": check.start, "end": check.end, "differences": differences.collect::<Value>() })
    };
    let file = |file: &File| json!({ "path": file.path, "change": word(file.change), "text": file.text });
    let problems = plan
        .problems
        .iter()
        .map(|problem| json!({ "path": problem.path, "line": problem.line, "message": problem.message }));
    json!({
        "written": out.map(|out| out.display().to_string()),
        "objects": plan.objects.iter().map(object).collect::<Value>(),
        "files": plan.files.iter().map(file).collect::<Value>(), "left_over": left,
        "checks": plan.checks.iter().map(check).collect::<Value>(),
        "operations": plan.operations, "problems": problems.collect::<Value>(),
    })
}
