//! The inputs from which rows are read.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use shared::config::{Encoding, Quote};
use shared::fault::Fault;

/// A file, a pipe or the standard input. It is opened only once, since a pipe cannot be read twice.
pub struct Input {
    /// The name of the input in messages.
    pub(crate) shown: String,
    bytes: Bytes,
    pub(crate) dialect: Dialect,
}

/// The encoding of a file and the syntax of its table. The default is UTF-8 with the syntax of the file's format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dialect {
    /// The encoding of its characters.
    pub encoding: Encoding,
    /// The character between two columns of a table; absent, that of the format.
    pub separator: Option<char>,
    /// The rule for quotes in a table; absent, that of the format.
    pub quote: Option<Quote>,
    /// The text between two labels of a field; absent, `|`.
    pub label_separator: Option<String>,
    /// The config keys that error messages may advise to set.
    pub config_keys: ConfigKeys,
}

/// The config keys that describe the dialect of an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConfigKeys {
    /// There are none: messages advise to change the file.
    #[default]
    None,
    /// The keys under `fetch.files`.
    FetchFiles,
}

enum Bytes {
    File(PathBuf, File),
    Stream(Box<dyn Read + Send>),
}

impl Input {
    /// Opens the file or pipe at `path`; messages call it `shown`.
    ///
    /// # Errors
    /// An input fault where `path` is missing, unreadable or a folder.
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
        Ok(Input { shown: shown.to_owned(), bytes, dialect: Dialect::default() })
    }

    /// Sets the dialect in which the input is written.
    pub fn with_dialect(self, dialect: Dialect) -> Input {
        Input { dialect, ..self }
    }

    /// The standard input of the process.
    pub fn standard_input() -> Input {
        Input::stream("the standard input", stdin())
    }

    fn stream(shown: &str, bytes: impl Read + Send + 'static) -> Input {
        let bytes = Bytes::Stream(Box::new(bytes));
        Input { shown: shown.to_owned(), bytes, dialect: Dialect::default() }
    }

    /// The path of the file. Parquet needs it, since its metadata is at the end of a file.
    ///
    /// # Errors
    /// A usage fault where the input is a stream.
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
    fn errors_name_the_input_that_cannot_be_read() {
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
