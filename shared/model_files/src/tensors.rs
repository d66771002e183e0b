//! The tensors that an encoder must have, and a check of a file's headers against them.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use shared::fault::Fault;
use shared::names::{joined, listed};

use crate::config::BertConfig;
use crate::header::TensorHeader;
use crate::names::Naming;

/// The element types from which weights are read.
const FLOATS: [&str; 4] = ["F64", "F32", "F16", "BF16"];

/// The shapes of the encoder's parameters by their names in current `transformers`: `[out, in]` for a linear layer's
/// weight, `[rows, width]` for a table of embeddings, `[width]` for biases and LayerNorm.
pub fn encoder_shapes(config: &BertConfig) -> BTreeMap<String, Vec<usize>> {
    let prefix = config.model_type.prefix();
    let (width, hidden) = (config.embedding_size(), config.hidden_size);
    let intermediate = config.intermediate_size;
    let mut shapes = BTreeMap::new();
    let mut dense = |name: String, rows: usize, columns: usize| {
        shapes.insert(format!("{name}.bias"), vec![rows]);
        shapes.insert(format!("{name}.weight"), vec![rows, columns]);
    };
    for layer in (0..config.num_hidden_layers).map(|layer| format!("{prefix}.encoder.layer.{layer}")) {
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            dense(format!("{layer}.attention.{part}"), hidden, hidden);
        }
        dense(format!("{layer}.intermediate.dense"), intermediate, hidden);
        dense(format!("{layer}.output.dense"), hidden, intermediate);
    }
    if width != hidden {
        dense(format!("{prefix}.embeddings_project"), hidden, width);
    }
    let mut norm = |name: String, width: usize| {
        shapes.insert(format!("{name}.LayerNorm.bias"), vec![width]);
        shapes.insert(format!("{name}.LayerNorm.weight"), vec![width]);
    };
    norm(format!("{prefix}.embeddings"), width);
    for layer in (0..config.num_hidden_layers).map(|layer| format!("{prefix}.encoder.layer.{layer}")) {
        norm(format!("{layer}.attention.output"), hidden);
        norm(format!("{layer}.output"), hidden);
    }
    let tables = [
        ("word", config.vocab_size),
        ("position", config.max_position_embeddings),
        ("token_type", config.type_vocab_size),
    ];
    let tables = tables
        .map(|(part, rows)| (format!("{prefix}.embeddings.{part}_embeddings.weight"), vec![rows, width]));
    shapes.extend(tables);
    shapes
}

/// Checks the tensor headers of the weights in `place` against `config`: every tensor of the encoder must be there, with
/// the right shape and a floating-point type.
///
/// # Errors
/// A [`Fault::input`] that lists the tensors that are missing, unexpected, or of another shape or type.
pub fn check_headers(
    headers: &BTreeMap<String, TensorHeader>,
    config: &BertConfig,
    place: &str,
) -> Result<()> {
    let naming = Naming::of(headers.keys().map(String::as_str), config.model_type, place)?;
    let headers: BTreeMap<String, &TensorHeader> =
        headers.iter().map(|(name, header)| (naming.modern(name), header)).collect();
    let shapes = encoder_shapes(config);
    // The pooler belongs to a head, and old versions of `transformers` saved a buffer of positions.
    let prefixes = ["", "pooler.", "embeddings.position_ids"]
        .map(|name| format!("{}.{name}", config.model_type.prefix()));
    let [encoder, pooler, positions] = &prefixes;
    let unexpected: Vec<&String> = headers
        .keys()
        .filter(|name| name.starts_with(encoder) && !name.starts_with(pooler) && *name != positions)
        .filter(|name| !shapes.contains_key(*name))
        .collect();
    let (mut missing, mut mismatched, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for (name, shape) in shapes.iter().map(|(name, shape)| (name.clone(), shape)) {
        match headers.get(&name) {
            None => missing.push(name),
            Some(header) if header.shape != *shape => {
                mismatched.push(format!("{name} is {:?} where the config says {shape:?}", header.shape));
            }
            Some(header) if !FLOATS.contains(&header.dtype.as_str()) => {
                types.push(format!("{name} ({})", header.dtype));
            }
            Some(_) => {}
        }
    }
    let remedy = "take weights and config.json of one model, or set `fetch.weights = \"random\"`";
    ensure!(
        missing.is_empty(),
        Fault::input(format!("the weights in {place} lack {}; {remedy}", listed(&missing)))
    );
    ensure!(
        mismatched.is_empty(),
        Fault::input(format!("the weights in {place} do not fit: {}; {remedy}", joined(mismatched)))
    );
    let unplaced = || {
        format!(
            "the weights in {place} hold tensors that the config.json has no place for: {}; {remedy}",
            listed(&unexpected)
        )
    };
    ensure!(unexpected.is_empty(), Fault::input(unplaced()));
    ensure!(
        types.is_empty(),
        Fault::input(format!(
            "the weights in {place} are not of type {}: {}; quantized weights are not read, take the model they were made from",
            FLOATS.join(", "),
            joined(types)
        ))
    );
    Ok(())
}
