//! Copying memory.

use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What was copied.
#[derive(Debug, Serialize)]
pub(crate) struct Copied {
    pub(crate) block_bytes: usize,
    pub(crate) gb_per_s: f64,
}

/// Copies blocks of `block_bytes` on one thread for `time`.
pub(crate) fn copy(block_bytes: usize, time: Duration) -> Copied {
    let from = vec![1u8; block_bytes];
    let mut to = vec![2u8; block_bytes];
    // Enough blocks between two looks at the clock that the clock costs nothing.
    let round = (64 << 20) / block_bytes;
    let (mut bytes, began) = (0u64, Instant::now());
    while began.elapsed() < time {
        for _ in 0..round.max(1) {
            to.copy_from_slice(black_box(&from));
            black_box(&mut to);
            bytes += block_bytes as u64;
        }
    }
    Copied { block_bytes, gb_per_s: bytes as f64 / 1e9 / began.elapsed().as_secs_f64() }
}
