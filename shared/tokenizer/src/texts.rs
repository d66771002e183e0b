//! Texts for the tests: fragments that are hard to tokenize, and texts of real corpora.

use std::fs;
use std::path::{Path, PathBuf};

/// Fragments of texts: words, spaces, control characters, combining characters and special tokens.
pub(crate) const FRAGMENTS: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u{a0}",
    "\u{3000}",
    "\u{2009}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{0}",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{ad}",
    "\u{fffd}",
    "\u{301}",
    "\u{345}",
    "\u{600}",
    "\u{903}",
    "\u{1161}",
    "\u{11a8}",
    "\u{302e}",
    "\u{3099}",
    "\u{fe0f}",
    "\u{1f3fb}",
    "ᄀ",
    "ᄒ",
    "한",
    "한",
    "영화",
    "영화가",
    "좋다",
    "가나다",
    "뷁",
    "ㅋㅋㅋ",
    "ㅋㅏ",
    "ㅠㅠ",
    "ㄱ",
    "a",
    "ab",
    "aba",
    "A",
    "é",
    "e\u{301}",
    "ﬁ",
    "½",
    "①",
    "ｆｕｌｌ",
    "12",
    "!",
    "...",
    "…",
    "'",
    "-",
    "_",
    "##",
    "##가",
    "[",
    "]",
    "<",
    ">",
    "·",
    "“",
    "美国",
    "豈",
    "かな",
    "が",
    "▁",
    "▁영화",
    "😀",
    "👍🏽",
    "👩‍👩‍👧",
    "🇰🇷",
    "¨",
    "´",
    "[MASK]",
    "[UNK]",
    "[CLS",
    "<mask>",
    "<unk>",
    "<s>",
    "</s>",
];

/// The path of a file or folder in the test data outside the workspace. Prints a line and returns none where it is absent.
fn test_data(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

/// The folders of real models: one with WordPiece, and one with Unigram like XLM-R.
pub(crate) fn models() -> Vec<PathBuf> {
    let models = ["mirror/huggingface.co/beomi/kcbert-base/resolve/main", "models/me5-small-ko"];
    models.into_iter().filter_map(test_data).collect()
}

/// The rows of a tab-separated file without its header; none where the file is absent.
fn rows(path: &str) -> Vec<Vec<String>> {
    let Some(path) = test_data(path) else { return Vec::new() };
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Naver movie reviews.
pub(crate) fn reviews() -> Vec<String> {
    let rows = rows("mirror/raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt");
    rows.into_iter().filter_map(|row| row.into_iter().nth(1)).collect()
}

/// Pairs of sentences of KorSTS.
pub(crate) fn pairs() -> Vec<(String, String)> {
    let rows = rows("mirror/raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-dev.tsv");
    let pair = |row: Vec<String>| {
        let mut sentences = row.into_iter().skip(5);
        Some((sentences.next()?, sentences.next()?))
    };
    rows.into_iter().filter_map(pair).collect()
}
