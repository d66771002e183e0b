//! The fused path computes what the plain path computes.
#![cfg(feature = "libtorch")]
#![allow(clippy::unwrap_used, reason = "only tests")]

use models::{AdamW, AdamWConfig, Batch, BertConfig, Compute, HeadPolicy, Model, Objective};
use shared::config::{DeviceChoice, Precision, Weights};
use shared::model_output::Output;
use shared::schema::{Features, TargetKind, Targets};
use shared::task::OutputLayer;

fn config(hidden_act: &str, dropout: f64) -> BertConfig {
    let labels = ["negative".to_owned(), "neutral".to_owned(), "positive".to_owned()];
    let text = format!(
        r#"{{"model_type": "bert", "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 16,
        "hidden_act": "{hidden_act}", "initializer_range": 0.3}}"#
    );
    serde_json::from_str::<BertConfig>(&text)
        .unwrap()
        .with_task(OutputLayer::Sequence, TargetKind::Class, &labels)
        .with_dropout(dropout)
}

fn batch(config: &BertConfig) -> Batch {
    let row = |index: i32| Features {
        example_id: index.to_string(),
        input_ids: (0..3 + 3 * index).map(|position| (position * 7 + index) % 50).collect(),
        token_type_ids: (0..3 + 3 * index).map(|position| (position % 2) as i8).collect(),
        targets: Targets::Class(i64::from(index % 3)),
        offsets: Vec::new(),
    };
    Batch::new(&(0..5).map(row).collect::<Vec<_>>(), config).unwrap()
}

/// Logits before and after three optimization steps, flattened: they agree only if forward pass, every
/// gradient and the optimizer do.
fn trajectory(compute: Compute, config: &BertConfig) -> Vec<f32> {
    let folder = std::path::Path::new("/nonexistent");
    let build = Model::build(folder, config.clone(), Weights::Random, HeadPolicy::MayBeNew, &compute, 1);
    let mut model = build.unwrap();
    let batch = [batch(config)];
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let logits = |model: &Model| {
        let outputs = model.for_inference().outputs(&batch[0]).unwrap();
        outputs.iter().flat_map(Output::logits).copied().collect::<Vec<_>>()
    };
    let mut values = logits(&model);
    for step in 0..3 {
        let outcome = model.step(&batch, &Objective::default(), &mut optimizer, step, 1e-3).unwrap();
        values.push(outcome.gradient_norm as f32);
    }
    values.extend(logits(&model));
    values
}

fn check(hidden_act: &str, dropout: f64, precision: Precision, tolerance: f32) {
    let config = config(hidden_act, dropout);
    let open = |precision| Compute::open(DeviceChoice::Cpu, precision, 1, 7).unwrap().autodiff();
    let plain = trajectory(open(Precision::F32).plain(), &config);
    let fused = trajectory(open(precision), &config);
    let scale = plain.iter().fold(0f32, |scale, x| scale.max(x.abs()));
    let error = plain.iter().zip(&fused).fold(0f32, |error, (a, b)| error.max((a - b).abs())) / scale;
    assert!(error <= tolerance, "{hidden_act}, dropout {dropout}, {precision:?}: {error}");
    let moved = plain[..15].iter().zip(&plain[18..]).any(|(before, after)| (before - after).abs() > 1e-3);
    assert!(moved, "the steps changed nothing");
}

#[test]
fn fused_equals_plain_in_float32() {
    let activations = ["gelu", "gelu_new", "relu", "gelu_10", "quick_gelu", "silu"];
    activations.iter().for_each(|hidden_act| check(hidden_act, 0.0, Precision::F32, 1e-5));
}

/// Both drop the same units: they are drawn from the step and the place.
#[test]
fn fused_equals_plain_with_dropout() {
    check("gelu", 0.1, Precision::F32, 1e-5);
}

#[test]
fn fused_is_near_plain_in_bfloat16() {
    check("gelu", 0.0, Precision::Bf16, 2e-2);
    // What is kept is scaled up, and the rounding with it.
    check("gelu", 0.1, Precision::Bf16, 4e-2);
}
