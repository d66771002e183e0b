//! The targets of a row, as columns.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, ArrayRef, FixedSizeListArray, Float32Array, Int8Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field};

use super::{Features, padded};
use crate::fault::Fault;
use crate::schema::column::{END_POSITIONS, LABELS, START_POSITIONS, WORD_STARTS};
use crate::schema::lists::{fixed, fixed_field, fixed_items};
use crate::schema::parquet_file::column;

/// Shapes and meanings are those that `transformers`' models take.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// A text without a label.
    Unknown,
    /// A label's id.
    Class(i64),
    /// 1 for every label that holds, else 0; in label order.
    Classes(Vec<f32>),
    /// A score.
    Score(f32),
    /// A tag's id for every token; [`Targets::IGNORED`] where a token has none.
    Tags(Vec<i64>),
    /// The answer's first and last token; both 0 where it is not in the row.
    Span {
        /// The first token.
        start: i64,
        /// The last token.
        end: i64,
    },
    /// True for each token that begins a word; masks follow from the step.
    Words(Vec<bool>),
}

/// The variants of [`Targets`], as a file of features has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// The id of a label.
    Class,
    /// Sets of labels, out of this many.
    Classes(usize),
    /// A score.
    Score,
    /// A tag for every token.
    Tags,
    /// A span of tokens.
    Span,
    /// The first tokens of words.
    Words,
}

impl Targets {
    /// The id that torch's cross-entropy leaves out.
    pub const IGNORED: i64 = -100;

    /// Reads the targets of every row of `batch` by its columns; a row has `lengths` tokens.
    pub(super) fn read(batch: &RecordBatch, lengths: &[usize]) -> Result<Vec<Targets>> {
        if batch.column_by_name(START_POSITIONS).is_some() {
            let starts = column::<Int64Array>(batch, START_POSITIONS)?;
            let ends = column::<Int64Array>(batch, END_POSITIONS)?;
            let rows = starts.values().iter().zip(ends.values());
            return Ok(rows.map(|(&start, &end)| Targets::Span { start, end }).collect());
        }
        if batch.column_by_name(WORD_STARTS).is_some() {
            let rows = fixed_items::<Int8Array>(batch, WORD_STARTS)?;
            let words = |values: &[i8]| Targets::Words(values.iter().map(|&value| value != 0).collect());
            return Ok(rows
                .iter()
                .zip(lengths)
                .map(|(row, &length)| words(&row.values()[..length]))
                .collect());
        }
        let mistyped =
            || Fault::input(format!("the Parquet column `{LABELS}` is missing or of another type"));
        let labels = batch.column_by_name(LABELS).with_context(mistyped)?;
        let labels = labels.as_any();
        if let Some(ids) = labels.downcast_ref::<Int64Array>() {
            Ok(ids.values().iter().map(|&id| Targets::Class(id)).collect())
        } else if let Some(scores) = labels.downcast_ref::<Float32Array>() {
            Ok(scores.values().iter().map(|&score| Targets::Score(score)).collect())
        } else {
            let lists = labels.downcast_ref::<FixedSizeListArray>().with_context(mistyped)?;
            Targets::read_lists(batch, &lists.value_type(), lengths)
        }
    }

    fn as_class(&self) -> Option<i64> {
        if let Targets::Class(class) = self { Some(*class) } else { None }
    }

    fn as_classes(&self) -> Option<&[f32]> {
        if let Targets::Classes(classes) = self { Some(classes) } else { None }
    }

    fn as_score(&self) -> Option<f32> {
        if let Targets::Score(score) = self { Some(*score) } else { None }
    }

    fn as_tags(&self) -> Option<&[i64]> {
        if let Targets::Tags(tags) = self { Some(tags) } else { None }
    }

    fn as_span(&self) -> Option<(i64, i64)> {
        if let Targets::Span { start, end } = self { Some((*start, *end)) } else { None }
    }

    fn as_words(&self) -> Option<&[bool]> {
        if let Targets::Words(starts) = self { Some(starts) } else { None }
    }

