//! CoNLL's form: a token and its IOB2 tag a line, with a blank line behind every sentence.

use anyhow::{Context, Result, bail, ensure};
use shared::fault::Fault;
use shared::schema::{Entity, Truth};

use super::lines::{Lines, is_blank};
use super::{Input, Place, Row};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A single space stands between two of them.
    Word,
    /// Spaces are tokens too.
    Character,
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
pub(super) fn rows(input: Input, unit: Unit) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    Ok(sentences(input, unit)?.map(|sentence| {
        let Sentence { place, text, entities, .. } = sentence?;
        Ok(Row { place, id: None, text, text_pair: None, truth: Truth::Entities(entities) })
    }))
}

/// # Errors
/// As of [`open`](super::open).
pub fn sentences(input: Input, unit: Unit) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
    let mut reader = Reader { shown: input.shown.clone(), lines: Lines::open(input)?, unit };
    Ok(std::iter::from_fn(move || reader.sentence().transpose()))
}

struct Reader {
    lines: Lines,
    unit: Unit,
    shown: String,
}

impl Reader {
    fn sentence(&mut self) -> Result<Option<Sentence>> {
        let mut comment = None;
        let mut sentence: Option<Builder> = None;
        while let Some((number, line)) = self.lines.read()? {
            if let Some(said) = as_comment(&line) {
                comment = Some(said.to_owned());
            } else if is_blank(&line) {
                if sentence.is_some() {
                    break;
                }
            } else {
                let place = Place::Line(number);
                let unfinished =
                    sentence.get_or_insert_with(|| Builder::new(place, self.unit, comment.take()));
                let at = || Fault::input(format!("{}, {place} is no token with its tag", self.shown));
                unfinished.push(&line).with_context(at)?;
            }
        }
        Ok(sentence.map(|sentence| sentence.sentence))
    }
}

/// A token with a tag has a tab before the first space, or is a word that is not followed by one.
fn as_comment(line: &str) -> Option<&str> {
    line.strip_prefix("## ").or_else(|| line.strip_prefix("# "))
}

struct Builder {
    sentence: Sentence,
    unit: Unit,
    characters: u32,
    /// Whether the token before is of an entity, which then is the last one.
    within: bool,
}

impl Builder {
    fn new(place: Place, unit: Unit, comment: Option<String>) -> Builder {
        let sentence = Sentence { place, comment, text: String::new(), entities: Vec::new() };
        Builder { sentence, unit, characters: 0, within: false }
    }

    fn push(&mut self, line: &str) -> Result<()> {
        let (token, tag) = self.token_and_tag(line)?;
        if self.unit == Unit::Word && self.characters > 0 {
            self.sentence.text.push(' ');
            self.characters += 1;
        }
        let start = self.characters;
        self.sentence.text.push_str(token);
        self.characters += u32::try_from(token.chars().count())?;
        self.tag(tag, start)
    }

    /// The first and the last column. Words may have spaces between them, as in CoNLL-2003.
    fn token_and_tag<'a>(&self, line: &'a str) -> Result<(&'a str, &'a str)> {
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

    /// As `conlleval` reads tags: where nothing of its label goes before it, I begins an entity as B does.
    fn tag(&mut self, tag: &str, start: u32) -> Result<()> {
        let end = self.characters;
        let entities = &mut self.sentence.entities;
        let last = if self.within { entities.last_mut() } else { None };
        match (tag.split_once('-'), last) {
            (None, _) if tag == "O" => self.within = false,
            (Some(("I", label)), Some(last)) if last.label == label => last.end = end,
            (Some(("B" | "I", label)), _) => {
                entities.push(Entity { start, end, label: label.to_owned() });
                self.within = true;
            }
            _ => bail!(Fault::input(format!("the tag `{tag}` is neither `O` nor `B-` or `I-` with a label"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
