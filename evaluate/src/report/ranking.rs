//! ROC and precision-recall curves: one label against all others.

use maud::html;
use metrics::ranking::{PrecisionRecall, Roc, Scored, precision_recall, roc};
use shared::schema::{Decoded, Prediction, Truth};

use super::chart::{Axis, Chart, Range, Series};
use super::page::{Section, table};

/// The most curves of a chart; more cannot be told apart.
const MOST: usize = 6;

/// A label whose curves are defined.
struct Ranked<'a> {
    label: &'a str,
    positives: usize,
    roc: Roc,
    precision_recall: PrecisionRecall,
}

pub(super) fn section(predictions: &[Prediction], labels: &[String]) -> Option<Section> {
    let mut ranked: Vec<Ranked<'_>> =
        chosen(predictions, labels).filter_map(|id| rank(predictions, &labels[id], id)).collect();
    ranked.sort_by_key(|label| std::cmp::Reverse(label.positives));
    ranked.truncate(MOST);
    let row = |label: &Ranked<'_>| {
        let areas =
            [label.roc.auc, label.precision_recall.average_precision].map(|area| format!("{area:.4}"));
        [label.label.to_owned()].into_iter().chain(areas).collect()
    };
    let body = html! {
        div.charts { (precision_recall_chart(&ranked).figure()) (roc_chart(&ranked).figure()) }
        (table(&["label", "area under ROC", "average precision"], ranked.iter().map(row)))
        @if labels.len() > 2 {
            p.note {
                "Each label against all others"
                @if labels.len() > MOST { "; the " (ranked.len()) " most frequent" } "."
            }
        }
    };
    (!ranked.is_empty()).then(|| Section { id: "ranking", title: "Precision, recall and ROC".into(), body })
}

/// The ids of the labels with curves: all, or only the second (positive) one where an example has one of two labels.
fn chosen(predictions: &[Prediction], labels: &[String]) -> std::ops::Range<usize> {
    match predictions.first().map(|prediction| &prediction.decoded) {
        Some(Decoded::Class { .. }) if labels.len() == 2 => 1..2,
        Some(Decoded::Class { .. } | Decoded::LabelSet { .. }) => 0..labels.len(),
        _ => 0..0,
    }
}

/// The curves of a label; None where no example of the split has it, or all have it.
fn rank<'a>(predictions: &[Prediction], label: &'a str, id: usize) -> Option<Ranked<'a>> {
    let scored = |Prediction { truth, decoded, .. }: &Prediction| {
        let (Decoded::Class { probabilities, .. } | Decoded::LabelSet { probabilities, .. }) = decoded else {
            return None;
        };
        let positive = match truth {
            Truth::Label(name) => name == label,
            Truth::Labels(names) => names.iter().any(|name| name == label),
            _ => return None,
        };
        Some(Scored { score: f64::from(*probabilities.get(id)?), positive })
    };
    let rows: Vec<Scored> = predictions.iter().filter_map(scored).collect();
    let positives = rows.iter().filter(|row| row.positive).count();
    Some(Ranked { label, positives, roc: roc(&rows)?, precision_recall: precision_recall(&rows)? })
}

fn precision_recall_chart(ranked: &[Ranked<'_>]) -> Chart {
    let series = ranked.iter().map(|Ranked { label, precision_recall, .. }| {
        let points = precision_recall.points.iter().map(|point| (point.recall, point.precision));
        Series::line(*label, points.collect())
    });
    let areas =
        ranked.iter().map(|label| format!("{} {:.4}", label.label, label.precision_recall.average_precision));
    chart(
        ["precision-recall", "Precision and recall", "Average precision"],
        ["recall", "precision"],
        areas,
        series.collect(),
    )
}

fn roc_chart(ranked: &[Ranked<'_>]) -> Chart {
    let lines = ranked.iter().map(|Ranked { label, roc, .. }| {
        let points = roc.points.iter().map(|point| (point.false_positive_rate, point.true_positive_rate));
        Series::line(*label, points.collect())
    });
    let areas = ranked.iter().map(|label| format!("{} {:.4}", label.label, label.roc.auc));
    chart(
        ["roc", "ROC", "Area under the curve"],
        ["false positive rate", "true positive rate"],
        areas,
        lines.chain([Series::diagonal("random", 0.0, 1.0)]).collect(),
    )
}

fn chart(
    [id, title, area]: [&'static str; 3],
    [x, y]: [&'static str; 2],
    areas: impl Iterator<Item = String>,
    series: Vec<Series>,
) -> Chart {
    Chart {
        id,
        title: title.to_owned(),
        summary: format!("{area}: {}.", areas.collect::<Vec<_>>().join(", ")),
        x: Axis { name: x, range: Range::Unit },
        y: Axis { name: y, range: Range::Unit },
        series,
    }
}
