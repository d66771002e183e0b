//! `serve` over HTTP, as a client and a scheduler see it.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tests::{Run, Sandbox, Server};

fn predict(server: &Server, body: &Value) -> (u16, Value) {
    let (code, body) = server.ask("POST /predict", &[], &body.to_string());
    (code, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_model_answers_until_it_is_asked_to_stop() {
    let sandbox = Sandbox::trained();
    let mut server =
        Server::start(&sandbox, &["--max-texts", "2", "--max-characters", "10", "--max-bytes", "200"]);
    let (code, one) = predict(&server, &json!({ "text": "정말 좋다" }));
    assert_eq!(code, 200, "{one}");
    let sum: f64 = one["probabilities"].as_object().unwrap().values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{one}");
    let (_, many) = predict(&server, &json!({ "texts": ["정말 좋다", "나쁘다"] }));
    let near = |label: &str| {
        let [a, b] = [&one, &many[0]].map(|answer| answer["probabilities"][label].as_f64().unwrap());
        (a - b).abs() < 1e-5
    };
    assert!(near("negative") && near("positive"), "{one} and {many}");

    check_refusals(&server);
    let (_, model) = server.ask("GET /model", &[], "");
    let model: Value = serde_json::from_str(&model).unwrap();
    assert_eq!((&model["task"], &model["texts"]), (&json!("classification"), &json!(["text"])));
    let (_, metric_values) = server.ask("GET /metrics", &[], "");
    assert!(metric_values.contains("\nbertline_texts_total 3\n"), "{metric_values}");
    server.ask_to_stop();
    let Run { code, stderr, .. } = server.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("all accepted requests were answered"), "{stderr}");
}

fn check_refusals(server: &Server) {
    let check = |body: &str, code: u16| {
        let (found, body) = server.ask("POST /predict", &[], body);
        let error: Value = serde_json::from_str(&body).unwrap();
        assert!(found == code && error["error"].is_string(), "{found} for {code}: {body}");
    };
    check("{", 400);
    check(&json!({ "text": "좋".repeat(11) }).to_string(), 422);
    check(&json!({ "texts": ["", "", ""] }).to_string(), 422);
    check(&json!({ "text": "좋".repeat(100) }).to_string(), 413);
}

/// The request's body is on its way when the signal comes.
#[test]
fn a_request_that_is_under_way_is_answered_after_the_signal() {
    let sandbox = Sandbox::trained();
    let mut server = Server::start(&sandbox, &[]);
    let body = json!({ "text": "정말 좋다" }).to_string();
    let mut stream = server.connect();
    let head = format!("Host: localhost\r\nExpect: 100-continue\r\nContent-Length: {}", body.len());
    write!(stream, "POST /predict HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).unwrap();
    server.ask_to_stop();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("\"label\""), "{reply}");
    let address = server.address.clone();
    let Run { code, stderr, .. } = server.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(TcpStream::connect(address).is_err());
}

/// The request takes far more than two seconds: many texts, in batches of one.
fn overloaded(sandbox: &Sandbox) -> Server {
    let limits = ["--timeout", "2", "--max-texts", "200000", "--queue", "300000", "--max-bytes", "100000000"];
    let options = [&limits[..], &["--set", "evaluate.batch_size=1"]].concat();
    let server = Server::start(sandbox, &options);
    let body = json!({ "texts": vec!["정말 좋다"; 200_000] });
    // Where other programs have the processor, two seconds may be too short for reading the body.
    while predict(&server, &body).0 != 504 {}
    server
}

#[test]
fn cancelled_requests_are_dropped() {
    let sandbox = Sandbox::trained();
    let mut server = overloaded(&sandbox);
    server.await_line("their requests were cancelled");
    assert_eq!(predict(&server, &json!({ "text": "정말 좋다" })).0, 200);
    server.ask_to_stop();
    assert_eq!(server.end().code, Some(0));
}

/// The body of a request never comes to its end, which the server would wait for.
fn stopping(sandbox: &Sandbox, options: &[&str]) -> (Server, TcpStream) {
    let mut server = Server::start(sandbox, options);
    let mut stream = server.connect();
    let head = "Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 100";
    write!(stream, "POST /predict HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).unwrap();
    server.ask_to_stop();
    (server, stream)
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let sandbox = Sandbox::trained();
    let (server, _stream) = stopping(&sandbox, &["--timeout", "3600"]);
    server.signal("USR1");
    let Run { code, stderr, .. } = server.end();
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("stopped by SIGUSR1 before all accepted requests were answered"), "{stderr}");
}

#[test]
fn an_unread_stderr_blocks_no_request() {
    let sandbox = Sandbox::trained();
    let mut server = Server::start(&sandbox, &[]);
    let path = format!("GET /{}", "a".repeat(1000));
    // A line has 100 characters of it, and a pipe some 64 kB.
    (0..3000).for_each(|_| assert_eq!(server.ask(&path, &[], "").0, 404));
    server.await_line("lines were dropped");
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    let sandbox = Sandbox::trained();
    fs::write(sandbox.path("token"), "geheim\n").unwrap();
    let server = Server::start(&sandbox, &["--token-file", "token"]);
    let body = json!({ "text": "" }).to_string();
    let code = |headers: &[&str]| server.ask("POST /predict", headers, &body).0;
    assert_eq!(code(&[]), 401);
    assert_eq!(code(&["Authorization: Bearer falsch"]), 401);
    assert_eq!(code(&["Authorization: Bearer geheim"]), 200);
    assert_eq!(server.ask("GET /healthz", &[], ""), (200, "ok\n".to_owned()));
}

#[test]
fn what_cannot_be_served_is_refused() {
    let sandbox = Sandbox::trained();
    let check = |options: &[&str], code, parts: &[&str]| {
        Run::from(Server::command(&sandbox, options).output().unwrap()).check_refused(code, parts);
    };
    let server = Server::start(&sandbox, &[]);
    let (_, port) = server.address.split_once(':').unwrap();
    check(&["--port", port], 2, &["cannot listen", port, "--port"]);
    check(&["--port", "0", "--queue", "1", "--max-texts", "2"], 2, &["--max-texts is 2", "--queue 1"]);
    check(&["--port", "0", "--token-file", "none"], 2, &["cannot read the token in none"]);
    check(&["--port", "0", "--set", "train.epochs=2"], 3, &["serve needs the result of train"]);
}

/// Without an end of requests there is none of memory either, unless something is left of each.
#[test]
fn requests_leave_nothing_behind() {
    let sandbox = Sandbox::trained();
    let server = Server::start(&sandbox, &[]);
    let texts = json!({ "texts": vec!["정말 좋다"; 64] });
    let ask = || assert_eq!(predict(&server, &texts).0, 200);
    (0..100).for_each(|_| ask());
    let before = server.resident_memory();
    (0..300).for_each(|_| ask());
    let after = server.resident_memory();
    assert!(after < before + 8 * 1024, "{before} kB became {after}");
}
