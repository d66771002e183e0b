//! `predictions.parquet`: the prediction for every example of a split.

mod answers;
mod decoded;
mod entities;
mod filled;
mod labels;
mod masked;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::column::{EXAMPLE_ID, LOGITS};
use super::examples::{Truth, TruthKind};
use super::lists::{list, list_field, list_items};
use super::parquet_file::{ParquetReader, ParquetWriter, column};

pub use answers::Candidate;
pub use decoded::{Decoded, DecodedKind};
pub use entities::PredictedEntity;
pub use filled::{FilledMask, TokenCandidate};
pub use masked::MaskedGuess;

/// The prediction for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The id of the example.
    pub example_id: String,
    /// The ground truth.
    pub truth: Truth,
    /// The prediction.
    pub decoded: Decoded,
    /// The logits of the whole text, `[labels]`; empty for a model with outputs per token.
    pub logits: Vec<f32>,
}

/// The columns of a file of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PredictionShape {
    /// The kind of ground truth.
    pub truth: TruthKind,
    /// The kind of prediction.
    pub decoded: DecodedKind,
}

impl PredictionShape {
    fn schema(self) -> Schema {
        let mut fields = vec![Field::new(EXAMPLE_ID, DataType::Utf8, false)];
        fields.extend(self.truth.field());
        fields.extend(self.decoded.fields());
        if self.decoded.has_logits() {
            fields.push(list_field(LOGITS, DataType::Float32));
        }
        Schema::new(fields)
    }
}

/// Writes a file of predictions.
pub struct PredictionWriter {
    file: ParquetWriter,
    shape: PredictionShape,
}

impl PredictionWriter {
    /// Creates the file for predictions of `shape`.
    pub fn create(path: &Path, shape: PredictionShape) -> Result<PredictionWriter> {
        Ok(PredictionWriter { file: ParquetWriter::create(path, Arc::new(shape.schema()))?, shape })
    }

    /// # Errors
    /// An error where a row has another shape than the file.
    pub fn write(&mut self, rows: &[Prediction]) -> Result<()> {
        let ids = StringArray::from_iter_values(rows.iter().map(|row| &row.example_id));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ids)];
        let truths: Vec<&Truth> = rows.iter().map(|row| &row.truth).collect();
        columns.extend(self.shape.truth.column(&truths)?);
        let decoded: Vec<&Decoded> = rows.iter().map(|row| &row.decoded).collect();
        columns.extend(self.shape.decoded.columns(&decoded)?);
        if self.shape.decoded.has_logits() {
            let logits =
                Float32Array::from_iter_values(rows.iter().flat_map(|row| row.logits.iter().copied()));
            columns.push(list(Arc::new(logits), rows.iter().map(|row| row.logits.len()))?);
        }
        self.file.write(columns)
    }

    /// Completes the file.
    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

/// Rows in the order of the file, some thousand at a time.
pub struct PredictionReader(ParquetReader);

impl PredictionReader {
    /// Opens a file of predictions.
    pub fn open(path: &Path) -> Result<PredictionReader> {
        Ok(PredictionReader(ParquetReader::open(path)?))
    }
}

impl Iterator for PredictionReader {
    type Item = Result<Vec<Prediction>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| predictions(&batch)))
    }
}

