//! Where memory does not suffice, the lightest features lose their bins.

use super::*;

/// Twenty columns of one tensor, in three groups of eight.
fn plan_of_twenty() -> Plan {
    let features: Vec<Value> =
        (0..20).map(|column| super::super::feature(column, &json!([2, 4, 6]), &json!(-1))).collect();
    Plan::new(profile("FP32", 20, 10, &features))
}

fn named(plan: &Plan) -> Vec<&str> {
    plan.bare_features().map(|(_, column)| &*column.name).collect()
}

#[test]
fn the_lightest_eight_go_first_and_their_moments_stay() {
    let plan = plan_of_twenty();
    let weight = |feature: &Feature| if (8..16).contains(&feature.column) { 0.5 } else { 1.0 };
    assert!(plan.within(plan.window_bytes(), &weight).is_none());
    let thinned = plan.within(plan.window_bytes() - 1, &weight).expect("a byte is missing");
    assert_eq!(named(&thinned), (8..16).map(|column| format!("f{column}")).collect::<Vec<_>>());
    assert!(thinned.bare_features().all(|(_, column)| column.state == Unjudged::Moments));
    assert_eq!(thinned.features(), 12);

    let rows: Vec<f32> = (0..40).map(|at| if at == 28 { -1.0 } else { at as f32 }).collect();
    let raw = bytes_of(&rows);
    let mut open = Counts::<u32>::new(&thinned);
    for (tensor, ..) in thinned.counted() {
        open.count_rows(&thinned, tensor, &raw, 2).expect("whole rows");
    }
    let (all, thin) = (closed(&thinned, &open), counted(&plan, &raw, 2));
    let Cell::Numeric(before) = thin.cell(&plan, 9) else { panic!("it is numeric") };
    let now = numbers(&all, &thinned, 1);
    assert_eq!((now.rows, now.range, now.mean), (before.rows(), before.range, before.mean()));
    assert_eq!((now.sd, now.quantiles.len()), (before.sd(), 0));
    assert_eq!(numbers(&all, &thinned, 0).null, 1);
    // What kept its bins is counted as before.
    assert_eq!(all.cell(&thinned, 8), thin.cell(&plan, 16));
}

#[test]
fn what_no_profile_describes_goes_before_anything_that_one_does() {
    let signature = Signature {
        inputs: vec![spec("y", Datatype::Fp32, &[-1]), spec("z", Datatype::Bytes, &[-1])],
        outputs: Vec::new(),
    };
    let plan = plan_of_twenty().and_others(&signature);
    let thinned = plan.within(plan.window_bytes() - 1, &|_| 1.0).expect("a byte is missing");
    assert_eq!((named(&thinned), thinned.features()), (vec!["y", "z"], 20));
    assert!(thinned.window_bytes() < plan.window_bytes() - 10_000);
}

#[test]
fn where_nothing_suffices_all_moments_stay() {
    let thinned = plan_of_twenty().within(1, &|_| 1.0).expect("a byte is not enough");
    assert_eq!((thinned.features(), named(&thinned).len()), (0, 20));
    assert!(thinned.window_bytes() > 1);
}

#[test]
fn a_hundred_thousand_features_are_thinned_to_what_fits() {
    let features: Vec<Value> =
        (0..MAX_FEATURES).map(|column| super::super::feature(column, &json!([2, 4, 6]), &Value::Null)).collect();
    let plan = Plan::new(profile("FP32", MAX_FEATURES, 10, &features));
    let room = plan.window_bytes() * 19 / 20;
    let thinned = plan.within(room, &|feature| feature.column as f64).expect("it is too little");
    assert!(thinned.window_bytes() <= room);
    assert!(thinned.features() > MAX_FEATURES / 4, "{}", thinned.features());
    assert_eq!(thinned.features() + named(&thinned).len(), MAX_FEATURES);
    // One group less would have been too few.
    let last = thinned.bare_features().map(|(_, column)| column.at).max().expect("some are thinned");
    assert_eq!(last + 1, named(&thinned).len());
    let mut beyond = features;
    beyond.push(super::super::feature(MAX_FEATURES, &json!([]), &Value::Null));
    let document = json!({"format": FORMAT, "rows": 10, "tensors": [
        {"name": "x", "direction": "input", "datatype": "FP32", "width": MAX_FEATURES + 1, "features": beyond}]});
    let refused = Profile::parse(&document).expect_err("one too many");
    assert!(refused[0].reason.contains("have 100001 features; at most 100000"), "{}", refused[0].reason);
}
