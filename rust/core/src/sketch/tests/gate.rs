//! The gate: what breaks a rule, that it is what counting says, and what callers read of it.

use proptest::prelude::*;

use super::*;
use crate::fault::Reason;
use crate::oip::datatype::Datatype;

/// What a tensor breaks, by rule: its first row and how many.
fn broken(plan: &Plan, raw: &[u8], rows: usize) -> Breaches {
    let mut broken = Breaches::default();
    Gate::new(plan).check(plan, 0, raw, rows, &mut broken).expect("whole rows");
    broken
}

fn listed(broken: &Breaches) -> Vec<(usize, &'static str, usize, u64)> {
    broken.iter().map(|(feature, rule, breach)| (feature, rule.name(), breach.row, breach.rows)).collect()
}

fn with(mut feature: Value, fields: &Value) -> Value {
    let fields = fields.as_object().expect("fields").clone();
    feature.as_object_mut().expect("a feature").extend(fields);
    feature
}

/// A feature of strings with two categories, one that is rare, and lengths of 2 to 4 bytes.
fn carrier(column: usize, fields: &Value) -> Value {
    let feature = json!({
        "name": format!("carrier{column}"), "column": column, "kind": "categorical", "categories": ["UA", "B6"],
        "counts": [6, 3], "others": ["rare"], "other": 1, "min_length": 2, "max_length": 4,
    });
    with(feature, fields)
}

fn strings(values: &[&[u8]]) -> Vec<u8> {
    values.iter().flat_map(|value| [&(value.len() as u32).to_le_bytes()[..], value].concat()).collect()
}

#[test]
fn numbers_break_range_and_nullability_and_the_first_row_is_named() {
    let plan = Plan::new(profile("FP32", 2, 10, &[0, 1].map(|column| feature(column, &json!([5]), &json!(-1)))));
    let rows = [[0.0, 10.0], [-0.0, 5.0], [10.5, -1.0], [-0.5, f32::NAN], [f32::INFINITY, 3.0], [-1.0, 3.0]];
    let broken = broken(&plan, &bytes_of(&rows.concat()), 6);
    assert_eq!(listed(&broken), [(0, "nullability", 5, 1), (0, "range", 2, 3), (1, "nullability", 2, 2)]);
}

#[test]
fn what_the_reference_had_breaks_nothing() {
    let usual = json!({"nullable": true, "nan": 1, "positive_infinite": 1, "negative_infinite": 1});
    let usual = with(feature(0, &json!([5]), &json!(7)), &usual);
    let plan = Plan::new(profile("FP64", 1, 13, &[usual]));
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 7.0, 0.0, -0.0, 10.0];
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert!(broken(&plan, &raw, values.len()).is_empty());
}

#[test]
fn a_reference_without_numbers_has_no_range_and_no_infinite() {
    let nothing = json!({
        "name": "x", "column": 0, "kind": "numeric", "edges": [], "counts": [0], "null": 10, "nullable": true,
        "sentinel": -1,
    });
    let plan = Plan::new(profile("FP32", 1, 10, &[nothing]));
    let broken = broken(&plan, &bytes_of(&[5.0, f32::NAN, -1.0, f32::INFINITY]), 4);
    assert_eq!(listed(&broken), [(0, "range", 3, 1)]);
    let fault = broken.fault(&plan, "m/1", |_| "inputs[0]".to_owned());
    assert_eq!(fault.violations[0].description, "x:range: expected nothing finite, got inf in row 3");
}

#[test]
fn integers_are_held_against_bounds_of_their_own() {
    let edge = (1_i64 << 53) + 1;
    let exact = with(feature(0, &json!([edge]), &json!(0)), &json!({"min": edge, "max": i64::MAX}));
    let plan = Plan::new(profile("INT64", 1, 10, &[exact]));
    let raw = |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    assert_eq!(
        listed(&broken(&plan, &raw(&[edge, i64::MAX, edge - 1, 0]), 4)),
        [(0, "nullability", 3, 1), (0, "range", 2, 1)]
    );
    let truths = with(feature(0, &json!([]), &Value::Null), &json!({"min": 0, "max": 0, "mean": 0}));
    let plan = Plan::new(profile("BOOL", 1, 10, &[truths]));
    assert_eq!(listed(&broken(&plan, &[0, 0, 1], 3)), [(0, "range", 2, 1)]);
}

