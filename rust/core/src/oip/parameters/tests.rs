//! What the reserved parameters take, and every sentence that refuses them.

use super::*;

/// Parameters and the message that their keys point into.
fn listed(entries: &[(&str, Value)]) -> (Vec<Parameter>, Vec<u8>) {
    let mut message = Vec::new();
    let parameters = entries
        .iter()
        .map(|&(key, value)| {
            let start = message.len() as u32;
            message.extend_from_slice(key.as_bytes());
            Parameter { key: Span { start, end: message.len() as u32 }, value }
        })
        .collect();
    (parameters, message)
}

fn ask(entries: &[(&str, Value)]) -> Result<Asked, Fault> {
    let (parameters, message) = listed(entries);
    asked(&parameters, &message)
}

#[test]
fn reserved_parameters_of_the_right_type_are_taken() {
    assert_eq!(ask(&[]), Ok(Asked::default()));
    let entries = [
        ("timeout", Value::Int64(1500)),
        ("priority", Value::Uint64(1)),
        ("sequence_id", Value::Text(Span::default())),
        ("sequence_start", Value::Bool(true)),
        ("sequence_end", Value::Bool(false)),
        ("triton_enable_empty_final_response", Value::Bool(true)),
        ("anything", Value::Unset),
    ];
    assert_eq!(ask(&entries), Ok(Asked { timeout_us: Some(1500), priority: 1, final_response: true }));
    assert_eq!(ask(&[("sequence_id", Value::Uint64(7))]), Ok(Asked::default()));
    assert_eq!(ask(&[("timeout", Value::Uint64(0))]), Ok(Asked::default()), "0 means none");
}

#[test]
fn parameters_of_a_wrong_type_are_refused_all_at_once() {
    let whole = "a non-negative integer";
    let cases = [
        ("timeout", Value::Int64(-5), whole, "the integer -5"),
        ("priority", Value::Text(Span::default()), whole, "a string"),
        ("sequence_id", Value::Double(1.5), "a non-negative integer or a string", "the number 1.5"),
        ("sequence_start", Value::Uint64(1), "a boolean", "the integer 1"),
        ("sequence_end", Value::Unset, "a boolean", "no value"),
        ("triton_enable_empty_final_response", Value::Int64(1), "a boolean", "the integer 1"),
        ("timeout", Value::Bool(true), whole, "the boolean true"),
    ];
    for (key, value, expected, came) in cases {
        let fault = ask(&[(key, value)]).expect_err(key);
        assert_eq!(fault.message, format!("parameter \"{key}\": expected {expected}, got {came}"));
        assert_eq!(fault.reason, Reason::InvalidParameter);
        assert_eq!(fault.violations[0].field, format!("parameters[\"{key}\"]"));
    }
    let entries: Vec<_> = cases[..6].iter().map(|&(key, value, ..)| (key, value)).collect();
    assert_eq!(ask(&entries).expect_err("six faults").violations.len(), 6);
}

#[test]
fn of_parameters_with_one_key_the_last_counts() {
    let (good, bad) = (("timeout", Value::Int64(9)), ("timeout", Value::Bool(true)));
    assert_eq!(ask(&[bad, good]).map(|asked| asked.timeout_us), Ok(Some(9)));
    assert!(ask(&[good, bad]).is_err());
    assert_eq!(ask(&[good, ("timeout", Value::Int64(0))]).map(|asked| asked.timeout_us), Ok(None));
}

#[test]
fn what_a_refusal_of_parameters_lists_and_quotes_is_limited() {
    let key = format!("triton_{}", "x".repeat(1000));
    let fault = ask(&vec![(key.as_str(), Value::Unset); 50_000]).expect_err("a reserved prefix");
    assert_eq!(fault.violations.len(), 16);
    let sentence = format!("parameter \"{}\": the prefix \"triton_\" is reserved; expected another name", &key[..128]);
    assert_eq!(fault.violations[0].description, sentence);
    assert!(fault.message.ends_with("; and 49984 more"), "{}", fault.message);
}
