//! The one door of the log to a disk: operations out, completions in. Buffers move by value into an operation and come
//! back with its completion, so nothing is borrowed and nothing needs to be cancelled.

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
    /// Write all of `buf` at `offset_bytes` of the slot, durably.
    Write {
        /// Segment.
        slot: u32,
        /// Where in the segment.
        offset_bytes: u64,
        /// What.
        buf: B,
    },
    /// Read into `buf` from `offset_bytes` of the slot.
    Read {
        /// Segment.
        slot: u32,
        /// Where in the segment.
        offset_bytes: u64,
        /// Into what.
        buf: B,
    },
    /// Create the slot with this size and write every byte of it once.
    Prepare {
        /// Segment.
        slot: u32,
        /// Size.
        size_bytes: u64,
    },
    /// Write one of the two checkpoint copies, durably.
    Checkpoint {
        /// 0 or 1.
        copy: u8,
        /// What.
        buf: B,
    },
    /// Make created and removed names durable.
    SyncDir,
    /// Remove the slot.
    Remove {
        /// Segment.
        slot: u32,
    },
}

/// What the system said: its error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// As in `errno`.
    pub errno: i32,
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
