//! A GET that follows redirects by hand, because the Hub says what a file is on its redirect, and because a
//! token must stay with the host that it is for.

use anyhow::{Context, anyhow};
use shared::fault::Fault;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};
use url::Url;

use super::Remote;
use super::attempt::Setback;
use super::partial::Resume;

const MOST_REDIRECTS: usize = 10;

/// The last response, and what the Hub said on the way to it.
pub(super) struct Reply {
    pub(super) response: Response<Body>,
    pub(super) linked_etag: Option<String>,
    pub(super) linked_size: Option<u64>,
}

pub(super) fn get(agent: &Agent, remote: &Remote, resume: Option<&Resume>) -> Result<Reply, Setback> {
    let mut url = remote.address.clone();
    let (mut linked_etag, mut linked_size) = (None, None);
    for _ in 0..=MOST_REDIRECTS {
        let response = request(agent, remote, &url, resume)?;
        let headers = response.headers();
        linked_etag = text(headers, "x-linked-etag").map(str::to_owned).or(linked_etag);
        linked_size = text(headers, "x-linked-size").and_then(|size| size.parse().ok()).or(linked_size);
        let target = response.status().is_redirection().then(|| text(headers, "location")).flatten();
        let Some(target) = target else { return Ok(Reply { response, linked_etag, linked_size }) };
        url = join(&url, target).map_err(Setback::Final)?;
    }
    Err(Setback::Final(anyhow!(Fault::input(format!("{} redirects without end", remote.address)))))
}

fn request(
    agent: &Agent,
    remote: &Remote,
    url: &Url,
    resume: Option<&Resume>,
) -> Result<Response<Body>, Setback> {
    // Compressed bytes have another length and another digest.
    let mut request = agent.get(url.as_str()).header("accept-encoding", "identity");
    if let Some(token) = &remote.token
        && url.origin() == remote.address.origin()
    {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(resume) = resume {
        request = request.header("range", format!("bytes={}-", resume.from));
        if let Some(etag) = &resume.version.etag {
            request = request.header("if-range", etag);
        }
    }
    request.call().map_err(|error| {
        let host = url.host_str().unwrap_or_default();
        let error = anyhow!(error).context(format!("no answer from {host}"));
        Setback::Retry { error, wait: None }
    })
}

fn join(from: &Url, target: &str) -> anyhow::Result<Url> {
    let bad = || Fault::input(format!("{from} redirects to `{target}`, which is no web address"));
    let url = from.join(target).with_context(bad)?;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && from.scheme() == "http");
    anyhow::ensure!(secure, bad());
    Ok(url)
}

/// A header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
