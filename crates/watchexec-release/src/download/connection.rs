//! One request, on its own connection to the server or through a proxy.

use super::failure::Failure;
use super::hop::Hop;
use super::network::Policy;
use crate::safe_url::SafeUrl;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::ext::ReasonPhrase;
use hyper::header::{self, HeaderName};
use hyper::http::request;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Position;

/// A user name and a password.
pub(super) type Login = [Vec<u8>; 2];
/// Makes the TLS configuration, if it is needed.
type Tls<'a> = dyn Fn() -> Result<Arc<ClientConfig>, Failure> + 'a;
type Sender = SendRequest<Empty<Bytes>>;
/// TCP, TLS, or TLS in a tunnel.
type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Connects, sends a request, and waits for the head of the response.
pub(super) async fn request(
    hop: &Hop,
    login: Option<Login>,
    tls: &Tls<'_>,
    policy: &Policy,
) -> Result<Response<Incoming>, Failure> {
    let limited = |step, limit| move |_| Failure::Timeout(step, limit);
    let request = get(hop, login).map_err(failure(&hop.url))?;
    let mut sender = timeout(policy.connect, connect(hop, tls))
        .await
        .map_err(limited("no connection", policy.connect))??;
    timeout(policy.response_header, sender.send_request(request))
        .await
        .map_err(limited("no answer", policy.response_header))?
        .map_err(failure(&hop.url))
}

fn failure<E: Error + 'static>(server: &SafeUrl) -> impl FnOnce(E) -> Failure {
    |error| Failure::of_connection(server, &error)
}

async fn connect(hop: &Hop, tls: &Tls<'_>) -> Result<Sender, Failure> {
    let target = &hop.url;
    let proxy = hop.proxy.as_ref().map(|proxy| {
        let unusable = |fault| format!("{} cannot be used: {fault}", proxy.variable);
        proxy.url.as_ref().map_err(unusable)
    });
    let proxy = proxy.transpose().map_err(Failure::Other)?;
    let first = proxy.unwrap_or(target);
    let uri = format!("http://{}", authority(first)).parse::<Uri>();
    let tcp = HttpConnector::new()
        .call(uri.map_err(failure(first))?)
        .await;
    let mut stream: Stream = Box::new(tcp.map_err(failure(first))?.into_inner());
    if first.is_https() {
        stream = encrypted(stream, first, tls()?).await?;
    }
    if let Some(proxy) = proxy.filter(|_| target.is_https()) {
        stream = encrypted(tunnel(stream, proxy, target).await?, target, tls()?).await?;
    }
    http(stream, target).await
}

async fn http(stream: Stream, server: &SafeUrl) -> Result<Sender, Failure> {
    let (sender, connection) = Builder::new()
        // The limit of curl.
        .max_headers(5_000)
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failure(server))?;
    // The task ends with the response, or with the tunnel.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

async fn encrypted(
    stream: Stream,
    server: &SafeUrl,
    tls: Arc<ClientConfig>,
) -> Result<Stream, Failure> {
    let host = server.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(failure(server))?;
    let encrypted = TlsConnector::from(tls).connect(name, stream).await;
    Ok(Box::new(encrypted.map_err(failure(server))?))
}

/// A tunnel through a proxy to the server (RFC 9110, section 9.3.6).
async fn tunnel(stream: Stream, proxy: &SafeUrl, target: &SafeUrl) -> Result<Stream, Failure> {
    let request = Request::connect(authority(target)).header(header::HOST, authority(target));
    let request = with_login(request, header::PROXY_AUTHORIZATION, proxy.login());
    let request = request.body(Empty::new()).map_err(failure(proxy))?;
    let answer = http(stream, proxy).await?.send_request(request).await;
    let answer = answer.map_err(failure(proxy))?;
    if !answer.status().is_success() {
        return Err(Failure::ProxyStatus(answer.status(), status_line(&answer)));
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(failure(proxy))?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

/// The status code of a response, and its reason phrase.
pub(super) fn status_line(answer: &Response<Incoming>) -> String {
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

/// Host and port of a URL, as `CONNECT` takes them.
fn authority(url: &SafeUrl) -> String {
    format!("{}:{}", url.host(), url.port())
}

/// Builds the request. Without a tunnel, a proxy is sent the whole URL.
fn get(hop: &Hop, login: Option<Login>) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let url = hop.url.exposed();
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let proxy = hop.proxy.as_ref().filter(|_| !hop.url.is_https());
    let target = proxy.map_or_else(|| path.to_owned(), |_| format!("http://{host}{path}"));
    let agent = concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION"));
    let request = Request::get(target)
        .header(header::HOST, host)
        .header(header::USER_AGENT, agent)
        .header(header::ACCEPT, "*/*")
        // The checksum is that of the file without a further encoding.
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    let proxy = proxy.and_then(|proxy| proxy.url.as_ref().ok()?.login());
    let request = with_login(request, header::PROXY_AUTHORIZATION, proxy);
    with_login(request, header::AUTHORIZATION, login).body(Empty::new())
}

/// Adds a login (RFC 7617).
fn with_login(to: request::Builder, name: HeaderName, login: Option<Login>) -> request::Builder {
    match login.map(|login| STANDARD.encode(login.join(&b':'))) {
        Some(login) => to.header(name, format!("Basic {login}")),
        None => to,
    }
}
