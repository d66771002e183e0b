//! The masking of tokens for a masked language model (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>).

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use shared::config::{Config, MaskedLmConfig, MaskedUnit};
use shared::fault::Fault;
use shared::metadata::TokenizeMetadata;
use shared::schema::{Features, Targets};
use shared::task::OutputLayer;

/// The share of masked tokens, and the unit of masking.
#[derive(Debug, Clone, PartialEq)]
pub struct Masking {
    /// The share of a row's tokens, special tokens excluded; at least one token is masked.
    pub probability: f64,
    pub unit: MaskedUnit,
    pub mask_token_id: i32,
    /// Tokens that are never masked.
    pub special_ids: Vec<i32>,
    pub seed: u64,
}

/// Tenths of the masked tokens that become `[MASK]`; one tenth becomes a random token, one stays (Devlin et al., 2019).
const MASKS_OF_TEN: u32 = 8;

/// The stretch of the random stream that belongs to a row: longer than its tokens can use.
const STRIDE: u128 = 1 << 20;

impl Masking {
    /// Reads the masking of a run; none where its task masks nothing.
    ///
    /// # Errors
    /// A [`Fault::input`] where the vocabulary has no mask token.
    pub fn of(config: &Config, metadata: &TokenizeMetadata) -> Result<Option<Masking>> {
        if config.task.output_layer() != OutputLayer::Vocabulary {
            return Ok(None);
        }
        let MaskedLmConfig { probability, unit } = config.masked_lm;
        let maskless = || {
            Fault::input("the model's tokenizer has no mask token; take a model that was trained with one")
        };
        let special_ids = metadata.special_token_ids.iter().map(|&id| i32::try_from(id));
        Ok(Some(Masking {
            probability,
            unit,
            mask_token_id: i32::try_from(metadata.mask_token_id.with_context(maskless)?)?,
            special_ids: special_ids.collect::<Result<_, _>>()?,
            seed: config.seed,
        }))
    }

    /// Masks tokens of the row. Its targets are the masked tokens, and [`Targets::IGNORED`] everywhere else. The choice follows
    /// from the seed, the epoch and the row's number in its dataset, not from its batch.
    ///
    /// # Errors
    /// A [`Fault::input`] where the features lack the starts of words.
    pub(crate) fn hide(
        &self,
        row: &Features,
        number: u64,
        epoch: u64,
        vocabulary: usize,
    ) -> Result<Features> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch);
        rng.set_word_pos(u128::from(number) * STRIDE);
        let mut hidden = row.clone();
        let mut truths = vec![Targets::IGNORED; row.input_ids.len()];
        for token in self.chosen(row, &mut rng)?.into_iter().flatten() {
            truths[token] = i64::from(row.input_ids[token]);
            hidden.input_ids[token] = match rng.random_range(0..10) {
                draw if draw < MASKS_OF_TEN => self.mask_token_id,
                MASKS_OF_TEN => i32::try_from(rng.random_range(0..vocabulary as u64))?,
                _ => row.input_ids[token],
            };
        }
        hidden.targets = Targets::Tags(truths);
        Ok(hidden)
    }

    /// The tokens to hide, unit by unit.
    fn chosen(&self, row: &Features, rng: &mut impl Rng) -> Result<Vec<Range<usize>>> {
        let mut units = self.units(row)?;
        let tokens: usize = units.iter().map(Range::len).sum();
        units.shuffle(rng);
        let wanted = ((tokens as f64 * self.probability).round() as usize).max(1);
        let mut count = 0;
        let mut fits = |unit: &Range<usize>| {
            // The first in any case: there may be no word as short as a short text's share.
            let fits = count == 0 || count + unit.len() <= wanted;
            count += if fits { unit.len() } else { 0 };
            fits
        };
        units.retain(|unit| fits(unit));
        Ok(units)
    }

    fn units(&self, row: &Features) -> Result<Vec<Range<usize>>> {
        let id = &row.example_id;
        let Targets::Words(starts) = &row.targets else {
            return Err(Fault::input(format!("example {id} does not say where its words begin")))
                .context("no token can be masked");
        };
        ensure!(starts.len() == row.input_ids.len(), Fault::input(format!("example {id} is damaged")));
        let mut units: Vec<Range<usize>> = Vec::new();
        for (token, (id, &starts)) in row.input_ids.iter().zip(starts).enumerate() {
            if self.special_ids.contains(id) {
                continue;
            }
            match units.last_mut() {
                Some(word) if self.unit == MaskedUnit::Word && !starts && word.end == token => {
                    word.end += 1;
                }
                _ => units.push(token..token + 1),
            }
        }
        Ok(units)
    }
}

