//! The command line. Each subcommand is one file; each says what to do next when it cannot do what it was asked.
//! The only folder that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the folder that talks to a terminal")]

mod ask;
mod audit;
mod backtest;
mod backup;
mod calendar;
mod coverage;
mod dead_letters;
mod deploy;
#[cfg(feature = "aws")]
mod doctor;
mod drill;
mod duty;
mod escalation;
mod export;
mod handoff;
mod held;
mod import;
mod incidents;
mod index;
mod init;
#[cfg(feature = "aws")]
mod lambda;
mod links;
mod lint;
mod oncall;
mod page_test;
mod pipe;
mod progress;
mod read;
mod redact;
mod rota;
mod runbook;
mod send_test;
mod serve;
mod shadow;
mod silence;
mod similar;
mod simulate_history;
mod slack;
mod suggest;
mod timeline;
mod tried;
mod verify;
mod version;
mod why;
mod whynot;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The on-call responder that suggests the fix, runs it on one click, and remembers whether it helped.
#[derive(Debug, Parser)]
#[command(name = "catops", version, long_version = version::LONG, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a local Slack, a small service that breaks, and everything that follows. Needs nothing.
    Demo(serve::DemoArgs),
    /// Serve a configuration folder: hooks, Slack, API.
    Serve(serve::ServeArgs),
    /// Write a commented starter configuration into an empty folder.
    Init {
        /// The folder to write.
        dir: PathBuf,
    },
    /// Check a configuration folder; every mistake with its file and line.
    Lint(lint::Args),
    /// Send a sample alarm to a running CatOps.
    SendTest(send_test::Args),
    /// Page somebody to see whether they are reached, plainly marked as a drill, and measure it.
    Drill(drill::Args),
    /// List drills, the worst first, and when each person last answered one.
    Drills(drill::ListArgs),
    /// Let alarms open nothing for a while: a load test, a planned restart.
    Silence(silence::Args),
    /// List silences: to come, in force, over within a week; and what each kept back.
    Silences(silence::ListArgs),
    /// End a silence; what still fires opens an incident.
    Unsilence(silence::EndArgs),
    /// Page somebody for a test, by each of their ways, and print what each receiver answered.
    PageTest(page_test::Args),
    /// List incidents.
    Incidents(incidents::Args),
    /// Tell an incident's night, line by line.
    Timeline(timeline::Args),
    /// Explain an incident's suggestions and its owner.
    Why(read::IncidentArgs),
    /// Tell what became of every delivery about something, and whom it asked: why a page did not come, or why one did.
    Whynot(whynot::Args),
    /// List past incidents that looked like one, and what ended them.
    Similar(read::IncidentArgs),
    /// Rank the runbooks for an alarm, or for a whole file of alarms.
    Suggest(suggest::Args),
    /// Find runbooks by words, or print one by its id.
    Runbook(runbook::Args),
    /// Try a configuration on the log's history: how often would what helped have been suggested?
    Backtest(backtest::Args),
    /// List every alarm with its best suggestion, and the runbooks that help nobody.
    Coverage(coverage::Args),
    /// Make a data folder with an invented history, to try backtest on.
    SimulateHistory(simulate_history::Args),
    /// Say who is on call, and why: now, at other times, over a time, or as a picture of a month.
    Oncall(oncall::Args),
    /// Print escalation policies as trees with their times, or what would happen to one alarm.
    Escalation(escalation::Args),
    /// What whoever comes on duty should know: what is open, what is new, what is not settled, who comes next.
    Handoff(handoff::Args),
    /// What a rota does to people: a change before it is made, gaps, fairness, quality, what if, whom to ask for cover.
    #[command(subcommand)]
    Rota(rota::Args),
    /// Compare whom CatOps paged with whom another tool paged for the same alarms.
    Shadow(shadow::Args),
    /// Calendars: secret addresses under which programs read shifts, and calendars that others keep.
    #[command(subcommand)]
    Calendar(calendar::Args),
    /// Check that nobody changed the past: every event against the chain that was written with it.
    Verify(verify::Args),
    /// Take text out of an incident for good, such as a password that was pasted into an alarm.
    Redact(redact::Args),
    /// Copy the log into a file, beside the running server, and check the copy.
    Backup(backup::Args),
    /// Make a data folder from a backup. What was open then is held until a person has looked.
    Restore(backup::Args),
    /// Write the whole log as JSON lines, beside the running server: the format that every store reads.
    Export(export::Args),
    /// Make a data folder from exported lines, or a rota from the export of another tool.
    Import(import::Args),
    /// List what a restore or an import put aside; release it or drop it.
    Held(held::Args),
    /// Prove that no alarm was lost: every delivery counted to its end.
    Audit(audit::Args),
    /// List deliveries that could not be read.
    DeadLetters(dead_letters::Args),
    /// The index over the runbooks.
    #[command(subcommand)]
    Index(index::Args),
    /// Say what a deployment into an AWS account would create and cost.
    #[command(subcommand)]
    Deploy(deploy::Args),
    /// Look at an account in which CatOps was deployed: what is as it has to be, and what to do about the rest.
    #[cfg(feature = "aws")]
    Doctor(doctor::Args),
    /// Say what this executable is made of.
    Version(version::Args),
    /// What the Slack app needs.
    #[command(subcommand)]
    Slack(slack::Args),
    /// Run as a Lambda function.
    #[cfg(feature = "aws")]
    Lambda(lambda::Args),
}

