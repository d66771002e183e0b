//! The program `serve`: a model behind HTTP.

mod api;
mod connections;
mod figures;
mod pages;
mod queue;
mod refusal;
mod request;
#[cfg(test)]
mod tests;
mod token;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use shared::console::{LogFormat, print_result};
use shared::fault::Fault;
use shared::stage::execute_program;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::model::ModelArgs;
use crate::open_predictor;
use api::Service;
use connections::{Ended, serve_until};
use figures::Figures;
use queue::Queue;
use request::Limits;
use token::Token;

const PROGRAM: &str = "serve";

/// The options of `serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The address to listen on. Any other than this machine's own lets others in: give a token then.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// 0 takes one that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A file with the secret that requests bring as `Authorization: Bearer …`; else $BERTLINE_TOKEN, if set.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Texts that may wait for the model; further requests are told to come back.
    #[arg(long, value_name = "TEXTS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
    /// Seconds in which a request is answered, or given up.
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
    /// How lines are written to stderr.
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    // Taken before the model is loaded: a port in use is said at once, and a signal from now on ends the program well.
    let listener = runtime.block_on(listen(SocketAddr::new(args.host, args.port)))?;
    let stop = runtime.block_on(async { asked_to_stop() })?;
    let predictor = open_predictor(PROGRAM, &args.model)?;
    let (card, most, figures) = (predictor.encoder().card(), predictor.batch_size(), Figures::default());
    let (queue, worker) = Queue::new(args.queue, figures.clone());
    let model = worker.start(most, move |examples| predictor.predict(examples))?;
    print_result(&format!("http://{}", listener.local_addr()?))?;
    let service = Service { card, queue, limits, figures, token };
    let ended = runtime.block_on(serve_until(stop, listener, Arc::new(service), limits.time));
    // With the last connection nobody is left to ask, so the model comes to its end too.
    drop(runtime);
    model.join().map_err(|_| anyhow!("the thread of the model has failed"))?;
    match ended {
        Ended::Answered => log::info!("every request that was accepted is answered"),
        Ended::CutOff => log::warn!("some connections did not take their answers, and were cut off"),
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

/// Comes to its end with the first SIGTERM or SIGINT.
fn asked_to_stop() -> Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to signals")?;
    Ok(std::future::poll_fn(move |context| {
        let (term, int) = (terminate.poll_recv(context), interrupt.poll_recv(context));
        match (term.is_ready(), int.is_ready()) {
            (true, _) => Poll::Ready("SIGTERM"),
            (_, true) => Poll::Ready("SIGINT"),
            _ => Poll::Pending,
        }
    }))
}
