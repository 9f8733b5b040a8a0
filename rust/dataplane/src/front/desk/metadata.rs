//! Metadata of a library for gRPC, and as it is on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The end of the names of metadata that is bytes.
const BINARY: &str = "-bin";

/// Metadata as gRPC libraries have it: without what they write themselves, and with the bytes of `-bin` as they are.
pub(super) fn from_wire(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let own = |name: &HeaderName| !["content-type", "grpc-status", "grpc-message"].contains(&name.as_str());
    let pairs = headers.iter().filter(|(name, _)| own(name));
    pairs
        .filter_map(|(name, value)| {
            let value =
                if name.as_str().ends_with(BINARY) { BASE64.decode(value).ok()? } else { value.as_bytes().to_vec() };
            Some((name.to_string(), value))
        })
        .collect()
}

/// Metadata as it comes on the wire. What HTTP/2 could not have carried is not there.
pub(super) fn to_wire(metadata: Vec<(String, Vec<u8>)>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(metadata.len());
    for (name, value) in metadata {
        let value = if name.ends_with(BINARY) { BASE64.encode(value).into_bytes() } else { value };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}
