//! Where a configuration comes from: files, and URIs with scheme file, classpath or http.

use super::command_line::AgentArgs;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Largest configuration accepted: a thousand times the largest of the real ones we know.
const LARGEST_BYTES: u64 = 64 << 20;

/// As Flume's.
const HTTP_TIMEOUT: Duration = Duration::from_secs(60);

/// One place that holds configuration text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file; `shown` is what the user wrote.
    File {
        /// Where.
        path: PathBuf,
        /// As the user wrote it.
        shown: String,
    },
    /// A document behind plain HTTP.
    Http {
        /// `host:port`.
        authority: String,
        /// Path and query.
        path: String,
        /// Value of the Authorization header.
        authorization: Option<String>,
        /// As the user wrote it.
        shown: String,
    },
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum OriginError {
    /// Neither -f nor -u nor anything else.
    #[error("no configuration was given: use -f FILE")]
    None,
    /// A way that is not supported.
    #[error("{option}: {why}")]
    Unsupported {
        /// The option.
        option: String,
        /// Why, and what to do instead.
        why: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read the configuration {shown}: {why}")]
    Unreadable {
        /// As the user wrote it.
        shown: String,
        /// What happened.
        why: String,
    },
}

/// Which origins the command line names.
pub(super) fn origins(args: &AgentArgs) -> Result<Vec<Origin>, OriginError> {
    let refuse = |option: &str, why| Err(OriginError::Unsupported { option: option.to_owned(), why });
    if args.conf_provider.is_some() {
        return refuse("--conf-provider", "a Java class cannot be loaded here; use -f FILE");
    }
    if args.auth_provider.is_some() {
        return refuse(
            "--auth-provider",
            "a Java class cannot be loaded here; use --conf-user and --conf-password",
        );
    }
    if args.zk.is_some() || args.zk_base.is_some() {
        return refuse(
            "-z/-p",
            "configuration from ZooKeeper is not there yet; write the node's text to a file and use -f FILE",
        );
    }
    if !args.conf_uri.is_empty() {
        return args.conf_uri.iter().map(|u| uri(u, args)).collect();
    }
    if args.conf_file.is_empty() {
        return Err(OriginError::None);
    }
    Ok(args
        .conf_file
        .iter()
        .map(|path| Origin::File { path: path.clone(), shown: path.display().to_string() })
        .collect())
}

fn uri(text: &str, args: &AgentArgs) -> Result<Origin, OriginError> {
    let refuse = |why| Err(OriginError::Unsupported { option: format!("--conf-uri {text}"), why });
    let (scheme, rest) = text.split_once(':').unwrap_or(("file", text));
    match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            Ok(Origin::File { path: PathBuf::from(path), shown: text.to_owned() })
        }
        "classpath" => match &args.conf_dir {
            Some(dir) => {
                Ok(Origin::File { path: dir.join(rest.trim_start_matches('/')), shown: text.to_owned() })
            }
            None => refuse("a classpath URI is looked up in the folder of --conf, which is missing"),
        },
        "http" => {
            let rest = rest.trim_start_matches('/');
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let authority =
                if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
            let authorization = args.conf_user.as_ref().map(|user| {
                let password = args.conf_password.as_deref().unwrap_or_default();
                format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
            });
            Ok(Origin::Http { authority, path: format!("/{path}"), authorization, shown: text.to_owned() })
        }
        "https" => refuse("https comes with TLS in a later release; fetch it to a file and use -f FILE"),
        _ => refuse("the scheme must be file, classpath or http"),
    }
}

impl Origin {
    /// As the user wrote it.
    pub(super) fn shown(&self) -> &str {
        match self {
            Origin::File { shown, .. } | Origin::Http { shown, .. } => shown,
        }
    }

