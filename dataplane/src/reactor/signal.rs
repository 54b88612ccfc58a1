//! A condition that tasks wait for.

use std::future::Future;
use std::sync::Arc;
use tokio::sync::Notify;

/// Wakes tasks that wait for a change. Cheap to clone.
#[derive(Clone, Default)]
pub struct Signal(Arc<Notify>);

impl Signal {
    /// Wakes one waiter, or the next one to come.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes everyone who waits now.
    pub fn notify_all(&self) {
        self.0.notify_waiters();
    }

    /// Resolves at the next notification. Sees every `notify_all` that comes after this call, polled or not: make the
    /// future first, then look at the condition, then await it.
    ///
    /// # Cancel safety
    /// A dropped wait hands a `notify_one` it had received to the next waiter.
    pub fn wait(&self) -> impl Future<Output = ()> + use<> {
        self.0.clone().notified_owned()
    }
}
