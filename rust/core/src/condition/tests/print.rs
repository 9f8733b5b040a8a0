//! Writes a tree as the text that reads back as it, with no parentheses but those that are needed.

use std::fmt::Write;

use crate::condition::syntax::{Expr, Form, Literal, Logic};

pub(super) fn print(expr: &Expr) -> String {
    match &expr.form {
        Form::Literal(value) => literal(value),
        Form::List(items) => {
            let items: Vec<_> = items.iter().map(|item| literal(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Form::Route => "route".to_owned(),
        Form::Peer => "peer".to_owned(),
        Form::Map(map) => map.to_string(),
        Form::Entry { map, name, is_bracketed: true } => {
            format!("{map}[{}]", literal(&Literal::Text(name.as_str().into())))
        }
        Form::Entry { map, name, is_bracketed: false } => format!("{map}.{name}"),
        Form::Has { map, name } => format!("has({map}.{name})"),
        Form::Call { method, receiver, argument } => {
            format!("{}.{}({})", print(receiver), method.word(), print(argument))
        }
        Form::Not(inner) => format!("!{}", operand(inner)),
        Form::Logic(logic, operands) => {
            let side = |operand: &Expr| match (logic, &operand.form) {
                (Logic::Every, Form::Logic(..)) | (Logic::Any, Form::Logic(Logic::Any, _)) => {
                    format!("({})", print(operand))
                }
                _ => print(operand),
            };
            operands.iter().map(side).collect::<Vec<_>>().join(&format!(" {} ", logic.word()))
        }
        Form::In(left, right) => format!("{} in {}", operand(left), operand(right)),
        Form::Relation(relation, left, right) => format!("{}{}{}", operand(left), relation.word(), operand(right)),
    }
}

/// What stands beside a comparison or behind `!`, which bind tighter than what is in parentheses here.
fn operand(expr: &Expr) -> String {
    match expr.form {
        Form::Relation(..) | Form::In(..) | Form::Logic(..) => format!("({})", print(expr)),
        _ => print(expr),
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Text(text) => quote(text),
        Literal::Int(value) => value.to_string(),
        Literal::Uint(value) => format!("{value}u"),
        Literal::Double(value) => format!("{value:?}"),
        Literal::Bool(value) => value.to_string(),
    }
}

/// Both quotes, and every kind of escape, depending on the text.
fn quote(text: &str) -> String {
    let quote = if text.len().is_multiple_of(2) { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for (index, character) in text.chars().enumerate() {
        let code = u32::from(character);
        let written = match (character, (code as usize + index) % 4) {
            ('\n', 0) => write!(quoted, "\\n"),
            ('\\' | '\'' | '"' | '`' | '?', 1) => write!(quoted, "\\{character}"),
            _ if character == quote || character == '\\' || character.is_control() => write!(quoted, "\\u{code:04x}"),
            (_, 2) if code < 0x80 => write!(quoted, "\\x{code:02X}"),
            (_, 3) if code < 0x100 => write!(quoted, "\\{code:03o}"),
            (_, 0) if code > 0xffff => write!(quoted, "\\U{code:08x}"),
            _ => write!(quoted, "{character}"),
        };
        written.expect("a String takes everything");
    }
    quoted.push(quote);
    quoted
}
