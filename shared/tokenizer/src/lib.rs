//! A model's tokenizer, read from the model's folder and bound to the limits of the model and of a run.
//!
//! What it gives equals what the library `tokenizers` gives, and so `transformers`' fast tokenizers; most texts never
//! reach the library (`words`).

mod bounded;
mod continuing;
mod encode;
#[cfg(test)]
mod fixture;
mod frame;
mod model_files;
mod pieces;
#[cfg(test)]
mod reference;
mod session;
mod source;
#[cfg(test)]
mod texts;
mod wordpiece;
mod words;

pub use bounded::BoundedTokenizer;
pub use session::Session;
