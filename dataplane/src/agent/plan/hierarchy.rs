//! Properties sorted into agents and components, as Flume sorts them before it judges anything.

use crate::config::Role;
use crate::config::filters::{self, Filter};
use crate::config::{Diagnostic, Place, Properties, Severity, Substituted, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What an agent's lists can name, in the order in which they are judged and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Channels,
    Sources,
    Sinks,
    SinkGroups,
    ConfigFilters,
}

impl List {
    pub(super) const ALL: [List; 5] =
        [List::Channels, List::Sources, List::Sinks, List::SinkGroups, List::ConfigFilters];

    /// The key of the list, which is also the prefix of its components.
    pub(super) fn key(self) -> &'static str {
        match self {
            List::Channels => "channels",
            List::Sources => "sources",
            List::Sinks => "sinks",
            List::SinkGroups => "sinkgroups",
            List::ConfigFilters => "configfilters",
        }
    }

    /// The word for one of its components.
    pub(super) fn one(self) -> &'static str {
        match self {
            List::Channels => "channel",
            List::Sources => "source",
            List::Sinks => "sink",
            List::SinkGroups => "sink group",
            List::ConfigFilters => "config filter",
        }
    }

    pub(super) fn role(self) -> Option<Role> {
        match self {
            List::Channels => Some(Role::Channel),
            List::Sources => Some(Role::Source),
            List::Sinks => Some(Role::Sink),
            List::SinkGroups | List::ConfigFilters => None,
        }
    }
}

/// The properties of one component. Keys are below the component.
#[derive(Debug, Default)]
pub(super) struct Component {
    pub(super) values: BTreeMap<String, Value>,
    /// Keys whose value a filter will give at the start only.
    pub(super) unknown: BTreeSet<String>,
}

impl Component {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|v| v.text.as_str())
    }

    /// Where `key` stands, or else the first property of the component.
    pub(super) fn place(&self, key: &str) -> Place {
        let first = || self.values.values().map(|v| &v.place).min_by_key(|p| p.line);
        self.values.get(key).map(|v| &v.place).or_else(first).cloned().unwrap_or_default()
    }
}

/// Everything said about one agent.
#[derive(Debug, Default)]
pub(super) struct RawAgent {
    pub(super) lists: BTreeMap<List, Value>,
    pub(super) components: BTreeMap<List, BTreeMap<String, Component>>,
    /// Keys (below the agent) that belong to nothing.
    pub(super) stray: Vec<(String, Place)>,
    /// The first line that names it.
    pub(super) place: Place,
}

impl RawAgent {
    pub(super) fn component(&self, list: List, name: &str) -> Option<&Component> {
        // Flume trims the names of a list of sinks, and of no other list, before it looks them up.
        let name = if list == List::Sinks { java_trim(name) } else { name };
        self.components.get(&list)?.get(name)
    }

    /// The value of a key below the agent.
    pub(super) fn value_of(&self, key: &str) -> Option<&Value> {
        let (list, name, rest) = component_key(key)?;
        self.component(list, name)?.values.get(rest)
    }

    pub(super) fn names(&self, list: List) -> impl Iterator<Item = &str> {
        self.components.get(&list).into_iter().flatten().map(|(name, _)| name.as_str())
    }
}

/// Agents by name, and the properties that belong to none.
#[derive(Debug, Default)]
pub(super) struct Hierarchy {
    pub(super) agents: BTreeMap<String, RawAgent>,
    /// Keys without a dot, with nothing before it or nothing behind it.
    pub(super) without_agent: Vec<(String, Place)>,
    /// Keys without a value.
    pub(super) empty: Vec<(String, Place, bool)>,
}

impl Hierarchy {
    /// Sorts the properties in. Where two keys differ only in blanks, Java's order of walking decides.
    pub(super) fn new(properties: &Properties, values: &[Substituted]) -> Self {
        let mut hierarchy = Hierarchy::default();
        for at in properties.java_order() {
            let entry = &properties.entries()[at];
            let value = Value {
                text: java_trim(&values[at].text).to_owned(),
                place: entry.place.clone(),
                secret: values[at].from_environment,
            };
            if value.text.is_empty() {
                hierarchy.empty.push((java_trim(&entry.key).to_owned(), value.place, entry.separated));
            } else {
                hierarchy.add(java_trim(&entry.key), value);
            }
        }
        hierarchy
    }

    fn add(&mut self, key: &str, value: Value) {
        let Some((agent, below)) = key.split_once('.').filter(|(a, k)| !a.is_empty() && !k.is_empty()) else {
            self.without_agent.push((key.to_owned(), value.place));
            return;
        };
        let agent = self.agents.entry(agent.to_owned()).or_default();
        if agent.place.line == 0 || value.place.line < agent.place.line {
            agent.place = value.place.clone();
        }
        if let Some(list) = List::ALL.into_iter().find(|l| l.key() == below) {
            // Keys that differ only in blanks: Flume keeps the first list that it meets.
            agent.lists.entry(list).or_insert(value);
            return;
        }
        match component_key(below) {
            Some((list, name, rest)) => {
                let components = agent.components.entry(list).or_default();
                let component = components.entry(name.to_owned()).or_default();
                component.values.insert(rest.to_owned(), value);
            }
            None => agent.stray.push((below.to_owned(), value.place)),
        }
    }
}

