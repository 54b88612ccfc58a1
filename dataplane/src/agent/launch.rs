//! What is to be started: the parts of a plan that run, and how a component that does not run is shown.

use super::order::Part;
use crate::channel::ChannelSpec;
use crate::control::{ProblemStatus, Property};
use crate::pipeline::{Interceptor, SelectorSpec, Sink, SinkProcessor, Source};
use std::sync::Arc;
use std::time::Duration;

/// A channel to open.
#[derive(Clone)]
pub(super) struct LaunchChannel {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub channel: Part<dyn ChannelSpec>,
    /// The CPU it was told to live on.
    pub core: Option<u32>,
}

/// A source to start.
#[derive(Clone)]
pub(super) struct LaunchSource {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub source: Part<dyn Source>,
    /// Its interceptors in order.
    pub interceptors: Vec<Part<dyn Interceptor>>,
    /// Its selector.
    pub selector: Part<dyn SelectorSpec>,
    /// Names of its channels in order.
    pub channels: Vec<Arc<str>>,
    /// The CPU it was told to run on.
    pub core: Option<u32>,
}

/// A sink of a runner.
#[derive(Clone)]
pub(super) struct LaunchSink {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub sink: Part<dyn Sink>,
    /// Name of its channel.
    pub channel: Arc<str>,
}

/// A sink that stands alone, or a group.
#[derive(Clone)]
pub(super) struct LaunchRunner {
    /// Name of the sink or group.
    pub name: Arc<str>,
    /// True for a group.
    pub is_group: bool,
    /// How it chooses.
    pub processor: Part<dyn SinkProcessor>,
    /// Its sinks in order.
    pub members: Vec<LaunchSink>,
    /// The CPU it was told to run on.
    pub core: Option<u32>,
}

/// A component of the file that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotRunning {
    /// `source`, `channel` or `sink`.
    pub role: &'static str,
    /// Its name.
    pub name: String,
    /// Its type as the file says it.
    pub kind: String,
    /// Why.
    pub why: String,
}

/// One agent, ready to be started.
#[derive(Clone, Default)]
pub(super) struct Launch {
    /// Its name.
    pub agent: String,
    /// Files it came from.
    pub files: Vec<String>,
    /// Channels in the file's order.
    pub channels: Vec<LaunchChannel>,
    /// Sinks and groups in the file's order.
    pub runners: Vec<LaunchRunner>,
    /// Sources in the file's order.
    pub sources: Vec<LaunchSource>,
    /// What does not run.
    pub not_running: Vec<NotRunning>,
    /// What somebody should know who looks only once.
    pub warnings: Vec<ProblemStatus>,
    /// Every property of the agent, secrets hidden.
    pub properties: Vec<Property>,
    /// Most cores its data cores may take; all that the process may use when `None`.
    pub cores: Option<u32>,
    /// How long a stop may drain.
    pub stop_timeout: Duration,
}
