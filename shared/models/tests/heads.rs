//! Properties of every head: parts of a batch equal one batch, a model survives its files, and its encoder
//! goes on under another head.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::path::Path;

use models::{
    AdamW, AdamWConfig, Batch, BertConfig, Compute, Dataset, HeadPolicy, Masking, Model, Objective,
};
use shared::config::{DeviceChoice, MaskedUnit, Precision, Weights};
use shared::model_output::Output;
use shared::schema::{Features, TargetKind, Targets};
use shared::task::OutputLayer;

const ROWS: usize = 11;
const KINDS: [(OutputLayer, TargetKind); 6] = [
    (OutputLayer::Sequence, TargetKind::Class),
    (OutputLayer::Sequence, TargetKind::Classes(3)),
    (OutputLayer::Sequence, TargetKind::Score),
    (OutputLayer::Tokens, TargetKind::Tags),
    (OutputLayer::Span, TargetKind::Span),
    (OutputLayer::Vocabulary, TargetKind::Words),
];

fn config(family: &str, (layer, targets): (OutputLayer, TargetKind)) -> BertConfig {
    let labels = ["negative", "neutral", "positive"].map(str::to_owned);
    let text = format!(
        r#"{{"model_type": "{family}", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 8, "type_vocab_size": 1,
        "embedding_size": 8, "initializer_range": 0.2}}"#
    );
    serde_json::from_str::<BertConfig>(&text).unwrap().with_task(layer, targets, &labels).with_dropout(0.0)
}

fn length(row: usize) -> usize {
    2 + row % 6
}

/// In rows that end in 4 no token has a tag, and the first row holds no answer.
fn targets(row: usize, kind: TargetKind) -> Targets {
    let tag = |token: usize| match row % 10 == 4 || token == 0 {
        true => Targets::IGNORED,
        false => ((row + token) % 3) as i64,
    };
    match kind {
        TargetKind::Class => Targets::Class((row % 3) as i64),
        TargetKind::Classes(_) => Targets::Classes([0, 1, 2].map(|bit| (row >> bit & 1) as f32).into()),
        TargetKind::Score => Targets::Score(row as f32 / 2.0),
        TargetKind::Tags => Targets::Tags((0..length(row)).map(tag).collect()),
        TargetKind::Span if row == 0 => Targets::Span { start: 9, end: 9 },
        TargetKind::Span => Targets::Span { start: (row % 2) as i64, end: 1 },
        TargetKind::Words => Targets::Words((0..length(row)).map(|token| token % 2 == 0).collect()),
    }
}

fn dataset(kind: TargetKind) -> Dataset {
    let row = |row: usize| Features {
        example_id: row.to_string(),
        input_ids: (0..length(row)).map(|token| ((token * 3 + row * 7) % 25 + 5) as i32).collect(),
        token_type_ids: vec![0; length(row)],
        targets: targets(row, kind),
        offsets: Vec::new(),
    };
    let dataset = Dataset::of((0..ROWS).map(row).collect());
    let masking = Masking {
        probability: 0.3,
        unit: MaskedUnit::Word,
        mask_token_id: 4,
        special_ids: vec![2, 3],
        seed: 7,
    };
    dataset.masked((kind == TargetKind::Words).then_some(masking))
}

fn batches(dataset: &Dataset, config: &BertConfig, size: usize) -> Vec<Batch> {
    let rows: Vec<usize> = (0..ROWS).collect();
    rows.chunks(size).map(|rows| dataset.batch(rows, config, 3).unwrap()).collect()
}

fn compute() -> Compute {
    Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap().autodiff()
}

fn random(config: BertConfig) -> Model {
    let nowhere = Path::new("/nonexistent");
    Model::build(nowhere, config, Weights::Random, HeadPolicy::MayBeNew, &compute(), 7).unwrap()
}

/// Losses, norms and counts of predictions of five steps, and the trained model.
fn trained(config: &BertConfig, kind: TargetKind, size: usize) -> (Vec<f64>, Model) {
    let parts = batches(&dataset(kind), config, size);
    let (mut model, mut optimizer) = (random(config.clone()), AdamW::new(AdamWConfig::default()));
    let mut step = |step| model.step(&parts, &Objective::default(), &mut optimizer, step, 1e-3).unwrap();
    let outcomes: Vec<_> = (0..5).map(&mut step).collect();
    let numbers = outcomes.iter().flat_map(|outcome| {
        [outcome.loss, outcome.gradient_norm, outcome.correct as f64, outcome.total as f64]
    });
    (numbers.collect(), model)
}

#[test]
fn a_batch_in_parts_is_one_batch_for_every_kind_of_target() {
    for (layer, kind) in KINDS {
        let config = config("bert", (layer, kind));
        let (expect, _) = trained(&config, kind, ROWS);
        assert!(
            expect.iter().all(|number| number.is_finite()) && expect[0] > expect[16],
            "{kind:?}: {expect:?}"
        );
        for size in [4, 1] {
            let (outcomes, _) = trained(&config, kind, size);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 5e-6 * b.abs().max(1.0);
            assert!(
                outcomes.iter().zip(&expect).all(near),
                "{kind:?} by {size}: {outcomes:?} for {expect:?}"
            );
        }
    }
}

