//! Counts of a running log.

use crate::Seq;

/// Counts since opening, and sizes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Durable commits.
    pub commits: u64,
    /// Durable puts.
    pub puts: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Bytes written for commits: divided by `payload_bytes`, the write amplification.
    pub written_bytes: u64,
    /// Bytes read back.
    pub read_bytes: u64,
    /// Events acknowledged.
    pub acked_events: u64,
    /// All events below are acknowledged.
    pub low_watermark: Seq,
    /// All events below are durable.
    pub durable_before: Seq,
    /// Acknowledged ranges above the low watermark.
    pub ack_ranges: usize,
    /// Segments that hold frames.
    pub segments: usize,
    /// Segments ready to be used.
    pub spare_segments: usize,
    /// Bytes of all segment files.
    pub disk_bytes: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Checkpoints that failed.
    pub failed_checkpoints: u64,
    /// Segments given up because a write failed.
    pub poisoned: u64,
    /// Slots used again.
    pub recycled: u64,
    /// Damaged ranges met, also those without events.
    pub damaged: u64,
    /// Events lost in them.
    pub lost_events: u64,
}
