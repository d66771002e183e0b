//! The headline: every metric of the task with the interval that it lies in.

use maud::html;
use metrics::significance::Interval;
use shared::figures::Metric;

use super::page::{Section, table};
use super::{RESAMPLES, Subject};
use tasks::Statistics;

pub(super) fn section(subject: &Subject<'_>, statistics: &dyn Statistics) -> Section {
    let bootstrap = subject.bootstrap();
    let interval =
        |metric| bootstrap.interval(statistics.examples(), |rows: &[usize]| statistics.metric(metric, rows));
    let row = |(metric, value): (Metric, f64)| {
        vec![metric.title().to_owned(), format!("{value:.4}"), shown(interval(metric))]
    };
    let body = html! {
        div.headline { (table(&["metric", "value", "95 % interval"], in_order(subject).map(row))) }
        p.note {
            "Intervals are of the bootstrap over examples: " (RESAMPLES) " resamples, seed " (subject.seed) "."
        }
    };
    Section { id: "figures", title: "Figures".into(), body }
}

/// The task's own metrics as it names them, then all others.
fn in_order(subject: &Subject<'_>) -> impl Iterator<Item = (Metric, f64)> {
    let own = subject.task.metrics(&subject.params.entity_recognition);
    let figures = &subject.scores.figures;
    let first = own.iter().filter_map(|&metric| Some((metric, figures.get(metric)?)));
    first.chain(figures.iter().filter(|(metric, _)| !own.contains(metric)))
}

fn shown(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "–".to_owned(), |Interval { low, high }| format!("{low:.4} … {high:.4}"))
}
