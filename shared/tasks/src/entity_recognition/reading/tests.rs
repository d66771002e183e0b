use std::collections::BTreeMap;

use serde::Deserialize;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Targets, Truth};

use super::super::EntityRecognition;
use super::*;
use crate::{TaskParams, TaskSpec, Window};

#[derive(Deserialize)]
struct Golden {
    labels: Vec<String>,
    cases: Vec<Case>,
}

/// The file that `tests/golden/make_aggregation.py` writes.
#[derive(Deserialize)]
struct Case {
    text: String,
    continuing: Option<HashSet<i32>>,
    tokens: Vec<(i32, i32, i32)>,
    probabilities: Vec<Vec<f32>>,
    entities: BTreeMap<String, Vec<(String, u32, u32, f32)>>,
}

fn decode(case: &Case, labels: &[String], aggregation: Aggregation) -> Vec<(String, u32, u32, f32)> {
    let mut params = TaskParams { labels: vec!["PS".into(), "LC".into()], ..TaskParams::default() };
    params.tags = labels.to_vec();
    params.entity_recognition.scheme = Some(metrics::entities::TagScheme::Iob2);
    let continuing = case.continuing.clone().map(Arc::new);
    params.reading = Some(TokenReading { aggregation, continuing, unknown: Some(0) });
    let features = Features {
        example_id: "7".into(),
        input_ids: case.tokens.iter().map(|token| token.0).collect(),
        token_type_ids: vec![0; case.tokens.len()],
        targets: Targets::Unknown,
        offsets: case.tokens.iter().map(|&(_, start, end)| Offset { start, end }).collect(),
    };
    let logits = case.probabilities.iter().flatten().map(|probability| probability.max(1e-30).ln());
    let output = Output::Logits(logits.collect());
    let example =
        Example { example_id: "7".into(), text: case.text.clone(), text_pair: None, truth: Truth::Unknown };
    let windows = [Window { features: &features, output: &output }];
    let Decoded::Entities { entities, .. } = EntityRecognition.decode(&example, &windows, &params).unwrap()
    else {
        panic!("no entities")
    };
    entities.into_iter().map(|e| (e.label, e.start, e.end, e.probability)).collect()
}

#[test]
fn entities_equal_those_of_the_transformers_pipeline() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../../../tests/golden/aggregation.json")).unwrap();
    for case in &golden.cases {
        for (name, expected) in &case.entities {
            let aggregation: Aggregation = serde_json::from_value(name.as_str().into()).unwrap();
            let found = decode(case, &golden.labels, aggregation);
            assert_eq!(found.len(), expected.len(), "{name} of {:?}: {found:?}", case.text);
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!((&found.0, found.1, found.2), (&expected.0, expected.1, expected.2), "{name}");
                assert!((found.3 - expected.3).abs() < 1e-5, "{name} of {:?}: {found:?}", case.text);
            }
        }
    }
}
