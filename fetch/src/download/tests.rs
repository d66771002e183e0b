use std::cell::RefCell;
use std::fs;

use shared::digest::sha256_bytes;
use shared::fault::kind_of;
use tempfile::TempDir;

use super::loopback::{Server, response, whole};
use super::*;

const BODY: &[u8] = b"0123456789";

thread_local! {
    static WAITS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn waits() -> Vec<u64> {
    WAITS.with_borrow(Clone::clone)
}

/// Downloads into a cache of their own, without waiting.
fn downloads(cache: &TempDir, network: Network, rebuild: Rebuild) -> Downloads {
    Downloads {
        mirror: None,
        cache: Cache::new(Some(cache.path().to_owned())),
        network,
        rebuild,
        agent: attempt::agent(None),
        wait: |wait| WAITS.with_borrow_mut(|waits| waits.push(wait.as_secs())),
    }
}

fn remote(server: &Server) -> Remote {
    Remote { canonical: Url::parse("https://h/a.txt").unwrap(), address: server.url("/a.txt"), token: None }
}

/// What comes of requests that are answered by `script`, and how many there were.
fn get(script: Vec<Vec<u8>>) -> (Result<Vec<u8>>, Vec<String>) {
    let (cache, server) = (tempfile::tempdir().unwrap(), Server::start(script));
    let file = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote(&server));
    let bytes = file.map(|file| {
        assert_eq!(file.source.location, "https://h/a.txt");
        assert_eq!(file.source.sha256, sha256_bytes(&fs::read(&file.path).unwrap()));
        fs::read(&file.path).unwrap()
    });
    (bytes, server.requests())
}

fn check(script: Vec<Vec<u8>>) -> Vec<String> {
    let expected = script.len();
    let (bytes, requests) = get(script);
    assert_eq!(bytes.unwrap(), BODY);
    assert_eq!(requests.len(), expected);
    requests
}

fn check_refused(script: Vec<Vec<u8>>, code: u8, parts: &[&str]) {
    let error = get(script).0.unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), code, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

fn cut() -> Vec<u8> {
    response("200 OK", &["Content-Length: 10", "ETag: \"v1\""], &BODY[..4])
}

fn rest(etag: &str) -> Vec<u8> {
    let headers = ["Content-Length: 6", "Content-Range: bytes 4-9/10", etag];
    response("206 Partial Content", &headers, &BODY[4..])
}

#[test]
fn a_file_comes_as_it_is() {
    let requests = check(vec![whole(BODY)]);
    assert!(!requests[0].contains("range:") && !requests[0].contains("authorization"));
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let requests = check(vec![cut(), rest("ETag: \"v1\"")]);
    assert!(requests[1].contains("range: bytes=4-"), "{}", requests[1]);
    assert!(requests[1].contains("if-range: \"v1\""), "{}", requests[1]);
}

#[test]
fn a_later_run_goes_on_too() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start((0..5).map(|_| cut()).chain([rest("ETag: \"v1\"")]).collect());
    let first = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote(&server));
    assert_eq!(kind_of(&first.unwrap_err()).code(), 4);
    let file = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote(&server)).unwrap();
    assert_eq!(fs::read(file.path).unwrap(), BODY);
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    check(vec![cut(), whole(BODY)]);
}

#[test]
fn bytes_of_another_version_are_not_joined() {
    let requests = check(vec![cut(), rest("ETag: \"v2\""), whole(BODY)]);
    assert!(!requests[2].contains("range:"));
}

#[test]
fn bytes_without_a_version_are_not_joined() {
    let requests = check(vec![response("200 OK", &["Content-Length: 10"], &BODY[..4]), whole(BODY)]);
    assert!(!requests[1].contains("range:"));
}

#[test]
fn a_busy_server_is_asked_again_after_a_growing_wait() {
    let busy = || response("503 Service Unavailable", &["Content-Length: 0"], b"");
    check(vec![busy(), busy(), whole(BODY)]);
    assert_eq!(waits(), [1, 2]);
}

#[test]
fn the_wait_is_the_servers_where_it_names_one() {
    check(vec![
        response("429 Too Many Requests", &["Retry-After: 7", "Content-Length: 0"], b""),
        whole(BODY),
    ]);
    assert_eq!(waits(), [7]);
}

#[test]
fn a_missing_file_is_an_input_fault_at_once() {
    let missing = response("404 Not Found", &["Content-Length: 0"], b"");
    check_refused(vec![missing], 3, &["/a.txt", "does not exist"]);
    assert!(waits().is_empty());
}

#[test]
fn a_forbidden_file_is_an_input_fault_at_once() {
    check_refused(vec![response("401 Unauthorized", &["Content-Length: 0"], b"")], 3, &["401", "HF_TOKEN"]);
}

#[test]
fn a_body_shorter_than_announced_is_never_used() {
    let short = || response("200 OK", &["Content-Length: 12"], BODY);
    check_refused((0..5).map(|_| short()).collect(), 4, &["/a.txt", "5 tries"]);
}

#[test]
fn a_dead_host_is_worth_a_retry() {
    check_refused(vec![], 4, &["/a.txt", "5 tries", "127.0.0.1"]);
    assert_eq!(waits(), [1, 2, 4, 8]);
}

