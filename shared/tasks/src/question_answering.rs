//! Extractive question answering: an answer is a span of its context.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail, ensure};
use metrics::answers::{self, AnswerScore, AnswerScores};
use metrics::softmax;
use shared::config::{Answerable, QuestionAnsweringConfig};
use shared::fault::Fault;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Answer, Candidate, Decoded, Example, Features, Offset, Prediction, Targets, Truth};
use shared::tokens::{Piece, Tokenizer, Tokens};

use super::windows::{WindowSpan, window_spans};
use super::{Encoded, Loss, TaskParams, TaskSpec, Window, losses};
use crate::statistics::{Statistics, collect};

#[derive(Debug)]
pub(super) struct QuestionAnswering;

impl TaskSpec for QuestionAnswering {
    /// Encodes one row per window of the context, each with the question before it.
    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        let keys = &params.question_answering;
        let mut question = ids(&tokenizer.pieces(&example.text)?);
        let truncated = question.len() > keys.max_query_length;
        question.truncate(keys.max_query_length);
        let room = room(question.len(), keys, tokenizer)?;
        let context = tokenizer.pieces(context_of(example)?)?;
        let answer = true_pieces(example, &context, keys)?;
        let row = |window: WindowSpan| {
            let (before, part) = (window.shown.start, context.get(window.shown).unwrap_or_default());
            let framed = tokenizer.frame_pair(&question, &ids(part));
            let [_, first] = framed.starts;
            let targets = match &answer {
                _ if example.truth == Truth::Unknown => Targets::Unknown,
                Some(answer) => span_in(answer, before, part.len(), first)?,
                None => NOT_HERE,
            };
            let offsets = offsets(part, first, framed.ids.len())?;
            let pieces = question.len() + part.len();
            let tokens = Tokens { ids: framed.ids, type_ids: framed.type_ids, pieces, truncated };
            Encoded::new(&example.example_id, &tokens, tokenizer.unknown_token_id(), targets, offsets)
        };
        window_spans(context.len(), room, keys.doc_stride).into_iter().map(row).collect()
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::span_cross_entropy(&row.targets, output)
    }

    /// Finds the best spans over all windows, as `postprocess_qa_predictions` of `transformers`.
    fn decode(&self, example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
        let keys = &params.question_answering;
        let mut spans = Vec::new();
        let mut null_score = f32::INFINITY;
        for window in windows {
            let (starts, ends) = start_and_end_logits(window)?;
            null_score = null_score.min(starts.first().zip(ends.first()).map_or(0.0, |(a, b)| a + b));
            spans.extend(best_spans(starts, ends, &window.features.offsets, keys.max_answer_length));
        }
        let mut spans = best_first(spans);
        spans.truncate(keys.n_best);
        if keys.answerable == Answerable::Sometimes {
            let least = f64::from(null_score) - keys.null_score_diff_threshold;
            let better = spans.partition_point(|span| f64::from(span.score) >= least);
            spans.insert(better, Span { start: 0, end: 0, score: null_score });
        }
        Ok(Decoded::Answers { answers: candidates(&spans, context_of(example)?)? })
    }

    /// Exact match and F1 as in the script of KorQuAD, as fractions.
    fn statistics(&self, predictions: &[Prediction], _params: &TaskParams) -> Result<Box<dyn Statistics>> {
        Ok(Box::new(AnswerStatistics(collect(predictions, answer_score)?)))
    }
}

/// The score of the best candidate against the true answers; none for a prediction of another task.
pub fn answer_score(prediction: &Prediction) -> Option<AnswerScore> {
    let truths: Vec<&str> =
        prediction.truth.as_answers()?.iter().map(|answer| answer.text.as_str()).collect();
    Some(answers::score(prediction.decoded.as_answers()?.first().map_or("", |best| &best.text), &truths))
}

/// The score of every question.
#[derive(Debug)]
struct AnswerStatistics(Vec<AnswerScore>);

impl Statistics for AnswerStatistics {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let mut scores = AnswerScores::default();
        rows.iter().for_each(|&row| scores.add(self.0[row]));
        let percent = match metric {
            Metric::ExactMatch => scores.exact_match(),
            Metric::F1 => scores.f1(),
            _ => return None,
        };
        (!rows.is_empty()).then_some(percent / 100.0)
    }

    fn is_correct(&self, metric: Metric, row: usize) -> Option<bool> {
        (metric == Metric::ExactMatch).then_some(self.0[row].exact_match == 1.0)
    }
}

/// The target of a row without the answer: the span of its first token, which is special.
const NOT_HERE: Targets = Targets::Span { start: 0, end: 0 };

fn context_of(example: &Example) -> Result<&str> {
    example.text_pair.as_deref().context("it has no context")
}

fn ids(pieces: &[Piece]) -> Vec<u32> {
    pieces.iter().map(|piece| piece.id).collect()
}

/// The number of context tokens that fit into a row with `question` tokens of the question.
fn room(question: usize, keys: &QuestionAnsweringConfig, tokenizer: &dyn Tokenizer) -> Result<usize> {
    let (length, special) = (tokenizer.max_seq_length(), tokenizer.special_tokens_of_pair());
    let beside = keys.max_query_length + keys.doc_stride + special;
    // The check assumes the longest question, so that it does not depend on the questions of the run.
    ensure!(
        length > beside,
        Fault::usage(format!(
            "config key `tokenize.max_seq_length` is {length}, and question_answering.max_query_length, \
             question_answering.doc_stride and {special} special tokens take {beside}; set it higher"
        ))
    );
    Ok(length - special - question)
}

