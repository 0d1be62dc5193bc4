//! What only shows when all files are looked at together: names that point nowhere, secrets in the open.

use crate::action::guard::{Private, written};
use crate::config::calendars;
use crate::config::file::{Config, ServerConfig, SourceConfig};
use crate::config::secret::SecretRef;
use crate::config::setup::{Problem, Reading, Setup};
use crate::config::sources;
use crate::entry::connections::CONNECTIONS_MIN;
use chrono::TimeDelta;
use index::Runbook;
use reqwest::Url;
use std::path::Path;

/// A folder, read as a whole.
pub struct Whole {
    /// What it says; none when a mistake makes it unusable.
    pub setup: Option<Setup>,
    /// Its runbooks.
    pub runbooks: Vec<Runbook>,
    /// Every mistake, in the files and between them, in order.
    pub problems: Vec<Problem>,
}

/// Reads a folder with every mistake in it.
#[must_use]
pub fn read(folder: &Path) -> Whole {
    let Reading { setup, mut problems } = Setup::read(folder);
    let mut runbooks = Vec::new();
    if let Some(setup) = &setup {
        let (read, found) = crate::library::read(&setup.runbooks());
        problems.extend(found);
        problems.extend(cross_check(setup, &read));
        runbooks = read;
    }
    problems.sort();
    Whole { setup, runbooks, problems }
}

/// All mistakes between files.
#[must_use]
pub fn cross_check(setup: &Setup, runbooks: &[Runbook]) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_sources(setup, &mut problems);
    check_actions(setup, &mut problems);
    check_server(&setup.config.server, &mut problems);
    calendars::cross_check(&setup.folder, &setup.config, &setup.rota, &mut problems);
    let mut report = |message| problems.push(Problem { path: "catops.toml".to_owned(), line: 0, message });
    crate::page::cross_check(setup, &mut report);
    crate::flow::silences::cross_check(setup, &mut report);
    crate::flow::notify::cross_check(&setup.config, &mut report);
    crate::flow::drill::cross_check(setup, &mut report);
    crate::flow::handoff::cross_check(setup, &mut report);
    for runbook in runbooks {
        for action in &runbook.actions {
            if setup.catalogue.get(action).is_none() {
                let message = format!("names the action \"{action}\", and there is no actions/{action}.toml");
                problems.push(Problem { path: format!("runbooks/{}", runbook.path), line: 1, message });
            }
        }
    }
    problems
}

fn check_server(server: &ServerConfig, problems: &mut Vec<Problem>) {
    let mut report = |message: String| problems.push(Problem { path: "catops.toml".to_owned(), line: 0, message });
    let limits = [
        ("header_timeout", server.header_timeout),
        ("body_timeout", server.body_timeout),
        ("idle_timeout", server.idle_timeout),
    ];
    for (name, _) in limits.into_iter().filter(|(_, limit)| *limit < TimeDelta::seconds(1)) {
        report(format!("server.{name} is below a second, which counts as a second; leave it out for the usual one"));
    }
    if server.connections_max < CONNECTIONS_MIN {
        report(format!(
            "server.connections_max is {}; fewer than {CONNECTIONS_MIN} count as {CONNECTIONS_MIN}",
            server.connections_max
        ));
    }
}

fn check_sources(setup: &Setup, problems: &mut Vec<Problem>) {
    let mut report = |message: String| problems.push(Problem { path: "catops.toml".to_owned(), line: 0, message });
    let mut seen = std::collections::BTreeSet::new();
    for source in &setup.config.sources {
        let name = source.path();
        if !seen.insert(name) {
            report(format!("two sources are called \"{name}\"; give one of them another name"));
        }
        if source.secrets.len() > 2 {
            report(format!("source \"{name}\" has {} secrets; two are enough to change one", source.secrets.len()));
        }
        if source.secrets.iter().any(SecretRef::is_plain) {
            report(format!("source \"{name}\" has its secret in the file; write \"env:NAME\" or \"file:PATH\""));
        }
        if source.auth == "sns" && source.kind != "sns" {
            report(format!("source \"{name}\" takes nothing: auth = \"sns\" proves messages of kind = \"sns\" only"));
        }
        if let Err(wrong) = sources::signatures(source.signature_version) {
            report(format!("source \"{name}\" takes nothing: {wrong}"));
        }
        if source.signature_version.is_some() && source.kind != "sns" {
            report(format!("source \"{name}\" has a signature_version, which only messages of kind = \"sns\" have"));
        }
        check_origins(source, &mut report);
        if source.auth == "open" {
            report(format!("source \"{name}\" is open to everybody; it is served on a loopback address only"));
        }
    }
    check_receivers(&setup.config, &mut report);
    if let Some(SecretRef::Plain(address)) = &setup.config.watchdog.heartbeat
        && !address.starts_with("https://")
        && !address.starts_with("http://")
    {
        report(format!("watchdog.heartbeat \"{address}\" is no address; write \"https://...\" or \"env:NAME\""));
    }
    for check in &setup.config.uptime {
        if !seen.insert(&check.name) {
            report(format!("\"{}\" is the name of two things; give the uptime check another name", check.name));
        }
    }
}

/// Receivers whose address is written in numbers that are not called; where a name leads shows only when it is used.
fn check_receivers(config: &Config, report: &mut impl FnMut(String)) {
    let refused = |address: &str, private: Private<'_>| written(&Url::parse(address).ok()?, private)?.err();
    for webhook in &config.webhooks {
        if let Some(refused) = refused(&webhook.url, Private::of("[[webhook]]", &webhook.allow_private)) {
            report(format!("a webhook is told nothing: {refused}"));
        }
    }
    let private = Private::of("[watchdog]", &config.watchdog.allow_private);
    if let Some(SecretRef::Plain(address)) = &config.watchdog.heartbeat
        && let Some(refused) = refused(address, private)
    {
        report(format!("the heartbeat is not sent: {refused}"));
    }
}

fn check_origins(source: &SourceConfig, report: &mut impl FnMut(String)) {
    let name = source.path();
    if source.kind != "eventbridge" && !(source.accounts.is_empty() && source.sources.is_empty()) {
        report(format!(
            "source \"{name}\" lists accounts or sources, which only events of kind = \"eventbridge\" have"
        ));
    }
    let is_account = |account: &&String| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    for account in source.accounts.iter().filter(|account| !is_account(account)) {
        report(format!("source \"{name}\" lists the account \"{account}\"; an account is twelve digits in quotes"));
    }
    for listed in source.sources.iter().filter(|listed| listed.trim_end_matches('*').is_empty()) {
        report(format!(
            "source \"{name}\" lists \"{listed}\", which is every source; leave it out, or write \"aws.*\""
        ));
    }
}

fn check_actions(setup: &Setup, problems: &mut Vec<Problem>) {
    for action in setup.catalogue.iter() {
        let path = format!("actions/{}.toml", action.id);
        let incident::action::Allow::Only(names) = &action.allow else { continue };
        for name in names {
            if !setup.rota.is_responder(&name.as_str().into()) && setup.rota.members(name).is_err() {
                let message = format!("allow names \"{name}\", and the rota knows no such person or schedule");
                problems.push(Problem { path: path.clone(), line: 0, message });
            }
        }
    }
}
