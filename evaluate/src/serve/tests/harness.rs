//! A server on a loopback port, before a model that does what a test says, and its clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Result, bail};
use serde_json::Value;
use shared::schema::{Decoded, Example, Prediction, Truth};
use tokio::sync::oneshot;

use super::super::*;
use crate::encoder::ModelCard;

/// What the model is asked, and when it may answer.
pub(super) struct Model {
    pub(super) asked: Receiver<usize>,
    pub(super) go: Sender<()>,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) model: Model,
    pub(super) figures: Figures,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) ended: JoinHandle<Ended>,
}

pub(super) const LIMITS: Limits =
    Limits { bytes: 1000, texts: 2, characters: 100, time: Duration::from_secs(3600) };

impl Server {
    pub(super) fn start(limits: Limits, queue: u32, token: Token) -> Server {
        let (asks, asked) = channel();
        let (go, goes) = channel();
        let answer = move |examples: Vec<Example>| -> Result<Vec<Prediction>> {
            asks.send(examples.len())?;
            goes.recv()?;
            answers(examples)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (addresses, address) = channel();
        let figures = Figures::default();
        let own = figures.clone();
        let work = move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let listener = runtime.block_on(listen(([127, 0, 0, 1], 0).into())).unwrap();
            addresses.send(listener.local_addr().unwrap()).unwrap();
            let (queue, worker) = Queue::new(queue, own.clone());
            let model = worker.start(3, answer).unwrap();
            let service = Service { card: card(), queue, limits, figures: own, token };
            let stop = async {
                drop(stopped.await);
                "a test"
            };
            let ended = runtime.block_on(serve_until(stop, listener, Arc::new(service), limits.time));
            drop(runtime);
            model.join().unwrap();
            ended
        };
        let ended = thread::spawn(work);
        Server { address: address.recv().unwrap(), model: Model { asked, go }, figures, stop, ended }
    }

    pub(super) fn send(&self, head: &str, body: &str) -> Client {
        Client::send(self.address, head, body)
    }

    pub(super) fn predict(&self, body: &Value) -> Client {
        self.send("POST /predict", &body.to_string())
    }

    /// Until so many texts wait.
    pub(super) fn await_waiting(&self, texts: i64) {
        while self.figures.waiting.get() != texts {
            thread::yield_now();
        }
    }

    /// Lets the model answer, and says how much it was asked.
    pub(super) fn answer(&self) -> usize {
        let asked = self.model.asked.recv().unwrap();
        self.model.go.send(()).unwrap();
        asked
    }
}

fn card() -> ModelCard {
    let labels = vec!["short".to_owned(), "long".to_owned()];
    ModelCard { task: "classification", texts: &["text"], labels, mask_token: None, max_seq_length: 8 }
}

/// A text is long or short.
fn answers(examples: Vec<Example>) -> Result<Vec<Prediction>> {
    let answer = |example: Example| {
        match example.text.as_str() {
            "fail" => bail!("it was told to"),
            "panic" => panic!("it was told to"),
            _ => {}
        }
        let long = example.text.len() > 4;
        let predicted = if long { "long" } else { "short" }.to_owned();
        let probabilities = if long { vec![0.25, 0.75] } else { vec![0.75, 0.25] };
        let decoded = Decoded::Class { predicted, probabilities };
        Ok(Prediction { example_id: example.example_id, truth: Truth::Unknown, decoded, logits: Vec::new() })
    };
    examples.into_iter().map(answer).collect()
}

/// A request on a connection of its own.
pub(super) struct Client(pub(super) TcpStream);

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Client {
    pub(super) fn send(address: SocketAddr, head: &str, body: &str) -> Client {
        let mut stream = TcpStream::connect(address).unwrap();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        Client(stream)
    }

    pub(super) fn reply(mut self) -> Reply {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { code, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(super) fn check(self, code: u16, part: &str) -> Reply {
        let reply = self.reply();
        assert_eq!(reply.code, code, "{reply:?}");
        assert!(reply.body.contains(part), "{reply:?} lacks {part}");
        reply
    }
}
