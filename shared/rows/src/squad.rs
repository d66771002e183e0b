//! SQuAD's JSON: articles of paragraphs, and questions on each.

use anyhow::{Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::schema::Truth;

use super::columns::Columns;
use super::json::{self, ObjectRows};
use super::values::{self, Wanted};
use super::{Input, Place, Row, Rows};

#[derive(Deserialize)]
struct Document {
    data: Option<Vec<Article>>,
}

/// An article, or in its place one question with its context, as `run_qa.py` of `transformers` reads it.
#[derive(Deserialize)]
struct Article {
    paragraphs: Option<Vec<Paragraph>>,
    #[serde(flatten)]
    question: Map<String, Value>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

/// Of version 2 and of KLUE-MRC, whose ids are called `guid`. Tools write numbers, null and placeholders where it has
/// none, which are judged where the id is known. What is plausible as an answer is none.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Question {
    id: Value,
    guid: Value,
    question: Value,
    answers: Value,
    is_impossible: Value,
}

/// A row a question. A file that is an array of questions, or of which `data` is one, is read by `columns`.
pub(super) fn rows(input: Input, columns: Columns) -> Result<Rows> {
    let shown = input.shown.clone();
    let mut columns = columns.with_ids_where_there_are();
    let mut reader = json::reader(input)?;
    if json::peek(&mut reader, &shown)? == Some(b'[') {
        return Ok(Box::new(ObjectRows::open(reader, columns)?));
    }
    let document: Document = json::document(reader, &shown)?;
    let lacking = || {
        let remedy = "a file of one question after the other is read by `fetch.files.format` = \"json\"";
        anyhow!(Fault::input(format!("{shown} has no articles in `data`; {remedy}")))
    };
    let entries = document.data.ok_or_else(lacking)?.into_iter().flat_map(Entry::of);
    Ok(Box::new(entries.zip(1..).map(move |(entry, number)| {
        let place = Place::Row(number);
        match entry {
            Entry::Asked(context, question) => row(context, *question, place, &shown),
            Entry::Alone(question) => columns.object_row(place, &question),
        }
    })))
}

enum Entry {
    /// In an article.
    Asked(String, Box<Question>),
    Alone(Map<String, Value>),
}

impl Entry {
    fn of(article: Article) -> Vec<Entry> {
        let Some(paragraphs) = article.paragraphs else { return vec![Entry::Alone(article.question)] };
        let of_paragraph = |Paragraph { context, qas }: Paragraph| {
            qas.into_iter().map(move |question| Entry::Asked(context.clone(), Box::new(question)))
        };
        paragraphs.into_iter().flat_map(of_paragraph).collect()
    }
}

fn row(context: String, question: Question, place: Place, shown: &str) -> Result<Row> {
    let id = if question.id.is_null() { question.guid } else { question.id };
    ensure!(!id.is_null(), Fault::input(format!("{shown}, {place}: the question has no `id`")));
    let fault = |at: &str, key: &str, wanted: Wanted| {
        anyhow!(Fault::input(format!("{shown}, {place}{at}: `{key}` is not {wanted}")))
    };
    let id = values::name(id).map_err(|wanted| fault("", "id", wanted))?;
    let fault = |key: &str, wanted| fault(&format!(" (id `{id}`)"), key, wanted);
    let impossible = values::flag(question.is_impossible).map_err(|wanted| fault("is_impossible", wanted))?;
    let answers = match question.answers {
        Value::Null => Vec::new(),
        _ if impossible => Vec::new(),
        answers => values::answers(answers).map_err(|wanted| fault("answers", wanted))?,
    };
    let text = values::text(question.question).map_err(|wanted| fault("question", wanted))?;
    Ok(Row { place, id: Some(id), text, text_pair: Some(context), truth: Truth::Answers(answers) })
}
