//! Files that are something else than their names say.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::fault::Fault;

/// How much of a file is looked at.
const HEAD: u64 = 256;

/// Refuses a file that stands for another one, or that a server sent in its place; messages call it `shown`.
///
/// # Errors
/// A [`Fault::input`] that says what the file is.
pub fn refuse_impostor(path: &Path, shown: &str) -> Result<()> {
    let context = || format!("cannot read {shown}");
    let mut head = Vec::new();
    File::open(path).with_context(context)?.take(HEAD).read_to_end(&mut head).with_context(context)?;
    let Some(impostor) = Impostor::of(&head) else { return Ok(()) };
    let (what, remedy) = match impostor {
        Impostor::Empty => ("empty", "take another copy of it"),
        Impostor::GitLfsPointer => (
            "a Git LFS pointer, which stands for the file",
            "run `git lfs pull` where it was cloned, or download the file itself",
        ),
        Impostor::Html => (
            "an HTML page",
            "the address that it came from may answer with a login or an error; check that ($HF_ENDPOINT and `fetch.mirror` are such), and download it again",
        ),
    };
    bail!(Fault::input(format!("{shown} is {what}: {remedy}")))
}

#[derive(Debug, PartialEq, Eq)]
enum Impostor {
    Empty,
    GitLfsPointer,
    Html,
}

impl Impostor {
    fn of(head: &[u8]) -> Option<Impostor> {
        if head.is_empty() {
            return Some(Impostor::Empty);
        }
        if head.starts_with(b"version https://git-lfs.github.com/spec/") {
            return Some(Impostor::GitLfsPointer);
        }
        let text = String::from_utf8_lossy(head)
            .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
            .to_lowercase();
        (text.starts_with("<!doctype html") || text.starts_with("<html")).then_some(Impostor::Html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impostors_are_told_from_files() {
        let check = |head: &[u8], expect| assert_eq!(Impostor::of(head), expect);
        check(b"", Some(Impostor::Empty));
        check(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            Some(Impostor::GitLfsPointer),
        );
        check(b"\n <!DOCTYPE html><html>", Some(Impostor::Html));
        check(b"<HTML lang=ko>", Some(Impostor::Html));
        check(b"{\"model_type\": \"bert\"}", None);
        check(b"version 2 of a vocabulary\n", None);
        check(&[0x80, 2, 0xff], None);
    }

    #[test]
    fn the_message_says_what_the_file_is_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        let refused = |text: &str| {
            std::fs::write(&path, text).unwrap();
            refuse_impostor(&path, "the weights").unwrap_err()
        };
        let error = refused("version https://git-lfs.github.com/spec/v1\n");
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(error.to_string().starts_with("the weights is a Git LFS pointer"), "{error}");
        assert!(error.to_string().contains("git lfs pull"), "{error}");
        assert!(refused("<html>").to_string().contains("HTML page"));
    }
}
