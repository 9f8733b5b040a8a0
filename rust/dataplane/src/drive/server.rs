//! A running gateway: starts everything in order, ends everything in order.

use super::clock::{Clock, SystemClock};
use super::compute::Compute;
use super::load::Loader;
use super::plane::{Phase, Plane};
use super::state::StateDir;
use crate::front;
use crate::observe::counters::Counters;
use crate::runtime::onnx::{OnnxRuntime, share_heaps, trim_memory};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tidegate_core::document::Document;
use tidegate_core::plane::{Ending, EndingCommand, EndingEvent, Nanos};
use tidegate_core::routing::apply;
use tokio::sync::mpsc;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often a draining gateway looks whether it is idle.
const IDLE_CHECK: Duration = Duration::from_millis(5);
/// How long connections without requests have to close after GOAWAY before they are cut.
const LINGER: Nanos = 300_000_000;

/// How a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every request got its own answer.
    Clean,
    /// The drain timeout cut some off.
    Forced,
    /// Asked twice: it left at once.
    Now,
}

/// A gateway that serves until it is told to end.
pub struct Gateway {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    signals: mpsc::UnboundedSender<()>,
    end: Arc<(Mutex<Option<End>>, Condvar)>,
    control: Mutex<Option<JoinHandle<()>>>,
}

impl Gateway {
    /// Loads, binds and serves. Relative paths of the document are relative to `base`.
    ///
    /// # Errors
    /// Every reason why it cannot serve; nothing is left running.
    pub fn start(document: Document, base: &Path, library: &Path) -> Result<Self, Vec<String>> {
        share_heaps();
        let one = |reason: String| vec![reason];
        let grpc = bind("listen.grpc", &document.listen.grpc);
        let http = bind("listen.http", &document.listen.http);
        let (grpc, http) = match (grpc, http) {
            (Ok(grpc), Ok(http)) => (grpc, http),
            (grpc, http) => return Err([grpc.err(), http.err()].into_iter().flatten().collect()),
        };
        let state = StateDir::open(base.join(&document.state_dir)).map_err(|error| one(error.to_string()))?;
        let previous = state.read().map_err(|error| one(error.to_string()))?;
        let applied = apply(previous.as_ref(), &document);

        let pool = document.versions.values().map(|version| version.intra_op_threads).max().unwrap_or(1);
        let runtime = OnnxRuntime::open(library, pool as u32).map_err(one)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = |asked: u64| if asked == 0 { cores } else { asked as usize };
        let (fronts, computes) = (count(document.threads.front), count(document.threads.compute));
        let compute = Arc::new(Compute::new(computes));
        let repository = base.join(&document.repository);
        let loader = Loader {
            document: &document,
            repository: &repository,
            runtime: &runtime,
            compute: &compute,
            clock: clock.as_ref(),
        };
        let loaded = loader.load(&applied)?;
        trim_memory();
        state.write(&applied).map_err(|error| one(error.to_string()))?;

        let counters = Counters::new(loaded.labels, fronts);
        let version = runtime.version.clone();
        let plane = Arc::new(Plane::new(
            document,
            Arc::clone(&clock),
            Arc::clone(&compute),
            counters,
            version,
            loaded.snapshot,
        ));
        loaded.warnings.iter().for_each(|warning| plane.log.warning("repository", &[("note", json!(warning))]));
        let versions = plane.snapshot().versions.clone();
        compute.start(&versions, &clock).map_err(|error| one(format!("cannot start a thread: {error}")))?;

        let listen = |socket: Socket| -> std::io::Result<(TcpListener, SocketAddr)> {
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from(socket);
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (grpc, grpc_address) = listen(grpc).map_err(|error| one(format!("listen.grpc: {error}")))?;
        let (http, http_address) = listen(http).map_err(|error| one(format!("listen.http: {error}")))?;
        log_start(&plane, grpc_address, http_address, (fronts, computes));
        let (signals, heard) = mpsc::unbounded_channel();
        let end = Arc::new((Mutex::new(None), Condvar::new()));
        let control = Control { plane, state, heard, end: Arc::clone(&end) };
        let control = std::thread::Builder::new()
            .name("tidegate-control".to_owned())
            .spawn(move || control.run(grpc, http, fronts))
            .map_err(|error| one(format!("cannot start a thread: {error}")))?;
        Ok(Self { grpc: grpc_address, http: http_address, signals, end, control: Mutex::new(Some(control)) })
    }

    /// Begins to end; called twice, ends at once.
    pub fn drain(&self) {
        // The control thread is gone only after the end.
        // Nobody listens after the end, when there is nothing left to end.
        self.signals.send(()).ok();
    }

    /// Waits for the end, at most so long.
    pub fn wait(&self, timeout: Duration) -> Option<End> {
        let (end, changed) = &*self.end;
        let guard = end.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) =
            changed.wait_timeout_while(guard, timeout, |end| end.is_none()).unwrap_or_else(PoisonError::into_inner);
        let found = *guard;
        drop(guard);
        if found.is_some_and(|end| end != End::Now)
            && let Some(control) = self.control.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            drop(control.join());
        }
        found
    }
}

