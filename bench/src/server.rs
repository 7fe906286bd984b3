//! A server on loopback with one file, as fast as loopback is.

use anyhow::Result;
use fs_err as fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

/// Answers every request with the file, until the program ends.
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start(file: &Path) -> Result<Self> {
        let contents = fs::read(file)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // Whoever goes away early says so itself.
                let _ = answer(connection, &contents);
            }
        });
        Ok(Self { address })
    }

    /// Its address, without a slash at the end.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(mut connection: TcpStream, contents: &[u8]) -> std::io::Result<()> {
    for line in BufReader::new(&connection).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let length = contents.len();
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    connection.write_all(contents)
}
