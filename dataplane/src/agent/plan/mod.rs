//! The plan: what a configuration means, computed from text alone.
//!
//! ```text
//! files ─► Properties ─► substitute ─► hierarchy ─► filters ─► validate ─► build ─► Plan
//!          (bytes)       ${…}          agents,      ${f['k']}  Flume's      ours: types, values,
//!                                      components              own rules    cross rules
//! ```
//!
//! Nothing is opened, asked or started: the environment, the clock and the runner of filter commands are arguments. The
//! same plan is what `ctl check` prints and what the agent starts, so they cannot disagree.

mod batch;
mod build;
mod hierarchy;
mod hints;
mod kinds;
mod rows;
mod similar;
mod validate;
mod values;

pub use kinds::{Component, ComponentKind, Part, Verdict};
pub use validate::Validated;

use crate::channel::ChannelSpec;
use crate::config::filters::{ExternalCommand, Filter};
use crate::config::{Diagnostic, Lookups, Place, Properties, Severity, substitute};
use crate::pipeline::{Interceptor, SelectorSpec, Sink, SinkProcessor, Source};
use hierarchy::{Hierarchy, List, RawAgent};
use std::collections::BTreeMap;

/// One configuration file: its name for messages, and its bytes.
#[derive(Debug, Clone)]
pub struct File {
    /// As it was named on the command line.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What the files mean.
pub struct Plan {
    /// Every property after substitution and filters, in the order of the files.
    pub properties: Vec<Property>,
    /// Every agent that the files name, by name.
    pub agents: Vec<AgentPlan>,
    /// Everything there is to say, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// A property as Flume would hold it: not trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its key.
    pub key: String,
    /// Its value.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// True when part of the value came from the environment or a config filter, and must not be shown.
    pub secret: bool,
}

/// One agent.
pub struct AgentPlan {
    /// Its name.
    pub name: String,
    /// The first line that names it.
    pub place: Place,
    /// True when Flume's validation leaves something of it.
    pub valid: bool,
    /// What Flume's validation leaves.
    pub validated: Validated,
    /// The verdict on everything that its lists name.
    pub components: Vec<Component>,
    /// Channels that run.
    pub channels: Vec<ChannelPlan>,
    /// Sources that run.
    pub sources: Vec<SourcePlan>,
    /// Sinks and groups that run.
    pub runners: Vec<RunnerPlan>,
}

/// A channel to open.
pub struct ChannelPlan {
    /// Its name.
    pub name: String,
    /// What it is.
    pub channel: Part<dyn ChannelSpec>,
}

/// A source to start.
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// What it is.
    pub source: Part<dyn Source>,
    /// Its interceptors with their names, in order.
    pub interceptors: Vec<(String, Part<dyn Interceptor>)>,
    /// Its selector.
    pub selector: Part<dyn SelectorSpec>,
    /// Its channels that run, in the order in which Flume writes to them.
    pub channels: Vec<String>,
}

/// A sink to start.
pub struct SinkPlan {
    /// Its name.
    pub name: String,
    /// What it is.
    pub sink: Part<dyn Sink>,
    /// Its channel.
    pub channel: String,
}

/// A sink alone, or a group of sinks.
pub struct RunnerPlan {
    /// Name of the group, or of the sink that stands alone.
    pub name: String,
    /// True for a group.
    pub is_group: bool,
    /// Which member works.
    pub processor: Part<dyn SinkProcessor>,
    /// Its members, in the order of Java's hash set.
    pub members: Vec<SinkPlan>,
}

impl AgentPlan {
    /// Components whose type is not to be had here: they end a start, unless `--allow-partial` is given.
    pub fn missing_types(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(|c| matches!(c.verdict, Verdict::ThirdParty | Verdict::Unsupported))
    }

    /// True when everything that its lists name would run.
    pub fn all_run(&self) -> bool {
        self.valid && self.components.iter().all(|c| c.verdict == Verdict::Runs)
    }
}

