//! Time and chance.

use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};
use wal::Tick;

/// Monotonic nanoseconds; the same scale on all threads of this machine.
pub(super) fn now() -> Tick {
    let at = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at 0 with the machine and is never negative.
    at.tv_sec as u64 * 1_000_000_000 + at.tv_nsec as u64
}

/// Milliseconds since 1970; 0 for a clock that is set before.
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Random bits of the system, fetched many at a time.
#[derive(Default)]
pub(super) struct Random(RefCell<Vec<u64>>);

impl Random {
    const FETCH: usize = 32;

    /// 64 random bits.
    pub(super) fn next(&self) -> u64 {
        let mut stock = self.0.borrow_mut();
        if stock.is_empty() {
            let mut bytes = [0u8; Self::FETCH * 8];
            fill(&mut bytes);
            let (words, _) = bytes.as_chunks::<8>();
            stock.extend(words.iter().map(|word| u64::from_ne_bytes(*word)));
        }
        stock.pop().expect("filled above")
    }
}

fn fill(bytes: &mut [u8]) {
    let mut filled = 0;
    while filled < bytes.len() {
        let part = rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty());
        match part {
            Ok(n) => filled += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => panic!("getrandom failed: {e}: this kernel has no source of random numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_and_chance_does_not_repeat() {
        let before = now();
        let random = Random::default();
        let mut drawn: Vec<u64> = (0..100).map(|_| random.next()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 100);
        assert!(now() > before);
        assert!(wall_ms() > 1_700_000_000_000, "this clock is before 2023");
    }
}