    fn read_lists(batch: &RecordBatch, items: &DataType, lengths: &[usize]) -> Result<Vec<Targets>> {
        if *items == DataType::Float32 {
            let rows = fixed_items::<Float32Array>(batch, LABELS)?;
            return Ok(rows.iter().map(|row| Targets::Classes(row.values().to_vec())).collect());
        }
        let rows = fixed_items::<Int64Array>(batch, LABELS)?;
        let tags = |(row, &length): (&Int64Array, &usize)| Targets::Tags(row.values()[..length].to_vec());
        Ok(rows.iter().zip(lengths).map(tags).collect())
    }
}

impl TargetKind {
    /// True where such targets need the places of tokens.
    pub(super) fn has_offsets(self) -> bool {
        matches!(self, TargetKind::Tags | TargetKind::Span)
    }

    pub(super) fn fields(self, width: usize) -> Result<Vec<Field>> {
        Ok(match self {
            TargetKind::Class => vec![Field::new(LABELS, DataType::Int64, false)],
            TargetKind::Score => vec![Field::new(LABELS, DataType::Float32, false)],
            TargetKind::Classes(labels) => vec![fixed_field(LABELS, &DataType::Float32, labels)?],
            TargetKind::Tags => vec![fixed_field(LABELS, &DataType::Int64, width)?],
            TargetKind::Words => vec![fixed_field(WORD_STARTS, &DataType::Int8, width)?],
            TargetKind::Span => {
                [START_POSITIONS, END_POSITIONS].map(|name| Field::new(name, DataType::Int64, false)).into()
            }
        })
    }

    /// # Errors
    /// An error where a row's targets are of another kind.
    pub(super) fn columns(self, rows: &[Features], width: usize) -> Result<Vec<ArrayRef>> {
        for row in rows {
            let (id, targets) = (&row.example_id, &row.targets);
            ensure!(self.takes(targets, row.input_ids.len()), "example {id} has the targets {targets:?}");
        }
        let targets = rows.iter().map(|row| &row.targets);
        Ok(match self {
            TargetKind::Class => vec![integers(targets.filter_map(Targets::as_class))],
            TargetKind::Score => {
                let scores = targets.filter_map(Targets::as_score);
                vec![Arc::new(Float32Array::from_iter_values(scores))]
            }
            TargetKind::Span => {
                let spans = targets.filter_map(Targets::as_span);
                vec![integers(spans.clone().map(|(start, _)| start)), integers(spans.map(|(_, end)| end))]
            }
            TargetKind::Classes(labels) => {
                let all = padded(rows, labels, 0.0, |row, all| {
                    all.extend_from_slice(row.targets.as_classes().unwrap_or_default());
                });
                vec![fixed(Arc::new(Float32Array::from(all)), labels)?]
            }
            TargetKind::Tags => {
                let all = padded(rows, width, Targets::IGNORED, |row, all| {
                    all.extend_from_slice(row.targets.as_tags().unwrap_or_default());
                });
                vec![fixed(Arc::new(Int64Array::from(all)), width)?]
            }
            TargetKind::Words => {
                let all = padded(rows, width, 0, |row, all| {
                    all.extend(row.targets.as_words().into_iter().flatten().map(|&start| i8::from(start)));
                });
                vec![fixed(Arc::new(Int8Array::from(all)), width)?]
            }
        })
    }

    /// True where `targets` of a row of `length` tokens fit into such columns.
    fn takes(self, targets: &Targets, length: usize) -> bool {
        match (self, targets) {
            (TargetKind::Class, Targets::Class(_))
            | (TargetKind::Score, Targets::Score(_))
            | (TargetKind::Span, Targets::Span { .. }) => true,
            (TargetKind::Classes(labels), Targets::Classes(classes)) => classes.len() == labels,
            (TargetKind::Tags, Targets::Tags(tags)) => tags.len() == length,
            (TargetKind::Words, Targets::Words(starts)) => starts.len() == length,
            _ => false,
        }
    }
}

fn integers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}
