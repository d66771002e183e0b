//! Properties of a step beside AdamW's formula: parts of a batch, parts of a model, saved states.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::collections::BTreeMap;
use std::path::Path;

use models::{AdamW, AdamWConfig, Batch, BertConfig, Compute, HeadPolicy, LayerRates, Model, Objective};
use safetensors::SafeTensors;
use shared::config::{DeviceChoice, Freeze, Precision, Weights};
use shared::layout::hub;
use shared::schema::{Features, TargetKind, Targets};
use shared::task::OutputLayer;

const ROWS: i32 = 11;

fn config(dropout: f64) -> BertConfig {
    let labels = ["negative", "neutral", "positive"].map(str::to_owned);
    let text = r#"{"model_type": "bert", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 3,
        "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 8, "type_vocab_size": 1,
        "initializer_range": 0.2}"#;
    serde_json::from_str::<BertConfig>(text)
        .unwrap()
        .with_task(OutputLayer::Sequence, TargetKind::Class, &labels)
        .with_dropout(dropout)
}

fn rows() -> Vec<Features> {
    let row = |index: i32| Features {
        example_id: index.to_string(),
        input_ids: (0..2 + index % 6).map(|position| (position * 3 + index * 7) % 30).collect(),
        token_type_ids: vec![0; 2 + index as usize % 6],
        targets: Targets::Class(i64::from(index % 3)),
        offsets: Vec::new(),
    };
    (0..ROWS).map(row).collect()
}

fn batches(config: &BertConfig, size: usize) -> Vec<Batch> {
    rows().chunks(size).map(|rows| Batch::new(rows, config).unwrap()).collect()
}

fn model(config: BertConfig) -> Model {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap().autodiff();
    Model::build(Path::new("/nonexistent"), config, Weights::Random, HeadPolicy::MayBeNew, &compute, 7)
        .unwrap()
}

fn optimizer(rates: LayerRates) -> AdamW {
    AdamW::new(AdamWConfig { rates, ..AdamWConfig::default() })
}

/// Every parameter by its Hub name.
fn parameters(model: &Model) -> BTreeMap<String, Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    let bytes = std::fs::read(folder.path().join(hub::WEIGHTS)).unwrap();
    let floats = |bytes: &[u8]| bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, tensor)| (name.to_owned(), floats(tensor.data()))).collect()
}

