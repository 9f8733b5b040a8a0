//! What stands between the operators of a condition: values, variables, their entries, and functions.

use super::error::{ConditionError, Refusal};
use super::lex::{Kind, Token};
use super::literal;
use super::parse::Parser;
use super::syntax::{Expr, Form, Item, Literal, Map, Method};

/// CEL's macros, refused by a sentence of their own.
const MACROS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];

impl Parser<'_> {
    /// A value, then names, brackets and methods behind it.
    pub(super) fn member(&mut self) -> Result<Expr, ConditionError> {
        let mut expr = self.primary()?;
        loop {
            if self.token.is("-") {
                return Err(Refusal::Minus.at(self.token.at));
            }
            expr = if self.token.is(".") {
                self.dot(expr)?
            } else if self.token.is("[") {
                self.brackets(&expr)?
            } else {
                return Ok(expr);
            };
        }
    }

    fn dot(&mut self, base: Expr) -> Result<Expr, ConditionError> {
        let dot = self.advance()?;
        if self.token.kind != Kind::Name {
            return Err(
                self.unexpected("a name behind the dot; other names go in brackets, such as metadata[\"x-team\"]")
            );
        }
        let name = self.advance()?;
        if self.token.is("(") {
            return self.call(base, name);
        }
        let Form::Map(map) = base.form else { return Err(Refusal::NoEntries.at(dot.at)) };
        if matches!(name.text, "true" | "false" | "null" | "in") {
            return Err(Refusal::EntryName(map, name.describe()).at(name.at));
        }
        Ok(Expr { at: base.at, form: Form::Entry { map, name: name.text.to_owned(), is_bracketed: false } })
    }

    fn brackets(&mut self, base: &Expr) -> Result<Expr, ConditionError> {
        let Form::Map(map) = base.form else { return Err(Refusal::NoEntries.at(self.token.at)) };
        self.advance()?;
        if self.token.kind != Kind::Text {
            return Err(Refusal::EntryName(map, self.token.describe()).at(self.token.at));
        }
        let name = literal::text(self.advance()?)?;
        self.expect("]", "']' behind the name")?;
        Ok(Expr { at: base.at, form: Form::Entry { map, name, is_bracketed: true } })
    }

    /// A method with its one argument.
    fn call(&mut self, receiver: Expr, name: Token<'_>) -> Result<Expr, ConditionError> {
        let Some(method) = Method::of(name.text) else {
            return Err(match name.text {
                "has" => Refusal::HasBehind,
                text if MACROS.contains(&text) => Refusal::Macro(text.to_owned()),
                text => Refusal::UnknownFunction(text.to_owned()),
            }
            .at(name.at));
        };
        self.count()?;
        let arguments = self.arguments()?;
        let got = arguments.len();
        let [argument] = <[Expr; 1]>::try_from(arguments)
            .map_err(|_| Refusal::Arguments { method: method.word(), got }.at(name.at))?;
        let at = receiver.at;
        Ok(Expr { at, form: Form::Call { method, receiver: Box::new(receiver), argument: Box::new(argument) } })
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ConditionError> {
        self.open()?;
        let mut arguments = Vec::new();
        while !self.token.is(")") {
            if !arguments.is_empty() {
                self.expect(",", "',' or ')'")?;
            }
            arguments.push(self.any()?);
        }
        self.close()?;
        Ok(arguments)
    }

    fn primary(&mut self) -> Result<Expr, ConditionError> {
        let token = self.token;
        let form = match token.kind {
            Kind::Name => return self.named(),
            _ if token.is("(") => {
                self.open()?;
                let inner = self.any()?;
                self.close()?;
                return Ok(inner);
            }
            _ if token.is("[") => Form::List(self.list()?),
            _ => match self.literal()? {
                Some(value) => Form::Literal(value),
                None => return Err(self.unexpected("a name, a value or '('")),
            },
        };
        Ok(Expr { at: token.at, form })
    }

    /// A word: a value, a variable, or a function with its arguments.
    fn named(&mut self) -> Result<Expr, ConditionError> {
        let at = self.token.at;
        if let Some(value) = self.literal()? {
            return Ok(Expr { at, form: Form::Literal(value) });
        }
        let name = self.advance()?;
        if self.token.is("(") {
            return self.function(name);
        }
        let form = match name.text {
            "route" => Form::Route,
            "peer" => Form::Peer,
            "metadata" => Form::Map(Map::Metadata),
            "params" => Form::Map(Map::Params),
            "null" => return Err(Refusal::Null.at(at)),
            "in" => {
                let (expected, got) = ("a name, a value or '('", name.describe());
                return Err(Refusal::Expected { expected, got }.at(at));
            }
            text => return Err(Refusal::UnknownName(text.to_owned()).at(at)),
        };
        self.count()?;
        Ok(Expr { at, form })
    }

    fn function(&mut self, name: Token<'_>) -> Result<Expr, ConditionError> {
        let refusal = match (name.text, Method::of(name.text)) {
            ("has", _) => {
                self.count()?;
                return Ok(Expr { at: name.at, form: self.has(name.at)? });
            }
            (_, Some(method)) => Refusal::NotBehind(method.word()),
            (text, None) if MACROS.contains(&text) => Refusal::Macro(text.to_owned()),
            (text, None) => Refusal::UnknownFunction(text.to_owned()),
        };
        Err(refusal.at(name.at))
    }

    fn has(&mut self, at: usize) -> Result<Form, ConditionError> {
        let arguments = self.arguments()?;
        let [argument] = <[Expr; 1]>::try_from(arguments).map_err(|_| Refusal::HasArgument.at(at))?;
        match argument.form {
            Form::Entry { map, name, is_bracketed: false } => Ok(Form::Has { map, name }),
            Form::Entry { map, name, is_bracketed: true } => Err(Refusal::HasBrackets { map, name }.at(argument.at)),
            _ => Err(Refusal::HasArgument.at(argument.at)),
        }
    }

    /// Values between brackets; a comma may follow the last, as in CEL.
    fn list(&mut self) -> Result<Vec<Item>, ConditionError> {
        self.advance()?;
        let mut items = Vec::new();
        while !self.token.is("]") {
            if !items.is_empty() {
                self.expect(",", "',' or ']'")?;
                if self.token.is("]") {
                    break;
                }
            }
            let token = self.token;
            if token.kind == Kind::End {
                return Err(self.unexpected("a value or ']'"));
            }
            let refusal = || Refusal::ListElement(token.describe()).at(token.at);
            items.push(Item { at: token.at, value: self.literal()?.ok_or_else(refusal)? });
        }
        self.advance()?;
        Ok(items)
    }

    /// A string, a number with its sign, or a bool, if one comes next.
    fn literal(&mut self) -> Result<Option<Literal>, ConditionError> {
        let token = self.token;
        let value = match token.kind {
            Kind::Text => Literal::Text(literal::text(token)?.into()),
            Kind::Number => literal::number(token.text, false).map_err(|refusal| refusal.at(token.at))?,
            Kind::Name if token.text == "true" => Literal::Bool(true),
            Kind::Name if token.text == "false" => Literal::Bool(false),
            Kind::Symbol if token.is("-") => {
                self.advance()?;
                if self.token.kind != Kind::Number {
                    return Err(Refusal::Minus.at(token.at));
                }
                literal::number(self.token.text, true).map_err(|refusal| refusal.at(token.at))?
            }
            _ => return Ok(None),
        };
        self.count()?;
        self.advance()?;
        Ok(Some(value))
    }
}
