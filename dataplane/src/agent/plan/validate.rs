//! Flume's own validation: what survives of an agent before anything is built.
//!
//! Follows `FlumeConfiguration` of 1.11 in its results: which channels, sources, sinks and groups remain, with which
//! channels and members, in the order of Java's hash sets. What it drops without a word gets a reason here.

use super::hierarchy::{Component, List, RawAgent, java_same_word, java_split};
use crate::config::Place;
use crate::event::java_map;
use crate::registry::flume;
use std::collections::{BTreeMap, BTreeSet};

/// What Flume's validation leaves of an agent. Every list is in Java's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validated {
    /// Channels.
    pub channels: Vec<String>,
    /// Sources, each with its active channels.
    pub sources: Vec<(String, Vec<String>)>,
    /// Sinks, each with its channel.
    pub sinks: Vec<(String, String)>,
    /// Groups, each with its members.
    pub groups: Vec<(String, Vec<String>)>,
}

/// A component, or a whole agent, that does not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) list: List,
    pub(super) name: String,
    /// The key at fault, below the component; empty: the component as a whole.
    pub(super) key: &'static str,
    pub(super) place: Place,
    pub(super) code: &'static str,
    pub(super) why: String,
}

/// The outcome for one agent.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What is left; `None` when the whole agent goes.
    pub(super) validated: Option<Validated>,
    pub(super) dropped: Vec<Dropped>,
    /// Why the whole agent goes.
    pub(super) agent_why: Option<(&'static str, String)>,
}

/// Judges one agent whose properties have been through its config filters.
pub(super) fn validate(agent: &RawAgent) -> Outcome {
    let mut run = Run { agent, dropped: Vec::new() };
    let channels = run.channels();
    let mut left = Validated { channels, ..Validated::default() };
    let agent_why = if !agent.lists.contains_key(&List::Channels) {
        Some(("no-channels", "the agent has no list of channels".to_owned()))
    } else if left.channels.is_empty() {
        Some(("no-channels", "none of the agent's channels can be used".to_owned()))
    } else {
        let active: BTreeSet<&str> = left.channels.iter().map(String::as_str).collect();
        left.sources = run.sources(&active);
        left.sinks = run.sinks(&active);
        left.groups = run.groups(&left.sinks);
        let nothing = left.sources.is_empty() && left.sinks.is_empty();
        nothing.then(|| {
            ("no-sources-or-sinks", "the agent has neither a source nor a sink that can be used".to_owned())
        })
    };
    let validated = agent_why.is_none().then_some(left);
    Outcome { validated, dropped: run.dropped, agent_why }
}

/// Why one component goes: key at fault, code, sentence.
type Fault = (&'static str, &'static str, String);

struct Run<'a> {
    agent: &'a RawAgent,
    dropped: Vec<Dropped>,
}

impl<'a> Run<'a> {
    fn channels(&mut self) -> Vec<String> {
        let judged = self.each(List::Channels, |component| {
            config_class(List::Channels, component)?;
            has_type(component)
        });
        judged.into_iter().map(|(name, ())| name).collect()
    }

    fn sources(&mut self, active: &BTreeSet<&str>) -> Vec<(String, Vec<String>)> {
        self.each(List::Sources, |component| {
            config_class(List::Sources, component)?;
            has_type(component)?;
            let Some(list) = component.text("channels") else {
                return Err(("channels", "no-channels", "it has no key channels".to_owned()));
            };
            selector(component)?;
            let all = in_set_order(java_split(list));
            let order = java_map::hash_order(all.iter().copied());
            let order = order.into_iter().map(|at| all[at]);
            let channels: Vec<String> = order.filter(|c| active.contains(c)).map(str::to_owned).collect();
            if channels.is_empty() {
                return Err(("channels", "no-active-channel", not_active(&all)));
            }
            Ok(channels)
        })
    }

    fn sinks(&mut self, active: &BTreeSet<&str>) -> Vec<(String, String)> {
        self.each(List::Sinks, |component| {
            config_class(List::Sinks, component)?;
            has_type(component)?;
            match component.text("channel") {
                None | Some("") => Err(("channel", "no-channel", "it has no key channel".to_owned())),
                Some(channel) if active.contains(channel) => Ok(channel.to_owned()),
                Some(channel) => Err(("channel", "no-active-channel", not_active(&[channel]))),
            }
        })
    }

    fn groups(&mut self, sinks: &[(String, String)]) -> Vec<(String, Vec<String>)> {
        let mut used: BTreeMap<String, String> = BTreeMap::new();
        let mut groups = Vec::new();
        for name in self.listed(List::SinkGroups) {
            match self.members(&name, sinks, &mut used) {
                Ok(members) => groups.push((name, members)),
                Err(fault) => self.drop(List::SinkGroups, &name, fault),
            }
        }
        groups
    }

