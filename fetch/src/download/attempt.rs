//! One attempt at a download.

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
use super::range::ContentRange;
use super::redirects::{self, Reply, text};

/// The result of an attempt that did not fail.
pub(super) enum Outcome {
    /// The partial file has every byte. Holds the ETag of the response.
    Complete(Option<String>),
    /// One range was received, and the file has further bytes.
    Incomplete,
    /// The host says that there is no such file.
    Missing,
}

/// The failure of an attempt.
pub(super) enum AttemptError {
    /// Another attempt may succeed, after `wait` if the server asks for it.
    Retry { error: anyhow::Error, wait: Option<Duration> },
    /// Another attempt would fail too.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for AttemptError {
    fn from(error: anyhow::Error) -> AttemptError {
        AttemptError::Final(error)
    }
}

fn retry(message: String) -> AttemptError {
    AttemptError::Retry { error: anyhow!(message), wait: None }
}

/// Creates the HTTP client. `silence` is the maximum time that a server may send nothing within a connection.
pub(super) fn agent(proxy: Option<Proxy>, silence: Duration) -> Agent {
    Agent::config_builder()
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(silence))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .user_agent(concat!("bertline/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Requests the bytes that `partial` lacks, and appends them.
pub(super) fn attempt(agent: &Agent, remote: &Remote, partial: &Partial) -> Result<Outcome, AttemptError> {
    let resume = partial.resume();
    let reply = redirects::get(agent, remote, resume.as_ref())?;
    match reply.response.status().as_u16() {
        200 => receive_whole(reply, remote, partial),
        206 => receive_range(reply, remote, partial, resume),
        404 | 410 => Ok(Outcome::Missing),
        416 => {
            partial.discard();
            Err(retry("the server has no bytes after those received so far".into()))
        }
        status @ (408 | 429 | 500..=599) => Err(busy(status, reply.response.headers())),
        status => Err(AttemptError::Final(refused(status, remote))),
    }
}

fn busy(status: u16, headers: &HeaderMap) -> AttemptError {
    let wait = text(headers, "retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let error = anyhow!("the server answers with status {status}");
    AttemptError::Retry { error, wait: wait.map(Duration::from_secs) }
}

fn refused(status: u16, remote: &Remote) -> anyhow::Error {
    let advice = match status {
        401 | 403 if remote.has_credentials() => {
            "the host does not accept the credentials; check them and the address"
        }
        401 | 403 => {
            "there is no such file, or it is not public; check its name, and set HF_TOKEN for a gated model \
             of the Hub, or user and password in the address of a mirror"
        }
        407 => "the proxy wants user and password; give them in HTTPS_PROXY",
        _ => "check the address",
    };
    anyhow!(Fault::input(format!("{} is refused with status {status}: {advice}", remote.address)))
}

/// The range of the file that a response's body holds.
struct Extent {
    /// The first byte in the file.
    from: u64,
    /// The number of bytes; none where the response does not say.
    bytes: Option<u64>,
    version: Version,
}

/// Receives a response with the whole file.
fn receive_whole(reply: Reply, remote: &Remote, partial: &Partial) -> Result<Outcome, AttemptError> {
    let headers = reply.response.headers();
    let bytes = text(headers, "content-length").and_then(|length| length.trim().parse::<u64>().ok());
    let chunked = text(headers, "transfer-encoding").is_some_and(|coding| !coding.trim().is_empty());
    let known = bytes.is_some() || chunked || reply.linked_size.is_some();
    if !known {
        let what = "is sent without its length, so that a truncated file could not be detected";
        let todo = "use a server that sends Content-Length, or set `fetch.mirror` to a folder with the file";
        return Err(AttemptError::Final(anyhow!(Fault::input(format!("{} {what}; {todo}", remote.address)))));
    }
    if let Some((announced, linked)) = bytes.zip(reply.linked_size)
        && announced != linked
    {
        partial.discard();
        return Err(retry(format!("{announced} bytes are announced, and {linked} by the Hub")));
    }
    let version = version(&reply, bytes.or(reply.linked_size));
    receive(reply, remote, partial, Extent { from: 0, bytes, version })
}

/// Receives the response to a range request, if it begins at the requested byte and has the version of the bytes so far.
/// The range may end before the file does.
fn receive_range(
    reply: Reply,
    remote: &Remote,
    partial: &Partial,
    resume: Option<Resume>,
) -> Result<Outcome, AttemptError> {
    let unfit = |what: &str| {
        partial.discard();
        retry(what.to_owned())
    };
    let headers = reply.response.headers();
    let Some(range) = text(headers, "content-range").and_then(ContentRange::parse) else {
        return Err(unfit("the server sends a range of the file and does not say which"));
    };
    let announced = text(headers, "content-length").and_then(|length| length.trim().parse::<u64>().ok());
    let version = version(&reply, range.total.or(reply.linked_size));
    match resume {
        Some(resume) if range.first != resume.from => {
            Err(unfit("the server sends another range than was requested"))
        }
        Some(resume) if !resume.version.agrees(&version) => Err(unfit("the file has changed on its host")),
        Some(_) if announced.is_some_and(|bytes| bytes != range.bytes()) => {
            Err(unfit("the server contradicts itself about the length of a range"))
        }
        Some(resume) => {
            let whole = version.bytes.or(resume.version.bytes);
            if whole.is_none_or(|whole| range.last >= whole) {
                return Err(unfit("the server sends a range and does not say how long the file is"));
            }
            let extent = Extent {
                from: resume.from,
                bytes: Some(range.bytes()),
                version: Version { bytes: whole, ..version },
            };
            receive(reply, remote, partial, extent)
        }
        None => Err(unfit("the server sends a range, and the whole file was requested")),
    }
}

fn version(reply: &Reply, bytes: Option<u64>) -> Version {
    let etag = text(reply.response.headers(), "etag").filter(|etag| !etag.starts_with("W/"));
    Version { etag: etag.map(str::to_owned), linked_etag: reply.linked_etag.clone(), bytes }
}

/// Appends the body to `partial`, and checks the file once it is complete.
fn receive(
    reply: Reply,
    remote: &Remote,
    partial: &Partial,
    extent: Extent,
) -> Result<Outcome, AttemptError> {
    let Extent { from, bytes, version } = extent;
    if let Some(coding) = text(reply.response.headers(), "content-encoding")
        && !coding.trim().eq_ignore_ascii_case("identity")
    {
        let what = format!("is sent compressed (`{}`), which was not requested", coding.trim());
        let todo = "use a server that sends files unchanged, or set `fetch.mirror` to a folder with the file";
        return Err(AttemptError::Final(anyhow!(Fault::input(format!("{} {what}; {todo}", remote.address)))));
    }
    let mut file = if from == 0 { partial.restart(&version)? } else { partial.append()? };
    let name = remote.canonical.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut progress = Progress::new(name, version.bytes.unwrap_or(0), Unit::Bytes);
    progress.advance(from);
    copy(reply.response.into_body().into_reader(), &mut file, partial, &mut progress)?;
    progress.finish();
    let length = partial.len()?;
    check_length(partial, length, bytes.map(|bytes| from.saturating_add(bytes)))?;
    if version.bytes.is_some_and(|whole| length < whole) && from > 0 {
        return Ok(Outcome::Incomplete);
    }
    check_length(partial, length, version.bytes)?;
    check_digest(partial, version.linked_etag.as_deref())?;
    check_content(remote, partial, &reply.host)?;
    Ok(Outcome::Complete(version.etag.or(version.linked_etag)))
}

/// Checks that the file can be what its name says. If not, it is deleted and not requested again.
fn check_content(remote: &Remote, partial: &Partial, host: &str) -> Result<(), AttemptError> {
    let requested = remote.address.url().host_str().unwrap_or_default();
    let shown = match host == requested {
        true => format!("the response from {}", remote.address),
        false => format!("the response from {}, which redirects to {host},", remote.address),
    };
    remote.content.check(partial.path(), &shown).map_err(|error| {
        partial.discard();
        AttemptError::Final(error)
    })
}

/// Copies the body to the file. A read error comes from the network and may be retried; a write error is final.
fn copy(
    mut body: impl Read,
    file: &mut File,
    partial: &Partial,
    progress: &mut Progress,
) -> Result<(), AttemptError> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = body.read(&mut buffer).map_err(|error| {
            let error = anyhow!(error).context("the connection was lost");
            AttemptError::Retry { error, wait: None }
        })?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        file.write_all(bytes).with_context(|| format!("cannot write {}", partial.path().display()))?;
        progress.advance(read as u64);
    }
}

/// Checks the length. Bytes beyond the expected length are wrong, so the file is deleted; missing bytes may follow.
fn check_length(partial: &Partial, length: u64, expected: Option<u64>) -> Result<(), AttemptError> {
    match expected {
        Some(expected) if length != expected => {
            if length > expected {
                partial.discard();
            }
            Err(retry(format!("{length} bytes were received, and {expected} were announced")))
        }
        _ => Ok(()),
    }
}

fn check_digest(partial: &Partial, linked_etag: Option<&str>) -> Result<(), AttemptError> {
    let Some(expected) = linked_etag.and_then(sha256_in) else { return Ok(()) };
    let found = sha256_file(partial.path())?;
    if found != expected {
        partial.discard();
        return Err(retry(format!("the SHA-256 of the download is {found}, and the Hub names {expected}")));
    }
    Ok(())
}

/// The SHA-256 in an ETag of the Hub. Only large files have it there; the ETag of a small file is shorter.
fn sha256_in(etag: &str) -> Option<String> {
    let digest = etag.trim_matches('"').to_ascii_lowercase();
    (digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digest)
}
