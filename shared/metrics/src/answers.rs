//! Exact match and character F1 of answers, as `evaluate-v1.0.py` of KorQuAD computes them.
//!
//! That script differs from the one of SQuAD 1.1 in two ways: Korean quotation marks and brackets separate words, and F1
//! counts characters, because Korean words carry their particles.

use std::collections::HashMap;

/// The characters that the script replaces by a space before all else.
const PARTING: [char; 12] = ['\'', '"', '《', '》', '<', '>', '〈', '〉', '(', ')', '‘', '’'];

/// The scores of one question, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerScore {
    /// 1 if the normalized answer equals a normalized true answer, else 0.
    pub exact_match: f64,
    /// The best character F1 over the true answers.
    pub f1: f64,
}

/// Sums of scores over questions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AnswerScores {
    questions: u64,
    exact_match: f64,
    f1: f64,
}

impl AnswerScores {
    /// Adds a question. A question without a prediction counts with zeros, as in the script.
    pub fn add(&mut self, score: AnswerScore) {
        self.questions += 1;
        self.exact_match += score.exact_match;
        self.f1 += score.f1;
    }

    /// The number of questions.
    pub fn questions(&self) -> u64 {
        self.questions
    }

    /// The script's `exact_match`, in per cent; 0 without questions.
    pub fn exact_match(&self) -> f64 {
        100.0 * self.exact_match / self.questions.max(1) as f64
    }

    /// The script's `f1`, in per cent; 0 without questions.
    pub fn f1(&self) -> f64 {
        100.0 * self.f1 / self.questions.max(1) as f64
    }
}

/// Scores a prediction against all true answers: the maximum of exact match and the maximum of F1, independently.
///
/// If prediction and true answer are both empty after normalization, the script gives exact match 1 and F1 0. A question
/// without a true answer, which KorQuAD 1.0 does not have, is scored as in SQuAD 2.0: an empty prediction has exact match 1
/// and F1 1, any other prediction has 0.
pub fn score(prediction: &str, truths: &[impl AsRef<str>]) -> AnswerScore {
    let prediction = normalize(prediction);
    if truths.is_empty() {
        let right = f64::from(u8::from(prediction.is_empty()));
        return AnswerScore { exact_match: right, f1: right };
    }
    let mut best = AnswerScore { exact_match: 0.0, f1: 0.0 };
    for truth in truths.iter().map(|truth| normalize(truth.as_ref())) {
        best.exact_match = best.exact_match.max(f64::from(u8::from(prediction == truth)));
        best.f1 = best.f1.max(character_f1(&prediction, &truth));
    }
    best
}

/// The `normalize_answer` of the script: quotation marks and brackets become spaces, letters become lower case, ASCII
/// punctuation is removed, and each run of white space becomes one space.
fn normalize(answer: &str) -> String {
    let parted: String =
        answer.chars().map(|char| if PARTING.contains(&char) { ' ' } else { char }).collect();
    let mut bare = parted.to_lowercase();
    bare.retain(|char| !char.is_ascii_punctuation());
    let words: Vec<&str> = bare.split(is_python_space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// True for the white space of Python's `str.split`: Unicode white space and the four ASCII separators.
fn is_python_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

/// F1 over the characters as multisets, without spaces.
fn character_f1(prediction: &str, truth: &str) -> f64 {
    let characters = |text: &str| text.chars().filter(|char| *char != ' ').collect::<Vec<_>>();
    let (prediction, truth) = (characters(prediction), characters(truth));
    let mut left: HashMap<char, u64> = HashMap::new();
    truth.iter().for_each(|char| *left.entry(*char).or_default() += 1);
    let mut common = 0.0;
    for char in &prediction {
        if let Some(count) = left.get_mut(char).filter(|count| **count > 0) {
            *count -= 1;
            common += 1.0;
        }
    }
    if common == 0.0 { 0.0 } else { 2.0 * common / (prediction.len() + truth.len()) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prediction: &str, truths: &[&str], exact_match: f64, f1: f64) {
        let score = score(prediction, truths);
        assert_eq!(score.exact_match, exact_match, "{prediction:?} {truths:?}");
        assert!((score.f1 - f1).abs() < 1e-12, "{prediction:?} {truths:?}: {}", score.f1);
    }

    #[test]
    fn a_particle_lowers_only_f1() {
        check("서울특별시", &["서울특별시"], 1.0, 1.0);
        check("서울에서", &["서울"], 0.0, 2.0 / 3.0);
        check("부산", &["서울"], 0.0, 0.0);
        check("서울", &["부산", "서울시", "서울"], 1.0, 1.0);
        // A character counts as often as it occurs on both sides.
        check("가가가", &["가나"], 0.0, 0.4);
    }

    fn check_normalized(answer: &str, expect: &str) {
        assert_eq!(normalize(answer), expect, "{answer:?}");
    }

    #[test]
    fn answers_are_normalized_as_the_script_does() {
        check_normalized("《삼국지》(三國志)", "삼국지 三國志");
        check_normalized("U.S.A.", "usa");
        check_normalized("a-b", "ab");
        check_normalized("a'b‘c’〈d〉<e>", "a b c d e");
        check_normalized(" 1,000\u{3000}명\u{1f}\n이상 ", "1000 명 이상");
        // The script does not replace these marks.
        check_normalized("“가”「나」『다』·…", "“가”「나」『다』·…");
        check_normalized("ΟΔΟΣ İ", "οδος i\u{307}");
    }

    #[test]
    fn empty_answers_match_with_an_f1_of_zero() {
        check("", &[""], 1.0, 0.0);
        check("?", &["()"], 1.0, 0.0);
        check("", &["가"], 0.0, 0.0);
    }

    #[test]
    fn without_a_true_answer_only_an_empty_prediction_is_correct() {
        check("", &[], 1.0, 1.0);
        check("가", &[], 0.0, 0.0);
    }

    #[test]
    fn totals_are_per_cent() {
        let mut scores = AnswerScores::default();
        scores.add(score("서울", &["서울"]));
        scores.add(score("서울에서", &["서울"]));
        scores.add(AnswerScore { exact_match: 0.0, f1: 0.0 });
        assert!((scores.exact_match() - 100.0 / 3.0).abs() < 1e-9);
        assert!((scores.f1() - 500.0 / 9.0).abs() < 1e-9);
        assert_eq!((scores.questions(), AnswerScores::default().f1()), (3, 0.0));
    }
}
