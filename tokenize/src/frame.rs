//! The special tokens around a text.

use tokenizers::Tokenizer;

/// What a tokenizer puts before and after every text, as pairs of id and type id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    before: Vec<(u32, u32)>,
    after: Vec<(u32, u32)>,
    /// The type id of the text's own tokens.
    type_id: u32,
}

impl Frame {
    /// Finds the frame by example. `tokenizer` must not truncate. None where there are no special tokens, or some
    /// between those of the text.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Option<Frame> {
        let bare = tokenizer.encode_fast("가", false).ok()?;
        let framed = tokenizer.encode_fast("가", true).ok()?;
        let is_special = framed.get_special_tokens_mask();
        let pairs: Vec<(u32, u32)> =
            framed.get_ids().iter().copied().zip(framed.get_type_ids().iter().copied()).collect();
        let start = is_special.iter().position(|&special| special == 0)?;
        let (before, rest) = pairs.split_at_checked(start)?;
        let (text, after) = rest.split_at_checked(bare.len())?;
        let (&(_, type_id), ids) = (text.first()?, text.iter().map(|&(id, _)| id));
        let is_frame = ids.eq(bare.get_ids().iter().copied()) && !(before.is_empty() && after.is_empty());
        is_frame.then(|| Frame { before: before.to_vec(), after: after.to_vec(), type_id })
    }

    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The ids of a text and their type ids, with the frame around them.
    pub(crate) fn around(&self, text: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let text = text.iter().map(|&id| (id, self.type_id));
        self.before.iter().copied().chain(text).chain(self.after.iter().copied()).unzip()
    }
}
