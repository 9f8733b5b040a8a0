//! Asks a request what a condition wants to know.
//!
//! `Err` is an error of CEL with the index of the key that caused it. It recurses a few calls for each level of nesting,
//! which [`MAX_NESTING`](super::MAX_NESTING) bounds, and allocates nothing.

use super::compare::{equal, order};
use super::program::{Node, Operand};
use super::syntax::{Method, Relation};
use super::{Context, Key, MAX_VALUE_BYTES, Param};

/// Whether the request is as the node says.
pub(super) fn truth(node: &Node, keys: &[Key], request: &impl Context) -> Result<bool, u16> {
    let of = |operand| value(operand, keys, request);
    Ok(match node {
        Node::Constant(constant) => *constant,
        Node::Flag(key) => match read(*key, keys, request)? {
            Param::Bool(flag) => flag,
            _ => return Err(*key),
        },
        Node::Present(key) => find(&keys[usize::from(*key)], request).is_some(),
        Node::Not(inner) => !truth(inner, keys, request)?,
        Node::Every(nodes) => return decided_by(false, nodes, keys, request),
        Node::Any(nodes) => return decided_by(true, nodes, keys, request),
        Node::Relation(relation, left, right) => {
            let values = (of(left)?, of(right)?);
            let ordering = || order(values.0, values.1).ok_or_else(|| unusable(left, right, keys));
            match relation {
                Relation::Equal => equal(values.0, values.1),
                Relation::NotEqual => !equal(values.0, values.1),
                Relation::Less => ordering()?.is_lt(),
                Relation::LessEqual => ordering()?.is_le(),
                Relation::Greater => ordering()?.is_gt(),
                Relation::GreaterEqual => ordering()?.is_ge(),
            }
        }
        Node::Within(left, list) => {
            let left = of(left)?;
            list.iter().any(|item| equal(left, item.value()))
        }
        Node::Part(method, whole, part) => {
            let (whole, part) = (text(whole, keys, request)?, text(part, keys, request)?);
            match method {
                Method::StartsWith => whole.starts_with(part),
                Method::EndsWith => whole.ends_with(part),
                Method::Contains => contains(whole, part),
            }
        }
    })
}

/// `&&` and `||`: one decisive operand absorbs every error, wherever it stands; else the first error counts.
fn decided_by(decisive: bool, nodes: &[Node], keys: &[Key], request: &impl Context) -> Result<bool, u16> {
    let mut outcome = Ok(!decisive);
    for node in nodes {
        match truth(node, keys, request) {
            Ok(truth) if truth == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(key) => outcome = outcome.and(Err(key)),
        }
    }
    outcome
}

fn value<'a>(operand: &'a Operand, keys: &[Key], request: &'a impl Context) -> Result<Param<'a>, u16> {
    Ok(match operand {
        Operand::Key(key) => read(*key, keys, request)?,
        Operand::Route => Param::Text(request.route().as_bytes()),
        Operand::Peer => Param::Text(request.peer().as_bytes()),
        Operand::Literal(literal) => literal.value(),
        Operand::Truth(node) => Param::Bool(truth(node, keys, request)?),
    })
}

fn text<'a>(operand: &'a Operand, keys: &[Key], request: &'a impl Context) -> Result<&'a [u8], u16> {
    match value(operand, keys, request)? {
        Param::Text(text) => Ok(text),
        _ => Err(unusable(operand, operand, keys)),
    }
}

/// The value of a key that can be used.
fn read<'a>(key: u16, keys: &[Key], request: &'a impl Context) -> Result<Param<'a>, u16> {
    match find(&keys[usize::from(key)], request) {
        Some(Param::Text(text)) if text.len() > MAX_VALUE_BYTES => Err(key),
        found => found.ok_or(key),
    }
}

fn find<'a>(key: &Key, request: &'a impl Context) -> Option<Param<'a>> {
    match key {
        Key::Metadata(name) => request.metadata(name).map(Param::Text),
        Key::Param(name) => request.param(name),
    }
}

/// The key to name when two values do not compare: the first parameter, for every other type was checked before.
#[cold]
fn unusable(left: &Operand, right: &Operand, keys: &[Key]) -> u16 {
    let parameter = |operand: &Operand| match operand {
        Operand::Key(key) if matches!(keys[usize::from(*key)], Key::Param(_)) => Some(*key),
        _ => None,
    };
    parameter(left).or_else(|| parameter(right)).expect("only the type of a parameter is open until a request comes")
}

/// Whether a part stands anywhere in the whole; both are at most [`MAX_VALUE_BYTES`] long, so trying each place is quick.
fn contains(whole: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    whole.windows(part.len()).any(|window| window[0] == *first && window == part)
}
