//! Every interleaving, and every order of memory that the model allows, of senders and a receiver at one doorbell. Run by
//! `RUSTFLAGS="--cfg penstock_loom" cargo test -p dataplane --lib mesh::loom`.

use super::doorbell::Doorbell;
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use std::future::poll_fn;
use std::task::Poll;

/// Rings of one message for each sender, as weakly ordered as the real ones: a push releases, a pop acquires.
struct Inbox {
    rings: [AtomicU32; 2],
    bell: Doorbell,
}

impl Inbox {
    fn try_recv(&self) -> Option<u32> {
        let take = |ring: &AtomicU32| match ring.load(Ordering::Acquire) {
            0 => None,
            message => {
                ring.store(0, Ordering::Release);
                Some(message)
            }
        };
        self.rings.iter().find_map(take)
    }
}

/// Receives as `MeshPort::poll_recv` does; loom fails the test when a sleeper is never woken.
fn receive(inbox: &Inbox) -> u32 {
    block_on(poll_fn(|cx| {
        if let Some(message) = inbox.try_recv() {
            return Poll::Ready(message);
        }
        inbox.bell.listen(cx.waker());
        match inbox.try_recv() {
            Some(message) => {
                inbox.bell.awake();
                Poll::Ready(message)
            }
            None => Poll::Pending,
        }
    }))
}

fn with_senders(senders: usize) {
    let inbox = Arc::new(Inbox { rings: [AtomicU32::new(0), AtomicU32::new(0)], bell: Doorbell::new() });
    let threads: Vec<_> = (0..senders)
        .map(|n| {
            let inbox = inbox.clone();
            loom::thread::spawn(move || {
                inbox.rings[n].store(n as u32 + 1, Ordering::Release);
                inbox.bell.ring();
            })
        })
        .collect();
    let received: u32 = (0..senders).map(|_| receive(&inbox)).sum();
    assert_eq!(received, [0, 1, 3][senders]);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn one_sender_always_wakes_the_receiver() {
    loom::model(|| with_senders(1));
}

#[test]
fn of_two_senders_neither_leaves_the_receiver_asleep() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| with_senders(2));
}
