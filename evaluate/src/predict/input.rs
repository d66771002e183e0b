//! Texts from a file or from the standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::layout::content_extension;
use shared::schema::column::EXAMPLE_ID;
use shared::schema::{Example, TextReader, Texts};

use super::lines::Lines;
use crate::encoder::example;

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InputFormat {
    /// A text a line; of two texts a tab between them.
    Text,
    /// Tab-separated, with a header; quotes are ordinary characters.
    Tsv,
    /// An object a line.
    Jsonl,
    Parquet,
}

/// What is read.
#[derive(Debug, Clone)]
pub(super) enum Place {
    StandardInput,
    File(PathBuf),
}

impl InputFormat {
    pub(super) fn of(place: &Place) -> InputFormat {
        let Place::File(path) = place else { return InputFormat::Text };
        match content_extension(path).as_deref() {
            Some("tsv") => InputFormat::Tsv,
            Some("jsonl" | "ndjson") => InputFormat::Jsonl,
            Some("parquet") => InputFormat::Parquet,
            _ => InputFormat::Text,
        }
    }
}

impl Place {
    /// # Errors
    /// A usage fault where it cannot be read in this format; an input fault where there is nothing.
    pub(super) fn check(&self, format: InputFormat) -> Result<()> {
        match self {
            Place::File(path) => {
                let missing = || Fault::input(format!("cannot read {}", path.display()));
                ensure!(File::open(path).with_context(missing)?.metadata()?.is_file(), missing());
                Ok(())
            }
            Place::StandardInput if format == InputFormat::Parquet => {
                bail!(Fault::usage("Parquet is not read from the standard input; give --input FILE"))
            }
            Place::StandardInput => Ok(()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Place::StandardInput => "the standard input".to_owned(),
            Place::File(path) => path.display().to_string(),
        }
    }

    fn lines(&self) -> Result<Lines> {
        let reader: Box<dyn BufRead + Send> = match self {
            Place::StandardInput => Box::new(BufReader::new(stdin())),
            Place::File(path) => {
                let missing = || Fault::input(format!("cannot read {}", path.display()));
                Box::new(BufReader::new(File::open(path).with_context(missing)?))
            }
        };
        Ok(Lines::new(reader, self.shown()))
    }
}

/// Examples in the order of the input, read as they are asked for.
pub(super) struct Input {
    rows: Rows,
    texts: Texts,
    count: u64,
}

enum Rows {
    Text(Lines),
    Tsv { lines: Lines, header: Vec<String> },
    Jsonl(Lines),
    Parquet(Box<dyn Iterator<Item = Result<Example>> + Send>),
}

impl Input {
    /// # Errors
    /// An input fault that names the file, here and from the iterator, which also names the line.
    pub(super) fn open(place: Place, format: InputFormat, texts: Texts) -> Result<Input> {
        let rows = match (format, &place) {
            (InputFormat::Parquet, Place::File(path)) => {
                let shown = place.shown();
                let batches = TextReader::open(path, texts)?;
                let of_file = move |batch: Result<Vec<Example>>| match batch.with_context(|| shown.clone()) {
                    Ok(examples) => examples.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                };
                Rows::Parquet(Box::new(batches.flat_map(of_file)))
            }
            (InputFormat::Tsv, _) => {
                let mut lines = place.lines()?;
                let header = header(&mut lines, texts)?;
                Rows::Tsv { lines, header }
            }
            (InputFormat::Jsonl, _) => Rows::Jsonl(place.lines()?),
            _ => Rows::Text(place.lines()?),
        };
        Ok(Input { rows, texts, count: 0 })
    }
}

impl Iterator for Input {
    type Item = Result<Example>;

    fn next(&mut self) -> Option<Self::Item> {
        self.count += 1;
        let columns = self.texts.columns();
        let example = |fields: Result<Fields>| {
            let Fields { id, texts } = fields?;
            Ok(example(id.unwrap_or_else(|| self.count.to_string()), texts))
        };
        match &mut self.rows {
            Rows::Parquet(examples) => examples.next(),
            Rows::Text(lines) => {
                let line = lines.next()?;
                Some(example(line.and_then(|line| of_text(&line, columns, &lines.place()))))
            }
            Rows::Tsv { lines, header } => {
                let line = lines.next()?;
                Some(example(line.and_then(|line| of_tsv(&line, header, columns, &lines.place()))))
            }
            Rows::Jsonl(lines) => {
                let line = lines.next()?;
                Some(example(line.and_then(|line| of_json(&line, columns, &lines.place()))))
            }
        }
    }
}

/// What a line says.
struct Fields {
    id: Option<String>,
    texts: Vec<String>,
}

fn of_text(line: &str, columns: &[&str], place: &str) -> Result<Fields> {
    let texts: Vec<String> = line.splitn(columns.len(), '\t').map(str::to_owned).collect();
    let parted = || Fault::input(format!("{place}: there is no tab between {}", columns.join(" and ")));
    ensure!(texts.len() == columns.len(), parted());
    Ok(Fields { id: None, texts })
}

/// The names of the columns, of which the task's must be there.
fn header(lines: &mut Lines, texts: Texts) -> Result<Vec<String>> {
    let empty = format!("{} is empty; a header is its first line", lines.shown());
    let line = lines.next().with_context(|| Fault::input(empty))??;
    let names: Vec<String> = line.split('\t').map(str::to_owned).collect();
    for column in texts.columns() {
        let missing = || {
            let found = names.join(", ");
            Fault::input(format!("{}: there is no column `{column}`; the file has {found}", lines.place()))
        };
        ensure!(names.iter().any(|name| name == column), missing());
    }
    Ok(names)
}

fn of_tsv(line: &str, header: &[String], columns: &[&str], place: &str) -> Result<Fields> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (found, wanted) = (fields.len(), header.len());
    let torn = || Fault::input(format!("{place}: there are {found} fields, and {wanted} in the header"));
    ensure!(found == wanted, torn());
    let field = |name: &str| {
        let (_, field) = header.iter().zip(&fields).find(|(column, _)| *column == name)?;
        Some((*field).to_owned())
    };
    Ok(Fields { id: field(EXAMPLE_ID), texts: columns.iter().filter_map(|name| field(name)).collect() })
}

