//! The keys of `config.json` that describe the task of a model: its head, its labels and its problem type.

use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::fault::Fault;
use shared::names::joined;
use shared::schema::TargetKind;
use shared::task::OutputLayer;

use super::architecture::{Architecture, output_layer};
use super::{BertConfig, ModelType};

/// An upper bound on the number of classes, so that a wrong number cannot exhaust the memory.
const MAX_CLASSES: u64 = 1 << 20;

/// The problem that a head over whole sequences solves: the key `problem_type` of `transformers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// One score.
    Regression,
    /// One of several classes.
    SingleLabelClassification,
    /// Any number of several classes.
    MultiLabelClassification,
}

impl fmt::Display for ProblemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProblemType::Regression => "regression",
            ProblemType::SingleLabelClassification => "single-label classification",
            ProblemType::MultiLabelClassification => "multi-label classification",
        })
    }
}

impl BertConfig {
    /// Sets the head: its `layer`, its `targets` and the names of its `outputs`, as `transformers` writes them. `outputs`
    /// is ignored for heads whose outputs have no names (scores, spans, words).
    pub fn with_task(mut self, layer: OutputLayer, targets: TargetKind, outputs: &[String]) -> BertConfig {
        let unnamed = |count: usize| (0..count).map(|id| format!("LABEL_{id}")).collect();
        let names: Vec<String> = match (layer, targets) {
            (OutputLayer::Vocabulary, _) => Vec::new(),
            (OutputLayer::Span, _) => unnamed(2),
            (_, TargetKind::Score) => unnamed(1),
            _ => outputs.to_vec(),
        };
        self.id2label = names.iter().cloned().enumerate().collect();
        self.label2id = names.into_iter().zip(0..).collect();
        self.problem_type = problem(layer, targets);
        let architecture = Architecture { family: self.model_type, layer };
        self.rest.insert("architectures".into(), vec![architecture.class()].into());
        for stale in ["num_labels", "_num_labels", "dtype"] {
            self.rest.remove(stale);
        }
        // The key matters only for a decoder.
        if layer != OutputLayer::Vocabulary {
            self.rest.remove("tie_word_embeddings");
        }
        // Weights are saved as float32, whatever type they were read from.
        self.rest.insert("torch_dtype".into(), "float32".into());
        self
    }

    /// Sets a key that `transformers` ignores; none leaves the config unchanged.
    pub fn with_note(mut self, note: Option<(&str, Value)>) -> BertConfig {
        if let Some((key, value)) = note {
            self.rest.insert(key.to_owned(), value);
        }
        self
    }

    /// The value of a key that has no effect on the computation.
    pub fn note(&self, key: &str) -> Option<&Value> {
        self.rest.get(key)
    }

    /// The class of `transformers` that saved the weights: the first name in `architectures`.
    pub fn class(&self) -> Option<&str> {
        self.rest.get("architectures").and_then(Value::as_array)?.iter().find_map(Value::as_str)
    }

