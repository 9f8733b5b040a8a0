//! Reads the text of a condition into a tree, by descent as deep as the nesting may be: operators here, what stands between
//! them in `operand.rs`.

use super::error::{ConditionError, Refusal};
use super::lex::{Kind, Lexer, Token};
use super::syntax::{Expr, Form, Logic, Relation};
use super::{MAX_NESTING, MAX_NODES, MAX_TEXT_BYTES};

/// What a condition looks like, or the first place where it does not.
pub(super) fn parse(text: &str) -> Result<Expr, ConditionError> {
    if text.len() > MAX_TEXT_BYTES {
        let fitting = text.char_indices().take_while(|(start, next)| start + next.len_utf8() <= MAX_TEXT_BYTES).count();
        return Err(Refusal::TooLong(text.len()).at(fitting + 1));
    }
    let mut lexer = Lexer::new(text);
    let token = lexer.next()?;
    if token.kind == Kind::End {
        return Err(Refusal::Empty.at(1));
    }
    let mut parser = Parser { lexer, token, nesting: 0, nodes: 0 };
    let expr = parser.any()?;
    if parser.token.kind != Kind::End {
        return Err(parser.unexpected("an operator, such as == or &&, or the end"));
    }
    Ok(expr)
}

pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The one that comes next.
    pub(super) token: Token<'t>,
    nesting: usize,
    nodes: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn any(&mut self) -> Result<Expr, ConditionError> {
        self.row(Logic::Any, Self::every)
    }

    fn every(&mut self) -> Result<Expr, ConditionError> {
        self.row(Logic::Every, Self::relation)
    }

    /// One operand, or several with the same operator between them.
    fn row(
        &mut self,
        logic: Logic,
        operand: fn(&mut Self) -> Result<Expr, ConditionError>,
    ) -> Result<Expr, ConditionError> {
        let first = operand(self)?;
        if !self.token.is(logic.word()) {
            return Ok(first);
        }
        let at = first.at;
        let mut operands = vec![first];
        while self.token.is(logic.word()) {
            self.count()?;
            self.advance()?;
            operands.push(operand(self)?);
        }
        Ok(Expr { at, form: Form::Logic(logic, operands) })
    }

    fn relation(&mut self) -> Result<Expr, ConditionError> {
        let left = self.unary()?;
        if !self.is_relation_next() {
            return Ok(left);
        }
        self.count()?;
        let operator = self.advance()?;
        let right = self.unary()?;
        if self.is_relation_next() {
            return Err(Refusal::Chained.at(self.token.at));
        }
        let (at, left, right) = (left.at, Box::new(left), Box::new(right));
        let form = match Relation::of(operator.text) {
            Some(relation) => Form::Relation(relation, left, right),
            None => Form::In(left, right),
        };
        Ok(Expr { at, form })
    }

    fn is_relation_next(&self) -> bool {
        match self.token.kind {
            Kind::Symbol => Relation::of(self.token.text).is_some(),
            kind => kind == Kind::Name && self.token.text == "in",
        }
    }

    fn unary(&mut self) -> Result<Expr, ConditionError> {
        let at = self.token.at;
        if !self.token.is("!") {
            return self.member();
        }
        self.count()?;
        self.nest()?;
        self.advance()?;
        let operand = self.unary()?;
        self.nesting -= 1;
        Ok(Expr { at, form: Form::Not(Box::new(operand)) })
    }

    pub(super) fn open(&mut self) -> Result<(), ConditionError> {
        self.nest()?;
        self.advance().map(drop)
    }

    pub(super) fn close(&mut self) -> Result<(), ConditionError> {
        self.nesting -= 1;
        self.expect(")", "an operator, such as == or &&, or ')'")
    }

    fn nest(&mut self) -> Result<(), ConditionError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING { Err(Refusal::TooDeep.at(self.token.at)) } else { Ok(()) }
    }

    pub(super) fn count(&mut self) -> Result<(), ConditionError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(Refusal::TooManyNodes.at(self.token.at)) } else { Ok(()) }
    }

    pub(super) fn expect(&mut self, symbol: &str, expected: &'static str) -> Result<(), ConditionError> {
        if !self.token.is(symbol) {
            return Err(self.unexpected(expected));
        }
        self.advance().map(drop)
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> ConditionError {
        Refusal::Expected { expected, got: self.token.describe() }.at(self.token.at)
    }

    /// Takes the next token.
    pub(super) fn advance(&mut self) -> Result<Token<'t>, ConditionError> {
        let taken = self.token;
        self.token = self.lexer.next()?;
        Ok(taken)
    }
}
