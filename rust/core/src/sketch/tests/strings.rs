//! Strings: known, rare, new and missing ones.

use super::*;

fn plan(sentinel: &Value) -> Plan {
    let feature = json!({
        "name": "carrier", "column": 0, "kind": "categorical", "categories": ["UA", "DL"], "counts": [5, 3],
        "others": ["XX"], "other": 1, "null": 1, "sentinel": sentinel,
    });
    Plan::new(profile("BYTES", 2, 10, &[feature]))
}

fn categorical<N: Count>(counts: &Counts<N>, plan: &Plan) -> CategoricalCell {
    match counts.cell(plan, 0) {
        Cell::Categorical(cell) => cell,
        Cell::Numeric(_) => panic!("the feature is categorical"),
    }
}

fn count(plan: &Plan, values: &[&[u8]]) -> Counts<u32> {
    let mut counts = Counts::new(plan);
    let rows: Vec<&[u8]> = values.iter().flat_map(|value| [*value, b"another column"]).collect();
    counts.count_strings(plan, 0, rows.into_iter(), values.len()).expect("whole rows");
    counts
}

#[test]
fn each_string_is_a_category_or_another_or_new_or_missing() {
    let plan = plan(&json!("n/a"));
    let cell = categorical(&count(&plan, &[b"UA", b"UA", b"DL", b"XX", b"ZZZ", b"", b"n/a"]), &plan);
    assert_eq!((cell.categories.as_slice(), cell.other, cell.new, cell.null), ([2, 1].as_slice(), 1, 1, 2));
    assert_eq!((cell.rows(), cell.lengths), (7, Some((2, 3))));
    assert_eq!(cell.newcomers, [Newcomer { name: "ZZZ".to_owned(), at_most: 1, at_least: 1 }]);
    assert!((cell.distinct_new - 1.0).abs() < 0.01);
}

#[test]
fn the_wire_and_arrow_count_alike() {
    let plan = plan(&Value::Null);
    let values: [&[u8]; 5] = [b"UA", b"", b"DL", b"\xff\xfe", b"XX"];
    let expected = categorical(&count(&plan, &values), &plan);
    let data = values.concat();
    let mut offsets = vec![0_i32];
    for value in values {
        offsets.push(offsets[offsets.len() - 1] + value.len() as i32);
    }
    let large: Vec<i64> = offsets.iter().map(|offset| (*offset).into()).collect();
    let raw: Vec<u8> = values.iter().flat_map(|value| [&(value.len() as u32).to_le_bytes(), *value].concat()).collect();
    for column in [
        Values::Strings { offsets: &offsets, data: &data },
        Values::LargeStrings { offsets: &large, data: &data },
        Values::Raw(&raw),
    ] {
        let mut counts = Counts::new(&plan);
        counts.count_column(&plan, 0, 0, column).expect("good strings");
        assert_eq!(categorical(&counts, &plan), expected);
    }
}

#[test]
fn strings_that_are_not_whole_are_refused_and_not_counted() {
    let plan = plan(&Value::Null);
    let mut counts = Counts::new(&plan);
    let cut = [2, 0, 0, 0, b'U'];
    let elements = |got| CountError::Elements { rows: 1, width: 2, got };
    assert_eq!(counts.count_rows(&plan, 0, &cut, 1), Err(elements(0)));
    assert_eq!(counts.count_strings(&plan, 0, [b"UA".as_slice()].into_iter(), 1), Err(elements(1)));
    let mut column = |values| counts.count_column(&plan, 0, 0, values);
    assert_eq!(column(Values::Raw(&cut)), Err(CountError::Offsets));
    for offsets in &[[0, 3], [2, 1], [-1, 1]] {
        assert_eq!(column(Values::Strings { offsets, data: b"UA" }), Err(CountError::Offsets));
    }
    assert_eq!(column(Values::F32(&[1.0])), Err(CountError::Datatype { expected: "BYTES" }));
    assert_eq!(counts, Counts::new(&plan));
}

#[test]
fn frequent_newcomers_are_named_and_long_ones_cut() {
    let plan = plan(&Value::Null);
    let long = vec![b'x'; 1 << 20];
    let rare: Vec<String> = (0..1_000).map(|number| format!("rare {number}")).collect();
    let mut values: Vec<&[u8]> = rare.iter().map(String::as_bytes).collect();
    values.extend([b"AA".as_slice(), &long].repeat(500));
    let cell = categorical(&count(&plan, &values), &plan);
    let names: Vec<&str> = cell.newcomers[..2].iter().map(|newcomer| newcomer.name.as_str()).collect();
    assert!(names.contains(&"AA") && names.contains(&"x".repeat(128).as_str()), "{names:?}");
    for newcomer in &cell.newcomers[..2] {
        assert!(newcomer.at_least <= 500 && 500 <= newcomer.at_most, "{newcomer:?}");
    }
    assert!((cell.distinct_new / 1_002.0 - 1.0).abs() < 0.1, "{}", cell.distinct_new);
    assert_eq!(cell.new, 2_000);
    assert_eq!(cell.lengths, Some((2, 1 << 20)));
}

#[test]
fn merged_counts_are_those_of_one_pass_and_merged_names_hold_the_truth() {
    let plan = plan(&Value::Null);
    let names: Vec<String> = (0..40).map(|number| format!("new {number}")).collect();
    let pick = |range: std::ops::Range<usize>| -> Vec<&[u8]> {
        range
            .map(|at| if at % 3 == 0 { b"UA".as_slice() } else { names[(at * at) % 40 % (1 + at % 40)].as_bytes() })
            .collect()
    };
    let (left, right) = (pick(0..700), pick(700..2_000));
    let mut merged = Counts::<u64>::new(&plan);
    merged.merge(&count(&plan, &left));
    merged.merge(&count(&plan, &right));
    let (merged, whole) =
        (categorical(&merged, &plan), categorical(&count(&plan, &[left.clone(), right.clone()].concat()), &plan));
    assert_eq!((merged.categories, merged.new, merged.lengths), (whole.categories, whole.new, whole.lengths));
    assert!((merged.distinct_new - whole.distinct_new).abs() < 1e-9);
    for newcomer in &merged.newcomers {
        let truth = left.iter().chain(&right).filter(|value| **value == newcomer.name.as_bytes()).count() as u64;
        assert!(newcomer.at_least <= truth && truth <= newcomer.at_most, "{truth}: {newcomer:?}");
    }
}
