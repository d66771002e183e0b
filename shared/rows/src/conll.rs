//! CoNLL's forms: a token and its tag a line, with a blank line behind every sentence.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use metrics::entities::TagScheme;
use shared::fault::Fault;
use shared::schema::{Entity, Truth};

use super::lines::{Lines, is_blank};
use super::tagged::{Tagged, Tags};
use super::{Input, Place, Row};

/// The line between the documents of CoNLL-2003.
const DOCUMENT: &str = "-DOCSTART-";
/// Of CoNLL-U, counted from 0: the form of a word, and its universal part of speech.
const FORM: usize = 1;
const PART_OF_SPEECH: usize = 3;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A single space stands between two of them.
    Word,
    /// Spaces are tokens too.
    Character,
}

/// Which of a line's columns are read, and which lines are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// The first column and the last.
    Ends,
    /// CoNLL-U: lines of several words (`1-2`) and of none (`1.1`) tell nothing of their own.
    Universal {
        /// The column of the tag, counted from 0.
        tag: usize,
    },
}

impl Layout {
    /// CoNLL-U with the column of the tag by its number, counted from 1; without one, the parts of speech.
    ///
    /// # Errors
    /// A usage fault where it is no number.
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
    /// Of its first token.
    pub place: Place,
    /// The last line of comment before it, without the `#`s.
    pub comment: Option<String>,
    pub text: String,
    pub entities: Vec<Entity>,
}

/// The sentences of `file` as rows without ids.
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

/// # Errors
/// As of [`open`](super::open).
pub fn sentences(input: Input, unit: Unit) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
    read_layout(input, unit, Layout::Ends, None)
}

fn read_layout(
    input: Input,
    unit: Unit,
    layout: Layout,
    scheme: Option<TagScheme>,
) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
    let shown = input.shown.clone();
    let mut lines = Lines::open(input)?;
    let (first, separator) = begin(&mut lines, unit, layout)?;
    let mut reader = Reader { lines, first, separator, unit, layout, tags: Tags::new(scheme), shown };
    Ok(std::iter::from_fn(move || reader.sentence().transpose()))
}

/// What stands between a line's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Tab,
    /// Spaces, as in CoNLL-2003, where `#` is a token.
    Spaces,
}

/// The lines up to the first that can only be a token, which shows what separates columns.
fn begin(lines: &mut Lines, unit: Unit, layout: Layout) -> Result<(VecDeque<(u64, String)>, Separator)> {
    let mut first = VecDeque::new();
    let tabs = unit == Unit::Character || layout != Layout::Ends;
    while !tabs && let Some((number, line)) = lines.read()? {
        let decides = !line.starts_with('#') && !is_blank(&line) && !is_document(&line);
        let separator = if line.contains('\t') { Separator::Tab } else { Separator::Spaces };
        first.push_back((number, line));
        if decides {
            return Ok((first, separator));
        }
    }
    Ok((first, Separator::Tab))
}

fn is_document(line: &str) -> bool {
    line.split([' ', '\t']).next() == Some(DOCUMENT)
}

struct Reader {
    lines: Lines,
    /// Lines that are read and not yet looked at.
    first: VecDeque<(u64, String)>,
    separator: Separator,
    unit: Unit,
    layout: Layout,
    tags: Tags,
    shown: String,
}

impl Reader {
    fn line(&mut self) -> Result<Option<(u64, String)>> {
        match self.first.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.read(),
        }
    }

    fn sentence(&mut self) -> Result<Option<Sentence>> {
        let mut comment = None;
        let mut sentence: Option<(Place, Option<String>, Tagged)> = None;
        while let Some((number, line)) = self.line()? {
            if let Some(said) = self.as_comment(&line) {
                comment = Some(said.to_owned());
            } else if is_blank(&line) || self.unit == Unit::Word && is_document(&line) {
                if sentence.is_some() {
                    break;
                }
            } else {
                let place = Place::Line(number);
                let at = || Fault::input(format!("{}, {place} is no token with its tag", self.shown));
                let Some((token, tag)) = self.token_and_tag(&line).with_context(at)? else { continue };
                let (_, _, unfinished) =
                    sentence.get_or_insert_with(|| (place, comment.take(), Tagged::default()));
                let pushed = unfinished.push(self.unit, token, tag, &mut self.tags);
                pushed.with_context(at)?;
            }
        }
        Ok(sentence.map(|(place, comment, Tagged { text, entities, .. })| Sentence {
            place,
            comment,
            text,
            entities,
        }))
    }

    /// A token with a tag has a tab before the first space, or is a word that is not followed by one. Where spaces
    /// separate columns, a line that ends with a tag is a token.
    fn as_comment<'a>(&self, line: &'a str) -> Option<&'a str> {
        let said = line.strip_prefix("## ").or_else(|| line.strip_prefix("# "));
        if self.layout != Layout::Ends {
            return said.or_else(|| line.strip_prefix('#'));
        }
        let last = line.trim_end().rsplit(' ').next().unwrap_or_default();
        let is_tag = match self.tags.scheme() {
            Some(scheme) => scheme.read(last).is_some(),
            None => last == "O" || TagScheme::of_tag(last).is_some(),
        };
        said.filter(|_| self.separator == Separator::Tab || !is_tag)
    }

    /// None of a line that tells of no word of its own.
    fn token_and_tag<'a>(&self, line: &'a str) -> Result<Option<(&'a str, &'a str)>> {
        match self.layout {
            Layout::Ends => self.ends(line).map(Some),
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

    /// The first and the last column. Words may have spaces between them, as in CoNLL-2003.
    fn ends<'a>(&self, line: &'a str) -> Result<(&'a str, &'a str)> {
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
