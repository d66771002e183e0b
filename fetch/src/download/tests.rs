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

/// Downloads into the folder `cache` that record their waits and do not wait.
fn downloads(cache: &TempDir, network: Network, rebuild: Rebuild) -> Downloads {
    Downloads {
        mirror: None,
        cache: Cache::new(Some(cache.path().to_owned())),
        network,
        rebuild,
        agent: attempt::agent(None, SILENCE),
        wait: |wait| WAITS.with_borrow_mut(|waits| waits.push(wait.as_secs())),
    }
}

fn remote(server: &Server) -> Remote {
    let canonical = Url::parse("https://h/a.txt").unwrap();
    Remote { canonical, address: server.address("/a.txt"), token: None, content: Content::Text }
}

/// Downloads a file from a server that sends the responses in `script`. Returns the bytes and the requests.
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

/// A response that ends after 4 of its 10 bytes.
fn cut() -> Vec<u8> {
    response("200 OK", &["Content-Length: 10", "ETag: \"v1\""], &BODY[..4])
}

/// The bytes after those of [`cut`].
fn rest(etag: &str) -> Vec<u8> {
    let headers = ["Content-Length: 6", "Content-Range: bytes 4-9/10", etag];
    response("206 Partial Content", &headers, &BODY[4..])
}

#[test]
fn a_file_is_downloaded_unchanged() {
    let requests = check(vec![whole(BODY)]);
    assert!(!requests[0].contains("range:") && !requests[0].contains("authorization"));
}

#[test]
fn an_interrupted_download_continues_where_it_stopped() {
    let requests = check(vec![cut(), rest("ETag: \"v1\"")]);
    assert!(requests[1].contains("range: bytes=4-"), "{}", requests[1]);
    assert!(requests[1].contains("if-range: \"v1\""), "{}", requests[1]);
}

