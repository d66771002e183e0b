//! SQuAD's JSON: articles of paragraphs, and questions on each.

use anyhow::{Context, Result};
use serde::Deserialize;
use shared::fault::Fault;
use shared::schema::{Answer, Truth};

use super::values::SquadAnswer;
use super::{Input, Place, Row, json};

#[derive(Deserialize)]
struct Document {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

/// Of version 2 and of KLUE-MRC, whose ids are called `guid`. What is plausible as an answer is none.
#[derive(Deserialize)]
struct Question {
    id: Option<String>,
    guid: Option<String>,
    question: String,
    #[serde(default)]
    answers: Vec<SquadAnswer>,
    #[serde(default)]
    is_impossible: bool,
}

/// A row a question.
pub(super) fn rows(input: Input) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    let shown = input.shown.clone();
    let document: Document = json::document(input)?;
    let paragraphs = document.data.into_iter().flat_map(|article| article.paragraphs);
    let questions = paragraphs.flat_map(|Paragraph { context, qas }| {
        qas.into_iter().map(move |question| (context.clone(), question))
    });
    Ok(questions.zip(1..).map(move |((context, question), number)| row(context, question, number, &shown)))
}

fn row(context: String, question: Question, number: u64, shown: &str) -> Result<Row> {
    let place = Place::Row(number);
    let nameless = || Fault::input(format!("{shown}, {place}: the question has no `id`"));
    let answers = if question.is_impossible { Vec::new() } else { question.answers };
    Ok(Row {
        place,
        id: Some(question.id.or(question.guid).with_context(nameless)?),
        text: question.question,
        text_pair: Some(context),
        truth: Truth::Answers(answers.into_iter().map(Answer::from).collect()),
    })
}
