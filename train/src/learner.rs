//! The model under training, with its optimizer.

use std::path::Path;

use anyhow::Result;
use models::{AdamW, AdamWConfig, BertConfig, Compute, HeadPolicy, LayerRates, Model};
use shared::config::{TrainConfig, Weights};
use shared::layout::{checkpoints, fetched, trained};
use shared::manifest::FinishedFolder;
use shared::metadata::FetchMetadata;
use shared::task::Task;
use tasks::TaskParams;
use tokenizer::SavedTokenizer;

use crate::checkpoints::Checkpoint;

/// Warns where an earlier training of the model gave its outputs another meaning, such as tags of words instead of tokens.
fn warn_of_other_note(bert: &BertConfig, task: Task, params: &TaskParams) {
    let Some((key, ours)) = tasks::spec(task).note(params) else { return };
    if let Some(theirs) = bert.note(key).filter(|&theirs| *theirs != ours) {
        log::warn!(
            "the model was trained with `{key}` {theirs}, and this run has {ours}: its head means something else; set the \
             keys of [{key}] as they were, or train it anew"
        );
    }
}

#[derive(Debug)]
pub(crate) struct Learner {
    pub(crate) model: Model,
    pub(crate) optimizer: AdamW,
    /// The tokenizer files that stand beside the saved model.
    tokenizer: SavedTokenizer,
}

impl Learner {
    /// Starts with the model of `fetch` and a head for the task and the labels of the corpus.
    pub(crate) fn begin(
        fetched: &FinishedFolder,
        task: Task,
        params: &TaskParams,
        config: &TrainConfig,
        compute: &Compute,
        seed: u64,
    ) -> Result<Learner> {
        let folder = &fetched::model(fetched.path());
        let FetchMetadata { weights, .. } = fetched.metadata()?;
        let (layer, targets) = (task.output_layer(), task.targets(&params.labels));
        let bert = BertConfig::read(folder)?;
        warn_of_other_note(&bert, task, params);
        let bert = bert.with_task(layer, targets, &tasks::spec(task).outputs(params));
        let mut bert = bert.with_note(tasks::spec(task).note(params));
        if let Some(rate) = config.dropout {
            bert = bert.with_dropout(rate);
        }
        // Without training, the model must come with its head.
        let head = if config.trains_nothing() { HeadPolicy::Required } else { HeadPolicy::MayBeNew };
        let model = Model::build(folder, bert, weights, head, compute, seed)?;
        Learner::new(model, folder, config)
    }

    /// Continues from `checkpoint`.
    pub(crate) fn resume(
        checkpoint: &Checkpoint,
        fetched: &FinishedFolder,
        config: &TrainConfig,
        compute: &Compute,
        seed: u64,
    ) -> Result<Learner> {
        let folder = trained::model(&checkpoint.folder);
        let bert = BertConfig::read(&folder)?;
        let weights = Weights::Pretrained;
        let model = Model::build(&folder, bert, weights, HeadPolicy::Required, compute, seed)?;
        // Not from the checkpoint, which is deleted as the training goes on.
        let mut learner = Learner::new(model, &fetched::model(fetched.path()), config)?;
        let moments = checkpoints::optimizer(&checkpoint.folder);
        learner.optimizer.restore(&learner.model, &moments, checkpoint.state.step)?;
        Ok(learner)
    }

    fn new(mut model: Model, tokenizer: &Path, config: &TrainConfig) -> Result<Learner> {
        model.freeze(config.freeze)?;
        let optimizer = AdamW::new(AdamWConfig {
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            weight_decay: config.weight_decay,
            max_grad_norm: config.max_grad_norm,
            rates: LayerRates {
                head: config.head_learning_rate.map_or(1.0, |rate| rate / config.learning_rate),
                decay: config.layer_decay,
            },
        });
        let tokenizer = SavedTokenizer::read(tokenizer, model.config().max_position_embeddings)?;
        Ok(Learner { model, optimizer, tokenizer })
    }

    /// Writes model, tokenizer and moments into a checkpoint's folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let model = trained::model(folder);
        self.model.save(&model)?;
        self.tokenizer.write(&model)?;
        self.optimizer.save(&self.model, &checkpoints::optimizer(folder))
    }
}
