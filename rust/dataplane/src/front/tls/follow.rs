//! Follows the files of a port for as long as the gateway serves.

use super::{Look, Tls};
use crate::drive::plane::Plane;
use crate::observe::log::Log;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often the files are looked at: three looks at what the kernel knows of a path anyway.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Looks at the files again and again, until the task is dropped.
pub async fn follow(plane: Arc<Plane>) {
    let Some(tls) = plane.tls.clone() else { return };
    let mut ticks = tokio::time::interval(BETWEEN_LOOKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (looking, plane) = (Arc::clone(&tls), Arc::clone(&plane));
        // A folder on a network may keep a look waiting, and this thread answers probes.
        drop(tokio::task::spawn_blocking(move || say(&looking, &looking.look(plane.clock.unix_ms()), &plane)).await);
    }
}

impl Tls {
    /// Reads the files as they are now, and says what became of it.
    pub fn check(&self, plane: &Plane) -> Look {
        let look = self.look_at_once(plane.clock.unix_ms());
        say(self, &look, plane);
        look
    }

    /// Says who we are to callers.
    pub fn tell(&self, log: &Log, unix_ms: u64) {
        let certificate = &self.identity().certificate;
        let days_left = self.days_left(unix_ms);
        let fields = [
            ("subject", json!(certificate.subject)),
            ("sha256", json!(certificate.fingerprint)),
            ("days_left", json!((days_left * 10.0).floor() / 10.0)),
            ("client_certificates", json!(if self.asks_for_certificates() { "required" } else { "not asked for" })),
        ];
        log.info("tls", &fields);
        if certificate.is_ed25519 {
            let advice = "clients of grpc's C core (Python, C++, tritonclient) do not take Ed25519: use ECDSA P-256";
            log.warning("tls_key", &[("reason", json!(advice))]);
        }
    }
}

fn say(tls: &Tls, look: &Look, plane: &Plane) {
    match look {
        Look::Same => {}
        Look::Replaced => tls.tell(&plane.log, plane.clock.unix_ms()),
        Look::Refused(violations) => {
            for violation in violations {
                let fields = [("field", json!(violation.path)), ("reason", json!(violation.reason))];
                plane.log.error("tls_files_refused", &fields);
            }
        }
    }
}
