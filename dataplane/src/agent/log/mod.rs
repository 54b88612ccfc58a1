//! The agent's own log, printed the way Flume's shipped log4j configuration prints it, because that is what people grep.
//!
//! Two kinds of lines meet here. *Records* come from `tracing` calls all over the agent: they never block the thread
//! that makes them, are rate-limited per cause, and are dropped (counted, and said later) when the log cannot keep up.
//! *Events* come from sinks that print data through [`EventLog`]: they wait, and are done only when they were written.
//!
//! ```text
//!  tracing ─► Levels ─► Limiter ─► bounded queue ─┐
//!                                                 ├─► writer thread ─► Console (stderr) · LogFile (rotated)
//!  EventLog::info ─► jobs, each answered ─────────┘
//! ```
//!
//! Invariants: only the writer thread touches a stream; no caller waits for another caller; a stream that fails (a
//! closed pipe, a full disk) costs lines, never the process.

mod event_lines;
mod file;
mod format;
mod levels;
mod limiter;
mod options;
mod queue;
mod records;
mod writer;

#[cfg(test)]
mod tests;

pub use levels::LevelError;
pub use options::{LogOptions, Target, stderr_leads_nowhere};

use crate::pipeline::EventLog;
use levels::Levels;
use queue::Queue;
use std::sync::Arc;
use std::time::Duration;

/// What the log has done so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogFigures {
    /// Records and events written to at least one stream.
    pub lines: u64,
    /// Records dropped because the queue was full.
    pub dropped_records: u64,
    /// Records not printed because many like them came within one second.
    pub suppressed_records: u64,
    /// Lines that a stream refused.
    pub failed_lines: u64,
}

/// The running log. Cheap to clone; the log runs until the process ends.
#[derive(Clone)]
pub struct LogHandle {
    queue: Arc<Queue>,
    levels: Arc<Levels>,
}

/// Starts the log and makes it the process's `tracing` subscriber. A log file that cannot be opened is no error: the
/// console takes its place, which the first line says.
///
/// # Errors
/// When the writer thread cannot be started, or the process already has a subscriber.
pub fn start(options: LogOptions) -> std::io::Result<LogHandle> {
    let (handle, records) = start_apart(options)?;
    tracing::subscriber::set_global_default(records)
        .map_err(|e| std::io::Error::new(std::io::ErrorKind::AlreadyExists, e))?;
    Ok(handle)
}

/// Starts a log that nobody writes to yet.
fn start_apart(options: LogOptions) -> std::io::Result<(LogHandle, records::Records)> {
    let queue = Arc::new(Queue::new());
    let levels = Arc::new(Levels::new(options.level));
    writer::start(queue.clone(), options.targets)?;
    let records = records::Records::new(queue.clone(), levels.clone());
    Ok((LogHandle { queue, levels }, records))
}

impl LogHandle {
    /// The way for sinks that print events.
    pub fn events(&self) -> Arc<dyn EventLog> {
        Arc::new(event_lines::EventLines::new(self.queue.clone(), self.levels.clone()))
    }

    /// Changes what is printed, at once: `logger` is `root`, or the beginning of a logger's name as the log prints it
    /// (`penstock.source`, also without `penstock.`); `level` is one of log4j's words.
    ///
    /// # Errors
    /// When `level` is none of them.
    pub fn set_level(&self, logger: &str, level: &str) -> Result<(), LevelError> {
        self.levels.set(logger, level)?;
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// The level of the root logger, then of each logger that has its own: `(name, level)`.
    pub fn levels(&self) -> Vec<(String, String)> {
        self.levels.list()
    }

    /// Waits until everything logged before this call was written or refused, at most `limit`. False when the time ran
    /// out, for instance because nobody reads the pipe at the other end.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// What the log has done so far.
    pub fn figures(&self) -> LogFigures {
        self.queue.figures()
    }
}
