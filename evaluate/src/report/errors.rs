//! The most confident errors with their texts.

use maud::{Markup, html};
use shared::schema::{Candidate, Decoded, Entity, PredictedEntity, Prediction, Truth};
use tasks::{MaskedStatistics, answer_score, rating};

use super::page::Section;
use super::texts::Texts;

/// The most errors that are shown.
const MOST: usize = 50;
/// The characters of a text that are visible before the reader opens it.
const SHOWN: usize = 300;

/// A wrong prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ModelError {
    /// The index of the prediction.
    pub(super) row: usize,
    /// The confidence of the model, or the distance to the true score.
    weight: f64,
}

/// At most [`MOST`] errors, by falling weight; equal ones keep their order.
pub(super) fn most_confident(predictions: &[Prediction], labels: &[String]) -> Vec<ModelError> {
    let rows = predictions.iter().enumerate();
    let mut errors: Vec<ModelError> = rows
        .filter_map(|(row, prediction)| Some(ModelError { row, weight: weight(prediction, labels)? }))
        .collect();
    errors.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    errors.truncate(MOST);
    errors
}

/// The weight of an error; none for a correct prediction, or without ground truth.
fn weight(prediction: &Prediction, labels: &[String]) -> Option<f64> {
    match (&prediction.truth, &prediction.decoded) {
        (Truth::Label(label), Decoded::Class { predicted, probabilities }) => {
            let sure = probabilities.iter().copied().reduce(f32::max)?;
            (label != predicted).then(|| sure.into())
        }
        (Truth::Labels(truth), Decoded::LabelSet { labels: predicted, probabilities }) => labels
            .iter()
            .zip(probabilities)
            .filter_map(|(label, &p)| wrong_label(label, p, truth, predicted))
            .reduce(f64::max),
        (Truth::Score(_), Decoded::Score { .. }) => {
            rating(prediction).map(|it| (it.predicted - it.label).abs())
        }
        (Truth::Entities(truth), Decoded::Entities { entities, .. }) => wrong_entities(truth, entities),
        (Truth::Answers(_), Decoded::Answers { answers }) => {
            let sure = answers.first().map_or(0.0, |best| best.probability);
            (answer_score(prediction)?.exact_match < 1.0).then(|| sure.into())
        }
        (_, Decoded::Masked { .. }) => {
            let row = MaskedStatistics::of(prediction)?;
            (row.correct < row.tokens()).then(|| row.losses().sum::<f64>() / row.tokens() as f64)
        }
        _ => None,
    }
}

/// The confidence of a wrong decision about the label; none for a correct one.
fn wrong_label(label: &String, probability: f32, truth: &[String], predicted: &[String]) -> Option<f64> {
    match (truth.contains(label), predicted.contains(label)) {
        (false, true) => Some(probability.into()),
        (true, false) => Some(1.0 - f64::from(probability)),
        _ => None,
    }
}

/// The highest probability of a false entity; 0 where entities were only missed, None where all are correct.
fn wrong_entities(truth: &[Entity], found: &[PredictedEntity]) -> Option<f64> {
    let is = |gold: &Entity, predicted: &PredictedEntity| {
        (gold.start, gold.end, &gold.label) == (predicted.start, predicted.end, &predicted.label)
    };
    let false_ones = found.iter().filter(|predicted| !truth.iter().any(|gold| is(gold, predicted)));
    let surest = false_ones.map(|predicted| predicted.probability).reduce(f32::max);
    let missed = truth.iter().any(|gold| !found.iter().any(|predicted| is(gold, predicted)));
    surest.or(missed.then_some(0.0)).map(f64::from)
}

pub(super) fn section(predictions: &[Prediction], errors: &[ModelError], texts: &Texts) -> Option<Section> {
    let first = &predictions.get(errors.first()?.row)?.decoded;
    let title = match first {
        Decoded::Score { .. } => "Largest errors",
        Decoded::Masked { .. } | Decoded::Filled { .. } => "Hardest texts",
        _ => "Most confident errors",
    };
    let body =
        html! { ol.errors { @for error in errors { (item(&predictions[error.row], *error, texts)) } } };
    Some(Section { id: "errors", title: title.to_owned(), body })
}

fn item(prediction: &Prediction, error: ModelError, texts: &Texts) -> Markup {
    let example = texts.example(error.row);
    let (first, second) = match prediction.decoded {
        Decoded::Answers { .. } => ("question", "context"),
        _ => ("first", "second"),
    };
    let pair = example.and_then(|example| example.text_pair.as_deref());
    html! { li {
        p.verdict { (verdict(prediction, error.weight)) span { "example " code { (prediction.example_id) } } }
        @if let Some(example) = example { (text(&example.text, pair.map(|_| first))) }
        @if let Some(pair) = pair { (text(pair, Some(second))) }
    } }
}

/// The gold answer, the prediction and its confidence.
fn verdict(prediction: &Prediction, weight: f64) -> Markup {
    if let Some(row) = MaskedStatistics::of(prediction) {
        return html! {
            span { "loss " b { (format!("{weight:.4}")) } }
            span { (row.correct) " of " (row.tokens()) " masked tokens correct" }
        };
    }
    let sure = match prediction.decoded {
        Decoded::Score { .. } => format!("{weight:.4} off"),
        _ => format!("probability {weight:.4}"),
    };
    html! {
        span { "true: " b.truth { (truth(prediction)) } }
        span { "predicted: " b.said { (predicted(&prediction.decoded)) } }
        span { (sure) }
    }
}

