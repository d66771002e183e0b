//! The numbers of `transformers`, from `tests/golden/make_golden.py`.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::path::{Path, PathBuf};

use bert::{Batch, BertConfig, Compute, Head, SequenceClassifier};
use serde::Deserialize;
use shared::config::{DeviceChoice, Precision, Weights};
use shared::metrics::Confusion;
use shared::schema::Features;

#[derive(Deserialize)]
struct Expected {
    input_ids: Vec<Vec<i32>>,
    token_type_ids: Vec<Vec<i8>>,
    labels: Vec<i64>,
    logits: Vec<Vec<f32>>,
    loss: f64,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn check(name: &str, compute: &Compute, tolerance: f32) {
    let folder = folder(name);
    let expected: Expected =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let rows: Vec<Features> = (0..expected.labels.len())
        .map(|row| Features {
            example_id: row.to_string(),
            input_ids: expected.input_ids[row].clone(),
            token_type_ids: expected.token_type_ids[row].clone(),
            label: expected.labels[row],
        })
        .collect();
    let config = BertConfig::read(&folder).unwrap();
    let batch = Batch::new(&rows, &config).unwrap();
    let model = SequenceClassifier::build(&folder, config, Weights::Pretrained, Head::Required, compute, 0);
    let logits = model.unwrap().logits(&batch).unwrap();
    let pairs = logits.iter().flatten().zip(expected.logits.iter().flatten());
    let error = pairs.fold(0f32, |error, (ours, theirs)| error.max((ours - theirs).abs()));
    assert!(error <= tolerance, "{name}: the logits are off by {error}");
    let mut confusion = Confusion::new(3);
    logits.iter().zip(&expected.labels).for_each(|(logits, &label)| {
        confusion.add(logits, label as usize);
    });
    let error = (confusion.loss() - expected.loss).abs();
    assert!(error <= f64::from(tolerance), "{name}: the loss is off by {error}");
}

fn check_all(compute: &Compute, tolerance: f32) {
    ["gelu", "gelu-new", "relu", "shards"].iter().for_each(|name| check(name, compute, tolerance));
}

#[test]
fn float32_logits_are_those_of_transformers() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    check_all(&compute, 1e-5);
    check_all(&compute.plain(), 1e-5);
}

#[test]
#[cfg(feature = "libtorch")]
fn bfloat16_logits_are_near_those_of_transformers() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::Bf16, 1, 7).unwrap();
    check_all(&compute, 5e-2);
}
