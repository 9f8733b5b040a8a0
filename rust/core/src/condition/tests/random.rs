//! Conditions and requests that nobody thought of, over few names and values, so that they meet.

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::Request;
use crate::condition::MAX_NODES;
use crate::condition::syntax::{Expr, Form, Item, Literal, Logic, Map, Method, Relation};

const METADATA: [&str; 4] = ["a", "x-team", "b.c", "package"];
const PARAMS: [&str; 5] = ["carrier", "n", "flag", "a b", "it's \"q\" \\"];
const TEXTS: [&str; 10] = ["", "a", "b", "ab", "aab", "ml", "10.0.0.1", "10.", "é", "\u{10348}"];
const INTS: [i64; 8] = [-1, 0, 1, 2, 5, 1 << 53, i64::MAX, i64::MIN];
const UINTS: [u64; 6] = [0, 1, 2, 5, 1 << 53, u64::MAX];
const DOUBLES: [f64; 9] = [-1.5, -1.0, -0.0, 0.5, 1.0, 2.0, 9_007_199_254_740_992.0, 1e300, -1e300];

const ORDERS: [Relation; 6] = [
    Relation::Equal,
    Relation::NotEqual,
    Relation::Less,
    Relation::LessEqual,
    Relation::Greater,
    Relation::GreaterEqual,
];

pub(super) fn request() -> impl Strategy<Value = Request> {
    let special = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)];
    let value = prop_oneof![9 => value(), 1 => special.prop_map(Literal::Double)];
    let metadata = entries(&METADATA, words().prop_map(String::into_bytes).boxed());
    let params = entries(&PARAMS, value.boxed());
    let texts = (select(&TEXTS[..]), select(&TEXTS[..]));
    (metadata, params, texts).prop_map(|(metadata, params, (route, peer))| Request {
        metadata,
        params,
        route: route.to_owned(),
        peer: peer.to_owned(),
    })
}

/// A value for most of the names.
fn entries<V: fmt::Debug + Clone + 'static>(
    names: &'static [&'static str],
    value: BoxedStrategy<V>,
) -> impl Strategy<Value = BTreeMap<String, V>> {
    vec(option::weighted(0.8, value), names.len()).prop_map(|values| {
        names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
    })
}

/// A condition that reads well: every type is right.
pub(super) fn condition() -> impl Strategy<Value = Expr> {
    leaf()
        .prop_recursive(4, 24, 3, |inner| {
            let row = prop_oneof![Just(Logic::Every), Just(Logic::Any)];
            let pair = (select(&ORDERS[..]), inner.clone(), inner.clone());
            prop_oneof![
                2 => inner.clone().prop_map(|inner| expr(Form::Not(Box::new(inner)))),
                6 => (row, vec(inner.clone(), 2..4)).prop_map(|(row, operands)| expr(Form::Logic(row, operands))),
                1 => pair.prop_map(|(order, left, right)| relation(order, left, right)),
                1 => (inner, vec(any::<bool>().prop_map(Literal::Bool), 1..3)).prop_map(|(left, list)| within(left, list)),
            ]
        })
        .prop_filter("within the limits", |expr| nodes(expr) <= MAX_NODES)
}

fn leaf() -> BoxedStrategy<Expr> {
    let dotted = prop_oneof![
        select(&["a", "package"][..]).prop_map(|name| (Map::Metadata, name)),
        select(&["carrier", "n", "flag"][..]).prop_map(|name| (Map::Params, name)),
    ];
    let method = select(&[Method::StartsWith, Method::EndsWith, Method::Contains][..]);
    let string = || prop_oneof![4 => text_operand(), 1 => param()];
    prop_oneof![
        1 => any::<bool>().prop_map(|value| expr(Form::Literal(Literal::Bool(value)))),
        2 => param(),
        2 => dotted.prop_map(|(map, name)| expr(Form::Has { map, name: name.to_owned() })),
        2 => name().prop_map(|(map, name)| expr(Form::In(Box::new(quoted(name)), Box::new(expr(Form::Map(map)))))),
        8 => (select(&ORDERS[..]), comparable()).prop_map(|(order, (left, right))| relation(order, left, right)),
        2 => (text_operand(), vec(words(), 1..4)).prop_map(|(left, list)| {
            within(left, list.into_iter().map(|word| Literal::Text(word.into())).collect())
        }),
        3 => (param(), vec(value(), 1..4)).prop_map(|(left, list)| within(left, list)),
        3 => (method, string(), string()).prop_map(|(method, receiver, argument)| {
            expr(Form::Call { method, receiver: Box::new(receiver), argument: Box::new(argument) })
        }),
    ]
    .boxed()
}

