//! The wish that something ends.

use std::time::Duration;
use tokio::sync::watch;

/// Seen by whatever shall end.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Held by whoever decides. Dropping it means stop, too.
pub struct Stopper(watch::Sender<bool>);

/// A connected pair.
pub fn stop_pair() -> (Stopper, Stop) {
    let (tx, rx) = watch::channel(false);
    (Stopper(tx), Stop(rx))
}

impl Stopper {
    /// Wakes everyone who waits for the stop; stays set.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the stop was asked for.
    pub fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Resolves when the stop is asked for; at once if it was.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn wait(&self) {
        let mut rx = self.0.clone();
        // An error means that the stopper is gone, which is a stop.
        drop(rx.wait_for(|set| *set).await);
    }

    /// Sleeps for `d` on this core, or until the stop. True when stopped.
    pub async fn sleep(&self, core: &super::Core, d: Duration) -> bool {
        matches!(super::race(self.wait(), core.sleep(d)).await, super::Either::First(()))
    }
}
