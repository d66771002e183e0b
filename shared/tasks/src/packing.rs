//! Short rows put together, so that a model learns from whole windows.

use super::Encoded;
use shared::schema::Targets;
use shared::tokens::Tokenizer;

/// Rows one behind the other, as many as `max_seq_length` takes: `[CLS] a [SEP] b [SEP]`, the FULL-SENTENCES of RoBERTa
/// (Liu et al., 2019, <https://arxiv.org/abs/1907.11692>), which go beyond a document's end. No row is cut. One that
/// is made of several has the id of the first.
pub(super) fn full_sentences(rows: Vec<Encoded>, tokenizer: &dyn Tokenizer) -> Vec<Encoded> {
    let [before] = tokenizer.frame(&[]).starts;
    let mut packed: Vec<Encoded> = Vec::with_capacity(rows.len());
    for row in rows {
        let added = row.features.input_ids.len().saturating_sub(before);
        match packed.last_mut() {
            Some(last) if last.features.input_ids.len() + added <= tokenizer.max_seq_length() => {
                append(last, row, before);
            }
            _ => packed.push(row),
        }
    }
    packed
}

/// Puts `row`, without the `before` special tokens that it begins with, behind `last`.
fn append(last: &mut Encoded, row: Encoded, before: usize) {
    last.features.input_ids.extend(row.features.input_ids.into_iter().skip(before));
    last.features.token_type_ids.extend(row.features.token_type_ids.into_iter().skip(before));
    if let (Targets::Words(starts), Targets::Words(more)) = (&mut last.features.targets, row.features.targets)
    {
        starts.extend(more.into_iter().skip(before));
    }
    last.pieces += row.pieces;
    last.unknown += row.unknown;
    last.truncated |= row.truncated;
}
