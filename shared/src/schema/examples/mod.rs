//! `examples/*.parquet`: the output of fetch for every later stage.

mod truth;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::column::{CONTEXT, EXAMPLE_ID, QUESTION, TEXT, TEXT_PAIR};
use super::parquet_file::{ParquetReader, ParquetWriter, column};

pub use truth::{Answer, Entity, Truth, TruthKind};

/// A text, or two, and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Unique in the corpus.
    pub example_id: String,
    /// A question, where `text_pair` is the context in which its answer stands.
    pub text: String,
    /// The second text, if there are two.
    pub text_pair: Option<String>,
    /// The ground truth.
    pub truth: Truth,
}

/// The texts of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// One text.
    One,
    /// Two texts.
    Pair,
    /// A question and its context.
    QuestionInContext,
}

impl Texts {
    /// Their names, in the order of [`Example::text`] and [`Example::text_pair`].
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Texts::One => &[TEXT],
            Texts::Pair => &[TEXT, TEXT_PAIR],
            Texts::QuestionInContext => &[QUESTION, CONTEXT],
        }
    }
}

/// The columns of a file of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExampleShape {
    /// The texts of an example.
    pub texts: Texts,
    /// The kind of ground truth.
    pub truth: TruthKind,
}

impl ExampleShape {
    fn schema(self) -> Schema {
        let string = |name: &str| Field::new(name, DataType::Utf8, false);
        let mut fields = vec![string(EXAMPLE_ID)];
        fields.extend(self.texts.columns().iter().map(|name| string(name)));
        fields.extend(self.truth.field());
        Schema::new(fields)
    }

    /// By the columns that `batch` has.
    fn of(batch: &RecordBatch) -> ExampleShape {
        let has = |name: &str| batch.column_by_name(name).is_some();
        let all = [Texts::QuestionInContext, Texts::Pair];
        let texts = all.into_iter().find(|texts| texts.columns().iter().all(|name| has(name)));
        ExampleShape { texts: texts.unwrap_or(Texts::One), truth: TruthKind::of(batch) }
    }
}

/// Writes a file of examples.
pub struct ExampleWriter {
    file: ParquetWriter,
    shape: ExampleShape,
}

impl ExampleWriter {
    /// Creates the file for examples of `shape`.
    pub fn create(path: &Path, shape: ExampleShape) -> Result<ExampleWriter> {
        Ok(ExampleWriter { file: ParquetWriter::create(path, Arc::new(shape.schema()))?, shape })
    }

    /// # Errors
    /// An error where an example has another shape than the file.
    pub fn write(&mut self, examples: &[Example]) -> Result<()> {
        let paired = self.shape.texts != Texts::One;
        for example in examples {
            let id = &example.example_id;
            ensure!(example.text_pair.is_some() == paired, "example {id} has not as many texts as others");
        }
        let strings = |of: &dyn Fn(&Example) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(examples.iter().map(of)))
        };
        let mut columns = vec![strings(&|example| &example.example_id), strings(&|example| &example.text)];
        if paired {
            columns.push(strings(&|example| example.text_pair.as_deref().unwrap_or_default()));
        }
        let truths: Vec<&Truth> = examples.iter().map(|example| &example.truth).collect();
        columns.extend(self.shape.truth.column(&truths)?);
        self.file.write(columns)
    }

    /// Completes the file.
    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

/// Examples in the order of the file, some thousand at a time.
pub struct ExampleReader(ParquetReader);

impl ExampleReader {
    /// Opens a file of examples.
    pub fn open(path: &Path) -> Result<ExampleReader> {
        Ok(ExampleReader(ParquetReader::open(path)?))
    }

    /// The number of examples.
    pub fn rows(&self) -> u64 {
        self.0.rows()
    }
}

impl Iterator for ExampleReader {
    type Item = Result<Vec<Example>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| examples(&batch)))
    }
}

fn examples(batch: &RecordBatch) -> Result<Vec<Example>> {
    let shape = ExampleShape::of(batch);
    let ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let names = shape.texts.columns().iter();
    let texts = names.map(|name| column::<StringArray>(batch, name)).collect::<Result<Vec<_>>>()?;
    let example = |(row, truth): (usize, Truth)| {
        let mut texts = texts.iter().map(|texts| texts.value(row).to_owned());
        Example {
            example_id: ids.value(row).to_owned(),
            text: texts.next().unwrap_or_default(),
            text_pair: texts.next(),
            truth,
        }
    };
    Ok((0..ids.len()).zip(shape.truth.read(batch)?).map(example).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: Texts, truth: TruthKind, truths: Vec<Truth>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nested/train.parquet");
        let pair = (texts != Texts::One).then(|| "둘째".to_owned());
        let example = |i: usize| Example {
            example_id: i.to_string(),
            text: "\"굳 ㅋ".into(),
            text_pair: pair.clone(),
            truth: truths[i % truths.len()].clone(),
        };
        let written: Vec<Example> = (0..10_000).map(example).collect();
        let mut writer = ExampleWriter::create(&path, ExampleShape { texts, truth }).unwrap();
        written.chunks(999).for_each(|chunk| writer.write(chunk).unwrap());
        writer.finish().unwrap();
        let read: Vec<Example> = ExampleReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, written);
    }

    #[test]
    fn examples_of_every_shape_come_back() {
        check(Texts::One, TruthKind::Label, vec![Truth::Label("positive".into())]);
        check(Texts::Pair, TruthKind::Score, vec![Truth::Score(2.5), Truth::Score(0.0)]);
        let labels = [vec![], vec!["욕설".into()], vec!["욕설".into(), "차별".into()]];
        check(Texts::One, TruthKind::Labels, labels.map(Truth::Labels).into());
        let entity = |start, end, label: &str| Entity { start, end, label: label.into() };
        let entities = [vec![entity(0, 2, "PS"), entity(3, 4, "LC")], vec![]];
        check(Texts::One, TruthKind::Entities, entities.map(Truth::Entities).into());
        let answer = Answer { start: 0, text: "1883년".into() };
        let answers = [vec![answer.clone(), answer], vec![]];
        check(Texts::QuestionInContext, TruthKind::Answers, answers.map(Truth::Answers).into());
        check(Texts::One, TruthKind::Nothing, vec![Truth::Unknown]);
    }

    #[test]
    fn an_example_of_another_shape_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Label };
        let mut writer = ExampleWriter::create(&folder.path().join("a.parquet"), shape).unwrap();
        let example = |pair: Option<&str>, truth| Example {
            example_id: "1".into(),
            text: "a".into(),
            text_pair: pair.map(str::to_owned),
            truth,
        };
        assert!(writer.write(&[example(Some("b"), Truth::Label("c".into()))]).is_err());
        assert!(writer.write(&[example(None, Truth::Score(1.0))]).is_err());
        assert!(writer.write(&[example(None, Truth::Label("c".into()))]).is_ok());
    }

    #[test]
    fn a_truncated_file_is_an_input_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Nothing };
        let mut writer = ExampleWriter::create(&path, shape).unwrap();
        let example =
            Example { example_id: "1".into(), text: "a".into(), text_pair: None, truth: Truth::Unknown };
        writer.write(&[example]).unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let Err(error) = ExampleReader::open(&path) else { panic!("a truncated file was opened") };
        assert_eq!(crate::fault::kind_of(&error).code(), 3);
    }
}
