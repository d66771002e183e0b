//! The paths of the server, and what happens there.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Body as _;
use serde_json::json;
use shared::schema::Prediction;
use tokio::time::timeout;

use super::figures::Figures;
use super::pages;
use super::queue::Queue;
use super::refusal::Refusal;
use super::request::{Asked, Limits};
use super::token::Token;
use crate::answer::Answer;
use crate::encoder::ModelCard;

pub(super) const PREDICT: &str = "/predict";
pub(super) const HEALTHZ: &str = "/healthz";
pub(super) const METRICS: &str = "/metrics";
pub(super) const MODEL: &str = "/model";
pub(super) const OPENAPI: &str = "/openapi.json";
pub(super) const PAGE: &str = "/";
pub(super) const STYLE: &str = "/page.css";
pub(super) const SCRIPT: &str = "/page.js";

pub(super) const ALL: [&str; 8] = [PREDICT, HEALTHZ, METRICS, MODEL, OPENAPI, PAGE, STYLE, SCRIPT];
/// What tells of the model, or lets it work. The rest is the same on every server.
const GUARDED: [&str; 3] = [PREDICT, METRICS, MODEL];
/// Of all other paths together, among the figures.
const ELSEWHERE: &str = "other";

/// What requests are answered with.
pub(super) struct Service {
    pub(super) card: ModelCard,
    pub(super) queue: Queue,
    pub(super) limits: Limits,
    pub(super) figures: Figures,
    pub(super) token: Token,
}

type Shared = State<Arc<Service>>;

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(PREDICT, post(predict))
        .route(HEALTHZ, get(|| async { "ok\n" }))
        .route(METRICS, get(metrics))
        .route(MODEL, get(async |State(service): Shared| in_json(json!(service.card).to_string())))
        .route(OPENAPI, get(async || in_json(pages::OPENAPI)))
        .route(PAGE, get(pages::page))
        .route(STYLE, get(pages::style))
        .route(SCRIPT, get(pages::script))
        .fallback(async |State(service): Shared| Refusal::NoSuchPath.response(&service.limits))
        .method_not_allowed_fallback(async |State(service): Shared| {
            Refusal::NoSuchMethod.response(&service.limits)
        })
        .layer(from_fn_with_state(Arc::clone(&service), around))
        .with_state(service)
}

/// Lets in who may come in, and writes down how it went.
async fn around(State(service): Shared, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let known = ALL.into_iter().find(|known| *known == path).unwrap_or(ELSEWHERE);
    let response = if GUARDED.contains(&known) && !service.token.admits(request.headers()) {
        Refusal::Unauthorized.response(&service.limits)
    } else {
        next.run(request).await
    };
    let (seconds, code) = (started.elapsed().as_secs_f64(), response.status().as_u16());
    service.figures.count(known, code);
    if known == PREDICT {
        service.figures.predicted(seconds);
    }
    log::info!("{method} {path} {code} {:.1} ms", 1e3 * seconds);
    response
}

async fn predict(State(service): Shared, request: Request) -> Response {
    match answer(&service, request.into_body()).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(&service.limits),
    }
}

async fn answer(service: &Service, body: Body) -> Result<Response, Refusal> {
    let Service { card, limits, .. } = service;
    let body = timeout(limits.time, bytes(body, limits.bytes)).await.map_err(|_| Refusal::TooSlow)??;
    let asked = Asked::parse(&body, card.texts, limits)?;
    let predictions = timeout(limits.time, service.queue.ask(asked.examples())).await;
    let predictions = predictions.map_err(|_| Refusal::TimedOut)??;
    service.figures.texts.inc_by(predictions.len() as u64);
    Ok(in_json(written(&asked, &predictions, &card.labels)?))
}

async fn bytes(body: Body, most: usize) -> Result<axum::body::Bytes, Refusal> {
    // One that says so itself is not even read.
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLarge);
    }
    to_bytes(body, most).await.map_err(|_| Refusal::TooLarge)
}

/// An object, or a list of them.
fn written(asked: &Asked, predictions: &[Prediction], labels: &[String]) -> Result<String, Refusal> {
    let answers = predictions.iter().map(|prediction| Answer {
        example_id: None,
        decoded: &prediction.decoded,
        labels,
    });
    let answers: Vec<Answer<'_>> = answers.collect();
    let text = match (asked, answers.as_slice()) {
        (Asked::One(_), [answer]) => serde_json::to_string(answer),
        _ => serde_json::to_string(&answers),
    };
    text.map_err(|_| Refusal::Failed)
}

async fn metrics(State(service): Shared) -> Response {
    match service.figures.text() {
        Ok(text) => typed("application/openmetrics-text; version=1.0.0; charset=utf-8", text).into_response(),
        Err(_) => Refusal::Failed.response(&service.limits),
    }
}

fn in_json(body: impl Into<Body>) -> Response {
    typed("application/json", body)
}

pub(super) fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
