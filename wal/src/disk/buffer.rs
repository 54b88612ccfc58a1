//! Aligned memory from the heap, and a bound on how much of it there is.

use super::IoBuf;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What direct I/O wants of an address: the page size, which no device's logical block exceeds.
const ALIGN_BYTES: usize = 4096;

/// Zeroed memory, aligned to 4 KiB.
#[derive(Debug)]
pub struct AlignedBuf {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
    budget: Option<Arc<AtomicUsize>>,
}

impl AlignedBuf {
    /// A buffer of this size.
    pub fn new(len_bytes: usize) -> AlignedBuf {
        // A vector may stand anywhere; a page more leaves room for an aligned part of it.
        let bytes = vec![0; len_bytes + ALIGN_BYTES];
        let start = bytes.as_ptr().align_offset(ALIGN_BYTES);
        AlignedBuf { bytes, start, len: len_bytes, budget: None }
    }
}

impl AsRef<[u8]> for AlignedBuf {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl AsMut<[u8]> for AlignedBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

impl IoBuf for AlignedBuf {}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        if let Some(left) = &self.budget {
            left.fetch_add(self.len, Relaxed);
        }
    }
}

/// Hands out buffers until they add up to a limit; a dropped buffer makes room again.
#[derive(Debug, Clone)]
pub struct BufferPool {
    left_bytes: Arc<AtomicUsize>,
}

impl BufferPool {
    /// A pool of so many bytes.
    pub fn new(limit_bytes: usize) -> BufferPool {
        BufferPool { left_bytes: Arc::new(AtomicUsize::new(limit_bytes)) }
    }

    /// A buffer of this size, or `None` at the limit.
    pub fn buffer(&self, len_bytes: usize) -> Option<AlignedBuf> {
        self.left_bytes.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(len_bytes)).ok()?;
        let mut buf = AlignedBuf::new(len_bytes);
        buf.budget = Some(Arc::clone(&self.left_bytes));
        Some(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_the_pool_has_a_limit() {
        let pool = BufferPool::new(10_000);
        let first = pool.buffer(8_000).unwrap();
        assert_eq!(first.as_ref().as_ptr().align_offset(4096), 0);
        assert_eq!(first.as_ref().len(), 8_000);
        assert!(pool.buffer(8_000).is_none());
        drop(first);
        assert!(pool.buffer(8_000).is_some());
    }
}
