//! A row of features, and what statistics count of it.

use anyhow::Result;

use crate::schema::{Features, Offset, Targets};
use crate::tokens::{Framed, Tokens};

/// A row as the tokenize stage makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    pub features: Features,
    pub truncated: bool,
    /// Tokens that are no special tokens.
    pub pieces: u64,
    /// Of these, the unknown ones.
    pub unknown: u64,
}

impl Encoded {
    /// A whole text, or two, cut where it was too long.
    pub(crate) fn whole(
        example_id: &str,
        tokens: &Tokens,
        unknown: Option<u32>,
        targets: Targets,
    ) -> Result<Encoded> {
        let framed = Framed { ids: tokens.ids.clone(), type_ids: tokens.type_ids.clone(), start: 0 };
        let row = Encoded::window(example_id, &framed, unknown, targets, Vec::new())?;
        Ok(Encoded { truncated: tokens.truncated, pieces: tokens.pieces as u64, ..row })
    }

    /// A window of a text, with the place of every token in it.
    pub(crate) fn window(
        example_id: &str,
        framed: &Framed,
        unknown: Option<u32>,
        targets: Targets,
        offsets: Vec<Offset>,
    ) -> Result<Encoded> {
        let input_ids = framed.ids.iter().map(|&id| i32::try_from(id));
        let token_type_ids = framed.type_ids.iter().map(|&id| i8::try_from(id));
        let pieces = offsets.iter().filter(|offset| offset.is_somewhere()).count() as u64;
        Ok(Encoded {
            features: Features {
                example_id: example_id.to_owned(),
                input_ids: input_ids.collect::<Result<_, _>>()?,
                token_type_ids: token_type_ids.collect::<Result<_, _>>()?,
                targets,
                offsets,
            },
            truncated: false,
            pieces,
            unknown: framed.ids.iter().filter(|&&id| Some(id) == unknown).count() as u64,
        })
    }
}
