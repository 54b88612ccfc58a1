//! Our own verdict on what Flume's validation left: types, values, and what must fit together.
//!
//! In Flume's order: channels, sources, sinks, groups; then channels to which nothing is connected go. What Flume lets a
//! whole agent fail for costs the component alone here.

mod groups;
mod sources;

use super::batch::Capacities;
use super::hierarchy::{List, RawAgent};
use super::kinds::{self, ComponentKind, Fault, Part, Verdict};
use super::rows::Rows;
use super::validate::{Outcome, Validated};
use super::{AgentPlan, ChannelPlan, RunnerPlan, SinkPlan, SourcePlan};
use crate::channel::ChannelSpec;
use crate::config::{Diagnostic, Kind, Role, Settings, Severity};
use crate::registry::{self, flume};
use std::collections::BTreeMap;

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

fn no_channel(names: &[String]) -> Fault {
    let why = match names {
        [one] => format!("its channel {one} does not run"),
        several => format!("none of its channels {} runs", several.join(", ")),
    };
    Fault::fails("channel", "", why, "see the message about the channel")
}
