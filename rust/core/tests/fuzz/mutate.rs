//! Ways to break a message: its fields first, then its bytes.

use super::rng::Rng;
use super::tree::{Kind, Node, Payload, parse, put_varint, take_varint, write};
use prost::Message as _;
use tidegate_core::oip::messages::inference::ModelInferRequest;

/// The bytes of a request, most often not quite as a generated encoder writes them.
pub(crate) fn request(rng: &mut Rng, request: &ModelInferRequest) -> Vec<u8> {
    let bytes = request.encode_to_vec();
    if rng.once_in(8) {
        return bytes;
    }
    mutated(rng, parse(&bytes, Kind::Request))
}

/// The bytes of a message after a few mutations.
pub(crate) fn mutated(rng: &mut Rng, mut nodes: Vec<Node>) -> Vec<u8> {
    for _ in 0..rng.below(4) {
        fields(rng, &mut nodes);
    }
    let mut bytes = write(&nodes);
    if rng.once_in(3) {
        for _ in 0..=rng.below(3) {
            scramble(rng, &mut bytes);
        }
    }
    bytes
}

/// One mutation, at any depth.
fn fields(rng: &mut Rng, nodes: &mut Vec<Node>) {
    let mut at = rng.below(nodes.len());
    // Most fields are flat, most of the parser is for those that are not.
    let deep: Vec<_> = (0..nodes.len()).filter(|&at| matches!(nodes[at].payload, Payload::Message(_))).collect();
    if !deep.is_empty() && rng.once_in(2) {
        at = rng.pick(&deep);
    }
    if !rng.once_in(3)
        && let Some(Node { payload: Payload::Message(inner) | Payload::Group(inner), .. }) = nodes.get_mut(at)
    {
        return fields(rng, inner);
    }
    if nodes.is_empty() || rng.once_in(4) {
        let node = if rng.once_in(2) { Node::random(rng) } else { group(rng) };
        return nodes.insert(at, node);
    }
    match rng.below(11) {
        0 => drop(nodes.remove(at)),
        1 => {
            let place = rng.below(nodes.len() + 1);
            nodes.insert(place, nodes[at].clone());
        }
        2 | 3 => {
            let other = rng.below(nodes.len());
            nodes.swap(at, other);
        }
        4 | 5 => unpack(rng, nodes, at),
        6 if rng.once_in(2) => {
            // Ten bytes are the most a varint has; the last of them may be 0 or 1.
            let tenth = rng.below(5) as u8;
            let varint = [vec![0xff; 8 + rng.below(3)], vec![tenth]].concat();
            nodes[at].payload = Payload::Bytes(varint);
        }
        6 => nodes[at].payload = Node::random(rng).payload,
        7 => nodes[at].field = rng.below(12) as u32,
        8 => nodes[at].padding = 1 + rng.below(10),
        9 => nodes.insert(at + 1, Node::new(nodes[at].field, Payload::Message(Vec::new()))),
        _ => {
            nodes[at].lie = match rng.below(4) {
                0 => i64::from(u32::MAX),
                1 => rng.next() as i64,
                _ => rng.below(9) as i64 - 4,
            }
        }
    }
}

/// A group that no one knows, now and then nested about as deep as is allowed.
fn group(rng: &mut Rng) -> Node {
    let depth = if rng.once_in(4) { 92 + rng.below(12) } else { rng.below(4) };
    let field = 9 + rng.below(20) as u32;
    let mut node = Node::new(field, Payload::Group(Vec::new()));
    if rng.once_in(2) {
        node = Node::random(rng);
    }
    for _ in 0..depth {
        node = Node::new(field, Payload::Group(vec![node]));
    }
    node
}

/// Writes a packed list one element a field, or in two pieces.
fn unpack(rng: &mut Rng, nodes: &mut Vec<Node>, at: usize) {
    let Node { field, payload: Payload::Bytes(bytes), .. } = &nodes[at] else { return };
    let (field, mut rest) = (*field, bytes.as_slice());
    let mut elements = Vec::new();
    let width = if field == 6 { 4 } else { 8 };
    if rng.once_in(3) {
        let (one, two) = rest.split_at(rng.below(rest.len() + 1));
        elements = [one, two].map(|part| Node::new(field, Payload::Bytes(part.to_vec()))).to_vec();
    } else if matches!(field, 6 | 7) {
        while let Some((element, after)) = rest.split_at_checked(width).filter(|(element, _)| !element.is_empty()) {
            rest = after;
            elements.push(Node::new(
                field,
                match *element {
                    [a, b, c, d] => Payload::Fixed32([a, b, c, d]),
                    _ => Payload::Fixed64(element.try_into().expect("eight bytes")),
                },
            ));
        }
    } else {
        while !rest.is_empty() {
            elements.push(Node::varint(field, take_varint(&mut rest)));
        }
    }
    nodes.splice(at..=at, elements);
}

/// One mutation that knows nothing of fields.
fn scramble(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let at = rng.below(bytes.len());
    let until = at + rng.below((bytes.len() - at).min(16) + 1);
    match rng.below(8) {
        0 => bytes.truncate(at),
        1 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
        2 if !bytes.is_empty() => bytes[at] = rng.pick(&[0, 0x7f, 0x80, 0xff, 0x0b, 0x0c]),
        3 => drop(bytes.drain(at..until)),
        4 => {
            let copy = bytes[at..until].to_vec();
            let place = rng.below(bytes.len());
            bytes.splice(place..place, copy);
        }
        5 => {
            let mut huge = Vec::new();
            put_varint(&mut huge, rng.number(), rng.pick(&[0, 0, 1, 9]));
            bytes.splice(at..at, huge);
        }
        6 => {
            let last = rng.below(5) as u8;
            drop(bytes.splice(at..at, std::iter::repeat_n(0xff, 1 + rng.below(11)).chain([last])));
        }
        _ => {
            let noise = rng.bytes(until - at);
            bytes.splice(at..until, noise);
        }
    }
}
