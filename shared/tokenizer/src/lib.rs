//! A model's tokenizer, read from the model's folder, with the length limits of the model and of a run.
//!
//! Its output equals that of the library `tokenizers`, and so of the fast tokenizers of `transformers`. Most texts are
//! encoded without the library, by the module `words`.
#![warn(missing_docs)]

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
mod loaded;
mod model_config;
mod pieces;
#[cfg(test)]
mod reference;
mod saved;
mod scores;
mod session;
mod settings;
#[cfg(test)]
mod texts;
mod wordpiece;
mod words;

use anyhow::Result;

pub use bounded::BoundedTokenizer;
pub use files::TokenizerFiles;
pub use saved::SavedTokenizer;
pub use session::Session;

/// Checks that the tokenizer of `files` can be built, and logs a warning for files that override each other.
///
/// # Errors
/// A [`shared::fault::Fault::input`] that names the file and the key at fault.
pub fn check(files: &TokenizerFiles) -> Result<()> {
    let tokenizer = loaded::LoadedTokenizer::read(files)?;
    tokenizer.log_notes();
    Ok(())
}
