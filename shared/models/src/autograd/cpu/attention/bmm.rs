//! Attention by batched products of libtorch's.

use kernels::DropoutMask;
use kernels::attention::{AttentionShape, softmax};
use tch::Tensor;

use crate::autograd::slices::{TensorElement, as_slice, as_slice_mut, empty};

/// The values of the forward pass that the backward pass needs.
pub(in crate::autograd::cpu) struct SavedForBackward {
    shape: AttentionShape,
    /// `N[batch·heads, seq, head_size]` each.
    query: Tensor,
    key: Tensor,
    value: Tensor,
    /// `N[batch·heads, seq, seq]`; dropped probabilities have their sign bit set.
    probs: Tensor,
    dropout: Option<DropoutMask>,
}

/// `[batch, seq, heads, head_size]`
fn sizes(shape: AttentionShape) -> [i64; 4] {
    [shape.batch, shape.seq, shape.heads, shape.head_size].map(|size| size as i64)
}

/// `N[n, 3·hidden]` → `[3, batch, heads, seq, head_size]`
fn split_heads(projected: &Tensor, shape: AttentionShape) -> Tensor {
    let [batch, seq, heads, head_size] = sizes(shape);
    projected.view([batch, seq, 3, heads, head_size]).permute([2, 0, 3, 1, 4])
}

/// `N[batch, heads, seq, head_size]` → `N[n, hidden]`
fn join_heads(context: &Tensor) -> Tensor {
    context.transpose(1, 2).flatten(2, 3).flatten(0, 1).contiguous()
}

/// `N[n, 3·hidden]` → `N[n, hidden]`, under the additive `mask`, `[batch, seq]`; by libtorch's fused operation, which never
/// has all scores in memory.
pub(super) fn infer<N: TensorElement>(projected: &Tensor, mask: &Tensor, shape: AttentionShape) -> Tensor {
    let [query, key, value] = [0, 1, 2].map(|part| split_heads(projected, shape).get(part));
    let mask = Some(mask.to_kind(N::KIND).unsqueeze(1).unsqueeze(1));
    join_heads(&Tensor::scaled_dot_product_attention(&query, &key, &value, mask, 0.0, false, None, false))
}

/// [`infer`] in training: with dropout, and what the backward pass needs.
pub(super) fn forward<N: TensorElement>(
    projected: &Tensor,
    mask: &Tensor,
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
) -> (Tensor, SavedForBackward) {
    let [batch, seq, heads, head_size] = sizes(shape);
    let all = split_heads(projected, shape).contiguous();
    let [query, key, value] = [0, 1, 2].map(|part| all.get(part).view([batch * heads, seq, head_size]));
    let mut probs = query.bmm(&key.transpose(1, 2));
    softmax::forward::<N>(as_slice_mut(&mut probs), as_slice(mask), shape, dropout);
    let saved = SavedForBackward { shape, query, key, value, probs, dropout };
    let context = saved.dropped_probs::<N>().bmm(&saved.value).view([batch, heads, seq, head_size]);
    (join_heads(&context), saved)
}

impl SavedForBackward {
    /// The probabilities after dropout.
    fn dropped_probs<N: TensorElement>(&self) -> Tensor {
        let Some(dropout) = self.dropout else { return self.probs.shallow_clone() };
        let mut dropped = empty::<N>(&self.probs.size());
        softmax::apply_dropout::<N>(as_slice_mut(&mut dropped), as_slice(&self.probs), dropout);
        dropped
    }

    /// `N[n, hidden]` → `N[n, 3·hidden]`
    pub(super) fn backward<N: TensorElement>(&self, gradient: &Tensor) -> Tensor {
        let [batch, seq, heads, head_size] = sizes(self.shape);
        let context =
            gradient.view([batch, seq, heads, head_size]).transpose(1, 2).reshape(self.query.size());
        let value = self.dropped_probs::<N>().transpose(1, 2).bmm(&context);
        let mut scores = context.bmm(&self.value.transpose(1, 2));
        softmax::backward::<N>(as_slice_mut(&mut scores), as_slice(&self.probs), self.shape, self.dropout);
        let query = scores.bmm(&self.key);
        let key = scores.transpose(1, 2).bmm(&self.query);
        let projected = empty::<N>(&[batch, seq, 3, heads, head_size]);
        for (part, gradient) in (0..).zip([query, key, value]) {
            let gradient = gradient.view([batch, heads, seq, head_size]).transpose(1, 2);
            projected.select(2, part).copy_(&gradient);
        }
        projected.view([batch * seq, 3 * heads * head_size])
    }
}
