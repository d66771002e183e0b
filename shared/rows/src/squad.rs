//! SQuAD's JSON: articles of paragraphs, and questions on each.

use anyhow::{Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::schema::Truth;

use super::columns::Columns;
use super::json::{self, ObjectRows};
use super::values::{self, Expected};
use super::{Input, Place, Row, Rows};

#[derive(Deserialize)]
struct Document {
    data: Option<Vec<Article>>,
}

/// An item of `data`: an article, or one question with its context, as `run_qa.py` of `transformers` reads it.
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

/// A question of SQuAD 1.1 or 2.0, or of KLUE-MRC, which calls the id `guid`. Plausible answers are ignored.
///
/// Values are checked later, when the id is known for messages: tools write numbers, null and placeholders here.
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

/// Reads one row from every question. Where the file or its `data` is an array of questions, `columns` names their keys.
pub(super) fn rows(input: Input, columns: Columns) -> Result<Rows> {
    let shown = input.shown.clone();
    let mut columns = columns.with_optional_ids();
    let mut reader = json::reader(input)?;
    if json::peek(&mut reader, &shown)? == Some(b'[') {
        return Ok(Box::new(ObjectRows::open(reader, columns)?));
    }
    let document: Document = json::document(reader, &shown)?;
    let lacking = || {
        let remedy = "a file of one question after the other is read by `fetch.files.format` = \"json\"";
        anyhow!(Fault::input(format!("{shown} has no articles in `data`; {remedy}")))
    };
    let questions = document.data.ok_or_else(lacking)?.into_iter().flat_map(QuestionItem::of);
    Ok(Box::new(questions.zip(1..).map(move |(question, number)| {
        let place = Place::Row(number);
        match question {
            QuestionItem::InParagraph(context, question) => row(context, *question, place, &shown),
            QuestionItem::Flat(question) => columns.object_row(place, &question),
        }
    })))
}

enum QuestionItem {
    /// A question in a paragraph of an article, with the paragraph's context.
    InParagraph(String, Box<Question>),
    /// A question in place of an article, with its context among its keys.
    Flat(Map<String, Value>),
}

impl QuestionItem {
    fn of(article: Article) -> Vec<QuestionItem> {
        let Some(paragraphs) = article.paragraphs else { return vec![QuestionItem::Flat(article.question)] };
        let questions = |Paragraph { context, qas }: Paragraph| {
            qas.into_iter()
                .map(move |question| QuestionItem::InParagraph(context.clone(), Box::new(question)))
        };
        paragraphs.into_iter().flat_map(questions).collect()
    }
}

fn row(context: String, question: Question, place: Place, shown: &str) -> Result<Row> {
    let id = if question.id.is_null() { question.guid } else { question.id };
    ensure!(!id.is_null(), Fault::input(format!("{shown}, {place}: the question has no `id`")));
    let fault = |at: &str, key: &str, wanted: Expected| {
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
