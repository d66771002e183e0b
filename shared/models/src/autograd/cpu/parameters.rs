//! A layer's parameters and their gradients, by their places.

use tch::{Kind, Tensor};

use super::gemm::{self, Weight};
use super::layer_norm::{self, Vectors};
use super::{attention, dropout_mask};
use crate::autograd::layer::place;
use crate::autograd::slices::TensorElement;
use crate::nn::dropout::Site;
use crate::nn::encoder::LayerShape;
use crate::nn::layers::Mode;

pub(super) struct Parameters<'a> {
    all: &'a [Tensor],
    pub(super) shape: &'a LayerShape,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(all: &'a [Tensor], shape: &'a LayerShape) -> Parameters<'a> {
        Parameters { all, shape }
    }

    /// Returns true if the kernels take every product in bfloat16, those of attention too.
    pub(super) fn kernels_take_products(&self) -> bool {
        let [intermediate, hidden] =
            [place::INTERMEDIATE, place::OUTPUT].map(|place| self.all[place + 1].size()[0]);
        gemm::amx_takes(intermediate, hidden) && attention::fused_takes(hidden as usize / self.shape.heads)
    }

    pub(super) fn weight<N: TensorElement>(&self, place: usize) -> Weight {
        Weight::new::<N>(&[&self.all[place]], self.all[place + 1].size()[0])
    }

    /// The weights of query, key and value, stacked by rows, and their biases in float32: `[3·hidden, hidden]` and `[3·hidden]`.
    pub(super) fn projection<N: TensorElement>(&self) -> (Weight, Tensor) {
        let places = [place::QUERY, place::KEY, place::VALUE];
        let bias = Tensor::cat(&places.map(|place| self.bias(place)), 0);
        (Weight::new::<N>(&places.map(|place| &self.all[place]), bias.size()[0]), bias)
    }

    /// The bias of the weight at `place`, in float32.
    pub(super) fn bias(&self, place: usize) -> Tensor {
        self.all[place + 1].to_kind(Kind::Float)
    }

    /// `LayerNorm(x + dropout(branch + b))`, by the bias of the weight at `place` and the norm that follows it, and in training
    /// what its backward pass needs.
    pub(super) fn norm<N: TensorElement>(
        &self,
        x: &Tensor,
        branch: &Tensor,
        site: Site,
        place: usize,
    ) -> (Tensor, Option<layer_norm::SavedForBackward>) {
        let shape = self.shape;
        let (weight, bias) = (&self.all[place + 2], &self.all[place + 3]);
        let vectors = Vectors { branch_bias: &self.bias(place), weight, bias };
        match shape.mode {
            Mode::Inference => (layer_norm::infer::<N>(x, branch, &vectors, shape.eps), None),
            Mode::Training(_) => {
                let dropout = dropout_mask(shape, shape.hidden_dropout, site);
                let (out, norm) = layer_norm::forward::<N>(x, branch, &vectors, shape.eps, dropout);
                (out, Some(norm))
            }
        }
    }
}

/// The gradients of the parameters, for those that are wanted.
pub(super) struct Gradients<'a> {
    wanted: &'a [bool],
    all: Vec<Option<Tensor>>,
}

impl<'a> Gradients<'a> {
    pub(super) fn new(wanted: &'a [bool]) -> Gradients<'a> {
        Gradients { wanted, all: wanted.iter().map(|_| None).collect() }
    }

    pub(super) fn all(self) -> Vec<Option<Tensor>> {
        self.all
    }

    pub(super) fn any_wanted(&self, places: std::ops::Range<usize>) -> bool {
        self.wanted[places].contains(&true)
    }

    /// Computes the gradient if it is wanted.
    pub(super) fn put(&mut self, place: usize, gradient: impl FnOnce() -> Tensor) {
        self.all[place] = self.wanted[place].then(gradient);
    }

    pub(super) fn put_norm(&mut self, place: usize, gradients: &layer_norm::Gradients) {
        self.put(place, || gradients.weight());
        self.put(place + 1, || gradients.bias());
    }
}
