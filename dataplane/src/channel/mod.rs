//! Channels: what keeps events between sources and sinks.
//!
//! A put is one transaction; so is a take. [`Committed`] says that one channel kept its promise for one batch; only this
//! room can make one. A [`Take`] holds a lease on events: committing it removes them, dropping it gives them back in
//! order.

mod error;
pub mod file;
pub mod memory;
pub mod remote;
mod take;

pub use error::PutError;
pub use take::{Lease, Take};

use crate::event::{Batch, Error};
use crate::metrics::ChannelMetrics;
use crate::reactor::{Core, Fut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One channel kept its promise for one batch. Sources never see it.
#[must_use]
#[derive(Debug)]
pub struct Committed(());

impl Committed {
    pub(in crate::channel) fn new() -> Self {
        Committed(())
    }
}

/// The core that owns a channel holds the real one; every other thread holds a proxy of the same trait
/// ([`remote::Proxy`]). The owner never changes while the channel lives.
pub trait Channel {
    /// Stores the batch, whole or not at all.
    ///
    /// # Cancel safety
    /// Dropped before it was polled: nothing happened. Later: decided without the caller.
    ///
    /// # Errors
    /// See [`PutError`]; `Full` comes after waiting for the channel's keep-alive.
    fn put(&self, batch: Batch) -> Fut<'static, Result<Committed, PutError>>;
    /// A taker for one sink. Takers of one channel compete for its events.
    fn taker(&self, sink: &str) -> Result<Box<dyn Taker>, Error>;
    /// What is in it now.
    fn stats(&self) -> Fut<'static, Stats>;
    /// Bounds that sources and sinks respect when they batch.
    fn limits(&self) -> Limits;
}

/// A channel on the core that owns it; a proxy cannot close what it does not own.
pub trait Owned: Channel {
    /// Takes no more puts. Resolves when leases are settled.
    ///
    /// # Errors
    /// When some are still held after `deadline`.
    fn close(&self, deadline: Duration) -> Fut<'static, Result<(), Error>>;
}

/// Bounds of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most events in one put or take (`transactionCapacity`).
    pub transaction_events: u32,
}

/// What a channel holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Events stored: queued and leased.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Events it can store; 0 when there is no such bound.
    pub capacity_events: u64,
    /// Age of the oldest stored event.
    pub oldest_ms: u64,
    /// Events handed out and not yet settled.
    pub leased_events: u64,
    /// Events that would be gone if the process died now.
    pub would_lose_events: u64,
}

/// How much a sink wants and how long it waits for the first event.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// At most this many events; the channel's `transactionCapacity` bounds it too.
    pub max_events: u32,
    /// At most this many bytes of bodies, but at least one event.
    pub max_bytes: u64,
    /// How long to wait when the channel is empty.
    pub wait: Duration,
}

/// One sink's way into a channel.
pub trait Taker {
    /// Leases the next events, those given back first. `None` when there was none for `want.wait`.
    ///
    /// # Cancel safety
    /// A dropped take leases nothing; what was on its way is given back.
    fn take<'a>(&'a mut self, want: Want) -> Fut<'a, Result<Option<Take>, Error>>;
}

/// What a channel is opened with.
#[derive(Clone)]
pub struct ChannelCx {
    /// Its name.
    pub name: Arc<str>,
    /// The core that owns it.
    pub core: Core,
    /// Its counters.
    pub metrics: Rc<ChannelMetrics>,
    /// Memory granted to the process's channels: `-Xmx` if given, else a quarter of what the machine or cgroup grants.
    pub heap_bytes: u64,
}

/// A channel that was configured and is not open yet.
pub trait ChannelSpec {
    /// Opens it: everything that can fail at start.
    fn open(self: Box<Self>, cx: ChannelCx) -> Fut<'static, Result<Rc<dyn Owned>, Error>>;
}
