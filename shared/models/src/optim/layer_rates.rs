//! Learning rates that differ from part to part of a model.

use crate::weights::parameters::encoder_layer;

/// The learning rates of parts of the model, as factors of the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerRates {
    /// The factor of the task's head.
    pub head: f64,
    /// The factor between an encoder layer and the one above it; the embeddings are the layer below the first
    /// (discriminative fine-tuning, Howard and Ruder, 2018, <https://arxiv.org/abs/1801.06146>).
    pub decay: f64,
}

impl Default for LayerRates {
    fn default() -> Self {
        LayerRates { head: 1.0, decay: 1.0 }
    }
}

impl LayerRates {
    /// The factor of the parameter called `name` in an encoder of `layers` layers.
    pub(crate) fn of(&self, name: &str, layers: usize) -> f64 {
        let below_the_top = match encoder_layer(name) {
            Some(index) => layers.saturating_sub(index),
            None if name.contains("embeddings") => layers + 1,
            None if name.contains("pooler.") => 0,
            None => return self.head,
        };
        self.decay.powf(below_the_top as f64)
    }
}
