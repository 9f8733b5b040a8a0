//! Front threads and the acceptor that deals connections out.
//!
//! gRPC clients hold few, long-lived connections. The kernel deals them unevenly (SO_REUSEPORT may put all of them on
//! one thread), so one acceptor hands each to the thread that has the fewest.

use super::{connection, rest};
use crate::drive::aside;
use crate::drive::plane::Plane;
use crate::drive::reactor::Reactor;
use crate::observe::counters::Gauges;
use serde_json::json;
use socket2::{SockRef, TcpKeepalive};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;

/// How long the acceptor rests when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Silence after which a peer is asked whether it is still there, and the pause between two askings.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_PROBE: Duration = Duration::from_secs(15);

/// Threads beside each front thread that put together and read what is heavy. A small message may unfold to the limit of
/// one, so few at a time also bounds the memory that is not accounted for yet.
const HEAVY_READERS: usize = 1;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    Rest,
}

impl Protocol {
    /// Each has as many connections as the limit says, so that neither can take the other's.
    fn open(self, gauges: &Gauges) -> &AtomicI64 {
        match self {
            Self::Grpc => &gauges.connections,
            Self::Rest => &gauges.rest_connections,
        }
    }
}

/// The way into one front thread.
#[derive(Clone)]
struct Door {
    sockets: mpsc::UnboundedSender<(Protocol, std::net::TcpStream)>,
    open: Arc<AtomicUsize>,
}

/// The ways into all front threads.
#[derive(Clone)]
pub struct Doors {
    doors: Vec<Door>,
    plane: Arc<Plane>,
}

pub struct Threads {
    pub doors: Doors,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Waits until every thread has gone home.
    pub fn join(self) {
        self.handles.into_iter().for_each(|handle| drop(handle.join()));
    }
}

/// Starts `count` front threads.
///
/// # Errors
/// The system refuses one of them, or what it needs; the others go home with the gateway.
pub fn start(plane: &Arc<Plane>, count: usize) -> std::io::Result<Threads> {
    let (mut doors, mut handles) = (Vec::new(), Vec::new());
    let (begun, failures) = std::sync::mpsc::channel();
    for index in 0..count {
        let (sockets, arriving) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        doors.push(Door { sockets, open: Arc::clone(&open) });
        let plane = Arc::clone(plane);
        let thread = std::thread::Builder::new().name(format!("tidegate-front-{index}"));
        let begun = begun.clone();
        handles.push(thread.spawn(move || work(&plane, index, arriving, open, begun))?);
    }
    drop(begun);
    // Until each thread has begun.
    if let Some(error) = failures.iter().next() {
        return Err(error);
    }
    let doors = Doors { doors, plane: Arc::clone(plane) };
    Ok(Threads { doors, handles })
}

fn work(
    plane: &Arc<Plane>,
    index: usize,
    mut arriving: mpsc::UnboundedReceiver<(Protocol, std::net::TcpStream)>,
    open: Arc<AtomicUsize>,
    begun: std::sync::mpsc::Sender<std::io::Error>,
) {
    // The event interval is how many tasks run before the sockets are looked at again: as many as one wake-up can
    // bring, so that all of it is read before any of it is run.
    let built = aside::runtime(HEAVY_READERS).event_interval(256).build_local(LocalOptions::default());
    let built = built.and_then(|runtime| aside::call_first(runtime.handle()).map(|()| runtime));
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            begun.send(error).ok();
            return;
        }
    };
    // Nothing more can fail.
    drop(begun);
    runtime.block_on(async move {
        let reactor = Reactor::new(plane, index);
        let own = Rc::clone(&reactor);
        tokio::task::spawn_local(async move {
            while let Some((protocol, socket)) = arriving.recv().await {
                let (reactor, place) = (Rc::clone(&own), Place::take(&own, &open, protocol));
                match protocol {
                    Protocol::Grpc => drop(tokio::task::spawn_local(connection::serve(reactor, socket, place))),
                    Protocol::Rest => drop(tokio::task::spawn_local(rest::serve(reactor, socket, place))),
                }
            }
        });
        reactor.run().await;
    });
}

/// A connection's place in the counts; given back when the connection goes.
pub struct Place {
    plane: Arc<Plane>,
    open: Arc<AtomicUsize>,
    protocol: Protocol,
    is_answering: bool,
}

impl Place {
    fn take(reactor: &Reactor, open: &Arc<AtomicUsize>, protocol: Protocol) -> Self {
        Self { plane: Arc::clone(&reactor.plane), open: Arc::clone(open), protocol, is_answering: false }
    }

    /// Says whether a caller on the connection of an ending gateway still waits for the rest of an answer.
    pub fn set_answering(&mut self, is_answering: bool) {
        if self.is_answering != is_answering {
            self.is_answering = is_answering;
            self.plane.answering.fetch_add(if is_answering { 1 } else { -1 }, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set_answering(false);
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.protocol.open(&self.plane.counters.gauges).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts gRPC's connections until it is aborted.
pub async fn accept(listener: tokio::net::TcpListener, doors: Doors) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => doors.deal(Protocol::Grpc, socket),
            Err(error) => {
                doors.plane.log.warning("accept", &[("reason", json!(error.to_string()))]);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Doors {
    /// Whether there is no front thread at all.
    pub fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// Hands a connection to the thread that has the fewest, unless there are as many as may be.
    pub fn deal(&self, protocol: Protocol, socket: tokio::net::TcpStream) {
        let gauges = &self.plane.counters.gauges;
        if protocol.open(gauges).load(Ordering::Relaxed) >= self.plane.document.limits.connections as i64 {
            gauges.refused_connections.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // A connection that breaks here is gone already.
        let Ok(socket) = socket.into_std() else { return };
        if socket.set_nodelay(true).is_err() {
            return;
        }
        // Most connections end with a FIN; those whose peer vanished must give their place back too.
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_PROBE);
        if SockRef::from(&socket).set_tcp_keepalive(&keepalive).is_err() {
            return;
        }
        let staffed = self.doors.iter().filter(|door| !door.sockets.is_closed());
        let Some(door) = staffed.min_by_key(|door| door.open.load(Ordering::Relaxed)) else { return };
        door.open.fetch_add(1, Ordering::Relaxed);
        protocol.open(gauges).fetch_add(1, Ordering::Relaxed);
        if door.sockets.send((protocol, socket)).is_err() {
            door.open.fetch_sub(1, Ordering::Relaxed);
            protocol.open(gauges).fetch_sub(1, Ordering::Relaxed);
        }
    }
}
