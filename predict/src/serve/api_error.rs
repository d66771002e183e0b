//! Errors of requests as HTTP responses.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::reply::in_json;
use super::request::Limits;

/// The value of `Retry-After`, in seconds. It is the smallest possible, since each batch may free places.
const COME_BACK: HeaderValue = HeaderValue::from_static("1");

/// The reason why a request gets no prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiError {
    /// The body is not JSON.
    Malformed(String),
    /// The body is JSON, but not a valid request.
    Unfit(String),
    /// The body is larger than [`Limits::bytes`].
    TooLarge,
    /// The body is compressed.
    Compressed,
    /// The body did not arrive in time.
    TooSlow,
    /// The model did not answer in time.
    TimedOut,
    Unauthorized,
    /// The server has no token, and another site's page may have sent the request.
    Foreign,
    NoSuchPath,
    NoSuchMethod,
    QueueFull,
    /// The model has stopped, or fails repeatedly.
    Broken,
    /// The model failed for this request; the log has the reason.
    Failed,
}

impl ApiError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            ApiError::Malformed(_) => StatusCode::BAD_REQUEST,
            ApiError::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            ApiError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            ApiError::Unauthorized => StatusCode::UNAUTHORIZED,
            ApiError::Foreign => StatusCode::FORBIDDEN,
            ApiError::NoSuchPath => StatusCode::NOT_FOUND,
            ApiError::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::QueueFull | ApiError::Broken => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(&self, limits: &Limits) -> String {
        let seconds = limits.time.as_secs();
        match self {
            ApiError::Malformed(reason) => format!("the body is not JSON: {reason}"),
            ApiError::Unfit(reason) => reason.clone(),
            ApiError::TooLarge => format!("the body has more than {} bytes", limits.bytes),
            ApiError::Compressed => "the body is compressed; send it without Content-Encoding".into(),
            ApiError::TooSlow => format!("the body did not arrive within {seconds} s"),
            ApiError::TimedOut => format!("there was no answer within {seconds} s"),
            ApiError::Unauthorized => {
                "the header `Authorization: Bearer …` with the right token is missing".into()
            }
            ApiError::Foreign => {
                "without a token the server answers only requests to an IP address or localhost, and none from \
                 another site's page; start it with --token-file to use another host name"
                    .into()
            }
            ApiError::NoSuchPath => "there is nothing at this path; /openapi.json lists the paths".into(),
            ApiError::NoSuchMethod => "this path takes another method; /openapi.json names it".into(),
            ApiError::QueueFull => "too many texts are waiting; come back later".into(),
            ApiError::Broken => "the model fails again and again; the server's log says why".into(),
            ApiError::Failed => "the model failed; the server's log says why".into(),
        }
    }

    pub(super) fn response(&self, limits: &Limits) -> Response {
        let body = json!({ "error": self.message(limits) }).to_string();
        let mut response = in_json(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            ApiError::QueueFull => drop(headers.insert(RETRY_AFTER, COME_BACK)),
            ApiError::Unauthorized => {
                drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            }
            _ => {}
        }
        response
    }
}
