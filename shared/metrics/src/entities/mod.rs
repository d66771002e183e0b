//! Entities in tagged texts: tag schemes, conversion between tags and entities, and the scores of both.

mod characters;
mod scheme;
mod scores;
mod spans;
mod tags;
mod words;

pub use characters::CharacterScores;
pub use scheme::{TagScheme, WrittenTag};
pub use scores::EntityScores;
pub use spans::{Entity, lenient_entities, strict_entities, tags_of};
pub use tags::{Tag, TagSet};
pub use words::WordScores;
