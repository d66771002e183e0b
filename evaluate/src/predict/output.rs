//! Answers to a file or to the standard output.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use shared::layout::content_extension;
use shared::schema::{Prediction, PredictionShape, PredictionWriter, TruthKind};

use crate::answer::Answer;
use crate::encoder::Encoder;

/// Whether JSON says which example it is of; Parquet does so always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Shown,
    Left,
}

pub(super) struct Output {
    sink: Sink,
    ids: Ids,
    encoder: Arc<Encoder>,
}

enum Sink {
    Printed(BufWriter<io::Stdout>),
    Lines { writer: BufWriter<File>, path: PathBuf },
    Parquet(Box<PredictionWriter>),
}

impl Output {
    /// # Errors
    /// Where `path` cannot be written.
    pub(super) fn open(path: Option<&Path>, ids: Ids, encoder: &Arc<Encoder>) -> Result<Output> {
        let sink = match path {
            None => Sink::Printed(BufWriter::new(stdout())),
            Some(path) if content_extension(path).as_deref() == Some("parquet") => {
                let shape = PredictionShape { truth: TruthKind::Nothing, decoded: encoder.decoded() };
                Sink::Parquet(Box::new(PredictionWriter::create(path, shape)?))
            }
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                Sink::Lines { writer: BufWriter::new(file), path: path.to_owned() }
            }
        };
        Ok(Output { sink, ids, encoder: Arc::clone(encoder) })
    }

    /// Breaks where nobody reads what is printed any longer.
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
            Sink::Lines { writer, path } => {
                lines(writer).with_context(|| format!("cannot write {}", path.display()))?;
            }
            Sink::Parquet(writer) => writer.write(predictions)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Parquet(writer) => writer.finish(),
            Sink::Printed(_) | Sink::Lines { .. } => Ok(()),
        }
    }
}

fn line(writer: &mut dyn Write, prediction: &Prediction, ids: Ids, encoder: &Encoder) -> io::Result<()> {
    let example_id = (ids == Ids::Shown).then_some(prediction.example_id.as_str());
    let answer = Answer { example_id, decoded: &prediction.decoded, labels: encoder.labels() };
    serde_json::to_writer(&mut *writer, &answer)?;
    writer.write_all(b"\n")
}
