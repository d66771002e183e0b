//! Exact match and character F1 of answers, as `evaluate-v1.0.py` of KorQuAD computes them.
//!
//! That script changes SQuAD 1.1's in two places: Korean quotation marks and brackets part words, and F1
//! counts characters, since Korean words carry their particles.

use std::collections::HashMap;

/// The characters that the script first replaces by a space.
const PARTING: [char; 12] = ['\'', '"', '《', '》', '<', '>', '〈', '〉', '(', ')', '‘', '’'];

/// One question's scores, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerScore {
    /// 1 where the answer equals a true one, else 0.
    pub exact_match: f64,
    /// The best F1 of its characters.
    pub f1: f64,
}

/// Scores over questions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AnswerScores {
    questions: u64,
    exact_match: f64,
    f1: f64,
}

impl AnswerScores {
    /// Adds a question. One that was not answered at all counts with zeros, as in the script.
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

/// A prediction by the true answer that it meets best: the best exact match and the best F1, each for itself.
///
/// Where both are empty once normalized, the script has them match with an F1 of 0. A question with no true
/// answer, of which KorQuAD 1.0 has none, is scored as SQuAD 2.0 does: only no answer is right, and then F1
/// is 1 too.
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

/// The script's `normalize_answer`: quotation marks and brackets part words, case and ASCII punctuation go,
/// and white space of any length is one space.
fn normalize(answer: &str) -> String {
    let parted: String =
        answer.chars().map(|char| if PARTING.contains(&char) { ' ' } else { char }).collect();
    let mut bare = parted.to_lowercase();
    bare.retain(|char| !char.is_ascii_punctuation());
    let words: Vec<&str> = bare.split(is_python_space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// White space of Python's `str.split`: Unicode's property and four separators of ASCII.
fn is_python_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

/// F1 of the characters, spaces left out, however they are ordered.
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
    fn particles_cost_a_part() {
        check("서울특별시", &["서울특별시"], 1.0, 1.0);
        check("서울에서", &["서울"], 0.0, 2.0 / 3.0);
        check("부산", &["서울"], 0.0, 0.0);
        check("서울", &["부산", "서울시", "서울"], 1.0, 1.0);
        // Characters count as often as they occur on both sides.
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
        // Not among the script's marks.
        check_normalized("“가”「나」『다』·…", "“가”「나」『다』·…");
        check_normalized("ΟΔΟΣ İ", "οδος i\u{307}");
    }

    #[test]
    fn empty_answers_match_without_f1() {
        check("", &[""], 1.0, 0.0);
        check("?", &["()"], 1.0, 0.0);
        check("", &["가"], 0.0, 0.0);
    }

    #[test]
    fn without_a_true_answer_only_none_is_right() {
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
