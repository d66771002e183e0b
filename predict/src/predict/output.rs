//! Writes predictions to a file or to the standard output.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, Result};
use shared::schema::{Prediction, PredictionShape, PredictionWriter, TruthKind};

use super::atomic_file::{AtomicFile, Format};
use crate::answer::Answer;
use crate::encoder::Encoder;

/// The ids of examples in JSON: shown or omitted. Parquet always has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Shown,
    Omitted,
}

pub(super) struct Output {
    sink: Sink,
    ids: Ids,
    encoder: Arc<Encoder>,
}

enum Sink {
    Printed(BufWriter<io::Stdout>),
    Lines(BufWriter<File>, AtomicFile),
    Parquet(Box<PredictionWriter>, AtomicFile),
}

impl Output {
    /// Opens `target`; without it, predictions are printed.
    pub(super) fn open(target: Option<AtomicFile>, ids: Ids, encoder: &Arc<Encoder>) -> Result<Output> {
        let sink = match target {
            None => Sink::Printed(BufWriter::new(stdout())),
            Some(target) if target.format() == Format::Parquet => {
                let shape = PredictionShape { truth: TruthKind::Nothing, decoded: encoder.decoded() };
                Sink::Parquet(Box::new(PredictionWriter::create(target.written(), shape)?), target)
            }
            Some(target) => {
                let file = File::create(target.written()).with_context(|| cannot_write(&target))?;
                Sink::Lines(BufWriter::new(file), target)
            }
        };
        Ok(Output { sink, ids, encoder: Arc::clone(encoder) })
    }

    /// Writes predictions. Breaks where the reader of the standard output has closed it.
    pub(super) fn write(&mut self, predictions: &[Prediction]) -> Result<ControlFlow<()>> {
        let lines = |writer: &mut dyn Write| {
            predictions
                .iter()
                .try_for_each(|prediction| line(writer, prediction, self.ids, &self.encoder))?;
            writer.flush()
        };
        match &mut self.sink {
            Sink::Printed(writer) => match lines(writer) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ControlFlow::Break(())),
                printed => printed.context("cannot write to the standard output")?,
            },
            Sink::Lines(writer, target) => lines(writer).with_context(|| cannot_write(target))?,
            Sink::Parquet(writer, _) => writer.write(predictions)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Printed(_) => Ok(()),
            Sink::Lines(_, target) => target.finish(),
            Sink::Parquet(writer, target) => {
                writer.finish()?;
                target.finish()
            }
        }
    }
}

fn cannot_write(target: &AtomicFile) -> String {
    format!("cannot write {}", target.written().display())
}

fn line(writer: &mut dyn Write, prediction: &Prediction, ids: Ids, encoder: &Encoder) -> io::Result<()> {
    let example_id = (ids == Ids::Shown).then_some(prediction.example_id.as_str());
    let answer = Answer { example_id, decoded: &prediction.decoded, labels: encoder.labels() };
    serde_json::to_writer(&mut *writer, &answer)?;
    writer.write_all(b"\n")
}
