//! The models that were best on dev.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bert::SequenceClassifier;
use shared::config::{Best, Metric, Monitor, TrainConfig};
use shared::facts::DevMetrics;
use shared::layout::trained;

use crate::tokenizer_files;

/// The `save_top_k` best so far, best first, each in a folder of its own.
#[derive(Debug)]
pub(crate) struct BestModels {
    output: PathBuf,
    tokenizer: PathBuf,
    monitor: Monitor,
    capacity: usize,
    kept: Vec<(u64, DevMetrics)>,
}

impl BestModels {
    /// `tokenizer` is the folder of the model that training began with.
    pub(crate) fn new(output: &Path, tokenizer: &Path, config: &TrainConfig) -> BestModels {
        BestModels {
            output: output.to_owned(),
            tokenizer: tokenizer.to_owned(),
            monitor: config.monitor,
            capacity: config.save_top_k,
            kept: Vec::new(),
        }
    }

    /// Saves `model` if it is among the best; of two that are equal the earlier is the better.
    pub(crate) fn offer(&mut self, step: u64, metrics: DevMetrics, model: &SequenceClassifier) -> Result<()> {
        let rank = rank(&self.kept, &metrics, self.monitor);
        if rank >= self.capacity {
            return Ok(());
        }
        let folder = trained::kept(&self.output, step);
        model.save(&folder)?;
        tokenizer_files::install(&self.tokenizer, &folder, model.config().max_position_embeddings)?;
        self.kept.insert(rank, (step, metrics));
        for (step, _) in self.kept.split_off(self.kept.len().min(self.capacity)) {
            let folder = trained::kept(&self.output, step);
            fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
        }
        if rank == 0 {
            log::info!("step {step} is the best so far");
        }
        Ok(())
    }

    /// Makes the best model the result; returns its step and metrics.
    pub(crate) fn install(self, folder: &Path) -> Result<(u64, DevMetrics)> {
        let &(step, metrics) = self.kept.first().context("no model was evaluated")?;
        let best = trained::kept(&self.output, step);
        fs::rename(&best, folder).with_context(|| format!("cannot write {}", folder.display()))?;
        if let (1, Some(kept)) = (self.kept.len(), best.parent()) {
            fs::remove_dir(kept).with_context(|| format!("cannot delete {}", kept.display()))?;
        }
        Ok((step, metrics))
    }
}

/// The place of `metrics` among `kept`.
fn rank(kept: &[(u64, DevMetrics)], metrics: &DevMetrics, monitor: Monitor) -> usize {
    let value = |metrics: &DevMetrics| match monitor.metric {
        Metric::Loss => metrics.loss,
        Metric::Accuracy => metrics.accuracy,
        Metric::MacroF1 => metrics.macro_f1,
    };
    let better = |(_, other): &&(u64, DevMetrics)| match monitor.best {
        Best::Min => value(other) <= value(metrics),
        Best::Max => value(other) >= value(metrics),
    };
    kept.iter().take_while(better).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(loss: f64, accuracy: f64) -> DevMetrics {
        DevMetrics { loss, accuracy, macro_f1: 0.0 }
    }

    #[test]
    fn the_monitor_decides_and_ties_go_to_the_earlier() {
        let kept = [(1, metrics(0.3, 0.8)), (2, metrics(0.5, 0.9))];
        let by_loss = Monitor { metric: Metric::Loss, best: Best::Min };
        let check = |new: DevMetrics, expect: usize| assert_eq!(rank(&kept, &new, by_loss), expect);
        check(metrics(0.2, 0.0), 0);
        check(metrics(0.3, 0.0), 1);
        check(metrics(0.4, 0.0), 1);
        check(metrics(0.6, 0.0), 2);
        let by_accuracy = Monitor { metric: Metric::Accuracy, best: Best::Max };
        assert_eq!(rank(&[(2, metrics(0.5, 0.9))], &metrics(0.6, 0.95), by_accuracy), 0);
        assert_eq!(rank(&[(2, metrics(0.5, 0.9))], &metrics(0.1, 0.9), by_accuracy), 1);
    }
}
