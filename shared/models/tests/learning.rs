//! Whatever the backend: a small model learns a batch by heart, and comes back from its files as it was.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::path::Path;

use models::{AdamW, AdamWConfig, Batch, BertConfig, Compute, HeadPolicy, Model, Objective};
use shared::config::{DeviceChoice, Precision, Weights};
use shared::schema::{Features, TargetKind, Targets};
use shared::task::OutputLayer;

fn config() -> BertConfig {
    let labels = ["negative".to_owned(), "positive".to_owned()];
    let text = r#"{"model_type": "bert", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 8, "type_vocab_size": 1}"#;
    serde_json::from_str::<BertConfig>(text).unwrap().with_task(
        OutputLayer::Sequence,
        TargetKind::Class,
        &labels,
    )
}

fn batch(config: &BertConfig) -> Batch {
    let row = |index: i32| Features {
        example_id: index.to_string(),
        input_ids: (0..3 + index % 5).map(|position| (position * 3 + index * 7) % 30).collect(),
        token_type_ids: vec![0; 3 + index as usize % 5],
        targets: Targets::Class(i64::from(index % 2)),
        offsets: Vec::new(),
    };
    Batch::new(&(0..8).map(row).collect::<Vec<_>>(), config).unwrap()
}

#[test]
fn a_batch_is_learnt_by_heart_and_the_model_survives_its_files() {
    let config = config();
    let batch = batch(&config);
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap().autodiff();
    let nowhere = std::path::Path::new("/nonexistent");
    let build = Model::build(nowhere, config, Weights::Random, HeadPolicy::MayBeNew, &compute, 7);
    let mut model = build.unwrap();
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let batches = [batch];
    let objective = Objective::default();
    let mut step = |step| model.step(&batches, &objective, &mut optimizer, step, 5e-3).unwrap().loss;
    let losses: Vec<f64> = (0..80).map(&mut step).collect();
    let [batch] = batches;
    let (first, last) = (losses[0], losses[79]);
    assert!((first - 2f64.ln()).abs() < 0.2 && last < 0.1, "the loss went from {first} to {last}");

    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    let read = BertConfig::read(folder.path()).unwrap();
    let again = Model::build(folder.path(), read, Weights::Pretrained, HeadPolicy::Required, &compute, 8);
    assert_eq!(again.unwrap().outputs(&batch).unwrap(), model.for_inference().outputs(&batch).unwrap());
}

#[test]
fn tensors_that_are_missing_or_left_over_are_named() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let build = |config: BertConfig, weights| {
        Model::build(folder.path(), config, weights, HeadPolicy::MayBeNew, &compute, 7)
    };
    build(config(), Weights::Random).unwrap().save(folder.path()).unwrap();
    let with_layers = |layers: usize| {
        let mut value = serde_json::to_value(config()).unwrap();
        value["num_hidden_layers"] = layers.into();
        serde_json::from_value(value).unwrap()
    };
    let check = |config: BertConfig, parts: &[&str]| {
        let error = build(config, Weights::Pretrained).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        let message = format!("{error:#}");
        parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
    };
    check(with_layers(3), &["lack", "bert.encoder.layer.2.attention.self.query.weight", "and 6 more"]);
    check(
        with_layers(1),
        &["no place for", "bert.encoder.layer.1.attention.self.query.weight", "and 6 more"],
    );
    let wide = serde_json::to_string(&config()).unwrap().replace("\"vocab_size\":30", "\"vocab_size\":31");
    check(serde_json::from_str(&wide).unwrap(), &["do not fit", "[30, 16]", "[31, 16]"]);
}

/// `folder/model.safetensors` with this tensor beside its own.
fn add_tensor(folder: &Path, name: &str, values: &[f32]) {
    let path = folder.join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let (begin, data) = (bytes.len() - 8 - length, &bytes[8 + length..]);
    let offsets = [begin, begin + 4 * values.len()];
    let entry = serde_json::json!({"dtype": "F32", "shape": [values.len()], "data_offsets": offsets});
    header.insert(name.to_owned(), entry);
    let header = serde_json::to_vec(&header).unwrap();
    let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_slice(), data, &values].concat();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_head_of_another_program_is_in_the_way_of_nothing_but_its_use_as_it_is() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let build = |head| Model::build(folder.path(), config(), Weights::Pretrained, head, &compute, 7);
    let random = Model::build(folder.path(), config(), Weights::Random, HeadPolicy::MayBeNew, &compute, 7);
    random.unwrap().save(folder.path()).unwrap();
    add_tensor(folder.path(), "crf.transitions", &[1.0, 2.0]);
    build(HeadPolicy::MayBeNew).unwrap();
    let error = build(HeadPolicy::Required).unwrap_err().to_string();
    assert!(error.contains("no place for: `crf.transitions`"), "{error}");
    add_tensor(folder.path(), "bert.encoder.layer.0.adapter.bias", &[1.0]);
    let error = build(HeadPolicy::MayBeNew).unwrap_err().to_string();
    assert!(error.contains("no place for: `bert.encoder.layer.0.adapter.bias`"), "{error}");
}

#[test]
fn what_a_model_computes_is_finite_or_an_error() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut wild = serde_json::to_value(config()).unwrap();
    wild["initializer_range"] = 3e38.into();
    let wild: BertConfig = serde_json::from_value(wild).unwrap();
    let batch = batch(&wild);
    let model =
        Model::build(folder.path(), wild, Weights::Random, HeadPolicy::MayBeNew, &compute, 7).unwrap();
    let error = model.outputs(&batch).unwrap_err();
    assert!(error.is::<shared::fault::NotFinite>(), "{error:#}");
}
