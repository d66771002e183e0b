//! Tests of the server over HTTP, with a model that the test controls.

mod clock;
mod harness;
pub(super) mod schema;

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use super::*;
use harness::{LIMITS, Server};
use schema::Description;

/// The head of a request with a chunked body. The last `X-` turns the client's `Content-Length` into an unknown header.
const CHUNKED: &str = "POST /predict\nTransfer-Encoding: chunked\r\nX-";

fn open() -> Server {
    Server::start(LIMITS, 8, Token::none())
}

#[test]
fn answers_are_objects_or_lists() {
    let server = open();
    let one = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.answer(), 1);
    let reply = one.check(200, "");
    assert_eq!(reply.body, r#"{"label":"short","probabilities":{"short":0.75,"long":0.25}}"#);
    assert!(reply.head.contains("content-type: application/json"), "{reply:?}");
    let many = server.predict(&json!({ "texts": ["abcdefgh", "a"] }));
    assert_eq!(server.answer(), 2);
    let body: Value = serde_json::from_str(&many.check(200, "").body).unwrap();
    assert_eq!((&body[0]["label"], &body[1]["label"]), (&json!("long"), &json!("short")));
}

#[test]
fn waiting_requests_share_a_batch() {
    let server = open();
    let first = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.model.asked(), 1);
    let others = ["abcdefgh", "b", "c", "d"].map(|text| (text, server.predict(&json!({ "text": text }))));
    server.await_waiting(4);
    server.model.go();
    assert_eq!((server.answer(), server.answer()), (3, 1), "three are the most at a time");
    first.check(200, "\"short\"");
    for (text, client) in others {
        client.check(200, if text.len() > 4 { "\"label\":\"long\"" } else { "\"label\":\"short\"" });
    }
}

#[test]
fn a_full_queue_refuses_requests() {
    let server = Server::start(LIMITS, 2, Token::none());
    let first = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.model.asked(), 1);
    server.predict(&json!({ "texts": ["b", "c"] })).check(503, "too many texts are waiting");
    let second = server.predict(&json!({ "text": "b" }));
    server.await_waiting(1);
    let refused = server.predict(&json!({ "text": "c" })).check(503, "");
    assert!(refused.head.contains("\r\nretry-after: 1\r\n"), "{refused:?}");
    server.model.go();
    server.answer();
    first.check(200, "");
    second.check(200, "");
    let after = server.predict(&json!({ "texts": ["b", "c"] }));
    server.answer();
    after.check(200, "");
}

#[test]
fn a_failing_request_does_not_fail_its_batch() {
    for bad in ["fail", "panic"] {
        let server = open();
        let first = server.predict(&json!({ "text": "a" }));
        assert_eq!(server.model.asked(), 1);
        let failing = server.predict(&json!({ "text": bad }));
        server.await_waiting(1);
        let sound = server.predict(&json!({ "text": "b" }));
        server.await_waiting(2);
        server.model.go();
        // First both together, then each alone.
        assert_eq!([server.answer(), server.answer(), server.answer()], [2, 1, 1]);
        first.check(200, "");
        sound.check(200, "");
        failing.check(500, "the model failed");
    }
}

#[test]
fn requests_beyond_a_limit_are_refused() {
    let server = open();
    server.send("POST /predict", &" ".repeat(1001)).check(413, "more than 1000 bytes");
    let mut endless = server.send(CHUNKED, "");
    endless.0.write_all(format!("3e9\r\n{}\r\n0\r\n\r\n", " ".repeat(1001)).as_bytes()).unwrap();
    endless.check(413, "more than 1000 bytes");
    server.send("POST /predict", "{").check(400, "not JSON");
    server.predict(&json!({ "texts": ["a", "b", "c"] })).check(422, "1 to 2");
    server.predict(&json!({ "text": "a".repeat(101) })).check(422, "100 characters");
    server.send("GET /predict", "").check(405, "another method");
    server.send("GET /none", "").check(404, "nothing at this path");
}