fn check_outputs(outputs: &[Output], kind: TargetKind) {
    assert_eq!(outputs.len(), ROWS);
    for (row, output) in outputs.iter().enumerate() {
        let expect = match kind {
            TargetKind::Class | TargetKind::Classes(_) => 3,
            TargetKind::Score => 1,
            TargetKind::Tags => 3 * length(row),
            TargetKind::Span => 2 * length(row),
            TargetKind::Words => 0,
        };
        assert_eq!(output.logits().len(), expect, "row {row} of {kind:?}");
        if let Output::Masked(tokens) = output {
            assert!(!tokens.is_empty() && tokens.iter().all(|token| token.position < length(row)));
            assert!(tokens.iter().all(|token| token.log_probability < 0.0 && token.truth >= 5));
        }
    }
}

#[test]
fn a_model_of_every_kind_survives_its_files() {
    for (layer, kind) in KINDS {
        let config = config("bert", (layer, kind));
        let (_, model) = trained(&config, kind, ROWS);
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path()).unwrap();
        let read = BertConfig::read(folder.path()).unwrap();
        assert_eq!((read.output_layer(), read.targets()), (Some(layer), Some(kind)));
        let (weights, compute) = (Weights::Pretrained, compute());
        let again = Model::build(folder.path(), read, weights, HeadPolicy::Required, &compute, 8).unwrap();
        let all = |model: &Model| {
            let outputs =
                model.for_inference().all_outputs(&dataset(kind), 4, |_| std::ops::ControlFlow::Continue(()));
            outputs.unwrap().continue_value().unwrap()
        };
        check_outputs(&all(&model), kind);
        assert_eq!(all(&again), all(&model), "{kind:?}");
    }
}

/// The pooler of a classifier and the head of whatever a model was for are left behind.
#[test]
fn an_encoder_goes_on_under_every_other_head() {
    for (from, to) in KINDS.into_iter().flat_map(|from| KINDS.map(|to| (from, to))) {
        let folder = tempfile::tempdir().unwrap();
        let encoder =
            |model: &Model| model.parts().into_iter().filter(|part| part.name.starts_with("bert.e")).count();
        let pretrained = random(config("bert", from));
        pretrained.save(folder.path()).unwrap();
        let build =
            |head| Model::build(folder.path(), config("bert", to), Weights::Pretrained, head, &compute(), 8);
        let model = build(HeadPolicy::MayBeNew).unwrap();
        assert_eq!(encoder(&model), encoder(&pretrained), "{from:?} to {to:?}");
        assert_eq!(build(HeadPolicy::Required).is_ok(), from == to, "{from:?} to {to:?}");
    }
}

#[test]
fn an_electra_has_every_head_but_that_of_masked_words() {
    for (layer, kind) in KINDS {
        let nowhere = Path::new("/nonexistent");
        let config = config("electra", (layer, kind));
        let model = Model::build(nowhere, config, Weights::Random, HeadPolicy::MayBeNew, &compute(), 7);
        if layer == OutputLayer::Vocabulary {
            let error = model.unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 2);
            assert!(format!("{error:#}").contains("take a BERT"), "{error:#}");
            continue;
        }
        let model = model.unwrap();
        let batch = &batches(&dataset(kind), model.config(), 4)[0];
        assert_eq!(model.outputs(batch).unwrap().len(), 4, "{kind:?}");
    }
}

#[test]
fn unlabelled_examples_are_predicted_and_not_learnt() {
    let config = config("bert", KINDS[0]);
    let unknown = Features { targets: Targets::Unknown, ..dataset(TargetKind::Class).rows()[1].clone() };
    let batch = Batch::new([&unknown], &config).unwrap();
    let mut model = random(config);
    assert_eq!(model.outputs(&batch).unwrap()[0].logits().len(), 3);
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let error = model.step(&[batch], &Objective::default(), &mut optimizer, 0, 1e-3).unwrap_err();
    assert_eq!(shared::fault::kind_of(&error).code(), 3);
}

/// A step without a single target changes nothing, and its loss is 0.
#[test]
fn a_batch_without_targets_teaches_nothing() {
    let config = config("bert", KINDS[3]);
    let row = dataset(TargetKind::Tags).rows()[4].clone();
    let batch = Batch::new([&row], &config).unwrap();
    let mut model = random(config);
    let before = model.for_inference().outputs(&batch).unwrap();
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let outcome =
        model.step(std::slice::from_ref(&batch), &Objective::default(), &mut optimizer, 0, 1e-3).unwrap();
    assert_eq!((outcome.loss, outcome.gradient_norm, outcome.total), (0.0, 0.0, 0));
    assert_eq!(model.for_inference().outputs(&batch).unwrap(), before);
}