impl Cli {
    /// What this process was asked to do. In a Lambda function, which is started without arguments, the handler is the role.
    #[must_use]
    pub fn of_process() -> Self {
        #[cfg(feature = "aws")]
        if std::env::args_os().len() == 1
            && let Some(role) = crate::entry::lambda::Role::handler()
        {
            return Self::parse_from(["catops", "lambda", &role]);
        }
        Self::parse()
    }
}

/// Runs one command; its error is printed with its causes.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    pipe::end_quietly();
    let done = match cli.command {
        Command::Demo(args) => serve::demo(args),
        Command::Serve(args) => serve::serve(args),
        Command::Init { dir } => init::run(&dir),
        Command::Lint(args) => lint::run(&args),
        Command::SendTest(args) => send_test::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Drills(args) => drill::list(&args),
        Command::Silence(args) => silence::silence(&args),
        Command::Silences(args) => silence::list(&args),
        Command::Unsilence(args) => silence::unsilence(&args),
        Command::PageTest(args) => page_test::run(&args),
        Command::Incidents(args) => incidents::run(&args),
        Command::Timeline(args) => timeline::run(&args),
        Command::Why(args) => why::run(&args),
        Command::Whynot(args) => whynot::run(&args),
        Command::Similar(args) => similar::run(&args),
        Command::Suggest(args) => suggest::run(&args),
        Command::Runbook(args) => runbook::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::SimulateHistory(args) => simulate_history::run(&args),
        Command::Oncall(args) => oncall::run(&args),
        Command::Escalation(args) => escalation::run(&args),
        Command::Handoff(args) => handoff::run(&args),
        Command::Rota(args) => rota::run(&args),
        Command::Shadow(args) => shadow::run(&args),
        Command::Calendar(args) => calendar::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Redact(args) => redact::run(&args),
        Command::Backup(args) => backup::back_up(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Held(args) => held::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::DeadLetters(args) => dead_letters::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        #[cfg(feature = "aws")]
        Command::Doctor(args) => doctor::run(&args),
        Command::Version(args) => version::run(&args),
        Command::Slack(args) => slack::run(&args),
        #[cfg(feature = "aws")]
        Command::Lambda(args) => lambda::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("catops: {error:#}");
            ExitCode::FAILURE
        }
    }
}
