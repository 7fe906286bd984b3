//! The demo's app: a web server that answers with the content that greeting.txt had at its start.
//! It is unaware of live reload, and needs only the standard library.

use std::io::{Read, Write};
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let greeting = std::fs::read_to_string("greeting.txt")?;
    let port = std::env::var("PORT").map_err(std::io::Error::other)?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let process = std::process::id();
    println!("server: process {process} says {:?}", greeting.trim());
    for connection in listener.incoming() {
        let mut connection = connection?;
        // The question does not matter, there is one answer; but it has to be read.
        let _ = connection.read(&mut [0; 4096])?;
        let answer = format!("{} (process {process})\n", greeting.trim());
        write!(
            connection,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        )?;
    }
    Ok(())
}
