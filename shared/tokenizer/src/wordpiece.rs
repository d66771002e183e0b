//! BERT's WordPiece tokenizer from `vocab.txt`, as `transformers`' `BertTokenizerFast` builds it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result};
use shared::fault::Fault;
use tokenizers::Tokenizer;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use crate::settings::{NormalizerOptions, Settings};

/// Reads one token from every line of `path`; its id is the number of the line, counted from 0. The tokenizer does not find
/// special tokens in texts until they are added.
///
/// # Errors
/// A [`Fault::input`] where the file is unreadable or lacks a special token.
pub(crate) fn from_vocab(path: &Path, settings: &Settings) -> Result<Tokenizer> {
    let unreadable = || Fault::input(format!("cannot read the vocabulary {}", path.display()));
    let lines = fs::read(path).with_context(unreadable)?;
    let vocab = WordPiece::read_bytes(&lines).map_err(Error::from_boxed).with_context(unreadable)?;
    let special = |key: &str| {
        let token = settings.named(key).unwrap_or_default();
        let missing = || Fault::input(format!("{} lacks the special token {token}", path.display()));
        Ok::<_, Error>((token.to_owned(), *vocab.get(token).with_context(missing)?))
    };
    let (unknown, _) = special("unk_token")?;
    let separators = BertProcessing::new(special("sep_token")?, special("cls_token")?);
    let model = WordPiece::builder().vocab(vocab).unk_token(unknown).build().map_err(Error::from_boxed)?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(normalizer(settings.normalizer))).map_err(Error::from_boxed)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(separators));
    tokenizer.with_decoder(Some(WordPieceDecoder::default()));
    Ok(tokenizer)
}

fn normalizer(options: NormalizerOptions) -> BertNormalizer {
    let NormalizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars } = options;
    BertNormalizer::new(true, tokenize_chinese_chars, strip_accents, do_lower_case)
}

#[cfg(test)]
mod tests {
    use crate::files::TokenizerFiles;
    use crate::fixture::Model;
    use crate::loaded::LoadedTokenizer;
    use shared::layout::hub;

    /// The setting of Korean models: stripping accents would decompose Hangul syllables.
    const CASED: &str = r#"{"do_lower_case": false}"#;

    fn check(config: &str, text: &str, expect: &[&str]) {
        let model = Model::word_piece();
        model.write(hub::TOKENIZER_CONFIG, config);
        let tokenizer = LoadedTokenizer::read(&TokenizerFiles::in_folder(model.path())).unwrap().tokenizer;
        let encoding = tokenizer.encode(text, true).unwrap();
        assert_eq!(encoding.get_tokens(), expect, "{text:?} with {config}");
    }

    #[test]
    fn words_are_split_into_their_longest_pieces() {
        check(CASED, "영화가 좋다!", &["[CLS]", "영화", "##가", "좋다", "!", "[SEP]"]);
        check(CASED, "", &["[CLS]", "[SEP]"]);
        check(CASED, "영화뷁", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn letters_keep_their_case_in_a_cased_model() {
        check("{}", "GOOD", &["[CLS]", "good", "[SEP]"]);
        check(CASED, "GOOD", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn accents_are_stripped_with_lower_casing_by_default() {
        check("{}", "góod", &["[CLS]", "good", "[SEP]"]);
        check(r#"{"strip_accents": false}"#, "góod", &["[CLS]", "[UNK]", "[SEP]"]);
        check(CASED, "góod", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn chinese_characters_are_words_by_default() {
        check("{}", "美国", &["[CLS]", "美", "国", "[SEP]"]);
        check(r#"{"tokenize_chinese_chars": false}"#, "美国", &["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn a_special_token_in_a_text_is_one_token() {
        check(CASED, "좋다[MASK]", &["[CLS]", "좋다", "[MASK]", "[SEP]"]);
    }

    #[test]
    fn a_vocabulary_without_its_special_tokens_is_refused() {
        let model = Model::word_piece();
        model.write(hub::VOCAB, "[PAD]\n[UNK]\n[CLS]\n");
        let Err(error) = LoadedTokenizer::read(&TokenizerFiles::in_folder(model.path())) else {
            panic!("it was accepted")
        };
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("lacks the special token [SEP]"), "{error:#}");
    }
}
