//! Connections from clients, until the server is asked to stop.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::api::{Service, router};

/// The most connections at a time: fewer than the files that a process may open by default. Further ones wait in the
/// system's queue.
const MOST_CONNECTIONS: usize = 900;
/// The time limit for a request's head, and between two requests. It is short, since idle connections may take all
/// places, and a health check would wait behind them.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted, as where the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The way in which a server ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All accepted requests were answered.
    Answered,
    /// A client did not get, or did not read, its answer in time.
    CutOff,
}

/// Accepts connections until `stop`, then answers the accepted requests within [`HEAD_TIME`] plus twice `time`: the rest
/// of a head and of a body may still have to arrive before the answer.
pub(super) async fn serve_until(
    stop: impl Future<Output = &'static str>,
    listener: TcpListener,
    service: Arc<Service>,
    time: Duration,
) -> Ended {
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let router = router(service);
    let accept = async {
        loop {
            let permit = Arc::clone(&room).acquire_owned().await;
            let Some(stream) = accepted(&listener).await else { continue };
            let (router, watcher) = (router.clone(), connections.watcher());
            tokio::spawn(async move {
                // An error of a connection concerns only its client.
                drop(watcher.watch(connection(stream, router, time)).await);
                drop(permit);
            });
        }
    };
    let signal = until(stop, accept).await;
    log::info!("{signal}: answering the accepted requests");
    drop(listener);
    let ended = timeout(HEAD_TIME + 2 * time, connections.shutdown()).await;
    if ended.is_ok() { Ended::Answered } else { Ended::CutOff }
}

/// Runs `work` until `stop` is ready, and returns the value of `stop`.
async fn until<T>(stop: impl Future<Output = T>, work: impl Future<Output = Infallible>) -> T {
    let (mut stop, mut work) = (pin!(stop), pin!(work));
    std::future::poll_fn(|context| {
        let stopped = stop.as_mut().poll(context);
        if stopped.is_pending() {
            let Poll::Pending = work.as_mut().poll(context);
        }
        stopped
    })
    .await
}

async fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            // An answer is one small write, which should not wait for more data.
            drop(stream.set_nodelay(true));
            Some(stream)
        }
        Err(error) => {
            log::warn!("a connection could not be accepted: {error}");
            sleep(PAUSE).await;
            None
        }
    }
}

type Connection<S> =
    http1::Connection<TokioIo<Pin<Box<TimeoutStream<S>>>>, TowerToHyperService<axum::Router>>;

/// A stream whose client must read some bytes within every `time`.
pub(super) fn connection<S: AsyncRead + AsyncWrite>(
    stream: S,
    router: axum::Router,
    time: Duration,
) -> Connection<S> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(time));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router))
}
