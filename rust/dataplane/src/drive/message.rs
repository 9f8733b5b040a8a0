//! One message as it arrived, before anybody has read it.

use super::plane::Held;
use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use std::io::Read;
use tidegate_core::fault::{Fault, Reason};

/// Messages up to this are put together and read in some ten microseconds.
pub const LIGHT: usize = 256 << 10;

/// Bytes that are decompressed at a time.
const INFLATED: usize = 16 << 10;

/// How a message may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

/// The fault of a message beyond the limit.
pub fn too_large(limit: usize, came: &str) -> Fault {
    let text = format!("the message has {came}; at most {limit} bytes are taken (limits.message_mib)");
    Fault::new(Reason::MessageTooLarge, text)
}

/// One message as it arrived: in pieces, perhaps compressed.
#[derive(Debug)]
pub struct Message {
    pieces: Vec<Bytes>,
    length: usize,
    encoding: Encoding,
    limit: usize,
}

impl Message {
    /// A message of these pieces, which takes at most `limit` bytes when it is decompressed.
    pub fn new(pieces: Vec<Bytes>, encoding: Encoding, limit: usize) -> Self {
        let length = pieces.iter().map(Bytes::len).sum();
        Self { pieces, length, encoding, limit }
    }

    /// Bytes as they arrived.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether putting it together and reading it may take longer than a thread that serves others can spare.
    pub fn is_heavy(&self) -> bool {
        self.encoding != Encoding::Identity || self.length > LIGHT
    }

    /// The message in one piece, decompressed.
    ///
    /// # Errors
    /// It cannot be decompressed, or is too large then.
    pub fn into_bytes(mut self, held: &mut Held) -> Result<Bytes, Fault> {
        let whole = match self.pieces.len() {
            0 => Bytes::new(),
            1 => self.pieces.remove(0),
            _ => {
                let mut whole = Vec::with_capacity(self.length);
                self.pieces.drain(..).for_each(|piece| whole.extend_from_slice(&piece));
                whole.into()
            }
        };
        let reader: &mut dyn Read = match self.encoding {
            Encoding::Identity => return Ok(whole),
            Encoding::Gzip => &mut GzDecoder::new(&whole[..]),
            Encoding::Deflate => &mut ZlibDecoder::new(&whole[..]),
        };
        let mut plain = Vec::new();
        let mut part = [0; INFLATED];
        loop {
            let count = reader.read(&mut part).map_err(|error| {
                Fault::new(Reason::InvalidCompression, format!("the message cannot be decompressed: {error}"))
            })?;
            if count == 0 {
                return Ok(plain.into());
            }
            // Accounted piece by piece: what a small message turns into is known only while it grows.
            held.grow(count)?;
            if plain.len() + count > self.limit {
                return Err(too_large(self.limit, &format!("more than {} bytes after decompression", self.limit)));
            }
            plain.extend_from_slice(&part[..count]);
        }
    }
}