fn of_json(line: &str, columns: &[&str], place: &str) -> Result<Fields> {
    let broken = || Fault::input(format!("{place}: the line is no JSON object"));
    let mut object: Map<String, Value> = serde_json::from_str(line).with_context(broken)?;
    let mut text = |name: &&str| match object.remove(*name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Fault::input(format!("{place}: `{name}` is no string"))),
        None => Err(Fault::input(format!("{place}: the object has no `{name}`"))),
    };
    let texts = columns.iter().map(&mut text).collect::<Result<_, _>>()?;
    let id = match object.remove(EXAMPLE_ID) {
        Some(Value::String(id)) => Some(id),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    Ok(Fields { id, texts })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(name: &str, content: &str, texts: Texts) -> Result<Vec<Example>> {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join(name));
        if let Place::File(path) = &place {
            fs::write(path, content).unwrap();
        }
        let format = InputFormat::of(&place);
        place.check(format)?;
        Input::open(place, format, texts)?.collect()
    }

    /// Ids and texts, `|` between them.
    fn check(name: &str, content: &str, texts: Texts, expect: &[&str]) {
        let shown = |example: &Example| {
            let Example { example_id, text, text_pair, .. } = example;
            let pair = text_pair.as_ref().map(|text| format!("|{text}")).unwrap_or_default();
            format!("{example_id}|{text}{pair}")
        };
        let found: Vec<String> = read(name, content, texts).unwrap().iter().map(shown).collect();
        assert_eq!(found, expect, "{name}");
    }

    fn check_refused(name: &str, content: &str, texts: Texts, expect: &str) {
        let error = read(name, content, texts).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3, "{error:#}");
        assert!(format!("{error:#}").ends_with(expect), "{error:#}");
    }

    #[test]
    fn a_line_is_a_text_or_a_pair() {
        check("a.txt", "가\t나\n\n\"다", Texts::One, &["1|가\t나", "2|", "3|\"다"]);
        check("a", "가\t나\n\t\n", Texts::Pair, &["1|가|나", "2||"]);
        check_refused(
            "a.txt",
            "가\t나\n다\n",
            Texts::Pair,
            "line 2: there is no tab between text and text_pair",
        );
    }

    #[test]
    fn columns_are_found_by_their_names() {
        check("a.tsv", "label\ttext\n1\t\"가\n0\t\n", Texts::One, &["1|\"가", "2|"]);
        let questions = "example_id\tcontext\tquestion\nq7\t나\t가\n";
        check("a.tsv", questions, Texts::QuestionInContext, &["q7|가|나"]);
        check_refused("a.tsv", "a\tb\n", Texts::One, "line 1: there is no column `text`; the file has a, b");
        check_refused(
            "a.tsv",
            "text\tb\n가\n",
            Texts::One,
            "line 2: there are 1 fields, and 2 in the header",
        );
        check_refused("a.tsv", "", Texts::One, "a.tsv is empty; a header is its first line");
    }

    #[test]
    fn objects_have_the_columns_as_keys() {
        let pairs = "{\"text\": \"가\\t\", \"text_pair\": \"나\"}\n{\"example_id\": 7, \"text_pair\": \"\", \"text\": \"다\"}\n";
        check("a.jsonl", pairs, Texts::Pair, &["1|가\t|나", "7|다|"]);
        check_refused("a.jsonl", "{\"text\": 1}\n", Texts::One, "line 1: `text` is no string");
        check_refused("a.jsonl", "{}\n", Texts::One, "line 1: the object has no `text`");
        check_refused("a.jsonl", "{\"text\": \"\"}\n[]\n", Texts::One, "map at line 1 column 0");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let place = Place::File(PathBuf::from("no/such.txt"));
        let error = place.check(InputFormat::Text).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("cannot read no/such.txt"), "{error:#}");
    }
}
