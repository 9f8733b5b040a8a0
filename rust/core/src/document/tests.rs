//! What the document takes, and every sentence it refuses with.

mod access;
mod versions;

use serde_json::{Value, json};

use super::*;

fn refused(value: &Value) -> Vec<(String, String)> {
    let violations = parse(value).expect_err("a bad document");
    violations.into_iter().map(|violation| (violation.path, violation.reason)).collect()
}

/// The one violation of a document, which must be at `path` and say `part`.
fn assert_refused(value: &Value, path: &str, part: &str) {
    let violations = refused(value);
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(violations[0].0, path, "{violations:?}");
    assert!(violations[0].1.contains(part), "{violations:?}");
}

fn with_route(fields: &Value) -> Value {
    let mut route = json!({"split": {"m/1": 90, "m/2": 10}});
    route.as_object_mut().expect("a mapping").extend(fields.as_object().expect("a mapping").clone());
    json!({"routes": {"r": route}})
}

#[test]
fn an_empty_document_is_all_defaults() {
    let document = parse(&json!({})).expect("everything has a default");
    assert_eq!(document, Document::default());
    let expected = json!({
        "listen": {"grpc": "127.0.0.1:8001", "http": "127.0.0.1:8002", "tls": null, "proxy_protocol": false},
        "front": "native",
        "interceptors": [],
        "repository": "./models",
        "state_dir": ".tidegate",
        "versions": {},
        "routes": {},
        "keys": {},
        "monitors": {},
        "sinks": ["log:"],
        "timeout_ms": 30_000,
        "inline_budget_us": 100,
        "answer_parameters": true,
        "drain_delay_ms": 5_000,
        "drain_timeout_ms": 30_000,
        "load_timeout_ms": 600_000,
        "limits": {
            "message_mib": 64, "in_flight_mib": 1024, "connections": 1024, "streams_per_connection": 256,
            "header_list_kib": 16, "handshake_timeout_ms": 10_000, "idle_body_timeout_ms": 30_000,
            "max_connection_age_ms": 300_000, "keepalive_ms": 60_000, "keepalive_timeout_ms": 20_000,
        },
        "threads": {"front": 0, "compute": 0, "load": 1},
        "log": {"format": "text", "level": "info"},
    });
    assert_eq!(render(&document).to_string(), expected.to_string(), "the order of the fields counts too");
}

#[test]
fn a_route_gets_its_defaults_from_its_split_and_its_name() {
    let document = parse(&json!({"routes": {"r": {"split": {"m/2": 5, "m/10": 5, "m/1": 1}}}})).expect("good");
    let rendered = render(&document);
    let expected = json!({
        "sticky": null, "split": {"m/1": 1, "m/10": 5, "m/2": 5}, "stable": null, "salt": "r",
        "segments": [], "pins": "allow", "shadow": [], "decision": null, "timeout_ms": 30_000, "ranges": null,
    });
    assert_eq!(rendered["routes"]["r"].to_string(), expected.to_string());
    let version = json!({
        "digest": null, "profile_digest": null,
        "batching": {"mode": "auto", "max": 64, "max_delay_us": 0}, "instances": 2, "intra_op_threads": 1,
        "queue": {"requests": 1024, "mib": 256, "priority_levels": 1, "default_priority": 1},
        "providers": [{"name": "CPUExecutionProvider", "options": {}}],
        "arena": {"enabled": true, "pattern": true, "shrink": false},
    });
    assert_eq!(rendered["versions"]["m/2"].to_string(), version.to_string(), "routed versions are spelled out");
    assert_eq!(document.routed_versions().len(), 3);
}

