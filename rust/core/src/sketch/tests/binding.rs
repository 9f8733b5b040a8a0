//! Which models a profile is of.

use super::*;
use crate::oip::datatype::Datatype;
use crate::oip::signature::{Signature, TensorSpec};

fn spec(name: &str, datatype: Datatype, dims: &[i64]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), datatype, dims: dims.to_vec(), axes: Vec::new() }
}

fn signature(inputs: &[TensorSpec]) -> Signature {
    Signature { inputs: inputs.to_vec(), outputs: vec![spec("y", Datatype::Fp32, &[-1, 2])] }
}

fn refused(inputs: &[TensorSpec]) -> Vec<(String, String)> {
    let profile = profile("FP32", 4, 10, &[feature(0, &json!([1]), &Value::Null)]);
    let violations = Plan::bind(profile, &signature(inputs)).expect_err("another model's");
    violations.into_iter().map(|violation| (violation.path, violation.reason)).collect()
}

#[test]
fn a_profile_binds_by_name_datatype_and_width_whatever_else_the_model_takes() {
    let others = spec("z", Datatype::Bytes, &[-1]);
    for dims in [[-1, 4].as_slice(), &[8, 4], &[-1, 2, 2], &[-1, -1]] {
        let profile = profile("FP32", 4, 10, &[feature(0, &json!([1]), &Value::Null)]);
        let plan = Plan::bind(profile, &signature(&[others.clone(), spec("x", Datatype::Fp32, dims)])).expect("binds");
        assert_eq!(plan.tensor(Direction::Input, "x"), Some(0));
        assert_eq!(plan.tensor(Direction::Output, "x"), None);
        assert_eq!(plan.features(), 1);
    }
    let profile = profile("FP32", 1, 10, &[feature(0, &json!([1]), &Value::Null)]);
    assert!(Plan::bind(profile, &signature(&[spec("x", Datatype::Fp32, &[])])).is_ok());
}

#[test]
fn a_profile_of_another_model_is_refused_with_both_lists() {
    let violations = refused(&[spec("a", Datatype::Fp32, &[-1, 4])]);
    assert_eq!(violations[0], ("tensors[0].name".to_owned(), "the model has no input \"x\"".to_owned()));
    assert_eq!(violations[1].1, "inputs of the profile: x FP32[4]; of the model: a FP32[4]");
    assert_eq!(violations[2].1, "outputs of the profile: none; of the model: y FP32[2]");
    let violations = refused(&[spec("x", Datatype::Fp64, &[-1, 4])]);
    assert_eq!(
        violations[0],
        ("tensors[0].datatype".to_owned(), "is FP32, input \"x\" of the model is FP64".to_owned())
    );
    let violations = refused(&[spec("x", Datatype::Fp32, &[-1, 3])]);
    let reason = "is 4, input \"x\" of the model has 3 elements per row";
    assert_eq!(violations[0], ("tensors[0].width".to_owned(), reason.to_owned()));
}
