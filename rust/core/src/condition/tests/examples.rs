//! What a reader wants to see once.

use std::cell::RefCell;

use super::Outcome::{Match, Missing, NoMatch};
use super::{Request, condition, evaluate, text};
use crate::condition::syntax::Literal;
use crate::condition::{Context, Key, MAX_VALUE_BYTES, Outcome, Param};

fn from_team(team: &str) -> Request {
    Request { route: "fraud".into(), peer: "10.1.2.3".into(), ..Request::default() }.metadata("x-team", team)
}

#[test]
fn metadata_params_route_and_peer_are_what_conditions_look_at() {
    let request = from_team("ml").param("carrier", text("HA"));
    for holds in [
        "metadata[\"x-team\"] == 'ml'",
        "metadata['x-team'] in ['qa', 'ml']",
        "params.carrier == \"HA\"",
        "route == 'fraud' && peer.startsWith('10.')",
        "peer.endsWith('.3') && peer.contains('1.2') && peer.contains('')",
        "has(params.carrier) && 'x-team' in metadata && !('y' in params)",
        "metadata['x-team'] < 'mm' && metadata['x-team'] >= 'ml'",
        "true",
        "1 < 2 && 'a' == 'a' && false < true",
        "(peer == '10.1.2.3') == (route != 'other')",
        "'a' in ['a',]",
    ] {
        assert_eq!(evaluate(holds, &request), Match, "{holds}");
    }
    for fails in ["params.carrier == 'ha'", "route.contains('frauds')", "!true", "params.carrier in [5, 'AA']"] {
        assert_eq!(evaluate(fails, &request), NoMatch, "{fails}");
    }
}

#[test]
fn a_missing_key_is_no_match_whichever_way_it_is_asked() {
    let request = Request::default();
    for text in
        ["metadata.a == 'b'", "metadata.a != 'b'", "!(metadata.a == 'b')", "params.a < 5", "params.a", "!params.a"]
    {
        assert_eq!(evaluate(text, &request), Missing(0), "{text}");
    }
    assert_eq!(evaluate("!('a' in metadata) || metadata.a != 'b'", &request), Match);
    assert_eq!(evaluate("'a' in metadata && metadata.a != 'b'", &request), NoMatch);
}

#[test]
fn a_decisive_operand_absorbs_what_is_missing_on_either_side_of_it() {
    let request = Request::default().metadata("there", "x");
    for (text, outcome) in [
        ("metadata.a == 'b' || metadata.there == 'x'", Match),
        ("metadata.there == 'x' || metadata.a == 'b'", Match),
        ("metadata.a == 'b' && metadata.there == 'y'", NoMatch),
        ("metadata.there == 'y' && metadata.a == 'b'", NoMatch),
        ("metadata.there == 'y' || metadata.a == 'b'", Missing(1)),
        ("metadata.a == 'b' && metadata.there == 'x'", Missing(0)),
        ("!(metadata.a == 'b') || true", Match),
        ("metadata.there == 'x' && metadata.a == 'b' && metadata.c == 'd' || metadata.e == 'f'", Missing(1)),
    ] {
        assert_eq!(evaluate(text, &request), outcome, "{text}");
    }
}

#[test]
fn a_parameter_of_a_type_that_does_not_fit_is_missing_where_it_must_be_ordered_and_different_where_it_is_equated() {
    let request = Request::default().param("n", Literal::Int(5)).param("s", text("5")).metadata("m", "5");
    for (text, outcome) in [
        ("params.n == '5'", NoMatch),
        ("params.n != '5'", Match),
        ("params.n in ['5', 5.0]", Match),
        ("params.n == 5u && params.n < 5.5 && params.n >= 5", Match),
        ("params.s < 6", Missing(0)),
        ("params.s == metadata.m", Match),
        ("metadata.m < params.n", Missing(1)),
        ("params.n < params.s", Missing(0)),
        ("params.n.startsWith('5')", Missing(0)),
        ("metadata.m.contains(params.n)", Missing(1)),
        ("params.n && true", Missing(0)),
        ("params.n || true", Match),
        ("(params.n == 5) == params.s", NoMatch),
        ("(params.n == 5) < params.s", Missing(1)),
    ] {
        assert_eq!(evaluate(text, &request), outcome, "{text}");
    }
}

#[test]
fn a_bare_parameter_is_a_flag() {
    let flagged = |value| Request::default().param("flag", value);
    assert_eq!(evaluate("params.flag", &flagged(Literal::Bool(true))), Match);
    assert_eq!(evaluate("params.flag == true", &flagged(Literal::Bool(true))), Match);
    assert_eq!(evaluate("!params.flag", &flagged(Literal::Bool(true))), NoMatch);
    assert_eq!(evaluate("params.flag", &flagged(text("true"))), Missing(0));
    assert_eq!(evaluate("params.flag == true", &flagged(text("true"))), NoMatch);
}

#[test]
fn nan_differs_from_everything_and_cannot_be_ordered() {
    let request = Request::default().param("n", Literal::Double(f64::NAN));
    assert_eq!(evaluate("params.n == params.n || params.n in [0.0]", &request), NoMatch);
    assert_eq!(evaluate("params.n != 0", &request), Match);
    assert_eq!(evaluate("params.n < 0.5", &request), Missing(0));
}

