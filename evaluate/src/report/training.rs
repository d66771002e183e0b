//! Training curves, from the training log.

use std::collections::BTreeSet;

use maud::{Markup, html};
use shared::metric::{Metric, MetricValues};
use shared::training_log::LogEntry;

use super::chart::{Axis, Chart, Range, Series};
use super::page::{Section, table, thousands};

pub(super) fn section(training_log: &[LogEntry], best_step: u64) -> Option<Section> {
    let charts = [loss(training_log), metrics(training_log, best_step), learning_rate(training_log)];
    let charts: Vec<Chart> = charts.into_iter().filter(has_points).collect();
    let body = html! {
        div.charts { @for chart in &charts { (chart.figure()) } }
        details { summary { "Metrics on dev" } (dev_table(training_log)) }
    };
    (!charts.is_empty()).then(|| Section { id: "training", title: "Training".into(), body })
}

fn has_points(chart: &Chart) -> bool {
    chart.series.iter().any(|series| !series.points.is_empty())
}

fn loss(training_log: &[LogEntry]) -> Chart {
    let dev = dev_of(training_log, Metric::Loss);
    let least = dev.iter().copied().min_by(|left, right| left.1.total_cmp(&right.1));
    let least = least.map(|(step, loss)| format!("The lowest loss on dev is {loss:.4}, after step {step}."));
    let train = train_of(training_log, |entry| Some(entry.loss));
    chart(
        "training-loss",
        "Loss",
        "loss",
        least,
        vec![Series::line("train", train), Series::line("dev", dev)],
    )
}

fn metrics(training_log: &[LogEntry], best_step: u64) -> Chart {
    let mut series = vec![Series::line("accuracy on train", train_of(training_log, |entry| entry.accuracy))];
    for metric in dev_metrics(training_log).into_iter().filter(is_a_rate) {
        series.push(Series::line(format!("{} on dev", metric.title()), dev_of(training_log, metric)));
    }
    series.retain(|series| !series.points.is_empty());
    let kept = format!("The model after step {} was kept.", thousands(best_step));
    chart("training-metrics", "Metrics", "value", Some(kept), series)
}

fn learning_rate(training_log: &[LogEntry]) -> Chart {
    let points = train_of(training_log, |entry| Some(entry.learning_rate));
    let most = points.iter().map(|(_, rate)| *rate).reduce(f64::max);
    let summary = most.map(|rate| format!("The highest rate is {rate:.1e}."));
    chart(
        "training-learning-rate",
        "Learning rate",
        "learning rate",
        summary,
        vec![Series::line("rate", points)],
    )
}

fn chart(
    id: &'static str,
    title: &str,
    y: &'static str,
    summary: Option<String>,
    series: Vec<Series>,
) -> Chart {
    Chart {
        id,
        title: title.to_owned(),
        summary: summary.unwrap_or_default(),
        x: Axis { name: "step", range: Range::Data },
        y: Axis { name: y, range: Range::Data },
        series,
    }
}

/// The values of a training line of the log that charts show.
struct TrainLine {
    loss: f64,
    accuracy: Option<f64>,
    learning_rate: f64,
}

fn train_of(training_log: &[LogEntry], value: impl Fn(TrainLine) -> Option<f64>) -> Vec<(f64, f64)> {
    let point = |entry: &LogEntry| match *entry {
        LogEntry::Train { step, loss, accuracy, learning_rate, .. } => {
            Some((step as f64, value(TrainLine { loss, accuracy, learning_rate })?))
        }
        LogEntry::Dev { .. } => None,
    };
    training_log.iter().filter_map(point).collect()
}

fn dev(training_log: &[LogEntry]) -> impl Iterator<Item = (u64, f64, &MetricValues)> {
    training_log.iter().filter_map(|entry| match entry {
        LogEntry::Dev { step, epoch, metrics } => Some((*step, *epoch, metrics)),
        LogEntry::Train { .. } => None,
    })
}

fn dev_of(training_log: &[LogEntry], metric: Metric) -> Vec<(f64, f64)> {
    dev(training_log)
        .filter_map(|(step, _, metric_values)| Some((step as f64, metric_values.get(metric)?)))
        .collect()
}

/// The metrics in the evaluations of dev.
fn dev_metrics(training_log: &[LogEntry]) -> BTreeSet<Metric> {
    dev(training_log)
        .flat_map(|(_, _, metric_values)| metric_values.iter().map(|(metric, _)| metric))
        .collect()
}

/// True for a measure of quality between 0 and 1.
fn is_a_rate(metric: &Metric) -> bool {
    !matches!(metric, Metric::Loss | Metric::Perplexity | Metric::Threshold)
}

fn dev_table(training_log: &[LogEntry]) -> Markup {
    let metrics = dev_metrics(training_log);
    let titles = metrics.iter().map(|metric| metric.title());
    let headings: Vec<&str> = ["step", "epoch"].into_iter().chain(titles).collect();
    let row = |(step, epoch, metric_values): (u64, f64, &MetricValues)| {
        let values = metrics.iter().map(|&metric| metric_values.get(metric));
        let shown = values.map(|value| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}")));
        [thousands(step), format!("{epoch:.2}")].into_iter().chain(shown).collect()
    };
    table(&headings, dev(training_log).map(row))
}
