//! An HTTP server on this machine that sends the responses of a test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use shared::address::Address;

/// A server that answers a fixed number of connections and then refuses others.
pub(super) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server that answers one connection with each item of `script`.
    pub(super) fn start(script: Vec<Vec<u8>>) -> Server {
        let mut script = script.into_iter();
        Server::answering(script.len(), move |_| script.next().unwrap_or_default())
    }

    /// Starts a server for a number of `connections`. `answer` maps the head of a request, in lower case, to the response.
    pub(super) fn answering(
        connections: usize,
        mut answer: impl FnMut(&str) -> Vec<u8> + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for _ in 0..connections {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                // Bytes that are not text are no request; a client may begin with TLS.
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let head = head.join("\n").to_lowercase();
                let reply = answer(&head);
                seen.lock().unwrap().push(head);
                drop(stream.write_all(&reply));
            }
        });
        Server { port, requests }
    }

    pub(super) fn address(&self, path: &str) -> Address {
        Address::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    /// The address of the server with user and password.
    pub(super) fn with_credentials(&self, scheme: &str, credentials: &str) -> String {
        format!("{scheme}://{credentials}@127.0.0.1:{}", self.port)
    }

    /// The heads of all requests so far, in lower case.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A response with these `headers` and this `body`, which may contradict each other.
pub(super) fn response(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut reply = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    headers.iter().for_each(|header| reply.extend(format!("{header}\r\n").into_bytes()));
    reply.extend(b"\r\n");
    reply.extend(body);
    reply
}

/// A response with the whole `body` and its length.
pub(super) fn whole(body: &[u8]) -> Vec<u8> {
    response("200 OK", &[&format!("Content-Length: {}", body.len()), "ETag: \"v1\""], body)
}
