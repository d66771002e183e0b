//! Attention by batched products of libtorch's.

use tch::Tensor;

use super::Sizes;
use crate::dropout::RowMasks;
use crate::libtorch::cpu::softmax::Weights;
use crate::libtorch::memory::{Number, empty};

/// What the backward pass needs: `N[batch·heads, seq, width]` each.
pub(in crate::libtorch::cpu) struct Kept {
    sizes: [i64; 4],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: Weights,
}

/// `N[n, 3·hidden]` → `[3, batch, heads, seq, width]`
fn parts(projected: &Tensor, [batch, seq, heads, width]: [i64; 4]) -> Tensor {
    projected.view([batch, seq, 3, heads, width]).permute([2, 0, 3, 1, 4])
}

/// `N[batch, heads, seq, width]` → `N[n, hidden]`
fn joined(context: &Tensor) -> Tensor {
    context.transpose(1, 2).flatten(2, 3).flatten(0, 1).contiguous()
}

/// `N[n, 3·hidden]` → `N[n, hidden]`, under the additive `mask`: `[batch, seq]`. In one pass, with scores in float32 and never
/// all of them in memory.
pub(super) fn infer<N: Number>(projected: &Tensor, mask: &Tensor, sizes: Sizes) -> Tensor {
    let [query, key, value] = [0, 1, 2].map(|part| parts(projected, sizes.all()).get(part));
    let mask = Some(mask.to_kind(N::KIND).unsqueeze(1).unsqueeze(1));
    joined(&Tensor::scaled_dot_product_attention(&query, &key, &value, mask, 0.0, false, None, false))
}

/// The same in training.
pub(super) fn forward<N: Number>(
    projected: &Tensor,
    mask: &Tensor,
    sizes: Sizes,
    masks: Option<RowMasks>,
) -> (Tensor, Kept) {
    let [batch, seq, heads, width] = sizes.all();
    let all = parts(projected, sizes.all()).contiguous();
    let [query, key, value] = [0, 1, 2].map(|part| all.get(part).view([batch * heads, seq, width]));
    let scores = query.bmm(&key.transpose(1, 2));
    let weights = Weights::of::<N>(scores, mask, sizes.scale(), masks);
    let context = weights.dropped::<N>().bmm(&value).view([batch, heads, seq, width]);
    (joined(&context), Kept { sizes: sizes.all(), query, key, value, weights })
}

impl Kept {
    /// `N[n, hidden]` → `N[n, 3·hidden]`
    pub(super) fn backward<N: Number>(&self, context: &Tensor) -> Tensor {
        let [batch, seq, heads, width] = self.sizes;
        let context = context.view([batch, seq, heads, width]).transpose(1, 2).reshape(self.query.size());
        let value = self.weights.dropped::<N>().transpose(1, 2).bmm(&context);
        let weights = context.bmm(&self.value.transpose(1, 2));
        let scores = self.weights.backward::<N>(weights);
        let query = scores.bmm(&self.key);
        let key = scores.transpose(1, 2).bmm(&self.query);
        let projected = empty::<N>(&[batch, seq, 3, heads, width]);
        for (part, gradient) in (0..).zip([query, key, value]) {
            let gradient = gradient.view([batch, heads, seq, width]).transpose(1, 2);
            projected.select(2, part).copy_(&gradient);
        }
        projected.view([batch * seq, 3 * heads * width])
    }
}