/// Splits `sources.r1.port` into list, component and key. The name may begin with a dot, as Flume's own search allows.
fn component_key(key: &str) -> Option<(List, &str, &str)> {
    let list =
        List::ALL.into_iter().find(|l| key.strip_prefix(l.key()).is_some_and(|k| k.starts_with('.')))?;
    let rest = &key[list.key().len() + 1..];
    let first = rest.chars().next()?;
    let dot = rest[first.len_utf8()..].find('.')? + first.len_utf8();
    let (name, below) = (&rest[..dot], &rest[dot + 1..]);
    if below.is_empty() { None } else { Some((list, java_trim(name), below)) }
}

/// Sends the properties of all components through the agent's filters.
pub(super) fn filter(
    name: &str,
    agent: &mut RawAgent,
    filters: &[Filter<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if filters.is_empty() {
        return;
    }
    let lists = agent.components.iter_mut().filter(|(list, _)| **list != List::ConfigFilters);
    for (list, components) in lists {
        for (component_name, component) in components {
            for (key, value) in &mut component.values {
                let filtered = filters::apply(&value.text, filters);
                let full_key = format!("{name}.{}.{component_name}.{key}", list.key());
                if filtered.unknown {
                    component.unknown.insert(key.clone());
                    diagnostics.push(not_asked(full_key.clone(), &value.place));
                }
                for (filter, asked, why) in &filtered.unanswered {
                    diagnostics.push(unanswered(full_key.clone(), &value.place, filter, asked, why));
                }
                value.secret |= filtered.from_filter;
                value.text = filtered.text;
            }
        }
    }
}

fn not_asked(key: String, place: &Place) -> Diagnostic {
    Diagnostic {
        place: place.clone(),
        key,
        severity: Severity::Hint,
        code: "from-filter",
        message: "the value comes from a config filter when the agent starts; a check does not ask it"
            .to_owned(),
        help: String::new(),
    }
}

fn unanswered(key: String, place: &Place, filter: &str, asked: &str, why: &str) -> Diagnostic {
    Diagnostic {
        place: place.clone(),
        key,
        severity: Severity::Warning,
        code: "filter-without-value",
        message: format!(
            "config filter {filter} has no value for {asked}: {why}; the text stays as it is written"
        ),
        help: String::new(),
    }
}

/// Java's `String.trim`: everything up to U+0020 goes, at both ends.
pub(super) fn java_trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// Java's `split("\\s+")`: a leading blank gives an empty first name, trailing ones give nothing.
pub(super) fn java_split(text: &str) -> Vec<&str> {
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let mut names: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_blank) {
        names.push(&rest[..at]);
        rest = rest[at..].trim_start_matches(is_blank);
    }
    if names.is_empty() {
        return vec![rest];
    }
    names.push(rest);
    while names.last() == Some(&"") {
        names.pop();
    }
    names
}

/// Java's `equalsIgnoreCase`: character by character, without a locale.
pub(super) fn java_same_word(a: &str, b: &str) -> bool {
    let fold = |c: char| {
        let upper = single(c.to_uppercase(), c);
        single(upper.to_lowercase(), upper)
    };
    a.chars().map(fold).eq(b.chars().map(fold))
}

fn single(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart_as_flume_does() {
        for (key, parts) in [
            ("sources.r1.type", Some((List::Sources, "r1", "type"))),
            ("sinks.k.hdfs.path", Some((List::Sinks, "k", "hdfs.path"))),
            ("sources. r1 .type", Some((List::Sources, "r1", "type"))),
            ("sources..r1.type", Some((List::Sources, ".r1", "type"))),
            ("sources..x", None),
            ("sources.r1", None),
            ("sources.r1.", None),
            ("sources.", None),
            ("sources", None),
            ("source.r1.type", None),
            ("sinkgroups.g1.sinks", Some((List::SinkGroups, "g1", "sinks"))),
        ] {
            assert_eq!(component_key(key), parts, "{key}");
        }
    }

    #[test]
    fn splitting_follows_java() {
        assert_eq!(java_split("a  b\tc\u{b}d "), ["a", "b", "c", "d"]);
        assert_eq!(java_split(" a"), ["", "a"]);
        assert_eq!(java_split(""), [""]);
        assert!(java_split(" ").is_empty());
        assert_eq!(java_split("a\u{a0}b"), ["a\u{a0}b"]);
    }

    #[test]
    fn words_are_compared_as_java_compares_them() {
        assert!(java_same_word("NetCat", "netcat"));
        assert!(java_same_word("\u{17f}eq", "SEQ"));
        assert!(java_same_word("loggerK".to_lowercase().as_str(), "logger\u{212a}"));
        assert!(!java_same_word("stra\u{df}e", "strasse"));
    }
}
