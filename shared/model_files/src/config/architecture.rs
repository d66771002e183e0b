//! The classes of `transformers`, one for each pair of family and output layer, and the tensors of their heads.

use shared::task::OutputLayer;

use super::ModelType;

/// A model class: a family of encoders with an output layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// The family of the encoder.
    pub family: ModelType,
    /// The layer on top of it.
    pub layer: OutputLayer,
}

const LAYERS: [OutputLayer; 4] =
    [OutputLayer::Sequence, OutputLayer::Tokens, OutputLayer::Span, OutputLayer::Vocabulary];

/// The prefixes of every known head's tensors, with those of the pretraining objectives.
const HEADS: [&str; 6] = [
    "classifier.",
    "cls.",
    "discriminator_predictions.",
    "generator_lm_head.",
    "generator_predictions.",
    "qa_outputs.",
];

impl Architecture {
    /// The name of the class in `transformers`, such as `BertForTokenClassification`.
    pub fn class(self) -> String {
        let family = match self.family {
            ModelType::Bert => "Bert",
            ModelType::Electra => "Electra",
        };
        format!("{family}{}", purpose(self.layer))
    }

    /// The prefix of the head's own tensors.
    pub fn head(self) -> &'static str {
        match self.layer {
            OutputLayer::Sequence | OutputLayer::Tokens => "classifier.",
            OutputLayer::Span => "qa_outputs.",
            OutputLayer::Vocabulary => "cls.predictions.",
        }
    }

    /// The linear layer `[outputs, hidden]` at the end of the head. None for a vocabulary, whose layer is the table of
    /// word embeddings.
    pub fn output(self) -> Option<&'static str> {
        match (self.family, self.layer) {
            (ModelType::Electra, OutputLayer::Sequence) => Some("classifier.out_proj"),
            (_, OutputLayer::Sequence | OutputLayer::Tokens) => Some("classifier"),
            (_, OutputLayer::Span) => Some("qa_outputs"),
            (_, OutputLayer::Vocabulary) => None,
        }
    }

    /// The head's name for messages.
    pub fn noun(self) -> &'static str {
        match self.layer {
            OutputLayer::Sequence => "classification head",
            OutputLayer::Tokens => "token classification head",
            OutputLayer::Span => "question answering head",
            OutputLayer::Vocabulary => "masked language modelling head",
        }
    }

    /// Returns whether a task adds the tensor `name` to a pretrained encoder.
    pub fn has_in_head(self, name: &str) -> bool {
        name.starts_with(self.head())
            || (self.layer == OutputLayer::Sequence && within(name, self.family, "pooler."))
    }

    /// Returns whether the tensor `name` may be ignored: a tensor of another head, the second copy of a decoder that is
    /// tied to the embeddings, or the buffer of positions that old versions of `transformers` saved.
    pub fn leaves_aside(self, name: &str) -> bool {
        let in_some_head =
            HEADS.iter().any(|head| name.starts_with(head)) || within(name, self.family, "pooler.");
        let tied = self.layer == OutputLayer::Vocabulary && name.starts_with("cls.predictions.decoder.");
        tied || (in_some_head && !self.has_in_head(name))
            || within(name, self.family, "embeddings.position_ids")
    }
}

/// The output layer of the class `class` of `transformers`; none for an unknown class.
pub(super) fn output_layer(class: &str) -> Option<OutputLayer> {
    // BERT's pretraining has two objectives. The head for masked words is read, and the one for next sentences is ignored.
    if class == "BertForPreTraining" {
        return Some(OutputLayer::Vocabulary);
    }
    LAYERS.into_iter().find(|&layer| class.ends_with(purpose(layer)))
}

/// The end of the class name.
fn purpose(layer: OutputLayer) -> &'static str {
    match layer {
        OutputLayer::Sequence => "ForSequenceClassification",
        OutputLayer::Tokens => "ForTokenClassification",
        OutputLayer::Span => "ForQuestionAnswering",
        OutputLayer::Vocabulary => "ForMaskedLM",
    }
}

/// Returns whether the encoder's tensor `name` begins with `part` after the family's prefix.
fn within(name: &str, family: ModelType, part: &str) -> bool {
    let bare = name.strip_prefix(family.prefix()).and_then(|name| name.strip_prefix('.'));
    bare.is_some_and(|bare| bare.starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: Architecture = Architecture { family: ModelType::Bert, layer: OutputLayer::Sequence };
    const ELECTRA: Architecture = Architecture { family: ModelType::Electra, ..BERT };

    #[test]
    fn tensors_of_the_head_are_recognized() {
        let check = |name: &str, architecture: Architecture, expect: (bool, bool)| {
            let found = (architecture.has_in_head(name), architecture.leaves_aside(name));
            assert_eq!(found, expect, "{name} of {}", architecture.class());
        };
        let bert = |layer| Architecture { layer, ..BERT };
        check("classifier.bias", BERT, (true, false));
        check("bert.pooler.dense.bias", BERT, (true, false));
        check("cls.predictions.bias", BERT, (false, true));
        check("bert.embeddings.position_ids", BERT, (false, true));
        check("bert.embeddings.word_embeddings.weight", BERT, (false, false));
        check("classifier.out_proj.bias", ELECTRA, (true, false));
        check("discriminator_predictions.dense.weight", ELECTRA, (false, true));
        check("generator_lm_head.bias", ELECTRA, (false, true));
        check("electra.embeddings.position_ids", ELECTRA, (false, true));
        check("bert.pooler.dense.bias", ELECTRA, (false, false));
        check("classifier.bias", bert(OutputLayer::Tokens), (true, false));
        check("bert.pooler.dense.bias", bert(OutputLayer::Tokens), (false, true));
        check("classifier.bias", bert(OutputLayer::Span), (false, true));
        check("qa_outputs.bias", bert(OutputLayer::Span), (true, false));
        check("cls.predictions.transform.dense.bias", bert(OutputLayer::Vocabulary), (true, false));
        check("cls.predictions.decoder.weight", bert(OutputLayer::Vocabulary), (true, true));
        check("cls.seq_relationship.bias", bert(OutputLayer::Vocabulary), (false, true));
    }

    #[test]
    fn class_names_match_transformers() {
        for layer in LAYERS {
            assert_eq!(output_layer(&Architecture { layer, ..ELECTRA }.class()), Some(layer));
        }
        assert_eq!(Architecture { layer: OutputLayer::Vocabulary, ..BERT }.class(), "BertForMaskedLM");
        assert_eq!(output_layer("BertForPreTraining"), Some(OutputLayer::Vocabulary));
        assert_eq!(output_layer("ElectraForPreTraining"), None);
    }
}
