//! The CoNLL formats: one token with its tag per line, and a blank line after every sentence.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use metrics::entities::TagScheme;
use shared::fault::Fault;
use shared::schema::{Entity, Truth};

use super::lines::{Lines, is_blank};
use super::tagged::{TaggedText, Tags};
use super::{Input, Place, Row};

/// The first token of the line between two documents of CoNLL-2003.
const DOCUMENT: &str = "-DOCSTART-";
/// The column of a word's form in CoNLL-U, counted from 0.
const FORM: usize = 1;
/// The column of the universal part of speech in CoNLL-U, counted from 0.
const PART_OF_SPEECH: usize = 3;

/// The unit of text that a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A word. The text has a single space between two words.
    Word,
    /// A character. Spaces are tokens too.
    Character,
}

/// The columns of a line that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// The first and the last column.
    FirstAndLast,
    /// The columns of CoNLL-U. Lines for several words (`1-2`) and for empty nodes (`1.1`) are skipped.
    Universal {
        /// The column of the tag, counted from 0.
        tag: usize,
    },
}

impl Layout {
    /// The layout of CoNLL-U with the tag in the column numbered `tag`, counted from 1; by default the column of the
    /// universal part of speech.
    ///
    /// # Errors
    /// A usage fault where `tag` is no number from 1 on.
    pub(super) fn universal(tag: Option<&str>) -> Result<Layout> {
        let number = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        let tag = match tag {
            None => PART_OF_SPEECH,
            Some(text) => number(text).with_context(|| {
                let key = "config key `fetch.files.columns.ner_tags`";
                Fault::usage(format!(
                    "{key} is `{text}`; in CoNLL-U columns are numbers, the first one is \"1\""
                ))
            })?,
        };
        Ok(Layout::Universal { tag })
    }
}

/// The words or characters between two blank lines.
#[derive(Debug, PartialEq)]
pub struct Sentence {
    /// The place of its first token.
    pub place: Place,
    /// The last comment line before it, without the `#`s.
    pub comment: Option<String>,
    /// The text of its tokens.
    pub text: String,
    /// The entities in `text`, in order.
    pub entities: Vec<Entity>,
}

/// Reads the sentences of `input` as rows without ids.
pub(super) fn rows(
    input: Input,
    unit: Unit,
    layout: Layout,
    scheme: Option<TagScheme>,
) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    Ok(read_layout(input, unit, layout, scheme)?.map(|sentence| {
        let Sentence { place, text, entities, .. } = sentence?;
        Ok(Row { place, id: None, text, text_pair: None, truth: Truth::Entities(entities) })
    }))
}

/// Reads the sentences of `input`, whose lines have a token in their first column and its tag in the last.
///
/// # Errors
/// As for [`open`](super::open).
pub fn sentences(input: Input, unit: Unit) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
    read_layout(input, unit, Layout::FirstAndLast, None)
}

fn read_layout(
    input: Input,
    unit: Unit,
    layout: Layout,
    scheme: Option<TagScheme>,
) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
    let shown = input.shown.clone();
    let mut lines = Lines::open(input)?;
    let (pending, separator) = find_separator(&mut lines, unit, layout)?;
    let mut reader = Reader { lines, pending, separator, unit, layout, tags: Tags::new(scheme), shown };
    Ok(std::iter::from_fn(move || reader.sentence().transpose()))
}

/// The separator between the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Tab,
    /// Spaces, as in CoNLL-2003, where `#` is a token.
    Spaces,
}

/// Reads lines up to the first that can only be a token, which shows the separator of columns. Returns these lines too.
fn find_separator(
    lines: &mut Lines,
    unit: Unit,
    layout: Layout,
) -> Result<(VecDeque<(u64, String)>, Separator)> {
    let mut pending = VecDeque::new();
    let tabs = unit == Unit::Character || layout != Layout::FirstAndLast;
    while !tabs && let Some((number, line)) = lines.next_line()? {
        let decides = !line.starts_with('#') && !is_blank(&line) && !is_document(&line);
        let separator = if line.contains('\t') { Separator::Tab } else { Separator::Spaces };
        pending.push_back((number, line));
        if decides {
            return Ok((pending, separator));
        }
    }
    Ok((pending, Separator::Tab))
}

