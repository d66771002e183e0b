//! The tags of tokens, and the label names that encode them.

use anyhow::{Context, Result, bail, ensure};

use super::scheme::{TagScheme, WrittenTag};

/// The IOB2 tag of a token or a character, with the id of the entity class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Outside of entities.
    Outside,
    /// The first unit of an entity of this class.
    Begin(usize),
    /// A later unit of an entity of this class.
    Inside(usize),
}

impl Tag {
    /// The class id of the entity; none outside of entities.
    pub fn class(self) -> Option<usize> {
        match self {
            Tag::Outside => None,
            Tag::Begin(class) | Tag::Inside(class) => Some(class),
        }
    }
}

/// The label ids of a model, and the tag of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSet {
    /// By label id.
    tags: Vec<Tag>,
    /// By class id.
    classes: Vec<String>,
}

impl TagSet {
    /// Reads label names in the order of their ids, written in `scheme`. Class ids follow the order of first occurrence.
    ///
    /// # Errors
    /// An error for a name that does not follow the scheme, for a name that occurs twice, and for a set without `O` or without
    /// any class. [`TagScheme::Plain`] needs no `O`.
    pub fn new(labels: &[String], scheme: TagScheme) -> Result<TagSet> {
        let mut set = TagSet { tags: Vec::new(), classes: Vec::new() };
        for label in labels {
            let tag = match scheme.read(label).with_context(|| not_a_tag(label, scheme))? {
                WrittenTag::Outside => Tag::Outside,
                WrittenTag::Begin(class) => Tag::Begin(set.class(class)),
                WrittenTag::Inside(class) => Tag::Inside(set.class(class)),
            };
            ensure!(!set.tags.contains(&tag), "the tag `{label}` is named twice; name it once");
            set.tags.push(tag);
        }
        let outside = scheme == TagScheme::Plain || set.tags.contains(&Tag::Outside);
        ensure!(outside, "the tags lack `O`, the tag outside of entities; add it");
        ensure!(!set.classes.is_empty(), "the tags name no class");
        Ok(set)
    }

    /// Reads label names as [`TagSet::new`], for training: in a scheme with B and I every class must have both tags.
    ///
    /// # Errors
    /// The errors of [`TagSet::new`], and an error for a class that lacks a tag.
    pub fn whole(labels: &[String], scheme: TagScheme) -> Result<TagSet> {
        let set = TagSet::new(labels, scheme)?;
        if scheme.has_begins() {
            for (class, name) in set.classes.iter().enumerate() {
                for (tag, prefix) in [(Tag::Begin(class), 'B'), (Tag::Inside(class), 'I')] {
                    if !set.tags.contains(&tag) {
                        bail!("the tags lack `{prefix}-{name}`; add it");
                    }
                }
            }
        }
        Ok(set)
    }

    fn class(&mut self, name: &str) -> usize {
        self.classes.iter().position(|class| class == name).unwrap_or_else(|| {
            self.classes.push(name.to_owned());
            self.classes.len() - 1
        })
    }

    /// The names of the entity classes, in the order of their ids.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The number of tags.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// True for a set without tags.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The tag of the label id `label`; none beyond the set.
    pub fn tag(&self, label: usize) -> Option<Tag> {
        self.tags.get(label).copied()
    }

    /// The label id of `tag`; none if the set lacks its class. A class with a single tag has it on every unit.
    pub fn label(&self, tag: Tag) -> Option<usize> {
        let exact = self.tags.iter().position(|other| *other == tag);
        exact.or_else(|| {
            let class = tag.class()?;
            self.tags.iter().position(|other| other.class() == Some(class))
        })
    }
}

fn not_a_tag(label: &str, scheme: TagScheme) -> String {
    format!("`{label}` is not a tag of the scheme `{}`; its tags are {}", scheme.name(), scheme.example())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn names_are_read_as_tags_in_their_scheme() {
        let tags = [Tag::Begin(0), Tag::Inside(0), Tag::Inside(1), Tag::Begin(1), Tag::Outside];
        for (scheme, labels) in [
            (TagScheme::Iob2, ["B-PS", "I-PS", "I-LC", "B-LC", "O"]),
            (TagScheme::Iob2, ["B_PS", "I_PS", "I_LC", "B_LC", "O"]),
            (TagScheme::Iob2Suffix, ["PS-B", "PS-I", "LC-I", "LC-B", "O"]),
        ] {
            let set = TagSet::whole(&names(&labels), scheme).unwrap();
            assert_eq!(set.classes(), ["PS", "LC"]);
            for (label, tag) in tags.into_iter().enumerate() {
                assert_eq!((set.tag(label), set.label(tag)), (Some(tag), Some(label)));
            }
            assert_eq!((set.tag(5), set.label(Tag::Begin(2))), (None, None));
        }
    }

    #[test]
    fn a_class_with_one_tag_has_it_on_every_unit() {
        let plain = TagSet::whole(&names(&["NOUN", "O"]), TagScheme::Plain).unwrap();
        assert_eq!((plain.tag(1), plain.label(Tag::Inside(0))), (Some(Tag::Begin(1)), Some(0)));
        let io = TagSet::new(&names(&["O", "PS"]), TagScheme::Io).unwrap();
        assert_eq!((io.tag(1), io.label(Tag::Begin(0))), (Some(Tag::Inside(0)), Some(1)));
    }

    fn check_refused(labels: &[&str], expect: &str) {
        let error = TagSet::whole(&names(labels), TagScheme::Iob2).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn wrong_or_missing_names_are_refused() {
        check_refused(&["O", "PS"], "`PS` is not a tag of the scheme `iob2`");
        check_refused(&["O", "E-PS"], "`E-PS` is not a tag");
        check_refused(&["O", "B-"], "`B-` is not a tag");
        check_refused(&["O", "B-PS", "I-PS", "B-PS"], "`B-PS` is named twice");
        check_refused(&["O", "B-PS"], "lack `I-PS`");
        check_refused(&["O", "I-PS"], "lack `B-PS`");
        check_refused(&["B-PS", "I-PS"], "lack `O`");
        check_refused(&["O"], "name no class");
    }
}
