//! The keys of `config.json` that say what a model is for.

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

/// More classes than any head has.
const MOST_CLASSES: u64 = 1 << 20;

/// What a head over whole sequences is for, as `transformers` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    Regression,
    SingleLabelClassification,
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
    /// The same encoder under `layer`, which learns `targets` and whose outputs have these names, as `transformers`
    /// writes it. Where outputs have no names (scores, spans, words), `outputs` is not looked at.
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
        // Of a decoder alone.
        if layer != OutputLayer::Vocabulary {
            self.rest.remove("tie_word_embeddings");
        }
        // What the weights are saved as, whatever they came as.
        self.rest.insert("torch_dtype".into(), "float32".into());
        self
    }

    /// The same with a key that `transformers` leaves alone.
    pub fn with_note(mut self, note: Option<(&str, Value)>) -> BertConfig {
        if let Some((key, value)) = note {
            self.rest.insert(key.to_owned(), value);
        }
        self
    }

    /// A key without a meaning for the arithmetic.
    pub fn note(&self, key: &str) -> Option<&Value> {
        self.rest.get(key)
    }

    /// The class of `transformers` that the weights were saved from, where it is written down.
    pub fn class(&self) -> Option<&str> {
        self.rest.get("architectures").and_then(Value::as_array)?.iter().find_map(Value::as_str)
    }

    /// What stands on top of the encoder; absent where the weights were saved from a class without a known head.
    pub fn output_layer(&self) -> Option<OutputLayer> {
        let names = self.rest.get("architectures").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).find_map(output_layer)
    }

    /// Gives the classes of a head the names that `transformers` gives them where the file names none: it leaves out the two
    /// that are its default.
    pub(super) fn name_classes(&mut self) -> Result<()> {
        let named = matches!(self.output_layer(), Some(OutputLayer::Sequence | OutputLayer::Tokens));
        if !named || !self.id2label.is_empty() {
            return Ok(());
        }
        let count = match self.rest.get("num_labels").or(self.rest.get("_num_labels")) {
            None | Some(Value::Null) => 2,
            Some(value) => {
                value.as_u64().filter(|count| (1..=MOST_CLASSES).contains(count)).with_context(|| {
                    Fault::input(format!(
                        "`num_labels` is {value}, no number of classes up to {MOST_CLASSES}"
                    ))
                })?
            }
        };
        let names: Vec<String> = (0..count).map(|id| format!("LABEL_{id}")).collect();
        self.id2label = names.iter().cloned().enumerate().collect();
        self.label2id = names.into_iter().zip(0..).collect();
        Ok(())
    }

    /// Whether the decoder of a masked language model is the table of word embeddings.
    pub fn ties_words(&self) -> bool {
        self.rest.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The encoder under `layer`; `place` is where the model lies.
    ///
    /// # Errors
    /// A usage fault where bertline has no such head.
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

    pub fn architecture(&self) -> Option<Architecture> {
        Some(Architecture { family: self.model_type, layer: self.output_layer()? })
    }

    /// What the model learns; absent as [`BertConfig::output_layer`].
    pub fn targets(&self) -> Option<TargetKind> {
        Some(match self.output_layer()? {
            OutputLayer::Tokens => TargetKind::Tags,
            OutputLayer::Span => TargetKind::Span,
            OutputLayer::Vocabulary => TargetKind::Words,
            OutputLayer::Sequence => match self.problem_type {
                Some(ProblemType::Regression) => TargetKind::Score,
                Some(ProblemType::MultiLabelClassification) => TargetKind::Classes(self.id2label.len()),
                Some(ProblemType::SingleLabelClassification) => TargetKind::Class,
                // As `transformers` decides where it is not told.
                None if self.id2label.len() == 1 => TargetKind::Score,
                None => TargetKind::Class,
            },
        })
    }

    /// How it shows that the head is not one under `layer` that learns `targets` with so many `outputs`; none where it
    /// may be, as where no class is named: the weights tell then. `transformers` does not always write down what a head over
    /// whole sequences is for.
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

    /// The logits of a sequence, a token or a masked token.
    pub fn outputs(&self) -> usize {
        match self.output_layer() {
            Some(OutputLayer::Vocabulary) => self.vocab_size,
            Some(OutputLayer::Span) => 2,
            _ => self.id2label.len(),
        }
    }
}

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
    fn a_head_of_another_task_is_told_from_the_config() {
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
    fn a_task_is_written_as_transformers_writes_it_and_read_back() {
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
    fn classes_without_names_have_those_of_transformers() {
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
    fn a_decoder_of_its_own_stays_with_masked_words() {
        let untied = || config(r#""tie_word_embeddings": false"#);
        let kept = untied().with_task(OutputLayer::Vocabulary, TargetKind::Words, &[]);
        assert!(!untied().ties_words() && !kept.ties_words() && config(r#""x": 1"#).ties_words());
        assert!(untied().with_task(OutputLayer::Span, TargetKind::Span, &[]).ties_words());
    }
}
