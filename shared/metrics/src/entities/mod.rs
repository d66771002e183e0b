//! Entities in tagged texts: schemes of tags, the entities that tags mean, and the scores of both.

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