fn log_start(plane: &Plane, grpc: SocketAddr, http: SocketAddr, threads: (usize, usize)) {
    let snapshot = plane.snapshot();
    for version in &snapshot.versions {
        let batching =
            version.unbatched.as_deref().map_or_else(|| json!("on"), |reason| json!(format!("off: {reason}")));
        plane.log.info(
            "load",
            &[
                ("version", json!(version.id.as_str())),
                ("digest", json!(format!("sha256:{}", version.digest))),
                ("size_bytes", json!(version.size_bytes)),
                ("batching", batching),
            ],
        );
    }
    plane.log.info(
        "start",
        &[
            ("grpc", json!(grpc.to_string())),
            ("http", json!(http.to_string())),
            ("epoch", json!(snapshot.epoch)),
            ("onnxruntime", json!(plane.runtime_version)),
            ("front_threads", json!(threads.0)),
            ("compute_threads", json!(threads.1)),
        ],
    );
}

fn bind(field: &str, address: &str) -> Result<Socket, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "{field}: {address} is taken by another process; end it or choose another port (0 finds a free one)"
            )
        }
        _ => format!("{field}: cannot listen on {address}: {error}"),
    };
    let resolved = address.to_socket_addrs().map_err(failed)?.next();
    let resolved = resolved.ok_or_else(|| format!("{field}: {address} names no address"))?;
    let socket = Socket::new(Domain::for_address(resolved), Type::STREAM, Some(Protocol::TCP)).map_err(failed)?;
    socket.set_reuse_address(true).map_err(failed)?;
    socket.bind(&resolved.into()).map_err(failed)?;
    // Binding alone does not reserve the port against another server that is bound and not listening yet.
    Ok(socket)
}

/// The thread that accepts, serves HTTP and brings everything to its end.
struct Control {
    plane: Arc<Plane>,
    /// Holds the lock on the state folder for as long as the gateway lives.
    state: StateDir,
    heard: mpsc::UnboundedReceiver<()>,
    end: Arc<(Mutex<Option<End>>, Condvar)>,
}

impl Control {
    fn run(mut self, grpc: TcpListener, http: TcpListener, fronts: usize) {
        let end = match self.serve(grpc, http, fronts) {
            Ok(end) => end,
            Err(error) => {
                self.plane.log.error("failed", &[("reason", json!(error.to_string()))]);
                End::Forced
            }
        };
        self.plane.compute.end();
        self.plane.log.info("end", &[("clean", json!(end == End::Clean))]);
        drop(self.state);
        let (slot, changed) = &*self.end;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        changed.notify_all();
    }

    fn serve(&mut self, grpc: TcpListener, http: TcpListener, fronts: usize) -> std::io::Result<End> {
        let threads = front::threads::start(&self.plane, fronts)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let end = runtime.block_on(async {
            let accepting = tokio::spawn(front::threads::accept(
                tokio::net::TcpListener::from_std(grpc)?,
                threads.doors.clone(),
                Arc::clone(&self.plane),
            ));
            let reporting =
                tokio::spawn(front::http::serve(tokio::net::TcpListener::from_std(http)?, Arc::clone(&self.plane)));
            let end = self.until_the_end(|| accepting.abort()).await;
            reporting.abort();
            Ok::<_, std::io::Error>(end)
        })?;
        self.plane.phase.send_replace(Phase::Over);
        if end != End::Now {
            threads.join();
        }
        Ok(end)
    }

    async fn until_the_end(&mut self, stop_accepting: impl Fn()) -> End {
        let millis = |ms: u64| ms * 1_000_000;
        let document = &self.plane.document;
        let mut ending = Ending::new(millis(document.drain_delay_ms), millis(document.drain_timeout_ms));
        let mut idle_since = None;
        loop {
            let now = self.plane.clock.now();
            let event = match ending.wake_at() {
                None => {
                    self.heard.recv().await;
                    EndingEvent::Signal(self.plane.clock.now())
                }
                Some(at) if at <= now => EndingEvent::Tick(now),
                Some(at) => {
                    let pause = Duration::from_nanos(at - now).min(IDLE_CHECK);
                    tokio::select! {
                        Some(()) = self.heard.recv() => EndingEvent::Signal(self.plane.clock.now()),
                        () = tokio::time::sleep(pause) => {
                            if !self.is_idle(&mut idle_since) { continue }
                            EndingEvent::Idle
                        }
                    }
                }
            };
            for command in ending.step(event) {
                match command {
                    EndingCommand::ReportNotServing => {
                        self.plane.log.info("drain", &[("delay_ms", json!(self.plane.document.drain_delay_ms))]);
                        self.plane.phase.send_replace(Phase::NotServing);
                    }
                    EndingCommand::StopAccepting => stop_accepting(),
                    // Connections and streams watch the phase themselves.
                    EndingCommand::SendGoaway | EndingCommand::EndIdleStreams => {
                        self.plane.phase.send_replace(Phase::Draining);
                    }
                    EndingCommand::AbortRemaining => {
                        let left = self.plane.counters.gauges.in_flight_requests.load(Ordering::Relaxed);
                        self.plane.log.warning("drain_timeout", &[("requests", json!(left))]);
                        self.plane.phase.send_replace(Phase::Aborting);
                    }
                    EndingCommand::Exit { is_clean } => return if is_clean { End::Clean } else { End::Forced },
                    EndingCommand::ExitNow => return End::Now,
                }
            }
        }
    }

    /// Idle is: no request in flight, no answer on its way, and connections closed or given the time to.
    fn is_idle(&self, since: &mut Option<Nanos>) -> bool {
        let gauges = &self.plane.counters.gauges;
        let is_answering = self.plane.answering.load(Ordering::Relaxed) > 0;
        if is_answering || gauges.in_flight_requests.load(Ordering::Relaxed) > 0 {
            *since = None;
            return false;
        }
        let now = self.plane.clock.now();
        let idle_from = *since.get_or_insert(now);
        gauges.connections.load(Ordering::Relaxed) == 0 || now - idle_from >= LINGER
    }
}
