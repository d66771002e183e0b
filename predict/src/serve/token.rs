//! The token that requests must send.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use shared::fault::Fault;
use subtle::ConstantTimeEq;

const VARIABLE: &str = "BERTLINE_TOKEN";

/// The token of the server. Without one, it admits every request.
#[derive(Clone)]
pub(super) struct Token(Option<Vec<u8>>);

impl Token {
    /// Reads the token from `file`, or else from the environment.
    ///
    /// # Errors
    /// A usage fault where the file cannot be read, the token is empty, or no HTTP header can hold it.
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
        let why = "has a line end or another character that HTTP headers do not allow";
        ensure!(sendable, Fault::usage(format!("the token in {place} {why}; put one line of text there")));
        Ok(Token(token))
    }

    pub(super) fn is_required(&self) -> bool {
        self.0.is_some()
    }

    /// True where the headers hold the token. The comparison takes constant time, so that timing reveals nothing about it.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.0 else { return true };
        let sent =
            headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()));
        sent.is_some_and(|(scheme, sent)| {
            scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(sent.trim_ascii().ct_eq(token))
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
    fn only_the_right_token_is_admitted() {
        check(Some("Bearer geheim"), true);
        check(Some("bearer geheim "), true);
        check(Some("Bearer geheime"), false);
        check(Some("Bearer "), false);
        check(Some("Basic geheim"), false);
        check(Some("geheim"), false);
        check(None, false);
    }

    #[test]
    fn the_token_is_read_from_a_file() {
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
