//! Passwords and tokens appear in no output of fetch.
#![allow(clippy::unwrap_used, reason = "only tests")]

#[path = "../src/download/loopback.rs"]
#[allow(dead_code, reason = "the unit tests use more of it")]
mod loopback;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use loopback::{Server, response};

const CONFIG: &str = "name = \"a\"
[fetch]
model = \"org/name\"
weights = \"random\"
files = { train = \"train.tsv\", test = \"train.tsv\" }
";
const ROWS: &str = "text\tlabel\n가\tx\n나\ty\n다\tx\n라\ty\n마\tx\n바\ty\n";
const BERT: &str = r#"{"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 6, "hidden_size": 8,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12}"#;
const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n가\n";
/// The password, user and password in base64 as in the header, and the prefix of the token.
const SECRETS: [&str; 3] = ["PASS", "dXNlcjpQQVNT", "hf_"];

/// A number that the requests of one fetch do not exceed.
const CONNECTIONS: usize = 200;

fn found(body: &str) -> Vec<u8> {
    response("200 OK", &[&format!("Content-Length: {}", body.len())], body.as_bytes())
}

fn missing() -> Vec<u8> {
    response("404 Not Found", &["Content-Length: 0"], b"")
}

/// A server with a model that has the response `config` for config.json, a vocabulary and no other files.
fn model(config: Vec<u8>) -> Server {
    Server::answering(CONNECTIONS, move |head| match head.lines().next().unwrap_or_default() {
        line if line.contains("/resolve/main/config.json ") => config.clone(),
        line if line.contains("/vocab.txt ") => found(VOCAB),
        _ => missing(),
    })
}

/// The output of fetch, and the text of everything that it writes.
struct Traces {
    output: Output,
    text: String,
}

fn fetch(options: &[&str], variables: &[(&str, &str)]) -> Traces {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.toml"), CONFIG).unwrap();
    fs::write(path("train.tsv"), ROWS).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fetch"))
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", path("home"))
        .envs(variables.iter().copied())
        .args(["--config", "a.toml"])
        .args(options)
        .output()
        .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    add_files(folder.path(), &mut text);
    Traces { output, text }
}

fn add_files(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        text.push_str(&path.to_string_lossy());
        if path.is_dir() {
            add_files(&path, text);
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

/// Runs fetch with `options` and `variables` in both log formats. Checks the exit code, that the output has `parts`, and
/// that it has no secret.
fn check(options: &[&str], variables: &[(&str, &str)], code: i32, parts: &[&str]) {
    for log in ["text", "json"] {
        let traces = fetch(&[options, &["--log", log]].concat(), variables);
        assert_eq!(traces.output.status.code(), Some(code), "{}", traces.text);
        for secret in SECRETS {
            assert!(!traces.text.contains(secret), "{secret} in {}", traces.text);
        }
        parts.iter().for_each(|part| assert!(traces.text.contains(part), "`{}` lacks `{part}`", traces.text));
    }
}

#[test]
fn passwords_of_mirrors_and_endpoints_are_not_shown() {
    let server = model(found(BERT));
    let address = server.with_credentials("http", "user:PASS");
    let mirror = format!("fetch.mirror={address}/hub");
    let endpoint = [("HF_ENDPOINT", address.as_str()), ("HF_TOKEN", "hf_PASS\n")];
    check(&["--set", &mirror], &[], 0, &["127.0.0.1", "/hub"]);
    check(&[], &endpoint, 0, &["127.0.0.1"]);
    let requests = server.requests();
    assert!(requests.iter().all(|head| head.contains("authorization: basic")), "{requests:?}");
    assert!(requests.iter().all(|head| !head.contains("hf_")), "{requests:?}");
}

#[test]
fn refusals_do_not_show_passwords() {
    let refused = |reply: Vec<u8>, part: &str| {
        let server = model(reply);
        let address = server.with_credentials("http", "user:PASS");
        let mirror = format!("fetch.mirror={address}");
        check(&["--set", &mirror], &[], 3, &[part]);
        check(&[], &[("HF_ENDPOINT", &address), ("HF_TOKEN", "hf_PASS")], 3, &[part]);
        check(&["--set", "fetch.offline=true", "--set", &mirror], &[], 3, &["fetch.offline"]);
    };
    let status = |status: &str| response(status, &["Content-Length: 0"], b"");
    let redirect =
        |target: &str| response("302 Found", &[&format!("Location: {target}"), "Content-Length: 0"], b"");
    refused(missing(), "does not exist");
    refused(status("401 Unauthorized"), "credentials");
    refused(status("418 PASS"), "418");
    refused(redirect("ftp://user:PASS@h/a?PASS"), "redirects");
    refused(redirect("http://user:PASS@:/"), "redirects");
    refused(redirect("config.json#PASS"), "without end");
    refused(found("<html>sign in"), "HTML page");
    refused(found("{"), "no JSON");
}

#[test]
fn usage_errors_do_not_show_passwords() {
    let variable = |name, value| check(&[], &[(name, value)], 2, &[name]);
    variable("HF_TOKEN", "hf_PASS\nhf_PASS");
    variable("HF_ENDPOINT", "user:PASS@h");
    variable("HF_ENDPOINT", "http://user:PASS@h?PASS");
    variable("HTTPS_PROXY", "ftp://user:PASS@h");
    let mirror = |value: &str| check(&["--set", &format!("fetch.mirror={value}")], &[], 2, &["fetch.mirror"]);
    mirror("http://user:PASS@h/?PASS");
    mirror("http://user:PA/PASS@h");
    mirror("user:PASS@h");
}
