//! Scaled dot-product attention over heads (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>): fused in bfloat16, and
//! the softmax passes between batched products of any origin.

pub mod fused;
pub mod softmax;

/// The sizes of an attention: queries, keys and values are `[batch, seq, heads, head_size]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// The number of batch elements.
    pub batch: usize,
    /// Positions of each of them.
    pub seq: usize,
    /// The number of heads.
    pub heads: usize,
    /// The width of one head.
    pub head_size: usize,
}

impl AttentionShape {
    /// `heads · head_size`
    pub fn hidden(self) -> usize {
        self.heads * self.head_size
    }

    /// The factor of the scores, `1 / √head_size`.
    pub fn scale(self) -> f32 {
        1.0 / (self.head_size as f32).sqrt()
    }
}
