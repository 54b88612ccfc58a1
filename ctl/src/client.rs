//! One agent's control socket from the outside. Every call has a time limit: `ctl` never hangs.

use crate::failure::{Failure, code};
use dataplane::control::ErrorBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long an agent may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of an agent is larger; what claims to be is not one.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// Where to ask.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    /// Nobody listens: the file is missing or stale, or not for us.
    Connect(io::Error),
    /// It listens and does not answer in time.
    TimedOut(Duration),
    /// The connection ended before the answer.
    Gone(String),
    /// It answered with an error.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        body: ErrorBody,
    },
    /// It answered something else.
    Nonsense(String),
}

impl Client {
    /// Asks at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Client { path: path.to_path_buf() }
    }

    /// Where it asks.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The process that listens, as this process sees it.
    pub(crate) async fn pid(&self) -> Option<i32> {
        let stream = UnixStream::connect(&self.path).await.ok()?;
        stream.peer_cred().ok()?.pid().filter(|pid| *pid > 0)
    }

    /// Asks for `what`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, AskError> {
        self.ask(Method::GET, what, Bytes::new(), PATIENCE).await
    }

    /// Sends `body` to `what`.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        body: &impl serde::Serialize,
        patience: Duration,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(body).map_err(|e| AskError::Nonsense(e.to_string()))?;
        self.ask(Method::POST, what, body.into(), patience).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        body: Bytes,
        patience: Duration,
    ) -> Result<T, AskError> {
        let exchange = async {
            let stream = UnixStream::connect(&self.path).await.map_err(AskError::Connect)?;
            exchange(stream, method, what, body).await
        };
        let (status, bytes) =
            tokio::time::timeout(patience, exchange).await.map_err(|_| AskError::TimedOut(patience))??;
        if !(200..300).contains(&status) {
            let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| ErrorBody {
                error: format!("it answered {status}"),
                help: String::new(),
            });
            return Err(AskError::Refused { status, body });
        }
        serde_json::from_slice(&bytes).map_err(|error| AskError::Nonsense(error.to_string()))
    }
}

async fn exchange(
    stream: UnixStream,
    method: Method,
    what: &str,
    body: Bytes,
) -> Result<(u16, Bytes), AskError> {
    let gone = |error: hyper::Error| AskError::Gone(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
    let request = Request::builder()
        .method(method)
        .uri(what)
        .header("host", "agent")
        .body(Full::new(body))
        .map_err(|error| AskError::Nonsense(error.to_string()))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(gone)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MOST_ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(|error| AskError::Gone(error.to_string()))?.to_bytes()))
    };
    // The connection moves the bytes; its own end is no answer.
    tokio::pin!(answer, connection);
    let mut is_connected = true;
    loop {
        tokio::select! {
            answer = answer.as_mut() => return answer,
            ended = connection.as_mut(), if is_connected => {
                is_connected = false;
                drop(ended);
            }
        }
    }
}

impl AskError {
    /// True when nobody is there, or nobody any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, AskError::Connect(_) | AskError::Gone(_))
    }

    /// What to tell the user about the agent `name`.
    pub(crate) fn explain(&self, name: &str, path: &Path) -> Failure {
        let at = path.display();
        match self {
            AskError::Connect(error) => not_reached(name, path, error),
            AskError::TimedOut(patience) => Failure::new(
                code::AGENT_FAILED,
                format!("{name} did not answer within {} s ({at})", patience.as_secs()),
            )
            .help("its housekeeping thread is stopped or starved: look at its log and at top"),
            AskError::Gone(why) => Failure::new(
                code::AGENT_FAILED,
                format!("{name} ended the connection without an answer: {why} ({at})"),
            )
            .help(
                "it was stopping, it died, or you are neither its user nor root: see ctl agents, and its log",
            ),
            AskError::Refused { status, body } => {
                // 400: it understood, and the words were wrong; so they would be on its own command line.
                let code = if *status == 400 { code::NOT_OK } else { code::AGENT_FAILED };
                Failure::new(code, format!("{name}: {}", body.error)).help(body.help.clone())
            }
            AskError::Nonsense(why) => Failure::new(
                code::AGENT_FAILED,
                format!("{name} answered something that ctl cannot read: {why} ({at})"),
            )
            .help("are ctl and the agent of the same version? See ctl agents"),
        }
    }
}

