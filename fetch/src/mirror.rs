//! Where a mirror keeps a file: at `HOST/PATH` for every `https://HOST/PATH`.

use std::path::PathBuf;

use shared::address::Address;
use shared::config::Mirror;
use url::{Position, Url};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Address(Address),
}

impl Place {
    /// Of the file that the world knows by `url`.
    pub(crate) fn of(url: &Url, mirror: &Mirror) -> Place {
        let path = host_and_path(url);
        match mirror {
            Mirror::Folder(folder) => Place::File(folder.join(path)),
            Mirror::Server(address) => Place::Address(address.below(&path)),
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

    fn place(url: &str, mirror: &str) -> Place {
        Place::of(&Url::parse(url).unwrap(), &Mirror::try_from(mirror.to_owned()).unwrap())
    }

    #[test]
    fn a_server_is_asked_for_host_and_path() {
        const URL: &str = "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";
        let check = |mirror: &str, url: &str, expected: &str| {
            assert_eq!(place(url, mirror), Place::Address(Address::parse(expected).unwrap()));
        };
        let expected = "https://m.example/hub/raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";
        check("https://m.example/hub", URL, expected);
        check("https://m.example/hub/", URL, expected);
        check("http://m.example", "https://h:8443/a%2Fb", "http://m.example/h:8443/a%2Fb");
        check("http://u:p@m.example", "https://h/a", "http://u:p@m.example/h/a");
    }

    #[test]
    fn a_folder_is_searched_for_host_and_path() {
        assert_eq!(place("https://h/a/../../b/c.txt", "/m"), Place::File("/m/h/b/c.txt".into()));
    }
}
