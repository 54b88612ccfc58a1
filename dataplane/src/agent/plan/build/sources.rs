//! A source with what stands between it and its channels: interceptors and the selector.

use super::{Build, no_channel};
use crate::agent::plan::hierarchy::{List, java_split};
use crate::agent::plan::kinds::{ComponentKind, Fault, Part, Verdict};
use crate::agent::plan::rows::selector_type;
use crate::agent::plan::{SourcePlan, validate};
use crate::config::{Diagnostic, Role, Settings, Severity};
use crate::pipeline::{Interceptor, SelectorSpec};
use crate::registry::{self, flume};
use std::sync::Arc;

impl Build<'_> {
    pub(super) fn source(&mut self, name: &str, listed: &[String]) {
        let settings = self.rows.settings(List::Sources, name);
        let text = settings.text("type").unwrap_or_default().to_owned();
        let frame = ["type", "channels", "config", "core", "interceptors", "interceptors.", "selector."];
        let result = self.part(List::Sources, name, registry::SOURCES, Role::Source, &text, &frame);
        let fails = matches!(&result, Err(Fault { verdict: Verdict::Fails, .. }));
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
            self.connected.extend_from_slice(listed);
        } else if !fails && self.rows.lacks_a_type(name) {
            // Where the plug-in or the later release is there, its channels have a neighbour.
            self.connected.extend_from_slice(listed);
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
