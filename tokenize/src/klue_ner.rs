//! Upper bound of entity recognition with a real tokenizer: how many entities of KLUE-NER the tags of tokens can express.

use std::fs;

use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Entity, Example, Targets, Truth};
use shared::task::Task;
use tasks::{Encoded, TaskParams, evaluate};
use tokenizer::BoundedTokenizer;

use crate::encode::Encoder;
use crate::fixture::test_data;

const LABELS: [&str; 6] = ["PS", "LC", "OG", "DT", "TI", "QT"];
const DEV: &str = "mirror/raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-ner-v1.1/\
                   klue-ner-v1.1_dev.tsv";

/// Reads examples from a file with one character and its tag per line, and an empty line after each text.
fn examples(file: &str) -> Vec<Example> {
    let texts = file.split("\n\n").map(|text| text.lines().filter(|line| !line.starts_with("##")));
    let texts = texts.map(|lines| lines.filter_map(|line| line.split_once('\t')).collect::<Vec<_>>());
    let example = |(index, lines): (usize, Vec<(&str, &str)>)| {
        let mut entities: Vec<Entity> = Vec::new();
        for (start, (_, tag)) in (0..).zip(&lines) {
            match (tag.split_once('-'), entities.last_mut()) {
                (Some(("I", _)), Some(open)) => open.end = start + 1,
                (Some((_, label)), _) => entities.push(Entity { start, end: start + 1, label: label.into() }),
                (None, _) => {}
            }
        }
        let text = lines.iter().map(|(character, _)| *character).collect();
        Example { example_id: index.to_string(), text, text_pair: None, truth: Truth::Entities(entities) }
    };
    texts.filter(|lines| !lines.is_empty()).enumerate().map(example).collect()
}

/// The output of a model that is right about every token with a target, and wrong about all others.
fn perfect(row: &Encoded) -> Output {
    let Targets::Tags(tags) = &row.features.targets else { panic!("{:?}", row.features.targets) };
    let predicted = tags.iter().map(|&tag| if tag == Targets::IGNORED { 1 } else { tag });
    let outputs = 1 + 2 * LABELS.len() as i64;
    let logits =
        predicted.flat_map(|tag| (0..outputs).map(move |label| if label == tag { 9.0 } else { 0.0 }));
    Output::Logits(logits.collect())
}

/// Checks that perfect outputs reach the precision, recall and character F1 in `expect`. The tokenizer joins particles
/// with the last syllable of a name (`명을`), so a twelfth of the entities end inside a token.
fn check(max_seq_length: usize, stride: usize, rows: usize, expect: [f64; 3]) {
    let (Some(dev), Some(model)) = (test_data(DEV), test_data("models/me5-small-ko")) else { return };
    let examples = examples(&fs::read_to_string(dev).unwrap());
    assert_eq!(examples.len(), 5_000);
    let mut params = TaskParams { labels: LABELS.map(str::to_owned).into(), ..TaskParams::default() };
    params.entity_recognition.stride = stride;
    let task = Task::EntityRecognition;
    let tokenizer = BoundedTokenizer::load(&model, max_seq_length).unwrap();
    let encoded = Encoder::new(tokenizer, task, params.clone()).encode_batch(&examples).unwrap();
    let exact: u64 = encoded.iter().map(|row| row.alignment.exact).sum();
    assert_eq!((exact, encoded.iter().map(|row| row.alignment.marked).sum::<u64>()), (13_008, 14_257));
    let outputs: Vec<Output> = encoded.iter().map(perfect).collect();
    let features: Vec<_> = encoded.into_iter().map(|row| row.features).collect();
    let evaluation = evaluate(task, &params, examples.into_iter().map(Ok), &features, &outputs).unwrap();
    let metric_values = evaluation.scores.metric_values;
    eprintln!("{} rows of {max_seq_length}: {}", features.len(), metric_values.sentence());
    assert_eq!(features.len(), rows);
    let found = [Metric::EntityPrecision, Metric::EntityRecall, Metric::CharacterF1];
    let found = found.map(|metric| metric_values.get(metric).unwrap());
    assert!(found.iter().zip(expect).all(|(found, expect)| *found >= expect), "{found:?}");
}

#[test]
fn tags_of_tokens_express_nearly_all_entities() {
    check(128, 32, 5_000, [0.918, 0.912, 0.989]);
}

#[test]
fn windows_lose_no_entities() {
    check(24, 8, 11_428, [0.918, 0.912, 0.989]);
}
