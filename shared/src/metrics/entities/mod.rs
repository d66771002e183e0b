//! Entities in tagged texts: IOB2 tags, the entities that they mean, and how both are scored.

mod characters;
mod scores;
mod spans;
mod tags;

pub use characters::CharacterScores;
pub use scores::EntityScores;
pub use spans::{Entity, lenient_entities, strict_entities, tags_of};
pub use tags::{Tag, TagSet};