#[test]
fn a_later_run_continues_an_interrupted_download() {
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

fn part(range: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let headers = [length.as_str(), &format!("Content-Range: bytes {range}"), "ETag: \"v1\""];
    response("206 Partial Content", &headers, body)
}

#[test]
fn a_short_range_is_followed_by_the_next() {
    let requests = check(vec![cut(), part("4-6/10", b"456"), part("7-7/*", b"7"), part("8-9/10", b"89")]);
    assert!(requests[2].contains("range: bytes=7-") && requests[3].contains("range: bytes=8-"));
    assert_eq!(waits(), [1]);
}

#[test]
fn an_interrupted_range_is_continued() {
    let short = response(
        "206 Partial Content",
        &["Content-Length: 6", "Content-Range: bytes 4-9/10", "ETag: \"v1\""],
        b"45",
    );
    let requests = check(vec![cut(), short, part("6-9/10", b"6789")]);
    assert!(requests[2].contains("range: bytes=6-"), "{}", requests[2]);
}

#[test]
fn an_inconsistent_range_is_not_appended() {
    let longer = response(
        "206 Partial Content",
        &["Content-Length: 6", "Content-Range: bytes 4-6/10", "ETag: \"v1\""],
        b"456789",
    );
    let unnamed = response("206 Partial Content", &["Content-Length: 6", "ETag: \"v1\""], b"456789");
    let contradictions =
        [part("4-9/12", b"456789"), part("4-8/9", b"45678"), part("3-9/10", b"3456789"), longer, unnamed];
    for contradiction in contradictions {
        let requests = check(vec![cut(), contradiction, whole(BODY)]);
        assert!(!requests[2].contains("range:"), "{}", requests[2]);
    }
}

#[test]
fn a_file_of_unknown_length_is_refused() {
    check_refused(vec![response("200 OK", &["ETag: \"v1\""], BODY)], 3, &["/a.txt", "without its length"]);
    let chunked = b"a\r\n0123456789\r\n0\r\n\r\n";
    check(vec![response("200 OK", &["Transfer-Encoding: chunked"], chunked)]);
    let cut = || response("200 OK", &["Transfer-Encoding: chunked"], &chunked[..9]);
    check_refused((0..5).map(|_| cut()).collect(), 4, &["/a.txt", "5 tries"]);
}

#[test]
fn contradictory_lengths_are_refused() {
    let reply = || response("200 OK", &["Content-Length: 10", "X-Linked-Size: 12"], BODY);
    check_refused((0..5).map(|_| reply()).collect(), 4, &["10 bytes", "12 by the Hub"]);
}

#[test]
fn a_compressed_answer_is_refused() {
    let reply = response("200 OK", &["Content-Length: 10", "Content-Encoding: gzip"], BODY);
    check_refused(vec![reply], 3, &["/a.txt", "compressed", "gzip"]);
}

/// Checks that `body` is refused without another attempt, and that the next run downloads the file again.
fn check_not_stored(body: &[u8], content: Content, part: &str) {
    let cache = tempfile::tempdir().unwrap();
    let good: &[u8] = b"{\"a\": 1}";
    let server = Server::start(vec![whole(body), whole(good)]);
    let remote = Remote { content, ..remote(&server) };
    let online = downloads(&cache, Network::Allowed, Rebuild::IfNeeded);
    let error = online.require(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3);
    let message = format!("{error:#}");
    assert!(message.contains("/a.txt") && message.contains(part), "{message}");
    assert_eq!(fs::read(online.require(&remote).unwrap().path).unwrap(), good);
}

#[test]
fn wrong_content_is_not_stored() {
    for content in [Content::Rows, Content::Text, Content::Json] {
        check_not_stored(b"<!DOCTYPE html><title>Sign in</title>", content, "HTML page");
        check_not_stored(b"", content, "empty");
    }
    check_not_stored(b"{\"a\": ", Content::Json, "no JSON");
}

#[test]
fn a_login_page_after_a_redirect_is_refused() {
    let login = Server::start(vec![whole(b"<html>")]);
    let location = format!("Location: {}", login.address("/login?next=PASS").url());
    let redirect = response("302 Lookup", &[&location, "Content-Length: 0"], b"");
    check_refused(vec![redirect], 3, &["/a.txt", "HTML page"]);
}

#[test]
fn a_corpus_is_reused_only_after_it_was_read_to_its_end() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![whole(b"cut"), whole(BODY)]);
    let remote = Remote { content: Content::Rows, ..remote(&server) };
    let read = |network| downloads(&cache, network, Rebuild::IfNeeded).require(&remote).unwrap();
    read(Network::Allowed);
    assert_eq!(fs::read(read(Network::Forbidden).path).unwrap(), b"cut");
    let file = read(Network::Allowed);
    assert_eq!((fs::read(&file.path).unwrap(), server.requests().len()), (BODY.to_vec(), 2));
    file.confirm().unwrap();
    assert_eq!(read(Network::Allowed).source.sha256, file.source.sha256);
    assert_eq!(server.requests().len(), 2);

    let error = file.explain(anyhow!(Fault::input("line 3 is wrong")));
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3);
    [file.path.to_str().unwrap(), "--force", "line 3 is wrong"]
        .iter()
        .for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn a_download_from_another_address_is_not_reused() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![whole(BODY), whole(b"other")]);
    let online = downloads(&cache, Network::Allowed, Rebuild::IfNeeded);
    let file = online.require(&remote(&server)).unwrap();
    let mut sidecar = fs::read_dir(file.path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let sidecar = sidecar.find(|path| path.to_str().unwrap().ends_with(".download.json")).unwrap();
    let text = fs::read_to_string(&sidecar).unwrap().replace("a.txt", "a.txt?split=test");
    fs::write(&sidecar, text).unwrap();
    assert_eq!(fs::read(online.require(&remote(&server)).unwrap().path).unwrap(), b"other");
}

#[test]
fn bytes_of_another_version_are_not_appended() {
    let requests = check(vec![cut(), rest("ETag: \"v2\""), whole(BODY)]);
    assert!(!requests[2].contains("range:"));
}

#[test]
fn bytes_without_a_version_are_not_appended() {
    let requests = check(vec![response("200 OK", &["Content-Length: 10"], &BODY[..4]), whole(BODY)]);
    assert!(!requests[1].contains("range:"));
}

#[test]
fn a_busy_server_is_retried_after_growing_waits() {
    let busy = || response("503 Service Unavailable", &["Content-Length: 0"], b"");
    check(vec![busy(), busy(), whole(BODY)]);
    assert_eq!(waits(), [1, 2]);
}

#[test]
fn the_servers_retry_after_is_obeyed() {
    check(vec![
        response("429 Too Many Requests", &["Retry-After: 7", "Content-Length: 0"], b""),
        whole(BODY),
    ]);
    assert_eq!(waits(), [7]);
}

