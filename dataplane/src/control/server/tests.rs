//! The server over a real socket with an agent that is not one.

use super::super::messages::{LogLevelRequest, LogLevels, Property, RunningConfig, StopOutcome};
use super::super::{AgentState, Reply, Status};
use super::*;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

#[derive(Default)]
struct FakeAgent {
    stops: AtomicU32,
    stopped: Arc<Notify>,
    is_stuck: bool,
}

impl AgentApi for FakeAgent {
    fn status(&self) -> Reply<Status> {
        if self.is_stuck {
            return Box::pin(std::future::pending());
        }
        Box::pin(async {
            Status { agent: "a1".to_owned(), state: AgentState::Running, uptime_ms: 5, ..Status::default() }
        })
    }

    fn config(&self) -> RunningConfig {
        let property =
            Property { key: "a1.sources".into(), value: "r1".into(), line: 3, ..Property::default() };
        RunningConfig { agent: "a1".to_owned(), properties: vec![property], ..RunningConfig::default() }
    }

    fn stop(&self, now: bool) -> Reply<StopOutcome> {
        self.stops.fetch_add(1, Ordering::SeqCst);
        let stopped = self.stopped.clone();
        Box::pin(async move {
            stopped.notified().await;
            StopOutcome { lost_events: if now { 7 } else { 0 }, ..StopOutcome::default() }
        })
    }

    fn log_levels(&self) -> LogLevels {
        LogLevels { root: "INFO".to_owned(), ..LogLevels::default() }
    }

    fn set_log_level(&self, wish: LogLevelRequest) -> Result<LogLevels, String> {
        match wish.level.as_str() {
            "DEBUG" => Ok(LogLevels { root: wish.level, ..LogLevels::default() }),
            other => Err(format!("{other:?} is not a level")),
        }
    }
}

struct Bench {
    server: Server,
    agent: Arc<FakeAgent>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(agent: FakeAgent) -> Bench {
        Self::with(agent, Patience::default())
    }

    fn with(agent: FakeAgent, patience: Patience) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let agent = Arc::new(agent);
        let socket = ControlSocket::bind("a1", Some(&folder.path().join("a1.sock"))).unwrap();
        let catalogue =
            vec![ComponentInfo::new(super::super::Role::Channel, &crate::channel::memory::KIND.info)];
        let server = Server::start_with(socket, agent.clone(), catalogue, patience).unwrap();
        Bench { server, agent, folder }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.server.path()).await.unwrap()
    }

    /// Sends raw bytes and reads until the server closes.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read_all(stream).await
    }

    /// Code and body of one request.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: a1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        parse(&self.raw(request.as_bytes()).await)
    }
}

async fn read_all(mut stream: UnixStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes in time").ok();
    String::from_utf8(answer).unwrap()
}

fn parse(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn every_route_answers() {
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let (code, status) = bench.ask("GET", "/status", "").await;
        assert_eq!((code, &status["agent"], &status["state"]), (200, &"a1".into(), &"running".into()));
        let (code, version) = bench.ask("GET", "/version", "").await;
        assert_eq!((code, version["pid"].as_u64()), (200, Some(std::process::id().into())));
        assert_eq!(version["agent"], "a1");
        let (_, config) = bench.ask("GET", "/config", "").await;
        assert_eq!(config["properties"][0]["line"], 3);
        let (_, all) = bench.ask("GET", "/components", "").await;
        assert_eq!(all[0]["kind"], "channel");
        let (code, one) = bench.ask("GET", "/components?name=MEMORY", "").await;
        assert_eq!((code, &one[0]["settings"][0]["key"]), (200, &"capacity".into()));
        let (_, levels) = bench.ask("GET", "/log-level", "").await;
        assert_eq!(levels["root"], "INFO");
        let (code, levels) = bench.ask("POST", "/log-level", r#"{"level":"DEBUG"}"#).await;
        assert_eq!((code, &levels["root"]), (200, &"DEBUG".into()));
    });
}

