//! The training log: the lines of `metrics.jsonl`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::metric::MetricValues;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogEntry {
    /// Means over the steps since the last such line.
    Train {
        /// The number of steps so far.
        step: u64,
        /// The epoch, as a fraction.
        epoch: f64,
        /// The mean loss.
        loss: f64,
        /// Absent where accuracy is not defined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accuracy: Option<f64>,
        /// The mean norm of the gradients before clipping.
        gradient_norm: f64,
        /// The learning rate of the last step.
        learning_rate: f64,
    },
    /// An evaluation on dev.
    Dev {
        /// The number of steps so far.
        step: u64,
        /// The epoch, as a fraction.
        epoch: f64,
        /// The metrics.
        #[serde(flatten)]
        metrics: MetricValues,
    },
}

/// The lines of a finished training.
///
/// # Errors
/// An input fault that names the line that is none.
pub fn read(path: &Path) -> Result<Vec<LogEntry>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let entry = |(number, line): (usize, &str)| {
        let damaged = || {
            let advice = "run `train` again with --force";
            Fault::input(format!("line {} of {} is damaged; {advice}", number + 1, path.display()))
        };
        serde_json::from_str(line).with_context(damaged)
    };
    text.lines().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::kind_of;
    use crate::metric::Metric;

    const TRAIN: &str =
        r#"{"kind":"train","step":10,"epoch":0.5,"loss":0.7,"gradient_norm":1.5,"learning_rate":5e-5}"#;
    const DEV: &str = r#"{"kind":"dev","step":20,"epoch":1.0,"loss":0.5,"accuracy":0.75}"#;

    fn read_text(text: &str) -> Result<Vec<LogEntry>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn lines_of_both_kinds_are_read() {
        let train = LogEntry::Train {
            step: 10,
            epoch: 0.5,
            loss: 0.7,
            accuracy: None,
            gradient_norm: 1.5,
            learning_rate: 5e-5,
        };
        let metrics = [(Metric::Loss, 0.5), (Metric::Accuracy, 0.75)].into();
        let dev = LogEntry::Dev { step: 20, epoch: 1.0, metrics };
        assert_eq!(read_text(&format!("{TRAIN}\n{DEV}\n")).unwrap(), [train, dev]);
    }

    #[test]
    fn a_torn_line_is_an_input_fault() {
        let error = read_text(&format!("{TRAIN}\n{}", &DEV[..20])).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        assert!(format!("{error:#}").starts_with("line 2 of "), "{error:#}");
    }
}
