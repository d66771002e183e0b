//! A row of features, and what statistics count of it.

use anyhow::Result;

use shared::schema::{Features, Offset, Targets};
use shared::tokens::Tokens;

/// A row as the tokenize stage makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    pub features: Features,
    pub truncated: bool,
    /// Tokens that are no special tokens.
    pub pieces: u64,
    /// Of these, the unknown ones.
    pub unknown: u64,
    /// Of the whole example, with its first row.
    pub alignment: Alignment,
}

/// Parts of a text that somebody has marked, and how tokens fit them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Alignment {
    pub marked: u64,
    /// Of these, the ones that begin and end where tokens do; no others can be found exactly.
    pub exact: u64,
}

impl Encoded {
    /// A row of `tokens`, of which `unknown` is the unknown one; `offsets` are empty or as many.
    pub(crate) fn new(
        example_id: &str,
        tokens: &Tokens,
        unknown: Option<u32>,
        targets: Targets,
        offsets: Vec<Offset>,
    ) -> Result<Encoded> {
        let input_ids = tokens.ids.iter().map(|&id| i32::try_from(id));
        let token_type_ids = tokens.type_ids.iter().map(|&id| i8::try_from(id));
        Ok(Encoded {
            features: Features {
                example_id: example_id.to_owned(),
                input_ids: input_ids.collect::<Result<_, _>>()?,
                token_type_ids: token_type_ids.collect::<Result<_, _>>()?,
                targets,
                offsets,
            },
            truncated: tokens.truncated,
            pieces: tokens.pieces as u64,
            unknown: tokens.ids.iter().filter(|&&id| Some(id) == unknown).count() as u64,
            alignment: Alignment::default(),
        })
    }
}
