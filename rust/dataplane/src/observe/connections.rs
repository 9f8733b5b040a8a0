//! Connections that came to nothing, or were ended by the gateway, by the reason.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// Why a connection was closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Closed { $($(#[$doc])* $variant,)* }

        impl Closed {
            const ALL: &'static [Closed] = &[$(Closed::$variant,)*];

            /// The value of the label `reason`.
            pub fn name(self) -> &'static str {
                match self { $(Closed::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// It was not ready for calls within `limits.handshake_timeout_ms`.
    HandshakeTimeout "handshake_timeout",
    /// It spoke anything but TLS to a port that speaks TLS.
    PlaintextOnTls "plaintext_on_tls_port",
    /// It spoke TLS to a port that does not.
    TlsOnPlaintext "tls_on_plaintext_port",
    /// It began with no PROXY header, or with a broken one.
    ProxyHeader "proxy_header",
    /// A certificate was asked for and none was shown.
    NoClientCertificate "no_client_certificate",
    /// The certificate that was shown is of another issuer, expired, or not for clients.
    BadClientCertificate "bad_client_certificate",
    /// The caller does not trust our certificate, or speaks no version that we do, and said so.
    CallerRefused "caller_refused",
    /// The handshake of TLS failed for another reason.
    TlsHandshake "tls_handshake",
    /// What came was not HTTP/2.
    NotHttp2 "not_http2",
    /// It reached `limits.max_connection_age_ms`; its caller was asked for a new one.
    MaxAge "max_age",
    /// A PING was not answered within `limits.keepalive_timeout_ms`.
    Keepalive "keepalive",
}

/// How many connections ended for each reason.
#[derive(Debug, Default)]
pub struct ClosedConnections([AtomicU64; Closed::ALL.len()]);

impl ClosedConnections {
    pub fn count(&self, reason: Closed) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Every reason with its count.
    pub fn all(&self) -> impl Iterator<Item = (Closed, u64)> + '_ {
        Closed::ALL.iter().map(|&reason| (reason, self.0[reason as usize].load(Ordering::Relaxed)))
    }
}
