//! Why a request is not answered, as HTTP says it.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::reply::in_json;
use super::request::Limits;

/// Seconds after which to come back: the least that the header can say, since batches are quick and any of them may make
/// room.
const COME_BACK: HeaderValue = HeaderValue::from_static("1");

/// A request that gets no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The body is no JSON.
    Malformed(String),
    /// It is, but not what is asked for here.
    Unfit(String),
    TooLarge,
    /// The body is compressed.
    Compressed,
    TooSlow,
    TimedOut,
    Unauthorized,
    /// Without a token: another site's page may have sent it.
    Foreign,
    NoSuchPath,
    NoSuchMethod,
    QueueFull,
    /// Nobody gets an answer any more.
    Broken,
    /// The log has the reason.
    Failed,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
            Refusal::Foreign => StatusCode::FORBIDDEN,
            Refusal::NoSuchPath => StatusCode::NOT_FOUND,
            Refusal::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::QueueFull | Refusal::Broken => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(&self, limits: &Limits) -> String {
        let seconds = limits.time.as_secs();
        match self {
            Refusal::Malformed(reason) => format!("the body is no JSON: {reason}"),
            Refusal::Unfit(reason) => reason.clone(),
            Refusal::TooLarge => format!("the body has more than {} bytes", limits.bytes),
            Refusal::Compressed => "the body is compressed; send it without Content-Encoding".into(),
            Refusal::TooSlow => format!("the body did not come within {seconds} s"),
            Refusal::TimedOut => format!("there was no answer within {seconds} s"),
            Refusal::Unauthorized => {
                "the header `Authorization: Bearer …` with the right token is missing".into()
            }
            Refusal::Foreign => {
                "without a token only requests to an IP address or localhost, and from no other site, \
                                 are answered; start the server with --token-file to use it by another name"
                    .into()
            }
            Refusal::NoSuchPath => "there is nothing at this path; /openapi.json says what there is".into(),
            Refusal::NoSuchMethod => "this path takes another method; /openapi.json says which".into(),
            Refusal::QueueFull => "too many texts are waiting; come back later".into(),
            Refusal::Broken => "the model fails again and again; the server's log says why".into(),
            Refusal::Failed => "the model failed; the server's log says why".into(),
        }
    }

    pub(super) fn response(&self, limits: &Limits) -> Response {
        let body = json!({ "error": self.message(limits) }).to_string();
        let mut response = in_json(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            Refusal::QueueFull => drop(headers.insert(RETRY_AFTER, COME_BACK)),
            Refusal::Unauthorized => {
                drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            }
            _ => {}
        }
        response
    }
}
