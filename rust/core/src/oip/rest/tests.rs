//! Bodies in JSON, with and without binary data, and what is wrong with them.

use super::{Form, elements, read, write};
use crate::fault::Reason;
use crate::oip::datatype::Datatype;
use crate::oip::messages::inference::ModelInferRequest;
use crate::oip::messages::inference::model_infer_response::InferOutputTensor;
use crate::oip::messages::inference::{ModelInferResponse, infer_parameter::ParameterChoice};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json, value::RawValue};

fn asked(body: &Value, binary: &'static [u8]) -> Result<(ModelInferRequest, Form), crate::fault::Fault> {
    let asked = read(body.to_string().as_bytes(), &Bytes::from_static(binary), "m", "")?;
    let message = asked.pieces.concat();
    Ok((ModelInferRequest::decode(&message[..]).expect("a message"), asked.form))
}

fn input(datatype: &str, shape: &[i64], data: &Value) -> Value {
    json!({"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}]})
}

#[track_caller]
fn refused(body: &Value, binary: &'static [u8], reason: Reason, field: &str, said: &str) {
    let fault = asked(body, binary).expect_err("it is refused");
    assert_eq!((fault.reason, fault.violations[0].field.as_str()), (reason, field), "{fault}");
    assert!(fault.message.contains(said), "{fault}");
}

#[test]
fn a_body_becomes_the_message_that_grpc_carries() {
    let body = json!({
        "id": "7",
        "parameters": {"timeout": 5, "who": "me", "sure": true, "much": 0.5, "binary_data_output": true},
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2.5], [null, -1e-3]]},
            {"name": "y", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 16}},
            {"name": "z", "datatype": "BYTES", "shape": [2], "data": ["a", "é"]},
        ],
        "outputs": [{"name": "p", "parameters": {"binary_data": false}}, {"name": "q"}],
    });
    let (message, form) = asked(&body, &[7; 16]).expect("a good body");
    assert_eq!((message.model_name.as_str(), message.id.as_str()), ("m", "7"));
    let choices: Vec<_> =
        message.parameters.iter().map(|(name, value)| (name.as_str(), value.parameter_choice.clone())).collect();
    assert_eq!(
        choices,
        [
            ("much", Some(ParameterChoice::DoubleParam(0.5))),
            ("sure", Some(ParameterChoice::BoolParam(true))),
            ("timeout", Some(ParameterChoice::Int64Param(5))),
            ("who", Some(ParameterChoice::StringParam("me".into()))),
        ]
    );
    assert!(message.inputs.iter().all(|input| input.parameters.is_empty()));
    let floats: Vec<f32> =
        message.raw_input_contents[0].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(floats[..2], [1.0, 2.5]);
    assert!(floats[2].is_nan() && floats[3].to_bits() == (-1e-3f32).to_bits());
    assert_eq!(message.raw_input_contents[1], vec![7; 16]);
    assert_eq!(message.raw_input_contents[2], b"\x01\0\0\0a\x02\0\0\0\xc3\xa9".to_vec());
    assert_eq!(form, Form { binary: true, outputs: [("p".to_owned(), false)].into() });
    assert_eq!(message.outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["p", "q"]);
}

#[test]
fn what_is_no_request_is_refused() {
    for body in ["", "[]", "{", "null", "{\"inputs\": 1}", "{\"inputs\": [{\"name\": \"x\"}]}", "\u{feff}{}"] {
        let fault = read(body.as_bytes(), &Bytes::new(), "m", "").expect_err("it is refused");
        assert_eq!(fault.reason, Reason::MalformedMessage, "{body}: {fault}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!("{{\"inputs\":[{{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":{deep}}}]}}");
    assert!(read(body.as_bytes(), &Bytes::new(), "m", "").is_err(), "depth is bounded");
}

#[test]
fn data_that_does_not_fit_is_refused_by_its_place() {
    use Reason::{InvalidParameter, MissingContents, RawAndTyped, RawLengthMismatch, WrongContents};
    let data = "inputs[0].data";
    refused(
        &input("UINT8", &[2], &json!([1, 256])),
        b"",
        WrongContents,
        data,
        "element 1 is 256, which UINT8 cannot hold",
    );
    refused(&input("INT8", &[1], &json!([1.5])), b"", WrongContents, data, "element 0 is 1.5, which INT8 cannot hold");
    refused(&input("FP32", &[1], &json!([1e39])), b"", WrongContents, data, "which FP32 cannot hold");
    refused(&input("FP32", &[1], &json!(["1"])), b"", WrongContents, data, "element 0 is a string, which FP32");
    refused(&input("BYTES", &[1], &json!([1])), b"", WrongContents, data, "element 0 is 1, which BYTES");
    refused(&input("INT64", &[1], &json!([null])), b"", WrongContents, data, "element 0 is null");
    refused(&input("FP32", &[1], &json!([{}])), b"", WrongContents, data, "element 0 is a mapping");
    refused(&input("FP32", &[1], &json!(1)), b"", WrongContents, data, "one value; expected a list");
    refused(&input("FP32", &[3], &json!([1, 2])), b"", WrongContents, data, "expected 3 elements, got 2");
    refused(&input("FP32", &[2, 2], &json!([[1, 2, 3], [4]])), b"", WrongContents, data, "at depth 2 has 3 entries");
    refused(&input("FP32", &[2, 2], &json!([[1, 2]])), b"", WrongContents, data, "at depth 1 has 1 entries");
    refused(&input("FP32", &[2, 1, 1], &json!([[1], [2]])), b"", WrongContents, data, "2 lists deep");
    refused(&input("FP16", &[1], &json!([1])), b"", MissingContents, data, "FP16 travels as binary data only");
    let none = json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]});
    refused(&none, b"", MissingContents, data, "has no data");
    let mut both = input("FP32", &[1], &json!([1]));
    both["inputs"][0]["parameters"] = json!({"binary_data_size": 4});
    refused(&both, b"1234", RawAndTyped, data, "expected one or the other");
    let sized = |size: Value| json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": size}}]});
    refused(&sized(json!(5)), b"1234", RawLengthMismatch, "inputs[0].parameters", "4 bytes of binary data are left");
    refused(&sized(json!("4")), b"1234", RawLengthMismatch, "inputs[0].parameters", "expected a number of bytes");
    refused(&sized(json!(4)), b"12345", RawLengthMismatch, "inputs", "1 more than");
    let odd = json!({"parameters": {"a": [1]}, "inputs": []});
    refused(&odd, b"", InvalidParameter, "parameters[\"a\"]", "expected a boolean, a number or a string, got a list");
    let odd = json!({"outputs": [{"name": "p", "parameters": {"binary_data": 1}}]});
    refused(&odd, b"", InvalidParameter, "outputs[0].parameters[\"binary_data\"]", "expected a boolean, got 1");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let body = json!({
        "parameters": {"a": null},
        "inputs": [
            {"name": "x", "datatype": "UINT8", "shape": [1], "data": [-1]},
            {"name": "y", "datatype": "UINT8", "shape": [1]},
        ],
    });
    let fault = asked(&body, b"").expect_err("it is refused");
    let fields: Vec<_> = fault.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["parameters[\"a\"]", "inputs[0].data", "inputs[1].data"]);
}

