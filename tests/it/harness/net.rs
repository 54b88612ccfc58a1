//! Clients: `nc`, and HTTP on a Unix socket.

use super::{PATIENCE, wait_for};
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;

/// A port that nobody listens on, and that no other test of this run was given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if GIVEN.lock().unwrap().get_or_insert_default().insert(port) {
            return port;
        }
    }
}

/// A connection to a netcat source.
pub(crate) struct Nc {
    stream: TcpStream,
}

impl Nc {
    /// Connects as soon as somebody listens.
    #[track_caller]
    pub(crate) fn connect(port: u16) -> Self {
        let stream = wait_for("somebody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Nc { stream }
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The next line of the answer without its end; none when the other side closed.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            match self.stream.read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => return Some(String::from_utf8_lossy(&line).into_owned()),
                Ok(_) => line.push(byte[0]),
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => break,
                Err(e) => panic!("no answer: {e}"),
            }
        }
        assert!(line.is_empty(), "half an answer: {}", String::from_utf8_lossy(&line));
        None
    }

    /// Sends one line and gives the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.reply().expect("an answer before the end")
    }

    /// Says that no more will come; answers may. The other side may have closed before.
    pub(crate) fn close_write(&mut self) {
        match self.stream.shutdown(Shutdown::Write) {
            Err(e) if e.kind() != io::ErrorKind::NotConnected => panic!("cannot close: {e}"),
            _ => {}
        }
    }

    /// Everything until the other side closes.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let mut text = Vec::new();
        match self.stream.read_to_end(&mut text) {
            Err(e) if e.kind() != io::ErrorKind::ConnectionReset => panic!("no end: {e}"),
            _ => String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

/// One request to a control socket: the status code and the body.
pub(crate) fn http_over_unix(
    socket: &Path,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: penstock\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(bad)?;
    let code = head.split(' ').nth(1).and_then(|c| c.parse().ok()).ok_or_else(bad)?;
    Ok((code, body.to_string()))
}
