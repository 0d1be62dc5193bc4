//! Connections: how long somebody may take to say what they want, and how many may talk at once. Whoever is slow costs one
//! place and is hung up on; when all places are taken, the one who has been silent longest gives theirs to who comes next.
//! What is being answered is never cut off. Nothing of a request is looked at here.
//!
//! A timer is set only when there is nothing to read or write, so that a sender who is quick pays next to nothing.

use crate::clock;
use crate::config::file::ServerConfig;
use crate::metrics::Metrics;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::serve::Listener;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Sleep;

/// No limit is below this, whatever the configuration says: a sender on another continent needs a moment.
const TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// Fewer places would make senders wait for one another.
pub const CONNECTIONS_MIN: usize = 8;

/// How long somebody may leave our answer unread without taking a single byte of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request that has begun to come may go on when the server stops. Its sender was not answered and repeats it.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Most bytes of a head; no sender that we know sends 8 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What every connection keeps to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    idle: Duration,
    head: Duration,
    body: Duration,
    connections_max: usize,
}

impl From<&ServerConfig> for Limits {
    fn from(config: &ServerConfig) -> Self {
        let limit = |limit: chrono::TimeDelta| limit.to_std().unwrap_or_default().max(TIMEOUT_MIN);
        Self {
            idle: limit(config.idle_timeout),
            head: limit(config.header_timeout),
            body: limit(config.body_timeout),
            connections_max: config.connections_max.max(CONNECTIONS_MIN),
        }
    }
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing: no request has begun.
    Idle,
    /// It sends a head.
    Head,
    /// It sends a body.
    Body,
    /// It waits for us.
    Answering,
}

#[derive(Debug, Clone, Copy)]
struct State {
    phase: Phase,
    since: Instant,
    /// A request was answered here; what is idle now may still have its answer on the way.
    has_served: bool,
    hung_up: bool,
}

/// One connection, as its reader, its service and the listener see it.
struct Line {
    state: Mutex<State>,
    /// Wakes the connection: it was hung up on, or the server stops.
    called: Notify,
}

impl Line {
    fn new() -> Self {
        let state = State { phase: Phase::Idle, since: clock::mark(), has_served: false, hung_up: false };
        Self { state: Mutex::new(state), called: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, phase: Phase) {
        let mut state = self.state();
        state.has_served |= phase == Phase::Idle;
        state.phase = phase;
        // How long we take to answer is asked by nobody.
        if phase != Phase::Answering {
            state.since = clock::mark();
        }
    }

    /// The first bytes of a request have come.
    fn speaks(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.phase = Phase::Head;
            state.since = clock::mark();
        }
    }

    /// Until when the next byte has to be there; `None` when it is our turn.
    fn patience(&self, limits: &Limits) -> Option<Instant> {
        let state = *self.state();
        match state.phase {
            Phase::Idle => Some(state.since + limits.idle),
            Phase::Head => Some(state.since + limits.head),
            Phase::Body => Some(state.since + limits.body),
            Phase::Answering => None,
        }
    }

    fn hang_up(&self) {
        self.state().hung_up = true;
        self.called.notify_one();
    }
}

/// All open connections.
struct Lines {
    open: Mutex<HashMap<u64, Arc<Line>>>,
    closed: Notify,
    metrics: Arc<Metrics>,
}

impl Lines {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, number: u64) {
        self.open().remove(&number);
        self.closed.notify_one();
    }

    /// Hangs up on whoever has kept us waiting longest, on strangers first: a connection on which something was answered is
    /// kept by a sender for its next alarm. False when we are the ones who keep everybody waiting.
    fn hang_up_on_the_slowest(&self) -> bool {
        let mut open = self.open();
        let waiting = open.iter().filter_map(|(number, line)| {
            let state = *line.state();
            (state.phase != Phase::Answering).then_some((state.has_served, state.since, *number))
        });
        let Some((.., slowest)) = waiting.min() else { return false };
        if let Some(line) = open.remove(&slowest) {
            line.hang_up();
        }
        true
    }

    /// Requests under way are finished; nobody waits for one that has not begun.
    fn stop(&self) {
        for line in self.open().values() {
            let state = *line.state();
            if state.phase == Phase::Idle && !state.has_served { line.hang_up() } else { line.called.notify_one() }
        }
    }

    /// Nobody waits for the rest of a request either; what is being answered still is.
    fn stop_waiting(&self) {
        for line in self.open().values() {
            let is_ours = line.state().phase == Phase::Answering;
            if !is_ours {
                line.hang_up();
            }
        }
    }

    async fn until_all_closed(&self) {
        while !self.open().is_empty() {
            self.closed.notified().await;
        }
    }
}

