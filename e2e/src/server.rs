//! The HTTP server that builds download from, with a log of what they asked for.
//!
//! It is this small, and not a library, because it must misbehave in ways that libraries prevent:
//! an answer that ends before its announced length.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is sent for a path.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    body: Arc<[u8]>,
    /// How much of the body is sent before the connection closes.
    sent: usize,
    /// The `Authorization` that a request must have.
    authorization: Option<&'static str>,
}

impl Served {
    /// All of it.
    pub(crate) fn whole(body: impl Into<Arc<[u8]>>) -> Self {
        let body = body.into();
        Self {
            sent: body.len(),
            body,
            authorization: None,
        }
    }

    /// The first half, with the length of the whole announced.
    pub(crate) fn cut_off(body: impl Into<Arc<[u8]>>) -> Self {
        let body = body.into();
        Self {
            sent: body.len() / 2,
            body,
            authorization: None,
        }
    }

    /// The same, for those alone who show this `Authorization`.
    pub(crate) fn to(self, authorization: &'static str) -> Self {
        Self {
            authorization: Some(authorization),
            ..self
        }
    }
}

/// A server on a loopback port, which builds reach as they use the host's network. It lives as
/// long as the suite.
#[derive(Debug)]
pub(crate) struct Server {
    scheme: &'static str,
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    served: HashMap<String, Served>,
    requested: Vec<String>,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with("http", Ok)
    }

    /// Starts it on a free port with TLS. Returns it and the certificate that a client must trust,
    /// which no authority of the system has signed.
    pub(crate) fn start_secure() -> Result<(Self, String)> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let config = Arc::new(config);
        let server = Self::start_with("https", move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config))?;
            Ok(StreamOwned::new(connection, stream))
        })?;
        Ok((server, cert.pem()))
    }

    fn start_with<S: Read + Write>(
        scheme: &'static str,
        accept: impl Fn(std::net::TcpStream) -> Result<S> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let accept = Arc::new(accept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, accept) = (Arc::clone(&shared), Arc::clone(&accept));
                // A client that goes away is its own affair: the cases see what it did then.
                thread::spawn(move || answer(accept(stream)?, &state));
            }
        });
        Ok(Self {
            scheme,
            port,
            state,
        })
    }

    /// Serves something from now on, and returns its address.
    pub(crate) fn serve(&self, path: &str, served: Served) -> String {
        self.lock(|state| state.served.insert(format!("/{path}"), served));
        self.address(path)
    }

    /// The address of a path.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/{path}", self.scheme, self.port)
    }

    /// How often a path has been asked for.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let path = format!("/{path}");
        self.lock(|state| {
            state
                .requested
                .iter()
                .filter(|requested| **requested == path)
                .count()
        })
    }

    fn lock<T>(&self, use_state: impl FnOnce(&mut State) -> T) -> T {
        use_state(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An address where nothing listens: its port was free a moment ago.
pub(crate) fn unreachable_address(path: &str) -> Result<String> {
    let port = free_port()?;
    Ok(format!("http://127.0.0.1:{port}/{path}"))
}

/// A port that nothing listens on, and that no other case was given.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if given.insert(port) {
            return Ok(port);
        }
    }
}

fn answer(stream: impl Read + Write, state: &Mutex<State>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    for line in reader.by_ref().lines() {
        match line?.as_str() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let request = head.first().cloned().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let served = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let served = state.served.get(&path).cloned();
        state.requested.push(path);
        served
    };
    let shown = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| value.trim())
    });
    let (status, body) = match &served {
        None => ("404 Not Found", None),
        Some(served)
            if served
                .authorization
                .is_some_and(|needed| shown != Some(needed)) =>
        {
            ("401 Unauthorized", None)
        }
        Some(served) => ("200 OK", Some(served)),
    };
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.map_or(0, |served| served.body.len())
    )?;
    if let Some(Served { body, sent, .. }) = body
        && !request.starts_with("HEAD ")
    {
        stream.write_all(&body[..*sent])?;
    }
    stream.flush()?;
    Ok(())
}
