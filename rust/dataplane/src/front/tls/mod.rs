//! TLS of the listening ports: who we are to callers, read again whenever the files change.
//!
//! Connections keep the identity they began with; new ones get the newest that was found good. What is not good changes
//! nothing and is said: once in the log, and in `/status` and the metrics until it is mended.

mod certificate;
mod files;
mod follow;

pub use files::Files;
pub use follow::follow;

use arc_swap::ArcSwap;
use certificate::Facts;
use files::Stamp;
use rustls::ServerConfig;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidegate_core::document::Violation;

const MS_PER_DAY: f64 = 86_400_000.0;

/// A certificate with its key, ready to serve.
pub struct Identity {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    pub certificate: Facts,
    /// What the files said, for a server that makes its own of it.
    pub pem: Pem,
}

/// The contents of the files.
pub struct Pem {
    pub cert: Vec<u8>,
    pub key: Vec<u8>,
    pub client_ca: Option<Vec<u8>>,
}

/// The TLS of both ports.
pub struct Tls {
    files: Files,
    current: ArcSwap<Identity>,
    last: Mutex<Last>,
    /// What is wrong with the files as they were last read. Not behind the lock, which waits for the files.
    violations: ArcSwap<Vec<Violation>>,
    reloads: [AtomicU64; 2],
}

/// The last look at the files.
struct Last {
    /// What the files were when they were last read.
    read: Stamp,
    /// What they were when they were last looked at.
    seen: Stamp,
}

/// What a look at the files came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// They are what they were.
    Same,
    Replaced,
    /// What is there now cannot serve; what was there before still does.
    Refused(Vec<Violation>),
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Everything that is wrong with the files, by the field of the document that names each.
    pub fn open(files: Files, unix_ms: u64) -> Result<Self, Vec<Violation>> {
        let read = files.stamp();
        let identity = files.read(unix_ms)?;
        let last = Last { seen: read.clone(), read };
        Ok(Self {
            files,
            current: ArcSwap::from_pointee(identity),
            last: Mutex::new(last),
            violations: ArcSwap::default(),
            reloads: Default::default(),
        })
    }

    /// How a handshake that begins now is answered on the port of gRPC.
    pub fn grpc(&self) -> tokio_rustls::TlsAcceptor {
        Arc::clone(&self.current.load().grpc).into()
    }

    /// The same on the port of HTTP/1.
    pub fn http(&self) -> tokio_rustls::TlsAcceptor {
        Arc::clone(&self.current.load().http).into()
    }

    /// Who we are to callers that come now.
    pub fn identity(&self) -> Arc<Identity> {
        self.current.load_full()
    }

    /// Days until the certificate expires; negative once it has.
    pub fn days_left(&self, unix_ms: u64) -> f64 {
        (self.current.load().certificate.not_after_ms as f64 - unix_ms as f64) / MS_PER_DAY
    }

    pub fn asks_for_certificates(&self) -> bool {
        self.files.client_ca().is_some()
    }

    /// What is wrong with the files as they were last read.
    pub fn violations(&self) -> Arc<Vec<Violation>> {
        self.violations.load_full()
    }

    /// How often changed files were taken.
    pub fn taken(&self) -> u64 {
        self.reloads[0].load(Ordering::Acquire)
    }

    /// How often changed files were taken, and how often not.
    pub fn reloads(&self) -> [(&'static str, u64); 2] {
        let [taken, refused] = &self.reloads;
        [("taken", taken.load(Ordering::Relaxed)), ("refused", refused.load(Ordering::Relaxed))]
    }

    /// Looks at the files, and reads them if they have changed and two looks in a row found the same: whoever writes
    /// three files, one after the other, is let finish. What was refused is read again each time, because a
    /// certificate may have come before its day.
    pub fn look(&self, unix_ms: u64) -> Look {
        let now = self.files.stamp();
        let mut last = self.last();
        let is_settled = now == last.seen;
        last.seen.clone_from(&now);
        if is_settled { self.read(&mut last, now, unix_ms) } else { Look::Same }
    }

    /// Reads the files as they are now, settled or not.
    pub fn look_at_once(&self, unix_ms: u64) -> Look {
        let now = self.files.stamp();
        self.read(&mut self.last(), now, unix_ms)
    }

    fn read(&self, last: &mut Last, now: Stamp, unix_ms: u64) -> Look {
        let is_changed = now != last.read;
        let known = self.violations();
        if !is_changed && known.is_empty() {
            return Look::Same;
        }
        let read = self.files.read(unix_ms);
        last.read.clone_from(&now);
        last.seen = now;
        let [taken, refused] = &self.reloads;
        match read {
            Ok(identity) => {
                self.current.store(Arc::new(identity));
                taken.fetch_add(1, Ordering::Release);
                self.violations.store(Arc::default());
                Look::Replaced
            }
            Err(violations) if !is_changed && violations == *known => Look::Same,
            Err(violations) => {
                refused.fetch_add(1, Ordering::Relaxed);
                self.violations.store(Arc::new(violations.clone()));
                Look::Refused(violations)
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
