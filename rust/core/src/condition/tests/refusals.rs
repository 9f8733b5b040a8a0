//! Every sentence that refuses a condition, but for those of the limits.

use super::refused;

/// What is said of a text that is no condition.
fn assert_refused(cases: &[(&str, &str)]) {
    for (text, sentence) in cases {
        assert_eq!(refused(text).to_string(), *sentence, "{text}");
    }
}

#[test]
fn what_is_computed_is_refused_with_advice() {
    let arithmetic = |at: usize, sign: char| {
        format!(
            "character {at}: '{sign}' is not part of conditions: values are compared, not computed; let the caller send the result"
        )
    };
    assert_refused(&[
        ("params.n / 2 == 4", &arithmetic(10, '/')),
        ("params.n % 2 == 0", &arithmetic(10, '%')),
        (
            "params.é == 1",
            "character 8: 'é' is not part of conditions; expected a name, a value, an operator or a bracket",
        ),
        ("'é' + route == 'éa'", &arithmetic(5, '+')),
        ("1*2 == 2", &arithmetic(2, '*')),
        (
            "metadata.x-team == 'ml'",
            "character 11: '-' stands only before a number, such as -5; a name with '-' goes in brackets, such as \
             metadata[\"x-team\"]",
        ),
        (
            "-params.n == 5",
            "character 1: '-' stands only before a number, such as -5; a name with '-' goes in brackets, such as \
             metadata[\"x-team\"]",
        ),
        (
            "params.a ? params.b : true",
            "character 10: '?' is not part of conditions; instead of a ? b : c write (a && b) || (!a && c)",
        ),
        (
            "'a' in {'a': 1}",
            "character 8: '{' is not part of conditions: there are no maps and messages to write, only lists in [ ]",
        ),
        (
            "true // always",
            "character 6: comments are not part of conditions; write them beside the condition, in the document",
        ),
    ]);
}

#[test]
fn what_is_misspelt_is_refused_at_its_place() {
    let number = |text: &str| format!("{text:?} is no number; expected one such as 5, -5, 0x1f, 5u, 0.5 or 1e3");
    assert_refused(&[
        ("", "character 1: expected a condition, got nothing; write true for one that always matches"),
        (" \n\t", "character 1: expected a condition, got nothing; write true for one that always matches"),
        ("route = 'a'", "character 7: '=' is no operator; write '=='"),
        ("true & false", "character 6: '&' is no operator; write '&&'"),
        ("true | false", "character 6: '|' is no operator; write '||'"),
        (
            "route == 'a';",
            "character 13: ';' is not part of conditions; expected a name, a value, an operator or a bracket",
        ),
        ("true false", "character 6: expected an operator, such as == or &&, or the end, got 'false'"),
        ("true)", "character 5: expected an operator, such as == or &&, or the end, got ')'"),
        ("(true", "character 6: expected an operator, such as == or &&, or ')', got the end"),
        ("true &&", "character 8: expected a name, a value or '(', got the end"),
        ("== 'a'", "character 1: expected a name, a value or '(', got '=='"),
        ("in ['a']", "character 1: expected a name, a value or '(', got 'in'"),
        (
            "metadata.'a'",
            "character 10: expected a name behind the dot; other names go in brackets, such as metadata[\"x-team\"], got 'a'",
        ),
        ("metadata['a' == 'b'", "character 14: expected ']' behind the name, got '=='"),
        ("route in ['a' 'b']", "character 15: expected ',' or ']', got 'b'"),
        ("route in ['a'", "character 14: expected ',' or ']', got the end"),
        ("route in ['a',", "character 15: expected a value or ']', got the end"),
        ("peer.contains('a' 'b')", "character 19: expected ',' or ')', got 'b'"),
        ("1 < params.n < 5", "character 14: comparisons do not chain; instead of a < b < c write a < b && b < c"),
        ("params.n == 5x", &format!("character 13: {}", number("5x"))),
        ("params.n == 1.5u", &format!("character 13: {}", number("1.5u"))),
        ("params.n == 0x", &format!("character 13: {}", number("0x"))),
        ("params.n == -5u", &format!("character 13: {}", number("-5u"))),
        (
            "params.n == 9223372036854775808",
            "character 13: 9223372036854775808 is out of range: an int is from -9223372036854775808 to 9223372036854775807, a \
             uint such as 5u at most 18446744073709551615",
        ),
        (
            "params.n == 18446744073709551616u",
            "character 13: 18446744073709551616u is out of range: a uint is at most 18446744073709551615",
        ),
        ("params.n == -1e999", "character 13: -1e999 is out of range: a double is at most about 1.8e308"),
    ]);
}

