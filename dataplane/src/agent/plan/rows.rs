//! The rows of a verdict: what becomes of everything that an agent's lists name, and the complaint that goes with it.

use super::hierarchy::{Component as RawComponent, List, RawAgent, java_split};
use super::kinds::{Component, ComponentKind, Fault, Verdict};
use super::validate::Outcome;
use crate::config::{Diagnostic, Place, Settings, Severity};
use std::collections::BTreeMap;

/// The rows of one agent, filled while it is built.
pub(super) struct Rows<'a> {
    pub(super) agent: &'a str,
    pub(super) raw: &'a RawAgent,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
    rows: BTreeMap<(ComponentKind, String), Component>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(agent: &'a str, raw: &'a RawAgent, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Rows { agent, raw, diagnostics, rows: BTreeMap::new() }
    }

    /// Rows for what Flume's validation removed; in an invalid agent that is everything.
    pub(super) fn dropped(&mut self, outcome: &Outcome) {
        for drop in &outcome.dropped {
            let Some(kind) = row_kind(drop.list) else { continue };
            self.dropped_row(kind, drop.list, &drop.name, drop.why.clone(), drop.place.clone());
        }
        let Some((_, why)) = &outcome.agent_why else { return };
        for list in [List::Channels, List::Sources, List::Sinks, List::SinkGroups] {
            let Some(value) = self.raw.lists.get(&list) else { continue };
            let Some(kind) = row_kind(list) else { continue };
            for name in java_split(&value.text) {
                if !self.rows.contains_key(&(kind, name.to_owned())) {
                    let place = self.raw.component(list, name).map_or(value.place.clone(), |c| c.place(""));
                    self.dropped_row(kind, list, name, why.clone(), place);
                }
            }
        }
    }

    fn dropped_row(&mut self, kind: ComponentKind, list: List, name: &str, why: String, place: Place) {
        let component = self.raw.component(list, name);
        let key = if list == List::SinkGroups { "processor.type" } else { "type" };
        let text = component.and_then(|c| c.text(key));
        self.put(gone(kind, name.to_owned(), text, why, place.clone()));
        let (List::Sources, Some(component)) = (list, component) else { return };
        let why = format!("source {name} is removed");
        for interceptor in java_split(component.text("interceptors").unwrap_or_default()) {
            if !interceptor.is_empty() {
                let text = component.text(&format!("interceptors.{interceptor}.type"));
                let row = format!("{name}.{interceptor}");
                self.put(gone(ComponentKind::Interceptor, row, text, why.clone(), place.clone()));
            }
        }
        if let Some(text) = selector_type(component) {
            self.put(gone(ComponentKind::Selector, name.to_owned(), Some(text), why, place));
        }
    }

    fn put(&mut self, row: Component) {
        self.rows.insert((row.kind, row.name.clone()), row);
    }

    /// True when the type of a source, of its selector or of one of its interceptors is not to be had here.
    pub(super) fn lacks_a_type(&self, source: &str) -> bool {
        let interceptors = format!("{source}.");
        self.rows.values().any(|row| {
            let own = match row.kind {
                ComponentKind::Source | ComponentKind::Selector => row.name == source,
                ComponentKind::Interceptor => row.name.starts_with(&interceptors),
                _ => false,
            };
            own && matches!(row.verdict, Verdict::ThirdParty | Verdict::Unsupported)
        })
    }

    /// Records a verdict, and complains unless the component runs.
    pub(super) fn judge<T>(
        &mut self,
        (list, name): (List, &str),
        (kind, row, prefix): (ComponentKind, &str, &str),
        type_text: Option<&str>,
        result: Result<T, Fault>,
    ) -> Option<T> {
        let component = self.raw.component(list, name);
        let place_of = |key: &str| component.map(|c| c.place(&format!("{prefix}{key}"))).unwrap_or_default();
        match result {
            Ok(part) => {
                self.put(Component {
                    kind,
                    name: row.to_owned(),
                    type_text: type_text.map(str::to_owned),
                    verdict: Verdict::Runs,
                    why: String::new(),
                    help: String::new(),
                    place: place_of("type"),
                });
                Some(part)
            }
            Err(fault) => {
                let key = if fault.key.is_empty() { "type" } else { &fault.key };
                let place = place_of(key);
                self.put(Component {
                    kind,
                    name: row.to_owned(),
                    type_text: type_text.map(str::to_owned),
                    verdict: fault.verdict,
                    why: fault.why.clone(),
                    help: fault.help.clone(),
                    place: place.clone(),
                });
                let full = format!("{}.{}.{name}.{prefix}{}", self.agent, list.key(), fault.key);
                self.diagnostics.push(Diagnostic {
                    place,
                    key: full.trim_end_matches('.').to_owned(),
                    severity: Severity::Error,
                    code: fault.code,
                    message: format!("{} {row} does not run: {}", word(kind), fault.why),
                    help: fault.help,
                });
                None
            }
        }
    }

    pub(super) fn settings(&self, list: List, name: &str) -> Settings {
        let values = self.raw.component(list, name).map(|c| c.values.clone()).unwrap_or_default();
        Settings { prefix: format!("{}.{}.{name}", self.agent, list.key()), values }
    }

    /// Rows in the order in which the lists name them: each source with its selector and interceptors.
    pub(super) fn in_list_order(&mut self) -> Vec<Component> {
        let mut rows = Vec::new();
        for list in [List::Sources, List::Channels, List::Sinks, List::SinkGroups] {
            let (Some(value), Some(kind)) = (self.raw.lists.get(&list), row_kind(list)) else { continue };
            for name in java_split(&value.text) {
                rows.extend(self.rows.remove(&(kind, name.to_owned())));
                if list == List::Sources {
                    rows.extend(self.rows.remove(&(ComponentKind::Selector, name.to_owned())));
                    let names = self
                        .raw
                        .component(list, name)
                        .and_then(|c| c.text("interceptors"))
                        .unwrap_or_default();
                    for interceptor in java_split(names) {
                        let row = (ComponentKind::Interceptor, format!("{name}.{interceptor}"));
                        rows.extend(self.rows.remove(&row));
                    }
                }
            }
        }
        // Names that only Flume's own way of splitting yields (a group list cut at spaces alone).
        rows.extend(std::mem::take(&mut self.rows).into_values());
        rows
    }
}

/// The row of something that Flume's validation removes.
fn gone(kind: ComponentKind, name: String, text: Option<&str>, why: String, place: Place) -> Component {
    let type_text = text.map(str::to_owned);
    Component { kind, name, type_text, verdict: Verdict::Dropped, why, help: String::new(), place }
}

fn row_kind(list: List) -> Option<ComponentKind> {
    match list {
        List::Sources => Some(ComponentKind::Source),
        List::Channels => Some(ComponentKind::Channel),
        List::Sinks => Some(ComponentKind::Sink),
        List::SinkGroups => Some(ComponentKind::Sinkgroup),
        List::ConfigFilters => None,
    }
}

fn word(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Source => "source",
        ComponentKind::Channel => "channel",
        ComponentKind::Sink => "sink",
        ComponentKind::Sinkgroup => "sink group",
        ComponentKind::Interceptor => "interceptor",
        ComponentKind::Selector => "the selector of source",
    }
}

/// The selector that a source names, when it says anything about one.
pub(super) fn selector_type(component: &RawComponent) -> Option<&str> {
    let any = component.values.keys().any(|k| k.starts_with("selector."));
    any.then(|| component.text("selector.type").filter(|t| !t.is_empty()).unwrap_or("replicating"))
}
