//! The main metric by the length of texts.

use maud::html;
use metrics::significance::Interval;
use shared::metric::Metric;
use shared::schema::Truth;
use shared::task::Task;
use tasks::{Statistics, TaskParams};

use super::ReportInput;
use super::chart::{Axis, Chart, Mark, Range, Series};
use super::page::{Section, table, thousands};
use super::texts::Texts;

/// The number of groups, with about equally many examples each.
const GROUPS: usize = 8;
/// The fewest examples of a group; fewer give no useful metric.
const LEAST: usize = 5;

/// A length of an example, in characters.
struct Measure {
    id: &'static str,
    title: &'static str,
    lengths: Vec<usize>,
}

/// Examples of similar length.
struct Group {
    rows: Vec<usize>,
    shortest: usize,
    longest: usize,
    mean: f64,
}

/// A metric on a group.
struct Point {
    value: f64,
    interval: Interval,
}

pub(super) fn section(
    input: &ReportInput<'_>,
    statistics: &dyn Statistics,
    texts: &Texts,
) -> Option<Section> {
    let charts: Vec<_> =
        measures(input, texts).iter().map(|measure| chart_and_table(measure, input, statistics)).collect();
    let body = html! {
        div.charts { @for (chart, _) in &charts { (chart.figure()) } }
        @for (chart, table) in &charts { details { summary { (chart.title) ", as a table" } (table) } }
        p.note { "The groups have about equally many examples; the 95 % intervals come from the bootstrap." }
    };
    (!charts.is_empty()).then(|| Section { id: "lengths", title: "By length".into(), body })
}

fn measures(input: &ReportInput<'_>, texts: &Texts) -> Vec<Measure> {
    let text = || texts.lengths.iter().map(|lengths| lengths.text);
    let both = || texts.lengths.iter().map(|lengths| lengths.text + lengths.text_pair);
    let measure = |id, title, lengths| Measure { id, title, lengths };
    match input.task {
        Task::QuestionAnswering => {
            let answers = input.predictions.iter().map(|prediction| answer_length(&prediction.truth));
            let contexts = texts.lengths.iter().map(|lengths| lengths.text_pair);
            vec![
                measure("by-question", "By length of the question", text().collect()),
                measure("by-answer", "By length of the answer", answers.collect()),
                measure("by-context", "By length of the context", contexts.collect()),
            ]
        }
        // Short texts share a row there, so a row has no single length.
        Task::MaskedLm => Vec::new(),
        _ => vec![measure("by-text", "By length of the text", both().collect())],
    }
}

/// The length of the first true answer; 0 without an answer.
fn answer_length(truth: &Truth) -> usize {
    let first = truth.as_answers().and_then(<[_]>::first);
    first.map_or(0, |answer| answer.text.chars().count())
}

/// The metrics to show, the main one first: those with a value on few examples.
fn metrics(task: Task, params: &TaskParams) -> &'static [Metric] {
    let all = task.metrics(&params.entity_recognition);
    match task {
        Task::QuestionAnswering => all,
        _ => all.get(..1).unwrap_or_default(),
    }
}

fn chart_and_table(
    measure: &Measure,
    input: &ReportInput<'_>,
    statistics: &dyn Statistics,
) -> (Chart, maud::Markup) {
    let groups = groups(&measure.lengths);
    let metrics = metrics(input.task, input.params);
    let points: Vec<Vec<Option<Point>>> = metrics
        .iter()
        .map(|&metric| groups.iter().map(|group| point(group, metric, input, statistics)).collect())
        .collect();
    let series = metrics.iter().zip(&points).map(|(metric, points)| {
        let found: Vec<_> =
            groups.iter().zip(points).filter_map(|(group, point)| Some((group, point.as_ref()?))).collect();
        let intervals = found.iter().map(|(_, point)| point.interval).collect();
        let points = found.iter().map(|(group, point)| (group.mean, point.value)).collect();
        Series { name: metric.title().to_owned(), points, mark: Mark::Intervals(intervals) }
    });
    let chart = Chart {
        id: measure.id,
        title: measure.title.to_owned(),
        summary: summary(&groups, metrics, &points),
        x: Axis { name: "characters", range: Range::Data },
        y: Axis { name: metrics.first().map_or("", |metric| metric.title()), range: Range::Data },
        series: series.collect(),
    };
    (chart, metric_values(&groups, metrics, &points))
}

