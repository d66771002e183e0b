//! The keys of `config.json` that say what a model is for.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::schema::TargetKind;
use shared::task::OutputLayer;

use super::BertConfig;
use super::architecture::{Architecture, output_layer};

/// What a head over whole sequences is for, as `transformers` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemType {
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
        for stale in ["num_labels", "dtype", "tie_word_embeddings"] {
            self.rest.remove(stale);
        }
        // What the weights are saved as, whatever they came as.
        self.rest.insert("torch_dtype".into(), "float32".into());
        self
    }

    /// What stands on top of the encoder; absent where the weights were saved from a class without a known head.
    pub fn output_layer(&self) -> Option<OutputLayer> {
        let names = self.rest.get("architectures").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).find_map(output_layer)
    }

    pub(crate) fn architecture(&self) -> Option<Architecture> {
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
    /// may be. `transformers` does not always write down what a head over whole sequences is for.
    pub fn denies(&self, layer: OutputLayer, targets: TargetKind, outputs: usize) -> Option<String> {
        if self.output_layer() != Some(layer) {
            let class = Architecture { family: self.model_type, layer }.class();
            return Some(format!("its config.json does not say {class}"));
        }
        let wanted = problem(layer, targets);
        if let (Some(own), Some(wanted)) = (self.problem_type, wanted)
            && own != wanted
        {
            return Some(format!("its config.json says {own}, and {wanted} is wanted"));
        }
        let (own, named) =
            (self.id2label.len(), matches!(layer, OutputLayer::Sequence | OutputLayer::Tokens));
        (named && own != outputs).then(|| format!("it has {own} outputs, and {outputs} are wanted"))
    }

    /// The logits of a sequence, a token or a masked token.
    pub(crate) fn outputs(&self) -> usize {
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
            assert!(tokens.contains("does not say BertForTokenClassification"), "{tokens}");
        };
        let single = r#", "problem_type": "single_label_classification""#;
        check(single, TargetKind::Class, 2, None);
        check(single, TargetKind::Classes(2), 2, Some("multi-label classification is wanted"));
        check(single, TargetKind::Score, 1, Some("regression is wanted"));
        check("", TargetKind::Classes(2), 2, None);
        check("", TargetKind::Score, 1, Some("it has 2 outputs, and 1 are wanted"));
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
}
