//! The sentences that help a person: what was meant by keys, names and lists that Flume ignores or drops.

use super::hierarchy::{Hierarchy, List, RawAgent, java_split};
use super::validate::{Dropped, Outcome};
use super::{similar, values};
use crate::config::{Diagnostic, Place, Properties, Severity};
use std::collections::BTreeMap;

/// Everything that can be said without knowing any type.
pub(super) fn hints(
    properties: &Properties,
    hierarchy: &Hierarchy,
    outcomes: &BTreeMap<&str, Outcome>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for entry in properties.entries() {
        found.extend(values::hints(entry, hierarchy));
    }
    for (key, place) in &hierarchy.without_agent {
        found.push(without_agent(key, place));
    }
    for (key, place, separated) in &hierarchy.empty {
        found.push(empty_value(key, place, *separated, properties));
    }
    for (name, agent) in &hierarchy.agents {
        let foreign = agent.stray.iter().filter(|(key, _)| !AGENT_KEYS.contains(&key.as_str()));
        let lists = foreign.map(|(key, place)| stray(name, key, place));
        found.extend(lists);
        found.extend(unlisted(name, agent));
        found.extend(unlisted_interceptors(name, agent));
        found.extend(same_ports(name, agent));
        let Some(outcome) = outcomes.get(name.as_str()) else { continue };
        found.extend(outcome.dropped.iter().map(|d| dropped(name, agent, d)));
        if let Some((code, why)) = &outcome.agent_why {
            found.push(invalid_agent(name, agent, code, why, hierarchy, properties));
        }
    }
    found
}

fn without_agent(key: &str, place: &Place) -> Diagnostic {
    let help = if key.starts_with("//") || key.starts_with("--") || key.starts_with(';') {
        "a comment begins with # or !"
    } else {
        "if it belongs to the line above, end that line with a backslash; else delete it"
    };
    let message =
        "this is not a property of an agent (agent.sources.name.key = value) and is ignored".to_owned();
    complaint(place, key, Severity::Warning, "no-agent-name", message, help.to_owned())
}

fn empty_value(key: &str, place: &Place, separated: bool, properties: &Properties) -> Diagnostic {
    let next =
        properties.entries().iter().find(|e| e.place.file == place.file && e.place.line == place.line + 1);
    let cut = next.is_some_and(|e| !looks_like_property(&e.key));
    let (code, message, help) = if !separated && !key.contains('.') {
        (
            "no-value",
            format!("the line holds only \"{key}\", which is no property, and is ignored"),
            "if it belongs to the line above, end that line with a backslash; a comment begins with #"
                .to_owned(),
        )
    } else if cut {
        (
            "no-value",
            "the key has no value: its line ends before one; the property is ignored".to_owned(),
            format!(
                "write {key} = and the value of the next line in one line, or end this line with = and a backslash"
            ),
        )
    } else {
        (
            "no-value",
            "the key has no value; the property is ignored".to_owned(),
            "give a value, or delete the line".to_owned(),
        )
    };
    complaint(place, key, Severity::Warning, code, message, help)
}

fn looks_like_property(key: &str) -> bool {
    let mut segments = key.split('.');
    segments.next();
    segments.next().is_some_and(|list| {
        List::ALL
            .into_iter()
            .any(|l| l.key() == list || similar::closest(list, [l.key()].into_iter()).is_some())
    })
}

/// Keys of an agent itself that are ours, not Flume's: which cores its data cores may take, how long a stop drains.
const AGENT_KEYS: [&str; 2] = ["cores", "stopTimeout"];

/// A key below the agent that names no list and no component.
fn stray(agent: &str, key: &str, place: &Place) -> Diagnostic {
    let first = key.split('.').next().unwrap_or_default();
    let lists = List::ALL.map(List::key);
    let help = if lists.contains(&first) {
        format!("a component's property is written {agent}.{first}.name.key = value")
    } else if let Some(near) = similar::closest(first, lists.into_iter()) {
        format!("did you mean {agent}.{near}{}?", &key[first.len()..])
    } else {
        format!("a property is written {agent}.sources.name.key = value (or channels, sinks, sinkgroups)")
    };
    let full = format!("{agent}.{key}");
    let message = "this belongs to no source, channel, sink or group, and is ignored".to_owned();
    complaint(place, &full, Severity::Warning, "unknown-property", message, help)
}

/// Components with properties that no list names.
fn unlisted(agent_name: &str, agent: &RawAgent) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for list in List::ALL {
        let listed: Vec<&str> = agent.lists.get(&list).map(|v| listed(list, &v.text)).unwrap_or_default();
        for name in agent.names(list).filter(|name| !listed.contains(name)) {
            let Some(component) = agent.component(list, name) else { continue };
            let place = component.place("type");
            let key = format!("{agent_name}.{}", list.key());
            let one = list.one();
            let help = if listed.iter().any(|l| l.split([',', ';', '\t']).any(|part| part == name)) {
                "names in a list are separated by blanks, not by commas".to_owned()
            } else if let Some(near) = misspelt(agent, list, name, &listed) {
                format!("did you mean {near}?")
            } else {
                let mut names = listed.clone();
                names.push(name);
                format!("write {key} = {} to use it", names.join(" "))
            };
            found.push(complaint(
                &place,
                &format!("{key}.{name}"),
                Severity::Warning,
                "unlisted",
                format!("{one} {name} has properties, but {key} does not name it: it is ignored"),
                help,
            ));
        }
    }
    found
}

