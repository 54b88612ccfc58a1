//! `GET /status`: the agent on one page. Names of fields are a promise to scripts.

use crate::channel::Stats;
use crate::metrics::{ChannelMetrics, Quantiles, SinkMetrics, SourceMetrics};
use serde::{Deserialize, Serialize};

/// What the agent as a whole does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Components are being opened for the first time.
    Starting,
    /// Every component was started; single ones may be in trouble.
    Running,
    /// A stop was asked for; channels drain.
    Stopping,
    /// A state that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What one component does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentState {
    /// It is being opened.
    Starting,
    /// It works.
    Running,
    /// It could not be opened, or ended with an error, and will be tried again; `why` says what happened.
    Retrying,
    /// It is settling what it holds.
    Stopping,
    /// It ended and stays ended.
    Stopped,
    /// It is in the file and will not run until the file changes; `why` says what is wrong.
    Dropped,
    /// A state that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Which kind of thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThreadRole {
    /// A data core.
    DataCore,
    /// Reads and writes files.
    File,
    /// Runs clients with runtimes of their own, and child processes.
    Client,
    /// Control socket, log, watches.
    Housekeeping,
    /// A role that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The agent now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The agent's name.
    pub agent: String,
    /// What it does.
    pub state: AgentState,
    /// Counts configurations since the start, from 1.
    pub generation: u64,
    /// Since the process started.
    pub uptime_ms: u64,
    /// Wall clock at the start, milliseconds since 1970.
    pub started_at_ms: u64,
    /// Its process.
    pub pid: u32,
    /// Penstock's version.
    pub version: String,
    /// Files the configuration was read from.
    pub config_files: Vec<String>,
    /// How long a stop may drain.
    pub stop_timeout_ms: u64,
    /// Resident memory of the process; 0 when unknown.
    pub memory_bytes: u64,
    /// CPU time that the process has used; 0 when unknown.
    pub cpu_ms: u64,
    /// Every thread of the data plane.
    pub threads: Vec<ThreadStatus>,
    /// Sources in the file's order.
    pub sources: Vec<SourceStatus>,
    /// Channels in the file's order.
    pub channels: Vec<ChannelStatus>,
    /// Sinks in the file's order.
    pub sinks: Vec<SinkStatus>,
    /// What somebody should know who looks only once: ours about the host, the plan's about the file.
    pub warnings: Vec<ProblemStatus>,
}

/// One thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadStatus {
    /// Its name as `top -H` shows it; components name it in `thread`.
    pub name: String,
    /// What it is for.
    pub role: ThreadRole,
    /// The CPU it is pinned to; none when it is not pinned.
    pub cpu: Option<u32>,
    /// `io_uring` or `epoll`.
    pub io: String,
    /// How late its loop came back to a timer.
    pub lag: Quantiles,
}

/// One source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Its type: Flume's alias where there is one.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it does.
    pub state: ComponentState,
    /// Why it is not running, or what last went wrong while it ran; empty when nothing did.
    pub why: String,
    /// The CPU of its thread; none when that is not pinned.
    pub core: Option<u32>,
    /// The name of its thread.
    pub thread: String,
    /// What it listens on or follows, in its own words.
    pub listens: String,
    /// Its channels.
    pub channels: Vec<String>,
    /// How often it was started again after an error.
    pub restarts: u64,
    /// Events read from outside.
    pub events_received: u64,
    /// Events that every required channel has.
    pub events_accepted: u64,
    /// Events dropped by interceptors.
    pub events_filtered: u64,
    /// Events refused to whoever sent them, or lost with them.
    pub events_refused: u64,
    /// Bytes of received bodies.
    pub bytes: u64,
    /// Batches accepted.
    pub batches_accepted: u64,
    /// Open connections.
    pub open_connections: u64,
    /// Failures while reading or decoding.
    pub read_failures: u64,
    /// Refusals by channels.
    pub channel_failures: u64,
    /// Other failures.
    pub other_failures: u64,
    /// From handing a batch to the channels until all required ones have it.
    pub put_latency: Quantiles,
}

impl SourceStatus {
    /// Fills in the counters.
    pub fn count(&mut self, m: &SourceMetrics) {
        self.events_received = m.events_received.get();
        self.events_accepted = m.events_accepted.get();
        self.events_filtered = m.events_filtered.get();
        self.events_refused = m.events_refused.get();
        self.bytes = m.bytes.get();
        self.batches_accepted = m.batches_accepted.get();
        self.open_connections = m.open_connections.get();
        self.read_failures = m.read_failures.get();
        self.channel_failures = m.channel_failures.get();
        self.other_failures = m.other_failures.get();
        self.put_latency = m.put_latency.quantiles();
    }
}

/// One channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelStatus {
    /// Its name.
    pub name: String,
    /// Its type: Flume's alias where there is one.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it does.
    pub state: ComponentState,
    /// Why it is not running, or what last went wrong while it ran; empty when nothing did.
    pub why: String,
    /// The CPU of its thread; none when that is not pinned.
    pub core: Option<u32>,
    /// The name of its thread.
    pub thread: String,
    /// Events stored: queued and leased.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Events it can store; 0 when there is no such bound.
    pub capacity_events: u64,
    /// Age of the oldest stored event.
    pub oldest_ms: u64,
    /// Events handed to a sink and not yet settled.
    pub leased_events: u64,
    /// Events that would be gone if the process died now.
    pub would_lose_events: u64,
    /// Events offered.
    pub put_attempts: u64,
    /// Events stored.
    pub put_successes: u64,
    /// Takes tried, empty ones too.
    pub take_attempts: u64,
    /// Events whose take was committed.
    pub take_successes: u64,
    /// Puts refused because the channel stayed full.
    pub full_refusals: u64,
    /// Events handed out again after a rollback.
    pub rolled_back_events: u64,
    /// From sending a commit to the disk until it is durable; nothing for a channel in memory.
    pub commit_latency: Quantiles,
}

