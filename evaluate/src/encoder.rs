//! From texts to what a model takes.

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use shared::fault::Fault;
use shared::schema::{DecodedKind, Example, Features, FilledMask, TokenCandidate, Truth};
use shared::task::{Decoded, Definition, Encoded, Output, OutputLayer, Setting, TokenGuess, Window};
use shared::tokens::{Piece, Tokenizer};
use tokenizer::BoundedTokenizer;

use crate::model::Source;

/// A tokenizer and a task: the part of a predictor that needs no model. Any number of threads may use it at once.
pub(crate) struct Encoder {
    tokenizer: BoundedTokenizer,
    task: &'static dyn Definition,
    setting: Setting,
}

/// Examples, with the rows of each.
#[derive(Debug, Default)]
pub(crate) struct EncodedExamples {
    pub(crate) examples: Vec<Example>,
    /// One behind the other.
    pub(crate) rows: Vec<Features>,
    /// How many of the rows are each example's: of a long text there are several, of an empty one there may be none.
    pub(crate) counts: Vec<usize>,
}

impl Encoder {
    pub(crate) fn open(source: &Source) -> Result<Encoder> {
        let tokenizer = BoundedTokenizer::load(&source.folder, source.max_seq_length)?;
        Ok(Encoder { tokenizer, task: source.task.definition(), setting: source.setting.clone() })
    }

    pub(crate) fn task(&self) -> &'static dyn Definition {
        self.task
    }

    /// In the order of their ids.
    pub(crate) fn labels(&self) -> &[String] {
        &self.setting.labels
    }

    /// The token that leaves something open in a text; only a model that finds words has use for it.
    pub(crate) fn mask_token_id(&self) -> Option<u32> {
        let finds_words = self.task.output_layer() == OutputLayer::Vocabulary;
        self.tokenizer.mask_token_id().filter(|_| finds_words)
    }

    /// What is said of an example.
    pub(crate) fn decoded(&self) -> DecodedKind {
        match self.task.decoded() {
            DecodedKind::Masked => DecodedKind::Filled,
            kind => kind,
        }
    }

    /// Encodes in parallel, on the current thread pool.
    ///
    /// # Errors
    /// Of the first example that fails, with its id.
    pub(crate) fn encode(&self, examples: Vec<Example>) -> Result<EncodedExamples> {
        let encode = |session: &mut tokenizer::Session<'_>, example: &Example| {
            let in_example = || format!("example {}", example.example_id);
            self.task.encode(example, &self.setting, session).with_context(in_example)
        };
        let outcomes: Vec<Result<Vec<Encoded>>> =
            examples.par_iter().map_init(|| self.tokenizer.session(), encode).collect();
        let of_examples = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
        let counts = of_examples.iter().map(Vec::len).collect();
        let rows = of_examples.into_iter().flatten().map(|row| row.features).collect();
        Ok(EncodedExamples { examples, rows, counts })
    }

    /// What the outputs of an example's rows say of it.
    pub(crate) fn decode(&self, example: &Example, windows: &[Window<'_>]) -> Result<Decoded> {
        let decoded = match self.mask_token_id() {
            Some(mask) => self.fill(&example.text, mask, windows),
            None => self.task.decode(example, windows, &self.setting),
        };
        decoded.with_context(|| format!("example {}", example.example_id))
    }

    /// The masks of `text`, each with the tokens that the model would put there.
    fn fill(&self, text: &str, mask: u32, windows: &[Window<'_>]) -> Result<Decoded> {
        let mut session = self.tokenizer.session();
        let places = session.pieces(text)?.into_iter().filter(|piece| piece.id == mask);
        let mut guesses = Vec::new();
        for window in windows {
            let Output::Candidates(masks) = window.output else { bail!("the model was not asked for words") };
            guesses.extend(masks);
        }
        let token = |id: i64| u32::try_from(id).ok().and_then(|id| session.token(id));
        let filled = |(place, guesses): (Piece, &Vec<TokenGuess>)| FilledMask {
            start: place.start,
            end: place.end,
            candidates: guesses
                .iter()
                .filter_map(|guess| {
                    Some(TokenCandidate { token: token(guess.id)?, probability: guess.probability })
                })
                .collect(),
        };
        Ok(Decoded::Filled { masks: places.zip(guesses).map(filled).collect() })
    }

    /// An example of these texts, which must be as many as the task takes.
    ///
    /// # Errors
    /// A usage fault where they are not.
    pub(crate) fn example(&self, id: u64, texts: &[String]) -> Result<Example> {
        let columns = self.task.shape().texts.columns();
        if texts.len() != columns.len() {
            let wanted = columns.join(" and ");
            bail!(Fault::usage(format!(
                "{} asks for {wanted}, and not for {} texts",
                self.task.name(),
                texts.len()
            )));
        }
        let mut texts = texts.iter().cloned();
        Ok(Example {
            example_id: id.to_string(),
            text: texts.next().unwrap_or_default(),
            text_pair: texts.next(),
            truth: Truth::Unknown,
        })
    }
}
