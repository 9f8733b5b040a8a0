//! The `cel` crate, which says of each condition and request what CEL says.

use std::collections::HashMap;

use cel::{Context as Variables, Program, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::print::print;
use super::random::{condition, request};
use super::{Outcome, Request, evaluate};
use crate::condition::Condition;
use crate::condition::syntax::Literal;

/// Requests that each condition is tried on: reading the condition is what takes time in the oracle.
const REQUESTS: usize = 10;

/// True, false, or nothing for an error and for a value that is no bool.
fn answer(program: &Program, request: &Request) -> Option<bool> {
    let mut variables = Variables::default();
    let metadata: HashMap<String, String> = request
        .metadata
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).expect("the oracle knows only UTF-8")))
        .collect();
    let params: HashMap<String, Value> =
        request.params.iter().map(|(name, value)| (name.clone(), dynamic(value))).collect();
    variables.add_variable_from_value("metadata", metadata);
    variables.add_variable_from_value("params", params);
    variables.add_variable_from_value("route", request.route.clone());
    variables.add_variable_from_value("peer", request.peer.clone());
    match program.execute(&variables) {
        Ok(Value::Bool(answer)) => Some(answer),
        _ => None,
    }
}

fn dynamic(value: &Literal) -> Value {
    match value {
        Literal::Text(text) => text.to_string().into(),
        Literal::Int(value) => (*value).into(),
        Literal::Uint(value) => (*value).into(),
        Literal::Double(value) => (*value).into(),
        Literal::Bool(value) => (*value).into(),
    }
}

fn cel(text: &str, request: &Request) -> Option<bool> {
    answer(&Program::compile(text).expect("CEL"), request)
}

fn as_answer(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Match => Some(true),
        Outcome::NoMatch => Some(false),
        Outcome::Missing(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn conditions_mean_what_cel_says_and_its_errors_are_missing(
        expr in condition(),
        requests in vec(request(), REQUESTS),
    ) {
        let text = print(&expr);
        let ours: Condition = text.parse().expect("a well-typed condition");
        let program = Program::compile(&text).expect("a condition is CEL");
        for request in &requests {
            let outcome = ours.evaluate(request);
            prop_assert_eq!(as_answer(outcome), answer(&program, request), "{} of {:?}: {:?}", text, request, outcome);
        }
    }
}

/// CEL's words put all numbers on one continuous line, and so do conditions. The crate, like the reference
/// implementation and its conformance tests, rounds the int to a double first.
#[test]
fn an_int_and_a_double_that_differ_by_less_than_a_double_can_show_are_different_here_and_equal_in_the_crate() {
    let request = Request::default().param("n", Literal::Int((1 << 53) + 1)).param("max", Literal::Int(i64::MAX));
    for text in ["params.n > 9007199254740992.0", "params.max < 9223372036854775808.0"] {
        assert_eq!(evaluate(text, &request), Outcome::Match, "{text}");
        assert_eq!(cel(text, &request), Some(false), "{text}");
    }
}

/// A document's author sees these at once; CEL without its type checker, which the crate does not have, lets them pass.
#[test]
fn what_no_request_can_make_true_is_refused_although_the_crate_takes_it() {
    let request = Request::default().metadata("n", "5");
    for text in ["metadata.n == 5", "metadata.n in [5]", "route == true"] {
        assert!(text.parse::<Condition>().is_err(), "{text}");
        assert_eq!(cel(text, &request), Some(false), "{text}");
    }
}