#[test]
fn accepted_requests_are_answered_after_a_stop() {
    let server = open();
    let accepted = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.model.asked(), 1);
    let mut idle = BufReader::new(TcpStream::connect(server.address).unwrap());
    idle.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut line = String::new();
    while line != "ok\n" {
        line.clear();
        assert!(idle.read_line(&mut line).unwrap() > 0, "the connection was closed");
    }
    server.stop.send(()).unwrap();
    assert_eq!(idle.read_line(&mut line).unwrap(), 0, "an idle connection is closed");
    assert!(TcpStream::connect(server.address).is_err());
    server.model.go();
    accepted.check(200, "\"label\"");
    assert_eq!(server.ended.join().unwrap(), Ended::Answered);
}

#[test]
fn cancelled_requests_free_their_places_at_once() {
    let server = Server::start(LIMITS, 3, Token::none());
    let first = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.model.asked(), 1);
    let gone = server.predict(&json!({ "texts": ["b", "c"] }));
    server.await_waiting(2);
    gone.0.shutdown(Shutdown::Both).unwrap();
    server.await_waiting(0);
    // The model still computes the first one.
    let last = server.predict(&json!({ "texts": ["d", "e"] }));
    server.await_waiting(2);
    server.model.go();
    assert_eq!(server.answer(), 2, "cancelled texts are not computed");
    first.check(200, "");
    last.check(200, "");
}

#[test]
fn cancelled_requests_are_dropped() {
    let server = open();
    let gone = server.predict(&json!({ "texts": ["a", "b"] }));
    assert_eq!(server.model.asked(), 2);
    gone.0.shutdown(Shutdown::Both).unwrap();
    // When this second cancelled request has left the queue, the server has also seen the end of the first one.
    let behind = server.predict(&json!({ "text": "c" }));
    server.await_waiting(1);
    behind.0.shutdown(Shutdown::Both).unwrap();
    server.await_waiting(0);
    server.model.go();
    assert!(server.model.was_abandoned());
}

#[test]
fn repeated_failures_make_the_server_unhealthy() {
    let server = open();
    let fail = |text: &str| {
        let failing = server.predict(&json!({ "text": text }));
        server.answer();
        failing.check(500, "the model failed");
    };
    let check = |code: u16, part: &str| drop(server.send("GET /healthz", "").check(code, part));
    fail("fail");
    fail("fail");
    check(200, "ok\n");
    fail("panic");
    check(503, "fails again and again");
    let sound = server.predict(&json!({ "text": "a" }));
    server.answer();
    sound.check(200, "");
    check(200, "ok\n");
}

#[test]
fn a_text_that_cannot_be_encoded_fails_only_its_request() {
    let server = open();
    for _ in 0..4 {
        let unfit = server.predict(&json!({ "text": "unfit" }));
        server.answer();
        unfit.check(422, "it has no tokens");
    }
    server.send("GET /healthz", "").check(200, "ok\n");
    let first = server.predict(&json!({ "text": "a" }));
    assert_eq!(server.model.asked(), 1);
    let unfit = server.predict(&json!({ "text": "unfit" }));
    server.await_waiting(1);
    let sound = server.predict(&json!({ "text": "b" }));
    server.await_waiting(2);
    server.model.go();
    assert_eq!([server.answer(), server.answer(), server.answer()], [2, 1, 1]);
    first.check(200, "");
    sound.check(200, "");
    unfit.check(422, "it has no tokens");
}

#[test]
fn compressed_bodies_are_refused() {
    let server = open();
    let send =
        |encoding: &str| server.send(&format!("POST /predict\nContent-Encoding: {encoding}\r\n"), "{}");
    send("gzip").check(415, "without Content-Encoding");
    send("identity").check(422, "`text` is missing");
}

#[test]
fn only_answered_predictions_are_timed() {
    let server = open();
    server.send("POST /predict", "{").check(400, "");
    let answered = server.predict(&json!({ "text": "a" }));
    server.answer();
    answered.check(200, "");
    server.send("GET /metrics", "").check(200, "\nbertline_request_seconds_count 1\n");
}

#[test]
fn without_a_token_other_sites_are_refused() {
    let server = open();
    for path in ["GET /model", "GET /metrics", "POST /predict"] {
        let line = format!("{path}\nHost: evil.example\r\n");
        server.send(&line, "").check(403, "--token-file");
    }
    server.send("GET /healthz\nHost: evil.example\r\n", "").check(200, "ok");
    let named = Server::start(LIMITS, 8, Token::of(b"geheim"));
    let head = "GET /model\nHost: bert.example\r\nAuthorization: Bearer geheim\r\n";
    let reply = named.send(head, "").check(200, "");
    assert!(reply.head.contains("x-content-type-options: nosniff"), "{reply:?}");
}

