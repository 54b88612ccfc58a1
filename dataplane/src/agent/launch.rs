//! What is to be started: the parts of a plan that run, and how a component that does not run is shown.

use super::check::component_key;
use super::check::secrets::Secrets;
use super::plan::{
    AgentPlan, ChannelPlan, ComponentKind, File, Part, Plan, RunnerPlan, SinkPlan, SourcePlan, Verdict,
};
use crate::channel::ChannelSpec;
use crate::config::{Settings, Severity};
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

/// How long a stop drains when the file does not say.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

impl Launch {
    /// What this agent of the plan starts.
    pub(crate) fn new(plan: &Plan, agent: &AgentPlan, files: &[File], secrets: &Secrets<'_>) -> Launch {
        // Flume keeps components in hash order; people look for them in the order of their file.
        let by_file = |list: &str| {
            let key = format!("{}.{list}", agent.name);
            let text = plan.properties.iter().find(|p| p.key.trim() == key).map_or("", |p| p.text.as_str());
            let names: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            move |name: &str| names.iter().position(|n| n == name)
        };
        let mut channels: Vec<LaunchChannel> = agent.channels.iter().map(channel).collect();
        let place = by_file("channels");
        channels.sort_by_key(|c| place(&c.name));
        let mut sources: Vec<LaunchSource> = agent.sources.iter().map(source).collect();
        let place = by_file("sources");
        sources.sort_by_key(|s| place(&s.name));
        let mut runners: Vec<LaunchRunner> = agent.runners.iter().map(runner).collect();
        let place = by_file("sinks");
        runners.sort_by_key(|r| r.members.iter().filter_map(|m| place(&m.name)).min());
        let number = |key: &str| -> Option<u64> {
            let key = format!("{}.{key}", agent.name);
            plan.properties.iter().find(|p| p.key.trim() == key)?.text.trim().parse().ok()
        };
        Launch {
            agent: agent.name.clone(),
            files: files.iter().map(|f| f.name.clone()).collect(),
            channels,
            runners,
            sources,
            not_running: not_running(agent, secrets),
            warnings: warnings(plan, &agent.name, secrets),
            properties: properties(plan, &agent.name),
            cores: number("cores").and_then(|n| u32::try_from(n).ok()),
            stop_timeout: number("stopTimeout").map_or(STOP_TIMEOUT, Duration::from_millis),
        }
    }
}

fn core(settings: &Settings) -> Option<u32> {
    settings.text("core")?.trim().parse().ok()
}

fn channel(planned: &ChannelPlan) -> LaunchChannel {
    LaunchChannel {
        name: Arc::from(planned.name.as_str()),
        core: core(&planned.channel.settings),
        channel: planned.channel.clone(),
    }
}

fn source(planned: &SourcePlan) -> LaunchSource {
    LaunchSource {
        name: Arc::from(planned.name.as_str()),
        core: core(&planned.source.settings),
        source: planned.source.clone(),
        interceptors: planned.interceptors.iter().map(|(_, part)| part.clone()).collect(),
        selector: planned.selector.clone(),
        channels: planned.channels.iter().map(|c| Arc::from(c.as_str())).collect(),
    }
}

fn runner(planned: &RunnerPlan) -> LaunchRunner {
    let member = |m: &SinkPlan| LaunchSink {
        name: Arc::from(m.name.as_str()),
        sink: m.sink.clone(),
        channel: Arc::from(m.channel.as_str()),
    };
    LaunchRunner {
        name: Arc::from(planned.name.as_str()),
        is_group: planned.is_group,
        processor: planned.processor.clone(),
        members: planned.members.iter().map(member).collect(),
        core: planned.members.iter().find_map(|m| core(&m.sink.settings)),
    }
}

fn not_running(agent: &AgentPlan, secrets: &Secrets<'_>) -> Vec<NotRunning> {
    let rows = agent.components.iter().filter(|c| c.verdict != Verdict::Runs);
    rows.filter_map(|c| {
        let role = match c.kind {
            ComponentKind::Source => "source",
            ComponentKind::Channel => "channel",
            ComponentKind::Sink => "sink",
            // These take their source or sinks with them, which have rows of their own.
            ComponentKind::Sinkgroup | ComponentKind::Interceptor | ComponentKind::Selector => return None,
        };
        Some(NotRunning {
            role,
            name: c.name.clone(),
            kind: secrets.hide(&component_key(&agent.name, c), c.type_text.as_deref().unwrap_or_default()),
            why: format!("{}: {}", c.place, secrets.hide(&component_key(&agent.name, c), &c.why)),
        })
    })
    .collect()
}

fn warnings(plan: &Plan, agent: &str, secrets: &Secrets<'_>) -> Vec<ProblemStatus> {
    let ours = |key: &str| key.split_once('.').is_none_or(|(first, _)| first == agent);
    let serious = plan.diagnostics.iter().filter(|d| d.severity != Severity::Hint && ours(&d.key));
    serious
        .map(|d| ProblemStatus {
            about: d.key.clone(),
            file: d.place.file.to_string(),
            line: d.place.line,
            message: secrets.hide(&d.key, &d.message),
            help: secrets.hide(&d.key, &d.help),
        })
        .collect()
}

fn properties(plan: &Plan, agent: &str) -> Vec<Property> {
    let ours =
        plan.properties.iter().filter(|p| p.key.split_once('.').is_some_and(|(first, _)| first == agent));
    ours.map(|p| {
        let hidden = p.secret || names_a_secret(&p.key);
        Property {
            key: p.key.clone(),
            value: if hidden { "***".to_owned() } else { p.text.clone() },
            hidden,
            file: p.place.file.to_string(),
            line: p.place.line,
        }
    })
    .collect()
}

/// True for keys that hold a secret by their name, also of components that are not known here.
fn names_a_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    ["password", "passwd", "pwd", "secret", "accesstoken", "consumerkey"].iter().any(|word| last.contains(word))
        // A file that holds a password is no secret itself.
        && !last.ends_with("file")
}
