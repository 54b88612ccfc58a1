//! Why a command did not do what it was asked, with its exit code.

use std::fmt;

/// Exit codes, as `--help` documents them.
pub(crate) mod code {
    /// Done; for `check`: everything named would run.
    pub(crate) const OK: u8 = 0;
    /// `check --strict`: there are warnings. `stop`: stopped, but not cleanly.
    pub(crate) const WARNINGS: u8 = 1;
    /// `check`: something would not run. Otherwise: wrong arguments.
    pub(crate) const NOT_OK: u8 = 2;
    /// No agent was reached.
    pub(crate) const NO_AGENT: u8 = 3;
    /// The agent refused, failed or did not answer in time.
    pub(crate) const AGENT_FAILED: u8 = 4;
}

/// What went wrong, what to do, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What was attempted and found.
    pub(crate) message: String,
    /// What to do; may be empty.
    pub(crate) help: String,
    /// The exit code.
    pub(crate) code: u8,
}

impl Failure {
    /// A failure without advice.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { message: message.into(), help: String::new(), code }
    }

    /// With what to do.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = text.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::text::clean(&self.message))?;
        for line in self.help.lines() {
            write!(f, "\n  {}", crate::text::clean(line))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
