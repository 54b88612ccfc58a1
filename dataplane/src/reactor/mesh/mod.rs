//! Messages between threads: one bounded ring for each ordered pair. Who takes part is settled once at start.
//!
//! Posting never waits: whoever posts holds a credit, and rings are made large enough for all credits (the message types
//! above this room say how many). Receiving is a future that sleeps until something arrives; a thread that is awake is
//! not woken.

mod doorbell;
#[cfg(all(test, penstock_loom))]
mod loom_tests;

use crossbeam_queue::ArrayQueue;
use doorbell::Doorbell;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

struct Inbox<M> {
    /// One ring for each sender, made when it first has something to say: on a large machine most pairs never do, and a
    /// full set would cost hundreds of megabytes.
    rings: Vec<OnceLock<ArrayQueue<M>>>,
    bell: Doorbell,
}

/// One thread's end of the mesh. Moved into its thread once; not shared.
pub struct MeshPort<M> {
    me: u16,
    inboxes: Arc<[Inbox<M>]>,
    ring_slots: usize,
    /// Where the next drain begins, so that no sender is always served first.
    turn: Cell<usize>,
}

/// Makes the ports of `nodes` threads; each ring holds `ring_slots` messages.
pub fn mesh<M: Send>(nodes: u16, ring_slots: usize) -> Vec<MeshPort<M>> {
    let inboxes: Arc<[Inbox<M>]> = (0..nodes)
        .map(|_| Inbox { rings: (0..nodes).map(|_| OnceLock::new()).collect(), bell: Doorbell::new() })
        .collect();
    let port = |me| MeshPort { me, inboxes: inboxes.clone(), ring_slots, turn: Cell::new(0) };
    (0..nodes).map(port).collect()
}

impl<M: Send> MeshPort<M> {
    /// This thread's number.
    pub fn id(&self) -> u16 {
        self.me
    }

    /// How many threads there are.
    pub fn nodes(&self) -> u16 {
        self.inboxes.len() as u16
    }

    /// Puts a message into the ring to `to`.
    ///
    /// # Panics
    /// When the ring is full: somebody posted without a credit.
    pub fn post(&self, to: u16, message: M) {
        let inbox = &self.inboxes[to as usize];
        let ring = inbox.rings[self.me as usize].get_or_init(|| ArrayQueue::new(self.ring_slots));
        assert!(ring.push(message).is_ok(), "mesh ring {} -> {to}: no credit", self.me);
        inbox.bell.ring();
    }

    /// The next message and who sent it, if one is there.
    pub fn try_recv(&self) -> Option<(u16, M)> {
        let rings = &self.inboxes[self.me as usize].rings;
        let start = self.turn.get();
        for step in 0..rings.len() {
            let from = (start + step) % rings.len();
            if let Some(message) = rings[from].get().and_then(ArrayQueue::pop) {
                self.turn.set((from + 1) % rings.len());
                return Some((from as u16, message));
            }
        }
        None
    }

    /// Polls for the next message.
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<(u16, M)> {
        if let Some(found) = self.try_recv() {
            return Poll::Ready(found);
        }
        let bell = &self.inboxes[self.me as usize].bell;
        bell.listen(cx.waker());
        match self.try_recv() {
            Some(found) => {
                bell.awake();
                Poll::Ready(found)
            }
            None => Poll::Pending,
        }
    }

    /// The next message and who sent it.
    ///
    /// # Cancel safety
    /// May be dropped and called again; no message is lost.
    pub async fn recv(&self) -> (u16, M) {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_sender_arrive_in_order_and_all() {
        let mut ports = mesh::<(u16, u32)>(3, 2_000);
        let receiver = ports.remove(0);
        let senders: Vec<_> = ports
            .into_iter()
            .map(|port| {
                std::thread::spawn(move || {
                    for n in 0..2_000 {
                        port.post(0, (port.id(), n));
                    }
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut next = [0u32; 3];
        runtime.block_on(async {
            for _ in 0..4_000 {
                let (from, (id, n)) = receiver.recv().await;
                assert_eq!((from, n), (id, next[id as usize]));
                next[id as usize] += 1;
            }
        });
        assert_eq!(next, [0, 2_000, 2_000]);
        for sender in senders {
            sender.join().unwrap();
        }
    }

    #[test]
    #[should_panic(expected = "no credit")]
    fn posting_without_a_credit_is_our_own_mistake() {
        let ports = mesh::<u8>(2, 1);
        ports[0].post(1, 1);
        ports[0].post(1, 2);
    }
}
