//! What the log tells its owner.

use crate::{
    Tick,
    disk::Fault,
    format::{FormatError, LogId},
    log::Full,
};
use std::ops::Range;

/// The number of an event: counted from 0 over the life of a log, never given twice to an event that was durable.
pub type Seq = u64;

/// Why a put was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// All buffers are with the disk, or a slot is being made: a [`Notice::Writable`] follows.
    #[error("the log is busy writing")]
    Busy,
    /// No slot, and none is being made: reported as [`AppendError::NoSpace`] or [`AppendError::Busy`].
    #[error("no segment has room")]
    NoSlot,
    /// No space for another segment. Reads and acknowledgements go on; a [`Notice::Writable`] follows when there is.
    #[error("{}", no_space(.0))]
    NoSpace(Full),
    /// The put can never be taken.
    #[error("a put of {bytes} bytes is larger than the {limit_bytes} bytes that the log takes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The log failed: writing failed twice in a row. It must be opened anew.
    #[error("the log has failed and must be opened anew: writing failed twice in a row, last with: {fault}")]
    Failed {
        /// The last fault.
        fault: Fault,
    },
    /// The log is not open yet, or closing.
    #[error("the log is not open")]
    NotOpen,
}

fn no_space(full: &Full) -> String {
    match full {
        Full::Disk(fault) => format!("no segment could be prepared: {fault}"),
        Full::MinimumFree => "the file system has only the space that must stay free".to_owned(),
        Full::Limit => "the log has reached the size it may take".to_owned(),
    }
}

/// A range that was acknowledged once and cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's slot.
    pub slot: u32,
    /// The segment's epoch.
    pub epoch: u64,
    /// Where in it. Empty for a segment that is missing.
    pub bytes: Range<u64>,
    /// The events that are lost: exactly these, no others.
    pub events: Range<Seq>,
    /// Whether something proves that they were durable. If not, they may also have been on their way when the power
    /// went, never acknowledged.
    pub certain: bool,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The log's name.
    pub log_id: LogId,
    /// Nothing was there: a new log.
    pub is_new: bool,
    /// It had been closed in order.
    pub was_closed: bool,
    /// Segments that hold frames.
    pub segments: usize,
    /// Bytes scanned: the tail behind the checkpoint.
    pub scanned_bytes: u64,
    /// Frames scanned.
    pub scanned_frames: u64,
    /// All events below are acknowledged.
    pub low_watermark: Seq,
    /// The next event.
    pub next_event: Seq,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// Things that are odd and did no harm: a damaged copy of a header or checkpoint.
    pub remarks: Vec<String>,
}

/// Why a log did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Written by a later version.
    #[error("{what} was {source}")]
    Unsupported {
        /// Which file.
        what: String,
        /// What of it.
        source: FormatError,
    },
    /// The segments belong to another log than the checkpoint.
    #[error(
        "the checkpoint belongs to log {checkpoint} and the segments to log {segments}: \
         checkpointDir and dataDirs are not of the same channel"
    )]
    Foreign {
        /// Of the checkpoint.
        checkpoint: LogId,
        /// Of the segments.
        segments: LogId,
    },
    /// Damage, and the policy is to stop.
    #[error(
        "{count} damaged ranges with {events} events that were acknowledged; nothing was changed; \
         set onCorruption = skip to go on without them"
    )]
    Damaged {
        /// Ranges.
        count: usize,
        /// Events.
        events: u64,
        /// All of them.
        damage: Vec<Damage>,
    },
    /// Nothing could be read at all.
    #[error("no segment could be read: {fault}")]
    Unreadable {
        /// What the system said last.
        fault: Fault,
    },
    /// Limits that contradict each other.
    #[error("{0}")]
    Limits(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The log is open.
    Opened(Box<Report>),
    /// The log did not open and does nothing any more.
    CannotOpen(OpenError),
    /// All events below `before` have survived power loss.
    Durable {
        /// The first event that has not.
        before: Seq,
        /// From the sending of the last commit to its end.
        latency: Tick,
    },
    /// All acknowledgements up to this ticket have survived power loss.
    AcksDurable {
        /// As returned by [`crate::Log::ack`].
        ticket: u64,
    },
    /// What was asked for with [`crate::Log::read`] can be taken with [`crate::Log::take_read`].
    Readable,
    /// An append that was refused for want of room would be taken now.
    Writable,
    /// Events that were acknowledged cannot be read. They count as acknowledged from now on.
    Damage(Damage),
    /// A write failed; the segment is not written any more, what was not durable goes to another one.
    Poisoned {
        /// The slot.
        slot: u32,
        /// What the system said.
        fault: Fault,
    },
    /// The log has failed. These events were never acknowledged and are not in the log.
    Refused {
        /// Which.
        events: Range<Seq>,
        /// What the system said last.
        fault: Fault,
    },
    /// The log was closed in order.
    Closed,
}
