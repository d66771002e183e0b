//! The head that comes with pretrained weights: whether it fits the task and its labels.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use model_files::{Architecture, BertConfig};
use shared::fault::Fault;
use shared::names::{joined, listed};
use shared::schema::TargetKind;
use shared::spelling::of_label;
use shared::task::OutputLayer;

use crate::weights::files::StoredTensor;
use crate::weights::parameters::HeadPolicy;

/// The tensors of a model on disk.
pub(crate) struct StoredHead<'a> {
    pub(crate) tensors: &'a mut BTreeMap<String, StoredTensor>,
    /// The config that lies beside them.
    pub(crate) own: &'a BertConfig,
    pub(crate) folder: &'a Path,
}

/// The relation of a stored head to the corpus.
#[derive(Debug, PartialEq, Eq)]
enum HeadMatch {
    /// It has the labels of the corpus in their order, or needs no labels.
    Same,
    /// As many classes as the corpus has labels, without names.
    Unnamed,
    /// It has the labels in another order: the row of the head for each label of the corpus.
    Reordered(Vec<usize>),
    /// It belongs to another task, for this reason.
    Foreign(String),
    /// It contradicts its own config.json, for this reason.
    Torn(String),
}

impl StoredHead<'_> {
    /// Fits the head to the `wanted` outputs of `architecture`, or removes it so that a new one is drawn.
    ///
    /// # Errors
    /// A [`Fault::input`] where a head is required, and there is none or it is another task's.
    pub(crate) fn fit(
        &mut self,
        architecture: Architecture,
        wanted: &BertConfig,
        head: HeadPolicy,
    ) -> Result<()> {
        let (place, noun, prefix) = (self.folder.display(), architecture.noun(), architecture.head());
        let labels = wanted.id2label.values().map(String::as_str).collect::<Vec<_>>();
        if !self.tensors.keys().any(|name| name.starts_with(prefix)) {
            let missing = || {
                Fault::input(format!(
                    "the model in {place} has no {noun}, which it needs where it is not trained; take a fine-tuned \
                     model, or train one in a run with `train.epochs` above 0"
                ))
            };
            ensure!(head == HeadPolicy::MayBeNew, missing());
            return Ok(());
        }
        match self.head_match(architecture, wanted, &labels) {
            HeadMatch::Same => {}
            HeadMatch::Unnamed => {
                let level = if labels_are_ids(&labels) { log::Level::Info } else { log::Level::Warn };
                let classes = by_ids(&labels);
                log::log!(level, "the model's classes have no names, and are taken by their ids: {classes}");
            }
            HeadMatch::Reordered(rows) => {
                self.reorder(architecture, &rows);
                log::info!("the model's classes are put in the corpus' order: {}", listed(&labels));
            }
            HeadMatch::Foreign(reason) if head == HeadPolicy::MayBeNew => {
                log::info!("the model's head is left aside, for it is another task's: {reason}");
                self.tensors.retain(|name, _| !name.starts_with(prefix));
            }
            HeadMatch::Torn(reason) if head == HeadPolicy::MayBeNew => {
                log::warn!(
                    "the model's head is left aside, for its weights and its config.json disagree: {reason}"
                );
                self.tensors.retain(|name, _| !name.starts_with(prefix));
            }
            HeadMatch::Foreign(reason) => bail!(Fault::input(format!(
                "the head of the model in {place} is another task's: {reason}; train a new {noun} in a run with \
                 `train.epochs` above 0, or give its classes the corpus' names in `id2label` of the model's config.json if there \
                 are as many and they mean the same"
            ))),
            HeadMatch::Torn(reason) => bail!(Fault::input(format!(
                "the weights and the config.json of the model in {place} disagree: {reason}; take both from the same model, or \
                 train a new {noun} in a run with `train.epochs` above 0"
            ))),
        }
        Ok(())
    }

    /// Reorders the rows of the last layer.
    fn reorder(&mut self, architecture: Architecture, rows: &[usize]) {
        let output = architecture.output();
        let of_output = |name: &str| {
            let rest = output.and_then(|output| name.strip_prefix(output));
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        for (_, tensor) in self.tensors.iter_mut().filter(|(name, _)| of_output(name)) {
            *tensor = tensor.select_rows(rows);
        }
    }

    fn head_match(&self, architecture: Architecture, wanted: &BertConfig, labels: &[&str]) -> HeadMatch {
        let Some(output) = architecture.output() else { return HeadMatch::Same };
        if let Some(reason) = self.foreign_purpose(architecture, wanted) {
            return HeadMatch::Foreign(reason);
        }
        let output = self.tensors.get(&format!("{output}.weight"));
        let Some(&classes) = output.and_then(|weight| weight.shape.first()) else {
            return HeadMatch::Foreign(format!("it is not that of {}", architecture.class()));
        };
        let (outputs, names) = (wanted.outputs(), self.own.id2label.len());
        let of_labels = !matches!(wanted.targets(), Some(TargetKind::Score | TargetKind::Span));
        let is_told = names == outputs || own_names(self.own) > 0;
        if of_labels && is_told && names != classes {
            return HeadMatch::Torn(format!(
                "the head has {classes} outputs, and `id2label` has {names} names"
            ));
        }
        if classes != outputs {
            return HeadMatch::Foreign(format!("it has {classes} outputs, and {outputs} are wanted"));
        }
        match wanted.targets() {
            Some(TargetKind::Score | TargetKind::Span) => HeadMatch::Same,
            _ => by_names(self.own, labels),
        }
    }

    /// The reason why the head is for another purpose, by its config, where heads have the same tensors.
    fn foreign_purpose(&self, architecture: Architecture, wanted: &BertConfig) -> Option<String> {
        let of_classes = |layer| matches!(layer, OutputLayer::Sequence | OutputLayer::Tokens);
        let other = |layer: &OutputLayer| of_classes(*layer) && *layer != architecture.layer;
        if of_classes(architecture.layer)
            && let Some(layer) = self.own.output_layer().filter(other)
        {
            let class = Architecture { layer, ..architecture }.class();
            return Some(format!("its config.json says {class}"));
        }
        let own = self.own.problem_type?;
        let problem = wanted.problem_type.filter(|&wanted| wanted != own)?;
        Some(format!("its config.json says {own}, and {problem} is wanted"))
    }
}

