//! Broken networks and broken servers: which failures are retried, and which are final.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, Then, unused_address};
use std::thread;
use std::time::Duration;
use watchexec_release::download::{Failure, StatusCode, certificates};

fn no_answer(limit: Duration) -> Failure {
    Failure::Timeout("no answer", limit)
}

/// Answers the first requests with these, and all others with the body.
fn server_after(first: Vec<Reply>) -> Server {
    Server::http(move |request| {
        first
            .get(request.number)
            .cloned()
            .unwrap_or_else(|| Reply::ok(BODY))
    })
}

#[test]
fn retries_transient_failures_and_reports_each_retry() {
    for reply in [
        Reply::status("500 Internal Server Error"),
        Reply::status("503 Service Unavailable"),
        Reply::status("408 Request Timeout"),
        Reply::status("429 Too Many Requests"),
        Reply::raw(""),
        Reply::ok(BODY).cut(10),
    ] {
        let server = server_after(vec![reply.clone(), reply]);
        let fetched = get(&server.url("/w"), &network());
        fetched.assert_body();
        assert_eq!(server.requests().len(), 3);
        assert_eq!(fetched.progress.retries.borrow().len(), 2);
    }
}

#[test]
fn gives_up_at_once_on_permanent_failures() {
    for code in [400, 401, 403, 404, 410] {
        let server = Server::http(move |_| Reply::status(&format!("{code} No")));
        let failure = get(&server.url("/w"), &network()).only_failure();
        assert!(matches!(failure, Failure::Status(status, ..) if status.as_u16() == code));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn stops_after_the_last_retry() {
    let server = Server::http(|_| Reply::status("502 Bad Gateway"));
    let failures = get(&server.url("/w"), &network()).failures();
    assert_eq!(failures.len(), 4);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn pauses_double_and_have_a_random_part() {
    let server = Server::http(|_| Reply::status("503 Busy"));
    let mut network = network();
    network.policy.first_pause = Duration::from_millis(8);
    network.policy.longest_pause = Duration::from_secs(1);
    let fetched = get(&server.url("/w"), &network);
    let shortest = [8, 16, 32].map(Duration::from_millis);
    let pauses = fetched.progress.retries.borrow();
    assert_eq!(pauses.len(), shortest.len());
    for ((_, pause), shortest) in pauses.iter().zip(shortest) {
        assert!((shortest..=shortest * 2).contains(pause), "{pauses:?}");
    }
}

#[test]
fn waits_as_long_as_the_server_asks_up_to_the_limit() {
    for (asked, expected) in [("0", 0), ("3600", 100)] {
        let reply = Reply::with_headers("503 Busy", &[("Retry-After", asked)], b"");
        let server = server_after(vec![reply]);
        let mut network = network();
        network.policy.first_pause = Duration::from_millis(100);
        network.policy.longest_pause = Duration::from_millis(100);
        let fetched = get(&server.url("/w"), &network);
        fetched.assert_body();
        let pause = fetched.progress.retries.borrow()[0].1;
        assert_eq!(pause, Duration::from_millis(expected));
    }
}

#[test]
fn restarts_a_broken_transfer_from_the_beginning() {
    let headers = [("Accept-Ranges", "bytes"), ("ETag", "\"v1\"")];
    let server = server_after(vec![Reply::with_headers("200 OK", &headers, BODY).cut(10)]);
    get(&server.url("/w"), &network()).assert_body();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(!requests[1].headers.contains_key("range"));
}

#[test]
fn retries_a_refused_connection() {
    let failures = get(&format!("http://{}/w", unused_address()), &network()).failures();
    assert_eq!(failures.len(), 4);
    assert!(
        failures
            .iter()
            .all(|failure| matches!(failure, Failure::Connect(_)))
    );
}

#[test]
fn retries_an_unknown_host() {
    let failures = get("http://watchexec.invalid/w", &network()).failures();
    assert!(matches!(failures[0], Failure::Connect(_)), "{failures:?}");
}

#[test]
fn limits_the_time_for_an_answer() {
    let server = Server::http(|_| Reply::raw("").then(Then::Stall));
    let mut network = network();
    network.policy.connect = Duration::from_millis(20);
    network.policy.response_header = Duration::from_millis(30);
    let failures = get(&server.url("/w"), &network).failures();
    assert_eq!(failures, vec![no_answer(Duration::from_millis(30)); 4]);
}

#[test]
fn limits_the_answer_from_the_established_connection() {
    let server = Server::http(|_| {
        thread::sleep(Duration::from_secs(1));
        Reply::ok(BODY)
    });
    let limit = Duration::from_millis(30);
    let mut network = network();
    network.policy.response_header = limit;
    network.policy.retries = 0;
    let failure = get(&server.url("/w"), &network).only_failure();
    assert_eq!(failure, no_answer(limit));
}

#[test]
fn starts_the_time_for_the_answer_with_the_connection() {
    let authority = Authority::new();
    let server = Server::slow_https(
        authority.server("127.0.0.1"),
        Duration::from_millis(1500),
        |_| Reply::ok(BODY),
    );
    let to = server.url("/w");
    let redirecting = Server::http(move |_| Reply::redirect(&to));
    let mut network = network();
    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    network.policy.response_header = Duration::from_secs(1);
    network.policy.retries = 0;
    get(&server.url("/w"), &network).assert_body();
    get(&redirecting.url("/w"), &network).assert_body();
}

#[test]
fn limits_the_time_between_two_pieces() {
    let server = Server::http(|_| Reply::ok(BODY).cut(10).then(Then::Stall));
    let mut network = network();
    network.policy.stall = Duration::from_millis(30);
    let failures = get(&server.url("/w"), &network).failures();
    let stalled = Failure::Timeout("no further data", network.policy.stall);
    assert_eq!(failures, vec![stalled; 4]);
}

#[test]
fn limits_the_time_for_the_whole_download() {
    let server = Server::http(|_| Reply::ok(BODY).cut(10).then(Then::Stall));
    let mut network = network();
    network.policy.total = Duration::from_millis(100);
    let limit = Failure::Timeout("not finished", Duration::from_millis(100));
    assert_eq!(get(&server.url("/w"), &network).only_failure(), limit);

    // Pauses count too.
    let server = Server::http(|_| Reply::status("503 Busy"));
    network.policy.first_pause = Duration::from_mins(1);
    network.policy.longest_pause = Duration::from_mins(1);
    let failures = get(&server.url("/w"), &network).failures();
    assert_eq!(failures.last(), Some(&limit));
}

#[test]
fn rejects_an_endless_body() {
    let server = Server::http(|_| {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        Reply::raw([head.as_bytes(), BODY].concat()).then(Then::Repeat)
    });
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert_eq!(failure, Failure::TooLarge(1_000));
}

/// Headers, the name of one, extensions of a chunk, chunks and trailers.
#[test]
fn rejects_an_answer_without_end() {
    let chunked = |rest| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    for (start, repeated) in [
        ("HTTP/1.1 200 OK\r\n".to_owned(), "X-Hop: cache\r\n"),
        ("HTTP/1.1 200 OK\r\nX-".to_owned(), "a"),
        (chunked("1;a"), "a"),
        (chunked(""), "1\r\na\r\n"),
        (chunked("0\r\n"), "X-Trailer: a\r\n"),
    ] {
        let endless = repeated.repeat((1 << 20) / repeated.len());
        let reply = Reply::raw(start.clone() + &endless).then(Then::Repeat);
        let server = Server::http(move |_| reply.clone());
        let failures = get(&server.url("/w"), &network()).failures();
        let waited = failures
            .iter()
            .find(|failure| matches!(failure, Failure::Timeout(..)));
        assert_eq!(waited, None, "{start}");
    }
}

#[test]
fn rejects_an_announced_length_beyond_the_limit() {
    let server = Server::http(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert_eq!(failure, Failure::TooLarge(1_000));
}

#[test]
fn rejects_another_protocol_at_once() {
    let server = Server::http(|_| Reply::raw("220 mail.example.com ESMTP\r\n"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(failure, Failure::Other(_)), "{failure:?}");
}

#[test]
fn rejects_an_answer_without_content() {
    let server = Server::http(|_| Reply::status("204 No Content"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(
        failure,
        Failure::Status(StatusCode::NO_CONTENT, ..)
    ));
}

#[test]
fn reports_the_progress_of_a_slow_download() {
    let server = Server::http(|_| Reply::ok(BODY));
    let mut network = network();
    network.policy.progress_every = Duration::ZERO;
    let fetched = get(&server.url("/w"), &network);
    fetched.assert_body();
    let received = fetched.progress.received.borrow();
    assert_eq!(received.last(), Some(&(39, Some(39))));
}

#[test]
fn reads_many_and_folded_headers() {
    let mut lines = vec!["HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\n\tthree\r\n".to_owned()];
    lines.extend((0..120).map(|number| format!("X-Hop-{number}: cache\r\n")));
    lines.push(format!("Content-Length: {}\r\n\r\n", BODY.len()));
    let head = lines.concat();
    let reply = Reply::raw([head.as_bytes(), BODY].concat());
    let server = Server::http(move |_| reply.clone());
    get(&server.url("/w"), &network()).assert_body();
}

#[test]
fn asks_for_the_file_as_it_is() {
    let server = Server::http(|_| Reply::ok(BODY));
    get(&server.url("/w"), &network()).assert_body();
    assert_eq!(server.requests()[0].headers["accept-encoding"], "identity");
}

#[test]
fn accepts_a_complete_body_without_tls_close_notify() {
    let authority = Authority::new();
    let mut network = network();
    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    for (cut, ends) in [(0, true), (1, false)] {
        let body = &BODY[..BODY.len() - cut];
        let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let reply = Reply::raw([head, body].concat());
        let server = Server::https(authority.server("127.0.0.1"), move |_| reply.clone());
        let fetched = get(&server.url("/w"), &network);
        if ends {
            fetched.assert_body();
        } else {
            let failures = fetched.failures();
            assert_eq!(failures.len(), 4, "a broken transfer is retried");
            assert!(
                matches!(failures[0], Failure::Interrupted(..)),
                "{failures:?}"
            );
        }
    }
}

#[test]
fn quotes_the_reason_phrase_of_the_server() {
    let server = Server::http(|_| Reply::status("403 Quota of Team Red Exceeded"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert_eq!(
        failure.to_string(),
        "the server answered 403 Quota of Team Red Exceeded"
    );
}
