//! Detection of files whose content is not what their names say: empty files, Git LFS pointers, HTML pages.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::fault::Fault;

/// The number of bytes at the start of a file that are examined.
const HEAD_BYTES: u64 = 256;

/// Refuses an empty file, a Git LFS pointer, and an HTML page that a server sent instead of the file.
///
/// # Errors
/// A [`Fault::input`] that says what the file contains; the message calls the file `shown`.
pub fn refuse_impostor(path: &Path, shown: &str) -> Result<()> {
    let context = || format!("cannot read {shown}");
    let mut head = Vec::new();
    File::open(path).with_context(context)?.take(HEAD_BYTES).read_to_end(&mut head).with_context(context)?;
    let Some(impostor) = Impostor::detect(&head) else { return Ok(()) };
    let (what, remedy) = match impostor {
        Impostor::Empty => ("empty", "take another copy of it"),
        Impostor::GitLfsPointer => (
            "a Git LFS pointer in place of the file",
            "run `git lfs pull` where it was cloned, or download the file itself",
        ),
        Impostor::Html => (
            "an HTML page",
            "its address may have answered with a login or an error page; check the address ($HF_ENDPOINT or `fetch.mirror` may set it) and download the file again",
        ),
    };
    bail!(Fault::input(format!("{shown} is {what}: {remedy}")))
}

/// The content that stands in a file in place of its own.
#[derive(Debug, PartialEq, Eq)]
enum Impostor {
    Empty,
    GitLfsPointer,
    Html,
}

impl Impostor {
    fn detect(head: &[u8]) -> Option<Impostor> {
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
    fn impostors_are_detected() {
        let check = |head: &[u8], expect| assert_eq!(Impostor::detect(head), expect);
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
    fn the_message_names_the_content_and_a_remedy() {
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
