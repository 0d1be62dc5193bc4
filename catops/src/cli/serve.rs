//! `catops serve` and `catops demo`: the same server; the demo brings its own configuration and a story.

use crate::demo;
use crate::entry::serve as http;
use crate::logging;
use crate::start::{Options, Started, start};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// The configuration folder; `catops init DIR` writes a first one.
    #[arg(long, env = "CATOPS_CONFIG")]
    config: PathBuf,
    /// Where the log is kept: a folder, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
    /// The address to listen on.
    #[arg(long, env = "CATOPS_LISTEN", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Keep everything in this folder, so that it can be started again; without it, in a temporary one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The address to listen on; when the port is taken, the next free one.
    #[arg(long, default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Play nothing and wait for your own alarms.
    #[arg(long)]
    quiet: bool,
}

pub(super) fn serve(args: ServeArgs) -> Result<ExitCode> {
    logging::to_stderr("info");
    runtime()?.block_on(async {
        let listener = http::bind(args.listen).await.with_context(|| taken(args.listen))?;
        let address = listener.local_addr()?;
        let options = Options { config: args.config, data: args.data, address, local_channels: Vec::new() };
        let started = start(options).await?;
        eprintln!("CatOps listens on http://{address}");
        if started.local_slack {
            eprintln!("Local Slack: http://{address}/local/");
        }
        http::serve(listener, started.router, &started.app).await;
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn demo(args: DemoArgs) -> Result<ExitCode> {
    if !args.listen.ip().is_loopback() {
        bail!(
            "the demo trusts whoever can reach it, so it listens on a loopback address only; `catops serve` can listen on {}",
            args.listen
        );
    }
    logging::to_stderr("warn");
    runtime()?.block_on(play(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn play(args: DemoArgs) -> Result<()> {
    progress("making the demo's folder");
    let folder = demo::Folder::new(args.data)?;
    progress("starting the little shop that will break");
    let shop = Arc::new(demo::Shop::new(&folder.data));
    let shop_address = demo::serve(Arc::clone(&shop)).await.context("starting the shop")?;
    progress("writing runbooks, actions and a rota");
    demo::write_config(&folder.config, shop_address)?;
    let listener = http::bind_next(args.listen).await.with_context(|| taken(args.listen))?;
    let address = listener.local_addr()?;
    if args.listen.port() != 0 && address.port() != args.listen.port() {
        eprintln!("  port {} is taken; using {} instead", args.listen.port(), address.port());
    }
    progress("opening the log and indexing the runbooks");
    let local_channels = demo::channels();
    let started = start(Options {
        config: folder.config.clone(),
        data: Data::Folder(folder.data.clone()),
        address,
        local_channels,
    })
    .await?;
    let url = format!("http://{address}");
    greet(&started, &url, &folder, args.quiet);
    if !args.quiet {
        tokio::spawn(demo::play(Arc::clone(&started.app), shop, url));
    }
    http::serve(listener, started.router, &started.app).await;
    Ok(())
}

fn greet(started: &Started, url: &str, folder: &demo::Folder, quiet: bool) {
    let shown = if started.local_slack { format!("{url}/local/") } else { "your Slack".to_owned() };
    eprintln!("\n  CatOps is ready. Open this in a browser:\n");
    println!("{shown}");
    eprintln!();
    if quiet {
        eprintln!("  Nothing is played. Send an alarm:   catops send-test --source cloudwatch --url {url}");
    } else {
        eprintln!("  In a few seconds a shop breaks. Read the card, press its first button, and watch.");
        eprintln!("  Send your own alarm:   catops send-test --source cloudwatch --url {url}");
    }
    eprintln!("  Read the log:          catops incidents --data {}", folder.data.display());
    eprintln!("  Stop with Ctrl-C.");
}

fn progress(doing: &str) {
    eprintln!("  {doing} ...");
}

fn taken(address: SocketAddr) -> String {
    format!("listening on {address}; if something else has it, name another with --listen 127.0.0.1:7071")
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting")
}
