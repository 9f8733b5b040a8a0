//! A running gateway: starts everything in order, ends everything in order.

use super::clock::{Clock, SystemClock};
use super::compute::Compute;
use super::control::Control;
use super::load::Loader;
use super::plane::Plane;
use super::state::StateDir;
use crate::observe::counters::Counters;
use crate::runtime::onnx::{OnnxRuntime, share_heaps, trim_memory};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tidegate_core::document::Document;
use tidegate_core::routing::apply;
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
        let listen = |socket: Socket| -> std::io::Result<(TcpListener, SocketAddr)> {
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from(socket);
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (grpc, grpc_address) = listen(grpc).map_err(|error| one(format!("listen.grpc: {error}")))?;
        let (http, http_address) = listen(http).map_err(|error| one(format!("listen.http: {error}")))?;

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
        // From here on something runs or is remembered, so a failure has to take it back.
        let begun = compute
            .start(&versions, &clock)
            .map_err(|error| format!("cannot start a thread: {error}"))
            .and_then(|()| state.write(&applied).map_err(|error| error.to_string()));
        if let Err(reason) = begun {
            compute.end();
            return Err(one(reason));
        }

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
