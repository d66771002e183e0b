//! Tests of the statistics of every task, on the examples of [`crate::fixture`].

use shared::metric::Metric;
use shared::task::Task;
use tasks::Statistics;

use crate::fixture::{EXAMPLES, Fixture};

fn statistics_of(fixture: &Fixture) -> Box<dyn Statistics> {
    tasks::spec(fixture.task).statistics(&fixture.predictions, &fixture.params).unwrap()
}

#[test]
fn a_resample_counts_an_example_as_often_as_it_was_drawn() {
    for task in Task::ALL {
        let mut fixture = Fixture::of(task);
        let drawn = [1, 1, 5, 9, 2, 9];
        let resampled = statistics_of(&fixture);
        fixture.predictions = drawn.iter().map(|&row: &usize| fixture.predictions[row].clone()).collect();
        let (copied, all) = (statistics_of(&fixture), [0, 1, 2, 3, 4, 5]);
        for metric in task.metrics(&fixture.params.entity_recognition).iter().copied().chain([Metric::Loss]) {
            assert_eq!(
                resampled.metric(metric, &drawn),
                copied.metric(metric, &all),
                "{metric:?} of {task:?}"
            );
        }
    }
}

#[test]
fn accuracy_and_exact_match_decide_every_example() {
    let right = |task, metric| {
        let statistics = statistics_of(&Fixture::of(task));
        (0..EXAMPLES).filter_map(|row| statistics.is_correct(metric, row)).filter(|right| *right).count()
    };
    assert_eq!(right(Task::PairClassification, Metric::Accuracy), 16);
    assert_eq!(right(Task::QuestionAnswering, Metric::ExactMatch), 16);
    assert_eq!(right(Task::QuestionAnswering, Metric::F1), 0);
}

#[test]
fn predictions_of_another_task_are_an_input_fault() {
    let fixture = Fixture::of(Task::PairRegression);
    for task in Task::ALL.into_iter().filter(|task| !matches!(task, Task::Regression | Task::PairRegression))
    {
        let error = tasks::spec(task).statistics(&fixture.predictions, &fixture.params).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3, "{task:?}: {error:#}");
    }
}

#[test]
fn means_over_no_rows_have_no_value() {
    // A quotient of counts is 0 where there is nothing to count, as in scikit-learn with `zero_division=0`.
    let of_counts = [
        Metric::MacroF1,
        Metric::MicroF1,
        Metric::F1AtThree,
        Metric::EntityF1,
        Metric::EntityPrecision,
        Metric::EntityRecall,
    ];
    for task in Task::ALL {
        let fixture = Fixture::of(task);
        let statistics = statistics_of(&fixture);
        let all: Vec<usize> = (0..EXAMPLES).collect();
        let metrics = task.metrics(&fixture.params.entity_recognition).iter().copied().chain([Metric::Loss]);
        for metric in metrics.filter(|&metric| statistics.metric(metric, &all).is_some()) {
            let expect = match metric {
                // KLUE-baseline scores characters with `zero_division=True`.
                Metric::CharacterF1 => Some(1.0),
                metric => of_counts.contains(&metric).then_some(0.0),
            };
            assert_eq!(statistics.metric(metric, &[]), expect, "{metric:?} of {task:?}");
        }
    }
}
