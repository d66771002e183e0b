//! Files from other machines: from the mirror, from this machine's cache, or over the network.

mod attempt;
mod cache;
#[cfg(test)]
mod loopback;
mod partial;
mod range;
mod redirects;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use shared::address::{Address, Secret};
use shared::config::{FetchConfig, Mirror};
use shared::fault::Fault;
use shared::stage::Rebuild;
use url::Url;

use self::attempt::{Outcome, Setback};
use self::cache::{Cache, State};
use crate::content::Content;
use crate::environment::Environment;
use crate::mirror::Place;
use crate::raw::RawFile;

pub(crate) use self::cache::Entry;

/// A file on another machine.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// Its name to the world: what the manifest records, and what a mirror is asked for.
    pub(crate) canonical: Url,
    /// Where requests go when there is no mirror.
    pub(crate) address: Address,
    /// Sent to the host of `address` and to no other.
    pub(crate) token: Option<Secret>,
    pub(crate) content: Content,
}

impl Remote {
    /// A file of a corpus.
    pub(crate) fn rows(url: &str) -> Result<Remote> {
        let address = Address::base(url).with_context(|| format!("the address `{url}` of a corpus"))?;
        Ok(Remote { canonical: address.url().clone(), address, token: None, content: Content::Rows })
    }

    /// The header `Authorization` of a request to `address`, where redirects may have led.
    fn authorization_at(&self, address: &Address) -> Option<String> {
        let own = address.authorization().map(|own| own.reveal().to_owned());
        own.or_else(|| self.authorization().filter(|_| address.url().origin() == self.address.url().origin()))
    }

    /// Of its own host: credentials in the address go before a token.
    fn authorization(&self) -> Option<String> {
        let own = self.address.authorization().map(|own| own.reveal().to_owned());
        own.or_else(|| self.token.as_ref().map(|token| format!("Bearer {}", token.reveal())))
    }

    fn has_credentials(&self) -> bool {
        self.authorization().is_some()
    }
}

/// The outcome of looking for a file.
#[derive(Debug)]
pub(crate) enum Found {
    File(RawFile),
    /// Its host or the mirror says that there is no such file; the path or address that was looked for.
    Nowhere(String),
}

/// Whether a socket may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Allowed,
    Forbidden,
}

/// Times that a download is tried before the stage gives up.
const TRIES: u32 = 5;
/// The wait after the first failure; it doubles with every other.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// The longest silence of a server within a connection.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Downloads {
    mirror: Option<Mirror>,
    cache: Cache,
    network: Network,
    rebuild: Rebuild,
    agent: ureq::Agent,
    wait: fn(Duration),
}

impl Downloads {
    /// # Errors
    /// A usage fault where `fetch.mirror` is no folder and no address.
    pub(crate) fn new(
        config: &FetchConfig,
        environment: &Environment,
        rebuild: Rebuild,
    ) -> Result<Downloads> {
        if let Some(Mirror::Folder(folder)) = &config.mirror {
            let wrong =
                "config key `fetch.mirror` names no folder that exists and no address (https://HOST/…)";
            ensure!(folder.is_dir(), Fault::usage(format!("{wrong}: {}", shown_folder(folder))));
        }
        Ok(Downloads {
            mirror: config.mirror.clone(),
            cache: Cache::new(environment.download_cache.clone()),
            network: if config.offline { Network::Forbidden } else { Network::Allowed },
            rebuild,
            agent: attempt::agent(ureq::Proxy::try_from_env(), SILENCE),
            wait: std::thread::sleep,
        })
    }

    /// Whether what other programs of this machine have downloaded will do.
    pub(crate) fn may_use_hub_cache(&self) -> bool {
        self.mirror.is_none() && (self.rebuild == Rebuild::IfNeeded || self.network == Network::Forbidden)
    }

    /// The file `remote`, which must exist.
    pub(crate) fn require(&self, remote: &Remote) -> Result<RawFile> {
        match self.find(remote)? {
            Found::File(file) => Ok(file),
            Found::Nowhere(place) => bail!(Fault::input(match &self.mirror {
                Some(Mirror::Folder(_)) =>
                    format!("{place} does not exist; `fetch.mirror` lacks {}", remote.canonical),
                Some(Mirror::Server(_)) => format!(
                    "{place} does not exist; `fetch.mirror` lacks {}; --force asks again if it has come since",
                    remote.canonical
                ),
                None => format!(
                    "{place} does not exist at its host any more; --force asks again if it has come back"
                ),
            })),
        }
    }

