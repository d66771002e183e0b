//! The outputs of a model for a batch.

use anyhow::{Result, anyhow, ensure};
use burn::tensor::{Int, Tensor, activation};
use shared::fault::NotFinite;
use shared::model_output::{MaskedToken, Output, TokenGuess};

use crate::data::batch::{Batch, Padding};
use crate::data::targets::integers;
use crate::model::{Model, Tokens};
use crate::nn::heads::TaskHead;
use crate::nn::layers::Mode;

impl Model {
    /// Computes the output of every row, without dropout. Logits of padding are kept only where a loss counts them.
    pub fn outputs(&self, batch: &Batch) -> Result<Vec<Output>> {
        if let TaskHead::MaskedLm(_) = self.network.head {
            return match batch.candidates {
                Some(count) => self.candidates(batch, count),
                None => self.masked_tokens(batch),
            };
        }
        let logits = self.forward(batch, Mode::Inference, Tokens::All);
        let labels = logits.dims()[1];
        let values = numbers(logits)?;
        let of_tokens = || batch.lengths.iter().zip(values.chunks((batch.seq * labels).max(1)));
        let outputs: Vec<Vec<f32>> = match self.network.head {
            TaskHead::Span(_) => match batch.padding {
                Padding::Longest => of_tokens().map(|(&length, row)| span(row, length)).collect(),
                Padding::MaxLength(_) => of_tokens().map(|(_, row)| span(row, batch.seq)).collect(),
            },
            TaskHead::Tokens(_) => {
                of_tokens().map(|(&length, row)| row[..length * labels].to_vec()).collect()
            }
            _ => values.chunks(labels.max(1)).map(<[f32]>::to_vec).collect(),
        };
        outputs.iter().try_for_each(|logits| ensure_finite(logits))?;
        Ok(outputs.into_iter().map(Output::Logits).collect())
    }

    /// The prediction at every mask. Only that leaves the device, since the logits of a vocabulary are large.
    fn masked_tokens(&self, batch: &Batch) -> Result<Vec<Output>> {
        let mut rows = vec![Vec::new(); batch.len()];
        let (places, truths) = (batch.targets.places(), batch.targets.classes().unwrap_or_default());
        if !places.is_empty() {
            let logits = self.forward(batch, Mode::Inference, Tokens::WithTargets);
            let classes = integers(truths.clone(), &logits.device()).unsqueeze_dim(1);
            let predicted = words(logits.clone().argmax(1))?;
            let log_probabilities = numbers(activation::log_softmax(logits, 1).gather(1, classes))?;
            ensure_finite(&log_probabilities)?;
            let found = predicted.into_iter().zip(log_probabilities);
            for ((place, truth), (predicted, log_probability)) in places.into_iter().zip(truths).zip(found) {
                let place = usize::try_from(place)?;
                let position = place % batch.seq;
                rows[place / batch.seq].push(MaskedToken { position, truth, predicted, log_probability });
            }
        }
        Ok(rows.into_iter().map(Output::Masked).collect())
    }
}

impl Model {
    /// The best `count` tokens for every mask.
    fn candidates(&self, batch: &Batch, count: usize) -> Result<Vec<Output>> {
        let mut rows = vec![Vec::new(); batch.len()];
        let places = batch.targets.places();
        if !places.is_empty() {
            let logits = self.forward(batch, Mode::Inference, Tokens::WithTargets);
            let count = count.min(logits.dims()[1]);
            let (probabilities, ids) = activation::softmax(logits, 1).topk_with_indices(count, 1);
            let (probabilities, ids) = (numbers(probabilities)?, words(ids)?);
            ensure_finite(&probabilities)?;
            let masks = ids.chunks(count.max(1)).zip(probabilities.chunks(count.max(1)));
            for (place, (ids, probabilities)) in places.into_iter().zip(masks) {
                let guess = |(&id, &probability): (&i64, &f32)| TokenGuess { id, probability };
                let row = usize::try_from(place)? / batch.seq;
                rows[row].push(ids.iter().zip(probabilities).map(guess).collect());
            }
        }
        Ok(rows.into_iter().map(Output::Candidates).collect())
    }
}

/// `[seq, 2]` → `[2, length]`
fn span(row: &[f32], length: usize) -> Vec<f32> {
    let end = |end: usize| row.chunks(2).take(length).filter_map(move |token| token.get(end));
    end(0).chain(end(1)).copied().collect()
}

/// Integers in row-major order.
fn words(tensor: Tensor<2, Int>) -> Result<Vec<i64>> {
    let values = tensor.into_data().convert::<i64>().try_to_vec::<i64>();
    values.map_err(|error| anyhow!("words are no integers: {error:?}"))
}

/// # Errors
/// [`NotFinite`].
fn ensure_finite(values: &[f32]) -> Result<()> {
    ensure!(values.iter().all(|value| value.is_finite()), NotFinite);
    Ok(())
}

fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>> {
    let values = tensor.into_data().convert::<f32>().try_to_vec::<f32>();
    values.map_err(|error| anyhow!("logits are no float32: {error:?}"))
}
