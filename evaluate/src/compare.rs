//! The comparison of runs: their metrics on the same examples, and the significance of differences.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use metrics::significance::{Bootstrap, Difference, mcnemar};
use shared::fault::Fault;
use shared::metric::Metric;
use shared::schema::{Decoded, Prediction, PredictionReader};
use shared::task::Task;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};
use tasks::{Statistics, TaskParams};

const COLUMNS: [&str; 7] = ["metric", "run", "value", "difference", "95 % interval", "p", "test"];

/// A run's predictions for a split, with their per-example statistics.
pub(crate) struct RunPredictions {
    name: String,
    predictions: Vec<Prediction>,
    statistics: Box<dyn Statistics>,
}

impl RunPredictions {
    /// Reads the predictions of the run `name` from the file at `path`.
    ///
    /// # Errors
    /// An input fault where the predictions are of another task, or of other labels than those in `params`.
    pub(crate) fn read(name: &str, path: &Path, task: Task, params: &TaskParams) -> Result<RunPredictions> {
        let mut predictions = Vec::new();
        for batch in PredictionReader::open(path)? {
            predictions.extend(batch?);
        }
        RunPredictions::new(name, predictions, task, params)
    }

    fn new(
        name: &str,
        predictions: Vec<Prediction>,
        task: Task,
        params: &TaskParams,
    ) -> Result<RunPredictions> {
        let unlike = || format!("the run {name} cannot be compared");
        let other_task = || {
            let task = task.name();
            Fault::input(format!("{}: its task is not {task}; name a run of this task", unlike()))
        };
        let same_kind = predictions.iter().all(|prediction| prediction.decoded.kind() == task.decoded());
        ensure!(same_kind, other_task());
        let statistics = tasks::spec(task).statistics(&predictions, params).with_context(unlike)?;
        Ok(RunPredictions { name: name.to_owned(), predictions, statistics })
    }
}

/// A table of every metric of every run, with the difference of `others` from `own` and its p-value. The test is
/// McNemar's where an example is right or wrong, else the paired bootstrap.
///
/// # Errors
/// An input fault where another run was not evaluated on the same examples.
pub(crate) fn table(
    metrics: &[Metric],
    own: &RunPredictions,
    others: &[RunPredictions],
    bootstrap: Bootstrap,
) -> Result<String> {
    others.iter().try_for_each(|other| ensure_same_examples(own, other))?;
    let mut table = Builder::default();
    table.push_record(COLUMNS);
    let all: Vec<usize> = (0..own.statistics.examples()).collect();
    for metric in metrics.iter().copied().chain([Metric::Loss]) {
        let Some(value) = own.statistics.metric(metric, &all) else { continue };
        let own_cells =
            [metric.title(), &own.name, &format!("{value:.4}"), "", "", "", ""].map(str::to_owned);
        table.push_record(own_cells);
        for other in others {
            table.push_record(cells(metric, value, own, other, bootstrap, &all));
        }
    }
    let mut table = table.build();
    table.with(Style::psql()).modify(Columns::new(2..6), Alignment::right());
    Ok(table.to_string())
}

fn cells(
    metric: Metric,
    own_value: f64,
    own: &RunPredictions,
    other: &RunPredictions,
    bootstrap: Bootstrap,
    all: &[usize],
) -> [String; 7] {
    let nothing = || "–".to_owned();
    let value = other.statistics.metric(metric, all);
    let bootstrapped = bootstrap.difference(all.len(), |rows: &[usize]| {
        Some(other.statistics.metric(metric, rows)? - own.statistics.metric(metric, rows)?)
    });
    let interval = bootstrapped
        .map(|Difference { interval, .. }| format!("{:+.4} … {:+.4}", interval.low, interval.high));
    let (p_value, test) = match discordant(metric, own, other) {
        Some((only_own, only_other)) => (Some(mcnemar(only_own, only_other)), "McNemar"),
        None => (bootstrapped.map(|difference| difference.p_value), "paired bootstrap"),
    };
    [
        metric.title().to_owned(),
        other.name.clone(),
        value.map_or_else(nothing, |value| format!("{value:.4}")),
        value.map_or_else(nothing, |value| format!("{:+.4}", value - own_value)),
        interval.unwrap_or_else(nothing),
        p_value.map_or_else(nothing, |p| if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }),
        test.to_owned(),
    ]
}

/// The number of examples that only `own` predicts correctly, and that only `other` does; None where the metric does
/// not decide single examples.
fn discordant(metric: Metric, own: &RunPredictions, other: &RunPredictions) -> Option<(u64, u64)> {
    let (mut only_own, mut only_other) = (0, 0);
    for row in 0..own.statistics.examples() {
        match (own.statistics.is_correct(metric, row)?, other.statistics.is_correct(metric, row)?) {
            (true, false) => only_own += 1,
            (false, true) => only_other += 1,
            _ => {}
        }
    }
    Some((only_own, only_other))
}