fn not_reached(name: &str, path: &Path, error: &io::Error) -> Failure {
    let at = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::new(code::NO_AGENT, format!("{name} is not running: there is no socket {at}"))
                .help("start it: penstock agent -n NAME -f FILE")
        }
        io::ErrorKind::ConnectionRefused => Failure::new(
            code::NO_AGENT,
            format!("{name} is not running: nobody listens on {at}, which an agent that died left behind"),
        )
        .help("start it again: it replaces the socket"),
        io::ErrorKind::PermissionDenied => Failure::new(
            code::NO_AGENT,
            format!("{at} belongs to another user: only that user and root may ask it"),
        )
        .help("try with sudo, or as the agent's user"),
        _ => Failure::new(code::NO_AGENT, format!("cannot connect to {at}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    /// What `GET /x` brings when the other side reads a little, answers `answer` and, if it `holds`, keeps the connection.
    fn ask(answer: Vec<u8>, holds: bool) -> AskError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 16];
            drop(stream.read(&mut head));
            drop(stream.write_all(&answer));
            if holds {
                // Until the client gives up.
                drop(stream.read_to_end(&mut Vec::new()));
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let patience = Duration::from_millis(if holds { 50 } else { 5_000 });
        let client = Client::new(&path);
        let asked = client.ask::<Value>(Method::GET, "/x", Bytes::new(), patience);
        let error = runtime.block_on(asked).unwrap_err();
        drop(runtime);
        server.join().unwrap();
        error
    }

    #[test]
    fn whoever_is_there_instead_of_an_agent_cannot_hold_it() {
        let exit = |error: &AskError| error.explain("a1", Path::new("/x")).code;
        let mute = ask(Vec::new(), true);
        assert!(matches!(mute, AskError::TimedOut(_)), "{mute:?}");
        assert_eq!(exit(&mute), code::AGENT_FAILED);
        let half = ask(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec(), true);
        assert!(matches!(half, AskError::TimedOut(_)), "{half:?}");
        let gone = ask(Vec::new(), false);
        assert!(matches!(gone, AskError::Gone(_)), "{gone:?}");
        let noise = ask((0..1_000u32).map(|n| (n * 7 % 256) as u8).collect(), false);
        assert!(matches!(noise, AskError::Gone(_)), "{noise:?}");
        let other = ask(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_vec(), false);
        assert!(matches!(other, AskError::Nonsense(_)), "{other:?}");
        let length = MOST_ANSWER_BYTES + 1;
        let huge = ask(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes(), false);
        assert!(matches!(huge, AskError::Gone(_)), "{huge:?}");
    }

    #[test]
    fn an_error_of_the_agent_is_passed_on() {
        let body = r#"{"error":"\"LOUD\" is not a level","help":"use INFO"}"#;
        let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", body.len());
        let failure = ask(format!("{head}{body}").into_bytes(), false).explain("a1", Path::new("/x"));
        assert_eq!((failure.code, failure.help.as_str()), (code::NOT_OK, "use INFO"));
        assert_eq!(failure.message, "a1: \"LOUD\" is not a level");
    }

    #[test]
    fn nobody_there_is_no_agent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ask =
            || runtime.block_on(Client::new(&path).get::<Value>("/x")).unwrap_err().explain("a1", &path);
        assert_eq!(ask().code, code::NO_AGENT);
        assert!(ask().message.contains("there is no socket"));
        drop(UnixListener::bind(&path).unwrap());
        assert!(ask().message.contains("an agent that died left behind"), "{}", ask());
    }
}
