//! A disk that is full: nothing is answered that is not kept, people see it, and it goes on by itself once there is room.
//! The disk is a small tmpfs, which only root can mount; elsewhere the test says that it did not run.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use tests::{Server, deliveries_of};

/// Room for a log of some hundred alarms.
const SIZE: &str = "size=6m";
/// What is taken away to make room again.
const BALLAST_BYTES: usize = 2 * 1024 * 1024;

/// A mounted tmpfs, until it is dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "catops-test"]).arg(path).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.0).status().ok();
    }
}

async fn health(server: &Server) -> Result<u16> {
    Ok(server.http.get(format!("{}/healthz", server.url)).send().await?.status().as_u16())
}

/// Sends alarms of different keys until one is not taken; returns those that were.
async fn until_full(server: &Server) -> Result<BTreeSet<String>> {
    let mut taken = BTreeSet::new();
    for n in 0..5_000 {
        let id = format!("full-{n}");
        // Text that does not shrink, so that the disk is full soon.
        let summary: String = (0..900).map(|at| char::from(b'a' + ((n * 7919 + at * at * 31) % 26) as u8)).collect();
        let alarm = json!({ "title": "Disk", "key": id, "id": id, "state": "firing", "summary": summary });
        match server.post("/hooks/generic", &alarm).await? {
            (202, _) => taken.insert(id),
            (503, said) => {
                ensure!(said["error"].as_str().is_some_and(|error| error.contains("repeat the delivery")), "{said}");
                return Ok(taken);
            }
            other => anyhow::bail!("{other:?}"),
        };
    }
    anyhow::bail!("the disk was never full")
}

/// The deliveries that opened an incident, read from the log beside the server.
async fn kept(data: &Path) -> Result<BTreeSet<String>> {
    let log = log::SqliteLog::open_read_only(data)?;
    let page = log::EventLog::feed(&log, &log::Cursor::start(), usize::MAX).await?;
    let opened = page.events.iter().filter(|event| event.kind == "opened");
    opened
        .map(|event| {
            let body = serde_json::from_slice(&event.body)?;
            let delivery = deliveries_of(&body).next().context("a delivery")?;
            Ok(delivery.rsplit(':').next().unwrap_or_default().to_owned())
        })
        .collect()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know that this one did not")]
async fn a_full_disk_takes_nothing_it_cannot_keep() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Disk::mount(folder.path()) else {
        eprintln!("not run: only root can mount a small disk");
        return Ok(());
    };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; BALLAST_BYTES])?;
    let data = disk.0.join("data");
    let server = Server::demo(&data)?;
    let taken = until_full(&server).await?;
    assert!(!taken.is_empty());
    let look = async |server: &Server| {
        let status = health(server).await?;
        Ok(if status == 503 { Ok(()) } else { Err(format!("/healthz {status}")) })
    };
    server.until("a red /healthz", look).await?;
    assert_eq!(kept(&data).await?, taken, "what was answered is there, what was refused is not");

    std::fs::remove_file(&ballast)?;
    let look = async |server: &Server| {
        let (status, healthy) = (server.fire("after", "after-1", "There is room again").await?, health(server).await?);
        Ok(if (status, healthy) == (202, 200) { Ok(()) } else { Err(format!("{status}, /healthz {healthy}")) })
    };
    server.until("room again", look).await?;
    let mut all = taken;
    all.insert("after-1".to_owned());
    assert_eq!(kept(&data).await?, all);
    Ok(())
}