/// Returns an input fault unless both runs have predictions for the same examples, in the same order and with the same
/// gold answers.
fn ensure_same_examples(own: &RunPredictions, other: &RunPredictions) -> Result<()> {
    let unlike = |what: String| {
        Fault::input(format!(
            "the runs {} and {} cannot be compared: {what}; evaluate both on the same split of the same corpus",
            own.name, other.name
        ))
    };
    let (ours, theirs) = (own.predictions.len(), other.predictions.len());
    ensure!(ours == theirs, unlike(format!("one has {ours} examples, the other {theirs}")));
    for (ours, theirs) in own.predictions.iter().zip(&other.predictions) {
        let (id, other_id) = (&ours.example_id, &theirs.example_id);
        ensure!(id == other_id, unlike(format!("where one has the example {id}, the other has {other_id}")));
        let same = ours.truth == theirs.truth && masked_tokens(ours) == masked_tokens(theirs);
        ensure!(same, unlike(format!("the gold answers of the example {id} differ")));
    }
    Ok(())
}

/// The positions and ids of the masked tokens; empty for other tasks.
fn masked_tokens(prediction: &Prediction) -> Vec<(i32, i64)> {
    let guesses =
        if let Decoded::Masked { guesses } = &prediction.decoded { guesses.as_slice() } else { &[] };
    guesses.iter().map(|guess| (guess.position, guess.truth)).collect()
}

#[cfg(test)]
mod tests {
    use shared::schema::Truth;

    use super::*;
    use crate::fixture::Fixture;

    const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 200, seed: 7 };
    const METRICS: [Metric; 2] = [Metric::Accuracy, Metric::MacroF1];

    fn run(name: &str, fixture: Fixture) -> RunPredictions {
        RunPredictions::new(name, fixture.predictions, fixture.task, &fixture.params).unwrap()
    }

    /// A run against itself, and against one that has every example right.
    #[test]
    fn the_table_has_a_row_for_each_metric_and_run() {
        for task in Task::ALL {
            let [own, same] = ["own", "same"].map(|name| run(name, Fixture::of(task)));
            let metrics = task.metrics(&Fixture::of(task).params.entity_recognition);
            let table = table(metrics, &own, &[same], BOOTSTRAP).unwrap();
            for metric in metrics {
                let rows = table.lines().filter(|line| line.trim_start().starts_with(metric.title())).count();
                assert!(rows >= 2, "{metric:?} of {task:?} in\n{table}");
            }
            let other_rows: Vec<&str> = table.lines().filter(|line| line.contains(" same ")).collect();
            let equal = |row: &&str| row.contains("+0.0000") && row.contains("1.0000");
            assert!(other_rows.iter().all(equal), "{table}");
        }
    }

    #[test]
    fn a_perfect_run_differs_significantly() {
        let own = run("own", Fixture::of(Task::Classification));
        let mut perfect = Fixture::of(Task::Classification);
        for prediction in &mut perfect.predictions {
            let Decoded::Class { predicted, .. } = &mut prediction.decoded else { panic!("no class") };
            predicted.clone_from(prediction.truth.as_label().unwrap());
        }
        let table = table(&METRICS, &own, &[run("perfect", perfect)], BOOTSTRAP).unwrap();
        let row = table.lines().find(|line| line.contains("perfect") && line.contains("accuracy")).unwrap();
        // 8 examples are correct in one run only: p = 2 / 2⁸.
        for part in ["1.0000", "+0.3333", "0.0078", "McNemar"] {
            assert!(row.contains(part), "{row}\nlacks {part}");
        }
        assert!(table.contains("paired bootstrap"), "{table}");
    }

    fn check_refused(change: impl Fn(&mut Vec<Prediction>), expect: &str) {
        let own = run("own", Fixture::of(Task::Classification));
        let mut other = Fixture::of(Task::Classification);
        change(&mut other.predictions);
        let error = table(&METRICS, &own, &[run("other", other)], BOOTSTRAP).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains(expect), "{error:#}");
    }

    #[test]
    fn runs_of_another_task_are_refused_by_name() {
        let Fixture { predictions, params, .. } = Fixture::of(Task::PairRegression);
        let error = RunPredictions::new("scores", predictions, Task::Classification, &params).err().unwrap();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        let sentence = "the run scores cannot be compared: its task is not classification";
        assert!(format!("{error:#}").starts_with(sentence), "{error:#}");
    }

    #[test]
    fn runs_on_other_examples_are_refused() {
        check_refused(|predictions| predictions.truncate(20), "one has 24 examples, the other 20");
        check_refused(
            |predictions| predictions.swap(0, 2),
            "one has the example test-0, the other has test-2",
        );
        let flip =
            |predictions: &mut Vec<Prediction>| predictions[0].truth = Truth::Label("<positive>".into());
        check_refused(flip, "the gold answers of the example test-0 differ");
    }
}