    /// The layer on top of the encoder; none where the class that saved the weights has no known head.
    pub fn output_layer(&self) -> Option<OutputLayer> {
        let names = self.rest.get("architectures").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).find_map(output_layer)
    }

    /// Gives unnamed classes the default names of `transformers`, which does not write `id2label` for its default of two
    /// classes.
    pub(super) fn name_classes(&mut self) -> Result<()> {
        let named = matches!(self.output_layer(), Some(OutputLayer::Sequence | OutputLayer::Tokens));
        if !named || !self.id2label.is_empty() {
            return Ok(());
        }
        let count = match self.rest.get("num_labels").or(self.rest.get("_num_labels")) {
            None | Some(Value::Null) => 2,
            Some(value) => {
                value.as_u64().filter(|count| (1..=MAX_CLASSES).contains(count)).with_context(|| {
                    Fault::input(format!("`num_labels` is {value}, no number of classes up to {MAX_CLASSES}"))
                })?
            }
        };
        let names: Vec<String> = (0..count).map(|id| format!("LABEL_{id}")).collect();
        self.id2label = names.iter().cloned().enumerate().collect();
        self.label2id = names.into_iter().zip(0..).collect();
        Ok(())
    }

    /// Returns whether the decoder of a masked language model shares its weights with the table of word embeddings.
    pub fn ties_words(&self) -> bool {
        self.rest.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The architecture of this encoder with the output layer `layer`; `place` names the model in messages.
    ///
    /// # Errors
    /// A usage fault for an ELECTRA with a vocabulary, which is not supported.
    pub fn under(&self, layer: OutputLayer, place: &str) -> Result<Architecture> {
        let architecture = Architecture { family: self.model_type, layer };
        let impossible =
            architecture == Architecture { family: ModelType::Electra, layer: OutputLayer::Vocabulary };
        let message = || {
            format!(
                "the model in {place} is an ELECTRA, which does not learn masked words; take a BERT for this task"
            )
        };
        ensure!(!impossible, Fault::usage(message()));
        Ok(architecture)
    }

    /// The architecture; absent as [`BertConfig::output_layer`].
    pub fn architecture(&self) -> Option<Architecture> {
        Some(Architecture { family: self.model_type, layer: self.output_layer()? })
    }

    /// The kind of the model's targets; absent as [`BertConfig::output_layer`].
    pub fn targets(&self) -> Option<TargetKind> {
        Some(match self.output_layer()? {
            OutputLayer::Tokens => TargetKind::Tags,
            OutputLayer::Span => TargetKind::Span,
            OutputLayer::Vocabulary => TargetKind::Words,
            OutputLayer::Sequence => match self.problem_type {
                Some(ProblemType::Regression) => TargetKind::Score,
                Some(ProblemType::MultiLabelClassification) => TargetKind::Classes(self.id2label.len()),
                Some(ProblemType::SingleLabelClassification) => TargetKind::Class,
                // Without `problem_type`, `transformers` decides by the number of labels.
                None if self.id2label.len() == 1 => TargetKind::Score,
                None => TargetKind::Class,
            },
        })
    }

    /// Compares the head with one that has this `layer`, these `targets` and this number of `outputs`. Returns the reason
    /// why they differ, as a clause for a message.
    ///
    /// None means that the heads may be equal. A config need not name a class or a `problem_type`; the weights decide
    /// then.
    pub fn denies(&self, layer: OutputLayer, targets: TargetKind, outputs: usize) -> Option<String> {
        if self.output_layer() != Some(layer)
            && let Some(own) = self.class()
        {
            let class = Architecture { family: self.model_type, layer }.class();
            return Some(format!("its config.json names the class {own}, and {class} is wanted"));
        }
        let wanted = problem(layer, targets);
        if let (Some(own), Some(wanted)) = (self.problem_type, wanted)
            && own != wanted
        {
            return Some(format!("its config.json says {own}, and {wanted} is wanted"));
        }
        let (own, named) =
            (self.id2label.len(), matches!(layer, OutputLayer::Sequence | OutputLayer::Tokens));
        if named && own == 0 {
            return Some("its config.json names no labels in `id2label`".to_owned());
        }
        if named && !self.id2label.keys().copied().eq(0..own) {
            let ids: Vec<String> = self.id2label.keys().map(usize::to_string).collect();
            return Some(format!("its `id2label` names the ids {}, and not those from 0 on", joined(ids)));
        }
        (named && own != outputs).then(|| format!("it has {own} outputs, and {outputs} are wanted"))
    }

    /// The number of logits for a sequence, a token or a masked token.
    pub fn outputs(&self) -> usize {
        match self.output_layer() {
            Some(OutputLayer::Vocabulary) => self.vocab_size,
            Some(OutputLayer::Span) => 2,
            _ => self.id2label.len(),
        }
    }
}