#[test]
fn strings_break_category_length_and_nullability() {
    let plan =
        Plan::new(profile("BYTES", 2, 10, &[1, 0].map(|column| carrier(column, &json!({"sentinel": "missing"})))));
    let rows: [[&[u8]; 2]; 4] = [[b"UA", b"rare"], [b"", b"B6"], [b"missing", b"x"], [b"XX", b"\xff\xff\xff\xff\xff"]];
    let broken = broken(&plan, &strings(&rows.concat()), 4);
    // Features are numbered as the profile lists them, and not as their columns lie.
    assert_eq!(
        listed(&broken),
        [(0, "category", 2, 2), (0, "length", 2, 2), (1, "nullability", 1, 2), (1, "category", 3, 1)]
    );
}

#[test]
fn a_dictionary_that_lacks_some_of_the_reference_tells_nobody_apart() {
    let open = carrier(0, &json!({"counts": [6, 2], "new": 1, "nullable": true}));
    let plan = Plan::new(profile("BYTES", 1, 10, &[open]));
    assert_eq!(listed(&broken(&plan, &strings(&[b"XX", b"", b"longer"]), 3)), [(0, "length", 2, 1)]);
}

#[test]
fn bytes_that_are_no_rows_are_not_looked_at() {
    let plan = Plan::new(profile("FP32", 2, 10, &[feature(0, &json!([5]), &Value::Null)]));
    let mut broken = Breaches::default();
    let refused = Gate::new(&plan).check(&plan, 0, &bytes_of(&[99.0; 3]), 2, &mut broken);
    assert_eq!(refused, Err(CountError::Length { rows: 2, row: 8, got: 12 }));
    let plan = Plan::new(profile("BYTES", 2, 10, &[carrier(0, &json!({}))]));
    let refused = Gate::new(&plan).check(&plan, 0, &strings(&[b"no"]), 1, &mut broken);
    assert_eq!(refused, Err(CountError::Elements { rows: 1, width: 2, got: 1 }));
    assert!(broken.is_empty());
}

#[test]
fn a_fault_names_feature_rule_row_and_what_came() {
    let plan = Plan::new(profile("FP32", 2, 10, &[0, 1].map(|column| feature(column, &json!([5]), &Value::Null))));
    let one = broken(&plan, &bytes_of(&[1.0, 2.0, 3.0, 23.7]), 2).fault(&plan, "m/3", |input| format!("of {input}"));
    assert_eq!(one.reason, Reason::RuleBroken);
    let sentence = "f1:range: expected 0 to 10, got 23.7 in row 1";
    assert_eq!((&*one.violations[0].field, &*one.violations[0].description), ("of x", sentence));
    let begin = "a rule is broken that the profile of m/3 sets; correct the values and send again: ";
    assert_eq!(one.message, format!("{begin}{sentence}"));
    let both = broken(&plan, &bytes_of(&[99.0, 2.0, 1e30, f32::NAN]), 2);
    let fault = both.fault(&plan, "m/3", |_| String::new());
    assert!(fault.message.starts_with("2 rules are broken"), "{}", fault.message);
    assert!(
        fault.message.contains("f0:range: expected 0 to 10, got 99 in row 0, the first of 2 rows; f1:nullability: ")
    );
    assert_eq!(both.flag(&plan), "f0:range,f1:nullability");
}

#[test]
fn what_is_said_stays_short_whatever_came() {
    let long = format!("{}é", "x".repeat(200));
    let features: Vec<Value> = (0..40).map(|at| carrier(at, &json!({"name": format!("{at}{long}")}))).collect();
    let plan = Plan::new(profile("BYTES", 40, 10, &features));
    let value = vec![0xe9_u8; 1 << 20];
    let broken = broken(&plan, &strings(&vec![&value[..]; 40]), 1);
    assert_eq!(broken.len(), 80);
    let fault = broken.fault(&plan, "m/1", |_| "inputs[0]".to_owned());
    assert_eq!(fault.violations.len(), 8);
    assert!(fault.message.ends_with("; and 72 more"), "{}", fault.message);
    assert!(fault.violations.iter().all(|violation| violation.description.len() < 400));
    assert!(
        fault.message.contains("… of 1048576 bytes in row 0") && fault.message.contains("got 1048576 bytes in row")
    );
    let flag = broken.flag(&plan);
    let more: usize = flag.rsplit_once(",+").expect("more").1.parse().expect("how many");
    assert!(flag.len() <= MOST_FLAG_BYTES);
    assert_eq!(flag.matches(':').count() + more, 80);
}

