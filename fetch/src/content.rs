//! Checks that a downloaded file can be what its name says. Wrong and truncated files are refused before they are used or stored.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};
use model_files::{read_header, refuse_cut_archive, refuse_impostor};
use serde::de::IgnoredAny;
use shared::fault::Fault;

/// The kind of content that a file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Rows of a corpus. Only the corpus' reader can tell whether they are complete.
    Rows,
    Text,
    Json,
    Safetensors,
    /// Weights in PyTorch's own format.
    Pickle,
}

impl Content {
    /// The content of a model's file, by the extension of its `name`.
    pub(crate) fn of_model_file(name: &str) -> Content {
        match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "json" => Content::Json,
            "safetensors" => Content::Safetensors,
            "bin" => Content::Pickle,
            _ => Content::Text,
        }
    }

    /// Checks the file at `path`; messages call it `shown`.
    ///
    /// # Errors
    /// An input fault that says how the file's content differs from what it must be.
    pub(crate) fn check(self, path: &Path, shown: &str) -> Result<()> {
        refuse_impostor(path, shown)?;
        let open = || File::open(path).with_context(|| format!("cannot read {}", path.display()));
        match self {
            Content::Rows | Content::Text => Ok(()),
            Content::Json => {
                check_json(open()?).with_context(|| Fault::input(format!("{shown} is no JSON document")))
            }
            Content::Safetensors => read_header(path, shown).map(drop),
            Content::Pickle => refuse_cut_archive(path, shown),
        }
    }
}

fn check_json(file: File) -> Result<()> {
    serde_json::from_reader::<_, IgnoredAny>(BufReader::new(file)).map(drop).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use shared::fault::kind_of;

    use super::*;

    /// Weights with one tensor of two bytes, without the last `cut` bytes of the file.
    fn safetensors(cut: usize) -> Vec<u8> {
        let header = br#"{"__metadata__":{"a":"b"},"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend([1, 2]);
        file.truncate(file.len() - cut);
        file
    }

    fn outcome(name: &str, bytes: &[u8]) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Content::of_model_file(name).check(&path, &format!("https://h/{name}"))
    }

    fn check_refused(name: &str, bytes: &[u8], part: &str) {
        let error = outcome(name, bytes).unwrap_err();
        let message = format!("{error:#}");
        assert_eq!(kind_of(&error).code(), 3, "{message}");
        assert!(message.contains(part) && message.contains(&format!("https://h/{name}")), "{message}");
    }

    #[test]
    fn files_with_the_content_that_their_names_say_pass() {
        outcome("config.json", b"{\"a\": 1}\n").unwrap();
        outcome("vocab.txt", b"<s>\n<unk>\n").unwrap();
        outcome("model.safetensors", &safetensors(0)).unwrap();
        outcome("pytorch_model.bin", b"PK\x03\x04 ... PK\x05\x06 ...").unwrap();
        outcome("pytorch_model.bin", b"\x80\x02\x8a").unwrap();
    }

    #[test]
    fn errors_name_the_content_found_instead() {
        let page = "\u{feff}\n <!DOCTYPE html><title>Sign in</title>";
        for name in ["config.json", "vocab.txt", "model.safetensors", "pytorch_model.bin"] {
            check_refused(name, page.as_bytes(), "HTML page");
            check_refused(name, b"", "empty");
            check_refused(name, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS");
        }
    }

    #[test]
    fn truncated_files_are_refused() {
        check_refused("config.json", b"{\"a\": 1", "no JSON");
        for cut in [1, 3, 80] {
            check_refused("model.safetensors", &safetensors(cut), "--force");
        }
        check_refused("model.safetensors", &[safetensors(0), vec![0]].concat(), "its header says");
        check_refused("model.safetensors", &[0xff; 600], "safetensors");
        check_refused("pytorch_model.bin", b"PK\x03\x04 ...", "is truncated");
    }
}
