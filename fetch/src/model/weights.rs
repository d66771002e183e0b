//! Checks the headers of weights against the config beside them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use model_files::{BertConfig, TensorHeader, check_headers, read_header};
use shared::layout::hub;

use super::collect::Files;
use crate::raw::RawFile;

/// Checks the safetensors files of a model. The tensors in PyTorch's own format are checked when it is read.
///
/// # Errors
/// An input fault that names the file and the wrong or missing tensors.
pub(super) fn check(files: &Files) -> Result<()> {
    let safetensors =
        |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "safetensors");
    let weights: Vec<&RawFile> =
        files.iter().filter(|(name, _)| safetensors(name)).map(|(_, file)| file).collect();
    let config = files.iter().find(|(name, _)| name == hub::CONFIG);
    let (Some((_, config)), Some(first)) = (config, weights.first()) else { return Ok(()) };
    let mut headers: BTreeMap<String, TensorHeader> = BTreeMap::new();
    for file in &weights {
        headers.extend(read_header(&file.path, &file.shown)?);
    }
    let place =
        if weights.len() == 1 { first.shown.clone() } else { format!("the shards with {}", first.shown) };
    check_headers(&headers, &BertConfig::read_file(&config.path, &config.shown)?, &place)
}
