//! A server on a loopback port, with a model that the test controls, and its clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::anyhow;
use serde_json::Value;
use shared::schema::{Decoded, Example, Prediction, Truth};
use tokio::sync::oneshot;

use super::super::worker::PredictFn;
use super::super::*;
use crate::encoder::ModelCard;
use crate::predictor::Failure;

/// Bounds every wait, so that a test fails where it would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// The model of a test: it reports requests, and answers when it is told to.
pub(super) struct Model {
    asked: Receiver<usize>,
    go: Sender<()>,
    abandoned: Receiver<bool>,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) model: Model,
    pub(super) metrics: ServerMetrics,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) ended: JoinHandle<Ended>,
}

pub(super) const LIMITS: Limits =
    Limits { bytes: 1000, texts: 2, characters: 100, time: Duration::from_secs(3600) };

impl Server {
    pub(super) fn start(limits: Limits, queue: u32, token: Token) -> Server {
        let (model, answer) = Model::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let (addresses, address) = channel();
        let metrics = ServerMetrics::default();
        let own = metrics.clone();
        let work = move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let listener = runtime.block_on(listen(([127, 0, 0, 1], 0).into())).unwrap();
            addresses.send(listener.local_addr().unwrap()).unwrap();
            let (service, model) = service(limits, queue, token, own, answer);
            let stop = async {
                drop(stopped.await);
                "a test"
            };
            let ended = runtime.block_on(serve_until(stop, listener, service, limits.time));
            drop(runtime);
            assert!(model.ends_within(PATIENCE).unwrap(), "the model goes on");
            ended
        };
        let ended = thread::spawn(work);
        Server { address: address.recv().unwrap(), model, metrics, stop, ended }
    }

    pub(super) fn send(&self, head: &str, body: &str) -> Client {
        Client::send(self.address, head, body)
    }

    pub(super) fn predict(&self, body: &Value) -> Client {
        self.send("POST /predict", &body.to_string())
    }

    /// Blocks until exactly `texts` texts wait for the model.
    pub(super) fn await_waiting(&self, texts: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut waiting = self.metrics.waiting.subscribe();
        let found = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, waiting.wait_for(|now| *now == texts)).await.map(drop)
        });
        assert!(found.is_ok(), "{} texts wait, not {texts}", *waiting.borrow());
    }

    /// Lets the model answer its next request, and returns the number of texts in it.
    pub(super) fn answer(&self) -> usize {
        let asked = self.model.asked();
        self.model.go();
        asked
    }
}

impl Model {
    /// Returns the model and the function that the server calls.
    pub(super) fn new() -> (Model, impl PredictFn + Send + 'static) {
        let (asks, asked) = channel();
        let (go, goes) = channel();
        let (checks, abandoned) = channel();
        let answer = move |examples: Vec<Example>, is_abandoned: &dyn Fn() -> bool| {
            asks.send(examples.len()).unwrap();
            goes.recv().unwrap();
            let is_abandoned = is_abandoned();
            checks.send(is_abandoned).ok();
            if is_abandoned { Ok(None) } else { answers(examples).map(Some) }
        };
        (Model { asked, go, abandoned }, answer)
    }

    /// The number of texts of the next request.
    pub(super) fn asked(&self) -> usize {
        self.asked.recv_timeout(PATIENCE).expect("the model is not asked")
    }

    pub(super) fn go(&self) {
        self.go.send(()).unwrap();
    }

    /// True where the model found its request cancelled.
    pub(super) fn was_abandoned(&self) -> bool {
        self.abandoned.recv_timeout(PATIENCE).expect("the model does not answer")
    }
}

/// The service and its model's thread, without sockets.
pub(super) fn service(
    limits: Limits,
    queue: u32,
    token: Token,
    metrics: ServerMetrics,
    model: impl PredictFn + Send + 'static,
) -> (Arc<Service>, ModelThread) {
    let (queue, worker) = Queue::new(queue, metrics.clone());
    let model = worker.start(3, model).unwrap();
    (Arc::new(Service { card: card(), queue, limits, metrics, token }), model)
}

fn card() -> ModelCard {
    let labels = vec!["short".to_owned(), "long".to_owned()];
    ModelCard { task: "classification", texts: &["text"], labels, mask_token: None, max_seq_length: 8 }
}

/// Classifies each text as long or short. Some texts fail on purpose.
fn answers(examples: Vec<Example>) -> Result<Vec<Prediction>, Failure> {
    let answer = |example: Example| {
        match example.text.as_str() {
            text if text.starts_with("fail") => return Err(Failure::Model(anyhow!("it was told to"))),
            text if text.starts_with("unfit") => return Err(Failure::Text(anyhow!("it has no tokens"))),
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
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let length = body.len();
        let host = if headers.starts_with("Host: ") { "" } else { "Host: localhost\r\n" };
        let request = format!(
            "{line} HTTP/1.1\r\n{host}Connection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        Client(stream)
    }

    pub(super) fn reply(mut self) -> Reply {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        assert!(!text.is_empty(), "the connection was closed without a reply");
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