#[test]
fn a_missing_file_is_an_input_fault_without_retry() {
    let missing = response("404 Not Lookup", &["Content-Length: 0"], b"");
    check_refused(vec![missing], 3, &["/a.txt", "does not exist"]);
    assert!(waits().is_empty());
}

#[test]
fn a_forbidden_file_is_an_input_fault_without_retry() {
    check_refused(vec![response("401 Unauthorized", &["Content-Length: 0"], b"")], 3, &["401", "HF_TOKEN"]);
}

#[test]
fn a_body_shorter_than_announced_is_never_used() {
    let short = || response("200 OK", &["Content-Length: 12"], BODY);
    check_refused((0..5).map(|_| short()).collect(), 4, &["/a.txt", "5 tries"]);
}

#[test]
fn a_dead_host_is_retried() {
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
        |target: &str| response("302 Lookup", &[&format!("Location: {target}"), "Content-Length: 0"], b"");
    let hub = Server::start(vec![redirect("/moved.txt"), redirect(&other.address("/b.txt").to_string())]);
    let remote = Remote { token: Secret::parse("hf_secret", "HF_TOKEN").unwrap(), ..remote(&hub) };
    let file = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote).unwrap();
    assert_eq!(fs::read(file.path).unwrap(), BODY);
    assert!(hub.requests().iter().all(|request| request.contains("bearer hf_secret")));
    assert!(hub.requests()[1].starts_with("get /moved.txt"));
    assert!(!other.requests()[0].contains("hf_secret"));
}

#[test]
fn only_force_repeats_a_download() {
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
fn only_force_repeats_a_request_for_a_missing_file() {
    let cache = tempfile::tempdir().unwrap();
    let missing = response("404 Not Lookup", &["Content-Length: 0"], b"");
    let server = Server::start(vec![missing, whole(BODY)]);
    let find = |rebuild| {
        let found = downloads(&cache, Network::Allowed, rebuild).find(&remote(&server)).unwrap();
        (matches!(found, Lookup::File(_)), server.requests().len())
    };
    assert_eq!(find(Rebuild::IfNeeded), (false, 1));
    assert_eq!(find(Rebuild::IfNeeded), (false, 1));
    assert_eq!(find(Rebuild::Force), (true, 2));
    assert_eq!(find(Rebuild::IfNeeded), (true, 2));
}

#[test]
fn only_downloads_need_a_folder_for_them() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let homeless = |mirror| Downloads {
        mirror,
        cache: Cache::new(None),
        ..downloads(&cache, Network::Allowed, Rebuild::IfNeeded)
    };
    let remote = Remote::rows("https://h/b.txt").unwrap();
    let error = homeless(None).find(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 2);
    assert!(error.to_string().contains("BERTLINE_CACHE"), "{error}");
    let mirror = Mirror::Folder(folder.path().to_owned());
    assert!(matches!(homeless(Some(mirror)).find(&remote).unwrap(), Lookup::Absent(_)));
}

#[test]
fn a_changed_file_in_the_cache_is_downloaded_again() {
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
    let server = Server::start(vec![response("404 Not Lookup", &["Content-Length: 0"], b"")]);
    let offline = downloads(&cache, Network::Forbidden, Rebuild::IfNeeded);
    let error = offline.find(&remote(&server)).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3);
    assert!(format!("{error:#}").contains("/a.txt"));
    assert!(server.requests().is_empty());

    let online = downloads(&cache, Network::Allowed, Rebuild::IfNeeded);
    assert!(matches!(online.find(&remote(&server)).unwrap(), Lookup::Absent(_)));
    assert!(matches!(offline.find(&remote(&server)).unwrap(), Lookup::Absent(_)));
}

