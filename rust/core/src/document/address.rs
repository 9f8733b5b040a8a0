//! Addresses to listen on.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is `host:port` with a host that needs no name service; says what is wrong otherwise.
pub fn check_address(text: &str) -> Result<(), String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("{text:?} has no port: write host:port, such as \"127.0.0.1:8001\""))?;
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(host) => host.parse::<Ipv6Addr>().is_ok(),
        None => host == "localhost" || host.parse::<Ipv4Addr>().is_ok(),
    };
    if !is_host {
        let hint = if host.parse::<Ipv6Addr>().is_ok() { "; IPv6 goes in brackets" } else { "" };
        return Err(format!("{host:?} is no host: an IPv4 address, an IPv6 address in brackets, or localhost{hint}"));
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() {
        return Err(format!("{port:?} is no port: a whole number from 0 to 65535, 0 for any free one"));
    }
    Ok(())
}
