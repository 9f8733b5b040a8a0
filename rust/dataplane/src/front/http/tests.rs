use super::{MOST_CONNECTIONS, respond, serve};
use crate::drive::plane::{Phase, Plane};
use crate::front::calls::tests::fixture::plane;
use http_body_util::BodyExt as _;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs nothing but memory")
}

fn get(plane: &Plane, path: &str) -> (StatusCode, String) {
    let response = respond(plane, plane.clock.now(), &Method::GET, (path, ""));
    let status = response.status();
    let body = runtime().block_on(response.into_body().collect()).expect("a full body cannot fail").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("every answer is text"))
}

#[test]
fn a_gateway_that_ends_is_live_and_not_ready() {
    let plane = plane();
    assert_eq!(get(&plane, "/readyz"), (StatusCode::OK, "ready\n".to_owned()));
    plane.phase.send_replace(Phase::NotServing);
    assert_eq!(get(&plane, "/readyz"), (StatusCode::SERVICE_UNAVAILABLE, "ending\n".to_owned()));
    assert_eq!(get(&plane, "/livez"), (StatusCode::OK, "ok\n".to_owned()));
}

#[test]
fn an_unknown_path_is_told_the_known_ones() {
    let (status, body) = get(&plane(), "/metric");
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(["/metrics", "/livez", "/readyz", "/status"].iter().all(|path| body.contains(path)), "{body}");
}

#[test]
fn nothing_can_be_written() {
    let plane = plane();
    let response = respond(&plane, 0, &Method::POST, ("/status", ""));
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD");
}

#[test]
fn status_shows_routes_models_versions_and_what_is_not_loaded() {
    let (_, body) = get(&plane(), "/status");
    let status: Value = serde_json::from_str(&body).expect("status is JSON");
    assert_eq!(
        (&status["phase"], &status["epoch"], &status["runtime"]["version"]),
        (&json!("serving"), &json!(1), &json!("1.99.0"))
    );
    let delay = &status["routes"]["delay"];
    assert_eq!(delay["stable"], "flight/2");
    assert_eq!(delay["sticky"], "metadata[\"x-unit\"]");
    assert_eq!(delay["timeout_ms"], 200);
    let arm = &delay["arms"][0];
    assert_eq!((&arm["version"], &arm["weight"]), (&json!("flight/10"), &json!(10)));
    assert!((arm["share"].as_f64().expect("a share is a number") - 0.1).abs() < 1e-6);
    assert_eq!(status["models"]["flight"]["answers"], "flight/10");
    let version = &status["versions"]["flight/2"];
    assert_eq!((&version["batching"], &version["unbatched_reason"]), (&json!("on"), &Value::Null));
    // Four elements a row at 2 µs each.
    assert!((version["row_cost_us"].as_f64().expect("a cost is a number") - 8.0).abs() < 0.1, "{version}");
    assert_eq!(status["versions"]["single/3"]["batching"], "off");
    assert_eq!(status["not_loaded"][0], json!({"model": "broken", "version": "1", "reason": "not an ONNX model"}));
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.expect("the server reads");
    let mut answer = vec![0; 64 << 10];
    let length = stream.read(&mut answer).await.expect("the server answers");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn odd_input_ends_its_own_connection_and_in_a_full_house_the_oldest_gives_its_seat_away() {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let plane = Arc::new(plane());
        let doors = crate::front::threads::start(&plane, 0).expect("no thread is asked for").doors;
        let server = tokio::spawn(serve(listener, plane, doors));
        let connect = || async { TcpStream::connect(address).await.expect("the server listens") };

        let refused = exchange(&mut connect().await, b"\x00\xff garbage\r\n\r\n").await;
        assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
        let metrics = exchange(&mut connect().await, b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");

        let mut seated = Vec::new();
        for _ in 0..MOST_CONNECTIONS {
            let mut stream = connect().await;
            assert!(exchange(&mut stream, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.ends_with("ok\n"));
            seated.push(stream);
        }
        let late = exchange(&mut connect().await, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(late.ends_with("ok\n"), "{late}");
        let mut rest = Vec::new();
        assert_eq!(seated[0].read_to_end(&mut rest).await.expect("it is closed in order"), 0);
        assert!(exchange(&mut seated[1], b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.ends_with("ok\n"));
        server.abort();
    });
}
