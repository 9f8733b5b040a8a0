//! Gives every part of a condition its type, and refuses what could never be right.

use super::Key;
use super::error::{ConditionError, Refusal, Type};
use super::program::{Node, Operand};
use super::syntax::{Expr, Form, Item, Literal, Logic, Map, Relation};
use crate::routing::sticky::{MAX_NAME_BYTES, StickyError, StickyKey};

/// The program of a condition, and the keys it reads.
pub(super) fn check(expr: &Expr) -> Result<(Node, Box<[Key]>), ConditionError> {
    let mut checker = Checker::default();
    let root = checker.truth(expr, Refusal::NotBool)?;
    Ok((root, checker.keys.into()))
}

#[derive(Default)]
struct Checker {
    keys: Vec<Key>,
}

impl Checker {
    /// What must be true or false; `refusal` says so where it is not.
    fn truth(&mut self, expr: &Expr, refusal: impl FnOnce(Type) -> Refusal) -> Result<Node, ConditionError> {
        match self.operand(expr)? {
            (Operand::Truth(node), _) => Ok(*node),
            (Operand::Literal(Literal::Bool(value)), _) => Ok(Node::Constant(value)),
            (Operand::Key(key), Type::Param) => Ok(Node::Flag(key)),
            (_, got) => Err(refusal(got).at(expr.at)),
        }
    }

    /// A value with its type.
    fn operand(&mut self, expr: &Expr) -> Result<(Operand, Type), ConditionError> {
        let node = match &expr.form {
            Form::Literal(value) => return Ok((Operand::Literal(value.clone()), value.kind())),
            Form::Route => return Ok((Operand::Route, Type::Text)),
            Form::Peer => return Ok((Operand::Peer, Type::Text)),
            Form::Entry { map, name, .. } => {
                let kind = if *map == Map::Metadata { Type::Text } else { Type::Param };
                return Ok((Operand::Key(self.key(*map, name, expr.at)?), kind));
            }
            Form::List(_) => return Err(Refusal::ListPlace.at(expr.at)),
            Form::Map(map) => return Err(Refusal::WholeMap(*map).at(expr.at)),
            Form::Has { map, name } => Node::Present(self.key(*map, name, expr.at)?),
            Form::Not(inner) => Node::Not(Box::new(self.truth(inner, Refusal::NotBoolBehind)?)),
            Form::Logic(logic, operands) => self.logic(*logic, operands)?,
            Form::Relation(relation, left, right) => self.relation(*relation, left, right)?,
            Form::In(left, right) => self.within(left, right)?,
            Form::Call { method, receiver, argument } => {
                let word = method.word();
                let receiver = self.text(receiver, |got| Refusal::Receiver { method: word, got })?;
                let argument = self.text(argument, |got| Refusal::Argument { method: word, got })?;
                Node::Part(*method, receiver, argument)
            }
        };
        Ok((Operand::Truth(Box::new(node)), Type::Bool))
    }

    fn logic(&mut self, logic: Logic, operands: &[Expr]) -> Result<Node, ConditionError> {
        let operator = logic.word();
        let beside = |got| Refusal::NotBoolBeside { operator, got };
        let nodes = operands.iter().map(|operand| self.truth(operand, beside)).collect::<Result<_, _>>()?;
        Ok(match logic {
            Logic::Every => Node::Every(nodes),
            Logic::Any => Node::Any(nodes),
        })
    }

    fn relation(&mut self, relation: Relation, left: &Expr, right: &Expr) -> Result<Node, ConditionError> {
        let at = right.at;
        let ((left, left_type), (right, right_type)) = (self.operand(left)?, self.operand(right)?);
        if may_equal(left_type, right_type) {
            return Ok(Node::Relation(relation, left, right));
        }
        Err(Refusal::Mismatch { operator: relation.word(), left: left_type, right: right_type }.at(at))
    }

    fn within(&mut self, left: &Expr, right: &Expr) -> Result<Node, ConditionError> {
        match &right.form {
            Form::Map(map) => match &left.form {
                Form::Literal(Literal::Text(name)) => Ok(Node::Present(self.key(*map, name, left.at)?)),
                _ => Err(Refusal::InLeft(*map).at(left.at)),
            },
            Form::List(items) => self.listed(left, items, right.at),
            _ => Err(Refusal::InRight(self.operand(right)?.1).at(right.at)),
        }
    }

    fn listed(&mut self, left: &Expr, items: &[Item], at: usize) -> Result<Node, ConditionError> {
        let (value, kind) = self.operand(left)?;
        if items.is_empty() {
            return Err(Refusal::EmptyList.at(at));
        }
        if let Some(item) = items.iter().find(|item| !may_equal(kind, item.value.kind())) {
            return Err(Refusal::InMismatch { value: kind, element: item.value.kind() }.at(item.at));
        }
        Ok(Node::Within(value, items.iter().map(|item| item.value.clone()).collect()))
    }

    fn text(&mut self, expr: &Expr, refusal: impl FnOnce(Type) -> Refusal) -> Result<Operand, ConditionError> {
        match self.operand(expr)? {
            (operand, Type::Text | Type::Param) => Ok(operand),
            (_, got) => Err(refusal(got).at(expr.at)),
        }
    }

    /// The index of a key, which is new or was read before.
    fn key(&mut self, map: Map, name: &str, at: usize) -> Result<u16, ConditionError> {
        check_name(map, name).map_err(|refusal| refusal.at(at))?;
        let key = match map {
            Map::Metadata => Key::Metadata(name.into()),
            Map::Params => Key::Param(name.into()),
        };
        let index = self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        Ok(index as u16)
    }
}

/// Whether values of these types can be the same; as in CEL, a parameter is compared with anything.
fn may_equal(left: Type, right: Type) -> bool {
    left == right || left == Type::Param || right == Type::Param
}

/// The rules for names are those of sticky keys; only their quotes differ, for a condition can escape them.
fn check_name(map: Map, name: &str) -> Result<(), Refusal> {
    if map == Map::Params {
        let is_valid = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
        return if is_valid { Ok(()) } else { Err(StickyError::ParameterName(name.to_owned()).into()) };
    }
    match format!("metadata[\"{name}\"]").parse::<StickyKey>() {
        Err(StickyError::Form(_)) => Err(StickyError::MetadataName(name.to_owned()).into()),
        Err(error) => Err(error.into()),
        Ok(_) if name.ends_with("-bin") => Err(Refusal::Binary(name.to_owned())),
        Ok(_) => Ok(()),
    }
}
