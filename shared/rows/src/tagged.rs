//! Texts that are put together from tokens, each with a tag.

use anyhow::{Context, Result, ensure};
use metrics::entities::{TagScheme, WrittenTag};
use shared::fault::Fault;
use shared::schema::Entity;

use super::Unit;

/// How the tags of a file are written: as the config says, else as the first one with B or I.
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

    /// # Errors
    /// An input fault where the tag is written otherwise, or could mean two things.
    fn read<'a>(&mut self, tag: &'a str) -> Result<WrittenTag<'a>> {
        let Some(scheme) = self.scheme.or_else(|| self.find(tag)) else {
            ensure!(tag == "O", unclear(tag));
            return Ok(WrittenTag::Outside);
        };
        scheme.read(tag).with_context(|| {
            let (name, tags) = (scheme.name(), scheme.example());
            let advice = "mend it, or name the scheme of the file in `entity_recognition.scheme`";
            Fault::input(format!("the tag `{tag}` is not written as {tags} (the scheme {name}); {advice}"))
        })
    }

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

/// A text as far as its tokens are known.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
    characters: u32,
    /// Whether the token before is of an entity, which then is the last one.
    within: bool,
}

impl Tagged {
    /// Between words stands a single space.
    ///
    /// # Errors
    /// Of the tag.
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

    /// As `conlleval` reads tags: where nothing of its label goes before it, I begins an entity as B does.
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
