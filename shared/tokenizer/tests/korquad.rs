//! How much of KorQuAD a perfect model would get right: what is lost is lost by tokens and windows.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;
use shared::config::QuestionAnsweringConfig;
use shared::figures::{Figures, Metric};
use shared::schema::{Answer, Example, Features, Targets, Truth};
use shared::task::{Output, Setting, Task, judge};
use tokenizer::BoundedTokenizer;

#[derive(Deserialize)]
struct Squad {
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

#[derive(Deserialize)]
struct Question {
    id: String,
    question: String,
    answers: Vec<TrueAnswer>,
}

#[derive(Deserialize)]
struct TrueAnswer {
    text: String,
    answer_start: u32,
}

/// A file of the data that lies beside the workspace. None, and a line that says so, where it does not.
fn beside(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

fn examples(path: &Path) -> Vec<Example> {
    let squad: Squad = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let answer = |answer: &TrueAnswer| Answer { start: answer.answer_start, text: answer.text.clone() };
    let paragraphs = squad.data.iter().flat_map(|article| &article.paragraphs);
    let of_paragraph = |paragraph: &Paragraph| {
        let example = |question: &Question| Example {
            example_id: question.id.clone(),
            text: question.question.clone(),
            text_pair: Some(paragraph.context.clone()),
            truth: Truth::Answers(question.answers.iter().map(answer).collect()),
        };
        paragraph.qas.iter().map(example).collect::<Vec<_>>()
    };
    paragraphs.flat_map(of_paragraph).collect()
}

/// What a model gives that has learnt its targets by heart.
fn perfect(row: &Features) -> Output {
    let Targets::Span { start, end } = row.targets else { panic!("{row:?}") };
    let mut logits = vec![0.0; 2 * row.input_ids.len()];
    // The first token stands for no answer, and says nothing of where one is.
    if start > 0 {
        logits[start as usize] = 10.0;
        logits[row.input_ids.len() + end as usize] = 10.0;
    }
    Output::Logits(logits)
}

fn figures_of_perfect_outputs(model: &Path, examples: &[Example], keys: QuestionAnsweringConfig) -> Figures {
    let tokenizer = BoundedTokenizer::load(model, 384).unwrap();
    let setting = Setting { question_answering: keys, ..Setting::default() };
    let task = Task::QuestionAnswering.definition();
    let encode = |example: &Example| task.encode(example, &setting, &mut tokenizer.session()).unwrap();
    let rows: Vec<Features> = examples.par_iter().flat_map(encode).map(|row| row.features).collect();
    let outputs: Vec<Output> = rows.iter().map(perfect).collect();
    let judgement = judge(task, &setting, examples.iter().cloned().map(Ok), &rows, &outputs).unwrap();
    let figures = judgement.scores.figures;
    println!("{} examples, {} rows: {}", examples.len(), rows.len(), figures.sentence());
    for prediction in judgement.predictions {
        let (truth, best) = (
            &prediction.truth.as_answers().unwrap()[0].text,
            &prediction.decoded.as_answers().unwrap()[0].text,
        );
        if truth != best {
            println!("LOST\t{}\t{truth}\t{best}", prediction.example_id);
        }
    }
    figures
}

#[test]
fn perfect_outputs_give_nearly_every_answer() {
    let paths = ["models/me5-small-ko", "mirror/korquad.github.io/dataset/KorQuAD_v1.0_dev.json"].map(beside);
    let [Some(model), Some(corpus)] = paths else { return };
    let examples = examples(&corpus);
    assert_eq!(examples.len(), 5774);
    let figures = figures_of_perfect_outputs(&model, &examples, QuestionAnsweringConfig::default());
    assert!(figures.get(Metric::ExactMatch).unwrap() > 0.0);
}
