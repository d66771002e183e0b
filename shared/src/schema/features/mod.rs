//! `features/*.parquet`: the input of a model, padded to `max_seq_length` on disk and unpadded in memory.

mod targets;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use arrow::array::{ArrayRef, Int8Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::column::{
    ATTENTION_MASK, EXAMPLE_ID, INPUT_IDS, LENGTH, OFFSET_ENDS, OFFSET_STARTS, TOKEN_TYPE_IDS,
};
use super::lists::{fixed, fixed_field, fixed_items};
use super::parquet_file::{ParquetReader, ParquetWriter, column};
use crate::fault::Fault;

pub use targets::{TargetKind, Targets};

/// An example as ids, or a window of one that is too long, without padding.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The id of the example.
    pub example_id: String,
    /// `[seq]`
    pub input_ids: Vec<i32>,
    /// As long as `input_ids`.
    pub token_type_ids: Vec<i8>,
    /// The targets of the row.
    pub targets: Targets,
    /// As long as `input_ids` for tasks that find spans in a text, else empty.
    pub offsets: Vec<Offset>,
}

/// The place of a token in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// In characters, as `end`, which is behind the last.
    pub start: i32,
    /// The character after the last.
    pub end: i32,
}

impl Offset {
    /// The place of special tokens and of tokens of another text.
    pub const NOWHERE: Offset = Offset { start: -1, end: -1 };

    /// True for a token that has a place in the text.
    pub fn is_somewhere(self) -> bool {
        self.start >= 0
    }
}

/// Writes a file of features.
pub struct FeaturesWriter {
    file: ParquetWriter,
    max_seq_length: usize,
    pad_token_id: i32,
    targets: TargetKind,
}

impl FeaturesWriter {
    /// Creates the file.
    pub fn create(
        path: &Path,
        max_seq_length: usize,
        pad_token_id: u32,
        targets: TargetKind,
    ) -> Result<FeaturesWriter> {
        let schema = schema(max_seq_length, targets)?;
        let file = ParquetWriter::create(path, Arc::new(schema))?;
        Ok(FeaturesWriter { file, max_seq_length, pad_token_id: i32::try_from(pad_token_id)?, targets })
    }

    /// # Errors
    /// An error where a row is longer than `max_seq_length`, or its targets are of another kind than the file's.
    pub fn write(&mut self, rows: &[Features]) -> Result<()> {
        let width = self.max_seq_length;
        for row in rows {
            let length = row.input_ids.len();
            let fits = length <= width && row.token_type_ids.len() == length;
            ensure!(fits, "example {} does not fit {width} tokens", row.example_id);
        }
        let ids = padded(rows, width, self.pad_token_id, |row, all| all.extend_from_slice(&row.input_ids));
        let mask = padded(rows, width, 0, |row, all| all.resize(all.len() + row.input_ids.len(), 1));
        let types = padded(rows, width, 0, |row, all| all.extend_from_slice(&row.token_type_ids));
        let lengths = rows.iter().map(|row| row.input_ids.len() as i32);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.example_id))),
            fixed(Arc::new(Int32Array::from(ids)), width)?,
            fixed(Arc::new(Int8Array::from(mask)), width)?,
            fixed(Arc::new(Int8Array::from(types)), width)?,
            Arc::new(Int32Array::from_iter_values(lengths)),
        ];
        columns.extend(self.targets.columns(rows, width)?);
        if self.targets.has_offsets() {
            columns.extend(offset_columns(rows, width)?);
        }
        self.file.write(columns)
    }

    /// Completes the file.
    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

fn schema(width: usize, targets: TargetKind) -> Result<Schema> {
    let mut fields = vec![
        Field::new(EXAMPLE_ID, DataType::Utf8, false),
        fixed_field(INPUT_IDS, &DataType::Int32, width)?,
        fixed_field(ATTENTION_MASK, &DataType::Int8, width)?,
        fixed_field(TOKEN_TYPE_IDS, &DataType::Int8, width)?,
        Field::new(LENGTH, DataType::Int32, false),
    ];
    fields.extend(targets.fields(width)?);
    if targets.has_offsets() {
        for name in [OFFSET_STARTS, OFFSET_ENDS] {
            fields.push(fixed_field(name, &DataType::Int32, width)?);
        }
    }
    Ok(Schema::new(fields))
}

/// The values of every row, each followed by `pad` up to `width`.
fn padded<T: Copy>(
    rows: &[Features],
    width: usize,
    pad: T,
    values: impl Fn(&Features, &mut Vec<T>),
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows.len() * width);
    for (row, end) in rows.iter().zip((1..).map(|count| count * width)) {
        values(row, &mut all);
        all.resize(end, pad);
    }
    all
}

fn offset_columns(rows: &[Features], width: usize) -> Result<[ArrayRef; 2]> {
    for row in rows {
        let id = &row.example_id;
        ensure!(row.offsets.len() == row.input_ids.len(), "example {id} has no offset for every token");
    }
    let of = |end: fn(&Offset) -> i32| {
        let padding = end(&Offset::NOWHERE);
        let all = padded(rows, width, padding, |row, all| all.extend(row.offsets.iter().map(end)));
        fixed(Arc::new(Int32Array::from(all)), width)
    };
    Ok([of(|offset| offset.start)?, of(|offset| offset.end)?])
}

