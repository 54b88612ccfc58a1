//! A sink's transaction.

use crate::event::{Batch, Error};
use crate::reactor::Fut;

/// What a channel keeps about events it handed out.
pub trait Lease {
    /// Removes the events from the channel. Decided when *called*; the future only says when it is durable, and dropping
    /// it undoes nothing.
    fn commit(self: Box<Self>) -> Fut<'static, Result<(), Error>>;
    /// Gives the events back, in order, to be handed out next. Never waits.
    fn rollback(self: Box<Self>);
    /// Splits the lease: `self` keeps the first `at` events. `None` when this channel cannot right now.
    fn split_off(&mut self, at: u32) -> Option<Box<dyn Lease>>;
}

/// Leased events. Dropping it is a rollback.
pub struct Take {
    batches: Vec<Batch>,
    lease: Option<Box<dyn Lease>>,
}

impl Take {
    pub(in crate::channel) fn new(batches: Vec<Batch>, lease: Box<dyn Lease>) -> Self {
        Take { batches, lease: Some(lease) }
    }

    /// The events, in order.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Number of events.
    pub fn events(&self) -> u32 {
        self.batches.iter().map(Batch::events).sum()
    }

    /// Bytes of all bodies.
    pub fn body_bytes(&self) -> u64 {
        self.batches.iter().map(Batch::body_bytes).sum()
    }

    /// The events leave the channel. Decided when called; the future says when it is durable.
    ///
    /// # Cancel safety
    /// Dropping the future undoes nothing.
    pub fn commit(mut self) -> Fut<'static, Result<(), Error>> {
        self.lease.take().expect("held until commit or drop").commit()
    }

    /// The events go back; the same as dropping.
    pub fn rollback(self) {}

    /// Splits off the events from number `at` on, so that a poison event can be settled apart from its neighbours.
    /// `None` when the channel cannot split this lease; the take is unchanged then.
    pub fn split_off(&mut self, at: u32) -> Option<Take> {
        let lease = self.lease.as_mut().expect("held until commit or drop").split_off(at)?;
        let (mut left, mut tail) = (at, Vec::new());
        let mut index = 0;
        while index < self.batches.len() {
            let batch = &mut self.batches[index];
            if left >= batch.events() {
                left -= batch.events();
                index += 1;
                continue;
            }
            tail.push(batch.split_off(left));
            tail.extend(self.batches.drain(index + 1..));
            left = 0;
            index += 1;
        }
        self.batches.retain(|b| !b.is_empty());
        Some(Take::new(tail, lease))
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.rollback();
        }
    }
}
