//! The targets of a batch.

use anyhow::{Context, Result, ensure};
use burn::tensor::{Device, Int, Tensor, TensorData};
use model_files::BertConfig;
use shared::fault::Fault;
use shared::schema::{Features, TargetKind, Targets};

/// The targets of all rows, of one kind.
#[derive(Debug, Clone)]
pub(crate) enum BatchTargets {
    /// The rows have no labels.
    Unknown,
    /// `[batch]`
    Classes(Vec<i64>),
    /// `[batch, labels]`
    Sets(Vec<f32>),
    /// `[batch]`
    Scores(Vec<f32>),
    /// `[batch, seq]`, [`Targets::IGNORED`] where a token has none; the tags of a masked model are words.
    Tags(Vec<i64>),
    /// `[batch, 2]`: the first and the last token.
    Spans(Vec<[i64; 2]>),
}

impl BatchTargets {
    /// Reads the targets of `rows`, padded to `seq`.
    ///
    /// # Errors
    /// A [`Fault::input`] that names the example which the model of `config` cannot learn, or whose targets are of
    /// another kind than those before it.
    pub(crate) fn of(rows: &[&Features], config: &BertConfig, seq: usize) -> Result<BatchTargets> {
        let mut all = rows.first().map_or(BatchTargets::Unknown, |row| BatchTargets::like(&row.targets));
        let (wanted, outputs) = (config.targets(), config.outputs());
        for row in rows {
            let unfit = || Fault::input(format!("example {} is unfit", row.example_id));
            check(row, wanted, outputs).and_then(|()| all.push(row, seq)).with_context(unfit)?;
        }
        Ok(all)
    }

    fn like(targets: &Targets) -> BatchTargets {
        match targets {
            Targets::Unknown | Targets::Words(_) => BatchTargets::Unknown,
            Targets::Class(_) => BatchTargets::Classes(Vec::new()),
            Targets::Classes(_) => BatchTargets::Sets(Vec::new()),
            Targets::Score(_) => BatchTargets::Scores(Vec::new()),
            Targets::Tags(_) => BatchTargets::Tags(Vec::new()),
            Targets::Span { .. } => BatchTargets::Spans(Vec::new()),
        }
    }

    fn push(&mut self, row: &Features, seq: usize) -> Result<()> {
        match (self, &row.targets) {
            (BatchTargets::Unknown, Targets::Unknown) => {}
            (BatchTargets::Classes(all), Targets::Class(id)) => all.push(*id),
            (BatchTargets::Sets(all), Targets::Classes(set)) => all.extend(set),
            (BatchTargets::Scores(all), Targets::Score(score)) => all.push(*score),
            (BatchTargets::Tags(all), Targets::Tags(tags)) => {
                all.extend(tags);
                all.extend(std::iter::repeat_n(Targets::IGNORED, seq.saturating_sub(tags.len())));
            }
            (BatchTargets::Spans(all), Targets::Span { start, end }) => all.push([*start, *end]),
            (_, targets) => anyhow::bail!("its targets are of another kind than its batch's: {targets:?}"),
        }
        Ok(())
    }

    /// The right class of every row, or of every token that has one; absent where targets are no classes.
    pub(crate) fn classes(&self) -> Option<Vec<i64>> {
        match self {
            BatchTargets::Classes(ids) => Some(ids.clone()),
            BatchTargets::Tags(tags) => {
                Some(tags.iter().copied().filter(|&tag| tag != Targets::IGNORED).collect())
            }
            _ => None,
        }
    }

    /// The positions in the batch of the tokens that have a class.
    pub(crate) fn places(&self) -> Vec<i64> {
        let BatchTargets::Tags(tags) = self else { return Vec::new() };
        (0..).zip(tags).filter(|&(_, &tag)| tag != Targets::IGNORED).map(|(place, _)| place).collect()
    }

    /// True where no row has a target.
    pub(crate) fn are_empty(&self) -> bool {
        match self {
            BatchTargets::Unknown => true,
            BatchTargets::Classes(ids) => ids.is_empty(),
            BatchTargets::Sets(values) | BatchTargets::Scores(values) => values.is_empty(),
            BatchTargets::Tags(tags) => tags.iter().all(|&tag| tag == Targets::IGNORED),
            BatchTargets::Spans(spans) => spans.is_empty(),
        }
    }
}