#[test]
fn what_is_rendered_reads_as_the_same_document() {
    let document = parse(&json!({
        "listen": {"grpc": "[::1]:0", "http": "localhost:0", "tls": {"cert_file": "c", "key_file": "k"}, "proxy_protocol": "on"},
        "monitors": {"r": {"windows": ["1h"], "tolerate_psi": 0.0, "observe": {"clock": "params.at"}}},
        "keys": {"one": {"sha256": "AB".repeat(32), "routes": ["r", "m"]}, "two": {"sha256": "cd".repeat(32), "routes": "all"}},
        "versions": {"m/1": {"batching": false, "instances": 4}, "m/2": {"batching": {"mode": "on", "max": 8}}},
        "routes": {"r": {"sticky": "metadata['x-unit']", "split": {"m/1": 1, "m/2": u64::MAX - 1},
                         "ranges": [[0, 4_294_967_295_u64, "m/1"], [4_294_967_295_u64, 4_294_967_296_u64, "m/2"]]}},
        "answer_parameters": "off",
        "log": {"format": "json", "level": "error"},
        "limits": null,
    }))
    .expect("good");
    assert_eq!(document.versions["m/1"].batching.mode, BatchingMode::Off);
    assert!(!document.answer_parameters);
    assert_eq!(parse(&render(&document)), Ok(document));
}

