//! A running agent of real Flume.

use crate::harness::{Scene, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The command that starts an agent, without its arguments; none when Flume is not here, which is said.
pub(crate) fn command() -> Option<String> {
    let command = std::env::var("FLUME_COMMAND").ok();
    if command.is_none() {
        println!("skipped: FLUME_COMMAND is not set (tests/flume/setup agent prints it)");
    }
    command
}

/// A Java process that is killed when the test is over, however it ends.
pub(crate) struct Flume {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Flume {
    /// Starts agent `a1` of this configuration and follows its log.
    pub(crate) fn start(command: &str, scene: &Scene, conf: &Path, env: &[(String, String)]) -> Self {
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().expect("the command is not empty"))
            .args(words)
            .args(["-n", "a1", "--no-reload-conf", "-f"])
            .arg(conf)
            .current_dir(scene.dir())
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Flume starts");
        let out = BufReader::new(child.stdout.take().expect("it was asked for"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                kept.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Flume { child, lines }
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// SIGTERM, and waits: it writes positions at its end.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        wait_for("Flume ends", || self.child.try_wait().unwrap());
    }
}

impl Drop for Flume {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().unwrap();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- Flume's last lines");
            tail.iter().rev().for_each(|l| eprintln!("{l}"));
        }
    }
}
