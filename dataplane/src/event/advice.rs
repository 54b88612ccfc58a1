//! What the pipeline should do about a failure.

use std::time::Duration;

/// The one answer every error of the pipeline gives. Nobody decides by matching text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The other side is slow, full or away: the same batch can succeed later.
    RetryAfter(Duration),
    /// This batch can never succeed: refuse it to the peer, or dead-letter it.
    Reject,
    /// The connection is unusable; a new one may work.
    Reconnect,
    /// A promise can no longer be kept: the component must end.
    Stop,
}

/// A failure of a component, with its advice.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    /// What was attempted and what was found: lower case, no full stop.
    pub what: String,
    /// What to do about it.
    pub advice: Advice,
    /// The cause, if another library reported one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a cause of its own.
    pub fn new(advice: Advice, what: impl Into<String>) -> Self {
        Error { what: what.into(), advice, source: None }
    }

    /// An error that another one caused.
    pub fn caused(
        advice: Advice,
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Error { what: what.into(), advice, source: Some(source.into()) }
    }

    /// The text and its causes on one line, as it is logged.
    pub fn line(&self) -> String {
        let mut text = self.what.clone();
        let mut next: Option<&dyn std::error::Error> =
            self.source.as_ref().map(|s| &**s as &dyn std::error::Error);
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}
