//! What the control server asks of the agent.

use super::messages::{LogLevelRequest, LogLevels, RunningConfig, StopOutcome};
use super::status::Status;
use std::future::Future;
use std::pin::Pin;

/// An answer that may take a moment.
pub type Reply<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The agent as the control server sees it. Called on the housekeeping thread; implementations never block it.
pub trait AgentApi: Send + Sync + 'static {
    /// The agent now. Components that do not answer in time are listed with what is known of them.
    fn status(&self) -> Reply<Status>;

    /// What runs now, as properties. Secret values are replaced before they get here: they never cross the socket.
    fn config(&self) -> RunningConfig;

    /// Begins a stop when called, polled or not; `now` skips the drain, also of a stop that is under way. Resolves when
    /// everything has ended, shortly before the process exits.
    ///
    /// # Cancel safety
    /// Dropping the reply does not take the stop back.
    fn stop(&self, now: bool) -> Reply<StopOutcome>;

    /// The levels of the agent's own log.
    fn log_levels(&self) -> LogLevels;

    /// Changes one level, or the root's.
    ///
    /// # Errors
    /// A sentence for the user when the logger or level is not one.
    fn set_log_level(&self, wish: LogLevelRequest) -> Result<LogLevels, String>;
}
