//! Scaled dot-product attention over heads (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>): in bfloat16 by the
//! fused kernel where the processor has AVX512-BF16, and by libtorch's batched products elsewhere.

mod bmm;

use half::bf16;
use kernels::attention::{AttentionShape, fused};
use kernels::{Avx512Bf16, DropoutMask};
use tch::{Kind, Tensor};

use super::dropout_mask;
use crate::autograd::slices::{TensorElement, as_slice, as_slice_mut, empty};
use crate::nn::dropout::Site;
use crate::nn::encoder::LayerShape;
use crate::nn::layers::Mode;

/// The values of the forward pass that the backward pass needs.
pub(super) enum SavedForBackward {
    Fused(FusedSavedForBackward),
    Bmm(bmm::SavedForBackward),
}

pub(super) struct FusedSavedForBackward {
    token: Avx512Bf16,
    shape: AttentionShape,
    /// `bf16[n, 3·hidden]`
    projected: Tensor,
    /// `bf16[batch·heads, seq, seq]`; dropped probabilities have their sign bit set.
    probs: Tensor,
    keep_scale: f32,
}

/// Returns true if the fused kernel takes heads of this size.
pub(super) fn fused_takes(head_size: usize) -> bool {
    fused::token(head_size).is_some()
}

/// `N[n, 3·hidden]`, query, key and value side by side → `N[n, hidden]`, and in training what its backward pass needs; `mask` is
/// `[batch, 1, 1, seq]`, additive.
pub(super) fn forward<N: TensorElement>(
    projected: &Tensor,
    mask: &Tensor,
    layer: &LayerShape,
) -> (Tensor, Option<SavedForBackward>) {
    let (size, batch, heads) = (projected.size(), mask.size()[0], layer.heads);
    let (seq, head_size) = ((size[0] / batch) as usize, size[1] as usize / 3 / heads);
    let shape = AttentionShape { batch: batch as usize, seq, heads, head_size };
    let mask = mask.reshape([batch, -1]).contiguous();
    let dropout = dropout_mask(layer, layer.attention_dropout, Site::Attention(layer.layer));
    let token = fused::token(head_size).filter(|_| N::KIND == Kind::BFloat16);
    match (layer.mode, token) {
        (Mode::Inference, Some(token)) => (fused_infer(token, projected, &mask, shape), None),
        (Mode::Inference, None) => (bmm::infer::<N>(projected, &mask, shape), None),
        (Mode::Training(_), Some(token)) => {
            let (context, saved) = fused_forward(token, projected, &mask, shape, dropout);
            (context, Some(SavedForBackward::Fused(saved)))
        }
        (Mode::Training(_), None) => {
            let (context, saved) = bmm::forward::<N>(projected, &mask, shape, dropout);
            (context, Some(SavedForBackward::Bmm(saved)))
        }
    }
}

/// `bf16[n, 3·hidden]` → `bf16[n, hidden]`, under the additive `mask`, `[batch, seq]`.
fn fused_infer(token: Avx512Bf16, projected: &Tensor, mask: &Tensor, shape: AttentionShape) -> Tensor {
    let mut out = empty::<bf16>(&[(shape.batch * shape.seq) as i64, shape.hidden() as i64]);
    let inputs = (as_slice(projected), as_slice(mask));
    fused::forward(token, shape, as_slice_mut(&mut out), inputs, None, None);
    out
}

/// [`fused_infer`] in training: with dropout, and what the backward pass needs.
fn fused_forward(
    token: Avx512Bf16,
    projected: &Tensor,
    mask: &Tensor,
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
) -> (Tensor, FusedSavedForBackward) {
    let seq = shape.seq as i64;
    let mut out = empty::<bf16>(&[(shape.batch * shape.seq) as i64, shape.hidden() as i64]);
    let mut probs = empty::<bf16>(&[(shape.batch * shape.heads) as i64, seq, seq]);
    let inputs = (as_slice(projected), as_slice(mask));
    let saved = Some(as_slice_mut(&mut probs));
    fused::forward(token, shape, as_slice_mut(&mut out), inputs, saved, dropout);
    let keep_scale = dropout.map_or(1.0, DropoutMask::keep_scale);
    (out, FusedSavedForBackward { token, shape, projected: projected.shallow_clone(), probs, keep_scale })
}

impl SavedForBackward {
    /// `N[n, hidden]` → `N[n, 3·hidden]`
    pub(super) fn backward<N: TensorElement>(&self, gradient: &Tensor) -> Tensor {
        match self {
            SavedForBackward::Fused(saved) => saved.backward(gradient),
            SavedForBackward::Bmm(saved) => saved.backward::<N>(gradient),
        }
    }
}

impl FusedSavedForBackward {
    /// `bf16[n, hidden]` → `bf16[n, 3·hidden]`
    fn backward(&self, gradient: &Tensor) -> Tensor {
        let mut out = empty::<bf16>(&self.projected.size());
        let input = fused::BackwardInput {
            projected: as_slice(&self.projected),
            probs: as_slice(&self.probs),
            gradient: as_slice(gradient),
            keep_scale: self.keep_scale,
        };
        fused::backward(self.token, self.shape, as_slice_mut(&mut out), &input);
        out
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::nn::dropout::MaskKey;

    const BATCH: usize = 3;
    const HEADS: usize = 2;

    /// The last token of the first batch element is masked where there are others.
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
    fn check(token: Avx512Bf16, [seq, head_size]: [usize; 2], dropout: Option<DropoutMask>) {
        let what = format!("{seq} tokens, {head_size} wide, {dropout:?}");
        let shape = AttentionShape { batch: BATCH, seq, heads: HEADS, head_size };
        let (rows, hidden) = ((BATCH * seq) as i64, shape.hidden() as i64);
        let random = |columns| Tensor::randn([rows, columns], (Kind::BFloat16, Device::Cpu));
        let (projected, gradient, mask) = (random(3 * hidden), random(hidden), mask(seq));
        let exact = |tensor: &Tensor| tensor.to_kind(Kind::Float);
        let (expect, plain) = bmm::forward::<f32>(&exact(&projected), &mask, shape, dropout);
        let expect_gradient = plain.backward::<f32>(&exact(&gradient));
        let (context, saved) = fused_forward(token, &projected, &mask, shape, dropout);
        check_near(&context, &expect, &what);
        check_near(&saved.backward(&gradient), &expect_gradient, &what);
        let inferred = fused_infer(token, &projected, &mask, shape);
        check_near(&inferred, &bmm::infer::<f32>(&exact(&projected), &mask, shape), &what);
        let (context, saved) = bmm::forward::<bf16>(&projected, &mask, shape, dropout);
        check_near(&context, &expect, &what);
        check_near(&saved.backward::<bf16>(&gradient), &expect_gradient, &what);
    }

    #[test]
    fn fused_attention_equals_batched_products() {
        let Some(token) = Avx512Bf16::detect() else {
            eprintln!("skipped: this processor does not have AVX512-BF16");
            return;
        };
        tch::manual_seed(7);
        let dropout = MaskKey { seed: 7, step: 1, part: 0 }.mask(Site::Attention(0), 0.1);
        for size in [[1, 32], [2, 2], [5, 20], [16, 64], [33, 80], [70, 32], [131, 130]] {
            check(token, size, None);
            check(token, size, Some(dropout));
        }
    }
}
