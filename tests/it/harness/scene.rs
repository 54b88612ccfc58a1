//! A folder of its own for each test, and the programs under test.

use super::{Agent, Launch, free_port};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Where one test lives: configurations, logs, sockets and output lie below one folder that vanishes with it.
pub(crate) struct Scene {
    dir: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("penstock-it-").tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        Scene { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path below the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts agent `a1` of this configuration and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self, conf: &str) -> Agent {
        let agent = self.launch(conf).spawn();
        agent.ready();
        agent
    }

    /// Agent `a1` of this configuration, to be changed and spawned.
    pub(crate) fn launch(&self, conf: &str) -> Launch {
        let file = self.file("a1.conf", conf);
        Launch::new(self, "a1").arg("-f").arg(file.to_str().unwrap())
    }

    /// netcat → memory → whatever `rest` says of sink `k1`; gives the port.
    pub(crate) fn netcat_conf(&self, rest: &str) -> (u16, String) {
        let port = free_port();
        let conf = format!(
            "a1.sources = r1\na1.channels = c1\na1.sinks = k1\n\
             a1.sources.r1.type = netcat\na1.sources.r1.bind = 127.0.0.1\na1.sources.r1.port = {port}\n\
             a1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.sinks.k1.channel = c1\n{rest}\n"
        );
        (port, conf)
    }

    /// A command that runs in this scene's surroundings.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env_remove("JAVA_OPTS")
            .env_remove("FLUME_JAVA_OPTS")
            .stdin(Stdio::null());
        command
    }

    /// Runs `ctl` to its end.
    pub(crate) fn ctl(&self, args: &[&str]) -> Output {
        self.command(&ctl()).args(args).output().unwrap()
    }

    /// Runs `penstock` to its end: for calls that do not start an agent.
    pub(crate) fn penstock(&self, args: &[&str]) -> Output {
        self.command(&penstock()).args(args).output().unwrap()
    }
}

/// The binary that was built beside this test.
fn built(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let dir = here.parent().and_then(Path::parent).unwrap();
    let path = dir.join(name);
    assert!(
        path.exists(),
        "{} is not built: use tests/run it, or cargo build -p dataplane -p ctl --bins",
        path.display()
    );
    path
}

/// The agent's binary.
pub(crate) fn penstock() -> PathBuf {
    built("penstock")
}

/// The operator's tool.
pub(crate) fn ctl() -> PathBuf {
    built("ctl")
}

/// A program that is killed when the test is over, however it ends.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().unwrap();
    }
}
