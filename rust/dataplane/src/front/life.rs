//! How long a connection lives: until it is old, or its peer does not answer any more.

use super::watched::Heard;
use h2::{Ping, PingPong};
use std::future::poll_fn;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::time::Duration;
use tidegate_core::document::Limits;
use tokio::time::{Instant, Sleep};

/// Connections that were opened together must not end together: a tenth of their age to either side.
const JITTER: f64 = 0.1;

/// Until when a connection takes new calls.
pub struct Age(Option<Pin<Box<Sleep>>>);

impl Age {
    /// Of a connection that begins now.
    pub fn new(limits: &Limits) -> Self {
        let age = Duration::from_millis(limits.max_connection_age_ms);
        Self((!age.is_zero()).then(|| Box::pin(tokio::time::sleep(jittered(age, random())))))
    }

    /// Waits until it is reached; happens once. May be dropped and called again.
    pub async fn reached(&mut self) {
        let Some(due) = &mut self.0 else { return std::future::pending().await };
        due.as_mut().await;
        self.0 = None;
    }
}

/// An age moved by up to a tenth, by a random number.
fn jittered(age: Duration, random: u64) -> Duration {
    let share = random as f64 / u64::MAX as f64;
    age.mul_f64(1.0 - JITTER + 2.0 * JITTER * share)
}

/// The standard library seeds its hash maps with a random number of the system; it need not be better than that.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Asks a peer from which nothing comes whether it is still there.
pub struct Pulse {
    asking: Option<(PingPong, Pin<Box<Sleep>>)>,
    heard: Heard,
    idle: Duration,
    patience: Duration,
    is_asked: bool,
}

impl Pulse {
    pub fn new(limits: &Limits, pings: Option<PingPong>, heard: Heard) -> Self {
        let idle = Duration::from_millis(limits.keepalive_ms);
        let asking = pings.filter(|_| !idle.is_zero()).map(|pings| (pings, Box::pin(tokio::time::sleep(idle))));
        let patience = Duration::from_millis(limits.keepalive_timeout_ms);
        Self { asking, heard, idle, patience, is_asked: false }
    }

    /// Waits until the peer has not answered in time, and sent nothing else. May be dropped and called again.
    pub async fn lost(&mut self) {
        let Some((pings, due)) = &mut self.asking else { return std::future::pending().await };
        loop {
            if self.is_asked {
                tokio::select! {
                    biased;
                    pong = poll_fn(|cx| pings.poll_pong(cx)) => match pong {
                        Ok(_) => {
                            self.is_asked = false;
                            due.as_mut().reset(Instant::now() + self.idle);
                        }
                        // A connection that breaks ends by itself.
                        Err(_) => return std::future::pending().await,
                    },
                    () = due.as_mut() => {
                        // On a slow line the answer comes behind everything that was sent before it.
                        if !self.heard.take() {
                            return;
                        }
                        due.as_mut().reset(Instant::now() + self.patience);
                    }
                }
            } else {
                due.as_mut().await;
                self.is_asked = !self.heard.take();
                if self.is_asked && pings.send_ping(Ping::opaque()).is_err() {
                    return std::future::pending().await;
                }
                due.as_mut().reset(Instant::now() + if self.is_asked { self.patience } else { self.idle });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_moved_by_a_tenth_at_most_and_never_all_alike() {
        let age = Duration::from_secs(300);
        assert_eq!(jittered(age, 0), Duration::from_secs(270));
        assert_eq!(jittered(age, u64::MAX), Duration::from_secs(330));
        let drawn: std::collections::BTreeSet<u64> = (0..64).map(|_| random()).collect();
        assert!(drawn.len() > 60, "{drawn:?}");
        assert!(
            drawn.iter().any(|random| *random < u64::MAX / 4) && drawn.iter().any(|random| *random > u64::MAX / 4 * 3)
        );
    }
}
