//! Files that are one JSON document.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use shared::fault::Fault;

use super::{Input, Place, decompressed};

/// # Errors
/// An input fault that names the file and the line where it is not as `T` has it.
pub(super) fn document<T: DeserializeOwned>(input: Input) -> Result<T> {
    let damaged = format!("{} is not the JSON that is expected there", input.shown);
    serde_json::from_reader(decompressed::open(input)?).with_context(|| Fault::input(damaged))
}

/// The objects of a file that is one array, each with its place.
///
/// # Errors
/// As of [`open`](super::open).
pub fn array<T: DeserializeOwned>(input: Input) -> Result<impl Iterator<Item = (Place, T)> + use<T>> {
    let objects: Vec<T> = document(input)?;
    Ok((1..).map(Place::Row).zip(objects))
}
