//! What a profile says, and what is refused with which words.

use serde_json::{Value, json};

use super::*;

fn numeric(fields: &Value) -> Value {
    let mut feature = json!({
        "name": "hour", "column": 0, "weight": 1.0, "kind": "numeric",
        "edges": [1.0, 2.5], "counts": [3, 4, 1], "nan": 1, "positive_infinite": 0, "negative_infinite": 0, "null": 1,
        "min": 0.5, "max": 3.0, "mean": 1.5, "sd": 0.5, "sentinel": -1.0,
        "chunks": [[1, 2, 0], [2, 2, 1]], "nullable": true,
    });
    merge(&mut feature, fields);
    feature
}

fn categorical(fields: &Value) -> Value {
    let mut feature = json!({
        "name": "carrier", "column": 0, "weight": 2.0, "kind": "categorical",
        "categories": ["UA", "DL"], "counts": [5, 3], "others": ["XX"], "other": 1, "null": 1,
        "min_length": 2, "max_length": 2, "sentinel": null, "chunks": [], "nullable": false,
    });
    merge(&mut feature, fields);
    feature
}

fn merge(into: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().expect("fields") {
        into[name] = value.clone();
    }
}

fn document(datatype: &str, features: &[Value]) -> Value {
    let tensor = json!({
        "name": "x", "direction": "input", "datatype": datatype, "width": 4, "in_sample": false, "features": features,
    });
    json!({"format": FORMAT, "rows": 10, "timezone": "UTC", "label": "late", "tensors": [tensor]})
}

fn refused(document: &Value) -> Vec<(String, String)> {
    let violations = Profile::parse(document).expect_err("refused");
    violations.into_iter().map(|violation| (violation.path, violation.reason)).collect()
}

fn assert_refused(document: &Value, path: &str, words: &str) {
    let violations = refused(document);
    let found = violations.iter().any(|(at, reason)| at == path && reason.contains(words));
    assert!(found, "{path}: {words}: {violations:?}");
}

fn assert_feature_refused(fields: &Value, field: &str, words: &str) {
    let path = format!("tensors[0].features[0]{field}");
    assert_refused(&document("FP32", &[numeric(fields)]), &path, words);
}

#[test]
fn a_document_is_read_and_written_back_equal() {
    for document in [document("FP32", &[numeric(&json!({}))]), document("BYTES", &[categorical(&json!({}))])] {
        let profile = Profile::parse(&document).expect("good");
        assert_eq!(Profile::parse(&profile.render()), Ok(profile.clone()));
        assert_eq!(Profile::parse_text(&profile.render().to_string()), Ok(profile));
    }
}

#[test]
fn numbers_are_those_of_the_tensors_datatype() {
    let edges = |datatype: &str, edges: Value| {
        let fields = json!({"edges": edges, "min": 0, "max": 3, "sentinel": -1});
        Profile::parse(&document(datatype, &[numeric(&fields)]))
    };
    let profile = edges("FP16", json!([0.1, 2])).expect("good");
    assert!(matches!(&profile.tensors[0].features[0].kind, Kind::F32(numeric) if numeric.edges == [0.1, 2.0]));
    let profile = edges("FP64", json!([0.1, 2])).expect("good");
    assert!(matches!(&profile.tensors[0].features[0].kind, Kind::F64(numeric) if numeric.edges == [0.1, 2.0]));
    let profile = edges("UINT64", json!([7, u64::MAX])).expect("good");
    assert!(matches!(&profile.tensors[0].features[0].kind, Kind::I64(numeric) if numeric.edges == [7, i64::MAX]));
    let violations = edges("INT64", json!([0.1, 2])).expect_err("a fraction");
    assert!(violations[0].reason.contains("a whole number within INT64, got 0.1"), "{violations:?}");
}

#[test]
fn edges_rise_and_are_numbers() {
    assert_feature_refused(&json!({"edges": [1.0, null]}), ".edges[1]", "a finite number within FP32, got null");
    assert_feature_refused(&json!({"edges": [1e39, 2e39]}), ".edges[0]", "within FP32");
    assert_feature_refused(&json!({"edges": [1.0, 1.0]}), ".edges[1]", "above the edge before it");
    assert_feature_refused(&json!({"edges": [2.0, 1.0]}), ".edges[1]", "1.0 after 2.0");
    // Equal once they are numbers of the tensor.
    assert_feature_refused(&json!({"edges": [1.0, 1.000_000_001]}), ".edges[1]", "in the tensor's datatype");
    assert_feature_refused(&json!({"edges": vec![0; MAX_EDGES + 1]}), ".edges", "at most 255");
    let violations = Profile::parse_text("{\"rows\": NaN}").expect_err("no JSON");
    assert!(violations[0].reason.contains("NaN and infinity have no form there"), "{violations:?}");
}

