//! Predictions at masked tokens, as columns: lists of equal length.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Float32Array, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field};

use crate::schema::column::{INPUT_IDS, LOG_PROBABILITIES, POSITIONS, PREDICTED_IDS};
use crate::schema::lists::{list, list_field, list_items};

/// A guess at a token that was masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskedGuess {
    /// Among the tokens of the example's features, special tokens included.
    pub position: i32,
    /// The token's id, as `predicted` is one.
    pub truth: i64,
    /// The id of the predicted token.
    pub predicted: i64,
    /// Log-probability of the true token, in nats.
    pub log_probability: f32,
}

pub(super) fn fields() -> Vec<Field> {
    vec![
        list_field(POSITIONS, DataType::Int32),
        list_field(INPUT_IDS, DataType::Int64),
        list_field(PREDICTED_IDS, DataType::Int64),
        list_field(LOG_PROBABILITIES, DataType::Float32),
    ]
}

pub(super) fn columns(rows: &[&[MaskedGuess]]) -> Result<Vec<ArrayRef>> {
    let all = || rows.iter().copied().flatten();
    let ids = |of: fn(&MaskedGuess) -> i64| Arc::new(Int64Array::from_iter_values(all().map(of)));
    let values: [ArrayRef; 4] = [
        Arc::new(Int32Array::from_iter_values(all().map(|guess| guess.position))),
        ids(|guess| guess.truth),
        ids(|guess| guess.predicted),
        Arc::new(Float32Array::from_iter_values(all().map(|guess| guess.log_probability))),
    ];
    values.into_iter().map(|values| list(values, rows.iter().map(|row| row.len()))).collect()
}

pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Vec<MaskedGuess>>> {
    let positions = list_items::<Int32Array>(batch, POSITIONS)?;
    let truths = list_items::<Int64Array>(batch, INPUT_IDS)?;
    let predicted = list_items::<Int64Array>(batch, PREDICTED_IDS)?;
    let log_probabilities = list_items::<Float32Array>(batch, LOG_PROBABILITIES)?;
    let rows = positions.iter().zip(&truths).zip(predicted.iter().zip(&log_probabilities));
    let row = |((positions, truths), (predicted, log_probabilities)): (
        (&Int32Array, &Int64Array),
        (&Int64Array, &Float32Array),
    )| {
        let guessed = predicted.values().iter().zip(log_probabilities.values());
        let tokens = positions.values().iter().zip(truths.values()).zip(guessed);
        tokens
            .map(|((&position, &truth), (&predicted, &log_probability))| MaskedGuess {
                position,
                truth,
                predicted,
                log_probability,
            })
            .collect()
    };
    Ok(rows.map(row).collect())
}
