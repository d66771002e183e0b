//! Masked language modelling (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>). Masks are drawn anew in every epoch,
//! so features hold whole texts.

use anyhow::{Context, Result, ensure};
use metrics::masked::TokenScores;
use shared::fault::Fault;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, MaskedGuess, Prediction, Targets};
use shared::tokens::{Tokenizer, Tokens, WordStarts};

use super::{Encoded, Loss, TaskParams, TaskSpec, Window, packing};
use crate::statistics::{Statistics, collect};

#[derive(Debug)]
pub(super) struct MaskedLm;

impl TaskSpec for MaskedLm {
    /// Splits a long text into consecutive rows without overlap. A text without tokens has no row.
    fn encode(
        &self,
        example: &Example,
        _setting: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        tokenizer.mask_token_id().with_context(|| {
            Fault::input("the model's tokenizer has no mask token; take a model that was trained with one")
        })?;
        let WordStarts { ids, begins_word } = tokenizer.word_starts(&example.text)?;
        let room = tokenizer.max_seq_length() - tokenizer.special_tokens();
        let parts = ids.chunks(room).zip(begins_word.chunks(room));
        parts.map(|(ids, begins_word)| row(&example.example_id, ids, begins_word, tokenizer)).collect()
    }

    fn pack(&self, rows: Vec<Encoded>, tokenizer: &dyn Tokenizer) -> Vec<Encoded> {
        packing::full_sentences(rows, tokenizer)
    }

    fn loss(&self, _row: &Features, output: &Output) -> Loss {
        let Output::Masked(tokens) = output else { return Loss::UNDEFINED };
        let log_probabilities = tokens.iter().map(|token| f64::from(token.log_probability));
        Loss { sum: -log_probabilities.sum::<f64>(), count: tokens.len() as f64 }
    }

    /// Collects the guesses of all rows. Positions continue from one row of the example to the next.
    fn decode(&self, _example: &Example, windows: &[Window<'_>], _setting: &TaskParams) -> Result<Decoded> {
        let (mut guesses, mut before) = (Vec::new(), 0);
        for window in windows {
            let Output::Masked(tokens) = window.output else { continue };
            for token in tokens {
                guesses.push(MaskedGuess {
                    position: i32::try_from(before + token.position)?,
                    truth: token.truth,
                    predicted: token.predicted,
                    log_probability: token.log_probability,
                });
            }
            before += window.features.input_ids.len();
        }
        Ok(Decoded::Masked { guesses })
    }

    fn statistics(&self, predictions: &[Prediction], _params: &TaskParams) -> Result<Box<dyn Statistics>> {
        let rows = collect(predictions, MaskedStatistics::of)?;
        let nothing = || Fault::input("no token of these examples is masked: they have only special tokens");
        ensure!(rows.iter().any(|row| row.tokens() > 0), nothing());
        Ok(Box::new(SplitStatistics(rows)))
    }
}

/// The masked tokens of an example.
#[derive(Debug, Clone)]
pub struct MaskedStatistics {
    /// Log-probabilities of the true tokens, in nats.
    log_probabilities: Vec<f32>,
    /// The number of correct predictions.
    pub correct: u64,
}

impl MaskedStatistics {
    /// The statistics of a prediction; none for a prediction of another task.
    pub fn of(prediction: &Prediction) -> Option<MaskedStatistics> {
        let Decoded::Masked { guesses } = &prediction.decoded else { return None };
        let correct = guesses.iter().filter(|guess| guess.predicted == guess.truth).count() as u64;
        Some(MaskedStatistics {
            log_probabilities: guesses.iter().map(|guess| guess.log_probability).collect(),
            correct,
        })
    }

    /// The number of masked tokens.
    pub fn tokens(&self) -> u64 {
        self.log_probabilities.len() as u64
    }

