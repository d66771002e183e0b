//! Sums of the losses beside cross-entropy, as the heads of `transformers` compute them.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::data::batch::{Batch, Padding};

/// `[1]`: squared errors of `[batch, 1]` logits (`torch.nn.MSELoss`).
pub(crate) fn squared_errors(logits: Tensor<2>, scores: &[f32]) -> Tensor<1> {
    let scores = Tensor::from_data(TensorData::new(scores.to_vec(), [scores.len(), 1]), &logits.device());
    (logits - scores).square().sum()
}

/// `[1]`: binary cross-entropies of `[batch, labels]` logits (`torch.nn.BCEWithLogitsLoss`).
pub(crate) fn binary_cross_entropies(logits: Tensor<2>, sets: &[f32]) -> Tensor<1> {
    let sets = Tensor::from_data(TensorData::new(sets.to_vec(), logits.dims()), &logits.device());
    // ln(1 + eˣ) - x·y, without an overflow.
    let softplus = activation::relu(logits.clone()) + logits.clone().abs().neg().exp().log1p();
    (softplus - logits * sets).sum()
}

/// `[1]`: the mean of the cross-entropies of a span's start and end over the tokens of its row, summed over rows; logits are
/// `[batch·seq, 2]`. Spans outside their row are left out. `transformers` counts padding as an answer; here it counts only
/// where all rows are padded to one length ([`Padding::MaxLength`]).
pub(crate) fn span_cross_entropies(logits: Tensor<2>, batch: &Batch, spans: &[[i64; 2]]) -> Tensor<1> {
    let (rows, seq, device) = (batch.len(), batch.seq, logits.device());
    let logits = logits.reshape([rows, seq, 2]).swap_dims(1, 2);
    let compared = match batch.padding {
        Padding::Longest => logits + batch.additive_mask(&device).reshape([rows, 1, seq]),
        Padding::MaxLength(_) => logits,
    };
    let losses = activation::log_softmax(compared, 2).neg();
    let lengths = spans.iter().zip(&batch.lengths);
    let inside = lengths.map(|(span, &length)| is_inside(span, length));
    let (places, counted): (Vec<i64>, Vec<f32>) = inside
        .zip(spans)
        .flat_map(|(inside, span)| span.map(|place| if inside { (place, 0.5) } else { (0, 0.0) }))
        .unzip();
    let of_targets = losses.gather(2, at_ends(places, rows, &device));
    (of_targets * Tensor::from_data(TensorData::new(counted, [rows, 2, 1]), &device)).sum()
}

/// The number of spans that have a loss.
pub(crate) fn counted_spans(batch: &Batch, spans: &[[i64; 2]]) -> usize {
    spans.iter().zip(&batch.lengths).filter(|&(span, &length)| is_inside(span, length)).count()
}

fn is_inside(span: &[i64; 2], length: usize) -> bool {
    span.iter().all(|&place| usize::try_from(place).is_ok_and(|place| place < length))
}

/// `[batch, 2, 1]`
fn at_ends(places: Vec<i64>, rows: usize, device: &Device) -> Tensor<3, Int> {
    Tensor::from_data(TensorData::new(places, [rows, 2, 1]), device)
}
