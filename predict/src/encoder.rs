//! The encoding of texts for a model, and the decoding of its outputs.

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use shared::model_output::{Output, TokenGuess};
use shared::schema::{
    Decoded, DecodedKind, Example, Features, FilledMask, Prediction, TokenCandidate, Truth,
};
use shared::task::{OutputLayer, Task};
use shared::tokens::{Piece, Tokenizer, UnknownTokens};
use tasks::{TaskParams, TokenReading, Window, prediction};
use tokenizer::BoundedTokenizer;

use crate::model::ModelSource;

/// A tokenizer and a task: the part of a predictor that needs no model. Any number of threads may use it at once.
pub(crate) struct Encoder {
    tokenizer: BoundedTokenizer,
    task: Task,
    params: TaskParams,
}

/// Examples, with the rows of each.
#[derive(Debug, Default)]
pub(crate) struct EncodedExamples {
    pub(crate) examples: Vec<Example>,
    /// The rows of all examples, in order.
    pub(crate) rows: Vec<Features>,
    /// The number of rows of each example: several for a long text, and possibly none for an empty one.
    pub(crate) counts: Vec<usize>,
    /// The unknown tokens and all tokens of all rows.
    pub(crate) unknown: UnknownTokens,
}

impl Encoder {
    /// Loads the tokenizer of the model's folder.
    pub(crate) fn open(source: &ModelSource) -> Result<Encoder> {
        let tokenizer = BoundedTokenizer::load(&source.folder, source.max_seq_length)?;
        let mut params = source.params.clone();
        let unknown = tokenizer.unknown_token_id().map(i32::try_from).transpose()?;
        params.reading = params.entity_recognition.aggregation.map(|aggregation| TokenReading {
            aggregation,
            continuing: tokenizer.continuing_token_ids().map(Arc::new),
            unknown,
        });
        Ok(Encoder { tokenizer, task: source.task, params })
    }

    pub(crate) fn task(&self) -> Task {
        self.task
    }

    /// Labels in the order of their ids.
    pub(crate) fn labels(&self) -> &[String] {
        &self.params.labels
    }

    pub(crate) fn card(&self) -> ModelCard {
        ModelCard {
            task: self.task.name(),
            texts: self.task.shape().texts.columns(),
            labels: self.params.labels.clone(),
            mask_token: self.mask_token_id().and_then(|id| self.tokenizer.session().token(id)),
            max_seq_length: self.tokenizer.max_seq_length(),
        }
    }

    /// The id of the mask token; None for models that do not predict tokens.
    pub(crate) fn mask_token_id(&self) -> Option<u32> {
        let predicts_tokens = self.task.output_layer() == OutputLayer::Vocabulary;
        self.tokenizer.mask_token_id().filter(|_| predicts_tokens)
    }

    /// The kind of prediction for an example.
    pub(crate) fn decoded(&self) -> DecodedKind {
        match self.task.decoded() {
            DecodedKind::Masked => DecodedKind::Filled,
            kind => kind,
        }
    }

    /// Encodes in parallel, on the current thread pool.
    ///
    /// # Errors
    /// The error of the first example that fails, with its id.
    pub(crate) fn encode(&self, examples: Vec<Example>) -> Result<EncodedExamples> {
        let rows_by_example = self.tokenizer.encode_all(&examples, |example, tokenizer| {
            tasks::encode(self.task, example, &self.params, tokenizer)
        })?;
        let counts = rows_by_example.iter().map(Vec::len).collect();
        let mut unknown = UnknownTokens::default();
        for row in rows_by_example.iter().flatten() {
            unknown.unknown += row.unknown;
            unknown.tokens += row.pieces;
        }
        let rows = rows_by_example.into_iter().flatten().map(|row| row.features).collect();
        Ok(EncodedExamples { examples, rows, counts, unknown })
    }

    /// The prediction for an example, from the outputs of its rows.
    pub(crate) fn prediction(&self, example: Example, windows: &[Window<'_>]) -> Result<Prediction> {
        prediction(self.task, example, windows, |example| match self.mask_token_id() {
            Some(mask) => self.fill(&example.text, mask, windows),
            None => tasks::spec(self.task).decode(example, windows, &self.params),
        })
    }

    /// The masks of `text`, each with the candidates that the model predicts for it.
    fn fill(&self, text: &str, mask: u32, windows: &[Window<'_>]) -> Result<Decoded> {
        let mut session = self.tokenizer.session();
        let places = session.pieces(text)?.into_iter().filter(|piece| piece.id == mask);
        let mut guesses = Vec::new();
        for window in windows {
            let Output::Candidates(masks) = window.output else {
                bail!("the model gave no candidates for masks")
            };
            guesses.extend(masks);
        }
        let candidate = |&TokenGuess { id, probability }: &TokenGuess| {
            Some(TokenCandidate { token: session.token(u32::try_from(id).ok()?)?, probability })
        };
        let filled = |(Piece { start, end, .. }, guesses): (Piece, &Vec<TokenGuess>)| FilledMask {
            start,
            end,
            candidates: guesses.iter().filter_map(candidate).collect(),
        };
        Ok(Decoded::Filled { masks: places.zip(guesses).map(filled).collect() })
    }
}

/// The description of a model for clients.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ModelCard {
    pub(crate) task: &'static str,
    /// The names of an example's texts.
    pub(crate) texts: &'static [&'static str],
    /// Labels in the order of their ids.
    pub(crate) labels: Vec<String>,
    /// The mask token, which stands in a text in place of a word to predict.
    pub(crate) mask_token: Option<String>,
    pub(crate) max_seq_length: usize,
}

/// An example without ground truth, with one text or two.
pub(crate) fn example(id: String, texts: impl IntoIterator<Item = String>) -> Example {
    let mut texts = texts.into_iter();
    Example {
        example_id: id,
        text: texts.next().unwrap_or_default(),
        text_pair: texts.next(),
        truth: Truth::Unknown,
    }
}