#[test]
fn the_hubs_digest_is_checked() {
    let with = |digest: &str| {
        let etag = format!("X-Linked-Etag: \"{digest}\"");
        response("200 OK", &["Content-Length: 10", &etag], BODY)
    };
    check(vec![with(&sha256_bytes(BODY))]);
    check_refused((0..5).map(|_| with(&sha256_bytes(b"other"))).collect(), 4, &["SHA-256"]);
}

#[test]
fn a_token_stays_with_its_host() {
    let cache = tempfile::tempdir().unwrap();
    let other = Server::start(vec![whole(BODY)]);
    let redirect =
        |target: &str| response("302 Found", &[&format!("Location: {target}"), "Content-Length: 0"], b"");
    let hub = Server::start(vec![redirect("/moved.txt"), redirect(other.url("/b.txt").as_str())]);
    let remote = Remote { token: Some("hf_secret".into()), ..remote(&hub) };
    let file = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote).unwrap();
    assert_eq!(fs::read(file.path).unwrap(), BODY);
    assert!(hub.requests().iter().all(|request| request.contains("bearer hf_secret")));
    assert!(hub.requests()[1].starts_with("get /moved.txt"));
    assert!(!other.requests()[0].contains("hf_secret"));
}

#[test]
fn a_second_fetch_downloads_nothing_and_force_does() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![whole(BODY), whole(b"newer")]);
    let remote = remote(&server);
    let read = |network, rebuild| {
        let file = downloads(&cache, network, rebuild).require(&remote).unwrap();
        (fs::read(file.path).unwrap(), server.requests().len())
    };
    assert_eq!(read(Network::Allowed, Rebuild::IfNeeded), (BODY.to_vec(), 1));
    assert_eq!(read(Network::Allowed, Rebuild::IfNeeded), (BODY.to_vec(), 1));
    assert_eq!(read(Network::Forbidden, Rebuild::Force), (BODY.to_vec(), 1));
    assert_eq!(read(Network::Allowed, Rebuild::Force), (b"newer".to_vec(), 2));
}

#[test]
fn a_second_fetch_does_not_ask_for_what_was_missing_and_force_does() {
    let cache = tempfile::tempdir().unwrap();
    let missing = response("404 Not Found", &["Content-Length: 0"], b"");
    let server = Server::start(vec![missing, whole(BODY)]);
    let find = |rebuild| {
        let found = downloads(&cache, Network::Allowed, rebuild).find(&remote(&server)).unwrap();
        (matches!(found, Found::File(_)), server.requests().len())
    };
    assert_eq!(find(Rebuild::IfNeeded), (false, 1));
    assert_eq!(find(Rebuild::IfNeeded), (false, 1));
    assert_eq!(find(Rebuild::Force), (true, 2));
    assert_eq!(find(Rebuild::IfNeeded), (true, 2));
}

#[test]
fn a_folder_for_downloads_is_needed_by_downloads_only() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let homeless = |mirror| Downloads {
        mirror,
        cache: Cache::new(None),
        ..downloads(&cache, Network::Allowed, Rebuild::IfNeeded)
    };
    let remote = Remote::plain("https://h/b.txt").unwrap();
    let error = homeless(None).find(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 2);
    assert!(error.to_string().contains("BERTLINE_CACHE"), "{error}");
    let mirror = Mirror::parse(folder.path().to_str().unwrap()).unwrap();
    assert!(matches!(homeless(Some(mirror)).find(&remote).unwrap(), Found::Nowhere(_)));
}

#[test]
fn a_changed_file_in_the_cache_is_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![whole(BODY), whole(BODY)]);
    let online = downloads(&cache, Network::Allowed, Rebuild::IfNeeded);
    let file = online.require(&remote(&server)).unwrap();
    fs::write(&file.path, b"0123456780").unwrap();
    assert_eq!(fs::read(online.require(&remote(&server)).unwrap().path).unwrap(), BODY);
}

#[test]
fn offline_opens_no_socket() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![response("404 Not Found", &["Content-Length: 0"], b"")]);
    let offline = downloads(&cache, Network::Forbidden, Rebuild::IfNeeded);
    let error = offline.find(&remote(&server)).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3);
    assert!(format!("{error:#}").contains("/a.txt"));
    assert!(server.requests().is_empty());

    let online = downloads(&cache, Network::Allowed, Rebuild::IfNeeded);
    assert!(matches!(online.find(&remote(&server)).unwrap(), Found::Nowhere(_)));
    assert!(matches!(offline.find(&remote(&server)).unwrap(), Found::Nowhere(_)));
}

#[test]
fn a_mirror_folder_that_lacks_the_file_says_where_it_looked() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mirror = Mirror::parse(folder.path().to_str().unwrap()).unwrap();
    let downloads =
        Downloads { mirror: Some(mirror), ..downloads(&cache, Network::Allowed, Rebuild::IfNeeded) };
    let remote = Remote::plain("https://h/a/b.txt").unwrap();
    let error = downloads.require(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3);
    let place = folder.path().join("h/a/b.txt");
    assert!(format!("{error:#}").contains(place.to_str().unwrap()));

    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, BODY).unwrap();
    assert_eq!(downloads.require(&remote).unwrap().source.location, "https://h/a/b.txt");
}