/// A place among the open connections, given back however the connection ends.
struct Place {
    lines: Arc<Lines>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lines.forget(self.number);
    }
}

/// Serves until `stop` is ready; then finishes the requests that are under way.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
) {
    let lines = Arc::new(Lines { open: Mutex::default(), closed: Notify::new(), metrics });
    let mut stop = pin!(stop);
    let mut number = 0;
    'accepting: loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            (stream, _) = Listener::accept(&mut listener) => stream,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection stays with delayed packets");
        }
        while lines.open().len() >= limits.connections_max {
            if lines.hang_up_on_the_slowest() {
                lines.metrics.count("connections_closed", "reason=\"crowded\"");
                continue;
            }
            tokio::select! {
                () = &mut stop => break 'accepting,
                () = lines.closed.notified() => {}
            }
        }
        number += 1;
        let line = Arc::new(Line::new());
        lines.open().insert(number, Arc::clone(&line));
        let place = Place { lines: Arc::clone(&lines), number };
        tokio::spawn(talk(stream, router.clone(), limits, line, place));
    }
    drop(listener);
    lines.stop();
    if tokio::time::timeout(STOP_PATIENCE, lines.until_all_closed()).await.is_err() {
        lines.stop_waiting();
        lines.until_all_closed().await;
    }
}

async fn talk(stream: TcpStream, router: Router, limits: Limits, line: Arc<Line>, place: Place) {
    let (reading, writing) = (Timer::default(), Timer::default());
    let metrics = Arc::clone(&place.lines.metrics);
    let timed = Timed { stream, line: Arc::clone(&line), limits, reading, writing, unread_since: None, metrics };
    let router = TowerToHyperService::new(router);
    let heard = Arc::clone(&line);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, line) = (router.clone(), Arc::clone(&heard));
        async move {
            let is_whole = request.body().is_end_stream();
            line.turn(if is_whole { Phase::Answering } else { Phase::Body });
            let request = request.map(|body| Body::new(Heard { body, line: Arc::clone(&line) }));
            let answer = router.call(request).await;
            line.turn(Phase::Idle);
            answer
        }
    });
    let connection = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).serve_connection(TokioIo::new(timed), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection broke off");
                }
                return;
            }
            () = line.called.notified() => {
                if line.state().hung_up {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// A body that says when all of it has come: from then on it is our turn.
struct Heard {
    body: Incoming,
    line: Arc<Line>,
}

impl HttpBody for Heard {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.line.turn(Phase::Answering);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A timer that is set as rarely as can be: a deadline that moved on is noticed when the old one is reached.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        let until = tokio::time::Instant::from_std(until);
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if until < sleep.deadline() {
            sleep.as_mut().reset(until);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if until <= sleep.deadline() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
    }
}

/// A stream that gives up on whoever is on the other side.
struct Timed {
    stream: TcpStream,
    line: Arc<Line>,
    limits: Limits,
    reading: Timer,
    writing: Timer,
    /// Since when the other side has not taken a byte of what we have for it.
    unread_since: Option<Instant>,
    metrics: Arc<Metrics>,
}

impl Timed {
    fn given_up(&self) -> io::Error {
        // That nobody asks anything any more is how a connection ends, and nothing to count.
        if self.line.state().phase != Phase::Idle {
            self.metrics.count("connections_closed", "reason=\"slow\"");
        }
        io::Error::from(io::ErrorKind::TimedOut)
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread_since = None;
            return written;
        }
        let since = *self.unread_since.get_or_insert_with(clock::mark);
        ready!(self.writing.poll(since + ANSWER_TIMEOUT, context));
        self.metrics.count("connections_closed", "reason=\"slow\"");
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                self.line.speaks();
            }
            return Poll::Ready(read);
        }
        let Some(until) = self.line.patience(&self.limits) else { return Poll::Pending };
        ready!(self.reading.poll(until, context));
        Poll::Ready(Err(self.given_up()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