    /// True when Flume would refuse it by its name: everything after the first dot is json, yaml or xml.
    pub(super) fn has_refused_extension(&self) -> bool {
        let path = match self {
            Origin::File { path, .. } => path.to_string_lossy().into_owned(),
            Origin::Http { path, .. } => path.clone(),
        };
        path.split_once('.').is_some_and(|(_, ext)| ["json", "yaml", "xml"].contains(&ext))
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When it cannot be had within a minute, or is larger than 64 MiB.
    pub(super) async fn read(&self) -> Result<Vec<u8>, OriginError> {
        let bytes = match self {
            Origin::File { path, .. } => read_file(path),
            Origin::Http { authority, path, authorization, .. } => {
                match tokio::time::timeout(HTTP_TIMEOUT, get(authority, path, authorization.as_deref())).await
                {
                    Ok(answer) => answer,
                    Err(_) => Err(format!("no answer within {} s", HTTP_TIMEOUT.as_secs())),
                }
            }
        };
        bytes.map_err(|why| OriginError::Unreadable { shown: self.shown().to_owned(), why })
    }

    /// When the file was last modified; `None` for what is not a file, or is not there.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        match self {
            Origin::File { path, .. } => std::fs::metadata(path).ok()?.modified().ok(),
            Origin::Http { .. } => None,
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if meta.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if meta.len() > LARGEST_BYTES {
        return Err(format!("{} bytes are more than {LARGEST_BYTES}", meta.len()));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

async fn get(authority: &str, path: &str, authorization: Option<&str>) -> Result<Vec<u8>, String> {
    let stream = tokio::net::TcpStream::connect(authority).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let driver = tokio::spawn(connection);
    let mut request = hyper::Request::get(path).header("host", authority);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|e| e.to_string())?;
    let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
    let status = answer.status();
    if !status.is_success() {
        driver.abort();
        return Err(format!("the server answered {status}"));
    }
    let body = Limited::new(answer.into_body(), LARGEST_BYTES as usize)
        .collect()
        .await
        .map_err(|e| e.to_string())?;
    driver.abort();
    Ok(body.to_bytes().to_vec())
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::command_line::{Command, CommandLine};
    use super::*;
    use clap::Parser;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn args(text: &str) -> AgentArgs {
        let words = format!("penstock agent {text}");
        let Command::Agent(args) = CommandLine::try_parse_from(words.split_whitespace()).unwrap().command
        else {
            panic!("agent")
        };
        *args
    }

    #[test]
    fn uris_become_files_and_addresses() {
        let found =
            origins(&args("-u file:///etc/a.conf -u classpath:b.conf -c conf -u http://h/x?y")).unwrap();
        let paths: Vec<_> = found.iter().map(|o| format!("{o:?}")).collect();
        assert!(paths[0].contains("\"/etc/a.conf\"") && paths[1].contains("\"conf/b.conf\""), "{paths:?}");
        assert!(paths[2].contains("h:80") && paths[2].contains("/x?y"), "{paths:?}");
    }

    #[test]
    fn what_needs_a_jvm_or_is_not_there_is_refused_with_a_way_out() {
        for (text, word) in [
            ("-z h:2181", "ZooKeeper"),
            ("--conf-provider x.Y", "Java class"),
            ("-u https://h/x", "https"),
            ("-u ftp://h/x", "scheme"),
            ("-u classpath:x", "--conf"),
            ("", "-f FILE"),
        ] {
            let sentence = origins(&args(text)).unwrap_err().to_string();
            assert!(sentence.contains(word), "{text}: {sentence}");
        }
    }

    #[test]
    fn only_the_text_after_the_first_dot_is_an_extension() {
        for (name, refused) in [("a.json", true), ("a.b.json", false), ("./a.json", false), ("a.conf", false)]
        {
            let origin = Origin::File { path: name.into(), shown: name.into() };
            assert_eq!(origin.has_refused_extension(), refused, "{name}");
        }
    }

    #[test]
    fn base64_as_in_the_standard() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[tokio::test]
    async fn a_document_is_read_over_http_with_its_password() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serve = tokio::spawn(async move {
            let (mut peer, _) = server.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let n = peer.read(&mut request).await.unwrap();
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na1.x=y\r\n\n").await.unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        let args = args(&format!("-u http://{address}/flume.conf --conf-user me --conf-password pw"));
        let bytes = origins(&args).unwrap()[0].read().await.unwrap();
        assert_eq!(bytes, b"a1.x=y\r\n\n");
        let request = serve.await.unwrap();
        assert!(request.contains("GET /flume.conf") && request.contains("Basic bWU6cHc="), "{request}");
    }

    #[tokio::test]
    async fn a_missing_file_is_named_as_the_user_wrote_it() {
        let origin = Origin::File { path: "/nowhere/x.conf".into(), shown: "x.conf".into() };
        let sentence = origin.read().await.unwrap_err().to_string();
        assert!(sentence.starts_with("cannot read the configuration x.conf: No such file"), "{sentence}");
    }
}