fn largest_difference(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) -> f32 {
    // Softmax does not see a key's bias: its gradient is rounding, which Adam blows up to full steps.
    let seen = a.keys().filter(|name| !name.ends_with("key.bias"));
    let pairs = seen.flat_map(|name| a[name].iter().zip(&b[name]));
    pairs.fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

/// Five steps over all rows, in parts of `size`.
fn trained_in_parts_of(size: usize, objective: &Objective) -> (Vec<f64>, BTreeMap<String, Vec<f32>>) {
    let config = config(0.0);
    let (mut model, mut optimizer) = (model(config.clone()), optimizer(LayerRates::default()));
    let parts = batches(&config, size);
    let mut step = |step| model.step(&parts, objective, &mut optimizer, step, 1e-3).unwrap();
    let outcomes: Vec<_> = (0..5).map(&mut step).collect();
    (outcomes.iter().flat_map(|outcome| [outcome.loss, outcome.gradient_norm]).collect(), parameters(&model))
}

/// Eleven rows in parts of 4 leave a part of 3: a mean of the parts' means would be another.
fn check_parts(objective: &Objective) {
    let (expect, whole) = trained_in_parts_of(ROWS as usize, objective);
    for size in [4, 5, 1] {
        let (outcomes, parts) = trained_in_parts_of(size, objective);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 2e-6 * b.abs().max(1.0);
        assert!(outcomes.iter().zip(&expect).all(near), "parts of {size}: {outcomes:?} for {expect:?}");
        let off = largest_difference(&parts, &whole);
        assert!(off <= 2e-5, "parts of {size}: a parameter is off by {off}");
    }
}

#[test]
fn a_batch_in_parts_is_one_batch() {
    check_parts(&Objective::default());
    check_parts(&Objective { label_smoothing: 0.1, class_weights: vec![0.5, 2.0, 3.0] });
}

#[test]
fn what_is_frozen_does_not_move() {
    let config = config(0.1);
    let mut model = model(config.clone());
    model.freeze(Freeze { embeddings: true, layers: 2 }).unwrap();
    let (before, mut optimizer) = (parameters(&model), optimizer(LayerRates::default()));
    let parts = batches(&config, 4);
    for step in 0..3 {
        model.step(&parts, &Objective::default(), &mut optimizer, step, 1e-2).unwrap();
    }
    let frozen = ["bert.embeddings.", "bert.encoder.layer.0.", "bert.encoder.layer.1."];
    for (name, after) in parameters(&model) {
        let stays = frozen.iter().any(|part| name.starts_with(part));
        assert_eq!(after == before[&name], stays, "{name}");
    }
    let trained: usize = model.parts().iter().map(|part| part.trained).sum();
    assert!(trained > 0 && trained < model.parameters());
    let error = model.freeze(Freeze { embeddings: false, layers: 4 }).unwrap_err();
    assert!(format!("{error:#}").contains("the model has 3"), "{error:#}");
}

/// In Adam's first step every number moves by the learning rate, but for ε and the decay.
#[test]
fn layers_learn_at_their_own_rates() {
    let config = config(0.0);
    let mut model = model(config.clone());
    let before = parameters(&model);
    let mut optimizer = optimizer(LayerRates { head: 3.0, decay: 0.5 });
    model.step(&batches(&config, 4), &Objective::default(), &mut optimizer, 0, 1e-3).unwrap();
    let after = parameters(&model);
    let moved = |name: &str| {
        let differences = before[name].iter().zip(&after[name]).map(|(a, b)| (a - b).abs());
        differences.fold(0f32, f32::max)
    };
    let check = |name: &str, factor: f32| {
        let moved = moved(name) / (1e-3 * factor);
        assert!((moved - 1.0).abs() < 0.02, "{name} moved by {moved} of its rate");
    };
    check("classifier.weight", 3.0);
    check("bert.pooler.dense.weight", 1.0);
    check("bert.encoder.layer.2.output.dense.weight", 0.5);
    check("bert.encoder.layer.0.output.dense.weight", 0.125);
    check("bert.embeddings.position_embeddings.weight", 0.0625);
}

/// Bit for bit, with dropout.
#[test]
fn what_was_saved_goes_on_as_if_nothing_had_been() {
    let config = config(0.2);
    let parts = batches(&config, 4);
    let objective = Objective::default();
    let (mut whole, mut of_whole) = (model(config.clone()), optimizer(LayerRates::default()));
    let folder = tempfile::tempdir().unwrap();
    let moments = folder.path().join("optimizer.safetensors");
    for step in 0..6 {
        if step == 3 {
            whole.save(folder.path()).unwrap();
            of_whole.save(&whole, &moments).unwrap();
        }
        whole.step(&parts, &objective, &mut of_whole, step, 1e-3).unwrap();
    }
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap().autodiff();
    let build =
        |weights| Model::build(folder.path(), config.clone(), weights, HeadPolicy::Required, &compute, 7);
    let (mut again, mut of_again) = (build(Weights::Pretrained).unwrap(), optimizer(LayerRates::default()));
    of_again.restore(&again, &moments, 3).unwrap();
    for step in 3..6 {
        again.step(&parts, &objective, &mut of_again, step, 1e-3).unwrap();
    }
    assert!(parameters(&again) == parameters(&whole), "the parameters are others");

    std::fs::write(&moments, "no moments").unwrap();
    let error = of_again.restore(&again, &moments, 3).unwrap_err();
    assert_eq!(shared::fault::kind_of(&error).code(), 3);
}
