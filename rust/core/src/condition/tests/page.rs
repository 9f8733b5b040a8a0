//! `docs/conditions.md` shows what is so: each of its examples is read, and each outcome it names is the outcome.

use super::{Request, condition, text};
use crate::condition::syntax::Literal;
use crate::condition::{Condition, MAX_NESTING, MAX_NODES, MAX_TEXT_BYTES, MAX_VALUE_BYTES, Outcome};

const PAGE: &str = include_str!("../../../../../docs/conditions.md");

/// The rows of the table whose first heading is this one, cells without the bars that Markdown escapes.
fn table(heading: &str) -> Vec<Vec<String>> {
    let start = format!("| {heading} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&start)).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = rows.map(cells).collect();
    assert!(rows.len() > 2, "a table {heading:?} with rows");
    rows.into_iter().skip(2).collect()
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim_matches('|').replace("\\|", "\u{1}");
    row.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "match",
        Outcome::NoMatch => "no match",
        Outcome::Missing(_) => "missing",
    }
}

fn assert_outcomes(heading: &str, requests: &[Request]) {
    for row in table(heading) {
        let condition = condition(code(&row[0])[0]);
        let outcomes: Vec<_> = requests.iter().map(|request| word(condition.evaluate(request))).collect();
        assert_eq!(row[1..], outcomes, "{}", row[0]);
    }
}

#[test]
fn every_line_of_every_block_is_a_condition() {
    let blocks: Vec<_> =
        PAGE.split("```cel\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(!blocks.is_empty());
    for line in blocks.iter().flat_map(|block| block.lines()).filter(|line| !line.is_empty()) {
        condition(line);
    }
}

#[test]
fn every_example_of_an_operator_is_a_condition() {
    for row in table("operator") {
        for example in code(&row[2]) {
            condition(example);
        }
    }
}

#[test]
fn the_outcomes_without_an_entry_are_as_the_page_says() {
    let with = |value: &str| Request::default().metadata("a", value);
    assert_outcomes("condition", &[Request::default(), with("b"), with("c")]);
}

#[test]
fn the_outcomes_of_parameters_of_each_type_are_as_the_page_says() {
    let with = |value| Request::default().param("n", value);
    let requests = [Literal::Int(5), Literal::Double(5.5), text("5"), Literal::Bool(true)].map(with);
    assert_outcomes("on a parameter", &requests);
}

#[test]
fn what_the_page_calls_refused_is_refused_and_what_it_advises_is_not() {
    for row in table("refused") {
        for refused in code(&row[0]) {
            assert!(refused.parse::<Condition>().is_err(), "{refused}");
        }
        for advised in code(&row[1]) {
            condition(advised);
        }
    }
}

#[test]
fn the_limits_are_those_of_the_code() {
    for (limit, row) in [MAX_TEXT_BYTES, MAX_NESTING, MAX_NODES, MAX_VALUE_BYTES].iter().zip(table("limit")) {
        let [number, ..] = row[1].split(' ').collect::<Vec<_>>()[..] else { panic!("{row:?}") };
        assert_eq!(number.replace(',', ""), limit.to_string(), "{row:?}");
    }
}
