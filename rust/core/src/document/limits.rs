//! What the gateway takes before it refuses: the `limits` section.

use serde::Serialize;

use super::walk::{Bounds, Fields, Walk};

const MESSAGE_MIB: Bounds = Bounds { min: 1, max: 2047, why: "MiB; a protobuf message stays below 2 GiB" };
const IN_FLIGHT_MIB: Bounds = Bounds { min: 1, max: 1_048_576, why: "MiB of requests held at once; at most 1 TiB" };
const CONNECTIONS: Bounds = Bounds { min: 1, max: 1_000_000, why: "connections, a file descriptor each" };
const STREAMS: Bounds = Bounds { min: 1, max: 65_536, why: "calls at once on one connection" };
const HEADER_LIST_KIB: Bounds = Bounds { min: 1, max: 1024, why: "KiB of metadata, held for every call" };
const HANDSHAKE_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 600_000, why: "milliseconds that a silent connection is held" };
const IDLE_BODY_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 3_600_000, why: "milliseconds that a half-sent request is held" };
const MAX_CONNECTION_AGE_MS: Bounds =
    Bounds { min: 0, max: 86_400_000, why: "milliseconds; 0 lets connections live for as long as their callers want" };
const KEEPALIVE_MS: Bounds = Bounds { min: 0, max: 86_400_000, why: "milliseconds without a new call; 0 never asks" };
const KEEPALIVE_TIMEOUT_MS: Bounds =
    Bounds { min: 1, max: 600_000, why: "milliseconds that a silent peer is waited for" };

/// What the gateway takes before it refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    pub message_mib: u64,
    pub in_flight_mib: u64,
    pub connections: u64,
    pub streams_per_connection: u64,
    pub header_list_kib: u64,
    pub handshake_timeout_ms: u64,
    pub idle_body_timeout_ms: u64,
    /// How old a connection gets before its caller is asked for a new one; 0 is no limit.
    pub max_connection_age_ms: u64,
    /// How long a connection may bring no new call before its peer is asked whether it is there; 0 never asks.
    pub keepalive_ms: u64,
    /// How long the answer to that may take.
    pub keepalive_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_mib: 64,
            in_flight_mib: 1024,
            connections: 1024,
            streams_per_connection: 256,
            header_list_kib: 16,
            handshake_timeout_ms: 10_000,
            idle_body_timeout_ms: 30_000,
            max_connection_age_ms: 300_000,
            keepalive_ms: 60_000,
            keepalive_timeout_ms: 20_000,
        }
    }
}

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>, into: &mut Limits) {
    let fields = [
        ("message_mib", &MESSAGE_MIB, &mut into.message_mib),
        ("in_flight_mib", &IN_FLIGHT_MIB, &mut into.in_flight_mib),
        ("connections", &CONNECTIONS, &mut into.connections),
        ("streams_per_connection", &STREAMS, &mut into.streams_per_connection),
        ("header_list_kib", &HEADER_LIST_KIB, &mut into.header_list_kib),
        ("handshake_timeout_ms", &HANDSHAKE_TIMEOUT_MS, &mut into.handshake_timeout_ms),
        ("idle_body_timeout_ms", &IDLE_BODY_TIMEOUT_MS, &mut into.idle_body_timeout_ms),
        ("max_connection_age_ms", &MAX_CONNECTION_AGE_MS, &mut into.max_connection_age_ms),
        ("keepalive_ms", &KEEPALIVE_MS, &mut into.keepalive_ms),
        ("keepalive_timeout_ms", &KEEPALIVE_TIMEOUT_MS, &mut into.keepalive_timeout_ms),
    ];
    let section = walk.section(root, "limits", &fields.each_ref().map(|(name, _, _)| *name));
    for (name, bounds, into) in fields {
        walk.integer(&section, name, bounds, into);
    }
    if into.in_flight_mib < into.message_mib {
        let reason = format!(
            "in_flight_mib ({}) is below message_mib ({}): the largest message allowed could never be taken",
            into.in_flight_mib, into.message_mib
        );
        walk.refuse(&section.path, reason);
    }
}
