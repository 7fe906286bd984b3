//! The HTTP server that builds download from, with a log of what they asked for.
//!
//! It is this small, and not a library, because it must misbehave in ways that libraries prevent:
//! an answer that ends before its announced length.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// What is sent for a path.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    body: Arc<[u8]>,
    /// How much of the body is sent before the connection closes.
    sent: usize,
}

impl Served {
    /// All of it.
    pub(crate) fn whole(body: impl Into<Arc<[u8]>>) -> Self {
        let body = body.into();
        Self {
            sent: body.len(),
            body,
        }
    }

    /// The first half, with the length of the whole announced.
    pub(crate) fn cut_off(body: impl Into<Arc<[u8]>>) -> Self {
        let body = body.into();
        Self {
            sent: body.len() / 2,
            body,
        }
    }
}

/// A server on a loopback port, which builds reach as they use the host's network. It lives as
/// long as the suite.
#[derive(Debug)]
pub(crate) struct Server {
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
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is its own affair: the cases see what it did then.
                thread::spawn(move || answer(&stream, &state));
            }
        });
        Ok(Self { port, state })
    }

    /// Serves something from now on, and returns its address.
    pub(crate) fn serve(&self, path: &str, served: Served) -> String {
        self.lock(|state| state.served.insert(format!("/{path}"), served));
        format!("http://127.0.0.1:{}/{path}", self.port)
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

/// A port that nothing listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn answer(mut stream: &TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut head = BufReader::new(stream).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    for line in head {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let served = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let served = state.served.get(&path).cloned();
        state.requested.push(path);
        served
    };
    match served {
        Some(Served { body, sent }) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )?;
            if !request.starts_with("HEAD ") {
                stream.write_all(&body[..sent])?;
            }
        }
        None => stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        )?,
    }
    Ok(())
}
