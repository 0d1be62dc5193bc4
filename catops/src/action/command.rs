//! Starts a program of this machine: no shell, a cleared environment, nothing to read, a process group of its own.
//! When time is up or somebody says stop, the whole group is asked to end and, after a grace, made to.
//! A descendant that leaves its group (`setsid`) is out of reach; that is the one thing not promised here.

use super::{Ending, RunContext, detail, stop_asked};
use incident::RunOutcome;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Kept of the beginning and of the end of the output; what is between is read and forgotten.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const TAIL_BYTES_MAX: usize = 48 * 1024;
/// Between the request to end and the kill.
const GRACE: Duration = Duration::from_secs(2);
/// A program that ended leaves its last words in the pipe; a child that it left behind may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) async fn run(argv: &[String], env: &[String], mut context: RunContext<'_>) -> Ending {
    let handed_on: Vec<(&String, String)> = env.iter().filter_map(|name| Some((name, (context.env)(name)?))).collect();
    let secrets = handed_on.iter().filter(|(name, _)| detail::names_a_secret(name)).map(|(_, value)| value.clone());
    let secrets: Vec<String> = secrets.collect();
    let (program, child, pipe) = match start(argv, &handed_on, &context) {
        Ok(started) => started,
        Err(says) => return Ending { outcome: RunOutcome::Failed, says, secrets },
    };
    let (outcome, headline, output) = supervise(child, pipe, &mut context).await;
    let headline = format!("{program} {headline}");
    let output = output.text();
    let says = if output.trim().is_empty() { headline } else { format!("{headline}\n{output}") };
    Ending { outcome, says, secrets }
}

fn start<'a>(
    argv: &'a [String],
    env: &[(&String, String)],
    context: &RunContext<'_>,
) -> Result<(&'a str, Child, pipe::Receiver), String> {
    let (program, arguments) = argv.split_first().ok_or("the command is empty")?;
    let no_pipe = |error: io::Error| format!("{program} was not started: {error}");
    // One pipe for both outputs keeps their lines in the order in which they were written.
    let (reader, writer) = io::pipe().map_err(no_pipe)?;
    let errors = writer.try_clone().map_err(no_pipe)?;
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(no_pipe)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .env("CATOPS_RUN_ID", &context.run_id)
        .env("CATOPS_INCIDENT", &context.incident)
        .env("CATOPS_BY", &context.by)
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(errors)
        .process_group(0)
        .kill_on_drop(true);
    // `command` holds our ends of the pipe and closes them on return: the end of the output can be seen.
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{program} was not found: install it where CatOps runs, or hand PATH on with env = [\"PATH\"]")
        }
        io::ErrorKind::PermissionDenied => format!("{program} may not be executed by the user that CatOps runs as"),
        _ => format!("{program} was not started: {error}"),
    })?;
    Ok((program, child, reader))
}

/// How the wait for a program ended.
enum Ended {
    Itself(io::Result<ExitStatus>),
    Stopped,
    TimedOut,
}

async fn supervise(
    mut child: Child,
    mut pipe: pipe::Receiver,
    context: &mut RunContext<'_>,
) -> (RunOutcome, String, Output) {
    let mut group = Group::of(&child);
    let mut output = Output::default();
    let limit = context.timeout;
    let wait = async {
        tokio::select! {
            status = until_exit(&mut child, &mut output, &mut pipe) => Ended::Itself(status),
            () = stop_asked(&mut context.stopped) => Ended::Stopped,
        }
    };
    let (outcome, headline) = match timeout(limit, wait).await.unwrap_or(Ended::TimedOut) {
        Ended::Itself(status) => exited(status),
        Ended::Stopped => {
            end(&group, &mut child, &mut output, &mut pipe).await;
            (RunOutcome::Stopped, "was stopped".to_owned())
        }
        Ended::TimedOut => {
            end(&group, &mut child, &mut output, &mut pipe).await;
            (RunOutcome::Failed, format!("was stopped after {} s, its time limit", limit.as_secs_f32()))
        }
    };
    if timeout(LAST_WORDS, output.collect(&mut pipe)).await.is_err() {
        group.signal(Signal::KILL);
    }
    group.release();
    (outcome, headline, output)
}

/// Waits for the program while its output is read; it may close its output long before it ends.
async fn until_exit(child: &mut Child, output: &mut Output, pipe: &mut pipe::Receiver) -> io::Result<ExitStatus> {
    let collect = output.collect(pipe);
    tokio::pin!(collect);
    let mut closed = false;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = &mut collect, if !closed => closed = true,
        }
    }
}

/// Ends the group: first asked, then made to. The program itself is waited for, so it leaves no zombie.
async fn end(group: &Group, child: &mut Child, output: &mut Output, pipe: &mut pipe::Receiver) {
    group.signal(Signal::TERM);
    let obeyed = timeout(GRACE, until_exit(child, output, pipe)).await;
    // Also when the program obeyed: a child of it may not have.
    group.signal(Signal::KILL);
    if obeyed.is_err() && timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!("a program does not end although it was killed; it hangs in the kernel");
    }
}

fn exited(status: io::Result<ExitStatus>) -> (RunOutcome, String) {
    match status {
        Ok(status) if status.success() => (RunOutcome::Succeeded, "ended well".to_owned()),
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => (RunOutcome::Failed, format!("ended with exit status {code}")),
            (None, Some(signal)) => (RunOutcome::Failed, format!("was ended by signal {signal}")),
            (None, None) => (RunOutcome::Failed, "ended, and the system does not say how".to_owned()),
        },
        Err(error) => (RunOutcome::Unknown, format!("was started, and its end was not seen: {error}")),
    }
}

/// The process group of a program. Dropped before its release, as when CatOps itself ends, it is killed.
struct Group(Option<Pid>);

impl Group {
    /// The program leads its group, so the group has its number.
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0
            && let Err(error) = kill_process_group(group, signal)
        {
            tracing::debug!(%error, "the process group is already gone");
        }
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The beginning and the end of what a program wrote.
#[derive(Default)]
struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    lost: bool,
}

impl Output {
    /// Reads to the end. May be dropped at any await and called again; nothing is lost between.
    async fn collect(&mut self, pipe: &mut pipe::Receiver) {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(bytes @ 1..) = pipe.read(&mut buffer).await {
            self.keep(buffer.get(..bytes).unwrap_or_default());
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(HEAD_BYTES_MAX - self.head.len()));
        self.head.extend(head);
        self.tail.extend(tail);
        let over = self.tail.len().saturating_sub(TAIL_BYTES_MAX);
        self.lost |= over > 0;
        self.tail.drain(..over);
    }

    fn text(&self) -> String {
        let note: &[u8] = if self.lost { b"\n[... the middle is left out ...]\n" } else { b"" };
        let bytes: Vec<u8> = self.head.iter().chain(note).chain(&self.tail).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