fn point(
    group: &Group,
    metric: Metric,
    input: &ReportInput<'_>,
    statistics: &dyn Statistics,
) -> Option<Point> {
    let value = statistics.metric(metric, &group.rows)?;
    let of_drawn = |drawn: &[usize]| {
        let rows: Vec<usize> = drawn.iter().map(|&place| group.rows[place]).collect();
        statistics.metric(metric, &rows)
    };
    Some(Point { value, interval: input.bootstrap().interval(group.rows.len(), of_drawn)? })
}

/// Groups the examples by rising length. Examples of one length stay together, so groups may be fewer than [`GROUPS`]
/// and of unequal size.
fn groups(lengths: &[usize]) -> Vec<Group> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| lengths[row]);
    let wanted = (lengths.len() / GROUPS).max(LEAST);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for alike in order.chunk_by(|&left, &right| lengths[left] == lengths[right]) {
        match groups.last_mut() {
            Some(open) if open.len() < wanted => open.extend(alike),
            _ => groups.push(alike.to_vec()),
        }
    }
    // A remainder that is too small for a group joins the one before.
    if let [.., before, last] = groups.as_mut_slice()
        && last.len() < wanted.div_ceil(2)
    {
        before.append(last);
        groups.pop();
    }
    groups.into_iter().map(|rows| group(rows, lengths)).collect()
}

fn group(rows: Vec<usize>, lengths: &[usize]) -> Group {
    let of = || rows.iter().map(|&row| lengths[row]);
    Group {
        shortest: of().min().unwrap_or(0),
        longest: of().max().unwrap_or(0),
        mean: of().sum::<usize>() as f64 / rows.len() as f64,
        rows,
    }
}

fn range(group: &Group) -> String {
    match group.shortest == group.longest {
        true => group.longest.to_string(),
        false => format!("{} to {}", group.shortest, group.longest),
    }
}

/// The metrics of the shortest texts, and of the longest.
fn summary(groups: &[Group], metrics: &[Metric], points: &[Vec<Option<Point>>]) -> String {
    let end = |place: usize| {
        let values = metrics.iter().zip(points).filter_map(|(metric, points)| {
            Some(format!("{} {:.4}", metric.title(), points.get(place)?.as_ref()?.value))
        });
        format!("{} on {} characters", values.collect::<Vec<_>>().join(", "), range(&groups[place]))
    };
    match groups.len() {
        0 => String::new(),
        1 => format!("{}.", end(0)),
        several => format!("{}; {}.", end(0), end(several - 1)),
    }
}

fn metric_values(groups: &[Group], metrics: &[Metric], points: &[Vec<Option<Point>>]) -> maud::Markup {
    let shown = |point: &Option<Point>| match point {
        Some(Point { value, interval: Interval { low, high } }) => {
            format!("{value:.4} ({low:.4} … {high:.4})")
        }
        None => "–".to_owned(),
    };
    let headings: Vec<&str> =
        ["characters", "examples"].into_iter().chain(metrics.iter().map(|it| it.title())).collect();
    let row = |(place, group): (usize, &Group)| {
        let values = points.iter().filter_map(|points| points.get(place)).map(shown);
        [range(group), thousands(group.rows.len() as u64)].into_iter().chain(values).collect()
    };
    table(&headings, groups.iter().enumerate().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], expect: &[(usize, usize, usize)]) {
        let found: Vec<_> =
            groups(lengths).iter().map(|group| (group.rows.len(), group.shortest, group.longest)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn groups_are_of_equal_size_and_never_split_a_length() {
        check(
            &(0..80).collect::<Vec<_>>(),
            &[
                (10, 0, 9),
                (10, 10, 19),
                (10, 20, 29),
                (10, 30, 39),
                (10, 40, 49),
                (10, 50, 59),
                (10, 60, 69),
                (10, 70, 79),
            ],
        );
        check(&[7; 40], &[(40, 7, 7)]);
        check(&[1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6], &[(6, 1, 1), (5, 2, 6)]);
        check(&[], &[]);
    }

    #[test]
    fn a_small_remainder_joins_the_last_group() {
        check(&[1, 2, 3, 4, 5, 6, 7], &[(7, 1, 7)]);
        check(&[1, 2, 3, 4, 5, 6, 7, 8], &[(5, 1, 5), (3, 6, 8)]);
    }
}
