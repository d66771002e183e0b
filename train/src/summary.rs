//! `train --summary`: the model's parts and the memory of a step.

use models::{BertConfig, Model, ModelPart};
use shared::config::{Precision, TrainConfig};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// The model's parts with their parameters, and an estimate of the memory that a step on examples of
/// `max_seq_length` tokens needs.
pub(crate) fn text(model: &Model, config: &TrainConfig, max_seq_length: usize) -> String {
    let parts = model.parts();
    let memory = Memory::estimate(&parts, model.config(), config, max_seq_length);
    format!("{}\n{}", table(&parts), memory.lines())
}

fn table(parts: &[ModelPart]) -> String {
    let mut table = Builder::default();
    table.push_record(["part", "parameters", "trained"]);
    for part in parts {
        table.push_record([part.name.clone(), part.parameters.to_string(), part.trained.to_string()]);
    }
    let sum = |of: fn(&ModelPart) -> usize| parts.iter().map(of).sum::<usize>().to_string();
    table.push_record(["all".to_owned(), sum(|part| part.parameters), sum(|part| part.trained)]);
    let mut table = table.build();
    table.with(Style::psql()).modify(Columns::new(1..), Alignment::right());
    table.to_string()
}

/// An estimate of memory, in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Memory {
    parameters: usize,
    gradients: usize,
    moments: usize,
    /// Saved tensors for the backward pass of a full batch of the longest examples.
    activations: usize,
}

impl Memory {
    /// A layer saves eight tensors of `batch · seq · hidden` values, one as wide as its feed-forward part, and one of
    /// `batch · heads · seq²`. In bfloat16 the parameters have copies, except on processors with AMX.
    fn estimate(parts: &[ModelPart], model: &BertConfig, config: &TrainConfig, seq: usize) -> Memory {
        let all: usize = parts.iter().map(|part| part.parameters).sum();
        let trained: usize = parts.iter().map(|part| part.trained).sum();
        let batch = config.batch_limit().rows_of(seq).min(config.micro_batch_size.unwrap_or(usize::MAX));
        let (number, copy) = match config.precision {
            Precision::F32 => (4, 0),
            Precision::Bf16 => (2, 2),
        };
        let hidden = batch * seq * (8 * model.hidden_size + model.intermediate_size);
        let attention = batch * model.num_attention_heads * seq * seq;
        Memory {
            parameters: (4 + copy) * all,
            gradients: 4 * trained,
            moments: 8 * trained,
            activations: model.num_hidden_layers * (hidden + attention) * number,
        }
    }

    fn lines(&self) -> String {
        let mib = |bytes: usize| format!("{} MiB", bytes.div_ceil(1 << 20));
        let Memory { parameters, gradients, moments, activations } = *self;
        format!(
            "memory of a step, estimated: {} = parameters {}, gradients {}, optimizer {}, activations {} (a full batch of \
             the longest examples)",
            mib(parameters + gradients + moments + activations),
            mib(parameters),
            mib(gradients),
            mib(moments),
            mib(activations)
        )
    }
}