    /// Looks for the file `remote`: in the mirror if there is one, else in the cache, else at its host.
    ///
    /// # Errors
    /// A retry fault where the network fails; an input fault where the host refuses, or where the network is
    /// forbidden and would be needed.
    pub(crate) fn find(&self, remote: &Remote) -> Result<Found> {
        match self.mirror.as_ref().map(|mirror| Place::of(&remote.canonical, mirror)) {
            Some(Place::File(path)) => {
                let location = remote.canonical.to_string();
                Ok(match RawFile::find(&path, location, remote.content)? {
                    Some(file) => Found::File(file),
                    None => Found::Nowhere(path.display().to_string()),
                })
            }
            Some(Place::Address(address)) => {
                // The token is the Hub's, and the mirror is another host.
                self.cached_or_downloaded(&Remote { address, token: None, ..remote.clone() })
            }
            None => self.cached_or_downloaded(remote),
        }
    }

    fn cached_or_downloaded(&self, remote: &Remote) -> Result<Found> {
        let entry = self.cache.entry(&remote.address)?;
        if let Some(found) = self.remembered(&entry, remote)? {
            return Ok(found);
        }
        if self.network == Network::Forbidden {
            return Err(missing_offline(&entry, remote));
        }
        let _lock = entry.lock(remote)?;
        // Another process may have brought the file while this one waited.
        match self.remembered(&entry, remote)? {
            Some(found) => Ok(found),
            None => self.download(&entry, remote),
        }
    }

    /// What an earlier request for the file brought, unless the host is to be asked again.
    fn remembered(&self, entry: &Entry, remote: &Remote) -> Result<Option<Found>> {
        if self.rebuild == Rebuild::Force && self.network == Network::Allowed {
            return Ok(None);
        }
        // Without the network, what came before will have to do; its reader says whether it does.
        let least = if self.network == Network::Forbidden { State::Received } else { State::Checked };
        if let Some(sidecar) = entry.verified(remote, least)? {
            log::info!("{} is in the download cache", remote.address);
            return Ok(Some(Found::File(entry.file(remote, sidecar))));
        }
        if entry.known_absent() {
            log::info!("{} did not exist when it was last asked for; --force asks again", remote.address);
            return Ok(Some(Found::Nowhere(remote.address.to_string())));
        }
        Ok(None)
    }

    fn download(&self, entry: &Entry, remote: &Remote) -> Result<Found> {
        let partial = entry.partial();
        let mut pause = FIRST_WAIT;
        let mut tries = 1;
        loop {
            match attempt::attempt(&self.agent, remote, &partial) {
                Ok(Outcome::Complete(etag)) => {
                    let sidecar = entry.keep(&partial, remote, etag)?;
                    log::info!("downloaded {} ({} bytes)", remote.address, sidecar.bytes);
                    return Ok(Found::File(entry.file(remote, sidecar)));
                }
                Ok(Outcome::Part) => {}
                Ok(Outcome::Missing) => {
                    entry.remember_absence()?;
                    return Ok(Found::Nowhere(remote.address.to_string()));
                }
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Retry { error, .. }) if tries == TRIES => return Err(gave_up(error, remote)),
                Err(Setback::Retry { error, wait }) => {
                    let wait = wait.unwrap_or(pause).min(LONGEST_WAIT);
                    log::warn!("{}: {error:#}; trying again in {} s", remote.address, wait.as_secs());
                    (self.wait)(wait);
                    pause *= 2;
                    tries += 1;
                }
            }
        }
    }
}

fn gave_up(error: anyhow::Error, remote: &Remote) -> anyhow::Error {
    let what = format!("{} could not be downloaded in {TRIES} tries", remote.address);
    error.context(Fault::retry(format!(
        "{what}; run the same command again, it goes on where this one stopped"
    )))
}

/// As messages show it: an address without its scheme may begin with user and password.
fn shown_folder(folder: &Path) -> String {
    let text = folder.display().to_string();
    text.rsplit_once('@').map_or_else(|| text.clone(), |(_, rest)| format!("***@{rest}"))
}

fn missing_offline(entry: &Entry, remote: &Remote) -> anyhow::Error {
    let todo = "run once without `fetch.offline`, or set `fetch.mirror` to a folder that has it";
    anyhow!(Fault::input(format!(
        "`fetch.offline` forbids the network, and {} is not in the download cache, {}; {todo}",
        remote.address,
        entry.path().display()
    )))
}
