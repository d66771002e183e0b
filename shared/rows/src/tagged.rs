//! Texts that are joined from tokens with tags.

use anyhow::{Context, Result, ensure};
use metrics::entities::{TagScheme, WrittenTag};
use shared::fault::Fault;
use shared::schema::Entity;

use super::Unit;

/// The notation of a file's tags: the scheme of the config, or that of the first tag with B or I.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags {
    scheme: Option<TagScheme>,
}

impl Tags {
    pub(super) fn new(scheme: Option<TagScheme>) -> Tags {
        Tags { scheme }
    }

    pub(super) fn scheme(self) -> Option<TagScheme> {
        self.scheme
    }

    /// Parses a tag.
    ///
    /// # Errors
    /// An input fault where the tag does not fit the scheme, or the scheme is unknown and the tag does not show it.
    fn read<'a>(&mut self, tag: &'a str) -> Result<WrittenTag<'a>> {
        let Some(scheme) = self.scheme.or_else(|| self.find(tag)) else {
            ensure!(tag == "O", unclear(tag));
            return Ok(WrittenTag::Outside);
        };
        scheme.read(tag).with_context(|| {
            let (name, tags) = (scheme.name(), scheme.example());
            let advice = "correct it, or name the scheme of the file in `entity_recognition.scheme`";
            Fault::input(format!("the tag `{tag}` is not written as {tags} (the scheme {name}); {advice}"))
        })
    }

    /// Finds the scheme by `tag`, and keeps it for later tags.
    fn find(&mut self, tag: &str) -> Option<TagScheme> {
        self.scheme = TagScheme::of_tag(tag);
        if let Some(scheme) = self.scheme.filter(|scheme| *scheme != TagScheme::Iob2) {
            log::info!("tags are read by the scheme `{}`, as `{tag}` is one", scheme.name());
        }
        self.scheme
    }
}

fn unclear(tag: &str) -> Fault {
    Fault::input(format!(
        "the tag `{tag}` is neither `O` nor has it B or I at one end, as `B-PS`; set `entity_recognition.scheme` to \
         \"io\" where neighbours with one tag are one entity, or to \"plain\" where every word has a tag, as of parts of \
         speech"
    ))
}

/// A text and its entities, built token by token.
#[derive(Debug, Default)]
pub(super) struct TaggedText {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
    /// The length of `text` in characters.
    characters: u32,
    /// Whether the last token belongs to the last entity.
    within: bool,
}

impl TaggedText {
    /// Appends a token, and a space before it if it is a word after another.
    ///
    /// # Errors
    /// An input fault where the tag is invalid.
    pub(super) fn push(&mut self, unit: Unit, token: &str, tag: &str, tags: &mut Tags) -> Result<()> {
        if unit == Unit::Word && self.characters > 0 {
            self.text.push(' ');
            self.characters += 1;
        }
        let start = self.characters;
        self.text.push_str(token);
        self.characters += u32::try_from(token.chars().count())?;
        self.tag(tags.read(tag)?, start);
        Ok(())
    }

    /// Applies the tag of the token that begins at `start`. As in `conlleval`, an I tag after another label or none begins
    /// an entity.
    fn tag(&mut self, tag: WrittenTag<'_>, start: u32) {
        let end = self.characters;
        let last = if self.within { self.entities.last_mut() } else { None };
        match (tag, last) {
            (WrittenTag::Outside, _) => self.within = false,
            (WrittenTag::Inside(label), Some(last)) if last.label == label => last.end = end,
            (WrittenTag::Begin(label) | WrittenTag::Inside(label), _) => {
                self.entities.push(Entity { start, end, label: label.to_owned() });
                self.within = true;
            }
        }
    }
}
