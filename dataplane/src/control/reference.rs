//! `conf/REFERENCE.md`: every component and key, made from what the components declare.

use super::catalogue::{ComponentInfo, SettingInfo};
use crate::config::Role;
use std::fmt::Write as _;

/// The page. `components` in the order in which they shall be read within their role.
pub fn reference(components: &[ComponentInfo]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for role in Role::ALL {
        let of_role: Vec<&ComponentInfo> = components.iter().filter(|c| c.kind == role).collect();
        if of_role.is_empty() {
            continue;
        }
        let (heading, text) = chapter(role);
        write!(page, "\n## {heading}\n\n{text}\n").expect(STRING);
        for component in of_role {
            section(&mut page, component);
        }
    }
    page
}

const STRING: &str = "a String takes everything";

const INTRODUCTION: &str = "\
# Reference

Every type of component and every key that it knows, made from what the components declare; do not edit it. It is made
again with `cargo run -q --bin ctl -- components --markdown > conf/REFERENCE.md`, and `ctl components NAME` shows one
of its sections.

## How a file is written

A configuration is Java properties text: `key = value`, one on a line; `#` or `!` at the beginning of a line begins a
comment, a comment behind a value is part of the value, and a backslash at the end of a line continues it. A key that
stands twice has its last value. A file may hold several agents; `-n` says which one is meant.

```properties
# The agent a1 has one source r1, one channel c1 and one sink k1.
a1.sources = r1
a1.channels = c1
a1.sinks = k1

a1.sources.r1.type = netcat
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = 44444
a1.sources.r1.channels = c1

a1.channels.c1.type = memory

a1.sinks.k1.type = logger
a1.sinks.k1.channel = c1
```

| key | what it says |
|---|---|
| `a1.sources`, `a1.channels`, `a1.sinks`, `a1.sinkgroups` | Names of the components, separated by blanks. What is not listed here does not exist. |
| `a1.sources.r1.type`, `a1.channels.c1.type`, `a1.sinks.k1.type` | Which type: a short name in any case, or Flume's class name. |
| `a1.sources.r1.channels` | Channels that get the source's events, separated by blanks. |
| `a1.sources.r1.selector.type` | How events are spread over the channels; `replicating` by default: every channel gets every event. |
| `a1.sources.r1.interceptors` | Names of interceptors, in the order in which they see the events. |
| `a1.sources.r1.interceptors.i1.type` | Which type the interceptor is. |
| `a1.sinks.k1.channel` | The one channel that the sink takes from. |
| `a1.sinkgroups.g1.sinks` | Sinks of the group, separated by blanks. |
| `a1.sinkgroups.g1.processor.type` | Which sink of the group works. |
| `a1.sources.r1.core`, `a1.channels.c1.core`, `a1.sinks.k1.core` | Number of the CPU that runs the component; chosen by default, and shown by `ctl status`. Not Flume's. |
| `a1.cores` | Most CPUs that the agent takes for its data cores; all that the process may use by default. Not Flume's. |
| `a1.stopTimeout` | How long a stop waits for sinks to empty the memory channels, in ms; `10000` by default. Not Flume's. |
| `a1.configfilters` | Names of filters that replace `${filter['key']}` in values. |

Numbers are plain digits, without units, underscores or decimal points; `true` in any case is true, every other text is
false. A bad value keeps its component from running, except where the key is marked †: there the default is used, with a
warning. Values of keys marked ‡ are never shown.
";

/// Heading and first sentences of a role, with what its keys are written behind.
fn chapter(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Source => ("Sources", "Bring events in. Keys are written behind `a1.sources.r1.`."),
        Role::Channel => (
            "Channels",
            "Keep events until a sink has delivered them. Keys are written behind `a1.channels.c1.`.",
        ),
        Role::Sink => ("Sinks", "Take events out. Keys are written behind `a1.sinks.k1.`."),
        Role::Interceptor => (
            "Interceptors",
            "Change or drop events between a source and its channels. Keys are written behind \
             `a1.sources.r1.interceptors.i1.`.",
        ),
        Role::Selector => (
            "Channel selectors",
            "Choose the channels of each event. Keys are written behind `a1.sources.r1.selector.`.",
        ),
        Role::Processor => (
            "Sink processors",
            "Choose which sink of a group works. Keys are written behind `a1.sinkgroups.g1.processor.`.",
        ),
        Role::Serializer => (
            "Event serializers",
            "Turn events into the bytes of a file. The sink's key `serializer` (`sink.serializer` of file_roll) names the \
             type; keys are written behind it and a dot.",
        ),
    }
}

