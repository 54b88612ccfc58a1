//! Channels across threads: the messages, the node that serves this thread's channels to others, and the proxy.
//!
//! A request carries the slot for its reply. Requests, cancellations, settlements and replies all fit their rings because
//! each is covered by a credit that its sender took first ([`RING_SLOTS`]), so draining a ring never has to wait. A reply
//! whose waiter is gone is settled by the node: a granted lease is rolled back.

mod node;
mod proxy;

pub use node::Node;
pub use proxy::Proxy;

use super::{PutError, Stats, Want};
use crate::event::Batch;
use crate::reactor::{MeshPort, mesh};
use std::sync::Arc;

/// Requests of one kind (puts; takes and questions) that one thread may have open at one other thread.
pub const CREDITS: u32 = 128;

/// Slots of one ring. Of each of the 2 x `CREDITS` credits, one request, one cancellation and one settlement can lie in
/// the ring unread, and one reply to a credit of the other direction.
pub const RING_SLOTS: usize = 2 * 4 * CREDITS as usize;

/// Names a channel in the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The thread that owns it.
    pub node: u16,
    /// Its number.
    pub channel: u32,
    /// The generation of the configuration that opened it.
    pub generation: u32,
}

/// Where a reply goes on the thread that asked.
pub(super) type Slot = u32;

/// What one thread says to another. Batches share their frame: nothing is copied.
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Message {
    /// Store this.
    Put { to: Address, batch: Batch, slot: Slot },
    /// Answer to a put.
    PutDone { slot: Slot, result: Result<(), PutError> },
    /// Lease events to this taker.
    Take { to: Address, taker: u32, sink: Arc<str>, want: Want, slot: Slot },
    /// The take in this slot is not awaited any more.
    Cancel { taker: u32, slot: Slot },
    /// Answer to a take. Lease 0: nothing was there.
    Taken { slot: Slot, lease: u64, batches: Vec<Batch>, error: Option<TakeFault> },
    /// Commit or roll back a lease; with a slot, say when it is done.
    Settle { lease: u64, commit: bool, slot: Option<Slot> },
    /// Answer to a commit.
    Settled { slot: Slot, error: Option<TakeFault> },
    /// How full is it?
    Ask { to: Address, slot: Slot },
    /// Answer to the question; `None` when the channel is not there.
    Stats { slot: Slot, stats: Stats },
    /// This taker is gone.
    CloseTaker { taker: u32 },
}

/// An error that crossed threads: the text of it and what to do.
#[derive(Debug, Clone)]
pub struct TakeFault {
    /// Its line.
    pub what: String,
    /// Its advice.
    pub advice: crate::event::Advice,
}

/// The ports of all threads that hold or use channels.
pub fn ports(threads: u16) -> Vec<MeshPort<Message>> {
    mesh(threads, RING_SLOTS)
}

#[cfg(test)]
mod tests;
