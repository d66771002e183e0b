//! Files from other machines: from a mirror, from the download cache, or over the network.

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

use self::attempt::{AttemptError, Outcome};
use self::cache::{Cache, State};
use crate::content::Content;
use crate::environment::Environment;
use crate::mirror::MirrorLocation;
use crate::raw::RawFile;

pub(crate) use self::cache::CacheEntry;

/// A file on another machine.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// The public address: the manifest records it, and a mirror is searched for it.
    pub(crate) canonical: Url,
    /// The address of requests if there is no mirror.
    pub(crate) address: Address,
    /// A token for the host of `address`. It is sent to no other host.
    pub(crate) token: Option<Secret>,
    pub(crate) content: Content,
}

impl Remote {
    /// A file of a corpus.
    pub(crate) fn rows(url: &str) -> Result<Remote> {
        let address = Address::base(url).with_context(|| format!("the address `{url}` of a corpus"))?;
        Ok(Remote { canonical: address.url().clone(), address, token: None, content: Content::Rows })
    }

    /// The header `Authorization` of a request to `address`, which may be the target of a redirect.
    fn authorization_at(&self, address: &Address) -> Option<String> {
        let own = address.authorization().map(|own| own.reveal().to_owned());
        own.or_else(|| self.authorization().filter(|_| address.url().origin() == self.address.url().origin()))
    }

    /// The header `Authorization` for the file's own host. Credentials in the address override a token.
    fn authorization(&self) -> Option<String> {
        let own = self.address.authorization().map(|own| own.reveal().to_owned());
        own.or_else(|| self.token.as_ref().map(|token| format!("Bearer {}", token.reveal())))
    }

    fn has_credentials(&self) -> bool {
        self.authorization().is_some()
    }
}

/// The result of a search for a file.
#[derive(Debug)]
pub(crate) enum Lookup {
    File(RawFile),
    /// The host or the mirror has no such file. Holds the path or address that was searched.
    Absent(String),
}

/// The permission to open sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Allowed,
    Forbidden,
}

/// The number of attempts at a download before the stage fails.
const TRIES: u32 = 5;
/// The wait after the first failure. It doubles with every further failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The maximum wait that a server can ask for.
const MAX_WAIT: Duration = Duration::from_secs(120);
/// The maximum time that a server may send nothing within a connection.
const SILENCE: Duration = Duration::from_secs(60);

