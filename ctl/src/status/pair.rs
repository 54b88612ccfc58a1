//! Two looks at one agent, and what moved between them.

use dataplane::control::{ChannelStatus, SinkStatus, SourceStatus, Status};

/// The agent now, and a moment ago if there was one.
pub(crate) struct Pair<'a> {
    pub(crate) now: &'a Status,
    before: Option<&'a Status>,
}

impl<'a> Pair<'a> {
    /// `before` counts only when it is of the same process.
    pub(crate) fn new(now: &'a Status, before: Option<&'a Status>) -> Self {
        let is_same = |b: &&Status| b.pid == now.pid && b.uptime_ms < now.uptime_ms;
        Pair { now, before: before.filter(is_same) }
    }

    /// Whether rates are known.
    pub(crate) fn has_rates(&self) -> bool {
        self.before.is_some()
    }

    /// How often a second a source's counter grew.
    pub(crate) fn source(&self, now: &SourceStatus, counter: fn(&SourceStatus) -> u64) -> Option<f64> {
        let before = self.before?.sources.iter().find(|s| s.name == now.name)?;
        self.per_s(counter(before), counter(now))
    }

    /// How often a second a channel's counter grew.
    pub(crate) fn channel(&self, now: &ChannelStatus, counter: fn(&ChannelStatus) -> u64) -> Option<f64> {
        let before = self.before?.channels.iter().find(|s| s.name == now.name)?;
        self.per_s(counter(before), counter(now))
    }

    /// How often a second a sink's counter grew.
    pub(crate) fn sink(&self, now: &SinkStatus, counter: fn(&SinkStatus) -> u64) -> Option<f64> {
        let before = self.before?.sinks.iter().find(|s| s.name == now.name)?;
        self.per_s(counter(before), counter(now))
    }

    /// CPU time used, in per cent of one CPU; since the start when there was no look before.
    pub(crate) fn cpu_percent(&self) -> Option<f64> {
        let (cpu_ms, wall_ms) = match self.before {
            Some(before) => {
                (self.now.cpu_ms.saturating_sub(before.cpu_ms), self.now.uptime_ms - before.uptime_ms)
            }
            None => (self.now.cpu_ms, self.now.uptime_ms),
        };
        (self.now.cpu_ms > 0 && wall_ms > 0).then(|| 100.0 * cpu_ms as f64 / wall_ms as f64)
    }

    fn per_s(&self, before: u64, now: u64) -> Option<f64> {
        let ms = self.now.uptime_ms - self.before?.uptime_ms;
        // A counter that shrank was started again with its component.
        Some(now.checked_sub(before).unwrap_or(now) as f64 * 1e3 / ms as f64)
    }
}
