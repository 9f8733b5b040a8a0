//! A checked condition, in the form in which requests meet it.

use super::syntax::{Literal, Method, Relation};

/// What is true or false of a request.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(bool),
    /// The parameter with this index among the keys, which must be a bool.
    Flag(u16),
    /// The key with this index is there.
    Present(u16),
    Not(Box<Node>),
    Every(Box<[Node]>),
    Any(Box<[Node]>),
    Relation(Relation, Operand, Operand),
    Within(Operand, Box<[Literal]>),
    Part(Method, Operand, Operand),
}

/// A value of a request, or one that the condition brings.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// The key with this index.
    Key(u16),
    Route,
    Peer,
    Literal(Literal),
    Truth(Box<Node>),
}