/// The `problem_type` of a head; absent unless the head is over whole sequences.
fn problem(layer: OutputLayer, targets: TargetKind) -> Option<ProblemType> {
    (layer == OutputLayer::Sequence).then_some(match targets {
        TargetKind::Score => ProblemType::Regression,
        TargetKind::Classes(_) => ProblemType::MultiLabelClassification,
        _ => ProblemType::SingleLabelClassification,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(keys: &str) -> BertConfig {
        let text = format!(
            r#"{{"model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12, {keys}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_config_shows_a_head_for_another_task() {
        let check = |problem: &str, targets, outputs, expect: Option<&str>| {
            let class = r#""architectures": ["BertForSequenceClassification"]"#;
            let own = config(&format!(r#"{class}, "id2label": {{"0": "no", "1": "yes"}}{problem}"#));
            let found = own.denies(OutputLayer::Sequence, targets, outputs);
            match expect {
                None => assert_eq!(found, None),
                Some(part) => assert!(found.as_ref().is_some_and(|found| found.contains(part)), "{found:?}"),
            }
            let tokens = own.denies(OutputLayer::Tokens, TargetKind::Tags, 2).unwrap();
            let expect =
                "names the class BertForSequenceClassification, and BertForTokenClassification is wanted";
            assert!(tokens.contains(expect), "{tokens}");
        };
        let single = r#", "problem_type": "single_label_classification""#;
        check(single, TargetKind::Class, 2, None);
        check(single, TargetKind::Classes(2), 2, Some("multi-label classification is wanted"));
        check(single, TargetKind::Score, 1, Some("regression is wanted"));
        check("", TargetKind::Classes(2), 2, None);
        check("", TargetKind::Score, 1, Some("it has 2 outputs, and 1 are wanted"));
        let gap = config(
            r#""architectures": ["BertForSequenceClassification"], "id2label": {"1": "no", "2": "yes"}"#,
        );
        let found = gap.denies(OutputLayer::Sequence, TargetKind::Class, 2).unwrap();
        assert!(found.contains("the ids 1, 2"), "{found}");
        let span = config(r#""architectures": ["BertForQuestionAnswering"]"#);
        assert_eq!(span.denies(OutputLayer::Span, TargetKind::Span, 0), None);
    }

    fn check(model_type: &str, layer: OutputLayer, targets: TargetKind, names: &[&str], expect: &str) {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12,
            "torch_dtype": "float16", "num_labels": 7, "problem_type": "regression"}}"#
        );
        let config: BertConfig = serde_json::from_str(&text).unwrap();
        let outputs = ["no", "yes"].map(String::from);
        let config = config.with_task(layer, targets, &outputs);
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["architectures"], serde_json::json!([expect]));
        assert_eq!((&written["torch_dtype"], &written["num_labels"]), (&"float32".into(), &Value::Null));
        let labels: Vec<&str> = config.id2label.values().map(String::as_str).collect();
        assert_eq!(labels, names);
        assert!(names.iter().enumerate().all(|(id, name)| config.label2id[*name] == id));
        let problem = match targets {
            TargetKind::Class => "single_label_classification".into(),
            TargetKind::Classes(_) => "multi_label_classification".into(),
            TargetKind::Score => "regression".into(),
            _ => Value::Null,
        };
        assert_eq!(written["problem_type"], problem);
        let read: BertConfig = serde_json::from_value(written).unwrap();
        assert_eq!((read.output_layer(), read.targets()), (Some(layer), Some(targets)));
    }

    #[test]
    fn a_task_round_trips_in_the_form_of_transformers() {
        let (labels, sequence) = (["no", "yes"], OutputLayer::Sequence);
        check("bert", sequence, TargetKind::Class, &labels, "BertForSequenceClassification");
        check("bert", sequence, TargetKind::Classes(2), &labels, "BertForSequenceClassification");
        check("electra", sequence, TargetKind::Score, &["LABEL_0"], "ElectraForSequenceClassification");
        check("bert", OutputLayer::Tokens, TargetKind::Tags, &labels, "BertForTokenClassification");
        let spans = ["LABEL_0", "LABEL_1"];
        check("electra", OutputLayer::Span, TargetKind::Span, &spans, "ElectraForQuestionAnswering");
        check("bert", OutputLayer::Vocabulary, TargetKind::Words, &[], "BertForMaskedLM");
    }

    #[test]
    fn unnamed_classes_get_the_names_of_transformers() {
        let check = |class: &str, keys: &str, expect: &[&str]| {
            let mut config = config(&format!(r#""architectures": ["{class}"]{keys}"#));
            config.name_classes().unwrap();
            assert_eq!(config.id2label.values().collect::<Vec<_>>(), expect, "{keys}");
            assert!(config.label2id.is_empty() || config.label2id.len() == expect.len());
        };
        let (sequence, tokens) = ("BertForSequenceClassification", "BertForTokenClassification");
        check(sequence, "", &["LABEL_0", "LABEL_1"]);
        check(tokens, r#", "id2label": null, "label2id": null"#, &["LABEL_0", "LABEL_1"]);
        check(sequence, r#", "num_labels": 3"#, &["LABEL_0", "LABEL_1", "LABEL_2"]);
        check(sequence, r#", "num_labels": 3, "id2label": {"0": "a", "1": "b"}"#, &["a", "b"]);
        check("BertForMaskedLM", r#", "num_labels": 3"#, &[]);
        for wrong in ["0", "-1", "2.5", "\"two\"", "1e30"] {
            let keys = format!(r#""architectures": ["{sequence}"], "num_labels": {wrong}"#);
            let error = config(&keys).name_classes().unwrap_err().to_string();
            assert!(error.contains("`num_labels`"), "{error}");
        }
    }

    #[test]
    fn an_untied_decoder_is_kept_for_masked_words_only() {
        let untied = || config(r#""tie_word_embeddings": false"#);
        let kept = untied().with_task(OutputLayer::Vocabulary, TargetKind::Words, &[]);
        assert!(!untied().ties_words() && !kept.ties_words() && config(r#""x": 1"#).ties_words());
        assert!(untied().with_task(OutputLayer::Span, TargetKind::Span, &[]).ties_words());
    }
}
