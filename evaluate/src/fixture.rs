//! Examples of every task with plausible predictions.

use shared::schema::{
    Answer, Candidate, Decoded, Entity, Example, MaskedGuess, PredictedEntity, Prediction, Truth,
};
use shared::task::Task;
use tasks::{Scores, TaskParams};

/// The number of examples of every task.
pub(crate) const EXAMPLES: usize = 24;

/// A text with markup, which every task's examples contain. A page must show it as text.
pub(crate) const MARKUP: &str = "<script>alert('별로')</script> & <b>굵게</b>";

pub(crate) struct Fixture {
    pub(crate) task: Task,
    pub(crate) params: TaskParams,
    pub(crate) examples: Vec<Example>,
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) scores: Scores,
}

impl Fixture {
    pub(crate) fn of(task: Task) -> Fixture {
        let labels = labels(task).iter().map(|&label| label.to_owned()).collect();
        let params = TaskParams { labels, threshold: Some(0.5), ..TaskParams::default() };
        let rows = (0..EXAMPLES).map(|row| prediction(task, row));
        let predictions: Vec<Prediction> = rows.collect();
        let examples = predictions.iter().enumerate().map(|(row, prediction)| example(task, row, prediction));
        let scores = tasks::score(task, &predictions, &params).unwrap();
        Fixture { task, examples: examples.collect(), predictions, scores, params }
    }
}

fn labels(task: Task) -> &'static [&'static str] {
    match task {
        Task::Classification => &["negative", "<positive>"],
        Task::PairClassification => &["entailment", "contradiction", "neutral"],
        Task::MultiLabel => &["욕설", "차별", "광고"],
        Task::EntityRecognition => &["PS", "LC"],
        Task::Regression | Task::PairRegression | Task::QuestionAnswering | Task::MaskedLm => &[],
    }
}

fn text(row: usize) -> String {
    match row {
        0 => MARKUP.to_owned(),
        row => format!("이순신은 서울에 {}", "왔다 ".repeat(row)),
    }
}

fn example(task: Task, row: usize, prediction: &Prediction) -> Example {
    let two = matches!(task, Task::PairClassification | Task::PairRegression | Task::QuestionAnswering);
    Example {
        example_id: prediction.example_id.clone(),
        text: text(row),
        text_pair: two.then(|| format!("둘째 {MARKUP}")),
        truth: prediction.truth.clone(),
    }
}

/// The prediction for the example `row`. Every third one is wrong, beginning with the first.
fn prediction(task: Task, row: usize) -> Prediction {
    let right = !row.is_multiple_of(3);
    let (truth, decoded, logits) = match task {
        Task::Classification | Task::PairClassification => class(task, row, right),
        Task::MultiLabel => label_set(row, right),
        Task::Regression | Task::PairRegression => {
            let score = (row % 6) as f32;
            (Truth::Score(f64::from(score) + 0.5 * (row % 3) as f64), Decoded::Score { score }, vec![score])
        }
        Task::EntityRecognition => entities(row, right),
        Task::QuestionAnswering => answers(row, right),
        Task::MaskedLm => masked(row, right),
    };
    Prediction { example_id: format!("test-{row}"), truth, decoded, logits }
}

fn class(task: Task, row: usize, right: bool) -> (Truth, Decoded, Vec<f32>) {
    let labels = labels(task);
    let (label, predicted) = (row % labels.len(), if right { row } else { row + 1 } % labels.len());
    let mut logits = vec![0.0; labels.len()];
    logits[predicted] = 1.0 + (row as f32) / 10.0;
    let decoded =
        Decoded::Class { predicted: labels[predicted].to_owned(), probabilities: metrics::softmax(&logits) };
    (Truth::Label(labels[label].to_owned()), decoded, logits)
}

fn label_set(row: usize, right: bool) -> (Truth, Decoded, Vec<f32>) {
    let labels = labels(Task::MultiLabel);
    let names = |holds: &dyn Fn(usize) -> bool| -> Vec<String> {
        (0..labels.len()).filter(|&id| holds(id)).map(|id| labels[id].to_owned()).collect()
    };
    let holds = |id: usize| row.is_multiple_of(id + 2);
    let predicted = |id: usize| if right { holds(id) } else { id == 0 };
    let logits: Vec<f32> =
        (0..labels.len()).map(|id| if predicted(id) { 1.5 } else { -2.0 + id as f32 / 4.0 }).collect();
    let decoded = Decoded::LabelSet { labels: names(&predicted), probabilities: metrics::sigmoid(&logits) };
    (Truth::Labels(names(&holds)), decoded, logits)
}

fn entities(row: usize, right: bool) -> (Truth, Decoded, Vec<f32>) {
    let truth = vec![
        Entity { start: 0, end: 3, label: "PS".into() },
        Entity { start: 5, end: 7, label: "LC".into() },
    ];
    let end = if right { 3 } else { 4 };
    let found = PredictedEntity { start: 0, end, label: "PS".into(), probability: 0.9 };
    let decoded = Decoded::Entities { text: text(row), entities: vec![found] };
    (Truth::Entities(truth), decoded, Vec::new())
}

fn answers(row: usize, right: bool) -> (Truth, Decoded, Vec<f32>) {
    let answer = Answer { start: 0, text: format!("둘째{}", "가".repeat(row)) };
    let text = if right { answer.text.clone() } else { MARKUP.to_owned() };
    let best = Candidate { text, start: 0, end: 2, probability: 0.8 };
    (Truth::Answers(vec![answer]), Decoded::Answers { answers: vec![best] }, Vec::new())
}

fn masked(row: usize, right: bool) -> (Truth, Decoded, Vec<f32>) {
    let predicted = if right { 5 } else { 6 };
    let guess =
        |position| MaskedGuess { position, truth: 5, predicted, log_probability: -0.25 * (row % 5) as f32 };
    (Truth::Unknown, Decoded::Masked { guesses: vec![guess(1), guess(3)] }, Vec::new())
}