#[test]
fn strings_that_conditions_do_not_know_are_refused() {
    let escape = |text: &str| {
        format!(
            "{text} is no escape; expected one of \\\\ \\\" \\' \\` \\? \\a \\b \\f \\n \\r \\t \\v, \\xHH, \\uHHHH, \\UHHHHHHHH, or \
             \\ with three octal digits up to 377"
        )
    };
    let unclosed = |at: usize, quote: char| {
        format!(
            "character {at}: this string does not end on its line; expected a closing {quote}, and \\n for a line break inside"
        )
    };
    let prefix = |name: &str| {
        format!(
            "character 10: raw strings and bytes are not part of conditions; write the string without {name}, and \\\\ for a \
             backslash"
        )
    };
    let triple = "character 10: strings in triple quotes are not part of conditions; write \"…\" or '…', and \\n for a line break";
    assert_refused(&[
        ("route == 'a", &unclosed(10, '\'')),
        ("route == \"a\nb\"", &unclosed(10, '"')),
        ("route == \"a\\\rb\"", &unclosed(10, '"')),
        ("route == 'a\\'", &unclosed(10, '\'')),
        ("route == r'a'", &prefix("r")),
        ("route == b\"a\"", &prefix("b")),
        ("route == bR'a'", &prefix("bR")),
        ("route == '''a'''", triple),
        ("route == \"\"\"\"\"\"", triple),
        (r"route == 'é\d'", &format!("character 12: {}", escape(r"\d"))),
        (r"route == '\x4'", &format!("character 11: {}", escape(r"\x4"))),
        (r"route == '\u00é0'", &format!("character 11: {}", escape(r"\u00é0"))),
        (r"route == '\400'", &format!("character 11: {}", escape(r"\4"))),
        (r"route == '\08'", &format!("character 11: {}", escape(r"\08"))),
        (
            r"route == '\ud83d'",
            r"character 11: \ud83d is no character of Unicode; expected a code point up to 10FFFF that is no surrogate",
        ),
        (
            r"route == '\U00110000'",
            r"character 11: \U00110000 is no character of Unicode; expected a code point up to 10FFFF that is no surrogate",
        ),
    ]);
}

#[test]
fn unknown_names_functions_and_macros_are_refused() {
    let known = "known are has(), and startsWith(), endsWith() and contains() behind a string";
    let no_macro = |at: usize, name: &str| {
        format!(
            "character {at}: the macro {name}() is not part of conditions: a request holds no lists to go through; the only macro \
             is has()"
        )
    };
    assert_refused(&[
        (
            "params.carrier == HA",
            "character 19: unknown name \"HA\": known are metadata, params, route and peer; a string needs quotes: \"HA\"",
        ),
        (
            "request.time",
            "character 1: unknown name \"request\": known are metadata, params, route and peer; a string needs quotes: \
             \"request\"",
        ),
        ("size(route) == 3", &format!("character 1: unknown function size(): {known}")),
        ("peer.matches('^10')", &format!("character 6: unknown function matches(): {known}")),
        ("int(params.n) == 5", &format!("character 1: unknown function int(): {known}")),
        ("params.all(k, k == 'a')", &no_macro(8, "all")),
        ("['a'].exists(x, x == route)", &no_macro(7, "exists")),
        ("filter(params)", &no_macro(1, "filter")),
        (
            "startsWith(peer, '10.')",
            "character 1: startsWith() stands behind its string; write such as peer.startsWith(\"…\")",
        ),
        ("params.has(x)", "character 8: has() stands before its entry; write such as has(params.carrier)"),
        (
            "params.x == null",
            "character 13: null is not part of conditions; for an entry that is not there write !has(params.x) or !(\"x\" in \
             params)",
        ),
        ("peer.contains()", "character 6: contains() takes one string, got 0 arguments"),
        ("peer.contains('a', 'b')", "character 6: contains() takes one string, got 2 arguments"),
        ("has()", "character 1: has() takes one entry with a dot, such as has(params.carrier)"),
        ("has(route)", "character 5: has() takes one entry with a dot, such as has(params.carrier)"),
        (
            "has(metadata[\"x-team\"])",
            "character 5: has() takes one entry with a dot; with brackets write \"x-team\" in metadata",
        ),
    ]);
}

