//! TLS and keys: who the gateway is, and who may ask it.

use super::{assert_refused, refused};
use crate::document::{KeyRoutes, parse};
use serde_json::{Value, json};

fn with_key(fields: &Value) -> Value {
    json!({"keys": {"team-a": fields}})
}

#[test]
fn tls_needs_both_files_and_takes_a_third() {
    let with_tls = |tls: Value| json!({"listen": {"tls": tls}});
    let document = parse(&with_tls(json!({"cert_file": "c", "key_file": "k", "client_ca_file": "a"}))).expect("good");
    assert_eq!(document.listen.tls.expect("read").client_ca_file.as_deref(), Some("a"));
    assert_refused(&with_tls(json!({"cert_file": "c"})), "listen.tls", "has no key_file");
    assert_refused(&with_tls(json!({"key_file": "k"})), "listen.tls", "has no cert_file");
    assert_refused(&with_tls(json!({"cert_file": "", "key_file": "k"})), "listen.tls.cert_file", "the path of a file");
    let paths: Vec<String> = refused(&with_tls(json!({}))).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["listen.tls", "listen.tls"]);
}

#[test]
fn a_key_opens_what_it_names_and_all_opens_everything() {
    let digest = "0F".repeat(32);
    let one = parse(&with_key(&json!({"sha256": digest, "routes": ["fraud"]}))).expect("good");
    let routes = &one.keys["team-a"].routes;
    assert!(routes.contains("fraud") && !routes.contains("fraudulent"));
    assert_eq!(one.keys["team-a"].sha256.to_string(), digest.to_lowercase());
    let all = parse(&with_key(&json!({"sha256": digest, "routes": "all"}))).expect("good");
    assert_eq!(all.keys["team-a"].routes, KeyRoutes::All);
}

#[test]
fn a_digest_that_cannot_be_one_is_refused_and_never_quoted() {
    let token = "this is the token itself";
    for digest in [token.to_owned(), "ab".repeat(31), "xy".repeat(32), "ab".repeat(33), "é".repeat(32)] {
        let violations = refused(&with_key(&json!({"sha256": digest, "routes": "all"})));
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].0, "keys.team-a.sha256");
        assert!(!violations[0].1.contains(&digest), "{violations:?}");
    }
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_refused(&with_key(&json!({"sha256": nothing, "routes": "all"})), "keys.team-a.sha256", "of nothing");
}

#[test]
fn a_key_that_says_too_little_is_refused() {
    let digest = "ab".repeat(32);
    assert_refused(&with_key(&json!({"sha256": digest})), "keys.team-a", "has no routes");
    assert_refused(&with_key(&json!({"routes": "all"})), "keys.team-a", "has no sha256");
    assert_refused(&with_key(&Value::Null), "keys.team-a", "must be a mapping");
    assert_refused(&with_key(&json!({"sha256": digest, "routes": []})), "keys.team-a.routes", "names nothing");
    assert_refused(
        &with_key(&json!({"sha256": digest, "routes": "some"})),
        "keys.team-a.routes",
        "a list of names or all",
    );
    assert_refused(&with_key(&json!({"sha256": digest, "routes": ["a b"]})), "keys.team-a.routes[0]", "is no name");
    let twice = json!({"keys": {"a": {"sha256": digest, "routes": "all"}, "b": {"sha256": digest, "routes": ["r"]}}});
    assert_refused(&twice, "keys.b", "the same token as \"a\"");
    let many: serde_json::Map<String, Value> = (0..1025)
        .map(|number| (format!("k{number}"), json!({"sha256": format!("{number:064x}"), "routes": "all"})))
        .collect();
    assert_refused(&json!({ "keys": many }), "keys", "at most 1024");
}
