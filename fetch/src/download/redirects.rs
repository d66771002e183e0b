//! A GET request that follows redirects itself: the Hub's redirects carry the file's digest and size, and a token must not
//! be sent to another host.

use anyhow::{Context, anyhow};
use shared::address::{Address, without_secrets};
use shared::fault::Fault;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use super::Remote;
use super::attempt::AttemptError;
use super::partial::Resume;

/// The maximum number of redirects.
const MAX_REDIRECTS: usize = 10;

/// The last response, and the headers of the Hub's redirects before it.
pub(super) struct Reply {
    pub(super) response: Response<Body>,
    /// The host that sent the response.
    pub(super) host: String,
    pub(super) linked_etag: Option<String>,
    pub(super) linked_size: Option<u64>,
}

pub(super) fn get(agent: &Agent, remote: &Remote, resume: Option<&Resume>) -> Result<Reply, AttemptError> {
    let mut address = remote.address.clone();
    let (mut linked_etag, mut linked_size) = (None, None);
    for _ in 0..=MAX_REDIRECTS {
        let response = request(agent, remote, &address, resume)?;
        let headers = response.headers();
        linked_etag = text(headers, "x-linked-etag").map(str::to_owned).or(linked_etag);
        linked_size = text(headers, "x-linked-size").and_then(|size| size.parse().ok()).or(linked_size);
        let target = response.status().is_redirection().then(|| text(headers, "location")).flatten();
        let Some(target) = target else {
            let host = address.url().host_str().unwrap_or_default().to_owned();
            return Ok(Reply { response, host, linked_etag, linked_size });
        };
        address = follow(&address, target).map_err(AttemptError::Final)?;
    }
    Err(AttemptError::Final(anyhow!(Fault::input(format!("{} redirects without end", remote.address)))))
}

fn request(
    agent: &Agent,
    remote: &Remote,
    address: &Address,
    resume: Option<&Resume>,
) -> Result<Response<Body>, AttemptError> {
    // Compression would change the length and the digest.
    let mut request = agent.get(address.url().as_str()).header("accept-encoding", "identity");
    if let Some(authorization) = remote.authorization_at(address) {
        request = request.header("authorization", authorization);
    }
    if let Some(resume) = resume {
        request = request.header("range", format!("bytes={}-", resume.from));
        if let Some(etag) = &resume.version.etag {
            request = request.header("if-range", etag);
        }
    }
    request.call().map_err(|error| {
        let host = address.url().host_str().unwrap_or_default();
        let error = anyhow!(error).context(format!("no answer from {host}"));
        AttemptError::Retry { error, wait: None }
    })
}

/// The target of a redirect.
///
/// # Errors
/// An input fault where the target is no HTTP address, or HTTPS redirects to HTTP.
fn follow(from: &Address, target: &str) -> anyhow::Result<Address> {
    let bad = || {
        let target = without_secrets(target);
        Fault::input(format!("{from} redirects to `{target}`, an address that downloads must not use"))
    };
    let to = from.join(target).with_context(bad)?;
    let secure = to.url().scheme() == "https" || from.url().scheme() == "http";
    anyhow::ensure!(secure, anyhow!("the target is not HTTPS, and the address is").context(bad()));
    Ok(to)
}

/// The value of the header `name`, if it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
