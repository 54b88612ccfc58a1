//! A take: leased pieces of the queue, acknowledged to the log when they are committed.

use super::Shared;
use super::queue::Piece;
use crate::channel::{Lease, Take, Taker, Want};
use crate::event::{Advice, Error};
use crate::reactor::Fut;
use std::rc::Rc;

pub(super) struct FileTaker(Rc<Shared>);

impl FileTaker {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        FileTaker(shared)
    }

    fn lease(&self, want: &Want) -> Vec<Piece> {
        let max = want.max_events.clamp(1, self.0.spec.transaction_events);
        let mut inner = self.0.inner.borrow_mut();
        if !inner.log.may_lease() {
            // Too many acknowledged ranges lie above a stuck one: the stuck lease must be settled first.
            return Vec::new();
        }
        let pieces = inner.queue.hand_out(max, want.max_bytes);
        inner.leased_events += events(&pieces);
        let (more, read) = (inner.queue.has_ready(), inner.queue.wants_soon());
        drop(inner);
        if more {
            self.0.filled.notify_one();
        }
        if read {
            self.0.changed.notify_one();
        }
        pieces
    }
}

fn events(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|p| p.events.end - p.events.start).sum()
}

impl Taker for FileTaker {
    fn take<'a>(&'a mut self, want: Want) -> Fut<'a, Result<Option<Take>, Error>> {
        Box::pin(async move {
            let shared = &self.0;
            shared.cx.metrics.take_attempts.add(1);
            let mut pieces = self.lease(&want);
            if pieces.is_empty() && !want.wait.is_zero() {
                let until_filled = async {
                    loop {
                        let change = shared.filled.wait();
                        let pieces = self.lease(&want);
                        if !pieces.is_empty() {
                            return pieces;
                        }
                        change.await;
                    }
                };
                pieces = shared.cx.core.timeout(want.wait, until_filled).await.unwrap_or_default();
            }
            if pieces.is_empty() {
                return Ok(None);
            }
            let batches = pieces.iter().map(|p| p.batch.clone()).collect();
            Ok(Some(Take::new(batches, Box::new(FileLease { shared: shared.clone(), pieces }))))
        })
    }
}

struct FileLease {
    shared: Rc<Shared>,
    pieces: Vec<Piece>,
}

impl Lease for FileLease {
    fn commit(self: Box<Self>) -> Fut<'static, Result<(), Error>> {
        let shared = self.shared;
        let count = events(&self.pieces);
        let ticket = {
            let mut inner = shared.inner.borrow_mut();
            let now = shared.cx.core.now();
            inner.leased_events -= count;
            inner.delivered(count, &self.pieces);
            let mut ticket = 0;
            for piece in &self.pieces {
                ticket = inner.log.ack(piece.events.clone(), now);
            }
            ticket
        };
        shared.cx.metrics.take_successes.add(count);
        shared.freed.notify_all();
        shared.filled.notify_one();
        shared.settled.notify_all();
        shared.changed.notify_one();
        if !shared.spec.ack_sync {
            return Box::pin(async { Ok(()) });
        }
        Box::pin(async move {
            loop {
                let change = shared.settled.wait();
                {
                    let inner = shared.inner.borrow();
                    if inner.acks_durable >= ticket {
                        return Ok(());
                    }
                    if let Some(why) = &inner.failed {
                        return Err(Error::new(Advice::Stop, format!("channel {}: {why}", shared.cx.name)));
                    }
                }
                change.await;
            }
        })
    }

    fn rollback(self: Box<Self>) {
        let count = events(&self.pieces);
        self.shared.cx.metrics.rolled_back_events.add(count);
        let mut inner = self.shared.inner.borrow_mut();
        inner.leased_events -= count;
        inner.queue.take_back(self.pieces);
        drop(inner);
        self.shared.filled.notify_one();
        self.shared.settled.notify_all();
    }

    fn split_off(&mut self, at: u32) -> Option<Box<dyn Lease>> {
        let (mut left, mut front, mut back) = (u64::from(at), Vec::new(), Vec::new());
        for mut piece in self.pieces.drain(..) {
            let events = piece.events.end - piece.events.start;
            if left >= events {
                left -= events;
                front.push(piece);
            } else if left == 0 {
                back.push(piece);
            } else {
                back.push(piece.split_off(u32::try_from(left).expect("less than a batch has")));
                front.push(piece);
                left = 0;
            }
        }
        self.pieces = front;
        Some(Box::new(FileLease { shared: self.shared.clone(), pieces: back }))
    }
}