/// The classes whose names say more than their ids.
fn own_names(own: &BertConfig) -> usize {
    own.id2label.iter().filter(|(id, name)| **name != format!("LABEL_{id}")).count()
}

fn by_names(own: &BertConfig, labels: &[&str]) -> HeadMatch {
    let named = own_names(own);
    let names: Vec<_> = own.id2label.values().map(|name| of_label(name)).collect();
    let row = |label: &&str| names.iter().position(|name| *name == of_label(label));
    let rows: Option<Vec<usize>> = labels.iter().map(row).collect();
    match rows {
        Some(rows) if names.len() == labels.len() && rows.is_sorted() => HeadMatch::Same,
        // A corpus may well have labels of such names itself.
        Some(rows) if names.len() == labels.len() => HeadMatch::Reordered(rows),
        _ if named == 0 => HeadMatch::Unnamed,
        _ => HeadMatch::Foreign(format!(
            "its labels are {}, and those of the corpus are {}",
            listed(&names),
            listed(labels)
        )),
    }
}

/// True where every label is the id of its class.
fn labels_are_ids(labels: &[&str]) -> bool {
    labels.iter().zip(0..).all(|(label, id): (_, usize)| *label == id.to_string())
}

fn by_ids(labels: &[&str]) -> String {
    joined(labels.iter().enumerate().map(|(id, label)| format!("LABEL_{id} is `{label}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(model_type: &str, keys: &str) -> BertConfig {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 10, "hidden_size": 2, "num_hidden_layers": 1,
            "num_attention_heads": 1, "intermediate_size": 4, "max_position_embeddings": 4{keys}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// A head whose row of class `i` is `[i, i]`, and its bias `i`.
    fn head(output: &str, classes: u8) -> BTreeMap<String, StoredTensor> {
        let values: Vec<f32> = (0..classes).map(f32::from).collect();
        let rows: Vec<f32> = values.iter().flat_map(|&value| [value; 2]).collect();
        let classes = values.len();
        BTreeMap::from([
            (format!("{output}.weight"), StoredTensor::from_f32(vec![classes, 2], &rows)),
            (format!("{output}.bias"), StoredTensor::from_f32(vec![classes], &values)),
            ("bert.pooler.dense.bias".to_owned(), StoredTensor::from_f32(vec![2], &[5.0, 5.0])),
        ])
    }

    fn fit(
        tensors: &mut BTreeMap<String, StoredTensor>,
        own: &BertConfig,
        wanted: &BertConfig,
        head: HeadPolicy,
    ) -> Result<()> {
        let mut stored = StoredHead { tensors, own, folder: Path::new("model") };
        stored.fit(wanted.architecture().unwrap(), wanted, head)
    }

    const LABELS: [&str; 3] = ["no", "maybe", "yes"];

    /// The bias that is left under `output` where the model is trained, if any; and that a model which is not
    /// trained is refused if there is none.
    fn check(own: &BertConfig, stored: (&str, u8), expect: Option<&[f32]>) {
        check_for((OutputLayer::Sequence, TargetKind::Class), own, stored, expect);
    }

    fn check_for(
        (layer, targets): (OutputLayer, TargetKind),
        own: &BertConfig,
        stored: (&str, u8),
        expect: Option<&[f32]>,
    ) {
        let wanted = own.clone().with_task(layer, targets, &LABELS.map(String::from));
        let fit = |required| {
            let mut tensors = head(stored.0, stored.1);
            fit(&mut tensors, own, &wanted, required).map(|()| tensors)
        };
        let tensors = fit(HeadPolicy::MayBeNew).unwrap();
        assert!(tensors.contains_key("bert.pooler.dense.bias"));
        let values = |part: &str| Some(tensors.get(&format!("{}.{part}", stored.0))?.values().unwrap());
        assert_eq!(values("bias").as_deref(), expect);
        let rows = expect.map(|values| values.iter().flat_map(|&value| [value; 2]).collect::<Vec<_>>());
        assert_eq!(values("weight"), rows);
        match fit(HeadPolicy::Required) {
            Ok(_) => assert!(expect.is_some()),
            Err(error) => {
                assert_eq!((expect, shared::fault::kind_of(&error).code()), (None, 3), "{error:#}");
                assert!(format!("{error:#}").contains("`train.epochs` above 0"), "{error:#}");
            }
        }
    }

    fn labelled(names: [&str; 3]) -> BertConfig {
        let [a, b, c] = names;
        config("bert", &format!(r#", "id2label": {{"0": "{a}", "1": "{b}", "2": "{c}"}}"#))
    }

    #[test]
    fn a_head_for_the_corpus_labels_is_taken() {
        check(&labelled(LABELS), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
    }

    #[test]
    fn classes_in_another_order_are_reordered() {
        check(&labelled(["yes", "no", "maybe"]), ("classifier", 3), Some(&[1.0, 2.0, 0.0]));
        let mut electra = labelled(["maybe", "no", "yes"]);
        electra.model_type = model_files::ModelType::Electra;
        check(&electra, ("classifier.out_proj", 3), Some(&[1.0, 0.0, 2.0]));
    }

    #[test]
    fn classes_without_names_are_taken_by_id() {
        check(&labelled(["LABEL_0", "LABEL_1", "LABEL_2"]), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
        check(&config("bert", ""), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
    }

    #[test]
    fn labels_that_have_the_default_names_are_taken_by_name() {
        let names: Vec<String> = (0..12).map(|id| format!("LABEL_{id}")).collect();
        let id2label: BTreeMap<usize, String> = names.iter().cloned().enumerate().collect();
        let mut own = config("bert", "");
        own.id2label = id2label;
        let mut labels = names.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(by_names(&own, &labels), HeadMatch::Same);
        labels.sort_unstable();
        assert_eq!(by_names(&own, &labels), HeadMatch::Reordered(vec![0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]));
        let integers: Vec<String> = (0..12).map(|label| label.to_string()).collect();
        let integers: Vec<&str> = integers.iter().map(String::as_str).collect();
        assert_eq!(by_names(&own, &integers), HeadMatch::Unnamed);
    }

    #[test]
    fn names_in_another_spelling_are_the_same_names() {
        let head_match = |names, labels: [&str; 3]| by_names(&labelled(names), &labels);
        assert_eq!(head_match(["0.0", "1.0", " 2"], ["0", "1", "2"]), HeadMatch::Same);
        assert_eq!(head_match(["0.0", "2.0", "1.0"], ["0", "1", "2"]), HeadMatch::Reordered(vec![0, 2, 1]));
        let composed = "\u{1100}\u{1161}";
        assert_eq!(head_match(["b", "c", composed], ["가", "b", "c"]), HeadMatch::Reordered(vec![2, 0, 1]));
    }

    #[test]
    fn it_is_said_which_label_a_class_is() {
        assert!(labels_are_ids(&["0", "1", "2"]));
        assert!(!labels_are_ids(&["1", "2", "3"]));
        assert_eq!(by_ids(&["1", "2"]), "LABEL_0 is `1`, LABEL_1 is `2`");
        let many: Vec<&str> = std::iter::repeat_n("a", 13).collect();
        assert!(by_ids(&many).ends_with("LABEL_9 is `a` and 3 more"), "{}", by_ids(&many));
    }

    #[test]
    fn the_head_of_another_task_is_left_aside() {
        check(&labelled(["no", "maybe", "never"]), ("classifier", 3), None);
        check(&labelled(["LABEL_1", "LABEL_0", "LABEL_2"]), ("classifier", 3), None);
        check(&config("bert", ""), ("classifier", 2), None);
        check(&config("electra", ""), ("classifier", 3), None);
        let tokens = config("bert", r#", "architectures": ["BertForTokenClassification"]"#);
        check(&tokens, ("classifier", 3), None);
    }

    #[test]
    fn weights_that_disagree_with_their_config_are_told() {
        let own = labelled(LABELS);
        let wanted =
            own.clone().with_task(OutputLayer::Sequence, TargetKind::Class, &LABELS.map(String::from));
        let error = fit(&mut head("classifier", 2), &own, &wanted, HeadPolicy::Required).unwrap_err();
        let parts =
            ["disagree: the head has 2 outputs, and `id2label` has 3 names", "take both from the same model"];
        assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error:#}");
        let mut tensors = head("classifier", 2);
        fit(&mut tensors, &own, &wanted, HeadPolicy::MayBeNew).unwrap();
        assert!(!tensors.contains_key("classifier.weight"));
    }

    #[test]
    fn heads_of_tokens_are_taken_by_their_labels() {
        let tags = (OutputLayer::Tokens, TargetKind::Tags);
        let own = |class: &str| {
            let names = r#""id2label": {"0": "yes", "1": "no", "2": "maybe"}"#;
            config("bert", &format!(r#", {names}, "architectures": ["{class}"]"#))
        };
        check_for(tags, &own("BertForTokenClassification"), ("classifier", 3), Some(&[1.0, 2.0, 0.0]));
        check_for(tags, &own("BertForSequenceClassification"), ("classifier", 3), None);
        check_for(tags, &config("electra", ""), ("classifier.out_proj", 3), None);
    }

    #[test]
    fn heads_of_spans_and_scores_are_taken_by_their_size() {
        let span = (OutputLayer::Span, TargetKind::Span);
        check_for(span, &config("electra", ""), ("qa_outputs", 2), Some(&[0.0, 1.0]));
        check_for(span, &config("bert", ""), ("qa_outputs", 3), None);
        let score = (OutputLayer::Sequence, TargetKind::Score);
        check_for(score, &config("bert", ""), ("classifier", 1), Some(&[0.0]));
        check_for(score, &config("bert", ""), ("classifier", 3), None);
    }

    #[test]
    fn the_problem_of_a_head_counts() {
        let own = |problem: &str| {
            let names = r#""id2label": {"0": "no", "1": "maybe", "2": "yes"}"#;
            config("bert", &format!(r#", {names}, "problem_type": "{problem}""#))
        };
        let sets = (OutputLayer::Sequence, TargetKind::Classes(3));
        check_for(sets, &own("multi_label_classification"), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
        check_for(sets, &own("single_label_classification"), ("classifier", 3), None);
        check(&own("multi_label_classification"), ("classifier", 3), None);
    }

    #[test]
    fn a_model_without_a_head_is_not_used_as_it_is() {
        let check = |layer, targets, noun: &str| {
            let own = config("bert", "");
            let wanted = own.clone().with_task(layer, targets, &LABELS.map(String::from));
            let fit = |head| fit(&mut BTreeMap::new(), &own, &wanted, head);
            fit(HeadPolicy::MayBeNew).unwrap();
            let error = format!("{:#}", fit(HeadPolicy::Required).unwrap_err());
            assert!(error.contains(noun) && error.contains("`train.epochs` above 0"), "{error}");
        };
        check(OutputLayer::Sequence, TargetKind::Class, "no classification head");
        check(OutputLayer::Span, TargetKind::Span, "no question answering head");
        check(OutputLayer::Vocabulary, TargetKind::Words, "no masked language modelling head");
    }
}
