//! The limits of reading, each held against what prost does with the same bytes.

use super::*;
use crate::oip::messages::inference::ModelInferRequest;
use prost::Message as _;

/// Reads the bytes with both; whether they were accepted.
#[track_caller]
fn accepted(bytes: &[u8]) -> bool {
    let (read, decoded) = (Head::default().read(bytes), ModelInferRequest::decode(bytes));
    assert_eq!(read.is_ok(), decoded.is_ok(), "parser: {read:?}, prost: {:?}", decoded.err());
    read.is_ok()
}

#[track_caller]
fn malformed(bytes: &[u8]) -> Malformed {
    assert!(!accepted(bytes));
    Head::default().read(bytes).expect_err("malformed")
}

fn delimited(field: u8, inner: &[u8]) -> Vec<u8> {
    let length = u8::try_from(inner.len()).expect("short");
    if length < 0x80 {
        [&[field << 3 | 2, length][..], inner].concat()
    } else {
        [&[field << 3 | 2, length, 1][..], inner].concat()
    }
}

/// So many groups of number 15 around `core`.
fn groups(depth: usize, core: &[u8]) -> Vec<u8> {
    [&vec![0x7b; depth][..], core, &vec![0x7c; depth][..]].concat()
}

#[test]
fn groups_may_nest_as_deep_as_generated_code_lets_them() {
    let field = [0x48, 1];
    assert!(accepted(&groups(100, &[])));
    assert!(accepted(&groups(99, &field)));
    assert_eq!(malformed(&groups(100, &field)), Malformed::TooDeep);
    assert_eq!(malformed(&groups(101, &[])), Malformed::TooDeep);
}

#[test]
fn messages_around_a_group_count_as_levels() {
    // Around the group: the input; its contents; its parameter; the parameter's value.
    let around: [&[u8]; 4] = [&[5], &[5, 5], &[5, 4], &[5, 4, 2]];
    let wrapped = |path: &[u8], depth: usize| {
        path.iter().rev().fold(groups(depth, &[]), |inner, &field| {
            let mut out = vec![field << 3 | 2];
            prost::encode_length_delimiter(inner.len(), &mut out).expect("room");
            [out, inner].concat()
        })
    };
    for path in around {
        assert!(accepted(&wrapped(path, 100 - path.len())), "{path:?}");
        assert_eq!(malformed(&wrapped(path, 101 - path.len())), Malformed::TooDeep, "{path:?}");
    }
}

#[test]
fn varints_have_at_most_64_bits() {
    let shape = |varint: &[u8]| delimited(5, &delimited(3, varint));
    assert!(accepted(&shape(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])));
    // Longer than it needs to be, but not too long.
    assert!(accepted(&shape(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00])));
    let over = shape(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]);
    assert_eq!(malformed(&over), Malformed::VarintTooLong);
    let eleven = shape(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
    assert_eq!(malformed(&eleven), Malformed::VarintTooLong);
    assert_eq!(malformed(&shape(&[0x80])), Malformed::Truncated);
}

#[test]
fn a_field_is_refused_for_its_number_or_wire_type() {
    assert_eq!(malformed(&[0x00, 0x00]), Malformed::FieldNumber);
    assert_eq!(malformed(&[0x80, 0x80, 0x80, 0x80, 0x10, 0x00]), Malformed::FieldNumber);
    assert!(accepted(&[0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00]), "the largest number");
    assert_eq!(malformed(&[0x4e]), Malformed::WireType { field: 9, wire: 6 });
    assert_eq!(malformed(&[0x08, 0x01]), Malformed::WireType { field: 1, wire: 0 });
    assert_eq!(malformed(&delimited(5, &[0x1d, 0, 0, 0, 0])), Malformed::WireType { field: 3, wire: 5 });
    let contents = |inner: &[u8]| delimited(5, &delimited(5, inner));
    assert_eq!(malformed(&contents(&[0x30, 0])), Malformed::WireType { field: 6, wire: 0 });
    assert_eq!(malformed(&contents(&[0x40, 0])), Malformed::WireType { field: 8, wire: 0 });
    for (field, wire) in [(1u8, 1u8), (2, 5), (4, 0), (5, 1)] {
        let value = [field << 3 | wire, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(!accepted(&delimited(4, &delimited(2, &value))), "parameter choice {field}");
    }
}

#[test]
fn a_length_is_believed_as_far_as_bytes_have_arrived() {
    let two_gib = [0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    assert_eq!(malformed(&two_gib), Malformed::Truncated);
    assert_eq!(malformed(&[0x2a, 0x02, 0x0a, 0x05, 1, 2, 3, 4, 5]), Malformed::Truncated, "past the inner message");
    assert_eq!(malformed(&delimited(5, &delimited(5, &delimited(6, &[0; 6])))), Malformed::Truncated);
    assert_eq!(malformed(&[0x4d, 0, 0]), Malformed::Truncated);
    assert_eq!(malformed(&[0x49, 0, 0]), Malformed::Truncated);
}

#[test]
fn text_is_utf8_wherever_it_stands() {
    let bad = [0x0a, 0x01, 0xff];
    assert_eq!(malformed(&bad), Malformed::Utf8);
    assert_eq!(malformed(&delimited(5, &bad)), Malformed::Utf8);
    assert_eq!(malformed(&delimited(6, &bad)), Malformed::Utf8);
    assert_eq!(malformed(&delimited(4, &bad)), Malformed::Utf8);
    assert_eq!(malformed(&delimited(4, &delimited(2, &[0x1a, 0x01, 0xff]))), Malformed::Utf8);
    assert!(accepted(&delimited(7, &[0xff])), "raw contents are bytes");
}

#[test]
fn groups_end_where_they_began() {
    assert_eq!(malformed(&[0x4b, 0x54]), Malformed::Group);
    assert_eq!(malformed(&[0x4c]), Malformed::Group);
    assert_eq!(malformed(&[0x4b]), Malformed::Truncated);
}

#[test]
fn a_list_has_at_most_4096_entries() {
    let entry = [&[0x2a, 0][..], &[0x3a, 0], &[0x22, 0], &[0x32, 0]];
    for entry in entry {
        assert_eq!(Head::default().read(&entry.repeat(ENTRIES)), Ok(()));
        assert_eq!(Head::default().read(&entry.repeat(ENTRIES + 1)), Err(Malformed::TooMany));
    }
    assert!(Malformed::TooMany.to_string().contains("4096"));
}

#[test]
fn one_large_request_leaves_no_large_lists_behind() {
    let mut head = Head::default();
    head.read(&[0x3a, 0].repeat(ENTRIES)).expect("empty raw contents");
    assert!(head.raw.capacity() >= ENTRIES);
    head.read(&[0x3a, 0]).expect("one");
    assert_eq!(head.raw.len(), 1);
    assert!(head.raw.capacity() <= KEPT);
}