impl ChannelStatus {
    /// Fills in the counters.
    pub fn count(&mut self, m: &ChannelMetrics) {
        self.put_attempts = m.put_attempts.get();
        self.put_successes = m.put_successes.get();
        self.take_attempts = m.take_attempts.get();
        self.take_successes = m.take_successes.get();
        self.full_refusals = m.full_refusals.get();
        self.rolled_back_events = m.rolled_back_events.get();
        self.commit_latency = m.commit_latency.quantiles();
    }

    /// Fills in what it holds.
    pub fn hold(&mut self, s: &Stats) {
        self.events = s.events;
        self.bytes = s.bytes;
        self.capacity_events = s.capacity_events;
        self.oldest_ms = s.oldest_ms;
        self.leased_events = s.leased_events;
        self.would_lose_events = s.would_lose_events;
    }
}

/// One sink.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// Its type: Flume's alias where there is one.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it does.
    pub state: ComponentState,
    /// Why it is not running, or what last went wrong while it ran; empty when nothing did.
    pub why: String,
    /// The CPU of its thread; none when that is not pinned.
    pub core: Option<u32>,
    /// The name of its thread.
    pub thread: String,
    /// Its sink group; empty when it is in none.
    pub group: String,
    /// Its channel.
    pub channel: String,
    /// How often it was started again after an error.
    pub restarts: u64,
    /// Events taken from the channel.
    pub events_taken: u64,
    /// Events delivered and committed.
    pub events_delivered: u64,
    /// Bytes of delivered bodies.
    pub bytes: u64,
    /// Takes that found nothing.
    pub batches_empty: u64,
    /// Batches smaller than the batch size.
    pub batches_underflow: u64,
    /// Full batches.
    pub batches_complete: u64,
    /// Connections, or files, opened.
    pub connections_created: u64,
    /// Connections, or files, closed.
    pub connections_closed: u64,
    /// Connections, or files, that could not be opened.
    pub connections_failed: u64,
    /// Failures of the destination.
    pub write_failures: u64,
    /// Failures of the channel.
    pub channel_failures: u64,
    /// From taking a batch until it is committed.
    pub process_latency: Quantiles,
}

impl SinkStatus {
    /// Fills in the counters.
    pub fn count(&mut self, m: &SinkMetrics) {
        self.events_taken = m.events_taken.get();
        self.events_delivered = m.events_delivered.get();
        self.bytes = m.bytes.get();
        self.batches_empty = m.batches_empty.get();
        self.batches_underflow = m.batches_underflow.get();
        self.batches_complete = m.batches_complete.get();
        self.connections_created = m.connections_created.get();
        self.connections_closed = m.connections_closed.get();
        self.connections_failed = m.connections_failed.get();
        self.write_failures = m.write_failures.get();
        self.channel_failures = m.channel_failures.get();
        self.process_latency = m.process_latency.quantiles();
    }
}

/// Something to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProblemStatus {
    /// What it is about: a component's name or key; empty for the whole agent.
    pub about: String,
    /// File of the line that is the cause; empty when there is none.
    pub file: String,
    /// That line, counted from 1.
    pub line: u32,
    /// What was found.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_names_are_in_the_json() {
        let status = Status {
            sources: vec![SourceStatus::default()],
            channels: vec![ChannelStatus::default()],
            sinks: vec![SinkStatus::default()],
            ..Status::default()
        };
        let json = serde_json::to_value(&status).unwrap();
        for name in ["agent", "state", "generation", "uptime_ms"] {
            assert!(json.get(name).is_some(), "{name}");
        }
        let promised = [
            ("sources", "name type state core events_received events_accepted bytes put_latency"),
            ("channels", "name type events bytes capacity_events oldest_ms would_lose_events"),
            ("sinks", "name type state events_taken events_delivered bytes process_latency"),
        ];
        for (list, names) in promised {
            for name in names.split(' ') {
                assert!(json[list][0].get(name).is_some(), "{list}[].{name}");
            }
        }
        for quantile in ["count", "p50_us", "p90_us", "p99_us", "max_us"] {
            assert!(json["sources"][0]["put_latency"].get(quantile).is_some(), "{quantile}");
        }
    }

    #[test]
    fn another_version_of_the_agent_is_still_read() {
        let text =
            r#"{"agent":"a1","state":"dreaming","new":1,"sinks":[{"type":"hdfs","state":"retrying"}]}"#;
        let status: Status = serde_json::from_str(text).unwrap();
        assert_eq!((status.agent.as_str(), status.state), ("a1", AgentState::Unknown));
        assert_eq!(
            (status.sinks[0].kind.as_str(), status.sinks[0].state),
            ("hdfs", ComponentState::Retrying)
        );
    }

    #[test]
    fn counters_land_under_their_own_names() {
        let m = SinkMetrics::default();
        m.events_taken.add(7);
        m.events_delivered.add(5);
        let mut sink = SinkStatus::default();
        sink.count(&m);
        assert_eq!((sink.events_taken, sink.events_delivered, sink.bytes), (7, 5, 0));
    }
}