#[test]
fn strings_compare_by_bytes_and_need_not_be_utf_8() {
    let request = Request::default().metadata("m", [0xff, b'x']);
    for (text, outcome) in [
        ("metadata.m == 'x'", NoMatch),
        ("metadata.m > '\u{10ffff}' && metadata.m > 'x'", Match),
        ("metadata.m.endsWith('x') && metadata.m.contains('x')", Match),
        ("metadata.m == metadata['m']", Match),
        ("metadata.m in ['ÿx', '\\377x']", NoMatch),
    ] {
        assert_eq!(evaluate(text, &request), outcome, "{text}");
    }
}

#[test]
fn a_part_is_found_wherever_it_stands_and_not_where_it_only_begins() {
    let request = |value: &str| Request::default().metadata("m", value);
    for (value, outcome) in
        [("aab", Match), ("aaab", Match), ("aabaa", Match), ("aa", NoMatch), ("aba", NoMatch), ("", NoMatch)]
    {
        assert_eq!(evaluate("metadata.m.contains('aab')", &request(value)), outcome, "{value}");
    }
}

#[test]
fn a_value_that_is_too_long_to_look_at_is_there_and_cannot_be_used() {
    let of_length =
        |length: usize| Request::default().metadata("m", vec![b'a'; length]).param("p", text(&"a".repeat(length)));
    let longest = of_length(MAX_VALUE_BYTES);
    let longer = of_length(MAX_VALUE_BYTES + 1);
    for text in ["metadata.m != ''", "params.p.contains('a')", "metadata.m == params.p"] {
        assert_eq!(evaluate(text, &longest), Match, "{text}");
        assert_eq!(evaluate(text, &longer), Missing(0), "{text}");
    }
    assert_eq!(evaluate("'m' in metadata && has(params.p)", &longer), Match);
}

#[test]
fn strings_are_unescaped_as_in_cel() {
    let request = |value: &str| Request::default().metadata("m", value);
    for (literal, value) in [
        (r#""it's""#, "it's"),
        (r"'say \'\'\x41\X42\103\u00e9\U0001F600'", "say ''ABCé😀"),
        (r#"'\\\"\`\?\a\b\f\n\r\t\v'"#, "\\\"`?\u{7}\u{8}\u{c}\n\r\t\u{b}"),
        (r"'\377\000'", "ÿ\0"),
        ("\"a\tb // c\"", "a\tb // c"),
        ("''", ""),
    ] {
        assert_eq!(evaluate(&format!("metadata.m == {literal}"), &request(value)), Match, "{literal}");
    }
}

#[test]
fn numbers_are_written_as_in_cel() {
    for (spelled, value) in [
        ("9223372036854775807", Literal::Int(i64::MAX)),
        ("-9223372036854775808", Literal::Int(i64::MIN)),
        ("- 5", Literal::Int(-5)),
        ("007", Literal::Int(7)),
        ("0x1F", Literal::Int(31)),
        ("-0x10", Literal::Int(-16)),
        ("18446744073709551615u", Literal::Uint(u64::MAX)),
        ("0xffU", Literal::Uint(255)),
        (".5", Literal::Double(0.5)),
        ("-1.5e-3", Literal::Double(-0.0015)),
        ("1E3", Literal::Double(1000.0)),
    ] {
        let request = Request::default().param("n", value);
        assert_eq!(evaluate(&format!("params.n == {spelled}"), &request), Match, "{spelled}");
    }
}

#[test]
fn keys_come_in_order_of_appearance_each_once() {
    let condition =
        condition("params['b'] == metadata.a || has(params.b) || 'x-c' in metadata && params[\"q'\\\"\\\\\"] == 1");
    let shown: Vec<_> = condition.keys().iter().map(Key::to_string).collect();
    assert_eq!(shown, ["params[\"b\"]", "metadata[\"a\"]", "metadata[\"x-c\"]", "params[\"q'\\\"\\\\\"]"]);
}

#[test]
fn a_condition_is_its_text() {
    let spelled = " metadata['a']  ==\n'b' ";
    let condition = condition(spelled);
    assert_eq!(condition.text(), spelled);
    assert_eq!(serde_json::to_value(&condition).expect("a string"), serde_json::json!(spelled));
    assert_eq!(condition, spelled.parse().expect("the same"));
    assert_ne!(condition, super::condition("metadata['a'] == 'b'"));
}

/// Notes what was looked up.
#[derive(Default)]
struct Watched(RefCell<Vec<String>>);

impl Context for Watched {
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.0.borrow_mut().push(name.to_owned());
        (name != "absent").then_some(b"x")
    }

    fn param(&self, name: &str) -> Option<Param<'_>> {
        self.0.borrow_mut().push(name.to_owned());
        None
    }

    fn route(&self) -> &'static str {
        ""
    }

    fn peer(&self) -> &'static str {
        ""
    }
}

#[test]
fn a_key_is_looked_up_once_where_it_stands_and_not_after_the_answer_is_known() {
    for (text, outcome, looked_up) in [
        ("metadata.a in ['p', 'q', 'r'] && metadata.b == 'x'", Outcome::NoMatch, &["a"][..]),
        ("metadata.a == 'x' || metadata.b == 'x'", Outcome::Match, &["a"]),
        ("metadata.absent == 'x' && metadata.b == 'y' && metadata.c == 'x'", Outcome::NoMatch, &["absent", "b"]),
        ("params.n < 5 || metadata.b == 'y'", Outcome::Missing(0), &["n", "b"]),
    ] {
        let watched = Watched::default();
        assert_eq!(condition(text).evaluate(&watched), outcome, "{text}");
        assert_eq!(*watched.0.borrow(), looked_up, "{text}");
    }
}
