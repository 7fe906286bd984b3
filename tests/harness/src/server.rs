//! Servers on loopback that answer as told, broken answers included. They speak HTTP by hand, since
//! a library would repair the intended faults.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// As in the request line: a path, or for a proxy a whole URL.
    pub target: String,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    /// The number of earlier requests.
    pub number: usize,
}

/// The state of the connection after a response.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    /// The server closes it.
    Close,
    /// The connection stays open, and the server sends no more bytes.
    Stall,
    /// The server sends the same bytes again and again.
    Repeat,
}

/// An answer, to the byte.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Everything that is sent.
    pub bytes: Vec<u8>,
    /// The state of the connection after these bytes.
    pub then: Then,
}

impl Reply {
    /// `200 OK` with a body.
    pub fn ok(body: &[u8]) -> Self {
        Self::with_headers("200 OK", &[], body)
    }

    /// A status without a body.
    pub fn status(status: &str) -> Self {
        Self::with_headers(status, &[], b"")
    }

    /// `302 Found`.
    pub fn redirect(to: &str) -> Self {
        Self::with_headers("302 Found", &[("Location", to)], b"")
    }

    /// A status with further headers and a body.
    pub fn with_headers(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
            body.len(),
            headers.concat()
        );
        Self::raw([head.as_bytes(), body].concat())
    }

    /// These bytes, HTTP or not.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            then: Then::Close,
        }
    }

    /// Leaves out the last bytes; the announced length stays.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self
    }

    /// Sets what happens to the connection afterwards.
    #[must_use]
    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

/// A server on a free port of loopback.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Serves http; `answer` is asked for each request.
    pub fn http(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start("http", answer, Ok)
    }

    /// Serves https with a certificate.
    pub fn https(
        config: Arc<rustls::ServerConfig>,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::slow_https(config, Duration::ZERO, answer)
    }

    /// Serves https, and lets each client wait for the handshake.
    pub fn slow_https(
        config: Arc<rustls::ServerConfig>,
        wait: Duration,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start("https", answer, move |stream| {
            thread::sleep(wait);
            let connection =
                rustls::ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
            Ok(rustls::StreamOwned::new(connection, stream))
        })
    }

    /// Answers https requests with these bytes in plain text.
    pub fn plain(answer: &'static [u8]) -> Self {
        Self::start(
            "https",
            |_| Reply::raw(""),
            |mut stream| {
                let _ = stream.read(&mut [0; 4096])?;
                stream.write_all(answer)?;
                Err::<TcpStream, _>(std::io::ErrorKind::Unsupported.into())
            },
        )
    }

    fn start<S: Read + Write>(
        scheme: &'static str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        accept: impl Fn(TcpStream) -> std::io::Result<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let log = requests.clone();
        let serve = Arc::new(move |stream: TcpStream| {
            let socket = stream.try_clone().unwrap();
            let Ok(stream) = accept(stream) else { return };
            let mut reader = BufReader::new(stream);
            let Some(mut request) = read_request(&mut reader) else {
                return;
            };
            {
                let mut log = log.lock().unwrap();
                request.number = log.len();
                log.push(request.clone());
            }
            let _ = send(reader.into_inner(), &socket, &answer(&request));
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        Self {
            address,
            scheme,
            requests,
        }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// An address that refuses connections.
pub fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = reader.lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    Some(Request {
        method,
        target,
        headers,
        number: 0,
    })
}

fn send(mut stream: impl Write, socket: &TcpStream, reply: &Reply) -> std::io::Result<()> {
    stream.write_all(&reply.bytes)?;
    stream.flush()?;
    match reply.then {
        Then::Close => socket.shutdown(Shutdown::Write),
        Then::Stall => {
            // Longer than any limit under test; the thread ends with the test program.
            thread::sleep(Duration::from_mins(10));
            Ok(())
        }
        Then::Repeat => loop {
            stream.write_all(&reply.bytes)?;
        },
    }
}

/// A proxy that connects every tunnel to the same server, for any host.
pub struct Tunnel {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    /// Starts one.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let targets: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = targets.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let log = log.clone();
                thread::spawn(move || {
                    let mut reader = BufReader::new(client);
                    let Some(request) = read_request(&mut reader) else {
                        return;
                    };
                    log.lock().unwrap().push(request.target);
                    let mut client = reader.into_inner();
                    let server = TcpStream::connect(server).unwrap();
                    // As squid and tinyproxy answer.
                    let _ = client.write_all(
                        b"HTTP/1.0 200 Connection established\r\nProxy-agent: test\r\n\r\n",
                    );
                    forward(&client, &server);
                    forward(&server, &client);
                });
            }
        });
        Self { address, targets }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hosts and ports that clients asked for.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

/// Passes connections to an address on to a server.
pub fn relay(listener: TcpListener, server: SocketAddr) {
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = TcpStream::connect(server) {
                forward(&client, &server);
                forward(&server, &client);
            }
        }
    });
}

fn forward(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
