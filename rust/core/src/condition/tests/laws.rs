//! Laws that hold for every condition, every request, and every text that is no condition.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::print::print;
use super::random::{condition, request};
use super::{Context, Request};
use crate::condition::syntax::{Expr, Form, Logic};
use crate::condition::{Condition, Key, MAX_VALUE_BYTES, Outcome, Param, parse};

/// Whatever has a meaning somewhere in the language, and a little more.
const PIECES: [&str; 45] = [
    "metadata",
    "params",
    "route",
    "peer",
    "has",
    "in",
    "true",
    "false",
    "null",
    "startsWith",
    "contains",
    "all",
    ".",
    ",",
    "(",
    ")",
    "[",
    "]",
    "!",
    "-",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "\"",
    "'",
    "\\",
    "\\u00",
    "\"x-team\"",
    "'é'",
    "0",
    "5",
    "5u",
    "0x",
    "1e",
    "1.5",
    " ",
    "\n",
    "é",
    "/",
    "\u{0}",
];

/// Reads a text, and tries what comes out on a request.
fn survive(text: &str, request: &Request) -> Result<(), TestCaseError> {
    match text.parse::<Condition>() {
        Ok(condition) => {
            prop_assert_eq!(condition.text(), text);
            if let Outcome::Missing(key) = condition.evaluate(request) {
                prop_assert!(usize::from(key) < condition.keys().len());
            }
        }
        Err(error) => {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.at), "{}", error);
        }
    }
    Ok(())
}

/// Whether a condition that meets this key must give up.
fn may_be_unusable(key: &Key, request: &Request) -> bool {
    match key {
        Key::Metadata(name) => request.metadata(name).is_none_or(|value| value.len() > MAX_VALUE_BYTES),
        Key::Param(_) => true,
    }
}

fn reversed(mut expr: Expr) -> Expr {
    if let Form::Logic(_, operands) = &mut expr.form {
        operands.reverse();
    }
    expr
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_the_same_tree(expr in condition()) {
        let text = print(&expr);
        prop_assert_eq!(parse::parse(&text).expect("printed"), expr, "{}", text);
    }

    #[test]
    fn space_between_tokens_means_nothing(expr in condition(), request in request()) {
        let text = print(&expr);
        let spaced = format!("\t\n {} \r\n", text.replace(" || ", "||").replace(" && ", "\n&&\t"));
        let outcome = |text: &str| text.parse::<Condition>().expect("printed").evaluate(&request);
        // Inside strings there are no spaces that the replacements could meet.
        prop_assert_eq!(outcome(&text), outcome(&spaced), "{}", text);
    }

    #[test]
    fn every_key_is_named_once_and_its_name_reads_back(expr in condition()) {
        let condition: Condition = print(&expr).parse().expect("printed");
        for (index, key) in condition.keys().iter().enumerate() {
            prop_assert!(!condition.keys()[..index].contains(key));
            let again: Condition = format!("{key} == ''").parse().expect("a key is an operand");
            prop_assert_eq!(again.keys(), std::slice::from_ref(key));
        }
    }

    #[test]
    fn what_is_missing_is_absent_or_a_parameter_of_a_type_that_does_not_fit(expr in condition(), request in request()) {
        let condition: Condition = print(&expr).parse().expect("printed");
        if let Outcome::Missing(key) = condition.evaluate(&request) {
            prop_assert!(may_be_unusable(&condition.keys()[usize::from(key)], &request));
        }
    }

    #[test]
    fn the_order_of_operands_decides_at_most_which_key_is_missing(
        operands in vec(condition(), 2..4),
        is_every in any::<bool>(),
        request in request(),
    ) {
        let logic = if is_every { Logic::Every } else { Logic::Any };
        let expr = Expr { at: 1, form: Form::Logic(logic, operands) };
        let forward = print(&expr);
        let backward = print(&reversed(expr));
        // Three conditions together may be more than one condition may hold.
        if let (Ok(forward), Ok(backward)) = (forward.parse::<Condition>(), backward.parse::<Condition>()) {
            let outcomes = (forward.evaluate(&request), backward.evaluate(&request));
            prop_assert!(
                matches!(outcomes, (Outcome::Missing(_), Outcome::Missing(_))) || outcomes.0 == outcomes.1,
                "{:?}", outcomes
            );
        }
    }

    #[test]
    fn a_request_that_has_everything_as_text_leaves_nothing_missing_but_bools_and_numbers(expr in condition()) {
        struct Full;
        impl Context for Full {
            fn metadata(&self, _: &str) -> Option<&[u8]> {
                Some(b"a")
            }
            fn param(&self, _: &str) -> Option<Param<'_>> {
                Some(Param::Text(b"a"))
            }
            fn route(&self) -> &'static str {
                "a"
            }
            fn peer(&self) -> &'static str {
                "a"
            }
        }
        let condition: Condition = print(&expr).parse().expect("printed");
        if let Outcome::Missing(key) = condition.evaluate(&Full) {
            prop_assert!(matches!(condition.keys()[usize::from(key)], Key::Param(_)));
        }
    }

    #[test]
    fn bytes_that_are_no_condition_are_refused_and_no_more(bytes in vec(any::<u8>(), 0..1200), request in request()) {
        survive(&String::from_utf8_lossy(&bytes), &request)?;
    }

    #[test]
    fn pieces_in_any_order_are_read_or_refused(pieces in vec(select(&PIECES[..]), 0..40), request in request()) {
        survive(&pieces.concat(), &request)?;
        survive(&pieces.join(" "), &request)?;
    }

    #[test]
    fn a_condition_that_is_cut_or_changed_is_read_or_refused(
        expr in condition(),
        edits in vec((any::<Index>(), 0..3_u8, select(&PIECES[..])), 1..4),
        request in request(),
    ) {
        let mut text = print(&expr);
        for (place, edit, piece) in edits {
            let places: Vec<_> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
            let place = place.index(places.len());
            let next = places[(place + 1).min(places.len() - 1)];
            match edit {
                0 => text.truncate(places[place]),
                1 => text.replace_range(places[place]..next, piece),
                _ => text.replace_range(places[place]..next, ""),
            }
            survive(&text, &request)?;
        }
    }
}
