//! From a socket to an HTTP/2 connection: the PROXY header, TLS, and the greeting of HTTP/2.
//!
//! What cannot become one is told in words that its own protocol has, so that nobody on the other side has to wait or to
//! guess, and counted by its reason.

use super::proxy_protocol;
use super::watched::{Heard, Listening};
use crate::drive::plane::Plane;
use crate::observe::connections::Closed;
use bytes::Bytes;
use h2::server::{Builder, Connection};
use serde_json::json;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes that one stream may send before we have read them.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What h2 may buffer of a stream that is not read at the moment is bounded by the windows above. Its own budget for
/// small frames would end a connection that pipelines many small messages, which ModelStreamInfer invites.
const DATA_FRAME_BUDGET: usize = 64 << 20;

/// The first byte of everything that speaks TLS: a record with a part of a handshake.
pub const TLS_HANDSHAKE: u8 = 0x16;
/// A fatal alert, handshake_failure: what a caller of TLS understands.
const TLS_ALERT: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];
/// Empty SETTINGS, then GOAWAY with INADEQUATE_SECURITY and a sentence: what a caller of HTTP/2 understands.
const HTTP2_GOAWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0cthis port speaks TLS";
const HTTP1_REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\
                               Content-Length: 21\r\n\r\nthis port speaks TLS\n";

/// How long, and how many bytes of, what a refused peer still sends is taken: a socket that is closed over unread bytes
/// loses the words that were said before.
const PARTING: Duration = Duration::from_secs(1);
const MOST_PARTING_BYTES: u64 = 64 << 10;

/// A connection that is ready for calls.
pub enum Arrived {
    Plain(Box<Connection<Listening<TcpStream>, Bytes>>),
    Tls(Box<Connection<Listening<TlsStream<TcpStream>>, Bytes>>),
}

/// A socket that is ready for HTTP/1.
pub enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that came to nothing. One that left by itself has nothing to be counted.
pub struct Failed(Option<(Closed, String)>);

impl Failed {
    fn new(reason: Closed, why: &impl ToString) -> Self {
        Self(Some((reason, why.to_string())))
    }

    /// Not ready for calls in time.
    pub fn late() -> Self {
        Self::new(Closed::HandshakeTimeout, &"limits.handshake_timeout_ms")
    }

    /// Counts it, and says it where it is not said too often.
    pub fn tell(&self, plane: &Plane, peer: &str) {
        let Some((reason, why)) = &self.0 else { return };
        plane.counters.closed.count(*reason);
        let fields = [("reason", json!(reason.name())), ("peer", json!(peer)), ("why", json!(why))];
        plane.log.often("connection_refused", &fields);
    }
}

/// Makes a connection of a socket, in as much time as the peer takes; `peer` becomes the address that a PROXY header
/// names.
///
/// # Errors
/// The peer left, or speaks something else; it has been told.
pub async fn arrive(
    plane: &Plane,
    mut socket: TcpStream,
    peer: &mut Arc<str>,
    heard: &Heard,
) -> Result<Arrived, Failed> {
    let document = &plane.document;
    if document.listen.proxy_protocol && first_byte(&socket).await?.is_some() {
        match proxy_protocol::read(&mut socket).await {
            Ok(named) => named.into_iter().for_each(|address| *peer = said(address)),
            Err(error) => return Err(part(socket, b"", Failed::new(Closed::ProxyHeader, &error)).await),
        }
    }
    let Some(first) = first_byte(&socket).await? else { return Err(Failed(None)) };
    let http2 = http2(plane);
    let no_http2 = |error: h2::Error| if error.is_io() { Failed(None) } else { Failed::new(Closed::NotHttp2, &error) };
    match &plane.tls {
        None if first == TLS_HANDSHAKE => Err(refuse_tls(socket).await),
        None => http2
            .handshake(Listening::new(socket, heard))
            .await
            .map(|made| Arrived::Plain(Box::new(made)))
            .map_err(no_http2),
        Some(_) if first != TLS_HANDSHAKE => Err(refuse_plaintext(socket).await),
        Some(tls) => {
            let stream = secure(&tls.grpc(), socket).await?;
            http2
                .handshake(Listening::new(stream, heard))
                .await
                .map(|made| Arrived::Tls(Box::new(made)))
                .map_err(no_http2)
        }
    }
}

/// Readies a socket for HTTP/1, which its port takes with TLS and without.
///
/// # Errors
/// The peer left, or the handshake failed; it has been told.
pub async fn arrive_at_http(plane: &Plane, socket: TcpStream) -> Result<Line, Failed> {
    match &plane.tls {
        _ if first_byte(&socket).await? != Some(TLS_HANDSHAKE) => Ok(Line::Plain(socket)),
        None => Err(refuse_tls(socket).await),
        Some(tls) => Ok(Line::Tls(Box::new(secure(&tls.http(), socket).await?))),
    }
}

async fn secure(acceptor: &TlsAcceptor, socket: TcpStream) -> Result<TlsStream<TcpStream>, Failed> {
    match acceptor.accept(socket).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((error, socket)) => Err(part(socket, b"", no_tls(&error)).await),
    }
}

/// An address as conditions and logs read it: without its port, callers are told apart by where they are.
pub fn said(address: IpAddr) -> Arc<str> {
    address.to_canonical().to_string().into()
}

fn http2(plane: &Plane) -> Builder {
    let limits = &plane.document.limits;
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(DATA_FRAME_BUDGET)
        .max_concurrent_streams(limits.streams_per_connection as u32)
        .max_header_list_size((limits.header_list_kib << 10) as u32);
    builder
}

/// What comes first, left where it is; `None` if the peer says nothing and leaves.
async fn first_byte(socket: &TcpStream) -> Result<Option<u8>, Failed> {
    let mut first = [0];
    let count = socket.peek(&mut first).await.map_err(|_| Failed(None))?;
    Ok((count > 0).then_some(first[0]))
}

async fn refuse_tls(socket: TcpStream) -> Failed {
    part(socket, &TLS_ALERT, Failed::new(Closed::TlsOnPlaintext, &"this port speaks no TLS (listen.tls)")).await
}

async fn refuse_plaintext(socket: TcpStream) -> Failed {
    let mut begin = [0; 4];
    // What is not all here yet is answered as far as it can be told.
    let count = socket.peek(&mut begin).await.unwrap_or(0);
    let last_words = match &begin[..count] {
        b"PRI " => HTTP2_GOAWAY,
        begin if begin.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ') => HTTP1_REFUSAL,
        _ => b"",
    };
    part(socket, last_words, Failed::new(Closed::PlaintextOnTls, &"this port speaks TLS (listen.tls)")).await
}

fn no_tls(error: &io::Error) -> Failed {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let reason = match tls {
        // The peer left, or the network did.
        None => return Failed(None),
        Some(rustls::Error::NoCertificatesPresented) => Closed::NoClientCertificate,
        Some(rustls::Error::InvalidCertificate(_)) => Closed::BadClientCertificate,
        Some(rustls::Error::AlertReceived(_)) => Closed::CallerRefused,
        Some(_) => Closed::TlsHandshake,
    };
    Failed::new(reason, error)
}

/// Says the last words and waits until they are likely to have been heard.
async fn part(mut socket: TcpStream, last_words: &[u8], failed: Failed) -> Failed {
    let parting = async {
        socket.write_all(last_words).await?;
        socket.shutdown().await?;
        tokio::io::copy(&mut socket.take(MOST_PARTING_BYTES), &mut tokio::io::sink()).await
    };
    // However it goes: there is nobody left to tell.
    drop(tokio::time::timeout(PARTING, parting).await);
    failed
}
