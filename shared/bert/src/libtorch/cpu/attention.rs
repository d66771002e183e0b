//! Scaled dot-product attention over heads (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>).

use tch::Tensor;

use super::row_masks;
use super::softmax::Weights;
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::layers::Mode;
use crate::libtorch::memory::{Number, empty};

/// What the backward pass needs: `N[batch·heads, seq, width]` each.
pub(super) struct Heads {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: Weights,
}

/// `N[n, 3·hidden]`: query, key and value side by side → `N[n, hidden]`, and in training what its backward pass needs.
pub(super) fn forward<N: Number>(
    projected: &Tensor,
    mask: &Tensor,
    shape: &LayerShape,
) -> (Tensor, Option<Heads>) {
    let (size, batch) = (projected.size(), mask.size()[0]);
    let (seq, hidden, count) = (size[0] / batch, size[1] / 3, shape.heads as i64);
    let width = hidden / count;
    let all = projected.view([batch, seq, 3, count, width]).permute([2, 0, 3, 1, 4]);
    let joined = |context: Tensor| context.transpose(1, 2).reshape([batch * seq, hidden]);
    if matches!(shape.mode, Mode::Inference) {
        // One pass, with scores in float32 and never all of them in memory.
        let [query, key, value] = [0, 1, 2].map(|part| all.get(part));
        let mask = Some(mask.to_kind(N::KIND));
        let context =
            Tensor::scaled_dot_product_attention(&query, &key, &value, mask, 0.0, false, None, false);
        return (joined(context), None);
    }
    let all = all.contiguous();
    let [query, key, value] = [0, 1, 2].map(|part| all.get(part).view([batch * count, seq, width]));
    let masks = row_masks(shape, shape.attention_dropout, Site::Attention(shape.layer));
    let scores = query.bmm(&key.transpose(1, 2));
    let scale = 1.0 / (width as f32).sqrt();
    let weights = Weights::of::<N>(scores, &mask.reshape([batch, seq]).contiguous(), scale, masks);
    let context = weights.dropped::<N>().bmm(&value).view([batch, count, seq, width]);
    (joined(context), Some(Heads { query, key, value, weights }))
}

impl Heads {
    /// `N[n, hidden]` → `N[n, 3·hidden]`
    pub(super) fn backward<N: Number>(&self, context: &Tensor, shape: &LayerShape) -> Tensor {
        let size = self.query.size();
        let (seq, width, count) = (size[1], size[2], shape.heads as i64);
        let batch = size[0] / count;
        let context = context.view([batch, seq, count, width]).transpose(1, 2).reshape(&size);
        let value = self.weights.dropped::<N>().transpose(1, 2).bmm(&context);
        let weights = context.bmm(&self.value.transpose(1, 2));
        let scores = self.weights.backward::<N>(weights);
        let query = scores.bmm(&self.key);
        let key = scores.transpose(1, 2).bmm(&self.query);
        let projected = empty::<N>(&[batch, seq, 3, count, width]);
        for (part, gradient) in (0..).zip([query, key, value]) {
            let gradient = gradient.view([batch, count, seq, width]).transpose(1, 2);
            projected.select(2, part).copy_(&gradient);
        }
        projected.view([batch * seq, 3 * count * width])
    }
}