#[test]
fn every_violation_is_found_at_once_with_its_path() {
    let paths: Vec<String> = refused(&json!({
        "lsten": {},
        "listen": {"grpc": "example.com:1", "http": 8002},
        "versions": {"m/0": {"instances": 0}, "m/1": {"queue": {"mib": "256"}}},
        "routes": {
            ".r": {"split": {}},
            "r": {"split": {"m/1": 1.5, "m": 1}, "stable": "m/9", "sticky": "X", "ranges": [[0, 1]], "timeout_ms": 0},
        },
        "log": [],
    }))
    .into_iter()
    .map(|(path, _)| path)
    .collect();
    let expected = [
        "lsten",
        "listen.grpc",
        "listen.http",
        "versions[\"m/0\"].instances",
        "versions[\"m/0\"]",
        "versions[\"m/1\"].queue.mib",
        "routes[\".r\"]",
        "routes[\".r\"].split",
        "routes.r.sticky",
        "routes.r.split[\"m/1\"]",
        "routes.r.split.m",
        "routes.r.timeout_ms",
        "routes.r.ranges[0]",
        "log",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn an_unknown_field_comes_with_the_name_that_was_meant() {
    assert_refused(&json!({"rotes": {}}), "rotes", "did you mean \"routes\"?");
    assert_refused(&with_route(&json!({"stikcy": "params.x"})), "routes.r.stikcy", "did you mean \"sticky\"?");
    assert_refused(&json!({"log": {"colour": true}}), "log.colour", "known here: format, level");
    assert_refused(&json!({"x".repeat(9999): 1}), &"x".repeat(9999), "known here");
}

#[test]
fn only_a_mapping_is_a_document() {
    for value in [json!([]), json!("x"), json!(1)] {
        assert_refused(&value, "", "must be a mapping");
    }
    assert_eq!(parse(&Value::Null), Ok(Document::default()), "an empty file says nothing against the defaults");
}

#[test]
fn numbers_out_of_bounds_name_the_bounds_and_why() {
    for value in [json!(0), json!(-1), json!(3_600_001), json!(1.0), json!("5"), json!(true), json!(1e30)] {
        assert_refused(&json!({"timeout_ms": value}), "timeout_ms", "from 1 to 3600000 (milliseconds;");
    }
    assert_refused(&json!({"limits": {"message_mib": 2048}}), "limits.message_mib", "2 GiB");
    assert_refused(&json!({"limits": {"message_mib": 64, "in_flight_mib": 63}}), "limits", "never be taken");
}

#[test]
fn weights_must_be_whole_and_add_up_to_something_that_fits() {
    let split = |split: Value| json!({"routes": {"r": {"split": split}}});
    assert_refused(&split(json!({"m/1": 0, "m/2": 0})), "routes.r.split", "add up to 0");
    assert_refused(&split(json!({"m/1": u64::MAX, "m/2": 1})), "routes.r.split", "add up to 18446744073709551616");
    assert_refused(&split(json!({"m/1": -1})), "routes.r.split[\"m/1\"]", "whole number from 0");
    assert_refused(&split(json!({})), "routes.r.split", "1 to 64 versions, got 0");
    assert_refused(&split(json!([["m/1", 1]])), "routes.r.split", "must be a mapping");
    assert_refused(&json!({"routes": {"r": {}}}), "routes.r", "has no split");
    assert_refused(&json!({"routes": {"r": null}}), "routes.r", "has no split");
    assert!(parse(&split(json!({"m/1": u64::MAX}))).is_ok());
}

#[test]
fn a_route_refers_to_its_own_arms_only() {
    assert_refused(&with_route(&json!({"stable": "m/3"})), "routes.r.stable", "not an arm of the split: m/1, m/2");
    assert_refused(&with_route(&json!({"stable": "m"})), "routes.r.stable", "<model>/<version>");
    let stranger = json!({"ranges": [[0, 4_294_967_296_u64, "m/3"]]});
    assert_refused(&with_route(&stranger), "routes.r.ranges[0]", "\"m/3\" is not an arm");
    assert_refused(&with_route(&json!({"ranges": [[0, 5, "m/1"]]})), "routes.r.ranges", "[5, 4294967296)");
    assert_refused(&with_route(&json!({"ranges": []})), "routes.r.ranges", "[0, 4294967296)");
    assert_refused(&with_route(&json!({"ranges": "all"})), "routes.r.ranges", "must be a list");
    assert_refused(&with_route(&json!({"salt": ""})), "routes.r.salt", "1 to 256 bytes");
}

#[test]
fn segments_pins_and_shadows_get_their_defaults_from_their_route() {
    let more = json!({
        "timeout_ms": 70,
        "segments": [{"name": "vip", "when": "params.vip == true", "split": {"m/3": 1}}],
        "pins": {"when": "peer == \"::1\""},
        "shadow": [{"to": "m/9"}],
        "decision": {"output": "p", "threshold": 0.5},
    });
    let document = parse(&with_route(&more)).expect("good");
    let rendered = &render(&document)["routes"]["r"];
    assert_eq!(rendered["segments"][0]["salt"], "r/vip");
    assert_eq!(rendered["pins"], json!({"when": "peer == \"::1\""}));
    let shadow = json!({"to": "m/9", "share_bp": 10_000, "max_in_flight": 64, "max_mib": 64, "when": null,
                        "timeout_ms": 70, "salt": "r/shadow/m/9"});
    assert_eq!(rendered["shadow"][0], shadow);
    assert_eq!(
        document.routed_versions().iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        ["m/1", "m/2", "m/3", "m/9"]
    );
    assert_eq!(parse(&render(&document)), Ok(document));
}

#[test]
fn what_segments_pins_and_shadows_cannot_say_is_refused_where_it_stands() {
    let segment = |when: &str| json!({"segments": [{"name": "a", "when": when, "split": {"m/1": 1}}]});
    assert_refused(&with_route(&segment("params.a / 2 == 1")), "routes.r.segments[0].when", "not part of conditions");
    assert_refused(&with_route(&segment(&"(".repeat(100_000))), "routes.r.segments[0].when", "1024");
    let nameless = json!({"segments": [{"name": "a b", "when": "params.a == 1", "split": {"m/1": 1}}]});
    assert_refused(&with_route(&nameless), "routes.r.segments[0].name", "no name");
    let always = json!({"segments": [{"name": "a", "split": {"m/1": 1}}]});
    assert_refused(&with_route(&always), "routes.r.segments[0]", "has no when");
    assert_refused(&with_route(&json!({"segments": {}})), "routes.r.segments", "must be a list");
    assert_refused(&with_route(&json!({"shadow": [null]})), "routes.r.shadow[0]", "must not be null");
    assert_refused(&with_route(&json!({"pins": "maybe"})), "routes.r.pins", "allow, deny or");
    assert_refused(&with_route(&json!({"shadow": [{"to": "m/3"}, {"to": "m/3"}]})), "routes.r.shadow[1].to", "earlier");
    assert_refused(
        &with_route(&json!({"decision": {"output": "p", "threshold": null}})),
        "routes.r.decision",
        "has no",
    );
    let itself = json!({"routes": {"r": {"split": {"m/1": 5, "m/2": 0}, "shadow": [{"to": "m/1"}]}}});
    assert_refused(&itself, "routes.r.shadow[0].to", "it would shadow itself");
    let many: Vec<Value> = (0..40)
        .map(|n| json!({"name": format!("s{n}"), "when": format!("params.a == {n}"), "split": {"m/1": 1}}))
        .collect();
    let shadows: Vec<Value> =
        (3..9).map(|n| json!({"to": format!("m/{n}"), "when": format!("params.b == {n}")})).collect();
    assert!(parse(&with_route(&json!({"segments": many, "shadow": shadows}))).is_ok());
    let more: Vec<Value> = (0..64)
        .map(|n| json!({"name": format!("s{n}"), "when": format!("params.a == {n}"), "split": {"m/1": 1}}))
        .collect();
    let too_many = with_route(&json!({"segments": more, "pins": {"when": "params.c == 1"}}));
    assert_refused(&too_many, "routes.r", "65 different conditions");
}

#[test]
fn names_are_what_folders_labels_and_answers_can_carry() {
    for name in ["a", "A.b_c-9", "-x", &"n".repeat(128)] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    for name in ["", ".hidden", "a/b", "a b", "ä", "..", &"n".repeat(129)] {
        assert!(check_name(name).is_err(), "{name}");
    }
    let version: VersionId = "m.x/9223372036854775807".parse().expect("the largest version");
    assert_eq!((version.model(), version.version(), version.number()), ("m.x", "9223372036854775807", i64::MAX as u64));
    for text in ["m", "m/", "m/0", "m/01", "m/-1", "m/+1", "m/1/2", "m/x", "/1", "m/9223372036854775808"] {
        assert!(text.parse::<VersionId>().is_err(), "{text}");
    }
}

#[test]
fn addresses_need_no_name_service() {
    for address in ["127.0.0.1:0", "0.0.0.0:65535", "[::1]:8001", "[::]:0", "localhost:8001"] {
        assert_eq!(check_address(address), Ok(()), "{address}");
    }
    for (address, part) in [
        ("8001", "no port"),
        ("localhost", "no port"),
        ("example.com:80", "no host"),
        ("::1:80", "brackets"),
        ("[127.0.0.1]:80", "no host"),
        (":80", "no host"),
        ("127.0.0.1:", "no port"),
        ("127.0.0.1:65536", "no port"),
        ("127.0.0.1:+1", "no port"),
    ] {
        assert!(check_address(address).is_err_and(|reason| reason.contains(part)), "{address}");
    }
    let same = json!({"listen": {"grpc": "127.0.0.1:9000", "http": "127.0.0.1:9000"}});
    assert_refused(&same, "listen", "cannot both listen");
}

#[test]
fn on_and_off_are_read_as_words_and_as_yaml_reads_them() {
    let mode = |value: Value| {
        let document = parse(&json!({"versions": {"m/1": {"batching": value}}}))?;
        Ok::<_, Vec<Violation>>(document.versions["m/1"].batching.mode)
    };
    assert_eq!(mode(json!("auto")), Ok(BatchingMode::Auto));
    assert_eq!(
        [mode(json!("on")), mode(json!(true)), mode(json!({"mode": true}))],
        [const { Ok(BatchingMode::On) }; 3]
    );
    assert_eq!([mode(json!("off")), mode(json!(false))], [const { Ok(BatchingMode::Off) }; 2]);
    assert!(mode(json!("maybe")).is_err() && mode(json!(1)).is_err());
    assert_refused(&json!({"answer_parameters": "yes"}), "answer_parameters", "one of on, off, got \"yes\"");
}
