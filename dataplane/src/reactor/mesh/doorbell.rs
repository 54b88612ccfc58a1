//! How a sender wakes a receiver that may be about to sleep, and pays nothing while it is awake.
//!
//! Sender: message in place, fence, look whether somebody sleeps. Receiver: say that it sleeps, fence, look for a message
//! once more. Each does its own store before the fence and its look after it, so one of the two sees the other.

#[cfg(not(penstock_loom))]
use atomic_waker::AtomicWaker;
#[cfg(penstock_loom)]
use loom::{
    future::AtomicWaker,
    sync::atomic::{AtomicBool, Ordering, fence},
};
#[cfg(not(penstock_loom))]
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Waker;

pub(super) struct Doorbell {
    waker: AtomicWaker,
    /// True while the receiver is asleep or about to be.
    asleep: AtomicBool,
}

impl Doorbell {
    pub(super) fn new() -> Doorbell {
        Doorbell { waker: AtomicWaker::new(), asleep: AtomicBool::new(false) }
    }

    /// The sender's part, after its message is in place.
    pub(super) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// The receiver's part when it has found nothing: afterwards it must look once more before it sleeps.
    pub(super) fn listen(&self, waker: &Waker) {
        self.waker.register(waker);
        // A swap, so that it comes after whatever a sender has just taken back, and so that the sender that takes this
        // back sees the waker, too.
        self.asleep.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// The second look has found something: no ring is needed.
    pub(super) fn awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}