/// Finds and downloads files as the config allows.
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
    /// Prepares downloads with the settings of `config` and `environment`.
    ///
    /// # Errors
    /// A usage fault where `fetch.mirror` is neither a folder nor an address.
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

    /// Returns whether a model may be taken from the cache of `huggingface_hub`.
    pub(crate) fn may_use_hub_cache(&self) -> bool {
        self.mirror.is_none() && (self.rebuild == Rebuild::IfNeeded || self.network == Network::Forbidden)
    }

    /// Finds or downloads the file `remote`.
    ///
    /// # Errors
    /// As for [`Downloads::find`], and an input fault where there is no such file.
    pub(crate) fn require(&self, remote: &Remote) -> Result<RawFile> {
        match self.find(remote)? {
            Lookup::File(file) => Ok(file),
            Lookup::Absent(place) => bail!(Fault::input(match &self.mirror {
                Some(Mirror::Folder(_)) =>
                    format!("{place} does not exist; `fetch.mirror` lacks {}", remote.canonical),
                Some(Mirror::Server(_)) => format!(
                    "{place} does not exist; `fetch.mirror` lacks {}; --force asks again, if it exists now",
                    remote.canonical
                ),
                None => format!("{place} does not exist on its host; --force asks again, if it exists now"),
            })),
        }
    }

    /// Searches for the file `remote`: in the mirror if there is one, else in the cache, else on its host.
    ///
    /// # Errors
    /// A retry fault where the network fails. An input fault where the host refuses the request, or the file must be
    /// downloaded and the network is forbidden.
    pub(crate) fn find(&self, remote: &Remote) -> Result<Lookup> {
        match self.mirror.as_ref().map(|mirror| MirrorLocation::of(&remote.canonical, mirror)) {
            Some(MirrorLocation::File(path)) => {
                let location = remote.canonical.to_string();
                Ok(match RawFile::find(&path, location, remote.content)? {
                    Some(file) => Lookup::File(file),
                    None => Lookup::Absent(path.display().to_string()),
                })
            }
            Some(MirrorLocation::Address(address)) => {
                // The token belongs to the Hub, and the mirror is another host.
                self.cached_or_downloaded(&Remote { address, token: None, ..remote.clone() })
            }
            None => self.cached_or_downloaded(remote),
        }
    }

    fn cached_or_downloaded(&self, remote: &Remote) -> Result<Lookup> {
        let entry = self.cache.entry(&remote.address)?;
        if let Some(found) = self.cached(&entry, remote)? {
            return Ok(found);
        }
        if self.network == Network::Forbidden {
            return Err(missing_offline(&entry, remote));
        }
        let _lock = entry.lock(remote)?;
        // Another process may have downloaded the file while this one waited.
        match self.cached(&entry, remote)? {
            Some(found) => Ok(found),
            None => self.download(&entry, remote),
        }
    }

    /// The result of an earlier request for the file. None where there was none, or `--force` repeats the request.
    fn cached(&self, entry: &CacheEntry, remote: &Remote) -> Result<Option<Lookup>> {
        if self.rebuild == Rebuild::Force && self.network == Network::Allowed {
            return Ok(None);
        }
        // Without the network, an unchecked download is used too; its reader finds out whether it is complete.
        let least = if self.network == Network::Forbidden { State::Received } else { State::Checked };
        if let Some(sidecar) = entry.verified(remote, least)? {
            log::info!("{} is in the download cache", remote.address);
            return Ok(Some(Lookup::File(entry.file(remote, sidecar))));
        }
        if entry.known_absent() {
            log::info!("{} did not exist when it was last requested; --force asks again", remote.address);
            return Ok(Some(Lookup::Absent(remote.address.to_string())));
        }
        Ok(None)
    }

    fn download(&self, entry: &CacheEntry, remote: &Remote) -> Result<Lookup> {
        let partial = entry.partial();
        let mut pause = FIRST_WAIT;
        let mut tries = 1;
        loop {
            match attempt::attempt(&self.agent, remote, &partial) {
                Ok(Outcome::Complete(etag)) => {
                    let sidecar = entry.store(&partial, remote, etag)?;
                    log::info!("downloaded {} ({} bytes)", remote.address, sidecar.bytes);
                    return Ok(Lookup::File(entry.file(remote, sidecar)));
                }
                Ok(Outcome::Incomplete) => {}
                Ok(Outcome::Missing) => {
                    entry.record_absence()?;
                    return Ok(Lookup::Absent(remote.address.to_string()));
                }
                Err(AttemptError::Final(error)) => return Err(error),
                Err(AttemptError::Retry { error, .. }) if tries == TRIES => {
                    return Err(gave_up(error, remote));
                }
                Err(AttemptError::Retry { error, wait }) => {
                    let wait = wait.unwrap_or(pause).min(MAX_WAIT);
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
        "{what}; run the same command again, it continues where this one stopped"
    )))
}

/// The folder for messages, without what may be user and password: an address without a scheme can look like a folder.
fn shown_folder(folder: &Path) -> String {
    let text = folder.display().to_string();
    text.rsplit_once('@').map_or_else(|| text.clone(), |(_, rest)| format!("***@{rest}"))
}

fn missing_offline(entry: &CacheEntry, remote: &Remote) -> anyhow::Error {
    let todo = "run once without `fetch.offline`, or set `fetch.mirror` to a folder that has it";
    anyhow!(Fault::input(format!(
        "`fetch.offline` forbids the network, and {} is not in the download cache, {}; {todo}",
        remote.address,
        entry.path().display()
    )))
}
