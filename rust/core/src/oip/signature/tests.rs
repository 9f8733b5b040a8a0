//! Which signatures may be batched, and how two of them differ.

use super::*;

fn spec(name: &str, dims: &[i64], axes: &[&str]) -> TensorSpec {
    let axes = axes.iter().map(|&axis| axis.to_owned()).collect();
    TensorSpec { name: name.to_owned(), datatype: Datatype::Fp32, dims: dims.to_vec(), axes }
}

fn signature(inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Signature {
    Signature { inputs: inputs.to_vec(), outputs: outputs.to_vec() }
}

#[test]
fn first_axes_that_are_dynamic_and_not_differently_named_can_carry_rows() {
    let x = [spec("x", &[-1, 4], &["N", ""]), spec("z", &[-1], &[])];
    assert_eq!(signature(&x, &[spec("y", &[-1], &["N"])]).eligible_for_batching(), Ok(()));
    let reason = |inputs: &[TensorSpec], outputs: &[TensorSpec]| {
        signature(inputs, outputs).eligible_for_batching().expect_err("not eligible")
    };
    assert_eq!(reason(&[], &[]), "the model has no inputs");
    let scalar = reason(&x, &[spec("y", &[], &[])]);
    assert_eq!(scalar, "output \"y\" is a scalar, it has no first axis to carry rows");
    assert_eq!(reason(&[spec("x", &[1, 4], &[])], &[]), "the first axis of input \"x\" is fixed at 1, not dynamic");
    let named = reason(&x, &[spec("y", &[-1], &["M"])]);
    assert_eq!(named, "the first axis of output \"y\" is named \"M\", another one \"N\": they may differ in length");
}

#[test]
fn elements_per_row_are_known_where_all_other_axes_are_fixed() {
    assert_eq!(spec("x", &[-1, 4, 3], &[]).elements_per_row(), Some(12));
    assert_eq!(spec("x", &[-1], &[]).elements_per_row(), Some(1));
    assert_eq!(spec("x", &[-1, -1], &[]).elements_per_row(), None);
    assert_eq!(spec("x", &[-1, i64::MAX, 3], &[]).elements_per_row(), None);
    assert_eq!(spec("x", &[], &[]).elements_per_row(), None);
}

#[test]
fn signatures_differ_in_names_datatypes_and_ranks() {
    let ours =
        signature(&[spec("a", &[-1], &[]), spec("b", &[-1], &[]), spec("c", &[-1], &[])], &[spec("y", &[1], &[])]);
    assert!(ours.differences(&ours).is_empty());
    let mut wide = spec("a", &[-1], &[]);
    wide.datatype = Datatype::Fp64;
    let theirs = signature(&[wide, spec("b", &[-1, 2], &[])], &[spec("y", &[7], &[]), spec("z", &[1], &[])]);
    let expected = [
        "input \"a\" is FP64 instead of FP32",
        "input \"b\" has rank 2 instead of 1",
        "input \"c\" is missing",
        "output \"z\" is not known to the other",
    ];
    assert_eq!(ours.differences(&theirs), expected);
}
