//! Windows as bytes: to the disk of a gateway, and later to whoever adds up many gateways.
//!
//! The form is a name, a version, then fields in order, numbers as varints (seven bits a byte, the lowest first; most
//! counters are small), floats by their bits, and at the end the hash of all before. A reader of another version refuses.

mod bare;
mod read;
mod write;

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::Window;
use read::Reader;
use write::Writer;

const NAME: &[u8; 4] = b"TGWN";
/// The version that is written. The first is read as well: it is this one without counts that have no reference.
const VERSION: u64 = 2;
const OLDEST: u64 = 1;
const HASH_BYTES: usize = 8;

/// Why bytes are no window.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    #[error("these bytes are no window")]
    Name,
    #[error(
        "the window was written in version {0}, this release reads {OLDEST} to {VERSION}: read it with a newer one"
    )]
    Version(u64),
    #[error("the window is damaged: its bytes are not those that were written")]
    Damaged,
}

impl Window {
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.bytes.extend_from_slice(NAME);
        writer.varint(VERSION);
        writer.window(self);
        let hash = xxh3_64(&writer.bytes);
        writer.bytes.extend_from_slice(&hash.to_le_bytes());
        writer.bytes
    }

    /// Reads what [`Window::encode`] wrote, exactly.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes.strip_prefix(NAME).ok_or(CodecError::Name)?);
        let version = reader.varint().ok_or(CodecError::Damaged)?;
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(CodecError::Version(version));
        }
        // Nothing is made of what the hash does not vouch for.
        let (body, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or(CodecError::Damaged)?;
        if xxh3_64(body).to_le_bytes() != *hash {
            return Err(CodecError::Damaged);
        }
        let rest = reader.rest().len().checked_sub(HASH_BYTES).ok_or(CodecError::Damaged)?;
        let mut reader = Reader::new(&reader.rest()[..rest]);
        reader.window().filter(|_| reader.rest().is_empty()).ok_or(CodecError::Damaged)
    }
}
