//! Scaled dot-product attention over heads (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>): in bfloat16 by the
//! processor's products of pairs, where it has them, else by libtorch's.

mod examples;
mod products;

use tch::{Kind, Tensor};

use super::pairs::Processor;
use super::row_masks;
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::layers::Mode;
use crate::libtorch::memory::Number;

#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    seq: usize,
    heads: usize,
    /// Of a head.
    width: usize,
}

impl Sizes {
    fn all(self) -> [i64; 4] {
        [self.batch, self.seq, self.heads, self.width].map(|size| size as i64)
    }

    fn hidden(self) -> usize {
        self.heads * self.width
    }

    /// What scores are multiplied by.
    fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// None where products are libtorch's.
    fn processor<N: Number>(self) -> Option<Processor> {
        processor(self.width).filter(|_| N::KIND == Kind::BFloat16)
    }
}

/// None where the processor has no products of pairs, or a head is no whole number of pairs wide.
pub(super) fn processor(width: usize) -> Option<Processor> {
    Processor::with_pairs().filter(|_| width.is_multiple_of(2))
}

/// What the backward pass needs.
pub(super) enum Heads {
    Examples(examples::Kept),
    Products(products::Kept),
}

/// `N[n, 3·hidden]`: query, key and value side by side → `N[n, hidden]`, and in training what its backward pass needs.
pub(super) fn forward<N: Number>(
    projected: &Tensor,
    mask: &Tensor,
    shape: &LayerShape,
) -> (Tensor, Option<Heads>) {
    let (size, batch, heads) = (projected.size(), mask.size()[0], shape.heads);
    let (seq, width) = ((size[0] / batch) as usize, size[1] as usize / 3 / heads);
    let sizes = Sizes { batch: batch as usize, seq, heads, width };
    let mask = mask.reshape([batch, -1]).contiguous();
    let masks = row_masks(shape, shape.attention_dropout, Site::Attention(shape.layer));
    match (shape.mode, sizes.processor::<N>()) {
        (Mode::Inference, Some(processor)) => (examples::infer(processor, projected, &mask, sizes), None),
        (Mode::Inference, None) => (products::infer::<N>(projected, &mask, sizes), None),
        (Mode::Training(_), Some(processor)) => {
            let (context, kept) = examples::forward(processor, projected, &mask, sizes, masks);
            (context, Some(Heads::Examples(kept)))
        }
        (Mode::Training(_), None) => {
            let (context, kept) = products::forward::<N>(projected, &mask, sizes, masks);
            (context, Some(Heads::Products(kept)))
        }
    }
}

impl Heads {
    /// `N[n, hidden]` → `N[n, 3·hidden]`
    pub(super) fn backward<N: Number>(&self, context: &Tensor) -> Tensor {
        match self {
            Heads::Examples(kept) => kept.backward(context),
            Heads::Products(kept) => kept.backward::<N>(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use tch::Device;

    use super::*;
    use crate::dropout::{MaskKey, RowMasks};

    const BATCH: usize = 3;
    const HEADS: usize = 2;

    /// The last token of the first example is masked where there are others.
    fn mask(seq: usize) -> Tensor {
        let mask = Tensor::zeros([BATCH as i64, seq as i64], (Kind::Float, Device::Cpu));
        if seq > 1 {
            let _ = mask.get(0).narrow(0, seq as i64 - 1, 1).fill_(f64::from(f32::MIN));
        }
        mask
    }

    fn check_near(ours: &Tensor, expect: &Tensor, what: &str) {
        let error = (ours.to_kind(Kind::Float) - expect).norm() / expect.norm();
        assert!(error.double_value(&[]) < 1e-2, "{what}: {error:?}");
    }

    /// Against float32 products of the same numbers.
    fn check(processor: Processor, seq: usize, width: usize, masks: Option<RowMasks>) {
        let what = format!("{seq} tokens, {width} wide, {masks:?}");
        let sizes = Sizes { batch: BATCH, seq, heads: HEADS, width };
        let (rows, hidden) = ((BATCH * seq) as i64, sizes.hidden() as i64);
        let random = |columns| Tensor::randn([rows, columns], (Kind::BFloat16, Device::Cpu));
        let (projected, gradient, mask) = (random(3 * hidden), random(hidden), mask(seq));
        let wide = |tensor: &Tensor| tensor.to_kind(Kind::Float);
        let (expect, plain) = products::forward::<f32>(&wide(&projected), &mask, sizes, masks);
        let (context, kept) = examples::forward(processor, &projected, &mask, sizes, masks);
        check_near(&context, &expect, &what);
        check_near(&kept.backward(&gradient), &plain.backward::<f32>(&wide(&gradient)), &what);
        let inferred = examples::infer(processor, &projected, &mask, sizes);
        check_near(&inferred, &products::infer::<f32>(&wide(&projected), &mask, sizes), &what);
        let (libtorchs, kept) = products::forward::<bf16>(&projected, &mask, sizes, masks);
        check_near(&libtorchs, &expect, &what);
        check_near(&kept.backward::<bf16>(&gradient), &plain.backward::<f32>(&wide(&gradient)), &what);
    }

    #[test]
    fn an_example_at_a_time_equals_batched_products() {
        let Some(processor) = Processor::with_pairs() else {
            eprintln!("skipped: this processor has no products of bfloat16 pairs");
            return;
        };
        tch::manual_seed(7);
        let masks = MaskKey { seed: 7, step: 1, part: 0 }.rows(Site::Attention(0), 0.1);
        for (seq, width) in [(1, 32), (2, 2), (5, 20), (16, 64), (33, 80), (70, 32), (131, 130)] {
            check(processor, seq, width, None);
            check(processor, seq, width, Some(masks));
        }
    }
}
