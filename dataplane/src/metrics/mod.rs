//! Counters and histograms of components. Each belongs to one thread: plain cells, read by asking that thread.

use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};

/// A count that only grows, or a gauge that is set.
#[derive(Debug, Default)]
pub struct Counter(Cell<u64>);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.set(self.0.get().wrapping_add(n));
    }

    /// Takes `n` off a gauge.
    pub fn sub(&self, n: u64) {
        self.0.set(self.0.get().saturating_sub(n));
    }

    /// Sets a gauge.
    pub fn set(&self, n: u64) {
        self.0.set(n);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Durations in microseconds, three significant digits, up to an hour (longer ones count as an hour).
#[derive(Debug)]
pub struct Latency(RefCell<Histogram<u64>>);

/// The usual quantiles of a [`Latency`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quantiles {
    /// Number of values recorded.
    pub count: u64,
    /// Half of the values are at most this, in microseconds.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// The largest value.
    pub max_us: u64,
}

impl Default for Latency {
    fn default() -> Self {
        const HOUR_US: u64 = 3_600_000_000;
        Latency(RefCell::new(Histogram::new_with_max(HOUR_US, 2).expect("bounds are constants that fit")))
    }
}

impl Latency {
    /// Records a duration given in nanoseconds.
    pub fn record_ns(&self, ns: u64) {
        self.0.borrow_mut().saturating_record(ns / 1_000);
    }

    /// The quantiles now.
    pub fn quantiles(&self) -> Quantiles {
        let h = self.0.borrow();
        Quantiles {
            count: h.len(),
            p50_us: h.value_at_quantile(0.5),
            p90_us: h.value_at_quantile(0.9),
            p99_us: h.value_at_quantile(0.99),
            max_us: h.max(),
        }
    }
}

/// Counts of one source. received = accepted + filtered + refused once nothing is in flight.
#[derive(Debug, Default)]
pub struct SourceMetrics {
    /// Events read from outside.
    pub events_received: Counter,
    /// Events that every required channel has.
    pub events_accepted: Counter,
    /// Events dropped by interceptors.
    pub events_filtered: Counter,
    /// Accepted events that went nowhere, because the selector had no channel for them.
    pub events_unrouted: Counter,
    /// Events refused to whoever sent them (a channel refused, or an interceptor failed), or lost with them.
    pub events_refused: Counter,
    /// Bytes of received bodies.
    pub bytes: Counter,
    /// Batches accepted.
    pub batches_accepted: Counter,
    /// Open connections.
    pub open_connections: Counter,
    /// Failures while reading or decoding.
    pub read_failures: Counter,
    /// Refusals by channels.
    pub channel_failures: Counter,
    /// Other failures.
    pub other_failures: Counter,
    /// From handing a batch to the channels until all required ones have it.
    pub put_latency: Latency,
}

/// Counts of one channel. put = taken + queued + dropped.
#[derive(Debug, Default)]
pub struct ChannelMetrics {
    /// Events offered.
    pub put_attempts: Counter,
    /// Events stored.
    pub put_successes: Counter,
    /// Takes tried, empty ones too.
    pub take_attempts: Counter,
    /// Events whose take was committed.
    pub take_successes: Counter,
    /// Puts refused because the channel was full for the whole keep-alive.
    pub full_refusals: Counter,
    /// Events handed out again after a rollback.
    pub rolled_back_events: Counter,
    /// From sending a commit to the disk until it is durable.
    pub commit_latency: Latency,
}

/// Counts of one sink.
#[derive(Debug, Default)]
pub struct SinkMetrics {
    /// Events taken from the channel.
    pub events_taken: Counter,
    /// Events delivered and committed.
    pub events_delivered: Counter,
    /// Bytes of delivered bodies.
    pub bytes: Counter,
    /// Takes that found nothing.
    pub batches_empty: Counter,
    /// Batches smaller than the batch size.
    pub batches_underflow: Counter,
    /// Full batches.
    pub batches_complete: Counter,
    /// Connections, or files, opened.
    pub connections_created: Counter,
    /// Connections, or files, closed.
    pub connections_closed: Counter,
    /// Connections, or files, that could not be opened.
    pub connections_failed: Counter,
    /// Failures of the destination.
    pub write_failures: Counter,
    /// Failures of the channel.
    pub channel_failures: Counter,
    /// From taking a batch until it is committed.
    pub process_latency: Latency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_microseconds() {
        let l = Latency::default();
        for us in 1..=100u64 {
            l.record_ns(us * 1_000);
        }
        let q = l.quantiles();
        assert_eq!((q.count, q.p50_us, q.p90_us, q.max_us), (100, 50, 90, 100));
        l.record_ns(u64::MAX);
        assert!(l.quantiles().max_us >= 3_600_000_000);
    }
}
