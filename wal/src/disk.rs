//! The one door of the log to a disk: operations out, completions in. Buffers move by value into an operation and come
//! back with its completion, so nothing is borrowed and nothing needs to be cancelled.
//!
//! # What a back end promises
//! * [`Op::Write`] and [`Op::Checkpoint`] have survived power loss when they complete with all their bytes; before
//!   that, any part of them may have. They never touch a byte outside their range.
//! * [`Op::Prepare`] leaves a file of that size with every byte written and synced; its *name* is durable only after
//!   the next [`Op::SyncDir`].
//! * An operation is tried once. A failed write or sync is reported, never repeated: the log writes elsewhere.
//! * Reads come from the device, not from the page cache, wherever the back end can.
//! * Slot `n` lives in data directory `n % directories`.
//! * Offsets and lengths are multiples of the log's block size, buffers are aligned to it.

mod buffer;
pub mod files;
pub mod lock;
pub mod perform;
pub mod probe;
pub mod sim;
mod threads;

pub use buffer::{AlignedBuf, BufferPool};
pub use files::{Layout, SlotFiles};
pub use lock::{DirLock, LockError, Owner};
pub use perform::Access;
pub use threads::{ThreadDisk, WakeUp};

/// Memory that a disk can read into and write from: aligned and, where the back end can, registered.
pub trait IoBuf: AsRef<[u8]> + AsMut<[u8]> + 'static {}

/// Names an operation until its completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u64);

/// One disk operation. `slot` is the number of a segment file.
///
/// # Durability
/// `Write` and `Checkpoint` have survived power loss when they complete.
#[derive(Debug)]
pub enum Op<B> {
    /// Write the first `len_bytes` of `buf` at `offset_bytes` of the slot, durably.
    Write {
        /// Segment.
        slot: u32,
        /// Where in the segment.
        offset_bytes: u64,
        /// How much of the buffer.
        len_bytes: u32,
        /// What.
        buf: B,
    },
    /// Read `len_bytes` from `offset_bytes` of the slot into `buf`, from `at_bytes` of it on. Fewer at the end of the file.
    Read {
        /// Segment.
        slot: u32,
        /// Where in the segment.
        offset_bytes: u64,
        /// Where in the buffer.
        at_bytes: u32,
        /// How much.
        len_bytes: u32,
        /// Into what.
        buf: B,
    },
    /// Create the slot anew with this size, write every byte of it once, and sync it.
    Prepare {
        /// Segment.
        slot: u32,
        /// Size.
        size_bytes: u64,
    },
    /// Write the first `len_bytes` of `buf` over the beginning of one of the two checkpoint copies, durably.
    Checkpoint {
        /// 0 or 1.
        copy: u8,
        /// How much of the buffer.
        len_bytes: u32,
        /// What.
        buf: B,
    },
    /// Read the beginning of a checkpoint copy.
    ReadCheckpoint {
        /// 0 or 1.
        copy: u8,
        /// How much.
        len_bytes: u32,
        /// Into what.
        buf: B,
    },
    /// Make created and removed names durable, in every data directory.
    SyncDir,
    /// Remove the slot.
    Remove {
        /// Segment.
        slot: u32,
    },
    /// Copy a damaged range aside, with a text that says what and why; what cannot be read becomes zeros.
    Quarantine {
        /// Segment.
        slot: u32,
        /// First byte.
        from_bytes: u64,
        /// Behind the last byte.
        to_bytes: u64,
        /// What and why, for a person.
        why: String,
    },
}

impl<B> Op<B> {
    /// Bytes to transfer, 0 for operations without a buffer.
    pub fn len_bytes(&self) -> u32 {
        match self {
            Op::Write { len_bytes, .. }
            | Op::Read { len_bytes, .. }
            | Op::Checkpoint { len_bytes, .. }
            | Op::ReadCheckpoint { len_bytes, .. } => *len_bytes,
            Op::Prepare { .. } | Op::SyncDir | Op::Remove { .. } | Op::Quarantine { .. } => 0,
        }
    }
}

/// What the system said: its error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", std::io::Error::from_raw_os_error(*errno))]
pub struct Fault {
    /// As in `errno`.
    pub errno: i32,
}

impl Fault {
    /// Input/output error.
    pub const EIO: Fault = Fault { errno: 5 };
    /// No space left on device.
    pub const ENOSPC: Fault = Fault { errno: 28 };
}

/// A completed operation.
#[derive(Debug)]
pub struct Done<B> {
    /// Which.
    pub id: OpId,
    /// Bytes transferred, or the fault.
    pub result: Result<u32, Fault>,
    /// The operation's buffer, if it had one.
    pub buf: Option<B>,
}

/// A back end that performs operations. Completions may come in any order.
pub trait Disk {
    /// The buffers it works with.
    type Buf: IoBuf;
    /// A free buffer of at least this size, or `None` when the pool is used up: back-pressure, not an error.
    fn buffer(&mut self, at_least_bytes: usize) -> Option<Self::Buf>;
    /// Starts an operation.
    fn submit(&mut self, id: OpId, op: Op<Self::Buf>);
    /// Moves what has completed into `out`.
    fn poll(&mut self, out: &mut Vec<Done<Self::Buf>>);
}

/// A segment file that a back end found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotFile {
    /// Its number.
    pub slot: u32,
    /// Its size.
    pub size_bytes: u64,
}