fn answer() -> ModelInferResponse {
    let output = |name: &str, datatype: &str, shape: &[i64]| InferOutputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferOutputTensor::default()
    };
    ModelInferResponse {
        model_name: "m\"".to_owned(),
        model_version: "1".to_owned(),
        id: "7".to_owned(),
        outputs: vec![output("p", "FP32", &[2, 2]), output("s", "BYTES", &[1])],
        raw_output_contents: vec![
            [0.1f32, f32::NAN, 1.0, -2e-30].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
            b"\x02\0\0\0a\"".to_vec().into(),
        ],
        ..ModelInferResponse::default()
    }
}

#[test]
fn an_answer_is_written_in_the_form_that_was_asked_for() {
    let written = write(answer().encode_to_vec().into(), &Form::default()).expect("text");
    let said: Value = serde_json::from_str(&written.json).expect("JSON");
    assert_eq!((said["model_name"].as_str(), said["id"].as_str()), (Some("m\""), Some("7")));
    assert_eq!(said["outputs"][0]["data"], json!([0.1, null, 1.0, -2e-30]));
    assert_eq!(said["outputs"][1]["data"], json!(["a\""]));
    assert!(written.binary.is_empty());
    let form = Form { binary: true, outputs: [("s".to_owned(), false)].into() };
    let written = write(answer().encode_to_vec().into(), &form).expect("text");
    let said: Value = serde_json::from_str(&written.json).expect("JSON");
    assert_eq!(said["outputs"][0]["parameters"], json!({"binary_data_size": 16}));
    assert_eq!(written.binary, [answer().raw_output_contents[0].clone()]);
}

#[test]
fn strings_that_are_no_text_need_binary_data() {
    let mut message = answer();
    message.raw_output_contents[1] = b"\x01\0\0\0\xff".to_vec().into();
    let fault = write(message.encode_to_vec().into(), &Form::default()).expect_err("it is refused");
    assert!(fault.message.contains("ask for it with binary_data"), "{fault}");
    let form = Form { binary: true, ..Form::default() };
    assert_eq!(write(message.encode_to_vec().into(), &form).expect("bytes").binary.len(), 2);
}

proptest! {
    #[test]
    fn numbers_make_the_round_trip(raw in prop::collection::vec(any::<u8>(), 0..64), nested in any::<bool>()) {
        for datatype in Datatype::ALL {
            let Some(size) = datatype.size() else { continue };
            if matches!(datatype, Datatype::Fp16 | Datatype::Bf16) {
                continue;
            }
            let mut raw = raw[..raw.len() / size * size].to_vec();
            if datatype == Datatype::Bool {
                for byte in &mut raw {
                    *byte &= 1;
                }
            }
            let mut text = String::new();
            elements::write(&mut text, datatype, &raw).expect("numbers are text");
            let (text, shape) = if nested {
                (format!("[{text}]"), vec![1, (raw.len() / size) as i64])
            } else {
                (text, vec![(raw.len() / size) as i64])
            };
            let again = elements::read(&RawValue::from_string(text).expect("JSON"), datatype, &shape).expect("its own");
            let is_finite = |bytes: &[u8]| match datatype {
                Datatype::Fp32 => f32::from_le_bytes(bytes.try_into().expect("four")).is_finite(),
                Datatype::Fp64 => f64::from_le_bytes(bytes.try_into().expect("eight")).is_finite(),
                _ => true,
            };
            for (one, other) in raw.chunks(size).zip(again.chunks(size)) {
                prop_assert!(one == other || !is_finite(one), "{datatype:?}");
            }
        }
    }

    #[test]
    fn no_body_breaks_it(body in prop::collection::vec(any::<u8>(), 0..200), binary in prop::collection::vec(any::<u8>(), 0..32)) {
        read(&body, &Bytes::from(binary), "m", "1").ok();
    }
}
