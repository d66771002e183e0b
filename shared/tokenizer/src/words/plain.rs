//! The characters of most Korean text: printable ASCII, Hangul syllables and compatibility letters.

use std::ops::RangeInclusive;

use super::locality::LocalNormalizer;

const ASCII: RangeInclusive<char> = '!'..='~';
const SYLLABLES: RangeInclusive<char> = '가'..='힣';
/// Single letters, as in ㅋㅋ.
const LETTERS: RangeInclusive<char> = 'ㄱ'..='ㅣ';

/// Characters that the normalizer leaves unchanged in any order and that begin no added token. The pre-tokenizer treats
/// ASCII punctuation as punctuation, and all other plain characters as letters.
pub(super) struct PlainCharacters {
    ascii: [bool; 128],
    letters: bool,
}

impl PlainCharacters {
    /// Finds the plain characters. Those that begin an `added` token are excluded. None where Hangul syllables are not
    /// plain.
    pub(super) fn of(normalizer: &LocalNormalizer, added: &[String]) -> Option<PlainCharacters> {
        let stay = |range: RangeInclusive<char>| normalizer.leaves(&range.collect::<String>());
        let begins_added = |character: char| added.iter().any(|token| token.starts_with(character));
        let mut ascii = [false; 128];
        for (flag, code) in ascii.iter_mut().zip(0_u8..) {
            let character = char::from(code);
            *flag = ASCII.contains(&character)
                && normalizer.leaves(character.encode_utf8(&mut [0; 4]))
                && !begins_added(character);
        }
        let hangul = |token: &String| {
            token.starts_with(|first| SYLLABLES.contains(&first) || LETTERS.contains(&first))
        };
        let apart = !added.iter().any(hangul);
        (apart && stay(SYLLABLES)).then(|| PlainCharacters { ascii, letters: stay(LETTERS) })
    }

    pub(super) fn has(&self, character: char) -> bool {
        match self.ascii.get(character as usize) {
            Some(&plain) => plain,
            None => SYLLABLES.contains(&character) || self.letters && LETTERS.contains(&character),
        }
    }
}
