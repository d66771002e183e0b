//! The program `predict`: it reads texts and writes predictions.

mod atomic_file;
mod input;
mod output;
mod prefetch;
mod terminal;

use std::io::{IsTerminal, stdout};
use std::iter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use shared::console::{LogFormat, Progress, Unit};
use shared::fault::Fault;
use shared::schema::Example;
use shared::signals;
use shared::stage::execute_program;
use shared::tokens::UnknownTokens;

use crate::encoder::{Encoder, example};
use crate::model::ModelArgs;
use crate::open_predictor;
use crate::predictor::Predictor;
use atomic_file::AtomicFile;
use input::{Input, InputFormat};
use output::{Ids, Output};
use prefetch::Prefetch;

const PROGRAM: &str = "predict";
/// The most examples of a chunk. A chunk is sorted by length, and is large enough for batches without much padding.
const CHUNK_ROWS: usize = 4096;
/// The bytes of text from which on a chunk takes no further example.
const CHUNK_BYTES: usize = 1 << 21;

/// The options of `predict`.
#[derive(Debug, Clone, clap::Args)]
pub struct PredictArgs {
    /// Texts to predict for; two for each example of a task with two texts. Without them, `--input` or the standard input is read.
    #[arg(value_name = "TEXT", conflicts_with_all = ["input", "format"])]
    texts: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// A file of texts; without it the standard input is read.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The format of the input; by default its extension decides, and a file without one is text. All but Parquet may be compressed by gzip or zstd.
    #[arg(long, value_enum)]
    format: Option<InputFormat>,
    /// A file for the predictions: JSON Lines, or Parquet where its name ends in `.parquet`. Without it they are printed.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format of lines on stderr.
    #[arg(long, value_enum, default_value_t)]
    log: LogFormat,
}

/// Runs `predict` and turns the outcome into an exit code.
pub fn run(args: &PredictArgs) -> ExitCode {
    execute_program(PROGRAM, args.log, || predict(args))
}

fn predict(args: &PredictArgs) -> Result<()> {
    signals::listen()?;
    // Faults of the files are reported before the model is loaded, which takes longer.
    let input = Input::open(args.input.as_deref(), args.format)?;
    let target = args.output.as_deref().map(AtomicFile::new).transpose()?;
    let predictor = open_predictor(PROGRAM, &args.model)?;
    let encoder = predictor.encoder();
    if !args.texts.is_empty() {
        if let Some(file) = args.texts.iter().find(|text| Path::new(text).is_file()) {
            log::warn!(
                "`{file}` is taken as a text, but a file of this name exists: `--input {file}` reads the texts in it"
            );
        }
        let examples = examples(&encoder, &args.texts)?;
        if target.is_none() && stdout().is_terminal() {
            return terminal::show(&predictor, examples);
        }
        let output = Output::open(target, Ids::Omitted, &encoder)?;
        return answer_all(&predictor, output, iter::once(Ok(examples)));
    }
    let ids = if input.format == InputFormat::Text { Ids::Omitted } else { Ids::Shown };
    let examples = input.examples(encoder.task().shape().texts)?;
    let output = Output::open(target, ids, &encoder)?;
    answer_all(&predictor, output, chunks(examples))
}

/// Makes an example of each text, or of every two texts where the task takes two, in their order.
///
/// # Errors
/// A usage fault where a second text is missing.
fn examples(encoder: &Encoder, texts: &[String]) -> Result<Vec<Example>> {
    let card = encoder.card();
    let (each, wanted) = (card.texts.len(), card.texts.join(" and "));
    let odd = || Fault::usage(format!("{} takes {wanted}, and one of them is missing", card.task));
    ensure!(texts.len().is_multiple_of(each), odd());
    let of = |(id, texts): (u64, &[String])| example(id.to_string(), texts.iter().cloned());
    Ok((1..).zip(texts.chunks(each)).map(of).collect())
}

/// Groups `examples` into chunks of at most [`CHUNK_ROWS`] examples and about [`CHUNK_BYTES`] bytes, so that memory has
/// a bound. An error comes after the examples that were read before it.
fn chunks(
    mut examples: impl Iterator<Item = Result<Example>> + Send,
) -> impl Iterator<Item = Result<Vec<Example>>> + Send {
    let mut failed = None;
    iter::from_fn(move || {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while failed.is_none() && chunk.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
            match examples.next() {
                Some(Ok(example)) => {
                    bytes += example.text.len() + example.text_pair.as_ref().map_or(0, String::len);
                    chunk.push(example);
                }
                Some(Err(error)) => failed = Some(error),
                None => break,
            }
        }
        if chunk.is_empty() { failed.take().map(Err) } else { Some(Ok(chunk)) }
    })
}

/// Predicts for all chunks and writes the predictions. While the model computes a chunk, a thread reads and encodes the
/// next one.
fn answer_all(
    predictor: &Predictor,
    mut output: Output,
    chunks: impl Iterator<Item = Result<Vec<Example>>> + Send + 'static,
) -> Result<()> {
    let started = Instant::now();
    let mut progress = (!stdout().is_terminal()).then(|| Progress::new(PROGRAM, 0, Unit::Items));
    let (mut count, mut unknown) = (0, UnknownTokens::default());
    let encoder = predictor.encoder();
    for encoded in Prefetch::of(chunks.map(move |chunk| encoder.encode(chunk?)))? {
        let encoded = encoded?;
        unknown.unknown += encoded.unknown.unknown;
        unknown.tokens += encoded.unknown.tokens;
        let predictions = predictor.answer(encoded)?;
        if output.write(&predictions)? == ControlFlow::Break(()) {
            return Ok(());
        }
        count += predictions.len();
        if let Some(progress) = &mut progress {
            progress.advance(predictions.len() as u64);
        }
    }
    output.finish()?;
    progress.into_iter().for_each(Progress::finish);
    unknown.warning().iter().for_each(|sentence| log::warn!("{sentence}"));
    let seconds = started.elapsed().as_secs_f64();
    log::info!("{count} examples in {seconds:.1} s, {:.0} a second", count as f64 / seconds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::schema::Truth;

    fn check_chunks(lengths: &[usize], expect: &[usize]) {
        let lengths = lengths.to_vec();
        let example = |length: usize| Example {
            example_id: String::new(),
            text: "a".repeat(length),
            text_pair: None,
            truth: Truth::Unknown,
        };
        let found: Vec<usize> = chunks(lengths.into_iter().map(|length| Ok(example(length))))
            .map(|chunk| chunk.unwrap().len())
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn chunks_are_bounded_in_rows_and_bytes() {
        check_chunks(&[], &[]);
        check_chunks(&[1; 3], &[3]);
        check_chunks(&[1; 2 * CHUNK_ROWS + 1], &[CHUNK_ROWS, CHUNK_ROWS, 1]);
        check_chunks(&[CHUNK_BYTES, 1, CHUNK_BYTES - 1, 1], &[1, 2, 1]);
    }

    #[test]
    fn examples_before_an_error_are_returned_first() {
        let examples = [Ok(example("1".into(), [])), Err(anyhow::anyhow!("torn"))];
        let found: Vec<Result<Vec<Example>>> = chunks(examples.into_iter()).collect();
        let [Ok(chunk), Err(error)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((chunk.len(), error.to_string().as_str()), (1, "torn"));
    }
}
