//! The token that requests must bring.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use shared::fault::Fault;
use subtle::ConstantTimeEq;

const VARIABLE: &str = "BERTLINE_TOKEN";

/// Whoever brings it is let in; without one, everybody is.
#[derive(Clone)]
pub(super) struct Token(Option<Vec<u8>>);

impl Token {
    /// That in `file`, else that of the environment.
    ///
    /// # Errors
    /// A usage fault where the file cannot be read, or the token is empty.
    pub(super) fn find(file: Option<&Path>) -> Result<Token> {
        let (token, place) = match file {
            Some(path) => {
                let unreadable = || Fault::usage(format!("cannot read the token in {}", path.display()));
                (Some(fs::read(path).with_context(unreadable)?), path.display().to_string())
            }
            None => (env::var_os(VARIABLE).map(|token| token.into_encoded_bytes()), format!("${VARIABLE}")),
        };
        let token = token.map(|token| token.trim_ascii().to_vec());
        let empty = token.as_ref().is_some_and(Vec::is_empty);
        ensure!(!empty, Fault::usage(format!("the token in {place} is empty")));
        let sendable = token.as_ref().is_none_or(|token| HeaderValue::from_bytes(token).is_ok());
        let why =
            "has a line end or another character that no header takes, so that no request could bring it";
        ensure!(sendable, Fault::usage(format!("the token in {place} {why}; put one line of text there")));
        Ok(Token(token))
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.0.is_some()
    }

    /// Compares in a time that does not tell how much of the token is right.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.0 else { return true };
        let brought =
            headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()));
        brought.is_some_and(|(scheme, brought)| {
            scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(brought.trim_ascii().ct_eq(token))
        })
    }
}

#[cfg(test)]
impl Token {
    pub(super) fn none() -> Token {
        Token(None)
    }

    pub(super) fn of(token: &[u8]) -> Token {
        Token(Some(token.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, expect: bool) {
        let headers = header.map(|value| (AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
        assert_eq!(Token::of(b"geheim").admits(&headers), expect, "{header:?}");
        assert!(Token::none().admits(&headers));
    }

    #[test]
    fn only_the_token_opens() {
        check(Some("Bearer geheim"), true);
        check(Some("bearer geheim "), true);
        check(Some("Bearer geheime"), false);
        check(Some("Bearer "), false);
        check(Some("Basic geheim"), false);
        check(Some("geheim"), false);
        check(None, false);
    }

    #[test]
    fn a_file_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let refused = |part: &str| {
            let error = Token::find(Some(&path)).err().unwrap();
            assert_eq!(shared::fault::kind_of(&error).code(), 2);
            assert!(format!("{error:#}").contains(part), "{error:#}");
            assert!(!format!("{error:#}").contains("geheim"), "{error:#}");
        };
        refused("cannot read the token");
        fs::write(&path, "\n").unwrap();
        refused("is empty");
        fs::write(&path, "geheim\ngeheim").unwrap();
        refused("a line end");
        fs::write(&path, "geheim\n").unwrap();
        assert_eq!(Token::find(Some(&path)).unwrap().0.unwrap(), b"geheim");
    }
}
