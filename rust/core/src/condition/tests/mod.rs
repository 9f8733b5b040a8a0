//! What conditions promise, tried from several sides.

use std::collections::BTreeMap;

use super::syntax::Literal;
use super::{Condition, ConditionError, Context, Outcome, Param};

mod examples;
mod laws;
mod limits;
mod numbers;
mod oracle;
mod page;
mod print;
mod random;
mod refusals;

/// A request as conditions see it.
#[derive(Clone, Debug, Default)]
struct Request {
    metadata: BTreeMap<String, Vec<u8>>,
    params: BTreeMap<String, Literal>,
    route: String,
    peer: String,
}

impl Request {
    fn metadata(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }

    fn param(mut self, name: &str, value: Literal) -> Self {
        self.params.insert(name.to_owned(), value);
        self
    }
}

impl Context for Request {
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.metadata.get(name).map(Vec::as_slice)
    }

    fn param(&self, name: &str) -> Option<Param<'_>> {
        self.params.get(name).map(Literal::value)
    }

    fn route(&self) -> &str {
        &self.route
    }

    fn peer(&self) -> &str {
        &self.peer
    }
}

fn condition(text: &str) -> Condition {
    text.parse().unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn refused(text: &str) -> ConditionError {
    text.parse::<Condition>().expect_err(text)
}

fn evaluate(text: &str, request: &Request) -> Outcome {
    condition(text).evaluate(request)
}

fn text(value: &str) -> Literal {
    Literal::Text(value.into())
}
