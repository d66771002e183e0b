//! The environment variables: folders for downloads, the Hub's endpoint and token, proxies. They never change the output.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use shared::address::{Address, Secret};
use shared::fault::Fault;
use ureq::Proxy;

/// The variables with the address of a proxy, in the order in which `ureq` reads them.
const PROXIES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The settings of the environment.
#[derive(Debug)]
pub(crate) struct Environment {
    /// The folder of the download cache; none where no variable names one.
    pub(crate) download_cache: Option<PathBuf>,
    /// The cache of `huggingface_hub`; none where no variable names one.
    pub(crate) hub_cache: Option<PathBuf>,
    /// The server that takes the place of the Hub.
    pub(crate) hub_endpoint: Option<Address>,
    pub(crate) hub_token: Option<Secret>,
}

impl Environment {
    /// Reads the variables.
    ///
    /// # Errors
    /// A usage fault that names the variable. It never repeats the value, which may contain a password.
    pub(crate) fn read() -> Result<Environment> {
        Environment::from_variables(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Environment> {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let user_cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        let below = |name: &str| user_cache.as_ref().map(|cache| cache.join(name));
        let hub_home = path("HF_HOME").or_else(|| below("huggingface"));
        let hub_endpoint = variable("HF_ENDPOINT").map(endpoint).transpose()?;
        let hub_token = variable("HF_TOKEN").map(token).transpose()?.flatten();
        PROXIES
            .iter()
            .try_for_each(|name| variable(name).map_or(Ok(()), |value| check_proxy(name, value)))?;
        if hub_token.is_some() && hub_endpoint.as_ref().is_some_and(|at| at.authorization().is_some()) {
            log::info!("HF_TOKEN is not sent, since HF_ENDPOINT has credentials of its own");
        }
        Ok(Environment {
            download_cache: path("BERTLINE_CACHE").or_else(|| below("bertline")),
            hub_cache: path("HF_HUB_CACHE").or_else(|| Some(hub_home?.join("hub"))),
            hub_endpoint,
            hub_token,
        })
    }
}

fn endpoint(value: OsString) -> Result<Address> {
    let address = Address::base(&value.to_string_lossy());
    address.map_err(|error| Fault::usage(format!("the address in HF_ENDPOINT {error:#}")).into())
}

fn token(value: OsString) -> Result<Option<Secret>> {
    Secret::parse(&value.to_string_lossy(), "HF_TOKEN")
}

/// Checks the address of a proxy. `ureq` would silently ignore a proxy with an invalid address.
fn check_proxy(name: &str, value: OsString) -> Result<()> {
    let wrong = || Fault::usage(format!("{name} is no address of a proxy, like http://HOST:PORT"));
    let value = value.to_str().with_context(wrong)?;
    // The error of `ureq` is dropped, since it may contain the address.
    ensure!(Proxy::new(value).is_ok(), wrong());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Environment::from_variables(|name| find(name).map(|(_, value)| value.into()))
    }

    fn check(variables: &[(&str, &str)], download_cache: &str, hub_cache: &str) {
        let environment = read(variables).unwrap();
        assert_eq!(environment.download_cache, Some(PathBuf::from(download_cache)));
        assert_eq!(environment.hub_cache, Some(PathBuf::from(hub_cache)));
    }

    fn check_refused(name: &str, value: &str) {
        let error = read(&[("HOME", "/h"), (name, value)]).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 2);
        let message = format!("{error:#}");
        assert!(message.contains(name) && !message.contains("PASS"), "{message}");
    }

    #[test]
    fn the_most_specific_variable_is_used() {
        let home = ("HOME", "/h");
        check(&[home], "/h/.cache/bertline", "/h/.cache/huggingface/hub");
        check(&[home, ("XDG_CACHE_HOME", "/x")], "/x/bertline", "/x/huggingface/hub");
        check(&[home, ("BERTLINE_CACHE", "/b"), ("HF_HOME", "/f")], "/b", "/f/hub");
        check(&[home, ("HF_HOME", "/f"), ("HF_HUB_CACHE", "/g")], "/h/.cache/bertline", "/g");
    }

    #[test]
    fn a_machine_without_a_home_has_no_caches() {
        let environment = read(&[]).unwrap();
        assert_eq!((environment.download_cache, environment.hub_cache), (None, None));
    }

    #[test]
    fn errors_name_the_variable_and_not_its_value() {
        check_refused("HF_ENDPOINT", "ftp://u:PASS@h");
        check_refused("HF_ENDPOINT", "u:PASS@h");
        check_refused("HF_ENDPOINT", "https://h/?PASS");
        check_refused("HF_TOKEN", "PASS\nPASS");
        check_refused("HTTPS_PROXY", "http://u:PASS@");
        check_refused("all_proxy", "gopher://u:PASS@h");
    }

    #[test]
    fn debug_shows_no_secret() {
        let variables = [("HF_ENDPOINT", "https://u:PASS@h"), ("HF_TOKEN", "PASS\n")];
        let environment = read(&variables).unwrap();
        assert_eq!(environment.hub_token.as_ref().map(Secret::reveal), Some("PASS"));
        assert!(!format!("{environment:?}").contains("PASS"));
    }
}
