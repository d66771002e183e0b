//! Packing of short rows, so that a model is trained on full windows.

use shared::schema::Targets;
use shared::tokens::Tokenizer;

use super::Encoded;

/// Packs consecutive rows into rows of at most `max_seq_length` tokens: `[CLS] a [SEP] b [SEP]`. This is FULL-SENTENCES of
/// RoBERTa (Liu et al., 2019, <https://arxiv.org/abs/1907.11692>), which crosses the ends of documents. No row is split. A
/// packed row has the id of its first example.
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

/// Appends `row`, without its first `before` special tokens, to `last`.
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
