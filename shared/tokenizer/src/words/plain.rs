//! The characters that most Korean text is made of.

use std::ops::RangeInclusive;

use super::locality::LocalNormalizer;

const ASCII: RangeInclusive<char> = '!'..='~';
const SYLLABLES: RangeInclusive<char> = '가'..='힣';
/// Letters that stand alone, as in ㅋㅋ.
const LETTERS: RangeInclusive<char> = 'ㄱ'..='ㅣ';

/// Characters that the normalizer leaves as they are, whichever of them stand beside each other, and that begin no
/// added token. Of these the pre-tokenizer takes ASCII punctuation for punctuation, the others for letters.
pub(super) struct PlainCharacters {
    ascii: [bool; 128],
    letters: bool,
}

impl PlainCharacters {
    /// None where Hangul syllables are not among them. What begins an `added` token is left out.
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
