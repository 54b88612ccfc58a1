//! The data side: events that a sink prints.

use super::format::Origin;
use super::levels::Levels;
use super::queue::{Job, Queue, wall_ms};
use crate::pipeline::EventLog;
use crate::reactor::Fut;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::Level;

/// The thread that prints events in Flume; scripts cut lines at it.
const THREAD: &str = "SinkRunner-PollingRunner-DefaultSinkProcessor";

/// The agent's log as sinks see it.
pub(super) struct EventLines {
    queue: Arc<Queue>,
    levels: Arc<Levels>,
}

impl EventLines {
    pub(super) fn new(queue: Arc<Queue>, levels: Arc<Levels>) -> Self {
        EventLines { queue, levels }
    }
}

impl EventLog for EventLines {
    /// # Durability
    /// Written to at least one stream when this resolves, not synced.
    ///
    /// # Cancel safety
    /// Once polled, the lines are printed though the future is dropped.
    ///
    /// # Errors
    /// No stream took all lines; some of them may have been printed.
    fn info<'a>(&'a self, logger: &'static str, texts: Vec<String>) -> Fut<'a, io::Result<()>> {
        Box::pin(async move {
            if texts.is_empty() || !self.levels.allows(logger, Level::INFO) {
                return Ok(());
            }
            let (done, answer) = oneshot::channel();
            self.queue.push_job(Job::Events { wall_ms: wall_ms(), from: origin(logger), texts, done });
            answer.await.unwrap_or_else(|_| Err(io::Error::other("the agent's own log has ended")))
        })
    }
}

/// What Flume 1.9 to 1.11 prints in front of an event.
fn origin(logger: &'static str) -> Origin {
    let (method, file, line) = match logger {
        "org.apache.flume.sink.LoggerSink" => ("process", "LoggerSink.java", 95),
        _ => ("", "event_lines.rs", 0),
    };
    Origin { thread: THREAD.into(), level: "INFO", logger: Cow::Borrowed(logger), method, file, line }
}
