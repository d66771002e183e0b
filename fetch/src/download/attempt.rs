//! One try at a download.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use shared::console::{Progress, Unit};
use shared::digest::sha256_file;
use shared::fault::Fault;
use ureq::http::HeaderMap;
use ureq::{Agent, Proxy};

use super::Remote;
use super::partial::{Partial, Resume, Version};
use super::redirects::{self, Reply, text};

/// The longest silence of a server within a connection.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) enum Outcome {
    /// Every byte is in the partial file; the ETag that came with them.
    Complete(Option<String>),
    /// The host says that there is no such file.
    Missing,
}

/// Why a try failed.
pub(super) enum Setback {
    /// Another try may succeed; after `wait` if the server asked for one.
    Retry { error: anyhow::Error, wait: Option<Duration> },
    /// No other try will.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Setback {
    fn from(error: anyhow::Error) -> Setback {
        Setback::Final(error)
    }
}

fn again(message: String) -> Setback {
    Setback::Retry { error: anyhow!(message), wait: None }
}

/// `proxy` is that of the environment; a test has none.
pub(super) fn agent(proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("bertline/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Requests what `partial` still lacks and adds it.
pub(super) fn attempt(agent: &Agent, remote: &Remote, partial: &Partial) -> Result<Outcome, Setback> {
    let resume = partial.resume();
    let reply = redirects::get(agent, remote, resume.as_ref())?;
    match reply.response.status().as_u16() {
        200 => receive(reply, remote, partial, 0),
        206 => receive_rest(reply, remote, partial, resume),
        404 | 410 => Ok(Outcome::Missing),
        416 => {
            partial.discard();
            Err(again("the server has no bytes after those that are here".into()))
        }
        status @ (408 | 429 | 500..=599) => Err(busy(status, reply.response.headers())),
        status => Err(Setback::Final(refused(status, remote))),
    }
}

fn busy(status: u16, headers: &HeaderMap) -> Setback {
    let wait = text(headers, "retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let error = anyhow!("the server answers with status {status}");
    Setback::Retry { error, wait: wait.map(Duration::from_secs) }
}

fn refused(status: u16, remote: &Remote) -> anyhow::Error {
    let advice = match status {
        401 | 403 => {
            "there is no such file, or it is not public; check its name, and set HF_TOKEN for a gated model"
        }
        _ => "check the address",
    };
    anyhow!(Fault::input(format!("{} is refused with status {status}: {advice}", remote.address)))
}

/// Appends the answer to a range request, if it is the range that was asked for, of the version that is here.
fn receive_rest(
    reply: Reply,
    remote: &Remote,
    partial: &Partial,
    resume: Option<Resume>,
) -> Result<Outcome, Setback> {
    let range = text(reply.response.headers(), "content-range").unwrap_or_default();
    let fits = resume.filter(|resume| {
        range.starts_with(&format!("bytes {}-", resume.from)) && resume.version.agrees(&version(&reply))
    });
    match fits {
        Some(resume) => receive(reply, remote, partial, resume.from),
        None => {
            partial.discard();
            Err(again("the file has changed at its host".into()))
        }
    }
}

fn version(reply: &Reply) -> Version {
    let etag = text(reply.response.headers(), "etag").filter(|etag| !etag.starts_with("W/"));
    Version { etag: etag.map(str::to_owned), linked_etag: reply.linked_etag.clone() }
}

/// Writes the body behind the first `from` bytes of `partial`, and checks length and digest of the whole.
fn receive(reply: Reply, remote: &Remote, partial: &Partial, from: u64) -> Result<Outcome, Setback> {
    let version = version(&reply);
    let announced =
        text(reply.response.headers(), "content-length").and_then(|length| length.parse::<u64>().ok());
    let whole = announced.map(|length| from + length).or(reply.linked_size);
    let mut file = if from == 0 { partial.restart(&version)? } else { partial.append()? };
    let name = remote.canonical.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut progress = Progress::new(name, whole.unwrap_or(0), Unit::Bytes);
    progress.advance(from);
    copy(reply.response.into_body().into_reader(), &mut file, partial, &mut progress)?;
    progress.finish();
    check_length(partial, whole, reply.linked_size)?;
    check_digest(partial, version.linked_etag.as_deref())?;
    Ok(Outcome::Complete(version.etag.or(version.linked_etag)))
}

/// A failure to read is the network's and worth another try; a failure to write is this machine's.
fn copy(
    mut body: impl Read,
    file: &mut File,
    partial: &Partial,
    progress: &mut Progress,
) -> Result<(), Setback> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = body.read(&mut buffer).map_err(|error| {
            let error = anyhow!(error).context("the connection was lost");
            Setback::Retry { error, wait: None }
        })?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        file.write_all(bytes).with_context(|| format!("cannot write {}", partial.path().display()))?;
        progress.advance(read as u64);
    }
}

fn check_length(partial: &Partial, whole: Option<u64>, linked: Option<u64>) -> Result<(), Setback> {
    let length = partial.len()?;
    for expected in [whole, linked].into_iter().flatten() {
        if length > expected {
            partial.discard();
        }
        if length != expected {
            return Err(again(format!("{length} bytes came, and {expected} were announced")));
        }
    }
    Ok(())
}

fn check_digest(partial: &Partial, linked_etag: Option<&str>) -> Result<(), Setback> {
    let Some(expected) = linked_etag.and_then(sha256_in) else { return Ok(()) };
    let found = sha256_file(partial.path())?;
    if found != expected {
        partial.discard();
        return Err(again(format!("the SHA-256 of what came is {found}, and the Hub names {expected}")));
    }
    Ok(())
}

/// The Hub's ETag of a large file is its SHA-256; that of a small one is shorter.
fn sha256_in(etag: &str) -> Option<String> {
    let digest = etag.trim_matches('"').to_ascii_lowercase();
    (digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digest)
}
