//! `metrics.jsonl`: one object a line. No times in it: the same run writes the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use shared::facts::DevMetrics;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// Means over the steps since the last such line.
    Train { step: u64, epoch: f64, loss: f64, accuracy: f64, gradient_norm: f64, learning_rate: f64 },
    /// An evaluation on dev.
    Dev {
        step: u64,
        epoch: f64,
        #[serde(flatten)]
        metrics: DevMetrics,
    },
}

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Journal {
    pub(crate) fn create(path: &Path) -> Result<Journal> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Journal { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Written at once, so that a run can be followed.
    pub(crate) fn write(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.flush());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}
