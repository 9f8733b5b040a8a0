//! The thread that accepts, serves HTTP and brings everything to its end, step by step as the core says.

use super::aside;
use super::change::{Changer, Changes, News};
use super::plane::{Phase, Plane};
use super::server::End;
use crate::front;
use crate::observe::drift;
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tidegate_core::plane::{Ending, EndingCommand, EndingEvent, Nanos};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How often a draining gateway looks whether it is idle.
const IDLE_CHECK: Duration = Duration::from_millis(5);
/// How long connections without requests have to close after GOAWAY before they are cut.
const LINGER: Nanos = 300_000_000;

/// How long the end waits until sinks have what they were told last; what they do not have by then waits for the next start.
const PATIENCE_FOR_SINKS: Duration = Duration::from_secs(2);

/// Threads beside this one that write pages and read documents: one may be slow.
const ASIDE: usize = 2;

/// What that thread holds.
pub(super) struct Control {
    pub(super) plane: Arc<Plane>,
    /// Takes changes for as long as the gateway lives.
    pub(super) changer: Changer,
    pub(super) changes: Changes,
    pub(super) heard: mpsc::UnboundedReceiver<()>,
    pub(super) end: Arc<(Mutex<Option<End>>, Condvar)>,
}

impl Control {
    pub(super) fn run(self, sockets: Sockets, fronts: usize) {
        let Self { plane, changer, changes, heard, end: slot } = self;
        // Held here too: a gateway that still serves keeps its folder, whatever becomes of the thread below.
        let state = changer.state();
        let changing = std::thread::Builder::new().name("tidegate-change".to_owned()).spawn(move || {
            // A defect there has been noticed by then; requests go on with what is served.
            catch_unwind(AssertUnwindSafe(|| changer.run())).unwrap_or(false)
        });
        let mut serving = Serving { plane, changes, heard };
        let end = match &changing {
            Ok(_) => serving.serve(sockets, fronts),
            Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
        };
        let plane = serving.plane;
        let end = end.unwrap_or_else(|error| {
            plane.log.error("failed", &[("reason", json!(error.to_string()))]);
            plane.enter(Phase::Over);
            End::Forced
        });
        plane.compute.end();
        plane.shadow_compute.end();
        serving.changes.tell(News::End);
        plane.watches.tick(&plane);
        if end != End::Now {
            plane.watches.outbox.settle(PATIENCE_FOR_SINKS);
        }
        plane.watches.write(&plane.log);
        // A load that is under way cannot be taken back, and its thread must not be inside the runtime when that goes.
        let is_finished = changing.map_or(true, |changing| changing.join().unwrap_or(false));
        let end = if end == End::Clean && !is_finished { End::Forced } else { end };
        plane.log.info("end", &[("clean", json!(end == End::Clean))]);
        drop(state);
        let (slot, changed) = &*slot;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        changed.notify_all();
    }
}

/// The sockets of a gateway.
pub(super) struct Sockets {
    /// The native front's.
    pub(super) grpc: Option<TcpListener>,
    pub(super) http: TcpListener,
    pub(super) admin: UnixListener,
}

/// What serves until the end.
struct Serving {
    plane: Arc<Plane>,
    changes: Changes,
    heard: mpsc::UnboundedReceiver<()>,
}

impl Serving {
    fn serve(&mut self, sockets: Sockets, fronts: usize) -> std::io::Result<End> {
        let Sockets { grpc, http, admin } = sockets;
        let threads = front::threads::start(&self.plane, fronts)?;
        let runtime = aside::runtime(ASIDE).build()?;
        aside::call_first(runtime.handle())?;
        let end = runtime.block_on(async {
            let accepting = grpc
                .map(|grpc| {
                    let grpc = tokio::net::TcpListener::from_std(grpc)?;
                    Ok::<_, std::io::Error>(tokio::spawn(front::threads::accept(grpc, threads.doors.clone())))
                })
                .transpose()?;
            let http = tokio::net::TcpListener::from_std(http)?;
            let reporting = tokio::spawn(front::http::serve(http, Arc::clone(&self.plane), threads.doors.clone()));
            let admin = tokio::net::UnixListener::from_std(admin)?;
            let changing = tokio::spawn(front::admin::serve(admin, Arc::clone(&self.plane), self.changes.clone()));
            let following = tokio::spawn(front::tls::follow(Arc::clone(&self.plane)));
            let watching = tokio::spawn(drift::follow(Arc::clone(&self.plane)));
            let end = self.until_the_end(|| accepting.iter().for_each(JoinHandle::abort)).await;
            reporting.abort();
            changing.abort();
            following.abort();
            watching.abort();
            Ok::<_, std::io::Error>(end)
        })?;
        self.plane.enter(Phase::Over);
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
                        self.plane.enter(Phase::NotServing);
                    }
                    EndingCommand::StopAccepting => stop_accepting(),
                    // Connections and streams watch the phase themselves.
                    EndingCommand::SendGoaway | EndingCommand::EndIdleStreams => {
                        self.plane.enter(Phase::Draining);
                        // Nobody waits for a shadow: what has not begun by now is not run.
                        self.plane.shadow_compute.end();
                        // Connections are given their time from here on, however quiet it was before.
                        idle_since = None;
                    }
                    EndingCommand::AbortRemaining => {
                        let left = self.plane.counters.gauges.in_flight_requests.load(Ordering::Relaxed);
                        self.plane.log.warning("drain_timeout", &[("requests", json!(left))]);
                        self.plane.enter(Phase::Aborting);
                    }
                    EndingCommand::Exit { is_clean } => return if is_clean { End::Clean } else { End::Forced },
                    EndingCommand::ExitNow => return End::Now,
                }
            }
        }
    }

    /// Idle is: no request in flight, no answer on its way, no run under way, and connections closed or given the time to.
    fn is_idle(&self, since: &mut Option<Nanos>) -> bool {
        let gauges = &self.plane.counters.gauges;
        let is_answering = self.plane.answering.load(Ordering::Relaxed) > 0;
        // A run goes on after its callers' deadlines passed; leaving under it would pull the runtime from below it.
        let is_running = !self.plane.compute.is_idle() || self.plane.shadow_compute.is_running();
        if is_answering || is_running || gauges.in_flight_requests.load(Ordering::Relaxed) > 0 {
            *since = None;
            return false;
        }
        let now = self.plane.clock.now();
        let idle_from = *since.get_or_insert(now);
        gauges.connections.load(Ordering::Relaxed) == 0 || now - idle_from >= LINGER
    }
}