fn section(page: &mut String, component: &ComponentInfo) {
    write!(page, "\n### {}\n\n{}", component.name, component.summary).expect(STRING);
    if !component.other_names.is_empty() {
        let names: Vec<String> = component.other_names.iter().map(|n| code(n)).collect();
        write!(page, " Also called {}.", names.join(", ")).expect(STRING);
    }
    if component.has_own_thread() {
        write!(page, " Runs on a {}.", component.runs_on).expect(STRING);
    }
    page.push('\n');
    if !component.settings.is_empty() || !component.open_prefixes.is_empty() {
        page.push_str("\n| key | default | unit | allowed | what it does |\n|---|---|---|---|---|\n");
    }
    for s in &component.settings {
        let (default, allowed) = (default_of(s), cell(&s.allowed));
        writeln!(page, "| {} | {default} | {} | {allowed} | {} |", key(s), s.unit, cell(&s.doc))
            .expect(STRING);
    }
    for p in &component.open_prefixes {
        let key = code(&format!("{}{}", p.prefix, p.rest));
        writeln!(page, "| {key} | | | any | {} |", cell(&p.doc)).expect(STRING);
    }
    if !component.unsupported.is_empty() {
        page.push_str("\nNot supported:\n\n| key of Flume | what to do |\n|---|---|\n");
    }
    for u in &component.unsupported {
        writeln!(page, "| {} | {} |", code(&u.key), cell(&u.doc)).expect(STRING);
    }
}

fn key(s: &SettingInfo) -> String {
    let marks = [(s.bad_value_is_default, " †"), (s.secret, " ‡")];
    let marks: String = marks.into_iter().filter(|m| m.0).map(|m| m.1).collect();
    format!("{}{marks}", code(&s.key))
}

fn default_of(s: &SettingInfo) -> String {
    match &s.default {
        _ if s.required => "**required**".to_owned(),
        None => String::new(),
        Some(text) if text.trim().is_empty() => code(&format!("{text:?}")),
        Some(text) => code(text),
    }
}

/// Text that the table cannot take for its own lines or columns.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text as it is, in a table cell.
fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", cell(text))
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{PrefixInfo, UnsupportedInfo};
    use super::*;

    #[test]
    fn a_component_is_a_section_with_everything_in_it() {
        let setting = |key: &str| SettingInfo {
            key: key.into(),
            default: None,
            required: false,
            unit: String::new(),
            allowed: String::new(),
            secret: false,
            bad_value_is_default: false,
            doc: "Does a|b.".into(),
        };
        let component = ComponentInfo {
            kind: Role::Sink,
            name: "pipe".into(),
            other_names: vec!["org.example.Pipe".into()],
            summary: "Is a pipe.".into(),
            runs_on: "data core".into(),
            settings: vec![
                SettingInfo { required: true, ..setting("path") },
                SettingInfo {
                    default: Some("10".into()),
                    unit: "ms".into(),
                    bad_value_is_default: true,
                    ..setting("wait")
                },
                SettingInfo { default: Some(" ".into()), secret: true, ..setting("password") },
            ],
            open_prefixes: vec![PrefixInfo { prefix: "h.".into(), rest: "<n>".into(), doc: "Any.".into() }],
            unsupported: vec![UnsupportedInfo { key: "old".into(), doc: "Leave it out.".into() }],
        };
        let page = reference(&[component]);
        let (_, section) = page.split_once("\n### ").unwrap();
        let expected = "\
pipe

Is a pipe. Also called `org.example.Pipe`. Runs on a data core.

| key | default | unit | allowed | what it does |
|---|---|---|---|---|
| `path` | **required** |  |  | Does a\\|b. |
| `wait` † | `10` | ms |  | Does a\\|b. |
| `password` ‡ | `\" \"` |  |  | Does a\\|b. |
| `h.<n>` | | | any | Any. |

Not supported:

| key of Flume | what to do |
|---|---|
| `old` | Leave it out. |
";
        assert_eq!(section, expected);
    }
}
