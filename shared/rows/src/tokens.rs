//! Rows with a list of words and a list of their tags, as `datasets` stores them.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use shared::config::FileColumns;
use shared::fault::Fault;
use shared::schema::Entity;
use shared::schema::column::NER_TAGS;

use super::tagged::{TaggedText, Tags};
use super::values::Expected;
use super::{TagNames, Unit};

/// The columns of words and of their tags.
pub(super) struct TokenColumns {
    /// The name of the column of words.
    pub(super) tokens: String,
    /// The name of the column of tags.
    pub(super) tags: String,
    /// Whether the file has these columns and they are read.
    pub(super) read: bool,
    /// The names of numeric tags by number.
    names: Vec<String>,
    scheme: RefCell<Tags>,
}

impl TokenColumns {
    pub(super) fn new(columns: &FileColumns, tags: TagNames) -> TokenColumns {
        TokenColumns {
            tokens: columns.tokens.clone(),
            tags: columns.ner_tags.clone().unwrap_or_else(|| NER_TAGS.to_owned()),
            read: false,
            names: tags.names,
            scheme: RefCell::new(Tags::new(tags.scheme)),
        }
    }

    /// Joins `tokens` with single spaces. Returns the text and the entities that `tags` mark in it.
    ///
    /// # Errors
    /// An input fault where the two lists differ in length, a token is blank, or a tag is invalid.
    pub(super) fn tagged(&self, tokens: &[Value], tags: &[Value]) -> Result<(String, Vec<Entity>)> {
        let (here, there) = (tokens.len(), tags.len());
        let uneven = || {
            Fault::input(format!(
                "it has {here} tokens in `{}`, and {there} tags in `{}`",
                self.tokens, self.tags
            ))
        };
        ensure!(here == there, uneven());
        let mut text = TaggedText::default();
        let mut scheme = self.scheme.borrow_mut();
        for (token, tag) in tokens.iter().zip(tags) {
            let token = token.as_str().filter(|token| !token.trim().is_empty());
            let token = token.with_context(|| {
                Fault::input(format!("a token in `{}` is blank or no string", self.tokens))
            })?;
            text.push(Unit::Word, token.trim(), self.name(tag)?, &mut scheme)?;
        }
        Ok((text.text, text.entities))
    }

    /// The name of a tag that is a string or a number.
    fn name<'a>(&'a self, tag: &'a Value) -> Result<&'a str> {
        if let Some(name) = tag.as_str() {
            return Ok(name);
        }
        let named = tag.as_u64().and_then(|number| self.names.get(usize::try_from(number).ok()?));
        named.map(String::as_str).with_context(|| {
            let why = match self.names.len() {
                0 => "is a number without a name; list the tags in `fetch.files.labels`, as `O`, `B-PS` and \
                      `I-PS`, in the order of their numbers"
                    .to_owned(),
                count => format!("is none of the {count} that are named"),
            };
            Fault::input(format!("the tag {tag} in `{}` {why}", self.tags))
        })
    }
}

/// The items of a list.
pub(super) fn list(value: Value) -> Result<Vec<Value>, Expected> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err("a list"),
    }
}