fn predictions(batch: &RecordBatch) -> Result<Vec<Prediction>> {
    let ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let logits = match batch.column_by_name(LOGITS) {
        Some(_) => list_items::<Float32Array>(batch, LOGITS)?,
        None => vec![Float32Array::from(Vec::<f32>::new()); batch.num_rows()],
    };
    let truths = TruthKind::of(batch).read(batch)?;
    let rows = truths.into_iter().zip(DecodedKind::read(batch)?).zip(logits).enumerate();
    let prediction = |(row, ((truth, decoded), logits)): (usize, ((Truth, Decoded), Float32Array))| {
        Prediction { example_id: ids.value(row).to_owned(), truth, decoded, logits: logits.values().to_vec() }
    };
    Ok(rows.map(prediction).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Answer, Entity};

    fn check(shape: PredictionShape, rows: &[Prediction]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let mut writer = PredictionWriter::create(&path, shape).unwrap();
        writer.write(rows).unwrap();
        writer.finish().unwrap();
        let read: Vec<Prediction> = PredictionReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, rows);
    }

    fn row(truth: Truth, decoded: Decoded, logits: &[f32]) -> Prediction {
        Prediction { example_id: "1".into(), truth, decoded, logits: logits.into() }
    }

    fn shape(truth: TruthKind, decoded: DecodedKind) -> PredictionShape {
        PredictionShape { truth, decoded }
    }

    #[test]
    fn predictions_for_whole_texts_come_back() {
        let class = Decoded::Class { predicted: "positive".into(), probabilities: vec![0.25, 0.75] };
        let rows = [row(Truth::Label("negative".into()), class.clone(), &[-1.5, 0.25])];
        check(shape(TruthKind::Label, DecodedKind::Class), &rows);
        check(shape(TruthKind::Nothing, DecodedKind::Class), &[row(Truth::Unknown, class, &[-1.5, 0.25])]);
        let set = |labels: &[&str], probabilities: &[f32]| Decoded::LabelSet {
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            probabilities: probabilities.into(),
        };
        let labels = [
            row(Truth::Labels(vec!["욕설".into()]), set(&[], &[0.25, 0.5]), &[-1.5, 0.0]),
            row(Truth::Labels(vec![]), set(&["차별", "욕설"], &[0.75, 0.5]), &[1.5, 0.0]),
        ];
        check(shape(TruthKind::Labels, DecodedKind::LabelSet), &labels);
        let score = |score| row(Truth::Score(2.5), Decoded::Score { score }, &[score]);
        check(shape(TruthKind::Score, DecodedKind::Score), &[score(-0.25), score(4.5)]);
    }

    #[test]
    fn entities_and_answers_come_back() {
        let entity = PredictedEntity { start: 0, end: 3, label: "PS".into(), probability: 0.75 };
        let entities = |found| Decoded::Entities { text: "이순신은".into(), entities: found };
        let rows = [entities(vec![entity.clone(), entity]), entities(vec![])].map(|decoded| {
            let truth = Entity { start: 0, end: 3, label: "PS".into() };
            row(Truth::Entities(vec![truth]), decoded, &[])
        });
        check(shape(TruthKind::Entities, DecodedKind::Entities), &rows);
        let candidate =
            |start, end, text: &str| Candidate { text: text.into(), start, end, probability: 0.5 };
        let truth = || Truth::Answers(vec![Answer { start: 0, text: "1883년".into() }]);
        let answers = [vec![candidate(0, 5, "1883년"), candidate(0, 0, "")], vec![]];
        let rows = answers.map(|answers| row(truth(), Decoded::Answers { answers }, &[]));
        check(shape(TruthKind::Answers, DecodedKind::Answers), &rows);
    }

    #[test]
    fn masked_tokens_come_back() {
        let guess = |position, truth| MaskedGuess { position, truth, predicted: 7, log_probability: -0.5 };
        let masked = |guesses| row(Truth::Unknown, Decoded::Masked { guesses }, &[]);
        let rows = [masked(vec![guess(2, 7), guess(5, 9)]), masked(Vec::new()), masked(vec![guess(1, 8)])];
        check(shape(TruthKind::Nothing, DecodedKind::Masked), &rows);
        let token = |token: &str| TokenCandidate { token: token.into(), probability: 0.5 };
        let mask = |start, tokens: &[&str]| FilledMask {
            start,
            end: start + 6,
            candidates: tokens.iter().map(|name| token(name)).collect(),
        };
        let filled = |masks| row(Truth::Unknown, Decoded::Filled { masks }, &[]);
        let rows = [
            filled(vec![mask(0, &["영화", "##를"]), mask(9, &[])]),
            filled(Vec::new()),
            filled(vec![mask(1, &["a"])]),
        ];
        check(shape(TruthKind::Nothing, DecodedKind::Filled), &rows);
    }

    #[test]
    fn a_prediction_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shape = PredictionShape { truth: TruthKind::Nothing, decoded: DecodedKind::Class };
        let mut writer = PredictionWriter::create(&folder.path().join("a.parquet"), shape).unwrap();
        let decoded = Decoded::Score { score: 1.0 };
        let row = Prediction { example_id: "1".into(), truth: Truth::Unknown, decoded, logits: vec![1.0] };
        assert!(writer.write(&[row]).is_err());
    }
}
