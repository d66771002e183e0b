//! A row of features with its counts for statistics.

use anyhow::Result;

use shared::schema::{Features, Offset, Targets};
use shared::tokens::Tokens;

/// A row of the tokenize stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The row itself.
    pub features: Features,
    /// True if the text was truncated.
    pub truncated: bool,
    /// The number of tokens, special tokens excluded.
    pub pieces: u64,
    /// The number of unknown tokens among them.
    pub unknown: u64,
    /// The alignment of the whole example, on its first row; zero on its other rows.
    pub alignment: Alignment,
}

/// The alignment of the entities or answers of a text with its tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Alignment {
    /// The number of entities or answers.
    pub marked: u64,
    /// The number of them that begin and end at token boundaries. A model can find only these exactly.
    pub exact: u64,
}

impl Encoded {
    /// Makes a row from `tokens`. `unknown` is the id of the unknown token; `offsets` has one item per token, or is empty.
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
