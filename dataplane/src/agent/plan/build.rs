//! Our own verdict on what Flume's validation left: types, values, and what must fit together.
//!
//! In Flume's order: channels, sources, sinks, groups; then channels to which nothing is connected go. What Flume lets a
//! whole agent fail for costs the component alone here.

use super::batch::Capacities;
use super::hierarchy::{List, RawAgent, java_split};
use super::kinds::{self, ComponentKind, Fault, Part, Verdict};
use super::rows::{Rows, selector_type};
use super::validate::{self, Outcome, Validated};
use super::{AgentPlan, ChannelPlan, RunnerPlan, SinkPlan, SourcePlan};
use crate::channel::ChannelSpec;
use crate::config::{Diagnostic, Kind, Role, Settings, Severity};
use crate::pipeline::{Interceptor, SelectorSpec, SinkProcessor};
use crate::registry::{self, flume};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Plans one agent.
pub(super) fn build(
    name: &str,
    raw: &RawAgent,
    outcome: Outcome,
    diagnostics: &mut Vec<Diagnostic>,
) -> AgentPlan {
    let mut run = Build {
        rows: Rows::new(name, raw, diagnostics),
        channels: BTreeMap::new(),
        capacities: Capacities::default(),
        sources: Vec::new(),
        sinks: BTreeMap::new(),
        connected: Vec::new(),
    };
    let valid = outcome.validated.is_some();
    let left = outcome.validated.clone().unwrap_or_default();
    run.rows.dropped(&outcome);
    for channel in &left.channels {
        run.channel(channel);
    }
    for (source, channels) in &left.sources {
        run.source(source, channels);
    }
    for (sink, channel) in &left.sinks {
        run.sink(sink, channel);
    }
    let runners = run.runners(&left);
    run.unconnected(&left);
    run.finish(valid, left, runners)
}

struct Build<'a> {
    rows: Rows<'a>,
    channels: BTreeMap<String, Part<dyn ChannelSpec>>,
    capacities: Capacities,
    sources: Vec<SourcePlan>,
    sinks: BTreeMap<String, SinkPlan>,
    /// Channels that a source or sink of a known or foreign type uses.
    connected: Vec<String>,
}

