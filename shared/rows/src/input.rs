//! What rows are read from.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use shared::config::{Encoding, Quote};
use shared::fault::Fault;

/// A file, a pipe or the standard input; opened once, since a pipe gives what it holds only once.
pub struct Input {
    /// What a message calls it: what the user knows it by.
    pub(crate) shown: String,
    bytes: Bytes,
    pub(crate) writing: Writing,
}

/// How a file writes characters and tables; the default is UTF-8, and what its format has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writing {
    pub encoding: Encoding,
    pub separator: Option<char>,
    pub quote: Option<Quote>,
    pub label_separator: Option<String>,
    pub origin: Origin,
}

/// Who can say how a file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// Only the file itself.
    #[default]
    Given,
    /// `fetch.files` of the config.
    OwnFiles,
}

enum Bytes {
    File(PathBuf, File),
    Stream(Box<dyn Read + Send>),
}

impl Input {
    /// # Errors
    /// Where `path`, which messages call `shown`, is missing or a folder.
    pub fn file(path: &Path, shown: &str) -> Result<Input> {
        let context = || format!("cannot read {shown}");
        let file = File::open(path).with_context(context)?;
        let kind = file.metadata().with_context(context)?;
        ensure!(
            !kind.is_dir(),
            Fault::input(format!("cannot read {shown}: it is a folder; name a file in it"))
        );
        let bytes = match kind.is_file() {
            true => Bytes::File(path.to_owned(), file),
            false => Bytes::Stream(Box::new(file)),
        };
        Ok(Input { shown: shown.to_owned(), bytes, writing: Writing::default() })
    }

    /// The input, which is written in this way.
    pub fn written(self, writing: Writing) -> Input {
        Input { writing, ..self }
    }

    pub fn standard_input() -> Input {
        Input::stream("the standard input", stdin())
    }

    fn stream(shown: &str, bytes: impl Read + Send + 'static) -> Input {
        let bytes = Bytes::Stream(Box::new(bytes));
        Input { shown: shown.to_owned(), bytes, writing: Writing::default() }
    }

    /// Where it lies; Parquet is read from its end.
    ///
    /// # Errors
    /// A usage fault where it is a stream.
    pub fn path(&self) -> Result<&Path> {
        match &self.bytes {
            Bytes::File(path, _) => Ok(path),
            Bytes::Stream(_) => {
                let message = format!("Parquet is not read from {}; give it as a file", self.shown);
                bail!(Fault::usage(message))
            }
        }
    }

    pub(crate) fn bytes(self) -> Box<dyn Read + Send> {
        match self.bytes {
            Bytes::File(_, file) => Box::new(file),
            Bytes::Stream(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(input: Result<Input>, code: u8, expect: &str) {
        let Err(error) = input.and_then(|input| input.path().map(drop)) else { panic!("it has a path") };
        assert_eq!(shared::fault::kind_of(&error).code(), code, "{error:#}");
        assert!(format!("{error:#}").starts_with(expect), "{error:#}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        check_refused(Input::file(folder.path(), "a"), 3, "cannot read a: it is a folder; name a file in it");
        check_refused(Input::file(&folder.path().join("b"), "b"), 3, "cannot read b: No such file");
        check_refused(
            Input::file(Path::new("/dev/null"), "c"),
            2,
            "Parquet is not read from c; give it as a file",
        );
    }
}
