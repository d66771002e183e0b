//! Hidden states from layer to layer.

use std::iter;

use burn::tensor::Tensor;
use shared::config::{DeviceChoice, Precision};

use super::{MODELS, golden_tensors, largest_error, model};
use crate::nn::heads::TaskHead;
use crate::nn::layers::Mode;
use crate::weights::files::StoredTensor;
use crate::{Batch, Compute};

/// The largest error of `ours` at positions that hold a token; `theirs` is `[batch, seq, hidden]`.
fn error(ours: Tensor<3>, theirs: &StoredTensor, batch: &Batch) -> f32 {
    let [_, seq, hidden] = ours.dims();
    assert_eq!(ours.dims().as_slice(), theirs.shape);
    let (ours, theirs) = (ours.into_data().try_to_vec::<f32>().unwrap(), theirs.values().unwrap());
    let rows = batch.lengths.iter().zip(ours.chunks(seq * hidden).zip(theirs.chunks(seq * hidden)));
    let tokens = rows.flat_map(|(&tokens, (a, b))| a.iter().zip(b).take(tokens * hidden));
    tokens.fold(0f32, |error, (a, b)| error.max((a - b).abs()))
}

fn check(name: &str, compute: &Compute) {
    let (model, batch, _) = model(name, compute);
    let (network, config) = (model.network(), model.config());
    let mut expected = golden_tensors(name, "hidden_states.safetensors");
    let (embedded, states) =
        network.encoder.hidden_states(&batch, config, compute.implementation, Mode::Inference);
    let mut last = embedded.clone();
    for (index, state) in iter::once(embedded).chain(states).enumerate() {
        let theirs = expected.remove(&format!("hidden_states.{index}")).unwrap();
        let error = error(state.clone(), &theirs, &batch);
        assert!(error <= 1e-5, "{name}: hidden states {index} are off by {error}");
        last = state;
    }
    let TaskHead::Classification(head) = &network.head else { panic!("{name} is no classifier") };
    if let Some(pooled) = head.pooled(last) {
        let theirs = expected.remove("pooled").unwrap().values().unwrap();
        let ours = pooled.into_data().try_to_vec::<f32>().unwrap();
        let error = largest_error(&ours, &theirs);
        assert!(error <= 1e-5, "{name}: the pooled output is off by {error}");
    }
    assert!(expected.is_empty(), "{name}: {:?} are without a match", expected.keys());
}

#[test]
fn every_layer_gives_what_transformers_gives() {
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
    for name in MODELS {
        check(name, &compute);
        check(name, &compute.clone().plain());
    }
}
