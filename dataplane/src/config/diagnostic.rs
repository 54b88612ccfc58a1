//! Complaints about a configuration: what, where, what to do.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Where a property stands: file and line of its first character. Line 0: it did not come from a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named on the command line.
    pub file: Arc<str>,
    /// Line number, counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It runs; there is a better way.
    Hint,
    /// It runs, but not as it was written.
    Warning,
    /// Something does not run.
    Error,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// The full property key, or as much of it as there is; may be empty.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// A stable word for scripts, in kebab-case: `unknown-key`, `bad-value` …
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.message)
    }
}
