//! Predictions as text for a terminal.

use std::io::{BufWriter, Write, stdout};

use anyhow::Result;
use shared::schema::{Candidate, Decoded, Example, FilledMask, PredictedEntity};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::answer::substring;
use crate::predictor::Predictor;

/// The width of the bar of probability 1, in characters.
const BAR_WIDTH: f32 = 30.0;
/// The context shown on each side of an answer, in characters.
const AROUND: u32 = 40;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Predicts for each example and prints the predictions.
pub(super) fn show(predictor: &Predictor, examples: Vec<Example>) -> Result<()> {
    let encoded = predictor.encoder().encode(examples.clone())?;
    encoded.unknown.warning().iter().for_each(|sentence| log::warn!("{sentence}"));
    let predictions = predictor.answer(encoded)?;
    let mut out = BufWriter::new(stdout().lock());
    for (example, prediction) in examples.iter().zip(&predictions) {
        write!(out, "{}", text(example, &prediction.decoded, predictor.encoder().labels()))?;
    }
    Ok(out.flush()?)
}

fn text(example: &Example, decoded: &Decoded, labels: &[String]) -> String {
    let input = match &example.text_pair {
        Some(second) if !matches!(decoded, Decoded::Answers { .. }) => format!("{} | {second}", example.text),
        _ => example.text.clone(),
    };
    let input = visible(&input);
    match decoded {
        Decoded::Class { probabilities, .. } | Decoded::LabelSet { probabilities, .. } => {
            let rows = labels.iter().map(String::as_str).zip(probabilities.iter().copied());
            let chosen = |label: &str| match decoded {
                Decoded::LabelSet { labels, .. } => labels.iter().any(|name| name == label),
                Decoded::Class { predicted, .. } => predicted == label,
                _ => false,
            };
            format!("{input}\n{}", bars(rows.map(|(label, p)| (mark(label, chosen(label)), p))))
        }
        Decoded::Score { score } => format!("{input}\n  {score:.3}\n"),
        Decoded::Entities { entities, .. } => format!("{}\n", marked(&example.text, entities)),
        Decoded::Answers { answers } => {
            format!("{input}\n{}", candidates(answers, example.text_pair.as_deref().unwrap_or_default()))
        }
        Decoded::Filled { masks } => format!("{input}\n{}", masks.iter().map(filled).collect::<String>()),
        Decoded::Masked { guesses } => format!("{input}\n  {} tokens\n", guesses.len()),
    }
}

fn mark(label: &str, chosen: bool) -> String {
    format!("{} {}", if chosen { "▸" } else { " " }, visible(label))
}

/// A table with a row for each probability: its name, its value and its bar.
fn bars(rows: impl Iterator<Item = (String, f32)>) -> String {
    let mut table = Builder::default();
    for (name, probability) in rows {
        table.push_record([name, format!("{probability:.3}"), bar(probability)]);
    }
    let mut table = table.build();
    table.with(Style::empty()).modify(Columns::one(1), Alignment::right());
    format!("{table}\n")
}

fn bar(probability: f32) -> String {
    let eighths = (probability.clamp(0.0, 1.0) * BAR_WIDTH * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// The text with each entity and its label in brackets.
fn marked(text: &str, entities: &[PredictedEntity]) -> String {
    let (mut shown, mut done) = (String::new(), 0);
    for PredictedEntity { start, end, label, .. } in entities {
        let (before, entity) = (substring(text, done, *start), substring(text, *start, *end));
        shown.push_str(&format!("{}[{} {}]", visible(before), visible(entity), visible(label)));
        done = *end;
    }
    shown + &visible(substring(text, done, u32::MAX))
}

/// The answers as bars, and below them the context with the best answer in brackets.
fn candidates(answers: &[Candidate], context: &str) -> String {
    let named = |answer: &Candidate| {
        if answer.text.is_empty() { "(no answer)".to_owned() } else { visible(&answer.text) }
    };
    let bars = bars(answers.iter().map(|answer| (named(answer), answer.probability)));
    match answers.first() {
        Some(Candidate { start, end, .. }) if start < end => {
            let before = substring(context, start.saturating_sub(AROUND), *start);
            let after = substring(context, *end, end.saturating_add(AROUND));
            let answer = substring(context, *start, *end);
            format!("{bars} …{}[{}]{}…\n", visible(before), visible(answer), visible(after))
        }
        _ => bars,
    }
}

fn filled(mask: &FilledMask) -> String {
    bars(mask.candidates.iter().map(|candidate| (visible(&candidate.token), candidate.probability)))
}

/// Replaces control characters by spaces, so that no text sends commands to the terminal.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::schema::Truth;

    fn check(text_pair: Option<&str>, decoded: Decoded, expect: &str) {
        let example = Example {
            example_id: "1".into(),
            text: "이순신은\u{1b} 왔다".into(),
            text_pair: text_pair.map(str::to_owned),
            truth: Truth::Unknown,
        };
        assert_eq!(text(&example, &decoded, &["나쁨".into(), "ok".into()]), expect);
    }

    #[test]
    fn probabilities_are_bars_of_equal_scale() {
        let decoded = Decoded::Class { predicted: "ok".into(), probabilities: vec![0.25, 0.75] };
        let bars = "   나쁨  0.250  ███████▌                \n ▸ ok    0.750  ██████████████████████▌ \n";
        check(None, decoded, &format!("이순신은  왔다\n{bars}"));
        assert_eq!((bar(0.0), bar(1.0)), (String::new(), "█".repeat(30)));
        check(Some("둘"), Decoded::Score { score: 2.5 }, "이순신은  왔다 | 둘\n  2.500\n");
    }

    #[test]
    fn entities_and_answers_are_in_brackets() {
        let entity = PredictedEntity { start: 0, end: 3, label: "PS".into(), probability: 0.9 };
        let decoded = Decoded::Entities { text: String::new(), entities: vec![entity] };
        check(None, decoded, "[이순신 PS]은  왔다\n");
        let answer = Candidate { text: "나".into(), start: 1, end: 2, probability: 1.0 };
        let shown = format!("이순신은  왔다\n 나  1.000  {} \n …가[나]다…\n", "█".repeat(30));
        check(Some("가나다"), Decoded::Answers { answers: vec![answer] }, &shown);
    }
}
