//! Batch sizes against the transaction capacity of channels. Flume removes a source or sink whose batches do not fit;
//! here they are cut to fit, with a warning.

use super::hierarchy::java_split;
use crate::config::{Diagnostic, Role, Settings, Severity, Value};
use crate::registry::flume;
use std::collections::BTreeMap;

/// The transaction capacity of every channel that has one, whether it can be built or not.
#[derive(Debug, Default)]
pub(super) struct Capacities(BTreeMap<String, u64>);

impl Capacities {
    pub(super) fn note(&mut self, channel: &str, type_text: &str, settings: &Settings) {
        let default = match flume::find(Role::Channel, type_text).map(|t| t.alias) {
            Some("memory") => 100,
            Some("file" | "spillablememory") => 10_000,
            _ => return,
        };
        let text = settings.text("transactionCapacity");
        let written = text.and_then(|t| t.trim_start_matches('+').parse().ok()).filter(|n| *n > 0);
        self.0.insert(channel.to_owned(), written.unwrap_or(default));
    }

    /// Cuts the batch size `key` in `settings` to what the smallest of `channels` takes in one transaction.
    pub(super) fn clamp(
        &self,
        channels: &str,
        key: &str,
        default: Option<u64>,
        settings: &mut Settings,
    ) -> Option<Diagnostic> {
        let batch = settings.text(key).map_or(default, |t| t.trim_start_matches('+').parse().ok())?;
        let known = java_split(channels).into_iter().filter_map(|c| self.0.get(c).map(|n| (*n, c)));
        let (capacity, channel) = known.min().filter(|(capacity, _)| batch > *capacity)?;
        let agent = settings.prefix.split('.').next().unwrap_or_default().to_owned();
        let place = settings.place(key);
        let what = if settings.has(key) { key.to_owned() } else { format!("the default {key}") };
        let secret = settings.values.get(key).is_some_and(|v| v.secret);
        let value = Value { text: capacity.to_string(), place: place.clone(), secret };
        settings.values.insert(key.to_owned(), value);
        Some(Diagnostic {
            place,
            key: format!("{}.{key}", settings.prefix),
            severity: Severity::Warning,
            code: "batch-size",
            message: format!(
                "{what} {batch} is above the transactionCapacity {capacity} of channel {channel}; \
                 batches are cut to {capacity} events"
            ),
            help: format!(
                "write {agent}.channels.{channel}.transactionCapacity = {batch} (and capacity at least as large); \
                 Flume would remove the component"
            ),
        })
    }
}
