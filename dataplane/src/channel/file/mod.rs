//! The `file` channel: events in a write-ahead log. A put is answered when its events have survived power loss.
//!
//! ```text
//!  put ─► stored form ─► Log::append ─► commit on its way ─► durable ─► Queue ─► take ─► commit ─► Log::ack
//!         (one copy)     (gathers)      (driver task)                  (memory, or read back)
//! ```
//!
//! Everything happens on the core that owns the channel: calls append, acknowledge and lease at once; the driver task moves
//! operations between log and disk and tells what became durable.

mod driver;
mod kind;
mod lease;
mod put;
mod queue;
mod spec;
#[cfg(test)]
mod tests;

pub use kind::KIND;

use super::{Channel, ChannelCx, Committed, Limits, Owned, PutError, Stats, Taker};
use crate::event::{Advice, Batch, Error};
use crate::reactor::{Fut, Signal, Task};
use driver::{Inner, Opened};
use spec::FileSpec;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wal::disk::SlotFiles;

/// The channel on its own core.
pub struct FileChannel {
    shared: Rc<Shared>,
    /// Moves operations and completions.
    _driver: Task,
}

/// What calls and the driver share.
struct Shared {
    spec: FileSpec,
    cx: ChannelCx,
    /// Holds the locks for as long as the channel lives.
    files: Arc<SlotFiles>,
    inner: RefCell<Inner>,
    /// The driver has something to do.
    changed: Signal,
    /// Events can be handed out.
    filled: Signal,
    /// Room came back: capacity, or buffers of the log.
    freed: Signal,
    /// Acknowledgements became durable, or the log was closed.
    settled: Signal,
}

impl Shared {
    fn new(spec: FileSpec, cx: ChannelCx, opened: Opened, files: Arc<SlotFiles>) -> Self {
        Shared {
            spec,
            cx,
            files,
            inner: RefCell::new(Inner::new(opened)),
            changed: Signal::default(),
            filled: Signal::default(),
            freed: Signal::default(),
            settled: Signal::default(),
        }
    }
}

impl FileChannel {
    fn new(shared: Rc<Shared>, driver: Task) -> Self {
        FileChannel { shared, _driver: driver }
    }
}

impl Channel for FileChannel {
    fn put(&self, batch: Batch) -> Fut<'static, Result<Committed, PutError>> {
        Box::pin(put::put(self.shared.clone(), batch))
    }

    fn taker(&self, _sink: &str) -> Result<Box<dyn Taker>, Error> {
        Ok(Box::new(lease::FileTaker::new(self.shared.clone())))
    }

    fn stats(&self) -> Fut<'static, Stats> {
        let inner = self.shared.inner.borrow();
        let oldest_ms =
            inner.queue.oldest_ms().map_or(0, |then| self.shared.cx.core.wall_ms().saturating_sub(then));
        let stats = Stats {
            events: inner.stored_events,
            bytes: inner.stored_bytes(),
            capacity_events: self.shared.spec.capacity_events,
            oldest_ms,
            leased_events: inner.leased_events,
            // What was not answered yet is nobody's loss; without fsyncPerTransaction it was answered.
            would_lose_events: if self.shared.spec.waits_for_disk { 0 } else { inner.pending_events() },
        };
        Box::pin(async move { stats })
    }

    fn limits(&self) -> Limits {
        Limits { transaction_events: self.shared.spec.transaction_events }
    }
}

impl Owned for FileChannel {
    fn close(&self, deadline: Duration) -> Fut<'static, Result<(), Error>> {
        let shared = self.shared.clone();
        Box::pin(async move {
            shared.inner.borrow_mut().closing = true;
            shared.freed.notify_all();
            let closed = async {
                loop {
                    let change = shared.settled.wait();
                    {
                        let mut inner = shared.inner.borrow_mut();
                        if inner.leased_events == 0 {
                            inner.close_log(shared.cx.core.now());
                        }
                        if inner.closed || inner.failed.is_some() {
                            return;
                        }
                    }
                    shared.changed.notify_one();
                    change.await;
                }
            };
            match shared.cx.core.timeout(deadline, closed).await {
                Some(()) => Ok(()),
                None => Err(Error::new(
                    Advice::Stop,
                    format!(
                        "channel {} was not closed in {} ms; nothing is lost, opening it takes a little longer",
                        shared.cx.name,
                        deadline.as_millis()
                    ),
                )),
            }
        })
    }
}
