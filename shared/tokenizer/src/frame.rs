//! The special tokens around one or two texts.

use std::array;

use shared::tokens::Framed;
use tokenizers::{Encoding, Token, Tokenizer};

/// The special tokens before, between and after texts. They do not depend on the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame<const TEXTS: usize> {
    slots: [Slot; TEXTS],
    after: Vec<SpecialToken>,
}

/// The place of one text in the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    /// The special tokens directly before the text.
    before: Vec<SpecialToken>,
    /// The type id of the text's own tokens.
    type_id: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SpecialToken {
    id: u32,
    type_id: u32,
}

impl<const TEXTS: usize> Frame<TEXTS> {
    /// Finds the frame by passing marker tokens through the tokenizer's post-processor. `tokenizer` must not truncate. Type
    /// ids without an embedding become the last one that has an embedding.
    ///
    /// None where the tokenizer does not use every text exactly once and in order.
    pub(crate) fn of(tokenizer: &Tokenizer, type_vocab_size: u32) -> Option<Frame<TEXTS>> {
        let markers: [u32; TEXTS] = array::from_fn(|text| u32::MAX - text as u32);
        let mut texts = markers.iter().zip(0..).map(|(&id, type_id)| {
            Encoding::from_tokens(vec![Token::new(id, String::new(), (0, 0))], type_id)
        });
        let framed = tokenizer.post_process(texts.next()?, texts.next(), true).ok()?;
        let last_type = type_vocab_size.saturating_sub(1);
        let typed = |(&id, &type_id): (&u32, &u32)| SpecialToken { id, type_id: type_id.min(last_type) };
        let tokens: Vec<SpecialToken> =
            framed.get_ids().iter().zip(framed.get_type_ids()).map(typed).collect();
        let is_marker = |token: &SpecialToken| markers.contains(&token.id);
        let found = || tokens.iter().copied().filter(is_marker);
        if !found().map(|token| token.id).eq(markers) {
            return None;
        }
        let mut parts = tokens.split(is_marker).map(<[SpecialToken]>::to_vec);
        let slots = found().zip(parts.by_ref()).map(|(text, before)| Slot { before, type_id: text.type_id });
        Some(Frame { slots: slots.collect::<Vec<_>>().try_into().ok()?, after: parts.next()? })
    }

    /// The special tokens, in their order.
    pub(crate) fn special(&self) -> impl Iterator<Item = u32> + '_ {
        let before = self.slots.iter().flat_map(|slot| &slot.before);
        before.chain(&self.after).map(|token| token.id)
    }

    /// The number of special tokens.
    pub(crate) fn len(&self) -> usize {
        self.special().count()
    }

    /// Puts the frame around the ids of `texts`.
    pub(crate) fn around(&self, texts: [&[u32]; TEXTS]) -> Framed<TEXTS> {
        let length = self.len() + texts.iter().map(|text| text.len()).sum::<usize>();
        let (mut ids, mut type_ids) = (Vec::with_capacity(length), Vec::with_capacity(length));
        let mut starts = [0; TEXTS];
        for ((slot, text), start) in self.slots.iter().zip(texts).zip(&mut starts) {
            ids.extend(slot.before.iter().map(|token| token.id));
            type_ids.extend(slot.before.iter().map(|token| token.type_id));
            *start = ids.len();
            ids.extend_from_slice(text);
            type_ids.resize(ids.len(), slot.type_id);
        }
        ids.extend(self.after.iter().map(|token| token.id));
        type_ids.extend(self.after.iter().map(|token| token.type_id));
        Framed { ids, type_ids, starts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;
    use tokenizers::processors::template::TemplateProcessing;

    fn tokenizer(model: &Model) -> Tokenizer {
        Tokenizer::from_file(model.path().join(shared::layout::hub::TOKENIZER)).unwrap()
    }

    fn with_templates(single: &str, pair: &str) -> Tokenizer {
        let special = vec![("<s>", 0), ("</s>", 2)];
        let mut builder = TemplateProcessing::builder();
        let builder = builder.try_single(single).unwrap().try_pair(pair).unwrap();
        let processor = builder.special_tokens(special).build().unwrap();
        tokenizer(&Model::unigram(|tokenizer| {
            tokenizer.with_post_processor(Some(processor));
        }))
    }

    fn check(tokenizer: &Tokenizer, type_vocab_size: u32, ids: &[u32], type_ids: &[u32], starts: [usize; 2]) {
        let frame = Frame::of(tokenizer, type_vocab_size).unwrap();
        let expect = Framed { ids: ids.to_vec(), type_ids: type_ids.to_vec(), starts };
        assert_eq!(frame.around([&[7, 8], &[9]]), expect);
        assert_eq!(frame.len(), ids.len() - 3);
    }

    #[test]
    fn two_texts_have_the_types_of_their_tokenizer() {
        let bert = tokenizer(&Model::tokenizer_json(|_| ()));
        check(&bert, 2, &[2, 7, 8, 3, 9, 3], &[0, 0, 0, 0, 1, 1], [1, 4]);
        let roberta = tokenizer(&Model::unigram(|_| ()));
        check(&roberta, 2, &[0, 7, 8, 2, 2, 9, 2], &[0; 7], [1, 5]);
    }

    #[test]
    fn type_ids_stay_below_the_models_type_vocab_size() {
        let bert = tokenizer(&Model::tokenizer_json(|_| ()));
        check(&bert, 1, &[2, 7, 8, 3, 9, 3], &[0; 6], [1, 4]);
    }

    #[test]
    fn a_tokenizer_may_have_no_special_tokens() {
        let bare = tokenizer(&Model::unigram(|tokenizer| {
            tokenizer.with_post_processor(None::<TemplateProcessing>);
        }));
        check(&bare, 2, &[7, 8, 9], &[0, 0, 1], [0, 2]);
    }

    #[test]
    fn repeated_or_reversed_texts_have_no_frame() {
        let templates = with_templates("<s> $A </s> $A", "<s> $B $A");
        assert_eq!(Frame::<1>::of(&templates, 2), None);
        assert_eq!(Frame::<2>::of(&templates, 2), None);
    }
}