/// Two operands whose types may meet.
fn comparable() -> impl Strategy<Value = (Expr, Expr)> {
    let literal = || value().prop_map(|value| expr(Form::Literal(value)));
    prop_oneof![
        3 => (text_operand(), text_operand()),
        4 => (param(), literal()),
        1 => (literal(), param()),
        1 => (param(), param()),
        1 => (param(), text_operand()),
        1 => value().prop_map(|value| (expr(Form::Literal(value.clone())), expr(Form::Literal(value)))),
    ]
}

fn text_operand() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => (select(&METADATA[..]), any::<bool>()).prop_map(|(name, brackets)| entry(Map::Metadata, name, brackets)),
        1 => Just(()).prop_map(|()| expr(Form::Route)),
        1 => Just(()).prop_map(|()| expr(Form::Peer)),
        2 => words().prop_map(|word| quoted(&word)),
    ]
}

fn param() -> impl Strategy<Value = Expr> {
    (select(&PARAMS[..]), any::<bool>()).prop_map(|(name, brackets)| entry(Map::Params, name, brackets))
}

fn name() -> impl Strategy<Value = (Map, &'static str)> {
    prop_oneof![
        select(&METADATA[..]).prop_map(|name| (Map::Metadata, name)),
        select(&PARAMS[..]).prop_map(|name| (Map::Params, name)),
    ]
}

fn value() -> impl Strategy<Value = Literal> {
    prop_oneof![
        words().prop_map(|word| Literal::Text(word.into())),
        select(&INTS[..]).prop_map(Literal::Int),
        select(&UINTS[..]).prop_map(Literal::Uint),
        select(&DOUBLES[..]).prop_map(Literal::Double),
        any::<bool>().prop_map(Literal::Bool),
    ]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&TEXTS[..]).prop_map(str::to_owned), 1 => "[ab\\\\\"'`?\n\r\t\u{0}é\u{10348}]{0,4}"]
}

fn entry(map: Map, name: &str, brackets: bool) -> Expr {
    let is_identifier = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    expr(Form::Entry { map, name: name.to_owned(), is_bracketed: brackets || !is_identifier })
}

fn quoted(text: &str) -> Expr {
    expr(Form::Literal(Literal::Text(text.into())))
}

fn within(left: Expr, list: Vec<Literal>) -> Expr {
    let list = list.into_iter().map(|value| Item { at: 0, value }).collect();
    expr(Form::In(Box::new(left), Box::new(expr(Form::List(list)))))
}

fn relation(relation: Relation, left: Expr, right: Expr) -> Expr {
    expr(Form::Relation(relation, Box::new(left), Box::new(right)))
}

fn expr(form: Form) -> Expr {
    Expr { at: 0, form }
}

/// Names, values and operators, as the page for users counts them.
pub(super) fn nodes(expr: &Expr) -> usize {
    match &expr.form {
        Form::Literal(_) | Form::Route | Form::Peer | Form::Map(_) | Form::Entry { .. } => 1,
        Form::List(items) => items.len(),
        Form::Has { .. } => 2,
        Form::Call { receiver, argument, .. } => 1 + nodes(receiver) + nodes(argument),
        Form::Not(inner) => 1 + nodes(inner),
        Form::Logic(_, operands) => operands.len() - 1 + operands.iter().map(nodes).sum::<usize>(),
        Form::Relation(_, left, right) | Form::In(left, right) => 1 + nodes(left) + nodes(right),
    }
}