/// The pieces of the context that hold the first true answer; none without an answer.
fn true_pieces(
    example: &Example,
    pieces: &[Piece],
    keys: &QuestionAnsweringConfig,
) -> Result<Option<RangeInclusive<usize>>> {
    let answers = example.truth.as_answers();
    let Some(Answer { start, text }) = answers.and_then(<[Answer]>::first) else {
        if answers.is_some() && keys.answerable == Answerable::Always {
            bail!(Fault::usage(
                "it has no answer; set config key `question_answering.answerable` to \"sometimes\""
            ));
        }
        return Ok(None);
    };
    let start = *start as usize;
    let there = context_of(example)?.chars().skip(start).take(text.chars().count());
    ensure!(
        there.eq(text.chars()),
        Fault::input(format!("its answer `{text}` is not at character {start} of its context"))
    );
    let visible = text.trim_start();
    let start = start + text.chars().count() - visible.chars().count();
    let end = start + visible.trim_end().chars().count();
    let first = pieces.partition_point(|piece| piece.end as usize <= start);
    let behind = pieces.partition_point(|piece| (piece.start as usize) < end);
    Ok((start < end && first < behind).then(|| first..=behind - 1))
}

/// The span of `answer` in a row that holds `length` pieces of the context from token `first`, with `before` pieces in earlier
/// rows only.
fn span_in(answer: &RangeInclusive<usize>, before: usize, length: usize, first: usize) -> Result<Targets> {
    let whole = before <= *answer.start() && *answer.end() < before + length;
    let token = |piece: usize| i64::try_from(piece + first - before);
    if whole {
        Ok(Targets::Span { start: token(*answer.start())?, end: token(*answer.end())? })
    } else {
        Ok(NOT_HERE)
    }
}

/// The offsets of the `length` tokens of a row, in which `pieces` begin at the token `first`.
fn offsets(pieces: &[Piece], first: usize, length: usize) -> Result<Vec<Offset>> {
    let mut offsets = vec![Offset::NOWHERE; length];
    for (offset, piece) in offsets.iter_mut().skip(first).zip(pieces) {
        *offset = Offset { start: piece.start.try_into()?, end: piece.end.try_into()? };
    }
    Ok(offsets)
}

fn start_and_end_logits<'a>(window: &Window<'a>) -> Result<(&'a [f32], &'a [f32])> {
    let (logits, tokens) = (window.output.logits(), window.features.offsets.len());
    let (starts, ends) = logits.split_at(logits.len() / 2);
    // Logits beyond the tokens belong to padding.
    let of_tokens = starts.get(..tokens).zip(ends.get(..tokens));
    of_tokens.with_context(|| format!("the model gives {} logits for {tokens} tokens", logits.len()))
}

/// A span of the context, in characters, with its score.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: i32,
    end: i32,
    /// The start logit of its first token plus the end logit of its last token.
    score: f32,
}

/// The valid spans between the best start tokens and the best end tokens.
fn best_spans(starts: &[f32], ends: &[f32], offsets: &[Offset], max_answer_length: usize) -> Vec<Span> {
    let (starts, ends) = (best_tokens(starts, offsets), best_tokens(ends, offsets));
    let pairs = starts.iter().flat_map(|first| ends.iter().map(move |last| (first, last)));
    let sound = pairs.filter(|(first, last)| {
        last.index.checked_sub(first.index).is_some_and(|more| more < max_answer_length)
    });
    let span = |(first, last): (&Token, &Token)| Span {
        start: first.offset.start,
        end: last.offset.end,
        score: first.logit + last.logit,
    };
    sound.map(span).collect()
}

/// A token of the context.
struct Token {
    index: usize,
    offset: Offset,
    logit: f32,
}

/// The context tokens with the highest logits. White space does not begin or end an answer.
fn best_tokens(logits: &[f32], offsets: &[Offset]) -> Vec<Token> {
    let token = |(index, (&logit, &offset)): (usize, (&f32, &Offset))| Token { index, offset, logit };
    let tokens = logits.iter().zip(offsets).enumerate().map(token);
    let mut tokens: Vec<Token> =
        tokens.filter(|token| token.offset.is_somewhere() && token.offset.end > token.offset.start).collect();
    tokens.sort_by(|a, b| b.logit.total_cmp(&a.logit));
    tokens.truncate(QuestionAnsweringConfig::CANDIDATES);
    tokens
}

/// Sorts spans by score, and equal scores by position. A span that occurs in two windows is kept once, with its better score.
fn best_first(mut spans: Vec<Span>) -> Vec<Span> {
    let place = |span: &Span| (span.start, span.end);
    spans.sort_by(|a, b| place(a).cmp(&place(b)).then(b.score.total_cmp(&a.score)));
    spans.dedup_by_key(|span| place(span));
    spans.sort_by(|a, b| b.score.total_cmp(&a.score));
    spans
}

/// The candidates with their probabilities, the softmax of their scores.
fn candidates(spans: &[Span], context: &str) -> Result<Vec<Candidate>> {
    let places = context.char_indices().map(|(place, _)| place).chain([context.len()]);
    let places: Vec<usize> = places.collect();
    let probabilities = softmax(&spans.iter().map(|span| span.score).collect::<Vec<f32>>());
    let candidate = |(span, probability): (&Span, f32)| {
        let (start, end) = (u32::try_from(span.start)?, u32::try_from(span.end)?);
        let bytes = places.get(start as usize).zip(places.get(end as usize));
        let text = bytes.and_then(|(&start, &end)| context.get(start..end));
        let text = text.context("the features are those of another context")?.to_owned();
        Ok(Candidate { text, start, end, probability })
    };
    spans.iter().zip(probabilities).map(candidate).collect()
}

#[cfg(test)]
mod tests;
