//! The first section: every metric of the task with its confidence interval.

use maud::html;
use metrics::significance::Interval;
use shared::metric::Metric;
use tasks::Statistics;

use super::page::{Section, table};
use super::{RESAMPLES, ReportInput};

pub(super) fn section(input: &ReportInput<'_>, statistics: &dyn Statistics) -> Section {
    let bootstrap = input.bootstrap();
    let interval =
        |metric| bootstrap.interval(statistics.examples(), |rows: &[usize]| statistics.metric(metric, rows));
    let row = |(metric, value): (Metric, f64)| {
        vec![metric.title().to_owned(), format!("{value:.4}"), shown(interval(metric))]
    };
    let body = html! {
        div.headline { (table(&["metric", "value", "95 % interval"], in_order(input).map(row))) }
        p.note {
            "The intervals come from the bootstrap over examples: " (RESAMPLES) " resamples, seed " (input.seed) "."
        }
    };
    Section { id: "figures", title: "Metrics".into(), body }
}

/// The task's own metrics in its order, then all others.
fn in_order(input: &ReportInput<'_>) -> impl Iterator<Item = (Metric, f64)> {
    let own = input.task.metrics(&input.params.entity_recognition);
    let metric_values = &input.scores.metric_values;
    let first = own.iter().filter_map(|&metric| Some((metric, metric_values.get(metric)?)));
    first.chain(metric_values.iter().filter(|(metric, _)| !own.contains(metric)))
}

fn shown(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "–".to_owned(), |Interval { low, high }| format!("{low:.4} … {high:.4}"))
}
