//! Examples of one step, cut to the longest of them.

use anyhow::{Result, ensure};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use model_files::BertConfig;
use shared::config::{Config, LossPadding};
use shared::fault::Fault;
use shared::metadata::TokenizeMetadata;
use shared::schema::Features;
use shared::task::Task;

use crate::data::targets::BatchTargets;

/// How wide the rows of a batch are: the words of `transformers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Padding {
    /// The width of the longest row.
    #[default]
    Longest,
    /// This many tokens, or all positions of the model if they are fewer. Padding is then a possible answer in the loss of
    /// a span.
    MaxLength(usize),
}

impl Padding {
    /// Reads the padding from a run's config. Only the loss of spans depends on it.
    pub fn of(config: &Config, metadata: &TokenizeMetadata) -> Padding {
        match (config.task, config.question_answering.loss_padding) {
            (Task::QuestionAnswering, LossPadding::Counted) => Padding::MaxLength(metadata.max_seq_length),
            _ => Padding::Longest,
        }
    }
}

/// Rows of equal width.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[batch, seq]`
    pub(crate) input_ids: Vec<i64>,
    /// `[batch, seq]`
    pub(crate) token_type_ids: Vec<i64>,
    /// `[batch]`, in tokens.
    pub(crate) lengths: Vec<usize>,
    pub(crate) targets: BatchTargets,
    /// Tokens of a row, padding included.
    pub(crate) seq: usize,
    pub(crate) padding: Padding,
    /// The number of candidates that are wanted for every masked token; absent where the true token is known.
    pub(crate) candidates: Option<usize>,
    /// True where a text itself holds the padding token.
    pub(crate) padding_in_texts: bool,
}

impl Batch {
    /// # Errors
    /// A [`Fault::input`] that names the example which the model of `config` cannot take.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Features>, config: &BertConfig) -> Result<Batch> {
        Batch::padded(rows, config, Padding::Longest)
    }

    /// Builds a batch whose rows are as wide as `padding` says.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub(crate) fn padded<'a>(
        rows: impl IntoIterator<Item = &'a Features>,
        config: &BertConfig,
        padding: Padding,
    ) -> Result<Batch> {
        let rows: Vec<&Features> = rows.into_iter().collect();
        // Padding is masked, so any id serves a model that names none.
        let own_padding = config.pad_token_id.map(|id| id as i64);
        let padding_id = own_padding.unwrap_or(0);
        let longest = rows.iter().map(|row| row.input_ids.len()).max().unwrap_or(0);
        let seq = match padding {
            Padding::Longest => longest,
            Padding::MaxLength(length) => longest.max(length.min(config.max_position_embeddings)),
        };
        let mut batch = Batch {
            input_ids: Vec::with_capacity(rows.len() * seq),
            token_type_ids: Vec::with_capacity(rows.len() * seq),
            lengths: Vec::with_capacity(rows.len()),
            targets: BatchTargets::of(&rows, config, seq)?,
            seq,
            padding,
            candidates: None,
            padding_in_texts: false,
        };
        for row in rows {
            check(row, config)?;
            batch.padding_in_texts |= row.input_ids.iter().any(|&id| Some(i64::from(id)) == own_padding);
            let rest = seq - row.input_ids.len();
            batch.input_ids.extend(row.input_ids.iter().map(|&id| i64::from(id)));
            batch.input_ids.extend(std::iter::repeat_n(padding_id, rest));
            batch.token_type_ids.extend(row.token_type_ids.iter().map(|&id| i64::from(id)));
            batch.token_type_ids.extend(std::iter::repeat_n(0, rest));
            batch.lengths.push(row.input_ids.len());
        }
        Ok(batch)
    }

    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// `[batch, seq]`
    pub(crate) fn ids(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.input_ids.clone(), [self.len(), self.seq]), device)
    }

    /// `[batch, seq]`
    pub(crate) fn types(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.token_type_ids.clone(), [self.len(), self.seq]), device)
    }

    /// `[batch, seq, 1]`: true on padding tokens; absent where no text holds one.
    pub(crate) fn padding_tokens(&self, config: &BertConfig, device: &Device) -> Option<Tensor<3, Bool>> {
        let id = config.pad_token_id.filter(|_| self.padding_in_texts)?;
        Some(self.ids(device).equal_elem(id as i64).unsqueeze_dim(2))
    }

    /// `[batch, 1, 1, seq]`: 0 on tokens and the lowest float32 on padding, to be added to attention scores.
    pub(crate) fn additive_mask(&self, device: &Device) -> Tensor<4> {
        let row = |&length: &usize| (0..self.seq).map(move |i| if i < length { 0.0 } else { f32::MIN });
        let mask: Vec<f32> = self.lengths.iter().flat_map(row).collect();
        Tensor::from_data(TensorData::new(mask, [self.len(), 1, 1, self.seq]), device)
    }
}

fn check(row: &Features, config: &BertConfig) -> Result<()> {
    let id = &row.example_id;
    let tokens = row.input_ids.len();
    let positions = config.max_position_embeddings;
    ensure!(tokens > 0, Fault::input(format!("example {id} has no tokens")));
    let too_long = || Fault::input(format!("example {id} has {tokens} tokens; the model takes {positions}"));
    ensure!(tokens <= positions, too_long());
    let within = |value: i64, size: usize| usize::try_from(value).is_ok_and(|value| value < size);
    let ids = row.input_ids.iter().all(|&value| within(value.into(), config.vocab_size));
    let unknown = || Fault::input(format!("example {id} has a token id outside the vocabulary"));
    ensure!(ids, unknown());
    let types = row.token_type_ids.iter().all(|&value| within(value.into(), config.type_vocab_size));
    ensure!(types, Fault::input(format!("example {id} has a token type that the model lacks")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::schema::Targets;

    use super::*;

    fn config() -> BertConfig {
        serde_json::from_str(
            r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 4,
            "type_vocab_size": 1, "pad_token_id": 9}"#,
        )
        .unwrap()
    }

    fn row(ids: &[i32]) -> Features {
        Features {
            example_id: "a".into(),
            input_ids: ids.into(),
            token_type_ids: vec![0; ids.len()],
            targets: Targets::Unknown,
            offsets: Vec::new(),
        }
    }

    #[test]
    fn rows_are_padded_to_the_longest() {
        let batch = Batch::new(&[row(&[2, 3]), row(&[4, 5, 6])], &config()).unwrap();
        assert_eq!(batch.input_ids, [2, 3, 9, 4, 5, 6]);
        assert_eq!((batch.lengths, batch.seq), (vec![2, 3], 3));
        let width =
            |length| Batch::padded(&[row(&[2, 3])], &config(), Padding::MaxLength(length)).unwrap().seq;
        assert_eq!([width(1), width(3), width(9)], [2, 3, 4]);
    }

    #[test]
    fn what_the_model_cannot_take_is_refused() {
        let check_refused = |row: Features| {
            let error = Batch::new(&[row], &config()).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
        };
        check_refused(row(&[]));
        check_refused(row(&[1, 2, 3, 4, 5]));
        check_refused(row(&[10]));
        check_refused(row(&[-1]));
        check_refused(Features { token_type_ids: vec![1], ..row(&[1]) });
    }
}
