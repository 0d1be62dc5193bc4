//! A disk that is full, or read-only: nothing is answered that is not kept, people see it, and it goes on once it can, by
//! itself when there is room again. The disk is a small tmpfs or a file with an ext4, which only root can mount; elsewhere
//! the tests say that they did not run.

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

/// An ext4 in a file: of a file system whose files are open for writing, nobody but itself can take the writing away.
struct Failing<'a>(Disk<'a>);

impl<'a> Failing<'a> {
    fn mount(image: &Path, path: &'a Path) -> Option<Self> {
        std::fs::write(image, vec![0; 32 * 1024 * 1024]).ok()?;
        let ran = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        let made = ran(Command::new("mkfs.ext4").arg("-q").arg(image));
        let mounted = made && ran(Command::new("mount").args(["-o", "loop"]).args([image, path]));
        mounted.then_some(Self(Disk(path)))
    }

    /// What ext4 does to itself when its disk answers with errors.
    fn turn_read_only(&self) -> Result<()> {
        let status = Command::new("mount").args(["-o", "remount,abort"]).arg(self.0.0).status()?;
        ensure!(status.success(), "the disk could not be made read-only");
        Ok(())
    }

    /// Only a new mount writes again.
    fn mend(&self, image: &Path) -> Result<()> {
        ensure!(Command::new("umount").arg(self.0.0).status()?.success(), "the disk is in use");
        let status = Command::new("mount").args(["-o", "loop"]).args([image, self.0.0]).status()?;
        ensure!(status.success(), "the disk could not be mounted again");
        Ok(())
    }
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know that this one did not")]
async fn a_disk_that_turns_read_only_takes_nothing() -> Result<()> {
    let (folder, images) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let image = images.path().join("disk");
    let Some(disk) = Failing::mount(&image, folder.path()) else {
        eprintln!("not run: only root can mount a disk, and it takes mkfs.ext4");
        return Ok(());
    };
    let data = folder.path().join("data");
    let server = Server::demo(&data)?;
    ensure!(server.fire("before", "before-1", "All is well").await? == 202, "refused");
    disk.turn_read_only()?;
    for n in 1..=3 {
        let status = server.fire("meanwhile", &format!("meanwhile-{n}"), "Nobody can keep this").await?;
        assert_eq!(status, 503, "what cannot be kept is not taken");
    }
    let look = async |server: &Server| {
        let status = health(server).await?;
        Ok(if status == 503 { Ok(()) } else { Err(format!("/healthz {status}")) })
    };
    server.until("a red /healthz", look).await?;
    server.kill();

    let said = Server::demo(&data).err().context("it started on a disk that it cannot write")?.to_string();
    assert!(said.contains("ead-only"), "{said}");
    disk.mend(&image)?;
    let server = Server::demo(&data)?;
    assert_eq!(server.fire("meanwhile", "meanwhile-1", "Nobody could keep this").await?, 202, "the sender repeats it");
    assert_eq!(health(&server).await?, 200);
    assert_eq!(kept(&data).await?, BTreeSet::from(["before-1".to_owned(), "meanwhile-1".to_owned()]));
    server.kill();
    Ok(())
}