/// Interceptors with properties that their source does not name.
fn unlisted_interceptors(agent_name: &str, agent: &RawAgent) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for source in agent.names(List::Sources) {
        let Some(component) = agent.component(List::Sources, source) else { continue };
        let list = component.text("interceptors").unwrap_or_default();
        let names = java_split(list);
        for (key, value) in &component.values {
            let Some(name) = key.strip_prefix("interceptors.").and_then(|k| k.strip_suffix(".type")) else {
                continue;
            };
            if names.contains(&name) || name.contains('.') {
                continue;
            }
            let all = [list, name].join(" ");
            found.push(complaint(
                &value.place,
                &format!("{agent_name}.sources.{source}.{key}"),
                Severity::Warning,
                "unlisted",
                format!("source {source} does not name interceptor {name} in its list: it is ignored"),
                format!("write {agent_name}.sources.{source}.interceptors = {}", all.trim()),
            ));
        }
    }
    found
}

/// Two listed sources of an agent that want the same port of the same address.
fn same_ports(agent_name: &str, agent: &RawAgent) -> Vec<Diagnostic> {
    let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut found = Vec::new();
    let names = agent.lists.get(&List::Sources).map(|v| java_split(&v.text)).unwrap_or_default();
    for name in names {
        let Some(component) = agent.component(List::Sources, name) else { continue };
        let Some(port) = component.text("port").filter(|p| *p != "0") else { continue };
        let udp = component.text("type").is_some_and(|t| t.to_ascii_lowercase().ends_with("udp"));
        let address = component.text("bind").or(component.text("host")).unwrap_or_default();
        if udp || taken.get(&(address, port)).is_none_or(|other| *other == name) {
            taken.entry((address, port)).or_insert(name);
            continue;
        }
        let other = taken[&(address, port)];
        found.push(complaint(
            &component.place("port"),
            &format!("{agent_name}.sources.{name}.port"),
            Severity::Warning,
            "same-port",
            format!("source {other} listens on port {port} of this address already; only one of the two can"),
            "give one of them another port".to_owned(),
        ));
    }
    found
}

fn listed(list: List, text: &str) -> Vec<&str> {
    if list == List::SinkGroups {
        text.split(' ').filter(|n| !n.is_empty()).collect()
    } else {
        java_split(text)
    }
}

/// The listed name that was probably meant: near in letters, and the stray one lacks a type of its own.
fn misspelt<'a>(agent: &RawAgent, list: List, name: &str, listed: &[&'a str]) -> Option<&'a str> {
    let near = similar::closest(name, listed.iter().copied());
    near.or_else(|| {
        let own_type = agent.component(list, name)?.text("type").is_some();
        let same_start = |other: &&&str| strsim::osa_distance(name, other) == 1;
        if own_type { None } else { listed.iter().find(same_start).copied() }
    })
}

fn dropped(agent_name: &str, agent: &RawAgent, drop: &Dropped) -> Diagnostic {
    let key = format!("{agent_name}.{}.{}.{}", drop.list.key(), drop.name, drop.key);
    let instead = agent.component(drop.list, &drop.name).and_then(|component| {
        let near = similar::closest(drop.key, component.values.keys().map(String::as_str))?;
        (!drop.key.is_empty() && !component.values.contains_key(drop.key)).then(|| component.place(near))
    });
    complaint(
        instead.as_ref().unwrap_or(&drop.place),
        key.trim_end_matches('.'),
        Severity::Error,
        drop.code,
        format!("{} {} is dropped: {}", drop.list.one(), drop.name, drop.why),
        dropped_help(agent_name, agent, drop),
    )
}

