//! Pauses of sources that produce by themselves, as Flume's runner of pollable sources makes them.

use crate::config::units::{self, LONG};
use crate::config::{Setting, Settings, Unit};
use std::time::Duration;

/// How much longer each pause is than the one before.
pub static BACKOFF_SLEEP_INCREMENT: Setting<u64> = Setting::new(
    "backoffSleepIncrement",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "How much longer the pause gets each time that the channel refuses events again.",
)
.default("1000")
.unit(Unit::Millis);

/// The longest pause.
pub static MAX_BACKOFF_SLEEP: Setting<u64> = Setting::new(
    "maxBackoffSleep",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "Longest pause after the channel has refused events.",
)
.default("5000")
.unit(Unit::Millis);

/// Pauses that grow: min(n x increment, longest) after the n-th failure in a row.
#[derive(Debug)]
pub struct Backoff {
    increment_ms: u64,
    longest_ms: u64,
    failures: u64,
}

impl Backoff {
    /// From [`BACKOFF_SLEEP_INCREMENT`] and [`MAX_BACKOFF_SLEEP`].
    pub fn new(settings: &Settings) -> Self {
        Backoff::of_ms(settings.value(&BACKOFF_SLEEP_INCREMENT), settings.value(&MAX_BACKOFF_SLEEP))
    }

    /// For sources that have no settings for it.
    pub fn of_ms(increment_ms: u64, longest_ms: u64) -> Self {
        Backoff { increment_ms, longest_ms, failures: 0 }
    }

    /// The pause after one more failure. Never zero, so that nobody spins whatever was set.
    pub fn next_pause(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(self.increment_ms.saturating_mul(self.failures).min(self.longest_ms).max(1))
    }

    /// True before the first failure in a row.
    pub fn is_reset(&self) -> bool {
        self.failures == 0
    }

    /// It worked: the next pause is the shortest again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::settings;

    fn pauses_ms(pairs: &[(&str, &str)], count: usize) -> Vec<u128> {
        let mut backoff = Backoff::new(&settings("a1.sources.r1", pairs));
        (0..count).map(|_| backoff.next_pause().as_millis()).collect()
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        assert_eq!(pauses_ms(&[], 7), [1000, 2000, 3000, 4000, 5000, 5000, 5000]);
        assert_eq!(pauses_ms(&[("backoffSleepIncrement", "0")], 2), [1, 1]);
        let huge = [("backoffSleepIncrement", "9223372036854775807"), ("maxBackoffSleep", "7")];
        assert_eq!(pauses_ms(&huge, 3), [7, 7, 7]);
    }
}
