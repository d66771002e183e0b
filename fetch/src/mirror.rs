//! The location of a file in a mirror: `HOST/PATH` for `https://HOST/PATH`.

use std::path::PathBuf;

use shared::address::Address;
use shared::config::Mirror;
use url::{Position, Url};

/// The location of a file in a mirror: a path in a folder, or an address on a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MirrorLocation {
    File(PathBuf),
    Address(Address),
}

impl MirrorLocation {
    /// The location of the file with the public address `url`.
    pub(crate) fn of(url: &Url, mirror: &Mirror) -> MirrorLocation {
        let path = host_and_path(url);
        match mirror {
            Mirror::Folder(folder) => MirrorLocation::File(folder.join(path)),
            Mirror::Server(address) => MirrorLocation::Address(address.below(&path)),
        }
    }
}

/// The `HOST/PATH` of an address. It is relative and has no `..`, since parsing resolves them.
pub(crate) fn host_and_path(url: &Url) -> String {
    format!("{}{}", &url[Position::BeforeHost..Position::AfterPort], url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(url: &str, mirror: &str) -> MirrorLocation {
        MirrorLocation::of(&Url::parse(url).unwrap(), &Mirror::try_from(mirror.to_owned()).unwrap())
    }

    #[test]
    fn a_server_is_searched_for_host_and_path() {
        const URL: &str = "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";
        let check = |mirror: &str, url: &str, expected: &str| {
            assert_eq!(location(url, mirror), MirrorLocation::Address(Address::parse(expected).unwrap()));
        };
        let expected = "https://m.example/hub/raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt";
        check("https://m.example/hub", URL, expected);
        check("https://m.example/hub/", URL, expected);
        check("http://m.example", "https://h:8443/a%2Fb", "http://m.example/h:8443/a%2Fb");
        check("http://u:p@m.example", "https://h/a", "http://u:p@m.example/h/a");
    }

    #[test]
    fn a_folder_is_searched_for_host_and_path() {
        assert_eq!(location("https://h/a/../../b/c.txt", "/m"), MirrorLocation::File("/m/h/b/c.txt".into()));
    }
}
