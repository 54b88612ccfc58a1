//! Bodies of requests and answers other than the status.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// The agent's name.
    pub agent: String,
    /// Its process.
    pub pid: u32,
    /// Penstock's version.
    pub version: String,
    /// Version of this protocol; grows when an old `ctl` would misread an answer.
    pub protocol: u32,
}

/// `GET /config`: the properties that the agent runs with, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunningConfig {
    /// The agent's name.
    pub agent: String,
    /// Counts configurations since the start, from 1.
    pub generation: u64,
    /// Files it was read from.
    pub files: Vec<String>,
    /// Every property of the agent.
    pub properties: Vec<Property>,
}

/// One property as it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Property {
    /// Full key: `a1.sinks.k1.batchSize`.
    pub key: String,
    /// Substituted value; `***` when it is secret.
    pub value: String,
    /// True when the value was hidden.
    pub hidden: bool,
    /// File it stands in; empty when it stands in none.
    pub file: String,
    /// Line of its first character, counted from 1; 0 when unknown.
    pub line: u32,
}

/// `POST /stop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopRequest {
    /// Do not wait for channels to drain.
    pub now: bool,
}

/// The answer to `POST /stop`, given when the stop is over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopOutcome {
    /// The code the process is about to exit with.
    pub exit_code: u8,
    /// From the request until everything had ended.
    pub took_ms: u64,
    /// Events that were in memory only and are gone.
    pub lost_events: u64,
    /// Events that wait in durable channels for the next start.
    pub kept_events: u64,
    /// What did not end as it should, one sentence each.
    pub problems: Vec<String>,
}

/// `POST /log-level`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLevelRequest {
    /// The logger; none means the root logger.
    pub logger: Option<String>,
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`, in any case.
    pub level: String,
}

/// `GET /log-level`, and the answer to a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLevels {
    /// Level of the root logger.
    pub root: String,
    /// Loggers with a level of their own.
    pub loggers: BTreeMap<String, String>,
}

/// The body of every answer that is not 2xx.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// What was attempted and found, for people.
    pub error: String,
    /// What to do; may be empty.
    pub help: String,
}
