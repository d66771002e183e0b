//! Web addresses and secrets. Credentials are held apart from addresses, and no output shows them.

use std::fmt;

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use crate::fault::Fault;

/// The replacement for hidden text.
const HIDDEN: &str = "***";
/// The characters that end an address within a sentence.
const AFTER_ADDRESS: [char; 5] = ['"', '\'', '`', ',', ' '];

/// The value of a request header. No output shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `text` without the white space around it, such as the last line end of a file that it was read from; none where
    /// nothing else is there. `place` names where it comes from.
    ///
    /// # Errors
    /// A usage fault where it has characters that no header takes.
    pub fn parse(text: &str, place: &str) -> Result<Option<Secret>> {
        let text = text.trim();
        let fits = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let why = "has a line end or another character that no header takes";
        ensure!(fits, Fault::usage(format!("{place} {why}; set it to the token alone")));
        Ok((!text.is_empty()).then(|| Secret(text.to_owned())))
    }

    /// For the header, and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// The address of a server or a file. User and password are no part of what it shows, compares cache entries by, or sends
/// in a request's first line; nor is a query, which may be a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Without user and password.
    url: Url,
    /// The `Authorization` header of a request to its host.
    authorization: Option<Secret>,
}

impl Address {
    /// # Errors
    /// A usage fault where `text` is no web address; the message omits it, since it may hold a password.
    pub fn parse(text: &str) -> Result<Address> {
        Address::of(Url::parse(text).context("is no address")?)
    }

    /// The address of a server, or of a folder on it, below which files are asked for.
    ///
    /// # Errors
    /// A sentence without its subject, as of [`Address::parse`]; also where it has a query or a fragment, which would end
    /// up in the middle of a file's address.
    pub fn base(text: &str) -> Result<Address> {
        let address = Address::parse(text)?;
        let plain = address.url.query().is_none() && address.url.fragment().is_none();
        ensure!(
            plain,
            "has a query (`?…`) or a fragment (`#…`), below which there are no files; leave it out"
        );
        Ok(address)
    }

    fn of(mut url: Url) -> Result<Address> {
        let web = matches!(url.scheme(), "http" | "https");
        ensure!(web, "does not begin with http:// or https://");
        let authorization = basic(&url)?;
        let bare = |()| anyhow!("has no host");
        url.set_username("").map_err(bare)?;
        url.set_password(None).map_err(bare)?;
        Ok(Address { url, authorization })
    }

    /// Resolves `target` of a redirect against this address.
    ///
    /// # Errors
    /// As of [`Address::parse`].
    pub fn join(&self, target: &str) -> Result<Address> {
        Address::of(self.url.join(target).context("is no address")?)
    }

    /// The file at `path`, percent-encoded already, below this address, for the same credentials.
    #[must_use]
    pub fn below(&self, path: &str) -> Address {
        let mut below = self.clone();
        let folder = self.url.path().trim_end_matches('/');
        below.url.set_path(&format!("{folder}/{}", path.trim_start_matches('/')));
        below
    }

    /// Without user and password.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The value of the header `Authorization`, for this host only.
    pub fn authorization(&self) -> Option<&Secret> {
        self.authorization.as_ref()
    }
}

/// User and password of `url` as HTTP's basic authentication has them.
fn basic(url: &Url) -> Result<Option<Secret>> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair = decoded(url.username())?;
    pair.push(b':');
    pair.extend(decoded(url.password().unwrap_or_default())?);
    Ok(Some(Secret(format!("Basic {}", BASE64_STANDARD.encode(pair)))))
}

/// The bytes that are percent-encoded in `text`.
fn decoded(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.context("has a `%` in its user or password that begins no code; write it as `%25`")?);
        rest = after.get(2..).unwrap_or_default();
    }
    bytes.extend(rest.bytes());
    Ok(bytes)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_fragment(None);
        if url.query().is_some() {
            url.set_query(Some(HIDDEN));
        }
        url.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `text`, in which there may be addresses, without their users, passwords and queries. It need not be an address that can
