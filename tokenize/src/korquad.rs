//! Upper bound of question answering with real tokenizers: how many answers of KorQuAD tokens and windows can express.

use std::fs;

use serde_json::Value;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Answer, Example, Features, Prediction, Targets, Truth};
use shared::task::Task;
use tasks::{TaskParams, evaluate};
use tokenizer::BoundedTokenizer;

use crate::encode::Encoder;
use crate::fixture::test_data;

const DEV: &str = "mirror/korquad.github.io/dataset/KorQuAD_v1.0_dev.json";

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Reads examples from a file in SQuAD's format.
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

/// The output of a model that is right about every row that holds the answer.
fn perfect(row: &Features) -> Output {
    let Targets::Span { start, end } = row.targets else { panic!("{:?}", row.targets) };
    let mut logits = vec![0.0; 2 * row.input_ids.len()];
    if start > 0 {
        logits[start as usize] = 10.0;
        logits[row.input_ids.len() + end as usize] = 10.0;
    }
    Output::Logits(logits)
}

/// Checks perfect outputs with the default settings of `[question_answering]`: exact match and F1 are at least `expect`,
/// and `expect_lost` predictions do not contain the answer.
fn check(model: &str, max_seq_length: usize, rows: usize, expect: [f64; 2], expect_lost: usize) {
    let (Some(dev), Some(model)) = (test_data(DEV), test_data(model)) else { return };
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

/// A longer prediction ends with a particle that shares a piece with the end of the answer (`위를` in `시위를`), or rarely
/// begins with a sign before the answer (`(10`).
#[test]
fn unigram_windows_lose_no_answers() {
    check("models/me5-small-ko", 384, 7_333, [0.887, 0.987], 0);
}

/// The one lost answer is an English name of more than 30 pieces.
#[test]
fn word_piece_windows_lose_one_answer() {
    check("mirror/huggingface.co/beomi/kcbert-base/resolve/main", 300, 8_144, [0.780, 0.973], 1);
}
