//! Chromium without a window, driven by its DevTools protocol.
//!
//! Over a pipe, so that no crate is needed: every one for websockets turns on features of crates that burn is built
//! with, and burn would be compiled a second time.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The names of the program in packages.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// The protocol takes what is written to this process as its file 3, and answers on its file 4.
const ON_PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";

/// A page in a browser of its own.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// None where no Chromium is installed, which is said; in CI it has to be.
    pub fn find() -> Option<Browser> {
        let paths: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let found = NAMES.iter().find(|name| paths.iter().any(|path| path.join(name).is_file()));
        let Some(name) = found else {
            assert!(env::var_os("CI").is_none(), "chromium is not installed, and in CI it has to be");
            eprintln!("skipped: chromium is not installed; `sudo apt install chromium` lets this test run");
            return None;
        };
        Some(Browser::start(name))
    }

    fn start(name: &str) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", ON_PIPES, name, "--headless=new", "--remote-debugging-pipe", "--no-sandbox"]);
        command.args(["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--window-size=400,800"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (session, events) = (None, Vec::new());
        let mut browser = Browser { child, input, output, session, sent: 0, events, _profile: profile };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].take();
        let session = browser.call("Target.attachToTarget", json!({ "targetId": page, "flatten": true }));
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// The result of a method of the protocol.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.input, "{message}\0").unwrap();
        self.input.flush().unwrap();
        loop {
            let mut answer = self.message();
            if answer["id"] == self.sent {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "chromium has ended");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Goes to `address`, until the page is there with all that belongs to it.
    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.message();
            self.events.push(event);
        }
    }

    /// The value of a JavaScript expression.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", parameters);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// The value of an expression once it is neither false nor empty, looked at whenever the page changes.
    pub fn wait_for(&mut self, expression: &str) -> Value {
        let script = format!(
            "new Promise((found, failed) => {{
                const look = () => {{ const value = {expression}; if (value) found(value); return value; }};
                if (look()) return;
                const all = {{ subtree: true, childList: true, attributes: true, characterData: true }};
                new MutationObserver(look).observe(document, all);
                setTimeout(() => failed(document.body.innerText), 60000);
            }})"
        );
        self.value(&script)
    }

    /// Types as an input method does: each of `states` in place of the one before, and the last one for good.
    pub fn compose(&mut self, states: &[&str]) {
        for text in states {
            let end = text.encode_utf16().count();
            let state = json!({ "text": text, "selectionStart": end, "selectionEnd": end });
            self.call("Input.imeSetComposition", state);
        }
        self.insert(states.last().unwrap());
    }

    /// Types a text at once.
    pub fn insert(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    pub fn press_enter(&mut self) {
        for kind in ["rawKeyDown", "char", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
            self.call("Input.dispatchKeyEvent", key);
        }
    }

    /// The errors that the page has reported so far.
    pub fn complaints(&self) -> Vec<&Value> {
        let complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        self.events.iter().filter(complaint).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