/// A row whose targets stand at the mask tokens of its text; the true tokens are unknown.
pub(crate) fn asking_for(mask_token_id: i32, row: &Features) -> Features {
    let target = |&id: &i32| if id == mask_token_id { i64::from(id) } else { Targets::IGNORED };
    Features { targets: Targets::Tags(row.input_ids.iter().map(target).collect()), ..row.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: i32 = 4;
    const VOCABULARY: usize = 1000;

    fn masking(unit: MaskedUnit) -> Masking {
        Masking { probability: 0.15, unit, mask_token_id: MASK, special_ids: vec![2, 3], seed: 7 }
    }

    /// `[CLS]`, words of three pieces each, `[SEP]`.
    fn row(words: usize) -> Features {
        let tokens = 3 * words as i32;
        let starts = (0..3 * words).map(|token| token % 3 == 0);
        Features {
            example_id: "a".into(),
            input_ids: [2].into_iter().chain(100..100 + tokens).chain([3]).collect(),
            token_type_ids: vec![0; 3 * words + 2],
            targets: Targets::Words([true].into_iter().chain(starts).chain([true]).collect()),
            offsets: Vec::new(),
        }
    }

    fn hide(masking: &Masking, words: usize, number: u64, epoch: u64) -> (Vec<i32>, Vec<i64>) {
        let hidden = masking.hide(&row(words), number, epoch, VOCABULARY).unwrap();
        let Targets::Tags(truths) = hidden.targets else { panic!("{:?}", hidden.targets) };
        (hidden.input_ids, truths)
    }

    #[test]
    fn a_mask_follows_from_seed_epoch_and_row() {
        let masking = masking(MaskedUnit::Token);
        let expect = hide(&masking, 40, 5, 3);
        assert_eq!(hide(&masking, 40, 5, 3), expect);
        assert_ne!(hide(&masking, 40, 6, 3), expect);
        assert_ne!(hide(&masking, 40, 5, 4), expect);
        assert_ne!(hide(&Masking { seed: 8, ..masking }, 40, 5, 3), expect);
    }

    #[test]
    fn so_many_tokens_are_hidden_and_eight_of_ten_by_a_mask() {
        let (masking, original) = (masking(MaskedUnit::Token), row(40).input_ids);
        let (mut hidden, mut masks, mut kept) = (0, 0, 0);
        for number in 0..500 {
            let (ids, truths) = hide(&masking, 40, number, 0);
            let found = truths.iter().zip(&ids).zip(&original).filter(|((truth, _), _)| **truth >= 0);
            for ((&truth, &id), &original) in found.clone() {
                assert_eq!(truth, i64::from(original));
                masks += i32::from(id == MASK);
                kept += i32::from(id == original);
            }
            assert_eq!(found.count(), 18, "15 % of 120");
            hidden += 18;
            assert!(ids.iter().zip(&truths).zip(&original).all(|((id, &truth), o)| truth >= 0 || id == o));
            assert_eq!((truths[0], truths[121]), (Targets::IGNORED, Targets::IGNORED));
        }
        let near = |count: i32, share: f64| (f64::from(count) / f64::from(hidden) - share).abs() < 0.02;
        assert!(near(masks, 0.8) && near(kept, 0.1), "{masks} masks and {kept} kept of {hidden}");
    }

    #[test]
    fn words_are_hidden_whole() {
        for number in 0..100 {
            let (_, truths) = hide(&masking(MaskedUnit::Word), 40, number, 0);
            assert_eq!(truths.iter().filter(|&&truth| truth >= 0).count(), 18);
            let whole = |word: &[i64]| word.iter().all(|&t| t >= 0) || word.iter().all(|&t| t < 0);
            assert!(truths[1..121].chunks(3).all(whole));
        }
    }

    #[test]
    fn of_a_short_text_something_is_hidden_and_of_nothing_nothing() {
        let count =
            |unit, words| hide(&masking(unit), words, 0, 0).1.into_iter().filter(|&truth| truth >= 0).count();
        assert_eq!((count(MaskedUnit::Token, 1), count(MaskedUnit::Word, 1)), (1, 3));
        assert_eq!((count(MaskedUnit::Token, 0), count(MaskedUnit::Word, 0)), (0, 0));
    }

    #[test]
    fn rows_without_words_are_refused() {
        let row = Features { targets: Targets::Unknown, ..row(1) };
        let error = masking(MaskedUnit::Token).hide(&row, 0, 0, VOCABULARY).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
    }
}
