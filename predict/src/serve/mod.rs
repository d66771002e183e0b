//! The program `serve`: predictions over HTTP.

mod api;
mod api_error;
mod connections;
mod metrics;
mod origin;
mod pages;
mod queue;
mod reply;
mod request;
mod signals;
#[cfg(test)]
mod tests;
mod token;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::console::{LogFormat, print_result, report_failure, write_from_a_thread};
use shared::fault::{Fault, FaultKind};
use shared::stage::execute_program;
use tokio::net::TcpListener;

use crate::model::ModelArgs;
use crate::open_predictor;
use api::Service;
use connections::{Ended, serve_until};
use metrics::ServerMetrics;
use queue::Queue;
use request::Limits;
use token::Token;
use worker::ModelThread;

const PROGRAM: &str = "serve";
/// The time for the model to finish its batch after the last connection has ended.
const LAST_BATCH: Duration = Duration::from_secs(10);

/// The options of `serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The address to listen on. With any other than a loopback address, other machines can connect: set a token then.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A file with the token that requests must send as `Authorization: Bearer …`; by default $BERTLINE_TOKEN, if set.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The most texts that wait or are computed at a time; further requests get status 503.
    #[arg(long, value_name = "TEXTS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
    /// The time limit in seconds for a request's body to arrive, and again for its answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// The most texts, or pairs, of a request.
    #[arg(long, value_name = "TEXTS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_texts: u32,
    /// The most characters of a text.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 10_000)]
    max_characters: usize,
    /// The most bytes of a request's body.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_bytes: usize,
    /// The format of lines on stderr.
    #[arg(long, value_enum, default_value_t)]
    log: LogFormat,
}

/// Runs `serve` and turns the outcome into an exit code.
pub fn run(args: &ServeArgs) -> ExitCode {
    execute_program(PROGRAM, args.log, || serve(args))
}

fn serve(args: &ServeArgs) -> Result<()> {
    let limits = limits(args)?;
    let token = Token::find(args.token_file.as_deref())?;
    write_from_a_thread()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    // The port and the signals come before the model: a port in use is reported at once, and a signal during
    // loading stops the program properly.
    let listener = runtime.block_on(listen(SocketAddr::new(args.host, args.port)))?;
    let stop = signals::listen()?;
    let predictor = open_predictor(PROGRAM, &args.model)?;
    predictor.try_out().context("the model cannot predict for a short text, so no request could succeed")?;
    let (card, most, metrics) =
        (predictor.encoder().card(), predictor.batch_size(), ServerMetrics::default());
    let (queue, worker) = Queue::new(args.queue, metrics.clone());
    let model =
        worker.start(most, move |examples, is_abandoned| predictor.predict_unless(examples, is_abandoned))?;
    if !args.host.is_loopback() && !token.is_required() {
        log::warn!(
            "every client that reaches {} can use the model; --token-file requires a token",
            args.host
        );
    }
    print_result(&format!("http://{}", listener.local_addr()?))?;
    let service = Service { card, queue, limits, metrics, token };
    let stop = async { stop.await.unwrap_or("no more signals") };
    let ended = runtime.block_on(serve_until(stop, listener, Arc::new(service), limits.time));
    // The last connection is closed, so the model's thread ends too.
    drop(runtime);
    conclude(&ended, model)
}

/// Returns success where every accepted request was answered.
fn conclude(ended: &Ended, model: ModelThread) -> Result<()> {
    let cut_off = "stopped before all accepted requests were answered and their answers read";
    let model_ended = model.ends_within(LAST_BATCH)?;
    match ended {
        Ended::Answered => log::info!("all accepted requests were answered"),
        Ended::CutOff if model_ended => return Err(Fault::stopped(cut_off).into()),
        Ended::CutOff => report_failure(FaultKind::Stopped, cut_off),
    }
    if !model_ended {
        log::warn!(
            "the model is still computing a cancelled request; the server ends without waiting for it"
        );
        signals::leave(if *ended == Ended::Answered { 0 } else { FaultKind::Stopped.code() });
    }
    Ok(())
}

fn limits(args: &ServeArgs) -> Result<Limits> {
    if args.max_texts > args.queue {
        let (texts, queue) = (args.max_texts, args.queue);
        let message = format!("--max-texts is {texts}, and --queue {queue} has no room for such a request");
        return Err(Fault::usage(message).into());
    }
    Ok(Limits {
        bytes: args.max_bytes,
        texts: args.max_texts as usize,
        characters: args.max_characters,
        time: Duration::from_secs(args.timeout),
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let taken =
        || Fault::usage(format!("cannot listen on {address}; name another one with --host and --port"));
    TcpListener::bind(address).await.with_context(taken)
}