/// be read, so more is hidden than has to be: all from `://` to the last `@`.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => rest.to_owned(),
    };
    let mut shown = format!("{scheme}://");
    let mut rest = rest.as_str();
    while let Some((before, query)) = rest.split_once('?') {
        shown.push_str(before);
        shown.push('?');
        let end = query.find(AFTER_ADDRESS).unwrap_or(query.len());
        if end > 0 {
            shown.push_str(HIDDEN);
        }
        rest = query.get(end..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_has_no_credentials_and_no_query() {
        let check = |text: &str, expected: &str| {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string(), format!("{address:?}")), (expected.into(), expected.into()));
            assert!(!address.url().as_str().contains('@'));
        };
        check("http://user:PASS@h.example/a", "http://h.example/a");
        check("https://PASS@h.example:8443/a?b=PASS#PASS", "https://h.example:8443/a?***");
        check("http://h.example", "http://h.example/");
    }

    #[test]
    fn credentials_become_a_header() {
        let check = |text: &str, expected: Option<&str>| {
            let address = Address::parse(text).unwrap().below("b/c.txt");
            assert_eq!(address.authorization().map(Secret::reveal), expected);
        };
        check("http://h/", None);
        // `Aladdin:open sesame`, of RFC 7617.
        check("http://Aladdin:open%20sesame@h/", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        check("http://user@h/", Some("Basic dXNlcjo="));
        check("http://%EA%B0%80:%25@h/", Some("Basic 6rCAOiU="));
    }

    #[test]
    fn a_file_lies_below_an_address() {
        let check = |base: &str, expected: &str| {
            let below = Address::base(base).unwrap().below("h:8443/a%2Fb/c.txt");
            assert_eq!(below.to_string(), expected);
        };
        check("https://m.example", "https://m.example/h:8443/a%2Fb/c.txt");
        check("https://m.example/hub/", "https://m.example/hub/h:8443/a%2Fb/c.txt");
    }

    #[test]
    fn an_invalid_address_is_refused_without_its_text() {
        let check = |text: &str, part: &str| {
            let message = format!("{:#}", Address::base(text).unwrap_err());
            assert!(message.contains(part) && !message.contains("PASS"), "{message}");
        };
        check("ftp://user:PASS@h/", "http://");
        check("http://user:PA/PASS@h/", "no address");
        check("http://user:%PASS@h/", "`%25`");
        check("http://h/?PASS", "query");
        check("http://h/#PASS", "fragment");
    }

    #[test]
    fn possible_secrets_in_a_text_are_hidden() {
        let check = |text: &str, expected: &str| assert_eq!(without_secrets(text), expected);
        check("train.epochs=many@once?", "train.epochs=many@once?");
        check("fetch.mirror=http://u:P/A@S?S@h/a", "fetch.mirror=http://***@h/a");
        check("a \"http://u:PASS@h/a?b=PASS\", and http://x@y", "a \"http://***@y");
        check("a \"http://h/a?b=PASS\", and no more?", "a \"http://h/a?***\", and no more?");
    }

    #[test]
    fn a_token_is_what_a_header_takes() {
        let check = |text: &str, expected: Option<&str>| {
            let secret = Secret::parse(text, "HF_TOKEN").unwrap();
            assert_eq!(secret.as_ref().map(Secret::reveal), expected);
            assert!(!format!("{secret:?}").contains("hf_"));
        };
        check("hf_a", Some("hf_a"));
        check(" hf_a\r\n", Some("hf_a"));
        check("\n", None);
        for wrong in ["hf_a\nhf_b", "hf_a\r\nX: y", "hf_\u{7f}", "hf_가", "hf_\0"] {
            let error = Secret::parse(wrong, "HF_TOKEN").unwrap_err();
            assert_eq!(crate::fault::kind_of(&error).code(), 2);
            let message = format!("{error:#}");
            assert!(message.contains("HF_TOKEN") && !message.contains("hf_"), "{message}");
        }
    }
}
