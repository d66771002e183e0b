//! What `transformers` calls a model for each kind of output, and the tensors of its head.

use shared::task::OutputLayer;

use super::ModelType;

/// A family of encoders under a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    pub family: ModelType,
    pub layer: OutputLayer,
}

const LAYERS: [OutputLayer; 4] =
    [OutputLayer::Sequence, OutputLayer::Tokens, OutputLayer::Span, OutputLayer::Vocabulary];

/// Where the heads of every known model have their tensors, those of the pretraining objectives included.
const HEADS: [&str; 6] = [
    "classifier.",
    "cls.",
    "discriminator_predictions.",
    "generator_lm_head.",
    "generator_predictions.",
    "qa_outputs.",
];

impl Architecture {
    /// The class of `transformers`: `BertForTokenClassification`.
    pub fn class(self) -> String {
        let family = match self.family {
            ModelType::Bert => "Bert",
            ModelType::Electra => "Electra",
        };
        format!("{family}{}", purpose(self.layer))
    }

    /// What the names of the head's own tensors begin with.
    pub fn head(self) -> &'static str {
        match self.layer {
            OutputLayer::Sequence | OutputLayer::Tokens => "classifier.",
            OutputLayer::Span => "qa_outputs.",
            OutputLayer::Vocabulary => "cls.predictions.",
        }
    }

    /// The last layer of the head, a row an output; a vocabulary's is the embeddings.
    pub fn output(self) -> Option<&'static str> {
        match (self.family, self.layer) {
            (ModelType::Electra, OutputLayer::Sequence) => Some("classifier.out_proj"),
            (_, OutputLayer::Sequence | OutputLayer::Tokens) => Some("classifier"),
            (_, OutputLayer::Span) => Some("qa_outputs"),
            (_, OutputLayer::Vocabulary) => None,
        }
    }

    /// The head in words.
    pub fn noun(self) -> &'static str {
        match self.layer {
            OutputLayer::Sequence => "classification head",
            OutputLayer::Tokens => "token classification head",
            OutputLayer::Span => "question answering head",
            OutputLayer::Vocabulary => "masked language modelling head",
        }
    }

    /// Whether the tensor `name` is of what a task adds to a pretrained encoder.
    pub fn has_in_head(self, name: &str) -> bool {
        name.starts_with(self.head())
            || (self.layer == OutputLayer::Sequence && within(name, self.family, "pooler."))
    }

    /// Whether the tensor `name` may be left aside: of other heads, the second copy of what is tied to the
    /// embeddings, and a buffer that old versions of `transformers` saved.
    pub fn leaves_aside(self, name: &str) -> bool {
        let of_a_head =
            HEADS.iter().any(|head| name.starts_with(head)) || within(name, self.family, "pooler.");
        let tied = self.layer == OutputLayer::Vocabulary && name.starts_with("cls.predictions.decoder.");
        tied || (of_a_head && !self.has_in_head(name)) || within(name, self.family, "embeddings.position_ids")
    }
}

/// What the class of `transformers` called `class` puts on top of the encoder.
pub(super) fn output_layer(class: &str) -> Option<OutputLayer> {
    // Masked words are one of the two things that the first BERT learns; the other's head is left aside.
    if class == "BertForPreTraining" {
        return Some(OutputLayer::Vocabulary);
    }
    LAYERS.into_iter().find(|&layer| class.ends_with(purpose(layer)))
}

fn purpose(layer: OutputLayer) -> &'static str {
    match layer {
        OutputLayer::Sequence => "ForSequenceClassification",
        OutputLayer::Tokens => "ForTokenClassification",
        OutputLayer::Span => "ForQuestionAnswering",
        OutputLayer::Vocabulary => "ForMaskedLM",
    }
}

/// Whether the encoder's tensor `name` begins with `part` behind the prefix.
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
    fn heads_are_told_by_the_architecture() {
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
    fn classes_are_those_of_transformers() {
        for layer in LAYERS {
            assert_eq!(output_layer(&Architecture { layer, ..ELECTRA }.class()), Some(layer));
        }
        assert_eq!(Architecture { layer: OutputLayer::Vocabulary, ..BERT }.class(), "BertForMaskedLM");
        assert_eq!(output_layer("BertForPreTraining"), Some(OutputLayer::Vocabulary));
        assert_eq!(output_layer("ElectraForPreTraining"), None);
    }
}
