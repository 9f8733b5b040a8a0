//! How strings of any bytes and length are named in a document.

use xxhash_rust::xxh3::xxh3_64;

/// Longest string in bytes that is its own name.
pub(in super::super) const MAX_NAME_BYTES: usize = 128;
/// Stands before the hash in the name of what cannot be its own name.
const MARK: &str = "…#";
/// How much of such a string its name begins with, in characters.
const BEGINNING_CHARS: usize = 24;

/// The name of a string: itself, or, if it is long or no text, its beginning and its hash.
pub(in super::super) fn name(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        // What only looks like such a name is given one, so that names stay unambiguous.
        Ok(text) if text.len() <= MAX_NAME_BYTES && marked(text).is_none() => text.to_owned(),
        _ => marked_name(value, xxh3_64(value)),
    }
}

/// The name of a string of which only the beginning is left, and the hash of all of it.
pub(in super::super) fn name_of_beginning(beginning: &[u8], hash: u64) -> String {
    if xxh3_64(beginning) == hash { name(beginning) } else { marked_name(beginning, hash) }
}

fn marked_name(value: &[u8], hash: u64) -> String {
    let beginning = String::from_utf8_lossy(&value[..value.len().min(4 * BEGINNING_CHARS)]);
    let beginning: String = beginning.chars().take(BEGINNING_CHARS).collect();
    format!("{beginning}{MARK}{hash:016x}")
}

/// The hash of the string that has this name.
pub(super) fn hash(name: &str) -> u64 {
    marked(name).unwrap_or_else(|| xxh3_64(name.as_bytes()))
}

fn marked(name: &str) -> Option<u64> {
    let (_, digits) = name.rsplit_once(MARK)?;
    let is_hash = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hash.then(|| u64::from_str_radix(digits, 16).expect("these are its digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_string_leads_to_its_hash() {
        let long = "é".repeat(1 << 19);
        let like_a_name = format!("x{MARK}0123456789abcdef");
        for value in [b"UA".as_slice(), b"", b"\xff\xfe", long.as_bytes(), like_a_name.as_bytes()] {
            let name = name(value);
            assert!(name.len() <= MAX_NAME_BYTES, "{name}");
            assert_eq!(hash(&name), xxh3_64(value), "{name}");
            assert_eq!(name_of_beginning(&value[..value.len().min(MAX_NAME_BYTES)], xxh3_64(value)), name);
        }
        assert_eq!(name(b"UA"), "UA");
        assert_eq!(name(b"\xff"), format!("\u{fffd}{MARK}{:016x}", xxh3_64(b"\xff")));
    }
}
