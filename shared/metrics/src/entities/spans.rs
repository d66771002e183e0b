//! Entities as spans, and their conversion from and to tags.

use anyhow::{Result, ensure};

use super::tags::Tag;

/// An entity at the positions `start..end`, counted in the units that are tagged: characters or tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entity {
    /// The id of the class.
    pub class: usize,
    /// The first position.
    pub start: usize,
    /// The position after the last one.
    pub end: usize,
}

/// The treatment of an `I-` tag that does not continue an entity of its class.
#[derive(Clone, Copy, PartialEq)]
enum StrayInside {
    BeginsEntity,
    IsOutside,
}

/// The entities of `tags` as in seqeval with `mode="strict", scheme=IOB2`, for scores. Only a `B-` begins an entity; an `I-`
/// that does not continue an entity of its class is outside.
pub fn strict_entities(tags: &[Tag]) -> Vec<Entity> {
    entities(tags, StrayInside::IsOutside)
}

/// The entities of predicted `tags` as in `conlleval` and in the default mode of seqeval, for users. An `I-` that does not
/// continue an entity of its class begins one.
pub fn lenient_entities(tags: &[Tag]) -> Vec<Entity> {
    entities(tags, StrayInside::BeginsEntity)
}

fn entities(tags: &[Tag], stray: StrayInside) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    for (start, &tag) in tags.iter().enumerate() {
        let begins = match tag {
            Tag::Outside => continue,
            Tag::Begin(class) => Some(class),
            Tag::Inside(class) => match found.last_mut() {
                Some(open) if open.end == start && open.class == class => {
                    open.end += 1;
                    None
                }
                _ => (stray == StrayInside::BeginsEntity).then_some(class),
            },
        };
        found.extend(begins.map(|class| Entity { class, start, end: start + 1 }));
    }
    found
}

/// The tags of a text with `length` positions. Both [`strict_entities`] and [`lenient_entities`] restore the entities from
/// the tags, sorted by start.
///
/// # Errors
/// An error for an entity that is empty, that ends after the text, or that overlaps another.
pub fn tags_of(entities: &[Entity], length: usize) -> Result<Vec<Tag>> {
    let mut tags = vec![Tag::Outside; length];
    for &Entity { class, start, end } in entities {
        ensure!(start < end, "the entity at {start}..{end} is empty; its end must be after its start");
        let Some(span) = tags.get_mut(start..end) else {
            anyhow::bail!("the entity at {start}..{end} ends after its text of {length} characters")
        };
        let free = span.iter().all(|tag| *tag == Tag::Outside);
        ensure!(free, "the entity at {start}..{end} overlaps another; leave one of them out");
        span.fill(Tag::Inside(class));
        tags[start] = Tag::Begin(class);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Tag::{Begin, Inside, Outside};

    fn check(tags: &[Tag], strict: &[(usize, usize, usize)], lenient: &[(usize, usize, usize)]) {
        let parts =
            |found: Vec<Entity>| -> Vec<_> { found.iter().map(|e| (e.class, e.start, e.end)).collect() };
        assert_eq!(parts(strict_entities(tags)), strict, "{tags:?}");
        assert_eq!(parts(lenient_entities(tags)), lenient, "{tags:?}");
    }

    #[test]
    fn a_begin_tag_always_begins_an_entity() {
        let both = [(0, 0, 2), (0, 2, 3), (1, 3, 4)];
        check(&[Begin(0), Inside(0), Begin(0), Begin(1), Outside], &both, &both);
        check(&[], &[], &[]);
    }

    #[test]
    fn a_stray_inside_tag_begins_an_entity_only_in_lenient_mode() {
        check(&[Inside(0), Inside(0)], &[], &[(0, 0, 2)]);
        check(&[Begin(0), Inside(1), Inside(1)], &[(0, 0, 1)], &[(0, 0, 1), (1, 1, 3)]);
        check(&[Begin(0), Outside, Inside(0)], &[(0, 0, 1)], &[(0, 0, 1), (0, 2, 3)]);
        check(&[Begin(0), Inside(1), Inside(0)], &[(0, 0, 1)], &[(0, 0, 1), (1, 1, 2), (0, 2, 3)]);
    }

    #[test]
    fn entities_are_restored_from_their_tags() {
        let entities =
            [(1, 0, 1), (1, 1, 3), (0, 4, 5)].map(|(class, start, end)| Entity { class, start, end });
        let tags = tags_of(&entities, 6).unwrap();
        assert_eq!(tags, [Begin(1), Begin(1), Inside(1), Outside, Begin(0), Outside]);
        assert_eq!(strict_entities(&tags), entities);
        assert_eq!(lenient_entities(&tags), entities);
    }

    fn check_refused(spans: &[(usize, usize)], expect: &str) {
        let entities: Vec<_> = spans.iter().map(|&(start, end)| Entity { class: 0, start, end }).collect();
        let error = tags_of(&entities, 4).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn spans_that_tags_cannot_express_are_refused() {
        check_refused(&[(2, 2)], "2..2 is empty");
        check_refused(&[(3, 2)], "3..2 is empty");
        check_refused(&[(3, 5)], "3..5 ends after its text of 4");
        check_refused(&[(0, 3), (2, 4)], "2..4 overlaps");
        check_refused(&[(2, 4), (0, 3)], "0..3 overlaps");
    }
}
