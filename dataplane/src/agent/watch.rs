//! Looks at the configuration files now and then, as Flume's poller does. Until changes can be applied, they are announced.

use super::api::Api;
use super::command_line::AgentArgs;
use super::origin::Origin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Flume's default, in seconds.
const FILE_POLL_S: u64 = 30;

/// Remembers when each file was modified.
pub(super) struct Watch {
    files: Vec<(Origin, Option<SystemTime>)>,
    every: Duration,
}

impl Watch {
    /// Watches the files of a configuration that was just read; none with `--no-reload-conf`.
    pub(super) fn new(args: &AgentArgs, origins: &[Origin]) -> Self {
        let files = match args.no_reload_conf {
            true => Vec::new(),
            false => origins.iter().map(|o| (o.clone(), o.modified())).collect(),
        };
        Watch { files, every: Duration::from_secs(args.poll_interval.unwrap_or(FILE_POLL_S).max(1)) }
    }

    /// Announces changes for ever.
    pub(super) async fn announce_changes(&mut self, api: &Arc<Api>) {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(self.every).await;
            for (origin, seen) in &mut self.files {
                let now = origin.modified();
                if now.is_some() && now != *seen {
                    *seen = now;
                    let sentence = format!(
                        "{} has changed; the change is not applied: reload comes with a later release, restart the agent to \
                         apply it",
                        origin.shown()
                    );
                    tracing::warn!("{sentence}");
                    api.warn(origin.shown(), sentence);
                }
            }
        }
    }
}
