//! The state of a training. With the model and the optimizer's moments it is all that a resumed process needs.

use serde::{Deserialize, Serialize};
use shared::config::TrainConfig;

use crate::ranking::Ranking;
use crate::running_mean::RunningMean;

/// It holds no random state: shuffling and dropout follow from the seed and the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Steps done.
    pub(crate) step: u64,
    /// The step after which dev was evaluated last.
    pub(crate) evaluated_at: Option<u64>,
    pub(crate) ranking: Ranking,
    /// Evaluations since the last best one.
    pub(crate) stalled: u64,
    /// Examples in memory at once.
    pub(crate) micro_batch_size: usize,
    pub(crate) recent: RunningMean,
}

impl State {
    pub(crate) fn new(config: &TrainConfig, examples: usize) -> State {
        let batch_size = config.batch_limit().rows.min(examples);
        State {
            step: 0,
            evaluated_at: None,
            ranking: Ranking::default(),
            stalled: 0,
            micro_batch_size: config.micro_batch_size.unwrap_or(batch_size),
            recent: RunningMean::default(),
        }
    }
}