#[test]
fn guarded_paths_need_the_token() {
    let server = Server::start(LIMITS, 8, Token::of(b"geheim"));
    for path in ["GET /model", "GET /metrics", "POST /predict"] {
        let refused = server.send(path, "").check(401, "Authorization: Bearer");
        assert!(refused.head.contains("www-authenticate: bearer"), "{refused:?}");
    }
    server.send("GET /model\nAuthorization: Bearer geheim\r\n", "").check(200, "\"max_seq_length\":8");
    server.send("GET /healthz", "").check(200, "ok");
    let page = server.send("GET /", "").check(200, "<title>bertline</title>");
    assert!(page.head.contains("default-src 'none'"), "{page:?}");
    let metric_values = server.send("GET /metrics\nAuthorization: Bearer geheim\r\n", "").check(200, "# EOF");
    assert!(
        metric_values.body.contains("bertline_requests_total{path=\"/model\",code=\"401\"} 1"),
        "{metric_values:?}"
    );
}

#[test]
fn a_stop_with_unanswered_requests_is_a_fault() {
    let check = |ended: Ended, expect: Option<u8>| {
        let (queue, worker) = Queue::new(1, ServerMetrics::default());
        let model = worker.start(1, |_, _| Ok(None)).unwrap();
        drop(queue);
        let code = conclude(&ended, model).err().map(|error| shared::fault::kind_of(&error).code());
        assert_eq!(code, expect, "{ended:?}");
    };
    check(Ended::Answered, None);
    check(Ended::CutOff, Some(5));
}

#[test]
fn every_path_is_described() {
    let description = Description::read();
    let description = description.value();
    let described: Vec<&str> = description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut served: Vec<&str> =
        api::ALL.into_iter().filter(|path| ![api::STYLE, api::SCRIPT].contains(path)).collect();
    served.sort_unstable();
    assert_eq!(described, served);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(description["info"]["version"], version);
    let mut codes: Vec<String> =
        refusals().iter().map(|refusal| refusal.status().as_str().to_owned()).collect();
    codes.retain(|code| code != "404" && code != "405");
    codes.push("200".to_owned());
    codes.sort_unstable();
    codes.dedup();
    let responses = description["paths"][api::PREDICT]["post"]["responses"].as_object().unwrap();
    assert!(responses.keys().eq(&codes), "{:?} and {codes:?}", responses.keys());
}

#[test]
fn replies_are_as_described() {
    let server = Server::start(LIMITS, 8, Token::none());
    let description = Description::read();
    let check = |line: &str, client: harness::Client| {
        let (method, path) = line.split_once(' ').unwrap();
        let reply = client.reply();
        assert!(description.describes(method, path, reply.code, &reply.body), "{line}: {reply:?}");
    };
    for line in ["GET /model", "GET /healthz", "GET /metrics", "GET /openapi.json", "GET /", "POST /predict"]
    {
        check(line, server.send(line, ""));
        check(line, server.send(&format!("{line}\nHost: evil.example\r\n"), "{}"));
    }
    for body in [json!({ "text": "a" }), json!(["a", { "text": "b" }])] {
        let client = server.predict(&body);
        server.answer();
        check("POST /predict", client);
    }
    for text in ["fail"; 3] {
        let client = server.predict(&json!({ "text": text }));
        server.answer();
        check("POST /predict", client);
    }
    check("GET /healthz", server.send("GET /healthz", ""));
    let limits = json!({ "texts": 2, "characters": 100, "bytes": 1000, "seconds": 3600 });
    let model: Value = serde_json::from_str(&server.send("GET /model", "").check(200, "").body).unwrap();
    assert_eq!(model["limits"], limits);
}

fn refusals() -> [api_error::ApiError; 13] {
    use api_error::ApiError::*;
    let reason = String::new;
    [
        Malformed(reason()),
        Unfit(reason()),
        TooLarge,
        Compressed,
        TooSlow,
        TimedOut,
        Unauthorized,
        Foreign,
        NoSuchPath,
        NoSuchMethod,
        QueueFull,
        Broken,
        Failed,
    ]
}
