//! A connection for one request: to the server, or to a proxy and through it.

use super::failure::Failure;
use super::http::Hop;
use super::login::Login;
use crate::safe_url::SafeUrl;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// A request without a body.
pub(super) type Get = Request<Empty<Bytes>>;

/// Bytes in both directions: TCP, TLS, TLS in a tunnel.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is ready for a request.
pub(super) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// Whom it leads to.
    server: SafeUrl,
}

impl Connection {
    /// Connects for a request. `tls` is there if the server or the proxy needs it.
    pub(super) async fn open(hop: &Hop, tls: Option<Arc<ClientConfig>>) -> Result<Self, Failure> {
        let target = &hop.url;
        let proxy = match &hop.proxy {
            Some(proxy) => Some(proxy.url.as_ref().map_err(|fault| {
                Failure::Proxy(format!("{} cannot be used: {fault}", proxy.variable))
            })?),
            None => None,
        };
        let first = proxy.unwrap_or(target);
        let mut stream = tcp(first).await?;
        if let (true, Some(tls)) = (first.is_https(), &tls) {
            stream = encrypted(stream, first, tls).await?;
        }
        if let (Some(proxy), true, Some(tls)) = (proxy, target.is_https(), &tls) {
            stream = encrypted(tunnel(stream, proxy, target).await?, target, tls).await?;
        }
        Self::over(stream, target).await
    }

    async fn over(stream: Box<dyn Stream>, server: &SafeUrl) -> Result<Self, Failure> {
        let (sender, connection) = Builder::new()
            // As many as curl takes from a server that adds one for each hop of its own.
            .max_headers(1_000)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::of_connection(server, &error))?;
        // It ends with the sender, or with the tunnel.
        tokio::spawn(connection.with_upgrades());
        Ok(Self {
            sender,
            server: server.clone(),
        })
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn send(&mut self, request: Get) -> Result<Response<Incoming>, Failure> {
        let response = self.sender.send_request(request).await;
        response.map_err(|error| Failure::of_connection(&self.server, &error))
    }
}

/// Host and port of a URL, as `CONNECT` takes them.
fn authority(url: &SafeUrl) -> String {
    format!("{}:{}", url.host(), url.port())
}

async fn tcp(server: &SafeUrl) -> Result<Box<dyn Stream>, Failure> {
    let uri: Uri = format!("http://{}", authority(server))
        .parse()
        .map_err(|error| Failure::of_connection(server, &error))?;
    let connected = HttpConnector::new().call(uri).await;
    let stream = connected.map_err(|error| Failure::of_connection(server, &error))?;
    Ok(Box::new(stream.into_inner()))
}

async fn encrypted(
    stream: Box<dyn Stream>,
    server: &SafeUrl,
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, Failure> {
    let host = server.host().trim_matches(['[', ']']).to_owned();
    let name =
        ServerName::try_from(host).map_err(|error| Failure::of_connection(server, &error))?;
    let encrypted = TlsConnector::from(tls.clone()).connect(name, stream).await;
    let stream = encrypted.map_err(|error| Failure::of_connection(server, &error))?;
    Ok(Box::new(stream))
}

/// A tunnel through a proxy to the server (RFC 9110, section 9.3.6).
async fn tunnel(
    stream: Box<dyn Stream>,
    proxy: &SafeUrl,
    target: &SafeUrl,
) -> Result<Box<dyn Stream>, Failure> {
    let mut request = Request::connect(authority(target)).header(HOST, authority(target));
    if let Some(login) = Login::of_url(proxy).and_then(|login| login.header()) {
        request = request.header(PROXY_AUTHORIZATION, login);
    }
    let request = request.body(Empty::new());
    let request = request.map_err(|error| Failure::of_connection(proxy, &error))?;
    let response = Connection::over(stream, proxy).await?.send(request).await?;
    if !response.status().is_success() {
        return Err(Failure::of_answer(&response, true));
    }
    let upgraded = hyper::upgrade::on(response).await;
    let stream = upgraded.map_err(|error| Failure::of_connection(proxy, &error))?;
    Ok(Box::new(TokioIo::new(stream)))
}