    fn members(
        &mut self,
        group: &str,
        sinks: &[(String, String)],
        used: &mut BTreeMap<String, String>,
    ) -> Result<Vec<String>, Fault> {
        let Some(component) = self.agent.component(List::SinkGroups, group) else {
            return Err(no_properties());
        };
        let Some(list) = component.text("sinks") else {
            let why = "it has no key sinks; Flume itself would refuse the whole file";
            return Err(("sinks", "no-sinks", why.to_owned()));
        };
        if component.text("processor.type").is_some_and(|t| java_same_word(t, "other")) {
            let why = "processor.type other is a placeholder that names no processor";
            return Err(("processor.type", "unknown-type", why.to_owned()));
        }
        let mut members = Vec::new();
        let mut reasons = Vec::new();
        for sink in in_set_order(java_split(list)) {
            if let Some(other) = used.get(sink) {
                reasons.push(format!("{sink} belongs to group {other}"));
            } else if sinks.iter().any(|(known, _)| known == sink) {
                used.insert(sink.to_owned(), group.to_owned());
                members.push(sink.to_owned());
            } else {
                reasons.push(format!("{sink} is not a sink that can be used"));
            }
        }
        if members.is_empty() {
            return Err(("sinks", "no-sinks", format!("none of its sinks is left: {}", reasons.join(", "))));
        }
        Ok(members)
    }

    /// The names of a list in Java's order. Groups are split at spaces only, and put into their set one by one.
    fn listed(&self, list: List) -> Vec<String> {
        let Some(value) = self.agent.lists.get(&list) else { return Vec::new() };
        let names = if list == List::SinkGroups {
            let names: Vec<&str> = value.text.split(' ').filter(|n| !n.is_empty()).collect();
            java_map::hash_order(names.iter().copied()).into_iter().map(|at| names[at]).collect()
        } else {
            in_set_order(java_split(&value.text))
        };
        names.into_iter().map(str::to_owned).collect()
    }

    fn each<T>(&mut self, list: List, judge: impl Fn(&Component) -> Result<T, Fault>) -> Vec<(String, T)> {
        let mut left = Vec::new();
        for name in self.listed(list) {
            let verdict = match self.agent.component(list, &name) {
                Some(component) => judge(component),
                None => Err(no_properties()),
            };
            match verdict {
                Ok(value) => left.push((name, value)),
                Err(fault) => self.drop(list, &name, fault),
            }
        }
        left
    }

    fn drop(&mut self, list: List, name: &str, (key, code, why): Fault) {
        let place = match self.agent.component(list, name) {
            Some(component) => component.place(key),
            None => self.agent.lists.get(&list).map(|v| v.place.clone()).unwrap_or_default(),
        };
        self.dropped.push(Dropped { list, name: name.to_owned(), key, place, code, why });
    }
}

fn in_set_order(names: Vec<&str>) -> Vec<&str> {
    java_map::set_of_list_order(names.iter().copied()).into_iter().map(|at| names[at]).collect()
}

fn no_properties() -> Fault {
    ("", "no-properties", "the list names it, but it has no properties".to_owned())
}

fn has_type(component: &Component) -> Result<(), Fault> {
    match component.text("type") {
        None | Some("") => Err(("type", "no-type", "it has no key type".to_owned())),
        Some(_) => Ok(()),
    }
}

fn not_active(names: &[&str]) -> String {
    match names {
        [one] => format!("channel {one} does not exist or cannot be used"),
        several => format!("none of its channels {} exists and can be used", several.join(", ")),
    }
}

/// The key `config` of a component that is no built-in type must name one of Flume's configuration classes.
fn config_class(list: List, component: &Component) -> Result<(), Fault> {
    let Some(role) = list.role() else { return Ok(()) };
    let known = |text: &str| {
        java_same_word(text, "other")
            || flume::all(role).any(|t| {
                !t.alias.is_empty() && (java_same_word(t.alias, text) || java_same_word(t.class, text))
            })
    };
    if component.text("type").is_some_and(known) {
        return Ok(());
    }
    let Some(config) = component.text("config").filter(|c| !c.is_empty()) else { return Ok(()) };
    let upper = config.to_uppercase();
    let aliases = |t: &flume::FlumeType| !t.alias.is_empty() && t.alias.to_uppercase() == upper;
    let word = list.one();
    let class =
        format!("org.apache.flume.conf.{word}.{}{}Configuration", word[..1].to_uppercase(), &word[1..]);
    if upper == "OTHER" || flume::all(role).any(aliases) || config == class {
        return Ok(());
    }
    let why = format!("the key config names no configuration class of Flume's: {config}");
    Err(("config", "unknown-config", why))
}

/// Flume's validation knows a selector by name, or takes it as it is; its key `config` must be a known one.
fn selector(component: &Component) -> Result<(), Fault> {
    let kind = component.text("selector.type").filter(|t| !t.is_empty()).unwrap_or("replicating");
    let named = |t: &flume::FlumeType| java_same_word(t.alias, kind) || java_same_word(t.class, kind);
    if java_same_word(kind, "other") || flume::all(crate::config::Role::Selector).any(named) {
        return Ok(());
    }
    let Some(config) = component.text("selector.config").filter(|c| !c.is_empty()) else { return Ok(()) };
    match config.to_uppercase().as_str() {
        "OTHER" | "REPLICATING" | "MULTIPLEXING" => Ok(()),
        _ => Err((
            "selector.config",
            "unknown-config",
            format!("the key selector.config names no configuration class of Flume's: {config}"),
        )),
    }
}

/// True for the one selector that Flume's own validation refuses by mistake and that runs here.
pub(super) fn is_load_balancing(component: &Component) -> bool {
    component.text("selector.type").is_some_and(|kind| {
        java_same_word(kind, "load_balancing")
            || java_same_word(kind, "org.apache.flume.channel.LoadBalancingChannelSelector")
    })
}
