//! A running gateway: starts everything in order, ends everything in order.

use super::change::{Changer, Changes, Setting, describe};
use super::clock::{Clock, SystemClock};
use super::compute::Compute;
use super::control::{Control, Sockets};
use super::niceness;
use super::plane::{CHANGES_NOTHING, Plane};
use super::state::StateDir;
use crate::front::admin;
use crate::front::desk::Desk;
use crate::front::tls::{Files, Tls};
use crate::observe::drift::Watches;
use crate::runtime::onnx::{OnnxRuntime, share_heaps};
use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tidegate_core::document::{self, Document, Front, Violation};
use tokio::sync::mpsc;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

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
    /// Where the native front listens; Python's listens for itself.
    pub grpc: Option<SocketAddr>,
    pub http: SocketAddr,
    plane: Arc<Plane>,
    changes: Changes,
    signals: mpsc::UnboundedSender<()>,
    end: Arc<(Mutex<Option<End>>, Condvar)>,
    control: Mutex<Option<JoinHandle<()>>>,
}

impl Gateway {
    /// Loads, binds and serves. Relative paths of the document are relative to `base`.
    ///
    /// # Errors
    /// Every reason why it cannot serve; nothing is left running but a load that does not end.
    pub fn start(document: &Document, base: &Path, library: &Path) -> Result<Self, Vec<String>> {
        share_heaps();
        let one = |reason: String| vec![reason];
        let is_native = document.front == Front::Native;
        let grpc = is_native.then(|| bind("listen.grpc", &document.listen.grpc)).transpose();
        let http = bind("listen.http", &document.listen.http);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tls = tls(document, base, clock.unix_ms());
        let (grpc, http, tls) = match (grpc, http, tls) {
            (Ok(grpc), Ok(http), Ok(tls)) => (grpc, http, tls),
            (grpc, http, tls) => {
                let sockets = [grpc.err(), http.err()].into_iter().flatten();
                return Err(sockets.chain(tls.err().unwrap_or_default()).collect());
            }
        };
        let state = StateDir::open(base.join(&document.state_dir)).map_err(|error| one(error.to_string()))?;
        let admin = admin::bind(state.folder()).map_err(|error| {
            one(format!("cannot listen on {}/{}: {error}", state.folder().display(), admin::SOCKET))
        })?;

        let runtime = OnnxRuntime::open(library, document.pool_threads() as u32).map_err(one)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = |asked: u64| if asked == 0 { cores } else { asked as usize };
        let fronts = if is_native { count(document.threads.front) } else { 1 };
        let computes = count(document.threads.compute);
        let compute = Arc::new(Compute::new("tidegate-run", computes, 0));
        let shadow_compute = Arc::new(Compute::new("tidegate-shadow", computes, niceness::LOW));
        let repository = base.join(&document.repository);
        let version = runtime.version.clone();
        let both = [compute, shadow_compute];
        let (watches, lost) = Watches::new(state.folder(), &document.sinks);
        let plane = Arc::new(Plane::new(document.clone(), Arc::clone(&clock), both, fronts, version, tls, watches));
        if let Some(reason) = lost {
            plane.log.warning("drift_transitions", &[("reason", json!(reason))]);
        }
        let state = Arc::new(state);
        let setting = Setting { plane: Arc::clone(&plane), state, repository, runtime: Arc::new(runtime), clock };
        // From here on something runs or is remembered, so a failure has to take it back.
        let abandon = |reasons: Vec<String>| {
            plane.compute.end();
            plane.shadow_compute.end();
            reasons
        };
        let (changer, changes) = Changer::start(setting, document).map_err(abandon)?;
        let listen = |socket: Socket| -> std::io::Result<(TcpListener, SocketAddr)> {
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from(socket);
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let grpc = grpc.map(listen).transpose().map_err(|error| abandon(one(format!("listen.grpc: {error}"))))?;
        let (grpc, grpc_address) = grpc.unzip();
        let (http, http_address) = listen(http).map_err(|error| abandon(one(format!("listen.http: {error}"))))?;

        log_start(&plane, grpc_address, http_address, (fronts, computes));
        let (signals, heard) = mpsc::unbounded_channel();
        let end = Arc::new((Mutex::new(None), Condvar::new()));
        let control =
            Control { plane: Arc::clone(&plane), changer, changes: changes.clone(), heard, end: Arc::clone(&end) };
        let sockets = Sockets { grpc, http, admin };
        let control = std::thread::Builder::new()
            .name("tidegate-control".to_owned())
            .spawn(move || control.run(sockets, if is_native { fronts } else { 0 }))
            .map_err(|error| one(format!("cannot start a thread: {error}")))?;
        let control = Mutex::new(Some(control));
        Ok(Self { grpc: grpc_address, http: http_address, plane, changes, signals, end, control })
    }

    /// Wants what a document says, without waiting for it; what becomes of it is in the log and in the status.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that only a restart can change.
    pub fn apply(&self, document: &[u8]) -> Result<(), Vec<Violation>> {
        let document = admin::read(&self.plane, document)?;
        if !self.plane.is_changing() {
            return Err(vec![Violation { path: String::new(), reason: CHANGES_NOTHING.to_owned() }]);
        }
        if let Some(tls) = &self.plane.tls {
            tls.check(&self.plane);
        }
        drop(self.changes.apply(document));
        Ok(())
    }

    /// Makes what is wanted what an amendment says, and returns the progress once that has been taken up.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that only a restart can change; then nothing of it is wanted.
    pub fn amend(&self, amendment: &[u8]) -> Result<Value, Vec<Violation>> {
        let whole = |reason: String| vec![Violation { path: String::new(), reason }];
        let value = serde_json::from_slice(amendment).map_err(|error| whole(format!("is not JSON: {error}")))?;
        let amendment = document::parse_amendment(value)?;
        let settings = amendment.versions.iter().filter_map(|(id, settings)| Some((id, settings.as_ref()?)));
        let violations = admin::needing_a_larger_pool(&self.plane.document, settings);
        if !violations.is_empty() {
            return Err(violations);
        }
        match self.changes.amend(amendment).blocking_recv() {
            Ok(taken) => taken.map(|()| self.shown_progress()),
            // A gateway that ends changes nothing more.
            Err(_) if self.plane.is_changing() => Ok(self.shown_progress()),
            Err(_) => Err(whole(CHANGES_NOTHING.to_owned())),
        }
    }

    /// Routes that wait for loads, and routes that were refused, each with the reason, once every document before has been
    /// taken up: all others are served as the newest one says. Beside them what monitors give up for want of memory.
    pub fn progress(&self) -> Value {
        // A gateway that ends changes nothing more.
        self.changes.fence().blocking_recv().ok();
        self.shown_progress()
    }

    fn shown_progress(&self) -> Value {
        let snapshot = self.plane.snapshot();
        json!({
            "epoch": snapshot.epoch,
            "pending": snapshot.progress.pending,
            "refused": snapshot.progress.refused,
            "given_up": self.plane.watches.shortages(&snapshot),
        })
    }

    /// The TLS of the document, for a front that has the port of gRPC itself.
    pub fn tls(&self) -> Option<&Tls> {
        self.plane.tls.as_deref()
    }

    /// The desk of a gateway without a native front, for the thread that calls; there is one.
    ///
    /// # Errors
    /// The system has no file descriptor left.
    pub fn desk(&self) -> std::io::Result<Desk> {
        Desk::new(&self.plane)
    }

    /// Says in the log where a front that is not ours listens.
    pub fn announce(&self, grpc: &str) {
        self.plane
            .log
            .info("front", &[("grpc", json!(grpc)), ("interceptors", json!(self.plane.document.interceptors))]);
    }

    /// Says in the log what a front that is not ours has noticed.
    pub fn warn(&self, event: &str, reason: &str) {
        self.plane.log.warning(event, &[("reason", json!(reason))]);
    }

    /// Changes of drift states that a sink of the document does not have yet, each with its number; it has everything up to
    /// `told`. `None` for the log, and for what is no sink of the document.
    pub fn transitions(&self, sink: &str, told: u64, most: usize) -> Option<Vec<(u64, Arc<str>)>> {
        self.plane.watches.outbox.after(sink, told, most)
    }

    /// Counts that a sink could not be told; `None` as above.
    pub fn delivery_failed(&self, sink: &str) -> Option<()> {
        self.plane.watches.outbox.failed(sink)
    }

    /// Begins to end; called twice, ends at once.
    pub fn drain(&self) {
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

fn log_start(plane: &Plane, grpc: Option<SocketAddr>, http: SocketAddr, threads: (usize, usize)) {
    let snapshot = plane.snapshot();
    for version in snapshot.versions.iter() {
        plane.log.info("load", &describe(version));
    }
    if let Some(tls) = &plane.tls {
        tls.tell(&plane.log, plane.clock.unix_ms());
    }
    let keys = plane.keys.load();
    if !keys.is_open() {
        plane.log.info("keys", &[("labels", json!(keys.labels()))]);
    }
    plane.log.info(
        "start",
        &[
            ("grpc", json!(grpc.map_or_else(|| "python".to_owned(), |grpc| grpc.to_string()))),
            ("http", json!(http.to_string())),
            ("epoch", json!(snapshot.epoch)),
            ("onnxruntime", json!(plane.runtime_version)),
            ("front_threads", json!(threads.0)),
            ("compute_threads", json!(threads.1)),
        ],
    );
}

/// What the ports need for TLS, or everything that is wrong with its files.
fn tls(document: &Document, base: &Path, unix_ms: u64) -> Result<Option<Arc<Tls>>, Vec<String>> {
    let Some(named) = &document.listen.tls else { return Ok(None) };
    let opened = Tls::open(Files::of(named, base), unix_ms);
    opened.map(|tls| Some(Arc::new(tls))).map_err(|violations| {
        violations.into_iter().map(|Violation { path, reason }| format!("{path}: {reason}")).collect()
    })
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
