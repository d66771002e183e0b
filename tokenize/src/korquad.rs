//! Question answering beside real texts and a real tokenizer: what tokens and windows leave of KorQuAD's answers.

use std::fs;

use serde_json::Value;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::Prediction;
use shared::schema::{Answer, Example, Features, Targets, Truth};
use shared::task::Task;
use tasks::{TaskParams, evaluate};
use tokenizer::BoundedTokenizer;

use crate::encode::Encoder;
use crate::fixture::beside;

const DEV: &str = "mirror/korquad.github.io/dataset/KorQuAD_v1.0_dev.json";

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Of a file in SQuAD's format.
fn examples(file: &str) -> Vec<Example> {
    let file: Value = serde_json::from_str(file).unwrap();
    let answer = |answer: &Value| Answer {
        start: answer["answer_start"].as_u64().unwrap() as u32,
        text: string(&answer["text"]),
    };
    let example = |question: &Value, context: &Value| Example {
        example_id: string(&question["id"]),
        text: string(&question["question"]),
        text_pair: Some(string(context)),
        truth: Truth::Answers(list(&question["answers"]).iter().map(answer).collect()),
    };
    let paragraphs = list(&file["data"]).iter().flat_map(|article| list(&article["paragraphs"]));
    let of = |paragraph: &Value| -> Vec<Example> {
        list(&paragraph["qas"]).iter().map(|question| example(question, &paragraph["context"])).collect()
    };
    paragraphs.flat_map(of).collect()
}

/// Of a model that is right about the answer in every row that has it.
fn perfect(row: &Features) -> Output {
    let Targets::Span { start, end } = row.targets else { panic!("{:?}", row.targets) };
    let mut logits = vec![0.0; 2 * row.input_ids.len()];
    if start > 0 {
        logits[start as usize] = 10.0;
        logits[row.input_ids.len() + end as usize] = 10.0;
    }
    Output::Logits(logits)
}

/// Of perfect outputs with `[question_answering]` as it is by default: exact match and F1 of at least `expect`,
/// and how many answers are no part of what is given in their place.
fn check(model: &str, max_seq_length: usize, rows: usize, expect: [f64; 2], expect_lost: usize) {
    let (Some(dev), Some(model)) = (beside(DEV), beside(model)) else { return };
    let examples = examples(&fs::read_to_string(dev).unwrap());
    assert_eq!(examples.len(), 5_774);
    let (params, task) = (TaskParams::default(), Task::QuestionAnswering);
    let tokenizer = BoundedTokenizer::load(&model, max_seq_length).unwrap();
    let encoded = Encoder::new(tokenizer, task, params.clone()).encode_batch(&examples).unwrap();
    let features: Vec<Features> = encoded.into_iter().map(|row| row.features).collect();
    let outputs: Vec<Output> = features.iter().map(perfect).collect();
    let evaluation = evaluate(task, &params, examples.into_iter().map(Ok), &features, &outputs).unwrap();
    let metric_values = evaluation.scores.metric_values;
    eprintln!("{} rows of {max_seq_length}: {}", features.len(), metric_values.sentence());
    assert_eq!(features.len(), rows);
    let found = [Metric::ExactMatch, Metric::F1].map(|metric| metric_values.get(metric).unwrap());
    assert!(found.iter().zip(expect).all(|(found, expect)| *found >= expect), "{found:?}");
    let lost: Vec<_> = evaluation.predictions.iter().filter(|prediction| !holds_answer(prediction)).collect();
    assert!(lost.len() == expect_lost, "{} are lost, as {:?}", lost.len(), lost.first());
}

fn holds_answer(Prediction { truth, decoded, .. }: &Prediction) -> bool {
    let (Some([answer]), Some([best, ..])) = (truth.as_answers(), decoded.as_answers()) else { return false };
    best.text.contains(answer.text.trim())
}

/// What is more than the answer is a particle that shares a piece with its end, as in `위를` of `시위를`, or rarely a sign
/// before its beginning, as in `(10`.
#[test]
fn windows_lose_no_answer_and_pieces_lengthen_some() {
    check("models/me5-small-ko", 384, 7_333, [0.887, 0.987], 0);
}

/// An English name alone is more than 30 of its pieces.
#[test]
fn word_pieces_too() {
    check("mirror/huggingface.co/beomi/kcbert-base/resolve/main", 300, 8_144, [0.780, 0.973], 1);
}