#[test]
fn counts_have_their_length_and_their_sum() {
    assert_feature_refused(&json!({"counts": [8]}), ".counts", "must have 3 entries, one more than edges; got 1");
    assert_feature_refused(&json!({"counts": [3, 4, -1]}), ".counts[2]", "a whole number");
    assert_feature_refused(&json!({"nan": 3}), ".counts", "8 rows in bins and 4 outside of them are not the 10 rows");
    assert_feature_refused(&json!({"chunks": [[1, 2, 0], [1]]}), ".chunks[1]", "must have 3 entries");
    assert_feature_refused(
        &json!({"chunks": [[4, 2, 0]]}),
        ".chunks",
        "have 4 rows in entry 0, of which the counts have 3",
    );
    assert_feature_refused(&json!({"min": null}), "", "it has min, max and mean");
    assert_feature_refused(&json!({"min": 4.0}), ".min", "must not be above max");
    assert_feature_refused(&json!({"sd": -1.0}), ".sd", "must not be negative");
}

#[test]
fn categories_are_named_once() {
    let refused = |fields: Value, field: &str, words: &str| {
        let path = format!("tensors[0].features[0]{field}");
        assert_refused(&document("BYTES", &[categorical(&fields)]), &path, words);
    };
    refused(json!({"categories": ["UA", "UA"]}), ".categories[1]", "\"UA\" is listed twice");
    refused(json!({"others": ["UA"]}), ".others[0]", "\"UA\" is a category as well");
    refused(json!({"categories": ["UA", ""]}), "", "stands for a missing value");
    refused(json!({"counts": [5]}), ".counts", "must have 2 entries, one for each category");
    refused(json!({"other": 2}), ".counts", "10 known, 0 new and 1 missing values are not the 10 rows");
    refused(json!({"others": ["é".repeat(1 << 19)]}), ".others[0]", "written as their beginning");
    let many: Vec<String> = (0..1_000_000).map(|number| number.to_string()).collect();
    refused(json!({"others": many}), ".others", "has 1000000 entries; at most 65536");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut document = document(
        "FP32",
        &[
            numeric(&json!({"colour": 1, "weight": 0})),
            numeric(&json!({"column": 4, "kind": "categorical"})),
            numeric(&json!({"name": "other"})),
        ],
    );
    document["format"] = json!("tidegate.profile/2");
    let paths: Vec<String> = refused(&document).into_iter().map(|(path, _)| path).collect();
    let expected = [
        "format",
        "tensors[0].features[0].colour",
        "tensors[0].features[0].weight",
        "tensors[0].features[1].kind",
        "tensors[0].features[1].column",
        "tensors[0].features[2].column",
        "tensors[0].features[1].name",
    ];
    assert_eq!(paths, expected);
    assert_refused(&document, "format", "is version \"2\", this release reads");
    assert_refused(&document, "tensors[0].features[2].column", "column 0 is already feature \"hour\"");
}

#[test]
fn what_is_no_profile_is_refused() {
    assert_refused(&json!([]), "", "must be a mapping, got a list");
    assert_refused(&json!({}), "", "has no format");
    assert_refused(&json!({"format": "else"}), "format", "this is no profile");
    assert_refused(&json!({"rows": 0}), "rows", "a profile of none says nothing");
    let mut document = document("FP32", &[]);
    document["tensors"][0]["datatype"] = json!("FLOAT");
    assert_refused(&document, "tensors[0].datatype", "must be one of BOOL");
    let again = document["tensors"][0].clone();
    document["tensors"].as_array_mut().expect("a list").push(again);
    assert_refused(&document, "tensors[1].name", "\"x\" is described twice");
}

#[test]
fn more_features_than_are_counted_are_refused_in_one_sentence() {
    let features = vec![json!({}); MAX_FEATURES + 1];
    let violations = refused(&document("FP32", &features));
    assert_eq!(violations.len(), 1);
    assert!(violations[0].1.contains("have 100001 features; at most 100000 are counted"), "{violations:?}");
}
