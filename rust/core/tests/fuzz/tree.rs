//! A message as its fields, so that mutations can move what a generated encoder would never write.

use super::rng::Rng;

/// One field; what is written need not fit together.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) field: u32,
    pub(crate) payload: Payload,
    /// Added to the length that goes before the payload.
    pub(crate) lie: i64,
    /// Bytes by which the payload's varint is longer than needed.
    pub(crate) padding: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Vec<Node>),
    Group(Vec<Node>),
}

/// Which message a stretch of bytes is, as far as its fields are messages themselves.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Request,
    Input,
    Output,
    Entry,
    Value,
    Contents,
}

impl Kind {
    fn of_field(self, field: u32) -> Option<Self> {
        match (self, field) {
            (Self::Request | Self::Input, 4) | (Self::Output, 2) => Some(Self::Entry),
            (Self::Request, 5) => Some(Self::Input),
            (Self::Request, 6) => Some(Self::Output),
            (Self::Input, 5) => Some(Self::Contents),
            (Self::Entry, 2) => Some(Self::Value),
            _ => None,
        }
    }
}

impl Node {
    pub(crate) fn new(field: u32, payload: Payload) -> Self {
        Self { field, payload, lie: 0, padding: 0 }
    }

    pub(crate) fn text(field: u32, text: &str) -> Self {
        Self::new(field, Payload::Bytes(text.as_bytes().to_vec()))
    }

    pub(crate) fn message(field: u32, nodes: Vec<Self>) -> Self {
        Self::new(field, Payload::Message(nodes))
    }

    pub(crate) fn varint(field: u32, value: u64) -> Self {
        Self::new(field, Payload::Varint(value))
    }

    /// Any field at all.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let field = match rng.below(4) {
            0 => rng.below(1 << 29) as u32,
            _ => rng.below(12) as u32,
        };
        let payload = match rng.below(5) {
            0 => Payload::Varint(rng.number()),
            1 => Payload::Fixed64(rng.next().to_le_bytes()),
            2 => Payload::Fixed32((rng.next() as u32).to_le_bytes()),
            3 => {
                let length = rng.below(12);
                Payload::Bytes(rng.bytes(length))
            }
            _ => Payload::Group(Vec::new()),
        };
        Self::new(field, payload)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let wire = match self.payload {
            Payload::Varint(_) => 0,
            Payload::Fixed64(_) => 1,
            Payload::Bytes(_) | Payload::Message(_) => 2,
            Payload::Group(_) => 3,
            Payload::Fixed32(_) => 5,
        };
        put_varint(out, u64::from(self.field) << 3 | wire, 0);
        match &self.payload {
            Payload::Varint(value) => put_varint(out, *value, self.padding),
            Payload::Fixed64(bytes) => out.extend_from_slice(bytes),
            Payload::Fixed32(bytes) => out.extend_from_slice(bytes),
            Payload::Bytes(bytes) => self.write_delimited(out, bytes),
            Payload::Message(nodes) => self.write_delimited(out, &write(nodes)),
            Payload::Group(nodes) => {
                write_all(nodes, out);
                put_varint(out, (u64::from(self.field) << 3 | 4).wrapping_add_signed(self.lie), 0);
            }
        }
    }

    fn write_delimited(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        put_varint(out, (bytes.len() as u64).wrapping_add_signed(self.lie), self.padding);
        out.extend_from_slice(bytes);
    }
}

/// The bytes of a message.
pub(crate) fn write(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    write_all(nodes, &mut out);
    out
}

fn write_all(nodes: &[Node], out: &mut Vec<u8>) {
    for node in nodes {
        node.write(out);
    }
}

/// The fields of a message that a generated encoder wrote.
pub(crate) fn parse(mut bytes: &[u8], kind: Kind) -> Vec<Node> {
    let mut nodes = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes);
        let field = (key >> 3) as u32;
        let payload = match key & 7 {
            0 => Payload::Varint(take_varint(&mut bytes)),
            1 => Payload::Fixed64(take(&mut bytes, 8).try_into().expect("eight bytes")),
            5 => Payload::Fixed32(take(&mut bytes, 4).try_into().expect("four bytes")),
            _ => {
                let length = take_varint(&mut bytes) as usize;
                let inner = take(&mut bytes, length);
                match kind.of_field(field) {
                    Some(kind) => Payload::Message(parse(inner, kind)),
                    None => Payload::Bytes(inner.to_vec()),
                }
            }
        };
        nodes.push(Node::new(field, payload));
    }
    nodes
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

/// A varint from the front, as far as it goes.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for count in 0..10 {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * count);
        if byte < 0x80 {
            break;
        }
    }
    value
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64, padding: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    if padding == 0 {
        out.push(value as u8);
    } else {
        out.push(value as u8 | 0x80);
        out.extend(std::iter::repeat_n(0x80, padding - 1));
        out.push(0);
    }
}
