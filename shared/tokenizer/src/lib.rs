//! A model's tokenizer, read from the model's folder and bound to the limits of the model and of a run.
//!
//! What it gives equals what the library `tokenizers` gives, and so `transformers`' fast tokenizers; most texts never
//! reach the library (`words`).

mod bounded;
mod class;
mod continuing;
mod encode;
mod files;
#[cfg(test)]
mod fixture;
mod frame;
#[cfg(test)]
mod golden;
mod model_files;
mod pieces;
#[cfg(test)]
mod reference;
mod saved;
mod scores;
mod session;
mod settings;
mod source;
#[cfg(test)]
mod texts;
mod wordpiece;
mod words;

use anyhow::Result;

pub use bounded::BoundedTokenizer;
pub use files::TokenizerFiles;
pub use saved::SavedTokenizer;
pub use session::Session;

/// Builds the tokenizer of `files`, to see that it can be built.
///
/// # Errors
/// A [`shared::fault::Fault::input`] that names the file and the key at fault.
pub fn check(files: &TokenizerFiles) -> Result<()> {
    let source = source::Source::read(files)?;
    source.say();
    Ok(())
}
