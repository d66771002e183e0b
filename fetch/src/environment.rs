//! What the machine says about where downloads are kept and where the Hub is; never about what comes out.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use shared::fault::Fault;
use url::Url;

#[derive(Debug)]
pub(crate) struct Environment {
    /// Downloads of this machine, by host and path; none where no variable leads to a folder.
    pub(crate) download_cache: Option<PathBuf>,
    /// The cache of `huggingface_hub`, likewise.
    pub(crate) hub_cache: Option<PathBuf>,
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
        let hub_endpoint = variable("HF_ENDPOINT").map(|text| endpoint(&text)).transpose()?;
        Ok(Environment {
            download_cache: path("BERTLINE_CACHE").or_else(|| below("bertline")),
            hub_cache: path("HF_HUB_CACHE").or_else(|| Some(hub_home?.join("hub"))),
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
        assert_eq!(environment.download_cache, Some(PathBuf::from(download_cache)));
        assert_eq!(environment.hub_cache, Some(PathBuf::from(hub_cache)));
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
    fn a_machine_without_a_home_has_no_caches() {
        let environment = read(&[]).unwrap();
        assert_eq!((environment.download_cache, environment.hub_cache), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = read(&[("HOME", "/h"), ("HF_ENDPOINT", "ftp://h")]);
        assert!(wrong.unwrap_err().to_string().contains("HF_ENDPOINT"));
    }
}
