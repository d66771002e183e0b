//! Packs the weights of a network once, for many forward passes in bfloat16.

use burn::backend::LibTorch;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use tch::{Device, Kind};

use super::cpu::gemm::Weight;
use super::slices::raw;
use crate::weights::parameters::{ParameterNames, encoder_layer};

/// Replaces the weights of the layers' products by what these take in bfloat16. The network can then do nothing but forward
/// passes.
pub(crate) fn prepack<M: Module>(network: M, names: &ParameterNames) -> M {
    network.map(&mut Prepacker(names))
}

struct Prepacker<'a>(&'a ParameterNames);

impl ModuleMapper for Prepacker<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<BurnTensor<D>>) -> Param<BurnTensor<D>> {
        let in_product = |name: &str| {
            encoder_layer(name).is_some() && !name.contains("LayerNorm") && name.ends_with("weight")
        };
        match self.0.of(param.id).is_ok_and(in_product) {
            true => param.map(prepack_weight),
            false => param,
        }
    }
}

/// `[out, in]` → a parameter that [`Weight::new`] takes.
fn prepack_weight<const D: usize>(weight: BurnTensor<D>) -> BurnTensor<D> {
    let weight = raw(&weight);
    let prepacked = match weight.device() {
        Device::Cpu => Weight::prepack(&weight),
        _ => weight.to_kind(Kind::BFloat16),
    };
    BurnTensor::from_primitive::<LibTorch>(TchTensor::new(prepacked))
}
