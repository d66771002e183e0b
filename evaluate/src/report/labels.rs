//! Precision, recall and F1 of every label.

use metrics::ClassMetrics;
use tasks::Details;

use super::page::{Section, table, thousands};

pub(super) fn section(details: &Details) -> Option<Section> {
    let classes = match details {
        Details::Classes { classes, .. } | Details::Labels { classes } => classes,
        Details::Nothing => return None,
    };
    let row = |class: &ClassMetrics| {
        let rates = [class.precision, class.recall, class.f1].map(|rate| format!("{rate:.4}"));
        let name = [class.label.clone()];
        name.into_iter().chain(rates).chain([thousands(class.support)]).collect()
    };
    let body = table(&["label", "precision", "recall", "F1", "examples"], classes.iter().map(row));
    Some(Section { id: "labels", title: "Labels".into(), body })
}
