//! Tag schemes: how tags are written.

use serde::{Deserialize, Serialize};

/// A tag scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagScheme {
    /// `B-PS` or `B_PS` begins an entity of class `PS`, `I-PS` continues it, and `O` is outside of entities.
    Iob2,
    /// IOB2 with the class first: `PS-B`, `PS-I`, `O`.
    Iob2Suffix,
    /// `PS` for every unit of an entity, and `O`: neighbouring units of one class are one entity.
    Io,
    /// A tag for every word, such as its part of speech, without entities.
    Plain,
}

/// The meaning of a written tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenTag<'a> {
    /// No entity.
    Outside,
    /// The first unit of an entity of this class.
    Begin(&'a str),
    /// A later unit of an entity of this class.
    Inside(&'a str),
}

const OUTSIDE: &str = "O";

impl TagScheme {
    /// The name in configs.
    pub fn name(self) -> &'static str {
        match self {
            TagScheme::Iob2 => "iob2",
            TagScheme::Iob2Suffix => "iob2_suffix",
            TagScheme::Io => "io",
            TagScheme::Plain => "plain",
        }
    }

    /// The tags of the scheme, for messages.
    pub fn example(self) -> &'static str {
        match self {
            TagScheme::Iob2 => "`O`, `B-LABEL` and `I-LABEL`",
            TagScheme::Iob2Suffix => "`O`, `LABEL-B` and `LABEL-I`",
            TagScheme::Io => "`O` and `LABEL`",
            TagScheme::Plain => "labels",
        }
    }

    pub(super) fn has_begins(self) -> bool {
        matches!(self, TagScheme::Iob2 | TagScheme::Iob2Suffix)
    }

    /// Reads a written tag; none if `tag` does not follow the scheme.
    pub fn read(self, tag: &str) -> Option<WrittenTag<'_>> {
        let (place, class) = match self {
            _ if tag.is_empty() => return None,
            TagScheme::Plain => return Some(WrittenTag::Begin(tag)),
            _ if tag == OUTSIDE => return Some(WrittenTag::Outside),
            TagScheme::Io => return Some(WrittenTag::Inside(tag.strip_prefix("I-").unwrap_or(tag))),
            TagScheme::Iob2 => {
                let (place, class) = tag.split_at_checked(1)?;
                (place, class.strip_prefix(['-', '_'])?)
            }
            TagScheme::Iob2Suffix => {
                let (class, place) = tag.split_at_checked(tag.len() - 1)?;
                (place, class.strip_suffix(['-', '_'])?)
            }
        };
        match place {
            _ if class.is_empty() => None,
            "B" => Some(WrittenTag::Begin(class)),
            "I" => Some(WrittenTag::Inside(class)),
            _ => None,
        }
    }

    /// The scheme that follows from one tag. None for `O`, and for a tag without B and I, which fits both [`TagScheme::Io`]
    /// and [`TagScheme::Plain`].
    pub fn of_tag(tag: &str) -> Option<TagScheme> {
        let schemes = [TagScheme::Iob2, TagScheme::Iob2Suffix];
        schemes.into_iter().find(|scheme| tag != OUTSIDE && scheme.read(tag).is_some())
    }

    /// The scheme of a whole set of tags. Without B and I it is [`TagScheme::Io`] if `O` is among them, else
    /// [`TagScheme::Plain`]. None for a set that mixes schemes.
    pub fn of_set<'a>(tags: impl IntoIterator<Item = &'a str> + Clone) -> Option<TagScheme> {
        let reads = |scheme: TagScheme| tags.clone().into_iter().all(|tag| scheme.read(tag).is_some());
        let with_places = [TagScheme::Iob2, TagScheme::Iob2Suffix].into_iter().find(|scheme| reads(*scheme));
        with_places.or_else(|| {
            let mixed = tags.clone().into_iter().any(|tag| TagScheme::of_tag(tag).is_some());
            let outside = tags.clone().into_iter().any(|tag| tag == OUTSIDE);
            (!mixed).then_some(if outside { TagScheme::Io } else { TagScheme::Plain })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WrittenTag::{Begin, Inside, Outside};

    #[test]
    fn tags_are_read_by_their_scheme() {
        let check = |scheme: TagScheme, tag, expect| assert_eq!(scheme.read(tag), expect, "{scheme:?} {tag}");
        check(TagScheme::Iob2, "B-ORG-X", Some(Begin("ORG-X")));
        check(TagScheme::Iob2, "I_LC", Some(Inside("LC")));
        check(TagScheme::Iob2, "LC-B", None);
        check(TagScheme::Iob2, "E-LC", None);
        check(TagScheme::Iob2, "가-LC", None);
        check(TagScheme::Iob2, "B-", None);
        check(TagScheme::Iob2Suffix, "ORG-X-B", Some(Begin("ORG-X")));
        check(TagScheme::Iob2Suffix, "LC_I", Some(Inside("LC")));
        check(TagScheme::Iob2Suffix, "LC-가", None);
        check(TagScheme::Iob2Suffix, "-B", None);
        check(TagScheme::Io, "LC", Some(Inside("LC")));
        check(TagScheme::Io, "I-LC", Some(Inside("LC")));
        check(TagScheme::Plain, "O", Some(Begin("O")));
        for scheme in [TagScheme::Iob2, TagScheme::Iob2Suffix, TagScheme::Io] {
            check(scheme, "O", Some(Outside));
            check(scheme, "", None);
        }
    }

    #[test]
    fn the_scheme_follows_from_the_tags() {
        let check = |tags: &[&'static str], expect| {
            assert_eq!(TagScheme::of_set(tags.iter().copied()), expect, "{tags:?}");
        };
        check(&["O", "B-PS", "I-PS"], Some(TagScheme::Iob2));
        check(&["O", "I-PS"], Some(TagScheme::Iob2));
        check(&["O", "B_PS", "I_PS"], Some(TagScheme::Iob2));
        check(&["PS-B", "PS-I", "O"], Some(TagScheme::Iob2Suffix));
        check(&["O", "PS", "LC"], Some(TagScheme::Io));
        check(&["NOUN", "VERB"], Some(TagScheme::Plain));
        check(&["O", "B-PS", "PS-I"], None);
        check(&["O", "B-PS", "PS"], None);
        assert_eq!(TagScheme::of_tag("PS-B"), Some(TagScheme::Iob2Suffix));
        assert_eq!((TagScheme::of_tag("O"), TagScheme::of_tag("PS")), (None, None));
    }

    #[test]
    fn names_are_those_of_the_config() {
        for scheme in [TagScheme::Iob2, TagScheme::Iob2Suffix, TagScheme::Io, TagScheme::Plain] {
            assert_eq!(serde_json::to_value(scheme).unwrap(), scheme.name());
        }
    }
}
