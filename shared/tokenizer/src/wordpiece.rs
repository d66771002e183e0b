//! BERT's WordPiece tokenizer from `vocab.txt`, as `transformers`' `BertTokenizerFast` builds it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result};
use shared::fault::Fault;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::model_files::TokenizerConfig;

/// Reads one token a line from `path`; a token's id is its line number from 0.
///
/// # Errors
/// A [`Fault::input`] where the file is unreadable or lacks a special token.
pub(crate) fn from_vocab(path: &Path, config: &TokenizerConfig) -> Result<Tokenizer> {
    let unreadable = || Fault::input(format!("cannot read the vocabulary {}", path.display()));
    let lines = fs::read(path).with_context(unreadable)?;
    let vocab = WordPiece::read_bytes(&lines).map_err(Error::from_boxed).with_context(unreadable)?;
    let special = |token: &str| {
        let missing = || Fault::input(format!("{} lacks the special token {token}", path.display()));
        Ok::<_, Error>((token.to_owned(), *vocab.get(token).with_context(missing)?))
    };
    let (unknown, _) = special(config.unk_token.as_str())?;
    let separators =
        BertProcessing::new(special(config.sep_token.as_str())?, special(config.cls_token.as_str())?);
    let in_text: Vec<AddedToken> = special_tokens(config)
        .filter(|token| vocab.contains_key(*token))
        .map(|token| AddedToken::from(token, true).normalized(false))
        .collect();
    let model = WordPiece::builder().vocab(vocab).unk_token(unknown).build().map_err(Error::from_boxed)?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(normalizer(config))).map_err(Error::from_boxed)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(separators));
    // A special token that stands in a text is that token, not its letters.
    tokenizer.add_special_tokens(in_text).map_err(Error::from_boxed)?;
    Ok(tokenizer)
}

fn normalizer(config: &TokenizerConfig) -> BertNormalizer {
    BertNormalizer::new(true, config.tokenize_chinese_chars, config.strip_accents, config.do_lower_case)
}

fn special_tokens(config: &TokenizerConfig) -> impl Iterator<Item = &str> {
    let pad = config.pad_token.as_ref().map_or("[PAD]", |token| token.as_str());
    let others = [&config.unk_token, &config.cls_token, &config.sep_token, &config.mask_token];
    others.into_iter().map(|token| token.as_str()).chain([pad])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// What a Korean model has: stripping accents would take Hangul syllables apart.
    const CASED: &str = r#"{"do_lower_case": false}"#;

    fn check(config: &str, text: &str, expect: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let vocab = folder.path().join("vocab.txt");
        fs::write(&vocab, fixture::VOCAB).unwrap();
        let tokenizer = from_vocab(&vocab, &serde_json::from_str(config).unwrap()).unwrap();
        let encoding = tokenizer.encode(text, true).unwrap();
        assert_eq!(encoding.get_tokens(), expect, "{text:?} with {config}");
    }

    #[test]
    fn words_become_their_longest_pieces() {
        check(CASED, "영화가 좋다!", &["[CLS]", "영화", "##가", "좋다", "!", "[SEP]"]);
        check(CASED, "", &["[CLS]", "[SEP]"]);
        check(CASED, "영화뷁", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn letters_keep_their_case_where_the_config_says_so() {
        check("{}", "GOOD", &["[CLS]", "good", "[SEP]"]);
        check(CASED, "GOOD", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn accents_go_with_the_case_unless_told_otherwise() {
        check("{}", "góod", &["[CLS]", "good", "[SEP]"]);
        check(r#"{"strip_accents": false}"#, "góod", &["[CLS]", "[UNK]", "[SEP]"]);
        check(CASED, "góod", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn chinese_characters_are_words_unless_told_otherwise() {
        check("{}", "美国", &["[CLS]", "美", "国", "[SEP]"]);
        check(r#"{"tokenize_chinese_chars": false}"#, "美国", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn a_special_token_in_a_text_is_itself() {
        check(CASED, "좋다[MASK]", &["[CLS]", "좋다", "[MASK]", "[SEP]"]);
    }

    #[test]
    fn a_vocabulary_without_its_special_tokens_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let vocab = folder.path().join("vocab.txt");
        fs::write(&vocab, "[PAD]\n[UNK]\n[CLS]\n").unwrap();
        let error = from_vocab(&vocab, &TokenizerConfig::default()).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("lacks the special token [SEP]"), "{error:#}");
    }
}
