//! `metrics.jsonl`: one object a line. It holds no times: the same run writes the same bytes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::layout::trained;
use shared::training_log::LogEntry;

use crate::tensorboard::EventFile;

/// The file in the folder of an unfinished training.
#[derive(Debug)]
pub(crate) struct TrainingLog {
    path: PathBuf,
    file: File,
    events: Option<EventFile>,
}

impl TrainingLog {
    /// Opens the file with the lines of the folder `earlier`, if there is one.
    pub(crate) fn open(folder: &Path, earlier: Option<&Path>, tensorboard: bool) -> Result<TrainingLog> {
        let path = trained::metrics(folder);
        let context = || format!("cannot write {}", path.display());
        let lines = match earlier.map(trained::metrics) {
            Some(earlier) => {
                fs::read(&earlier).with_context(|| format!("cannot read {}", earlier.display()))?
            }
            None => Vec::new(),
        };
        fs::create_dir_all(folder).with_context(context)?;
        let mut file = File::create(&path).with_context(context)?;
        file.write_all(&lines).with_context(context)?;
        let mut events = None;
        if tensorboard {
            let mut file = EventFile::create(&trained::tensorboard(folder))?;
            for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                file.write(&serde_json::from_slice(line).with_context(context)?)?;
            }
            events = Some(file);
        }
        Ok(TrainingLog { path, file, events })
    }

    /// Writes a line at once, so that a run can be followed.
    pub(crate) fn write(&mut self, entry: &LogEntry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.events.as_mut().map_or(Ok(()), |events| events.write(entry))
    }

    /// Copies the lines so far into `folder`; TensorBoard's file follows from them.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<()> {
        copy(&self.path, &trained::metrics(folder))
    }

    /// Writes all lines, and TensorBoard's file, into `folder`.
    pub(crate) fn install(&self, folder: &Path) -> Result<()> {
        self.copy_to(folder)?;
        match &self.events {
            Some(events) => copy(events.path(), &trained::tensorboard(folder)),
            None => Ok(()),
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy {}", from.display());
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    fs::copy(from, to).map(drop).with_context(context)
}
