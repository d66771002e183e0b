//! Detection of requests from other sites' pages.
//!
//! Any web page can make its browser send requests to this machine. It cannot read the responses, unless its own host
//! name resolves to this machine's address (DNS rebinding). The header `Host` then still holds that name.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// The header in which a browser states whether a request crosses sites. Scripts cannot change it.
const FETCH_SITE: &str = "sec-fetch-site";

/// True where the request addresses the server by a DNS name, or comes from another site's page.
pub(super) fn is_foreign(request: &Request) -> bool {
    let named = request.headers().get_all(HOST).iter().any(|host| !is_address(host));
    let named_in_uri = request.uri().authority().is_some_and(|authority| !is_local(authority));
    let other_site = request.headers().get(FETCH_SITE).is_some_and(|site| site == "cross-site");
    named || named_in_uri || other_site
}

fn is_address(host: &HeaderValue) -> bool {
    host.to_str().ok().and_then(|host| Authority::from_str(host).ok()).is_some_and(|host| is_local(&host))
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn check(uri: &str, headers: &[(&str, &str)], expect: bool) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(is_foreign(&request.body(Body::empty()).unwrap()), expect, "{uri} {headers:?}");
    }

    #[test]
    fn host_names_other_than_localhost_are_foreign() {
        for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "192.168.0.7", "localhost", "LocalHost:80"]
        {
            check("/predict", &[("host", host)], false);
        }
        for host in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "", "@"]
        {
            check("/predict", &[("host", host)], true);
        }
        check("/predict", &[], false);
        check("/predict", &[("host", "127.0.0.1"), ("host", "evil.example")], true);
        check("http://evil.example/predict", &[("host", "127.0.0.1")], true);
    }

    #[test]
    fn cross_site_requests_are_foreign() {
        let host = ("host", "127.0.0.1:8080");
        check("/predict", &[host, ("sec-fetch-site", "same-origin")], false);
        check("/predict", &[host, ("sec-fetch-site", "none")], false);
        check("/predict", &[host, ("sec-fetch-site", "cross-site")], true);
    }
}