fn dropped_help(agent_name: &str, agent: &RawAgent, drop: &Dropped) -> String {
    let prefix = format!("{agent_name}.{}.{}", drop.list.key(), drop.name);
    let component = agent.component(drop.list, &drop.name);
    let has = |key: &str| component.is_some_and(|c| c.values.contains_key(key));
    let near_key = |key: &str| {
        similar::closest(key, component.into_iter().flat_map(|c| c.values.keys()).map(String::as_str))
    };
    match drop.code {
        "no-properties" if drop.name.contains(',') => "separate names by blanks, not by commas".to_owned(),
        "no-properties" => {
            let free = agent.names(drop.list).filter(|n| {
                !agent.lists.get(&drop.list).is_some_and(|l| listed(drop.list, &l.text).contains(n))
            });
            match similar::closest(&drop.name, free) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("add {prefix}.type = … and its other properties, or take it off the list"),
            }
        }
        "no-channels" if has("channel") => format!("a source has the key channels: write {prefix}.channels"),
        "no-channel" if has("channels") => {
            format!("a sink has the key channel, with one name: write {prefix}.channel")
        }
        "no-type" | "no-channels" | "no-channel" | "no-sinks" if !has(drop.key) => match near_key(drop.key) {
            Some(near) => format!("did you mean {} by {near}? Upper and lower case matter", drop.key),
            None => {
                let channels = agent.lists.get(&List::Channels).map_or("…", |v| v.text.as_str());
                let example = if drop.key.starts_with("channel") { channels } else { "…" };
                format!("add {prefix}.{} = {}", drop.key, java_split(example).first().unwrap_or(&"…"))
            }
        },
        "no-active-channel" => {
            channel_help(agent_name, agent, drop, component.and_then(|c| c.text(drop.key)))
        }
        "unknown-config" => format!("delete {prefix}.{}", drop.key),
        _ => String::new(),
    }
}

fn channel_help(agent_name: &str, agent: &RawAgent, drop: &Dropped, text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let names = java_split(text);
    let channels = agent.lists.get(&List::Channels).map(|v| java_split(&v.text)).unwrap_or_default();
    if text.contains(',') {
        return "separate names by blanks, not by commas".to_owned();
    }
    if drop.list == List::Sinks && names.len() > 1 {
        return "a sink takes from one channel only; use a sink for each channel".to_owned();
    }
    let first = names.first().copied().unwrap_or_default();
    if channels.contains(&first) {
        return format!("see the message about channel {first}");
    }
    if agent.component(List::Channels, first).is_some() {
        let mut all = channels.clone();
        all.push(first);
        return format!("write {agent_name}.channels = {}", all.join(" "));
    }
    match similar::closest(first, channels.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if channels.is_empty() => String::new(),
        None => format!("the channels of {agent_name} are {}", channels.join(", ")),
    }
}

fn invalid_agent(
    name: &str,
    agent: &RawAgent,
    code: &'static str,
    why: &str,
    hierarchy: &Hierarchy,
    properties: &Properties,
) -> Diagnostic {
    let help = invalid_agent_help(name, agent, code, hierarchy, properties);
    complaint(&agent.place, name, Severity::Error, code, format!("agent {name} is removed: {why}"), help)
}

fn invalid_agent_help(
    name: &str,
    agent: &RawAgent,
    outcome_code: &str,
    hierarchy: &Hierarchy,
    properties: &Properties,
) -> String {
    if let Some(clean) = name.strip_prefix("ï»¿") {
        return format!("the byte-order mark made another name of {clean}: save the file without it");
    }
    let before = properties.entries().iter().find(|e| {
        e.place.file == agent.place.file && e.place.line + 1 == agent.place.line && e.value.trim().is_empty()
    });
    if let Some(before) = before.filter(|_| agent.components.is_empty() && agent.lists.is_empty()) {
        return format!(
            "{name} is no agent: this line looks like the value of {} above; write key = value in one line",
            before.key.trim()
        );
    }
    let others = || hierarchy.agents.iter().filter(|(other, _)| *other != name);
    if let Some(near) = similar::closest(name, others().map(|(other, _)| other.as_str())) {
        return format!("did you mean agent {near}?");
    }
    let lacking = |other: &RawAgent| {
        agent.components.iter().any(|(list, components)| {
            let Some(text) = other.lists.get(list).map(|v| &v.text) else { return false };
            components
                .keys()
                .any(|c| listed(*list, text).contains(&c.as_str()) && other.component(*list, c).is_none())
        })
    };
    if agent.lists.is_empty()
        && let Some((other, _)) = others().find(|(_, other)| lacking(other))
    {
        return format!(
            "did you mean agent {other}? It lists a component of this name that has no properties"
        );
    }
    if agent.lists.contains_key(&List::Channels) {
        return match outcome_code {
            "no-channels" => "see the messages about its channels".to_owned(),
            _ => "see the messages about its sources and sinks".to_owned(),
        };
    }
    let missing =
        [List::Sources, List::Channels, List::Sinks].into_iter().filter(|l| !agent.lists.contains_key(l));
    let missing: Vec<String> = missing
        .map(|list| {
            let names: Vec<&str> = agent.names(list).collect();
            format!(
                "{name}.{} = {}",
                list.key(),
                if names.is_empty() { "…".to_owned() } else { names.join(" ") }
            )
        })
        .collect();
    let part = if agent.names(List::Channels).next().is_none() {
        "this looks like a part of a configuration; "
    } else {
        ""
    };
    format!("{part}an agent also needs {}", missing.join(", "))
}

fn complaint(
    place: &Place,
    key: &str,
    severity: Severity,
    code: &'static str,
    message: String,
    help: String,
) -> Diagnostic {
    Diagnostic { place: place.clone(), key: key.to_owned(), severity, code, message, help }
}

#[cfg(test)]
mod tests;
