//! One request, on a connection of its own.

use super::failure::Failure;
use super::hop::Hop;
use super::http::Downloader;
use super::tls;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION};
use reqwest::{Client, Proxy, Response, redirect};
use std::sync::Arc;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tower::util::MapResponseLayer;

impl Downloader<'_> {
    /// Connects, sends a request, and waits for the head of the response.
    pub(super) async fn request(&self, hop: &Hop) -> Result<Response, Failure> {
        let policy = &self.network.policy;
        let connected = Arc::new(Notify::new());
        let client = self.client(hop, connected.clone())?;
        let mut request = client.get(hop.url.exposed().clone());
        // The checksum is that of the file without a further encoding.
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Some((login, _)) = self.network.login(&hop.url) {
            let login = STANDARD.encode(login.join(&b':'));
            request = request.header(AUTHORIZATION, format!("Basic {login}"));
        }
        let limit = async {
            if timeout(policy.connect, connected.notified()).await.is_err() {
                return Failure::Timeout("no connection", policy.connect);
            }
            sleep(policy.response_header).await;
            Failure::Timeout("no answer", policy.response_header)
        };
        select! {
            answer = request.send() => answer.map_err(|error| Failure::of_request(hop, &error)),
            failure = limit => Err(failure),
        }
    }

    /// A client for one request.
    fn client(&self, hop: &Hop, connected: Arc<Notify>) -> Result<Client, Failure> {
        let failed = |error| Failure::of_request(hop, &error);
        let roots = hop.trusted.as_ref().map(|_| self.trusted().0.clone());
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
}