fn is_document(line: &str) -> bool {
    line.split([' ', '\t']).next() == Some(DOCUMENT)
}

struct Reader {
    lines: Lines,
    /// Lines that have been read and not parsed.
    pending: VecDeque<(u64, String)>,
    separator: Separator,
    unit: Unit,
    layout: Layout,
    tags: Tags,
    shown: String,
}

impl Reader {
    fn line(&mut self) -> Result<Option<(u64, String)>> {
        match self.pending.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }

    fn sentence(&mut self) -> Result<Option<Sentence>> {
        let mut comment = None;
        let mut sentence: Option<(Place, Option<String>, TaggedText)> = None;
        while let Some((number, line)) = self.line()? {
            if let Some(text) = self.as_comment(&line) {
                comment = Some(text.to_owned());
            } else if is_blank(&line) || self.unit == Unit::Word && is_document(&line) {
                if sentence.is_some() {
                    break;
                }
            } else {
                let place = Place::Line(number);
                let at = || Fault::input(format!("{}, {place} is no token with its tag", self.shown));
                let Some((token, tag)) = self.token_and_tag(&line).with_context(at)? else { continue };
                let (_, _, unfinished) =
                    sentence.get_or_insert_with(|| (place, comment.take(), TaggedText::default()));
                let pushed = unfinished.push(self.unit, token, tag, &mut self.tags);
                pushed.with_context(at)?;
            }
        }
        Ok(sentence.map(|(place, comment, TaggedText { text, entities, .. })| Sentence {
            place,
            comment,
            text,
            entities,
        }))
    }

    /// The text of a comment line. A line is a comment if `# ` or `## ` begins it, unless spaces separate columns and the
    /// line ends with a tag. In CoNLL-U every `#` begins a comment.
    fn as_comment<'a>(&self, line: &'a str) -> Option<&'a str> {
        let text = line.strip_prefix("## ").or_else(|| line.strip_prefix("# "));
        if self.layout != Layout::FirstAndLast {
            return text.or_else(|| line.strip_prefix('#'));
        }
        let last = line.trim_end().rsplit(' ').next().unwrap_or_default();
        let is_tag = match self.tags.scheme() {
            Some(scheme) => scheme.read(last).is_some(),
            None => last == "O" || TagScheme::of_tag(last).is_some(),
        };
        text.filter(|_| self.separator == Separator::Tab || !is_tag)
    }

    /// The token and the tag of `line`; none for CoNLL-U's ranges and empty nodes.
    fn token_and_tag<'a>(&self, line: &'a str) -> Result<Option<(&'a str, &'a str)>> {
        match self.layout {
            Layout::FirstAndLast => self.first_and_last(line).map(Some),
            Layout::Universal { tag } => {
                let columns: Vec<&str> = line.split('\t').collect();
                let number = columns.first().copied().unwrap_or_default();
                if number.contains(['-', '.']) {
                    return Ok(None);
                }
                let found = columns.get(FORM).zip(columns.get(tag));
                let (token, tag) = found.with_context(|| {
                    let (found, wanted) = (columns.len(), tag.max(FORM) + 1);
                    Fault::input(format!(
                        "`{line}` has {found} columns with tabs between them, and {wanted} are read"
                    ))
                })?;
                ensure!(!token.trim().is_empty(), Fault::input("the token is blank"));
                Ok(Some((*token, tag.trim_end())))
            }
        }
    }

    /// The first and the last column. Spaces may separate the columns of words, as in CoNLL-2003.
    fn first_and_last<'a>(&self, line: &'a str) -> Result<(&'a str, &'a str)> {
        let separator = if self.unit == Unit::Character || line.contains('\t') { '\t' } else { ' ' };
        let columns = line.split_once(separator).zip(line.rsplit_once(separator));
        let ((token, _), (_, tag)) = columns.with_context(|| {
            Fault::input(format!("`{line}` should be a token, a tab and a tag; comments begin with `# `"))
        })?;
        let blank =
            "the token is blank; where tokens are characters, set `fetch.files.format` to character_conll";
        ensure!(self.unit == Unit::Character || !token.trim().is_empty(), Fault::input(blank));
        Ok((token, tag.trim_end()))
    }
}

#[cfg(test)]
mod tests;
