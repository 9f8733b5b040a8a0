//! The borders of the limits.

use super::{Condition, Outcome, Request, condition, refused};
use crate::condition::{MAX_NESTING, MAX_NODES, MAX_TEXT_BYTES, Refusal};

#[test]
fn a_text_has_at_most_1024_bytes() {
    let of_length = |bytes: usize, filling: &str| {
        let around = "route != ''".len();
        let times = (bytes - around) / filling.len();
        format!("route != '{}'", filling.repeat(times))
    };
    let longest = of_length(MAX_TEXT_BYTES, "a");
    assert_eq!(longest.len(), 1024);
    assert_eq!(condition(&longest).evaluate(&Request::default()), Outcome::Match);
    assert_eq!(
        refused(&of_length(MAX_TEXT_BYTES + 1, "a")).to_string(),
        "character 1025: a condition has at most 1024 bytes, got 1025; say it shorter, such as x in [\"a\", \"b\"]"
    );
    // 10 bytes before, and 507 characters of two bytes each.
    assert_eq!(refused(&of_length(2000, "é")).at, 10 + 507 + 1);
}

#[test]
fn parentheses_and_negations_nest_at_most_16_deep() {
    for (open, close) in [("(", ")"), ("!", ""), ("!(", ")")] {
        let nested = |depth: usize| format!("{}true{}", open.repeat(depth), close.repeat(depth));
        let deepest = MAX_NESTING / open.len();
        assert_eq!(condition(&nested(deepest)).evaluate(&Request::default()), Outcome::Match);
        let error = refused(&nested(deepest + 1));
        assert_eq!(error.to_string(), "character 17: parentheses and '!' nest at most 16 deep; a || b || c needs none");
    }
    for term in ["(true) && ", "!true || "] {
        let row = format!("{}true", term.repeat(MAX_NESTING + 2));
        assert_eq!(condition(&row).evaluate(&Request::default()), Outcome::Match, "side by side is not nested");
    }
    for open in ["(", "!", "[", "-", "peer.contains(", "has("] {
        assert!(open.repeat(MAX_TEXT_BYTES / open.len()).parse::<Condition>().is_err(), "{open}");
        assert!(matches!(refused(&open.repeat(100_000)).refusal, Refusal::TooLong(_)), "{open}");
    }
}

#[test]
fn there_are_at_most_64_names_values_and_operators() {
    let operators = |count: usize| format!("true{}", "&&true".repeat(count));
    let listed = |count: usize| format!("route in [{}]", vec!["'a'"; count].join(","));
    assert_eq!(condition(&format!("!{}", operators(31))).keys(), [], "1 + 32 + 31");
    assert_eq!(condition(&listed(MAX_NODES - 2)).keys(), [], "route, in and 62 values");
    for too_many in [operators(32), listed(MAX_NODES - 1)] {
        let error = refused(&too_many);
        assert_eq!(error.refusal.to_string(), "a condition has at most 64 names, values and operators; make it two");
    }
    assert_eq!(refused(&operators(32)).at, too_many_at(&operators(32)));
}

/// The 65th piece of a text that is made of `true` and `&&` in turn.
fn too_many_at(text: &str) -> usize {
    let piece = |index: usize| if index.is_multiple_of(2) { "true".len() } else { "&&".len() };
    let at = (0..MAX_NODES).map(piece).sum::<usize>() + 1;
    assert!(text[at - 1..].starts_with("true"));
    at
}