impl Build<'_> {
    fn channel(&mut self, name: &str) {
        let settings = self.rows.settings(List::Channels, name);
        let text = settings.text("type").unwrap_or_default().to_owned();
        self.capacities.note(name, &text, &settings);
        let result = self.part(
            List::Channels,
            name,
            registry::CHANNELS,
            Role::Channel,
            &text,
            &["type", "config", "core"],
        );
        let number = |key: &str| settings.text(key).and_then(|t| t.parse::<u64>().ok());
        let result = result.map_err(|fault| match (fault.code, number("capacity")) {
            ("cannot-build", Some(capacity)) if number("transactionCapacity").is_none_or(|t| t > capacity) => Fault {
                help: format!(
                    "write {0}.transactionCapacity = {capacity} or less (without it, it is 100), or raise {0}.capacity",
                    settings.prefix
                ),
                ..fault
            },
            _ => fault,
        });
        let row = (ComponentKind::Channel, name, "");
        if let Some(part) = self.rows.judge((List::Channels, name), row, Some(&text), result) {
            self.channels.insert(name.to_owned(), part);
        }
    }

    /// Type, keys, values and a trial build of a source, channel or sink.
    fn part<C: ?Sized>(
        &mut self,
        list: List,
        name: &str,
        kinds: &'static [&'static Kind<C>],
        role: Role,
        text: &str,
        frame: &[&str],
    ) -> Result<Part<C>, Fault> {
        let mut settings = self.rows.settings(list, name);
        let kind = match kinds::resolve(kinds, role, text) {
            Ok(kind) => kind,
            Err(fault) => {
                if let Some(known) = flume::find(role, text) {
                    self.keys_of_flume(known, &settings, frame);
                }
                return Err(fault);
            }
        };
        kinds::unknown_keys(&kind.info, &settings, frame, self.rows.diagnostics);
        let unknown = self.rows.raw.component(list, name).map(|c| c.unknown.clone()).unwrap_or_default();
        let part = kinds::check(kind, settings.clone(), &unknown, self.rows.diagnostics)?;
        if let Some(key) = kind.info.batch_size_key {
            let default = kind.info.setting(key).and_then(|s| s.default_text()).and_then(|t| t.parse().ok());
            self.clamp(key, default, &mut settings);
        }
        Ok(Part { settings, ..part })
    }

    fn clamp(&mut self, key: &str, default: Option<u64>, settings: &mut Settings) {
        let channels = settings.text("channels").or(settings.text("channel")).unwrap_or_default().to_owned();
        let cut = self.capacities.clamp(&channels, key, default, settings);
        self.rows.diagnostics.extend(cut);
    }

    /// For types that are not here: only misspellings that are nearly certain, and the batch size.
    fn keys_of_flume(&mut self, known: &flume::FlumeType, settings: &Settings, frame: &[&str]) {
        let is_frame = |key: &str| frame.iter().any(|f| *f == key || f.ends_with('.') && key.starts_with(f));
        for (key, value) in &settings.values {
            if known.has_key(key) || is_frame(key) {
                continue;
            }
            let names = frame.iter().copied().chain(known.keys().map(|k| -> &str { k }));
            if let Some(near) = super::similar::closest(key, names.filter(|k| !k.ends_with('.'))) {
                self.rows.diagnostics.push(Diagnostic {
                    place: value.place.clone(),
                    key: format!("{}.{key}", settings.prefix),
                    severity: Severity::Warning,
                    code: "unknown-key",
                    message: format!("{} has no key {key}; it has no effect", known.name()),
                    help: format!("did you mean {near}?"),
                });
            }
        }
        // An RPC sink with a client of its own choice may name its hosts in other keys.
        let other_client = settings.has("client.type");
        for key in known.required().filter(|key| !settings.has(key) && !other_client) {
            self.rows.diagnostics.push(Diagnostic {
                place: settings.place("type"),
                key: format!("{}.{key}", settings.prefix),
                severity: Severity::Error,
                code: "missing-key",
                message: format!("{} needs the key {key}; Flume would not build it", known.name()),
                help: match super::similar::closest(key, settings.values.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean {key} by {near}?"),
                    None => format!("add {}.{key} = …", settings.prefix),
                },
            });
        }
        if let Some((key, default)) = known.batch {
            self.clamp(key, Some(default), &mut settings.clone());
        }
    }

    fn source(&mut self, name: &str, listed: &[String]) {
        let settings = self.rows.settings(List::Sources, name);
        let text = settings.text("type").unwrap_or_default().to_owned();
        let frame = ["type", "channels", "config", "core", "interceptors", "interceptors.", "selector."];
        let result = self.part(List::Sources, name, registry::SOURCES, Role::Source, &text, &frame);
        if !matches!(&result, Err(Fault { verdict: Verdict::Fails, .. })) {
            self.connected.extend_from_slice(listed);
        }
        let (interceptors, bad_interceptor) = self.interceptors(name, &settings);
        let running: Vec<String> =
            listed.iter().filter(|c| self.channels.contains_key(*c)).cloned().collect();
        let selector = self.selector(name, &settings, listed, &running);
        let result = result.and_then(|source| {
            if running.is_empty() {
                return Err(no_channel(listed));
            }
            if let Some(bad) = bad_interceptor {
                let why = format!("its interceptor {bad} does not run");
                return Err(Fault::fails("interceptor", "interceptors", why, ""));
            }
            let Some(selector) = selector else {
                return Err(Fault::fails(
                    "selector",
                    "selector.type",
                    "its selector does not run".to_owned(),
                    "",
                ));
            };
            Ok(SourcePlan { name: name.to_owned(), source, interceptors, selector, channels: running })
        });
        let row = (ComponentKind::Source, name, "");
        if let Some(source) = self.rows.judge((List::Sources, name), row, Some(&text), result) {
            self.sources.push(source);
        }
    }

    /// The chain, and the first of it that does not run.
    fn interceptors(
        &mut self,
        source: &str,
        settings: &Settings,
    ) -> (Vec<(String, Part<dyn Interceptor>)>, Option<String>) {
        let mut chain = Vec::new();
        let mut bad = None;
        for name in java_split(settings.text("interceptors").unwrap_or_default()) {
            if name.is_empty() {
                continue;
            }
            let prefix = format!("interceptors.{name}.");
            let own = settings.child(&prefix);
            let text = own.text("type").map(str::to_owned);
            let result = self.nested(source, own, registry::INTERCEPTORS, Role::Interceptor, text.as_deref());
            let row = format!("{source}.{name}");
            let row = (ComponentKind::Interceptor, row.as_str(), prefix.as_str());
            match self.rows.judge((List::Sources, source), row, text.as_deref(), result) {
                Some(part) => chain.push((name.to_owned(), part)),
                None => bad = bad.or(Some(name.to_owned())),
            }
        }
        (chain, bad)
    }

    fn nested<C: ?Sized>(
        &mut self,
        source: &str,
        settings: Settings,
        kinds: &'static [&'static Kind<C>],
        role: Role,
        text: Option<&str>,
    ) -> Result<Part<C>, Fault> {
        let Some(text) = text else {
            let why = format!("it has no key {}.type", settings.prefix);
            return Err(Fault::fails("no-type", "", why, "every name in the list interceptors needs a type"));
        };
        let kind = kinds::resolve(kinds, role, text)?;
        kinds::unknown_keys(&kind.info, &settings, &["type", "config"], self.rows.diagnostics);
        let list = if role == Role::Processor { List::SinkGroups } else { List::Sources };
        let prefix = settings.prefix.strip_prefix(&format!("{}.{}.{source}.", self.rows.agent, list.key()));
        let prefix = prefix.unwrap_or_default();
        let unknown = self.rows.raw.component(list, source).map(|c| &c.unknown);
        let below =
            |key: &String| key.strip_prefix(prefix).and_then(|k| k.strip_prefix('.')).map(str::to_owned);
        let unknown = unknown.into_iter().flatten().filter_map(below).collect();
        kinds::check(kind, settings, &unknown, self.rows.diagnostics)
    }

    /// The selector of a source, tried on the channels that run.
    fn selector(
        &mut self,
        source: &str,
        settings: &Settings,
        listed: &[String],
        running: &[String],
    ) -> Option<Part<dyn SelectorSpec>> {
        let mut own = settings.child("selector.");
        let component = self.rows.raw.component(List::Sources, source);
        let shown = component.and_then(selector_type).map(str::to_owned);
        let text = own.text("type").filter(|t| !t.is_empty()).unwrap_or("replicating").to_owned();
        let deferred = component.is_some_and(|c| c.unknown.iter().any(|k| k.starts_with("selector.")));
        // Judged on all channels of the source while some of them do not run, to name each fault at its own place.
        let names: Vec<Arc<str>> = if running.len() == listed.len() { running } else { listed }
            .iter()
            .map(|c| c.as_str().into())
            .collect();
        if flume::find(Role::Selector, &text).is_some_and(|t| t.alias == "replicating") {
            self.rows.diagnostics.extend(drop_unknown_optional(&mut own, listed));
        }
        let result =
            self.nested(source, own, registry::SELECTORS, Role::Selector, Some(&text)).and_then(|part| {
                if !deferred {
                    let spec = (part.kind.build)(&part.settings);
                    let bound = spec.and_then(|spec| spec.bind(&names));
                    drop(bound.map_err(|error| Fault::fails("selector", "", error.line(), SELECTOR_HELP))?);
                }
                Ok(part)
            });
        if shown.is_none() {
            return result.ok();
        }
        if component.is_some_and(validate::is_load_balancing) && result.is_ok() {
            self.rows.diagnostics.push(Diagnostic {
                place: settings.place("selector.type"),
                key: format!("{}.selector.type", settings.prefix),
                severity: Severity::Hint,
                code: "load-balancing-selector",
                message: "Flume 1.10 and 1.11 always drop a source with this selector; here it runs"
                    .to_owned(),
                help: String::new(),
            });
        }
        let row = (ComponentKind::Selector, source, "selector.");
        self.rows.judge((List::Sources, source), row, shown.as_deref(), result)
    }

    fn sink(&mut self, name: &str, channel: &str) {
        let text = self
            .rows
            .raw
            .component(List::Sinks, name)
            .and_then(|c| c.text("type"))
            .unwrap_or_default()
            .to_owned();
        let frame = ["type", "channel", "config", "core"];
        let result = self.part(List::Sinks, name, registry::SINKS, Role::Sink, &text, &frame);
        if !matches!(&result, Err(Fault { verdict: Verdict::Fails, .. })) {
            self.connected.push(channel.to_owned());
        }
        let result = result.and_then(|sink| match self.channels.contains_key(channel) {
            true => Ok(SinkPlan { name: name.to_owned(), sink, channel: channel.to_owned() }),
            false => Err(no_channel(&[channel.to_owned()])),
        });
        let row = (ComponentKind::Sink, name, "");
        if let Some(sink) = self.rows.judge((List::Sinks, name), row, Some(&text), result) {
            self.sinks.insert(name.to_owned(), sink);
        }
    }

    /// Groups, then every sink that stands alone.
    fn runners(&mut self, left: &Validated) -> Vec<RunnerPlan> {
        let mut runners = Vec::new();
        for (group, members) in &left.groups {
            runners.extend(self.group(group, members));
        }
        let group_names: Vec<&str> = left.groups.iter().map(|(name, _)| name.as_str()).collect();
        let grouped: Vec<&String> = left.groups.iter().flat_map(|(_, members)| members).collect();
        let default = kinds::resolve(registry::PROCESSORS, Role::Processor, "default");
        for (name, _) in left.sinks.iter().filter(|(name, _)| !grouped.contains(&name)) {
            let Some(sink) = self.sinks.remove(name) else { continue };
            let result = if group_names.contains(&name.as_str()) {
                let why = "it has the name of a sink group, and Flume never runs such a sink";
                Err(Fault::fails(
                    "name-of-a-group",
                    "",
                    why.to_owned(),
                    "give the sink or the group another name",
                ))
            } else {
                default.clone()
            };
            match result {
                Ok(kind) => runners.push(RunnerPlan {
                    name: name.clone(),
                    is_group: false,
                    processor: Part { kind, settings: Settings::default() },
                    members: vec![sink],
                }),
                Err(fault) => self.stop_sink(name, fault),
            }
        }
        runners
    }

    fn group(&mut self, name: &str, members: &[String]) -> Option<RunnerPlan> {
        let settings = self.rows.settings(List::SinkGroups, name);
        let own = settings.child("processor.");
        let text = own.text("type").map(str::to_owned);
        let result = match text.as_deref() {
            None => Err(Fault::fails(
                "no-type",
                "processor.type",
                "it has no key processor.type".to_owned(),
                "add processor.type = failover or load_balance",
            )),
            Some(text) => self.group_processor(name, own, text, members),
        };
        let row = (ComponentKind::Sinkgroup, name, "processor.");
        let result = result
            .map_err(|fault| Fault { key: fault.key.trim_start_matches("processor.").to_owned(), ..fault });
        let processor = self.rows.judge((List::SinkGroups, name), row, text.as_deref(), result);
        let Some(processor) = processor else {
            for member in members {
                if self.sinks.remove(member).is_some() {
                    let why = format!("its group {name} does not run");
                    self.stop_sink(member, Fault::fails("group", "", why, ""));
                }
            }
            return None;
        };
        let sinks: Vec<SinkPlan> = members.iter().filter_map(|m| self.sinks.remove(m)).collect();
        if sinks.is_empty() {
            let fault = Fault::fails("group", "", "none of its sinks runs".to_owned(), "");
            return self.rows.judge((List::SinkGroups, name), row, text.as_deref(), Err(fault));
        }
        Some(RunnerPlan { name: name.to_owned(), is_group: true, processor, members: sinks })
    }

    fn group_processor(
        &mut self,
        name: &str,
        own: Settings,
        text: &str,
        members: &[String],
    ) -> Result<Part<dyn SinkProcessor>, Fault> {
        let is = |alias: &str| flume::find(Role::Processor, text).is_some_and(|t| t.alias == alias);
        if is("default") && members.len() > 1 {
            let why = format!("processor default takes one sink and the group has {}", members.len());
            return Err(Fault::fails("group-size", "type", why, "use failover or load_balance"));
        }
        if is("load_balance") && members.len() < 2 {
            let why = "processor load_balance needs two sinks or more and the group has one".to_owned();
            return Err(Fault::fails("group-size", "type", why, "add a sink, or remove the group"));
        }
        self.nested(name, own, registry::PROCESSORS, Role::Processor, Some(text))
    }

    fn stop_sink(&mut self, name: &str, fault: Fault) {
        let text = self.rows.raw.component(List::Sinks, name).and_then(|c| c.text("type")).map(str::to_owned);
        let row = (ComponentKind::Sink, name, "");
        self.rows.judge::<()>((List::Sinks, name), row, text.as_deref(), Err(fault));
    }

    /// Flume removes channels to which nothing is connected.
    fn unconnected(&mut self, left: &Validated) {
        for name in &left.channels {
            if !self.connected.contains(name) && self.channels.remove(name).is_some() {
                let text = self
                    .rows
                    .raw
                    .component(List::Channels, name)
                    .and_then(|c| c.text("type"))
                    .map(str::to_owned);
                let fault = Fault::fails(
                    "unconnected-channel",
                    "",
                    "no source or sink that runs is connected to it".to_owned(),
                    "name it in a source's channels and a sink's channel, or take it off the list",
                );
                let row = (ComponentKind::Channel, name.as_str(), "");
                self.rows.judge::<()>((List::Channels, name), row, text.as_deref(), Err(fault));
            }
        }
    }

    fn finish(mut self, valid: bool, validated: Validated, runners: Vec<RunnerPlan>) -> AgentPlan {
        let components = self.rows.in_list_order();
        let channels = validated.channels.iter().filter_map(|name| {
            self.channels.remove(name).map(|channel| ChannelPlan { name: name.clone(), channel })
        });
        AgentPlan {
            name: self.rows.agent.to_owned(),
            place: self.rows.raw.place.clone(),
            valid,
            channels: channels.collect(),
            validated,
            components,
            sources: self.sources,
            runners,
        }
    }
}

/// Flume builds a replicating selector with an unknown optional channel, and every event fails at it. Here the name is
/// left out.
fn drop_unknown_optional(selector: &mut Settings, channels: &[String]) -> Option<Diagnostic> {
    let key = format!("{}.optional", selector.prefix);
    let value = selector.values.get_mut("optional")?;
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        java_split(&value.text).into_iter().partition(|name| channels.iter().any(|c| c == name));
    if unknown.is_empty() {
        return None;
    }
    let message = format!("{} is no channel of the source and is left out", unknown.join(", "));
    let kept = known.join(" ");
    let place = value.place.clone();
    value.text = kept;
    Some(Diagnostic {
        place,
        key,
        severity: Severity::Warning,
        code: "unknown-optional-channel",
        message,
        help: format!("the channels of the source are {}", channels.join(", ")),
    })
}

const SELECTOR_HELP: &str = "a selector may only name channels that the source lists in its key channels";

fn no_channel(names: &[String]) -> Fault {
    let why = match names {
        [one] => format!("its channel {one} does not run"),
        several => format!("none of its channels {} runs", several.join(", ")),
    };
    Fault::fails("channel", "", why, "see the message about the channel")
}
