//! The PROXY protocol, versions 1 and 2: a balancer in front says who the caller is, in the first bytes of a connection.
//!
//! Exactly the header is taken off the socket; what follows belongs to TLS or HTTP/2.

use ppp::{v1, v2};
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Both versions are at least as long: `PROXY UNKNOWN\r\n`, and one byte less than the fixed part of version 2.
const SHORTEST: usize = 15;
/// The fixed part of version 2, which says how much follows.
const V2_HEAD: usize = 16;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest header of version 1, by its specification.
const V1_LONGEST: usize = 107;
/// Longest header of version 2: a balancer's own remarks (TLS, identifiers of networks) stay far below.
const V2_LONGEST: usize = 4096;

/// Reads the header; `None` if it names no address, as a balancer's own checks of health do.
///
/// # Errors
/// It is not one, or the peer leaves in the middle of it.
pub async fn read(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; SHORTEST];
    socket.read_exact(&mut header).await?;
    if header.starts_with(V2_SIGNATURE) {
        take(socket, &mut header, V2_HEAD - SHORTEST).await?;
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if V2_HEAD + rest > V2_LONGEST {
            return Err(broken("it is longer than any balancer writes"));
        }
        take(socket, &mut header, rest).await?;
        return second(&header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(broken("there is none"));
    }
    while !header.ends_with(b"\r\n") {
        if header.len() == V1_LONGEST {
            return Err(broken("the line does not end"));
        }
        header.push(socket.read_u8().await?);
    }
    first(&header)
}

async fn take(socket: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>, count: usize) -> io::Result<()> {
    let at = header.len();
    header.resize(at + count, 0);
    socket.read_exact(&mut header[at..]).await.map(drop)
}

fn first(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let header = v1::Header::try_from(header).map_err(|error| broken(&error.to_string()))?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(tcp) => Some(IpAddr::V4(tcp.source_address)),
        v1::Addresses::Tcp6(tcp) => Some(IpAddr::V6(tcp.source_address)),
        v1::Addresses::Unknown => None,
    })
}

fn second(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let parsed = v2::Header::try_from(header).map_err(|error| broken(&error.to_string()))?;
    if parsed.command == v2::Command::Local {
        return Ok(None);
    }
    Ok(match parsed.addresses {
        v2::Addresses::IPv4(ip) => Some(IpAddr::V4(ip.source_address)),
        v2::Addresses::IPv6(ip) => Some(IpAddr::V6(ip.source_address)),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    })
}

fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}
