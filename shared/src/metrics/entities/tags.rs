//! The tags of IOB2, and the label names that stand for them.

use anyhow::{Context, Result, bail, ensure};

/// What one token or character is, in IOB2; entity classes by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Of no entity.
    Outside,
    /// The first of an entity.
    Begin(usize),
    /// Any but the first of an entity.
    Inside(usize),
}

/// Label ids, as a model has them, and the tags that they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSet {
    /// By label id.
    tags: Vec<Tag>,
    /// By class id.
    classes: Vec<String>,
}

impl TagSet {
    /// Reads label names in the order of their ids: `O`, and `B-X` with `I-X` for each class `X`. Classes get
    /// their ids in the order in which they come up.
    ///
    /// Fails on any other name, on a name that comes twice, and where a class lacks one of its two tags or
    /// `O` is missing: predictions of such a set could not be written as tags.
    pub fn new(labels: &[String]) -> Result<TagSet> {
        let mut set = TagSet { tags: Vec::new(), classes: Vec::new() };
        for label in labels {
            let tag = set.read(label)?;
            ensure!(!set.tags.contains(&tag), "the tag `{label}` is named twice; name it once");
            set.tags.push(tag);
        }
        ensure!(set.tags.contains(&Tag::Outside), "the tags lack `O`, for what is of no entity; add it");
        for (class, name) in set.classes.iter().enumerate() {
            for (tag, prefix) in [(Tag::Begin(class), 'B'), (Tag::Inside(class), 'I')] {
                ensure!(set.tags.contains(&tag), "the tags lack `{prefix}-{name}`; add it");
            }
        }
        Ok(set)
    }

    fn read(&mut self, label: &str) -> Result<Tag> {
        if label == "O" {
            return Ok(Tag::Outside);
        }
        let parts = label.split_once('-').filter(|(_, class)| !class.is_empty());
        let (prefix, name) = parts.with_context(|| not_a_tag(label))?;
        match prefix {
            "B" => Ok(Tag::Begin(self.class(name))),
            "I" => Ok(Tag::Inside(self.class(name))),
            _ => bail!(not_a_tag(label)),
        }
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

    pub fn tag(&self, label: usize) -> Option<Tag> {
        self.tags.get(label).copied()
    }

    pub fn label(&self, tag: Tag) -> Option<usize> {
        self.tags.iter().position(|other| *other == tag)
    }
}

fn not_a_tag(label: &str) -> String {
    format!("`{label}` is no IOB2 tag; name tags `O`, `B-CLASS` or `I-CLASS`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[&str]) -> Result<TagSet> {
        TagSet::new(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_stand_for_tags() {
        let set = set(&["B-PS", "I-PS", "I-LC", "B-LC", "O"]).unwrap();
        assert_eq!(set.classes(), ["PS", "LC"]);
        let tags = [Tag::Begin(0), Tag::Inside(0), Tag::Inside(1), Tag::Begin(1), Tag::Outside];
        for (label, tag) in tags.into_iter().enumerate() {
            assert_eq!((set.tag(label), set.label(tag)), (Some(tag), Some(label)));
        }
        assert_eq!((set.tag(5), set.label(Tag::Begin(2))), (None, None));
    }

    fn check_refused(labels: &[&str], expect: &str) {
        let error = set(labels).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn other_names_are_refused() {
        check_refused(&["O", "PS"], "`PS` is no IOB2 tag");
        check_refused(&["O", "E-PS"], "`E-PS` is no IOB2 tag");
        check_refused(&["O", "B-"], "`B-` is no IOB2 tag");
        check_refused(&["O", "B-PS", "I-PS", "B-PS"], "`B-PS` is named twice");
        check_refused(&["O", "B-PS"], "lack `I-PS`");
        check_refused(&["O", "I-PS"], "lack `B-PS`");
        check_refused(&["B-PS", "I-PS"], "lack `O`");
    }
}
