//! A layer's parameters and their gradients, by their places.

use tch::{Kind, Tensor};

use super::norm::{self, Normed, Vectors};
use super::products::{self, Weight};
use super::{attention, row_masks};
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::layers::Mode;
use crate::libtorch::layer::place;
use crate::libtorch::memory::Number;

pub(super) struct Parameters<'a> {
    all: &'a [Tensor],
    pub(super) shape: &'a LayerShape,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(all: &'a [Tensor], shape: &'a LayerShape) -> Parameters<'a> {
        Parameters { all, shape }
    }

    /// Whether every product in bfloat16, of attention too, is one of ours.
    pub(super) fn taken_by_tiles(&self) -> bool {
        let [wide, hidden] = [place::INTERMEDIATE, place::OUTPUT].map(|place| self.all[place + 1].size()[0]);
        products::taken_by_tiles(wide, hidden)
            && attention::processor(hidden as usize / self.shape.heads).is_some()
    }

    pub(super) fn weight<N: Number>(&self, place: usize) -> Weight {
        Weight::of::<N>(&[&self.all[place]], self.all[place + 1].size()[0])
    }

    /// Of query, key and value one under the other: `[3·hidden, hidden]`, and in float32 `[3·hidden]`.
    pub(super) fn projection<N: Number>(&self) -> (Weight, Tensor) {
        let places = [place::QUERY, place::KEY, place::VALUE];
        let bias = Tensor::cat(&places.map(|place| self.bias(place)), 0);
        (Weight::of::<N>(&places.map(|place| &self.all[place]), bias.size()[0]), bias)
    }

    /// That of the weight at `place`, in float32.
    pub(super) fn bias(&self, place: usize) -> Tensor {
        self.all[place + 1].to_kind(Kind::Float)
    }

    /// `LayerNorm(x + dropout(branch + b))`, by the bias of the weight at `place` and the norm behind it, and in training what its
    /// backward pass needs.
    pub(super) fn norm<N: Number>(
        &self,
        x: &Tensor,
        branch: &Tensor,
        site: Site,
        place: usize,
    ) -> (Tensor, Option<Normed>) {
        let shape = self.shape;
        let (gain, shift) = (&self.all[place + 2], &self.all[place + 3]);
        let vectors = Vectors { bias: &self.bias(place), gain, shift };
        match shape.mode {
            Mode::Inference => (norm::infer::<N>(x, branch, &vectors, shape.eps), None),
            Mode::Training(_) => {
                let masks = row_masks(shape, shape.hidden_dropout, site);
                let (out, norm) = norm::forward::<N>(x, branch, &vectors, shape.eps, masks);
                (out, Some(norm))
            }
        }
    }
}

/// The parameters' gradients as they come.
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

    pub(super) fn put_norm(&mut self, place: usize, gradients: &norm::Gradients) {
        self.put(place, || gradients.weight_sums());
        self.put(place + 1, || gradients.bias_sums());
    }
}
