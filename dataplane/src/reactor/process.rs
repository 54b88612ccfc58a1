//! What components see of child processes.

use super::Fut;
use std::io;

/// A program and its arguments; no shell unless the program is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Program, looked up in `PATH`.
    pub program: String,
    /// Arguments.
    pub args: Vec<String>,
}

/// A running child process in a process group of its own. The group is ended (SIGTERM, then SIGKILL) when the handle is
/// dropped; the child also ends when this process dies.
pub trait Child {
    /// Reads from its standard output into the spare capacity; 0 at the end.
    fn read_out<'a>(&'a self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)>;
    /// Reads from its standard error into the spare capacity; 0 at the end.
    fn read_err<'a>(&'a self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)>;
    /// Sends SIGTERM to the process group.
    fn terminate(&self);
    /// Sends SIGKILL to the process group.
    fn kill(&self);
    /// Resolves with the exit code (128 + signal when a signal ended it).
    fn wait<'a>(&'a self) -> Fut<'a, io::Result<i32>>;
    /// Process id.
    fn pid(&self) -> u32;
}