    /// Cross-entropies of the tokens, in nats.
    pub fn losses(&self) -> impl Iterator<Item = f64> {
        self.log_probabilities.iter().map(|&value| -f64::from(value))
    }
}

#[derive(Debug)]
struct SplitStatistics(Vec<MaskedStatistics>);

impl Statistics for SplitStatistics {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let mut scores = TokenScores::default();
        for row in rows.iter().map(|&row| &self.0[row]) {
            row.losses().for_each(|loss| scores.add(loss, 0, 1));
            scores.add(0.0, row.correct, 0);
        }
        match metric {
            Metric::Loss => scores.loss(),
            Metric::Perplexity => scores.perplexity(),
            Metric::MaskedAccuracy => (scores.tokens() > 0).then(|| scores.accuracy()),
            _ => None,
        }
    }
}

/// A row: a part of a text with special tokens around it.
fn row(id: &str, part: &[u32], begins_word: &[bool], tokenizer: &dyn Tokenizer) -> Result<Encoded> {
    let framed = tokenizer.frame(part);
    let [start] = framed.starts;
    let mut starts = vec![false; framed.ids.len()];
    starts.splice(start..start + part.len(), begins_word.iter().copied());
    let tokens = Tokens { pieces: part.len(), ids: framed.ids, type_ids: framed.type_ids, truncated: false };
    Encoded::new(id, &tokens, tokenizer.unknown_token_id(), Targets::Words(starts), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate;
    use crate::fixture::{CLS, FixtureTokenizer, SEP, UNKNOWN};
    use shared::metric::MetricValues;
    use shared::model_output::MaskedToken;
    use shared::schema::Truth;
    use shared::task::Task;

    /// Pieces of two characters, and single characters for the end of a word of odd length.
    const VOCABULARY: &str = "가나 다라 마바 사아 자차 카타 파하 라마 가 나 다 바 사 아 자";
    const MAX_SEQ_LENGTH: usize = 8;

    fn tokenizer() -> FixtureTokenizer {
        FixtureTokenizer::new(VOCABULARY, MAX_SEQ_LENGTH)
    }

    fn example(id: &str, text: &str) -> Example {
        Example { example_id: id.into(), text: text.into(), text_pair: None, truth: Truth::Unknown }
    }

    fn encode(texts: &[&str]) -> Vec<Encoded> {
        let tokenizer = &mut tokenizer();
        let mut rows = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let example = example(&number.to_string(), text);
            rows.extend(MaskedLm.encode(&example, &TaskParams::default(), tokenizer).unwrap());
        }
        MaskedLm.pack(rows, tokenizer)
    }

    /// The tokens of every row, by their first characters: special ones as `(` and `)`, `'` before those that begin a word.
    fn shown(rows: &[Encoded]) -> Vec<String> {
        let token = |(&id, &begins): (&i32, &bool)| {
            let name = match id as u32 {
                CLS => "(".to_owned(),
                SEP => ")".to_owned(),
                UNKNOWN => "?".to_owned(),
                id => tokenizer().token(id).unwrap().chars().take(1).collect(),
            };
            if begins { format!("'{name}") } else { name }
        };
        let row = |row: &Encoded| {
            let Targets::Words(starts) = &row.features.targets else { panic!("{row:?}") };
            assert_eq!(row.features.input_ids.len(), row.features.token_type_ids.len());
            format!(
                "{}: {}",
                row.features.example_id,
                row.features.input_ids.iter().zip(starts).map(token).collect::<String>()
            )
        };
        rows.iter().map(row).collect()
    }

    fn check(texts: &[&str], expect: &[&str]) {
        let rows = encode(texts);
        assert_eq!(shown(&rows), expect);
        let tokens = |row: &&Encoded| {
            row.features.input_ids.iter().filter(|&&id| ![CLS, SEP].contains(&(id as u32))).count() as u64
        };
        assert!(rows.iter().all(|row| row.pieces == tokens(&row) && !row.truncated));
    }

    #[test]
    fn a_long_text_is_split_without_loss() {
        check(&["가나다 라마 바"], &["0: ('가다'라'바)"]);
        check(&["가나다라마바사아자차카타파하"], &["0: ('가다마사자카)", "0: (파)"]);
        check(&["가나다라마바사아자차카타"], &["0: ('가다마사자카)"]);
        check(&["", ""], &[]);
    }

    #[test]
    fn short_texts_are_packed_in_their_order() {
        check(&["가", "나", "", "다"], &["0: ('가)'나)'다)"]);
        check(&["가나 다", "라마 바 사 아", "자"], &["0: ('가'다)", "1: ('라'바'사'아)'자)"]);
        check(&["가나 다", "라마 바 사", "자"], &["0: ('가'다)'라'바'사)", "2: ('자)"]);
        // What is left of a long one is as good a neighbour.
        check(&["가나다라마바사아자차카타파하", "가 나"], &["0: ('가다마사자카)", "0: (파)'가'나)"]);
    }

    #[test]
    fn unknown_tokens_are_counted_in_a_packed_row() {
        let rows = encode(&["뷁 가", "뷁"]);
        assert_eq!(shown(&rows), ["0: ('?'가)'?)"]);
        assert_eq!((rows[0].pieces, rows[0].unknown), (3, 2));
    }

    fn token(position: usize, truth: i64, predicted: i64, probability: f32) -> MaskedToken {
        MaskedToken { position, truth, predicted, log_probability: probability.ln() }
    }

    /// Evaluates packed texts with these tokens masked in every row.
    fn judged(texts: &[&str], outputs: Vec<Vec<MaskedToken>>) -> Result<(Vec<Prediction>, MetricValues)> {
        let rows: Vec<Features> = encode(texts).into_iter().map(|row| row.features).collect();
        let outputs: Vec<Output> = outputs.into_iter().map(Output::Masked).collect();
        let examples = texts.iter().enumerate().map(|(number, text)| Ok(example(&number.to_string(), text)));
        let evaluation = evaluate(Task::MaskedLm, &TaskParams::default(), examples, &rows, &outputs)?;
        Ok((evaluation.predictions, evaluation.scores.metric_values))
    }

    #[test]
    fn metrics_weigh_masked_tokens_equally_over_rows() {
        let first = vec![token(1, 5, 5, 0.5), token(2, 6, 9, 0.25)];
        let (predictions, metric_values) =
            judged(&["가나 다", "라마 바 사 아", "자"], vec![first, vec![token(3, 7, 7, 0.125)]]).unwrap();
        let near = |metric, expect: f64| (metric_values.get(metric).unwrap() - expect).abs() < 1e-6;
        assert!(near(Metric::Loss, 2.0 * 2f64.ln()), "{metric_values:?}");
        assert!(
            near(Metric::Perplexity, 4.0) && near(Metric::MaskedAccuracy, 2.0 / 3.0),
            "{metric_values:?}"
        );
        let ids: Vec<&str> = predictions.iter().map(|prediction| prediction.example_id.as_str()).collect();
        assert_eq!(ids, ["0", "1"], "the last stands in the row of the second");
    }

    #[test]
    fn positions_continue_from_row_to_row() {
        let outputs = vec![vec![token(6, 5, 5, 0.5)], vec![token(1, 6, 9, 0.25)]];
        let (predictions, _) = judged(&["가나다라마바사아자차카타파하"], outputs).unwrap();
        let [Prediction { decoded: Decoded::Masked { guesses }, .. }] = predictions.as_slice() else {
            panic!("{predictions:?}")
        };
        let found: Vec<(i32, i64, i64)> =
            guesses.iter().map(|guess| (guess.position, guess.truth, guess.predicted)).collect();
        assert_eq!(found, [(6, 5, 5), (9, 6, 9)]);
    }

    #[test]
    fn without_masked_tokens_there_is_no_perplexity() {
        let error = judged(&["가"], vec![Vec::new()]).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
    }
}
