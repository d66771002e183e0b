//! The parts of a model and their parameter counts.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::model::Model;
use crate::weights::parameters::ParameterNames;

/// Parameters that belong together: the embeddings, a layer, the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPart {
    /// The prefix of its parameters' Hub names.
    pub name: String,
    pub parameters: usize,
    /// The number of parameters that are not frozen.
    pub trained: usize,
}

impl Model {
    /// The parts from the embeddings to the head.
    pub fn parts(&self) -> Vec<ModelPart> {
        let mut counter = PartCounter { names: &self.names, parts: Vec::new() };
        self.network.visit(&mut counter);
        counter.parts
    }
}

struct PartCounter<'a> {
    names: &'a ParameterNames,
    parts: Vec<ModelPart>,
}

impl ModuleVisitor for PartCounter<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(name) = self.names.of(param.id) else { return };
        let (name, count) = (part_of(name), param.shape().num_elements());
        let trained = if param.val().is_require_grad() { count } else { 0 };
        match self.parts.last_mut() {
            Some(part) if part.name == name => {
                part.parameters += count;
                part.trained += trained;
            }
            _ => self.parts.push(ModelPart { name: name.to_owned(), parameters: count, trained }),
        }
    }
}

/// `bert.encoder.layer.3.output.dense.weight` is of `bert.encoder.layer.3`, other names of what stands before the
/// last two words.
fn part_of(name: &str) -> &str {
    let layer = "encoder.layer.";
    if let Some(start) = name.find(layer).map(|start| start + layer.len()) {
        let end = name[start..].find('.').map_or(name.len(), |length| start + length);
        return &name[..end];
    }
    match name.find("embeddings.") {
        Some(start) => &name[..start + "embeddings".len()],
        None => name.rsplit_once('.').map_or(name, |(part, _)| part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_parts() {
        let check = |name, part| assert_eq!(part_of(name), part);
        check("bert.encoder.layer.10.output.dense.weight", "bert.encoder.layer.10");
        check("bert.embeddings.LayerNorm.bias", "bert.embeddings");
        check("bert.pooler.dense.bias", "bert.pooler.dense");
        check("classifier.weight", "classifier");
    }
}