/// How many rows break each rule of each feature by the rules of the offline check: from what was counted.
fn by_counts(plan: &Plan, counts: &Counts<u32>) -> Vec<(usize, Rule, u64)> {
    let mut found = Vec::new();
    for (at, (_, feature)) in plan.profile().features().enumerate() {
        let (missing, rest) = match (counts.cell(plan, at), &feature.kind) {
            (Cell::Numeric(cell), kind) => {
                let infinities = match kind {
                    Kind::F32(own) => (own.positive_infinite, own.negative_infinite),
                    Kind::F64(own) => (own.positive_infinite, own.negative_infinite),
                    _ => (0, 0),
                };
                let positive = if infinities.0 == 0 { cell.positive_infinite } else { 0 };
                let negative = if infinities.1 == 0 { cell.negative_infinite } else { 0 };
                (cell.nan + cell.null, vec![(Rule::Range, cell.below + cell.above + positive + negative)])
            }
            (Cell::Categorical(cell), _) => (cell.null, vec![(Rule::Category, cell.new)]),
        };
        found.push((at, Rule::Nullability, if feature.nullable { 0 } else { missing }));
        found.extend(rest.into_iter().map(|(rule, rows)| (at, rule, rows)));
    }
    found.retain(|(_, _, rows)| *rows > 0);
    found
}

/// Numbers of which many are unlike the reference.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => 0.0_f32..10.0,
        1 => prop::sample::select(vec![0.0, -0.0, 10.0, -1.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        1 => any::<f32>(),
    ]
}

proptest! {
    #[test]
    fn the_gate_and_the_counts_agree_on_every_kernel(
        (width, values) in (1_usize..20).prop_flat_map(|width| (Just(width), prop::collection::vec(number(), width * 7))),
        nullable in any::<bool>(),
        infinite in 0_u64..2,
        sentinel in prop::sample::select(vec![json!(null), json!(-1), json!(3)]),
        is_wide in any::<bool>(),
    ) {
        let kind = json!({"nullable": nullable, "positive_infinite": infinite});
        // Some columns have no feature.
        let columns = (0..width).filter(|column| column % 5 != 3);
        let features: Vec<Value> = columns.map(|column| with(feature(column, &json!([2, 5]), &sentinel), &kind)).collect();
        let datatype = if is_wide { "FP64" } else { "FP32" };
        let raw: Vec<u8> = if is_wide {
            values.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect()
        } else {
            bytes_of(&values)
        };
        let own = profile(datatype, width, 10 + infinite, &features);
        for level in Level::available() {
            let plan = Plan::new(Arc::clone(&own)).at(level);
            let mut counts = Counts::new(&plan);
            counts.count_rows(&plan, 0, &raw, 7).expect("whole rows");
            let gate: Vec<_> =
                broken(&plan, &raw, 7).iter().map(|(feature, rule, breach)| (feature, rule, breach.rows)).collect();
            prop_assert_eq!(gate, by_counts(&plan, &counts));
        }
    }

    #[test]
    fn strings_at_the_gate_are_what_is_counted(
        values in prop::collection::vec(prop::sample::select(vec!["UA", "B6", "rare", "", "nil", "ZZ", "x", "too long"]), 12),
        nullable in any::<bool>(),
    ) {
        let features = [0, 2].map(|column| carrier(column, &json!({"nullable": nullable, "sentinel": "nil"})));
        let plan = Plan::new(profile("BYTES", 3, 10, &features));
        let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        let raw = strings(&values);
        let mut counts = Counts::new(&plan);
        counts.count_rows(&plan, 0, &raw, 4).expect("whole rows");
        let gate: Vec<_> = broken(&plan, &raw, 4)
            .iter()
            .filter(|(_, rule, _)| *rule != Rule::Length)
            .map(|(feature, rule, breach)| (feature, rule, breach.rows))
            .collect();
        prop_assert_eq!(gate, by_counts(&plan, &counts));
    }
}

#[test]
fn half_precision_is_held_against_its_own_values() {
    assert_eq!(Datatype::Fp16.size(), Some(2));
    let plan = Plan::new(profile("FP16", 1, 10, &[feature(0, &json!([5]), &Value::Null)]));
    // 10 and the next number above it.
    let raw: Vec<u8> = [0x4900_u16, 0x4901].iter().flat_map(|bits| bits.to_le_bytes()).collect();
    assert_eq!(listed(&broken(&plan, &raw, 2)), [(0, "range", 1, 1)]);
}