#[test]
fn entries_are_named_as_grpc_and_requests_name_them() {
    let entries = "only metadata and params have entries; a name with a dot goes in brackets, such as params[\"a.b\"]";
    let long = format!("params['{}'] == 1", "a".repeat(129));
    assert_refused(&[
        ("metadata['X-Team'] == 'a'", "character 1: metadata names are lower-case in gRPC; write metadata[\"x-team\"]"),
        ("true && has(metadata.Team)", "character 9: metadata names are lower-case in gRPC; write metadata[\"team\"]"),
        (
            "'x team' in metadata",
            "character 1: \"x team\" is no gRPC metadata name: 1 to 128 of a-z, 0-9, '_', '-' and '.'",
        ),
        (
            "metadata['\\''] == 'a'",
            "character 1: \"'\" is no gRPC metadata name: 1 to 128 of a-z, 0-9, '_', '-' and '.'",
        ),
        (
            "metadata['grpc-timeout'] == '1S'",
            "character 1: \"grpc-timeout\" is reserved: metadata that starts with \"grpc-\" belongs to the protocol",
        ),
        (
            "metadata['x-id-bin'] == 'a'",
            "character 1: \"x-id-bin\" holds binary values, which cannot be compared; name an entry that does not end in \"-bin\"",
        ),
        ("params[''] == 1", "character 1: \"\" is no parameter name: 1 to 128 bytes without control characters"),
        ("params['\\n'] == 1", "character 1: \"\\n\" is no parameter name: 1 to 128 bytes without control characters"),
        (
            &long,
            &format!(
                "character 1: {:?} is no parameter name: 1 to 128 bytes without control characters",
                "a".repeat(129)
            ),
        ),
        (
            "metadata[route] == 'a'",
            "character 10: an entry is named by a string in quotes, such as metadata[\"team\"], got 'route'",
        ),
        ("params[0] == 'a'", "character 8: an entry is named by a string in quotes, such as params[\"team\"], got '0'"),
        ("params.in == 1", "character 8: an entry is named by a string in quotes, such as params[\"team\"], got 'in'"),
        ("params.a.b == 1", &format!("character 9: {entries}")),
        ("peer['a'] == 1", &format!("character 5: {entries}")),
        (
            "metadata == 'a'",
            "character 1: metadata as a whole has no value; name an entry, such as metadata.team or metadata[\"x-team\"]",
        ),
        (
            "params",
            "character 1: params as a whole has no value; name an entry, such as params.team or params[\"x-team\"]",
        ),
        (
            "route in metadata",
            "character 1: on the left of 'in metadata' stands the name of an entry in quotes, such as \"team\" in metadata",
        ),
    ]);
}

#[test]
fn types_that_do_not_fit_are_refused() {
    let mismatch = |at: usize, operator: &str, types: &str| {
        format!(
            "character {at}: '{operator}' compares values of one type, got {types}; write \"5\" for a string, 5 for an int, 5u for \
             a uint, 5.0 for a double"
        )
    };
    assert_refused(&[
        ("route", "character 1: a condition is true or false, got a string; compare it, such as route == \"…\""),
        ("5", "character 1: a condition is true or false, got an int; compare it, such as route == \"…\""),
        (
            "true && metadata.a",
            "character 9: beside '&&' stands what is true or false, got a string; compare it, such as route == \"…\"",
        ),
        (
            "1.5 || true",
            "character 1: beside '||' stands what is true or false, got a double; compare it, such as route == \"…\"",
        ),
        (
            "!metadata.a == 'b'",
            "character 2: behind '!' stands what is true or false, got a string; write a != b, or !(a == b) with parentheses",
        ),
        ("metadata.a == 5", &mismatch(15, "==", "a string and an int")),
        ("1u < 2.0", &mismatch(6, "<", "a uint and a double")),
        ("route != (peer == 'a')", &mismatch(11, "!=", "a string and a bool")),
        (
            "'a' in peer",
            "character 8: on the right of 'in' stands a list, metadata or params, got a string; for a part of a string write \
             x.contains(\"…\")",
        ),
        (
            "'a' in params.list",
            "character 8: on the right of 'in' stands a list, metadata or params, got a parameter; for a part of a string write \
             x.contains(\"…\")",
        ),
        (
            "route in ['a', 5]",
            "character 16: a string never equals an int, so this entry of the list is dead; write values of one type",
        ),
        ("route in []", "character 10: nothing is in an empty list; write at least one value"),
        (
            "route in [peer]",
            "character 11: a list holds strings, numbers and bools as they are, got 'peer'; instead of x in [y] write x == y",
        ),
        ("['a'] == ['a']", "character 1: a list stands only on the right of 'in', such as route in [\"a\", \"b\"]"),
        ("(route == 'a').contains('b')", "character 2: contains() stands behind a string, got a bool"),
        ("peer.endsWith(5)", "character 15: endsWith() takes a string, got an int"),
    ]);
}