/// `[n]`
pub(crate) fn integers(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// True where a model learns such targets. `wanted` is absent where its config does not say, and `outputs` is 0 where it names no
/// labels.
fn check(row: &Features, wanted: Option<TargetKind>, outputs: usize) -> Result<()> {
    let targets = &row.targets;
    let kind = match targets {
        Targets::Unknown => return Ok(()),
        Targets::Class(_) => TargetKind::Class,
        Targets::Classes(set) => TargetKind::Classes(set.len()),
        Targets::Score(_) => TargetKind::Score,
        Targets::Tags(_) if wanted == Some(TargetKind::Words) => TargetKind::Words,
        Targets::Tags(_) => TargetKind::Tags,
        Targets::Span { .. } => TargetKind::Span,
        Targets::Words(_) => anyhow::bail!("its words are not masked, so there is nothing to find"),
    };
    let wanted = wanted.unwrap_or(kind);
    ensure!(wanted == kind, "its targets are {kind:?}, and the model learns {wanted:?}");
    let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < outputs) || outputs == 0;
    match targets {
        Targets::Class(id) => ensure!(known(*id), "it has the label id {id}, which is unknown"),
        Targets::Score(score) => ensure!(score.is_finite(), "its score is no number"),
        Targets::Tags(tags) => {
            ensure!(tags.len() == row.input_ids.len(), "it has not a tag for every token");
            let unknown = tags.iter().find(|&&tag| tag != Targets::IGNORED && !known(tag));
            ensure!(unknown.is_none(), "it has the tag id {}, which is unknown", unknown.unwrap_or(&0));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::task::OutputLayer;

    use super::*;

    fn config(layer: OutputLayer, targets: TargetKind) -> BertConfig {
        let text = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 4}"#;
        let labels = ["no", "yes"].map(String::from);
        serde_json::from_str::<BertConfig>(text).unwrap().with_task(layer, targets, &labels)
    }

    fn row(id: &str, length: usize, targets: Targets) -> Features {
        let (input_ids, token_type_ids) = (vec![1; length], vec![0; length]);
        Features { example_id: id.into(), input_ids, token_type_ids, targets, offsets: Vec::new() }
    }

    fn of(rows: &[Features], config: &BertConfig) -> Result<BatchTargets> {
        BatchTargets::of(&rows.iter().collect::<Vec<_>>(), config, 3)
    }

    fn check_refused(config: &BertConfig, rows: &[Features], reason: &str) {
        let error = of(rows, config).unwrap_err();
        let message = format!("{error:#}");
        assert_eq!(shared::fault::kind_of(&error).code(), 3, "{message}");
        assert!(message.contains("example bad") && message.contains(reason), "{message}");
    }

    #[test]
    fn tags_are_padded_and_counted_where_there_are_any() {
        let rows = [
            row("a", 2, Targets::Tags(vec![Targets::IGNORED, 1])),
            row("b", 3, Targets::Tags(vec![0, Targets::IGNORED, 1])),
        ];
        let targets = of(&rows, &config(OutputLayer::Tokens, TargetKind::Tags)).unwrap();
        assert_eq!((targets.classes().unwrap(), targets.places()), (vec![1, 0, 1], vec![1, 3, 5]));
        assert!(!targets.are_empty());
        let none = row("a", 2, Targets::Tags(vec![Targets::IGNORED; 2]));
        assert!(of(&[none], &config(OutputLayer::Tokens, TargetKind::Tags)).unwrap().are_empty());
    }

    #[test]
    fn what_the_model_does_not_learn_is_refused() {
        let bad = |targets| [row("bad", 2, targets)];
        let sequence = |targets| config(OutputLayer::Sequence, targets);
        check_refused(&sequence(TargetKind::Class), &bad(Targets::Class(2)), "the label id 2");
        check_refused(&sequence(TargetKind::Class), &bad(Targets::Class(-1)), "the label id -1");
        check_refused(&sequence(TargetKind::Class), &bad(Targets::Score(1.0)), "learns Class");
        check_refused(&sequence(TargetKind::Score), &bad(Targets::Score(f32::NAN)), "no number");
        check_refused(&sequence(TargetKind::Classes(2)), &bad(Targets::Classes(vec![1.0])), "Classes(1)");
        let tags = config(OutputLayer::Tokens, TargetKind::Tags);
        check_refused(&tags, &bad(Targets::Tags(vec![0, 2])), "the tag id 2");
        check_refused(&tags, &bad(Targets::Tags(vec![0])), "every token");
        let words = config(OutputLayer::Vocabulary, TargetKind::Words);
        of(&[row("a", 2, Targets::Tags(vec![9, Targets::IGNORED]))], &words).unwrap();
        check_refused(&words, &bad(Targets::Words(vec![true, false])), "not masked");
    }

    #[test]
    fn kinds_are_not_mixed() {
        let config = config(OutputLayer::Sequence, TargetKind::Class);
        let mixed = [row("a", 2, Targets::Class(1)), row("bad", 2, Targets::Unknown)];
        check_refused(&config, &mixed, "of another kind");
        assert!(of(&[row("a", 2, Targets::Unknown)], &config).unwrap().are_empty());
    }
}
