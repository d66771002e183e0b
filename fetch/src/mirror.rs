//! `fetch.mirror`: a folder or server that holds `HOST/PATH` for every `https://HOST/PATH`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;
use url::{Position, Url};

#[derive(Debug)]
pub(crate) enum Mirror {
    Folder(PathBuf),
    /// Without a slash at its end.
    Server(String),
}

/// Where the mirror keeps a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Address(Url),
}

impl Mirror {
    /// # Errors
    /// A usage fault where `text` is neither a folder that exists nor an address.
    pub(crate) fn parse(text: &str) -> Result<Mirror> {
        let wrong =
            || Fault::usage(format!("config key `fetch.mirror` is `{text}`, no folder and no address"));
        if text.starts_with("http://") || text.starts_with("https://") {
            Url::parse(text).with_context(wrong)?;
            return Ok(Mirror::Server(text.trim_end_matches('/').to_owned()));
        }
        ensure!(Path::new(text).is_dir(), wrong());
        Ok(Mirror::Folder(text.into()))
    }

    pub(crate) fn place(&self, url: &Url) -> Result<Place> {
        let path = host_and_path(url);
        match self {
            Mirror::Folder(folder) => Ok(Place::File(folder.join(path))),
            Mirror::Server(address) => {
                let url = Url::parse(&format!("{address}/{path}"));
                Ok(Place::Address(url.with_context(|| format!("`{address}/{path}` is no address"))?))
            }
        }
    }
}

/// `HOST/PATH` of an address: relative, and without `..`, which parsing has resolved.
pub(crate) fn host_and_path(url: &Url) -> String {
    format!("{}{}", &url[Position::BeforeHost..Position::AfterPort], url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";

    fn check_server(mirror: &str, url: &str, expected: &str) {
        let place = Mirror::parse(mirror).unwrap().place(&Url::parse(url).unwrap()).unwrap();
        assert_eq!(place, Place::Address(Url::parse(expected).unwrap()));
    }

    #[test]
    fn a_server_is_asked_for_host_and_path() {
        let expected = "https://m.example/hub/raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";
        check_server("https://m.example/hub", URL, expected);
        check_server("https://m.example/hub/", URL, expected);
        check_server("http://m.example", "https://h:8443/a?b#c", "http://m.example/h:8443/a");
    }

    #[test]
    fn a_folder_is_searched_for_host_and_path() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::parse(folder.path().to_str().unwrap()).unwrap();
        let place = mirror.place(&Url::parse("https://h/a/../../b/c.txt").unwrap()).unwrap();
        assert_eq!(place, Place::File(folder.path().join("h/b/c.txt")));
    }

    #[test]
    fn anything_else_is_refused() {
        let error = Mirror::parse("/nonexistent/mirror").unwrap_err();
        assert!(error.to_string().contains("`fetch.mirror`"), "{error}");
    }
}
