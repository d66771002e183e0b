//! A GET that follows redirects by hand, because the Hub says what a file is on its redirect, and because a
//! token must stay with the host that it is for.

use anyhow::{Context, anyhow};
use shared::address::{Address, without_secrets};
use shared::fault::Fault;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use super::Remote;
use super::attempt::Setback;
use super::partial::Resume;

const MOST_REDIRECTS: usize = 10;

/// The last response, and what the Hub said on the way to it.
pub(super) struct Reply {
    pub(super) response: Response<Body>,
    /// That the response is from.
    pub(super) host: String,
    pub(super) linked_etag: Option<String>,
    pub(super) linked_size: Option<u64>,
}

pub(super) fn get(agent: &Agent, remote: &Remote, resume: Option<&Resume>) -> Result<Reply, Setback> {
    let mut address = remote.address.clone();
    let (mut linked_etag, mut linked_size) = (None, None);
    for _ in 0..=MOST_REDIRECTS {
        let response = request(agent, remote, &address, resume)?;
        let headers = response.headers();
        linked_etag = text(headers, "x-linked-etag").map(str::to_owned).or(linked_etag);
        linked_size = text(headers, "x-linked-size").and_then(|size| size.parse().ok()).or(linked_size);
        let target = response.status().is_redirection().then(|| text(headers, "location")).flatten();
        let Some(target) = target else {
            let host = address.url().host_str().unwrap_or_default().to_owned();
            return Ok(Reply { response, host, linked_etag, linked_size });
        };
        address = follow(&address, target).map_err(Setback::Final)?;
    }
    Err(Setback::Final(anyhow!(Fault::input(format!("{} redirects without end", remote.address)))))
}

fn request(
    agent: &Agent,
    remote: &Remote,
    address: &Address,
    resume: Option<&Resume>,
) -> Result<Response<Body>, Setback> {
    // Compressed bytes have another length and another digest.
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
        Setback::Retry { error, wait: None }
    })
}

fn follow(from: &Address, target: &str) -> anyhow::Result<Address> {
    let bad = || {
        let target = without_secrets(target);
        Fault::input(format!("{from} redirects to `{target}`, where a download must not be taken from"))
    };
    let to = from.join(target).with_context(bad)?;
    let secure = to.url().scheme() == "https" || from.url().scheme() == "http";
    anyhow::ensure!(secure, anyhow!("it is not secure, and that is").context(bad()));
    Ok(to)
}

/// A header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
