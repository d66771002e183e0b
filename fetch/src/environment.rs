//! What the machine says about where downloads are kept and where the Hub is; never about what comes out.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use shared::fault::Fault;
use url::Url;

#[derive(Debug)]
pub(crate) struct Environment {
    /// Downloads of this machine, by host and path.
    pub(crate) download_cache: PathBuf,
    /// The cache of `huggingface_hub`.
    pub(crate) hub_cache: PathBuf,
    /// Where requests to the Hub go, if not to the Hub itself.
    pub(crate) hub_endpoint: Option<Url>,
    pub(crate) hub_token: Option<String>,
}

impl Environment {
    /// # Errors
    /// A usage fault that names the variable.
    pub(crate) fn read() -> Result<Environment> {
        Environment::from_variables(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Environment> {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let user_cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        let below = |name: &str| user_cache.as_ref().map(|cache| cache.join(name));
        let hub_home = path("HF_HOME").or_else(|| below("huggingface"));
        let no_home = || Fault::usage("HOME is not set; set BERTLINE_CACHE to a folder for downloads");
        let download_cache = path("BERTLINE_CACHE").or_else(|| below("bertline")).with_context(no_home)?;
        let hub_cache = path("HF_HUB_CACHE").or_else(|| Some(hub_home?.join("hub")));
        let hub_endpoint = variable("HF_ENDPOINT").map(|text| endpoint(&text)).transpose()?;
        Ok(Environment {
            hub_cache: hub_cache.unwrap_or_else(|| download_cache.join("no-hub-cache")),
            download_cache,
            hub_endpoint,
            hub_token: variable("HF_TOKEN").map(|token| token.trim().to_owned()),
        })
    }
}

fn endpoint(text: &str) -> Result<Url> {
    let url = Url::parse(text).with_context(|| Fault::usage(format!("HF_ENDPOINT={text} is no address")));
    url.and_then(|url| {
        let web = matches!(url.scheme(), "http" | "https");
        anyhow::ensure!(web, Fault::usage(format!("HF_ENDPOINT={text} must begin with http:// or https://")));
        Ok(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Environment::from_variables(|name| find(name).map(|(_, value)| value.to_string()))
    }

    fn check(variables: &[(&str, &str)], download_cache: &str, hub_cache: &str) {
        let environment = read(variables).unwrap();
        assert_eq!(environment.download_cache, PathBuf::from(download_cache));
        assert_eq!(environment.hub_cache, PathBuf::from(hub_cache));
    }

    #[test]
    fn the_nearest_variable_decides() {
        let home = ("HOME", "/h");
        check(&[home], "/h/.cache/bertline", "/h/.cache/huggingface/hub");
        check(&[home, ("XDG_CACHE_HOME", "/x")], "/x/bertline", "/x/huggingface/hub");
        check(&[home, ("BERTLINE_CACHE", "/b"), ("HF_HOME", "/f")], "/b", "/f/hub");
        check(&[home, ("HF_HOME", "/f"), ("HF_HUB_CACHE", "/g")], "/h/.cache/bertline", "/g");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(read(&[]).unwrap_err().to_string().contains("BERTLINE_CACHE"));
        let wrong = read(&[("HOME", "/h"), ("HF_ENDPOINT", "ftp://h")]);
        assert!(wrong.unwrap_err().to_string().contains("HF_ENDPOINT"));
    }
}
