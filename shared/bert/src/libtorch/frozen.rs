//! A network whose weights are as forward passes take them best, and nothing else can.

use burn::backend::LibTorch;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use tch::{Device, Kind};

use super::cpu::products::Weight;
use super::memory::raw;
use crate::parameters::{ParameterNames, encoder_layer};

/// Makes of the weights in the layers' products, once instead of in every batch, what these take in bfloat16.
pub(crate) fn frozen<M: Module>(network: M, names: &ParameterNames) -> M {
    network.map(&mut Freezer(names))
}

struct Freezer<'a>(&'a ParameterNames);

impl ModuleMapper for Freezer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<BurnTensor<D>>) -> Param<BurnTensor<D>> {
        let in_product = |name: &str| {
            encoder_layer(name).is_some() && !name.contains("LayerNorm") && name.ends_with("weight")
        };
        match self.0.of(param.id).is_ok_and(in_product) {
            true => param.map(weight),
            false => param,
        }
    }
}

/// `[out, in]` → what [`Weight::of`] takes.
fn weight<const D: usize>(weight: BurnTensor<D>) -> BurnTensor<D> {
    let weight = raw(&weight);
    let frozen = match weight.device() {
        Device::Cpu => Weight::frozen(&weight),
        _ => weight.to_kind(Kind::BFloat16),
    };
    BurnTensor::from_primitive::<LibTorch>(TchTensor::new(frozen))
}