#[test]
fn the_error_for_an_incomplete_mirror_names_the_path() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mirror = Mirror::Folder(folder.path().to_owned());
    let downloads =
        Downloads { mirror: Some(mirror), ..downloads(&cache, Network::Allowed, Rebuild::IfNeeded) };
    let remote = Remote::rows("https://h/a/b.txt").unwrap();
    let error = downloads.require(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3);
    let place = folder.path().join("h/a/b.txt");
    assert!(format!("{error:#}").contains(place.to_str().unwrap()));

    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, BODY).unwrap();
    assert_eq!(downloads.require(&remote).unwrap().source.location, "https://h/a/b.txt");
}

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A logger that records the lines of this thread which the console would show.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() <= log::Level::Warn || record.target().starts_with("fetch") {
            LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// Checks that a download from `address` with `agent` fails with a retry fault, and that no message, log line or file
/// contains the password.
fn check_hidden(address: &str, agent: ureq::Agent) {
    drop(log::set_logger(&Lines));
    log::set_max_level(log::LevelFilter::Info);
    LINES.with_borrow_mut(Vec::clear);
    let cache = tempfile::tempdir().unwrap();
    let address = Address::base(address).unwrap().below("/a.txt");
    let canonical = Url::parse("https://h/a.txt").unwrap();
    let token = Secret::parse("hf_PASS", "HF_TOKEN").unwrap();
    let remote = Remote { canonical, address, token, content: Content::Text };
    let downloads = Downloads { agent, ..downloads(&cache, Network::Allowed, Rebuild::IfNeeded) };
    let error = downloads.find(&remote).unwrap_err();
    assert_eq!(kind_of(&error).code(), 4, "{error:#}");
    let mut traces = LINES.with_borrow(|lines| lines.join("\n"));
    assert!(traces.contains("trying again"), "{traces}");
    traces.push_str(&format!("{error:#} {error:?} {remote:?} {downloads:?}"));
    for entry in fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&entry).unwrap().map(|file| file.unwrap().path()) {
            traces.push_str(&format!("{} {}", file.display(), fs::read_to_string(&file).unwrap()));
        }
    }
    // The last one is user and password in base64, as in the header.
    for secret in ["PASS", "user:", "dXNlcjpQQVNT"] {
        assert!(!traces.contains(secret), "{traces}");
    }
}

#[test]
fn network_errors_do_not_show_passwords() {
    let agent = |proxy| attempt::agent(proxy, SILENCE);
    let dead = Server::start(vec![]);
    check_hidden(&dead.with_credentials("http", "user:PASS"), agent(None));
    let plain = Server::start((0..TRIES).map(|_| b"no TLS".to_vec()).collect());
    check_hidden(&plain.with_credentials("https", "user:PASS"), agent(None));
    let busy = Server::start((0..TRIES).map(|_| response("503 PASS", &["Content-Length: 0"], b"")).collect());
    check_hidden(&busy.with_credentials("http", "user:PASS"), agent(None));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://user:PASS@{}", silent.local_addr().unwrap());
    check_hidden(&address, attempt::agent(None, Duration::from_millis(20)));
    let refusing = || response("407 Proxy Authentication Required", &["Content-Length: 0"], b"");
    let proxy = Server::start((0..TRIES).map(|_| refusing()).collect());
    let through = ureq::Proxy::new(&proxy.with_credentials("http", "user:PASS")).unwrap();
    check_hidden("https://user:PASS@h.invalid", agent(Some(through)));
    assert!(proxy.requests()[0].contains("proxy-authorization: basic"), "{:?}", proxy.requests());
}

#[test]
fn credentials_are_sent_in_a_header_to_their_host_only() {
    let cache = tempfile::tempdir().unwrap();
    let other = Server::start(vec![whole(BODY)]);
    let redirect =
        |target: &str| response("302 Lookup", &[&format!("Location: {target}"), "Content-Length: 0"], b"");
    let own = Server::start(vec![redirect("/moved.txt"), redirect(&other.address("/b.txt").to_string())]);
    let address = Address::base(&own.with_credentials("http", "user:PASS")).unwrap().below("a.txt");
    let token = Secret::parse("hf_secret", "HF_TOKEN").unwrap();
    let remote = Remote { address, token, ..remote(&own) };
    let file = downloads(&cache, Network::Allowed, Rebuild::IfNeeded).require(&remote).unwrap();
    assert_eq!(fs::read(&file.path).unwrap(), BODY);
    for request in own.requests() {
        assert!(
            request.contains("authorization: basic dxnlcjpqqvnt") && !request.contains("hf_"),
            "{request}"
        );
        assert!(request.starts_with("get /") && !request.contains("@127"), "{request}");
    }
    assert!(!other.requests()[0].contains("authorization"), "{:?}", other.requests());
    // Other credentials find the same download.
    let address = Address::parse(&format!("{}/a.txt", own.with_credentials("http", "other:WORD"))).unwrap();
    let found = downloads(&cache, Network::Forbidden, Rebuild::IfNeeded).find(&Remote { address, ..remote });
    assert!(matches!(found.unwrap(), Lookup::File(found) if found.path == file.path));
}
