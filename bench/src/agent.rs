//! The agent under measurement: built, started, asked, stopped.

use crate::progress;
use anyhow::{Context, bail, ensure};
use dataplane::control::Status;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent; killed when dropped.
pub(crate) struct Agent {
    child: Child,
    control: PathBuf,
    /// From starting the process until its ready line was read.
    pub(crate) start_to_ready: Duration,
}

/// The agent's binary: what the user names, or the one beside this program, brought up to date.
pub(crate) fn binary(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    progress::say("building the agent");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "-p", "dataplane", "--bin", "penstock"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let beside = std::env::current_exe()?.parent().context("this program lies in a folder")?.join("penstock");
    match cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status() {
        Ok(status) if status.success() => {}
        Ok(_) => bail!("the agent cannot be built"),
        Err(e) if !beside.exists() => return Err(e).context("there is no agent beside bench, and no cargo"),
        Err(_) => {}
    }
    ensure!(beside.exists(), "cargo did not put the agent at {}; use --penstock PATH", beside.display());
    Ok(beside)
}

impl Agent {
    /// Starts agent `a1` of `conf`, which is written into `dir`, and waits until it is ready.
    pub(crate) fn start(binary: &Path, dir: &Path, conf: &str, io: &str) -> anyhow::Result<Self> {
        let file = dir.join("bench.conf");
        fs::write(&file, conf)?;
        let control = dir.join("a1.sock");
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["agent", "-n", "a1", "--no-reload-conf", "--io", io, "-f"])
            .arg(&file)
            .arg("--control")
            .arg(&control)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let log = child.stderr.take().context("the log is a pipe")?;
        let (found, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(log).lines().map_while(Result::ok);
            let mut seen = Vec::new();
            for line in lines.by_ref() {
                let is_ready = line.contains(" is ready");
                seen.push(line);
                if is_ready {
                    found.send((true, Instant::now(), std::mem::take(&mut seen))).ok();
                }
            }
            // The agent ended; before it was ready, the log says why.
            found.send((false, Instant::now(), seen)).ok();
        });
        let mut agent = Agent { child, control, start_to_ready: Duration::ZERO };
        match ready.recv_timeout(PATIENCE) {
            Ok((true, at, _)) => agent.start_to_ready = at - began,
            Ok((false, _, log)) => bail!("the agent did not start:\n{}", log.join("\n")),
            Err(_) => bail!("the agent is not ready after {} s", PATIENCE.as_secs()),
        }
        Ok(agent)
    }

    /// What it does now.
    pub(crate) fn status(&self) -> anyhow::Result<Status> {
        let mut stream = UnixStream::connect(&self.control).context("cannot reach the control socket")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: penstock\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the control socket speaks no HTTP")?;
        ensure!(head.contains(" 200 "), "the control socket says {head}");
        Ok(serde_json::from_str(body)?)
    }

    /// CPU seconds used so far, user and system.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may contain blanks; utime and stime are fields 14 and 15.
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("no process name")?.1.split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).context("no CPU times");
        Ok((ticks(11)? + ticks(12)?) as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// A memory figure of the kernel's, in bytes: `VmRSS` or `VmHWM`.
    pub(crate) fn memory_bytes(&self, figure: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with(figure)).context("no memory figure")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// SIGTERM, and waits for a clean end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.child.id().try_into()?).context("a process has a number")?;
        kill_process(pid, Signal::TERM)?;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the agent ended with {status}");
                return Ok(());
            }
            ensure!(Instant::now() < end, "the agent does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
