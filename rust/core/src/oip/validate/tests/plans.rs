//! The plans that are left of good requests.

use super::*;

#[test]
fn a_raw_plan_points_into_the_request_and_a_typed_one_owns_its_data() {
    let signature = signature_of(Fp32);
    let mut request = raw();
    // The signature's order rules, whatever the request's.
    request.inputs.reverse();
    request.raw_input_contents.reverse();
    request.outputs = vec![output("label"), output("probability")];
    let bytes = request.encode_to_vec();
    let plan = check(&request, &signature, true).expect("a good request");
    assert_eq!((plan.rows, plan.elements, plan.own_bytes(), plan.raw_answer), (1, 3, 0, true));
    assert_eq!(plan.outputs, [1, 0]);
    assert_eq!(plan.dims(&plan.tensors[0]), [1, 2]);
    assert_eq!(plan.data(&plan.tensors[1], &bytes), b"\x02\0\0\0HA");

    let plan = check(&typed(), &signature, true).expect("a good request");
    assert_eq!((plan.own_bytes(), plan.raw_answer, plan.outputs.as_slice()), (14, false, &[0, 1][..]));
    assert_eq!(plan.data(&plan.tensors[0], &[]), [9f32.to_le_bytes(), 10f32.to_le_bytes()].concat());
}

#[test]
fn requests_of_one_shape_differ_in_rows_alone() {
    let signature = Signature { inputs: vec![spec("x", Fp64, &[-1, -1])], outputs: vec![spec("y", Bf16, &[-1])] };
    let of = |dims: &[i64]| {
        let mut request = ModelInferRequest { inputs: vec![input("x", Fp64, dims)], ..ModelInferRequest::default() };
        let fp64_contents = vec![0.0; dims.iter().product::<i64>() as usize];
        request.inputs[0].contents = Some(InferTensorContents { fp64_contents, ..InferTensorContents::default() });
        check(&request, &signature, true).expect("a good request")
    };
    let (one, two, wide) = (of(&[1, 4]), of(&[2, 4]), of(&[1, 5]));
    assert_eq!((one.rows, two.rows, one.shape), (1, 2, two.shape));
    assert!(one.same_shape(&two) && !one.same_shape(&wide));
    assert_ne!(one.shape, wide.shape);
    assert!(one.raw_answer, "half floats have no typed form");
}

#[test]
fn a_scalar_is_no_row_even_where_batching_was_switched_on_by_hand() {
    let signature = Signature { inputs: vec![spec("x", Fp32, &[])], outputs: vec![] };
    let mut request = ModelInferRequest { inputs: vec![input("x", Fp32, &[])], ..ModelInferRequest::default() };
    request.inputs[0].contents =
        Some(InferTensorContents { fp32_contents: vec![1.0], ..InferTensorContents::default() });
    let plan = check(&request, &signature, true).expect("a good request");
    assert_eq!((plan.rows, plan.elements), (1, 1));
}

#[test]
fn more_inputs_than_have_a_place_on_the_stack_are_no_different() {
    let inputs: Vec<_> = (0..20).map(|index| spec(&index.to_string(), Fp32, &[0])).collect();
    let signature = Signature { inputs, outputs: vec![] };
    let inputs = (0..20).rev().map(|index: i32| input(&index.to_string(), Fp32, &[0])).collect();
    let mut request = ModelInferRequest { inputs, ..ModelInferRequest::default() };
    assert_eq!(check(&request, &signature, false).expect("a good request").tensors.len(), 20);
    request.inputs[3].name = "19".to_owned();
    let fault = check(&request, &signature, false).expect_err("one twice, one not at all");
    assert_eq!(fault.message, "input \"19\" comes more than once; input \"16\" is missing: expected FP32 [0]");
}
