//! A running agent, seen from outside.

use super::scene::{Scene, penstock};
use super::{PATIENCE, http_over_unix, wait_for};
use dataplane::control::{ChannelStatus, SinkStatus, SourceStatus, Status};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A command line of an agent.
pub(crate) struct Launch {
    command: Command,
    control: PathBuf,
    console: Stdio,
}

impl Launch {
    /// `penstock agent -n NAME --control …`, with its log on the console.
    pub(crate) fn new(scene: &Scene, name: &str) -> Self {
        let control = scene.path(&format!("{name}.sock"));
        let mut command = scene.command(&penstock());
        command.args(["agent", "-n", name, "--control"]).arg(&control);
        Launch { command, control, console: Stdio::piped() }
    }

    /// The same without `--control`: the socket lies where `ctl -n NAME` looks for it.
    pub(crate) fn by_name(scene: &Scene, name: &str) -> Self {
        let mut command = scene.command(&penstock());
        command.args(["agent", "-n", name]);
        Launch { command, control: scene.path(&format!("run/penstock/{name}.sock")), console: Stdio::piped() }
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets its console be this file; the log cannot be waited for then.
    pub(crate) fn stderr(mut self, file: File) -> Self {
        self.console = Stdio::from(file);
        self
    }

    /// Starts it and follows its log.
    pub(crate) fn spawn(mut self) -> Agent {
        let mut child = self.command.stdout(Stdio::null()).stderr(self.console).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = child.stderr.take().map(BufReader::new);
        let kept = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in log.into_iter().flat_map(|log| log.split(b'\n')).map_while(Result::ok) {
                kept.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Agent { child, lines, reader: Some(reader), control: self.control }
    }

    /// Starts it, expecting that it ends by itself.
    pub(crate) fn run(self) -> Ended {
        let agent = self.spawn();
        agent.wait_for_end()
    }
}

/// A process that is killed when the test is over, however it ends.
pub(crate) struct Agent {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<std::thread::JoinHandle<()>>,
    pub(crate) control: PathBuf,
}

/// How an agent ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// From asking it to end, or from when it was waited for.
    pub(crate) took: Duration,
    /// Everything it logged.
    pub(crate) log: String,
}

impl Agent {
    /// Waits for the line that says that it is ready.
    #[track_caller]
    pub(crate) fn ready(&self) -> String {
        self.wait_log(" is ready")
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits for a line that contains `part`, and gives the first.
    #[track_caller]
    pub(crate) fn wait_log(&self, part: &str) -> String {
        wait_for(&format!("a log line with {part:?}"), || {
            self.lines.lock().unwrap().iter().find(|l| l.contains(part)).cloned()
        })
    }

    /// How many lines contain `part`.
    pub(crate) fn count_log(&self, part: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|l| l.contains(part)).count()
    }

    /// What `ctl status --json` shows.
    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        let (code, body) =
            wait_for("the control socket", || http_over_unix(&self.control, "GET", "/status", "").ok());
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    pub(crate) fn wait_status(&self, what: &str, mut is: impl FnMut(&Status) -> bool) -> Status {
        wait_for(what, || {
            let status = self.status();
            is(&status).then_some(status)
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time it has used, as the kernel counts: in ticks of 10 ms.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // Behind the name in brackets; user and system time are the 14th and 15th field of the line.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|f| f.parse::<u64>().unwrap()).sum();
        ticks * 1_000 / rustix::param::clock_ticks_per_second()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGTERM, and waits.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait_for_end()
    }

    /// kill -9, and waits.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait_for_end(mut self) -> Ended {
        let from = Instant::now();
        let status = wait_for("the agent ends", || self.child.try_wait().unwrap());
        let took = from.elapsed();
        // The pipe ends with the process, unless a child of it lives on.
        let reader = self.reader.take().expect("taken here only");
        wait_for("the log ends", || reader.is_finished().then_some(()));
        Ended { code: status.code(), took, log: self.log() }
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// The source of this name.
pub(crate) fn source<'a>(status: &'a Status, name: &str) -> &'a SourceStatus {
    status.sources.iter().find(|s| s.name == name).expect("the source is shown")
}

/// The channel of this name.
pub(crate) fn channel<'a>(status: &'a Status, name: &str) -> &'a ChannelStatus {
    status.channels.iter().find(|c| c.name == name).expect("the channel is shown")
}

/// The sink of this name.
pub(crate) fn sink<'a>(status: &'a Status, name: &str) -> &'a SinkStatus {
    status.sinks.iter().find(|k| k.name == name).expect("the sink is shown")
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.is_running() {
            self.child.kill().unwrap();
        }
        self.child.wait().unwrap();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("--- the agent's last lines (patience was {} s)", PATIENCE.as_secs());
            tail.iter().rev().for_each(|l| eprintln!("{l}"));
        }
    }
}