fn truth(prediction: &Prediction) -> String {
    match &prediction.truth {
        Truth::Unknown => "–".to_owned(),
        Truth::Label(label) => label.clone(),
        Truth::Labels(labels) => joined(labels.iter().cloned()),
        Truth::Score(score) => score.to_string(),
        Truth::Answers(answers) => joined(answers.iter().map(|answer| answer.text.clone())),
        Truth::Entities(entities) => {
            let text = if let Decoded::Entities { text, .. } = &prediction.decoded { text } else { "" };
            joined(entities.iter().map(|entity| named(&entity.label, text, entity.start, entity.end)))
        }
    }
}

fn predicted(decoded: &Decoded) -> String {
    match decoded {
        Decoded::Class { predicted, .. } => predicted.clone(),
        Decoded::LabelSet { labels, .. } => joined(labels.iter().cloned()),
        Decoded::Score { score } => format!("{score:.4}"),
        Decoded::Answers { answers } => {
            joined(answers.first().into_iter().map(|best: &Candidate| best.text.clone()))
        }
        Decoded::Entities { text, entities } => {
            joined(entities.iter().map(|entity| named(&entity.label, text, entity.start, entity.end)))
        }
        Decoded::Masked { .. } | Decoded::Filled { .. } => String::new(),
    }
}

/// An entity as `PS 이순신`.
fn named(label: &str, text: &str, start: u32, end: u32) -> String {
    let characters = text.chars().skip(start as usize).take(end.saturating_sub(start) as usize);
    format!("{label} {}", characters.collect::<String>())
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(" · ") }
}

/// The text, escaped. A long one shows its beginning, and opens to the whole.
fn text(text: &str, name: Option<&str>) -> Markup {
    let name = html! { @if let Some(name) = name { b { (name) } " " } };
    match text.char_indices().nth(SHOWN) {
        None => html! { p.text dir="auto" { (name) (text) } },
        Some((end, _)) => html! {
            details.text {
                summary dir="auto" { (name) (text.get(..end).unwrap_or_default()) "…" }
                p dir="auto" { (text) }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(label: &str, probabilities: [f32; 2]) -> Prediction {
        let predicted = if probabilities[1] > probabilities[0] { "good" } else { "bad" };
        Prediction {
            example_id: "1".into(),
            truth: Truth::Label(label.into()),
            decoded: Decoded::Class { predicted: predicted.into(), probabilities: probabilities.into() },
            logits: Vec::new(),
        }
    }

    #[test]
    fn the_most_confident_errors_come_first() {
        let predictions = [
            prediction("good", [0.75, 0.25]),
            prediction("good", [0.1, 0.9]),
            prediction("bad", [0.1, 0.9]),
            prediction("good", [0.75, 0.25]),
        ];
        let rows: Vec<usize> = most_confident(&predictions, &[]).iter().map(|error| error.row).collect();
        assert_eq!(rows, [2, 0, 3]);
        assert_eq!(most_confident(&vec![prediction("bad", [0.25, 0.75]); 60], &[]).len(), MOST);
    }

    #[test]
    fn a_label_set_has_the_weight_of_its_worst_label() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
        let check = |truth: &[&str], predicted: &[&str], expect: Option<f64>| {
            let decoded = Decoded::LabelSet { labels: names(predicted), probabilities: vec![0.75, 0.25] };
            let truth = Truth::Labels(names(truth));
            let prediction = Prediction { example_id: "1".into(), truth, decoded, logits: Vec::new() };
            assert_eq!(weight(&prediction, &names(&["a", "b"])), expect, "{prediction:?}");
        };
        check(&["b", "a"], &["a", "b"], None);
        check(&[], &["a"], Some(0.75));
        check(&["b"], &[], Some(0.75));
        check(&["a"], &["b"], Some(0.25));
    }

    fn entity(start: u32, end: u32) -> Entity {
        Entity { start, end, label: "PS".into() }
    }

    fn check_entities(truth: &[(u32, u32)], found: &[(u32, u32, f32)], expect: Option<f64>) {
        let truth: Vec<Entity> = truth.iter().map(|&(start, end)| entity(start, end)).collect();
        let found: Vec<PredictedEntity> = found
            .iter()
            .map(|&(start, end, probability)| PredictedEntity { start, end, label: "PS".into(), probability })
            .collect();
        assert_eq!(wrong_entities(&truth, &found), expect, "{truth:?} {found:?}");
    }

    #[test]
    fn a_false_entity_has_its_probability_as_weight() {
        check_entities(&[(0, 3)], &[(0, 3, 0.9)], None);
        check_entities(&[(0, 3)], &[(0, 3, 0.9), (4, 5, 0.5), (6, 7, 0.25)], Some(0.5));
        check_entities(&[(0, 3), (4, 5)], &[(0, 3, 0.9)], Some(0.0));
        check_entities(&[], &[], None);
    }

    #[test]
    fn markup_in_a_text_is_text() {
        let shown = text("<script>alert('&')</script>", Some("question")).into_string();
        assert!(
            shown.contains("&lt;script&gt;alert('&amp;')&lt;/script&gt;") && !shown.contains("<script"),
            "{shown}"
        );
    }

    #[test]
    fn long_texts_are_collapsed() {
        let long = "가".repeat(SHOWN + 1);
        let shown = text(&long, None).into_string();
        assert!(
            shown.contains(&format!("{}…</summary>", "가".repeat(SHOWN))) && shown.contains(&long),
            "{shown}"
        );
        assert!(!text(&"가".repeat(SHOWN), None).into_string().contains("<details"));
    }
}
