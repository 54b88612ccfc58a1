//! How many events a second: the arithmetic of a rate limit, without a clock of its own.

use crate::reactor::Tick;
use std::time::Duration;

const SECOND_NS: u64 = 1_000_000_000;

/// A limit that, as Flume's, lets the first batch go at once and makes each one wait for what the one before cost. Unused
/// time is kept for at most a second.
#[derive(Debug)]
pub(super) struct Rate {
    events_per_s: u64,
    /// When the next batch may go; `None` before the first.
    free_at: Option<Tick>,
}

impl Rate {
    /// At most `events_per_s`, which is above zero.
    pub(super) fn new(events_per_s: u64) -> Self {
        Rate { events_per_s, free_at: None }
    }

    /// Takes the right to send `events` and says how long to wait before using it.
    pub(super) fn acquire(&mut self, now: Tick, events: u64) -> Duration {
        let free_at = self.free_at.unwrap_or(now);
        let cost_ns = u128::from(events) * u128::from(SECOND_NS) / u128::from(self.events_per_s);
        let earliest = now.saturating_sub(SECOND_NS);
        self.free_at = Some(free_at.max(earliest).saturating_add(u64::try_from(cost_ns).unwrap_or(u64::MAX)));
        Duration::from_nanos(free_at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_batch_waits_for_the_cost_of_the_one_before() {
        let mut rate = Rate::new(10);
        let now = 5 * SECOND_NS;
        assert_eq!(rate.acquire(now, 5), Duration::ZERO);
        assert_eq!(rate.acquire(now, 20), Duration::from_millis(500));
        assert_eq!(rate.acquire(now, 1), Duration::from_millis(2_500));
    }

    #[test]
    fn at_most_a_second_of_unused_time_is_kept() {
        let mut rate = Rate::new(10);
        assert_eq!(rate.acquire(SECOND_NS, 10), Duration::ZERO);
        let now = 100 * SECOND_NS;
        assert_eq!(rate.acquire(now, 10), Duration::ZERO);
        assert_eq!(rate.acquire(now, 10), Duration::ZERO);
        assert_eq!(rate.acquire(now, 1), Duration::from_secs(1));
    }
}
