//! A layer's parameters and their gradients, by their places.

use tch::Tensor;

use super::norm::{self, Normed};
use super::products;
use super::row_masks;
use crate::dropout::Site;
use crate::encoder::LayerShape;

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

    pub(super) fn narrow<N: Number>(&self, place: usize) -> Tensor {
        self.all[place].to_kind(N::KIND)
    }

    /// Of query, key and value one under the other: `N[3·hidden, hidden]` and `N[3·hidden]`.
    pub(super) fn projection<N: Number>(&self) -> [Tensor; 2] {
        let weights = [place::QUERY, place::KEY, place::VALUE];
        [weights, weights.map(|place| place + 1)]
            .map(|places| Tensor::cat(&places.map(|place| self.narrow::<N>(place)), 0))
    }

    /// `N[n, in]` → `N[n, out]`, by a weight that has been narrowed and the bias at its `place`.
    pub(super) fn linear<N: Number>(&self, x: &Tensor, weight: &Tensor, place: usize) -> Tensor {
        products::linear::<N>(x, weight, &self.narrow::<N>(place + 1))
    }

    /// `LayerNorm(x + dropout(branch))`
    pub(super) fn norm<N: Number>(
        &self,
        x: &Tensor,
        branch: &Tensor,
        site: Site,
        place: usize,
    ) -> (Tensor, Normed) {
        let masks = row_masks(self.shape, self.shape.hidden_dropout, site);
        norm::forward::<N>(x, branch, &self.all[place], &self.all[place + 1], self.shape.eps, masks)
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
