//! Protocol-buffer fields, written one after the other.

use bytes::BufMut;

/// One entry of the answer's parameters map whose value is text.
pub(super) fn put_text_parameter(out: &mut impl BufMut, key: &str, text: &str) {
    put_parameter_head(out, key, 1 + varint_len(text.len() as u64) + text.len());
    put_text(out, 3, text.as_bytes());
}

/// Everything of an entry up to its `InferParameter`, which takes `length` bytes.
pub(super) fn put_parameter_head(out: &mut impl BufMut, key: &str, length: usize) {
    let entry = 1 + varint_len(key.len() as u64) + key.len() + 1 + varint_len(length as u64) + length;
    put_key(out, 4, 2);
    put_varint(out, entry as u64);
    put_text(out, 1, key.as_bytes());
    put_key(out, 2, 2);
    put_varint(out, length as u64);
}

/// A string or bytes field.
pub(super) fn put_text(out: &mut impl BufMut, field: u32, text: &[u8]) {
    put_key(out, field, 2);
    put_varint(out, text.len() as u64);
    out.put_slice(text);
}

/// A field's number and wire type.
pub(super) fn put_key(out: &mut impl BufMut, field: u32, wire: u32) {
    put_varint(out, u64::from(field << 3 | wire));
}

/// A varint, as short as it can be.
pub(super) fn put_varint(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// The bytes that [`put_varint`] takes.
pub(super) fn varint_len(value: u64) -> usize {
    ((64 - (value | 1).leading_zeros()) as usize).div_ceil(7)
}