#[test]
fn errors_are_sentences() {
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let large = " ".repeat(65 * 1024);
        for (method, path, body, code, part) in [
            ("GET", "/nothing", "", 404, "there is no /nothing"),
            ("GET", "/stop", "", 405, "/stop does not take GET"),
            ("GET", "/components?name=kafak", "", 404, "kafak"),
            ("POST", "/log-level", r#"{"level":"LOUD"}"#, 400, "\"LOUD\" is not a level"),
            ("POST", "/log-level", "nonsense", 400, "not what it should be"),
            ("POST", "/stop", r#"{"now":5}"#, 400, "not what it should be"),
            ("POST", "/stop", &large, 413, "at most 65536 bytes"),
        ] {
            let (found, answer) = bench.ask(method, path, body).await;
            assert_eq!(found, code, "{method} {path}");
            let text = answer["error"].as_str().unwrap();
            assert!(text.contains(part), "{method} {path}: {text}");
        }
        assert_eq!(bench.agent.stops.load(Ordering::SeqCst), 0, "nothing malformed stops the agent");
    });
}

#[test]
fn garbage_is_answered_and_forgotten() {
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let noise: Vec<u8> = (0..1_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let answer = bench.raw(&noise).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
        let endless = format!("GET /status HTTP/1.1\r\nX: {}\r\n", "x".repeat(80_000));
        let mut stream = bench.connect().await;
        drop(stream.write_all(endless.as_bytes()).await);
        let answer = read_all(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert_eq!(bench.ask("GET", "/version", "").await.0, 200);
    });
}

#[test]
fn half_open_clients_keep_nobody_out() {
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let mut idle = Vec::new();
        for _ in 0..3 * MOST_CONNECTIONS {
            let mut stream = bench.connect().await;
            stream.write_all(b"GET /status HT").await.unwrap();
            idle.push(stream);
        }
        assert_eq!(bench.ask("GET", "/version", "").await.0, 200);
        let first = idle.remove(0);
        assert_eq!(read_all(first).await, "", "the oldest was closed");
    });
}

#[test]
fn an_agent_that_does_not_answer_is_said_so() {
    run(async {
        let patience = Patience { status: Duration::from_millis(20), ..Patience::default() };
        let bench = Bench::with(FakeAgent { is_stuck: true, ..FakeAgent::default() }, patience);
        let (code, answer) = bench.ask("GET", "/status", "").await;
        assert_eq!(code, 504);
        assert!(answer["error"].as_str().unwrap().contains("within 20ms"), "{answer}");
    });
}

#[test]
fn a_client_that_stops_in_the_middle_is_let_go() {
    run(async {
        let short = Duration::from_millis(20);
        let bench =
            Bench::with(FakeAgent::default(), Patience { head: short, body: short, ..Patience::default() });
        let head = bench.raw(b"GET /status HTTP/1.1\r\nHo").await;
        assert!(head.is_empty() || head.starts_with("HTTP/1.1 408"), "{head}");
        let body = bench.raw(b"POST /stop HTTP/1.1\r\nHost: a1\r\nContent-Length: 9\r\n\r\n{").await;
        let (code, answer) = parse(&body);
        assert_eq!((code, bench.agent.stops.load(Ordering::SeqCst)), (408, 0), "{answer}");
        let kept = bench.raw(b"GET /version HTTP/1.1\r\nHost: a1\r\n\r\n").await;
        assert_eq!(parse(&kept).0, 200, "an idle connection is closed after its answer");
    });
}

#[test]
fn the_stop_is_answered_before_the_socket_goes() {
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let mut stream = bench.connect().await;
        let body = r#"{"now":true}"#;
        let request =
            format!("POST /stop HTTP/1.1\r\nHost: a1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        while bench.agent.stops.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let Bench { server, agent, folder } = bench;
        let silent = UnixStream::connect(server.path()).await.unwrap();
        agent.stopped.notify_one();
        server.close().await;
        let (code, outcome) = parse(&read_all(stream).await);
        assert_eq!((code, outcome["lost_events"].as_u64()), (200, Some(7)));
        assert_eq!(read_all(silent).await, "");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "socket and lock are gone");
    });
}

#[test]
fn only_the_same_user_and_root_are_admitted() {
    assert!(admits(1000, 1000) && admits(0, 1000) && admits(0, 0));
    assert!(!admits(1001, 1000) && !admits(1000, 0) && !admits(u32::MAX, 0));
    run(async {
        let bench = Bench::new(FakeAgent::default());
        let stream = bench.connect().await;
        let own = rustix::process::geteuid().as_raw();
        assert!(is_welcome(&stream, own));
        if own != 0 {
            assert!(!is_welcome(&stream, own + 1));
        }
    });
}
