//! Tests of time limits, on tokio's paused clock: it advances whenever all tasks wait.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use hyper::body::{Body as HttpBody, Frame};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::super::api::router;
use super::super::connections::connection;
use super::harness::{LIMITS, Model, service};
use super::*;

/// Longer than all limits together.
const AGES: Duration = Duration::from_secs(1_000_000);

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

/// A body that never arrives.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

fn check(body: Body, code: u16, part: &str) {
    let (_model, answer) = Model::new();
    let (service, _) = service(LIMITS, 8, Token::none(), ServerMetrics::default(), answer);
    let request = Request::post(api::PREDICT).body(body).unwrap();
    let (found, body) = run(async {
        let response = TowerToHyperService::new(router(service)).call(request).await.unwrap();
        let code = response.status().as_u16();
        (code, to_bytes(response.into_body(), usize::MAX).await.unwrap())
    });
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(found == code && body.contains(part), "{found}: {body}");
}

#[test]
fn slow_requests_get_a_time_out_status() {
    check(json!({ "text": "a" }).to_string().into(), 504, "no answer within 3600 s");
    check(Body::new(Never), 408, "the body did not arrive within 3600 s");
}

/// A client that sends `request` and then neither sends nor reads anything.
struct StalledClient {
    request: &'static [u8],
}

impl AsyncRead for StalledClient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.request.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(std::mem::take(&mut self.request));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StalledClient {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn check_ends(request: &'static [u8]) {
    let (_model, answer) = Model::new();
    let (service, _) = service(LIMITS, 8, Token::none(), ServerMetrics::default(), answer);
    run(async {
        let connection = connection(StalledClient { request }, router(service), LIMITS.time);
        assert!(timeout(AGES, connection).await.is_ok(), "the connection stays");
    });
}

#[test]
fn stalled_connections_are_closed() {
    check_ends(b"");
    check_ends(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n");
    check_ends(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
}
