//! The routes of the server.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_ENCODING, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::body::Body as _;
use serde_json::json;
use shared::schema::Prediction;
use tokio::time::timeout;

use super::api_error::ApiError;
use super::metrics::ServerMetrics;
use super::origin::is_foreign;
use super::pages;
use super::queue::Queue;
use super::reply::{in_json, typed};
use super::request::{Limits, PredictRequest};
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
/// Routes that reveal or use the model. All others are the same on every server.
const GUARDED: [&str; 3] = [PREDICT, METRICS, MODEL];
/// The label of all other paths in the metrics.
const ELSEWHERE: &str = "other";
/// The most characters of a client's text in a log line.
const MOST_SHOWN: usize = 100;

/// The state that requests share.
pub(super) struct Service {
    pub(super) card: ModelCard,
    pub(super) queue: Queue,
    pub(super) limits: Limits,
    pub(super) metrics: ServerMetrics,
    pub(super) token: Token,
}

type Shared = State<Arc<Service>>;

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(PREDICT, post(predict))
        .route(HEALTHZ, get(healthz))
        .route(METRICS, get(metrics))
        .route(MODEL, get(model))
        .route(OPENAPI, get(async || in_json(pages::OPENAPI)))
        .route(PAGE, get(pages::page))
        .route(STYLE, get(pages::style))
        .route(SCRIPT, get(pages::script))
        .fallback(async |State(service): Shared| ApiError::NoSuchPath.response(&service.limits))
        .method_not_allowed_fallback(async |State(service): Shared| {
            ApiError::NoSuchMethod.response(&service.limits)
        })
        .layer(from_fn_with_state(Arc::clone(&service), around))
        .with_state(service)
}

/// Checks the token or the origin of a request, and counts and logs its response.
async fn around(State(service): Shared, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path();
    let known = ALL.into_iter().find(|known| *known == path).unwrap_or(ELSEWHERE);
    let line = format!("{} {}", shown(request.method().as_str()), shown(path));
    let mut response = match refused(&service, known, &request) {
        Some(refusal) => refusal.response(&service.limits),
        None => next.run(request).await,
    };
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (seconds, status) = (started.elapsed().as_secs_f64(), response.status());
    service.metrics.count(known, status.as_u16());
    if known == PREDICT && status.is_success() {
        service.metrics.answered(seconds);
    }
    // Health checks come every few seconds, so successful ones are not logged.
    if known != HEALTHZ || !status.is_success() {
        log::info!("{line} {} {:.1} ms", status.as_u16(), 1e3 * seconds);
    }
    response
}

fn refused(service: &Service, path: &str, request: &Request) -> Option<ApiError> {
    if !GUARDED.contains(&path) {
        return None;
    }
    if service.token.is_required() {
        (!service.token.admits(request.headers())).then_some(ApiError::Unauthorized)
    } else {
        is_foreign(request).then_some(ApiError::Foreign)
    }
}

/// A client's text in a form that is safe in a log.
fn shown(text: &str) -> String {
    text.chars().take(MOST_SHOWN).flat_map(char::escape_default).collect()
}

async fn healthz(State(service): Shared) -> Response {
    if service.queue.is_well() {
        typed("text/plain; charset=utf-8", "ok\n")
    } else {
        ApiError::Broken.response(&service.limits)
    }
}

/// The answer of `/model`.
async fn model(State(service): Shared) -> Response {
    let mut card = json!(service.card);
    card["limits"] = json!(service.limits);
    in_json(card.to_string())
}

async fn predict(State(service): Shared, request: Request) -> Response {
    let encodings = request.headers().get_all(CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return ApiError::Compressed.response(&service.limits);
    }
    match answer(&service, request.into_body()).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(&service.limits),
    }
}

async fn answer(service: &Service, body: Body) -> Result<Response, ApiError> {
    let Service { card, limits, .. } = service;
    let body = timeout(limits.time, bytes(body, limits.bytes)).await.map_err(|_| ApiError::TooSlow)??;
    let request = PredictRequest::parse(&body, card.texts, limits)?;
    let predictions = timeout(limits.time, service.queue.ask(request.examples())).await;
    let predictions = predictions.map_err(|_| ApiError::TimedOut)??;
    service.metrics.texts.inc_by(predictions.len() as u64);
    Ok(in_json(written(&request, &predictions, &card.labels)?))
}

async fn bytes(body: Body, most: usize) -> Result<axum::body::Bytes, ApiError> {
    // A body whose declared length is too large is not read.
    if body.size_hint().lower() > most as u64 {
        return Err(ApiError::TooLarge);
    }
    to_bytes(body, most).await.map_err(|_| ApiError::TooLarge)
}

/// The predictions as JSON: an object for a single example, else a list of objects.
fn written(
    request: &PredictRequest,
    predictions: &[Prediction],
    labels: &[String],
) -> Result<String, ApiError> {
    let answers = predictions.iter().map(|prediction| Answer {
        example_id: None,
        decoded: &prediction.decoded,
        labels,
    });
    let answers: Vec<Answer<'_>> = answers.collect();
    let text = match (request, answers.as_slice()) {
        (PredictRequest::One(_), [answer]) => serde_json::to_string(answer),
        _ => serde_json::to_string(&answers),
    };
    text.map_err(|_| ApiError::Failed)
}

async fn metrics(State(service): Shared) -> Response {
    match service.metrics.text() {
        Ok(text) => typed("application/openmetrics-text; version=1.0.0; charset=utf-8", text),
        Err(_) => ApiError::Failed.response(&service.limits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(shown(text), expect);
    }

    #[test]
    fn client_texts_are_escaped_in_the_log() {
        check("/predict", "/predict");
        check("/\u{9b}31m\n", "/\\u{9b}31m\\n");
        check(&"a".repeat(60_000), &"a".repeat(100));
    }
}
