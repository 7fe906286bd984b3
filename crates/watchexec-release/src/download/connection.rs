//! One request, on a connection of its own.

use super::failure::Failure;
use super::hop::Hop;
use super::network::Policy;
use super::tls::{self, Roots};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::ext::ReasonPhrase;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Proxy, Response, redirect};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tower::util::MapResponseLayer;

/// A user name and a password.
pub(super) type Login = [Vec<u8>; 2];

/// Connects, sends a request, and waits for the head of the response.
pub(super) async fn request(
    hop: &Hop,
    login: Option<Login>,
    roots: Option<Roots>,
    policy: &Policy,
) -> Result<Response, Failure> {
    let connected = Arc::new(Notify::new());
    let request = client(hop, roots, connected.clone())?
        .get(hop.url.exposed().clone())
        .headers(headers(login));
    let mut answer = pin!(request.send());
    let mut limit = pin!(async {
        if timeout(policy.connect, connected.notified()).await.is_err() {
            return Failure::Timeout("no connection", policy.connect);
        }
        sleep(policy.response_header).await;
        Failure::Timeout("no answer", policy.response_header)
    });
    poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => {
            Poll::Ready(answer.map_err(|error| Failure::of_request(hop, &error)))
        }
        Poll::Pending => limit.as_mut().poll(context).map(Err),
    })
    .await
}

/// A client for one request.
fn client(hop: &Hop, roots: Option<Roots>, connected: Arc<Notify>) -> Result<Client, Failure> {
    let failed = |error| Failure::of_request(hop, &error);
    let mut builder = Client::builder()
        .user_agent(concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")))
        .connector_layer(MapResponseLayer::new(move |connection| {
            connected.notify_one();
            connection
        }))
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        // The limit of curl.
        .http1_max_headers(5_000)
        .tls_backend_preconfigured(tls::client(roots)?)
        .redirect(redirect::Policy::none())
        // The library would look for others in the environment.
        .no_proxy();
    if let Some(proxy) = &hop.proxy {
        let unusable =
            |fault| Failure::Other(format!("{} cannot be used: {fault}", proxy.variable));
        let url = proxy.url.as_ref().map_err(unusable)?;
        builder = builder.proxy(Proxy::all(url.exposed().clone()).map_err(failed)?);
    }
    builder.build().map_err(failed)
}

fn headers(login: Option<Login>) -> HeaderMap {
    // The checksum is that of the file without a further encoding.
    let identity = HeaderValue::from_static("identity");
    let login = login.map(|login| format!("Basic {}", STANDARD.encode(login.join(&b':'))));
    let login = login.and_then(|login| login.try_into().ok());
    [(ACCEPT_ENCODING, Some(identity)), (AUTHORIZATION, login)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// The status code of a response, and its reason phrase.
pub(super) fn status_line(answer: &Response) -> String {
    let status = answer.status();
    match answer.extensions().get::<ReasonPhrase>() {
        Some(words) => format!(
            "{} {}",
            status.as_str(),
            String::from_utf8_lossy(words.as_bytes())
        ),
        None => status.to_string(),
    }
}