impl Plan {
    /// Reads the files, the later over the earlier ones.
    pub fn read(files: &[File], lookups: &Lookups, external: &dyn ExternalCommand) -> Plan {
        let mut properties = Properties::default();
        let mut diagnostics = Vec::new();
        for file in files {
            diagnostics.extend(properties.load(&file.name, &file.bytes));
        }
        let (values, unresolved) = substitute(&properties, lookups);
        diagnostics.extend(unresolved);
        let mut hierarchy = Hierarchy::new(&properties, &values);
        for (name, agent) in &mut hierarchy.agents {
            let filters = config_filters(name, agent, lookups, external, &mut diagnostics);
            hierarchy::filter(name, agent, &filters, &mut diagnostics);
        }
        let outcomes: BTreeMap<&str, validate::Outcome> =
            hierarchy.agents.iter().map(|(name, agent)| (name.as_str(), validate::validate(agent))).collect();
        diagnostics.extend(hints::hints(&properties, &hierarchy, &outcomes));
        let mut agents = Vec::new();
        for (name, outcome) in outcomes {
            let raw = &hierarchy.agents[name];
            agents.push(build::build(name, raw, outcome, &mut diagnostics));
        }
        if properties.entries().is_empty() {
            diagnostics.push(empty(files));
        }
        tidy(&mut diagnostics);
        let shown = properties.entries().iter().zip(&values).map(|(entry, value)| {
            let filtered =
                filtered(&hierarchy, &entry.key).filter(|t| *t != hierarchy::java_trim(&value.text));
            Property {
                key: entry.key.clone(),
                text: filtered.map_or_else(|| value.text.clone(), str::to_owned),
                place: entry.place.clone(),
                secret: value.from_environment || filtered.is_some(),
            }
        });
        Plan { properties: shown.collect(), agents, diagnostics }
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&AgentPlan> {
        self.agents.iter().find(|a| a.name == name)
    }
}

/// The filters of one agent, in Java's order; those that cannot be made are named.
fn config_filters<'a>(
    agent_name: &str,
    agent: &RawAgent,
    lookups: &'a Lookups,
    external: &'a dyn ExternalCommand,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Filter<'a>> {
    let Some(list) = agent.lists.get(&List::ConfigFilters) else { return Vec::new() };
    let names = hierarchy::java_split(&list.text);
    let order = crate::event::java_map::set_of_list_order(names.iter().copied());
    let mut filters = Vec::new();
    for name in order.into_iter().map(|at| names[at]) {
        let component = agent.component(List::ConfigFilters, name);
        let settings: BTreeMap<String, String> = component
            .map(|c| c.values.iter().map(|(k, v)| (k.clone(), v.text.clone())).collect())
            .unwrap_or_default();
        match Filter::new(name, &settings, &lookups.environment, external) {
            Ok(filter) => filters.push(filter),
            Err(why) => diagnostics.push(Diagnostic {
                place: component.map_or_else(|| list.place.clone(), |c| c.place("type")),
                key: format!("{agent_name}.configfilters.{name}"),
                severity: Severity::Error,
                code: "config-filter",
                message: format!("config filter {name} does not work: {why}"),
                help: "texts with ${…} that it should replace stay as they are written".to_owned(),
            }),
        }
    }
    filters
}

/// The text that a filter made of a property, if one did.
fn filtered<'a>(hierarchy: &'a Hierarchy, key: &str) -> Option<&'a str> {
    let (agent, below) = hierarchy::java_trim(key).split_once('.')?;
    let value = hierarchy.agents.get(agent)?.value_of(below)?;
    value.secret.then_some(value.text.as_str())
}

fn empty(files: &[File]) -> Diagnostic {
    Diagnostic {
        place: Place { file: files.last().map_or("", |f| f.name.as_str()).into(), line: 1 },
        key: String::new(),
        severity: Severity::Error,
        code: "empty-file",
        message: "there is no property in the configuration".to_owned(),
        help: "a property is written agent.sources.name.key = value".to_owned(),
    }
}

/// In the order of the files, and each complaint once.
fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics
        .sort_by(|a, b| (&a.place, b.severity, &a.key, a.code).cmp(&(&b.place, a.severity, &b.key, b.code)));
    diagnostics.dedup();
}

#[cfg(test)]
mod tests;
