//! Files that are one JSON document.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use shared::fault::Fault;

use super::{Place, decompressed};
use crate::raw::RawFile;

/// # Errors
/// An input fault that names the file and the line where it is not as `T` has it.
pub(super) fn document<T: DeserializeOwned>(file: &RawFile) -> Result<T> {
    let damaged = || Fault::input(format!("{} is not the JSON that is expected there", file.shown));
    serde_json::from_reader(decompressed::open(file)?).with_context(damaged)
}

/// The objects of a file that is one array, each with its place.
pub(crate) fn array<T: DeserializeOwned>(
    file: &RawFile,
) -> Result<impl Iterator<Item = (Place, T)> + use<T>> {
    let objects: Vec<T> = document(file)?;
    Ok((1..).map(Place::Row).zip(objects))
}