/// Rows in the order of the file, some thousand at a time.
pub struct FeaturesReader(ParquetReader);

impl FeaturesReader {
    /// Opens a file of features.
    pub fn open(path: &Path) -> Result<FeaturesReader> {
        Ok(FeaturesReader(ParquetReader::open(path)?))
    }
}

impl Iterator for FeaturesReader {
    type Item = Result<Vec<Features>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| features(&batch)))
    }
}

fn features(batch: &RecordBatch) -> Result<Vec<Features>> {
    let example_ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let input_ids = fixed_items::<Int32Array>(batch, INPUT_IDS)?;
    let types = fixed_items::<Int8Array>(batch, TOKEN_TYPE_IDS)?;
    let lengths = column::<Int32Array>(batch, LENGTH)?;
    let lengths = lengths.values().iter().zip(&input_ids).enumerate().map(|(row, (&length, ids))| {
        let length = usize::try_from(length)?;
        ensure!(length <= ids.len(), Fault::input(format!("row {row} is longer than its columns")));
        Ok(length)
    });
    let lengths: Vec<usize> = lengths.collect::<Result<_>>()?;
    let targets = Targets::read(batch, &lengths)?;
    let offsets = read_offsets(batch, &lengths)?;
    let rows = targets.into_iter().zip(offsets).zip(&lengths).enumerate();
    let row = |(row, ((targets, offsets), &length)): (usize, ((Targets, Vec<Offset>), &usize))| Features {
        example_id: example_ids.value(row).to_owned(),
        input_ids: input_ids[row].values()[..length].to_vec(),
        token_type_ids: types[row].values()[..length].to_vec(),
        targets,
        offsets,
    };
    Ok(rows.map(row).collect())
}

fn read_offsets(batch: &RecordBatch, lengths: &[usize]) -> Result<Vec<Vec<Offset>>> {
    if batch.column_by_name(OFFSET_STARTS).is_none() {
        return Ok(vec![Vec::new(); lengths.len()]);
    }
    let starts = fixed_items::<Int32Array>(batch, OFFSET_STARTS)?;
    let ends = fixed_items::<Int32Array>(batch, OFFSET_ENDS)?;
    let row = |((starts, ends), &length): ((&Int32Array, &Int32Array), &usize)| {
        let pairs = starts.values().iter().zip(ends.values());
        pairs.take(length).map(|(&start, &end)| Offset { start, end }).collect()
    };
    Ok(starts.iter().zip(&ends).zip(lengths).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, length: i32, targets: Targets) -> Features {
        Features {
            example_id: id.into(),
            input_ids: (10..10 + length).collect(),
            token_type_ids: vec![0; length as usize],
            targets,
            offsets: Vec::new(),
        }
    }

    fn check(kind: TargetKind, rows: &[Features]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.parquet");
        let mut writer = FeaturesWriter::create(&path, 8, 1, kind).unwrap();
        writer.write(rows).unwrap();
        writer.finish().unwrap();
        let read: Vec<Features> = FeaturesReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, rows);
    }

    #[test]
    fn features_of_every_kind_come_back_without_their_padding() {
        let class = |id, length, class| row(id, length, Targets::Class(class));
        check(TargetKind::Class, &[class("a", 3, 1), class("b", 8, 0), class("c", 2, 1)]);
        check(TargetKind::Score, &[row("a", 3, Targets::Score(2.5))]);
        check(TargetKind::Classes(2), &[row("a", 3, Targets::Classes(vec![1.0, 0.0]))]);
        check(TargetKind::Words, &[row("a", 3, Targets::Words(vec![false, true, false]))]);
        let offsets = |length: i32| {
            let inner = (1..length - 1).map(|i| Offset { start: i - 1, end: i });
            std::iter::once(Offset::NOWHERE).chain(inner).chain([Offset::NOWHERE]).collect()
        };
        let tags = row("a", 4, Targets::Tags(vec![-100, 2, 0, -100]));
        check(TargetKind::Tags, &[Features { offsets: offsets(4), ..tags }]);
        let span = row("a", 5, Targets::Span { start: 1, end: 2 });
        check(TargetKind::Span, &[Features { offsets: offsets(5), ..span }]);
    }

    #[test]
    fn rows_of_another_size_or_kind_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.parquet");
        let mut writer = FeaturesWriter::create(&path, 8, 1, TargetKind::Class).unwrap();
        assert!(writer.write(&[row("d", 9, Targets::Class(0))]).is_err());
        assert!(writer.write(&[row("d", 3, Targets::Score(0.0))]).is_err());
        let mut writer = FeaturesWriter::create(&path, 8, 1, TargetKind::Tags).unwrap();
        assert!(writer.write(&[row("d", 2, Targets::Tags(vec![0, 0]))]).is_err(), "offsets are missing");
    }

    #[test]
    fn disk_columns_are_padded() {
        let rows = [row("a", 1, Targets::Class(0))];
        assert_eq!(padded(&rows, 3, 9, |row, all| all.extend_from_slice(&row.input_ids)), [10, 9, 9]);
    }
}
