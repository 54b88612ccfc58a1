//! A channel that another thread owns.

use super::node::Pool;
use super::{Address, Message, Node, Slot};
use crate::channel::{Channel, Committed, Lease, Limits, PutError, Stats, Take, Taker, Want};
use crate::event::{Batch, Error};
use crate::reactor::Fut;
use std::rc::Rc;
use std::sync::Arc;

/// Stands for a channel of another thread. Its bounds are those the channel had when the proxy was made.
pub struct Proxy {
    node: Rc<Node>,
    to: Address,
    limits: Limits,
}

impl Proxy {
    /// A proxy on `node`'s thread for the channel at `to`.
    pub fn new(node: Rc<Node>, to: Address, limits: Limits) -> Self {
        Proxy { node, to, limits }
    }
}

/// A slot with a credit. Dropped before its reply was read, both are left to the node.
struct Request {
    node: Rc<Node>,
    to: u16,
    pool: Pool,
    slot: Option<Slot>,
}

impl Request {
    async fn new(node: &Rc<Node>, to: u16, pool: Pool) -> Request {
        node.credit(to, pool).await;
        let slot = node.open_slot(to, pool);
        Request { node: node.clone(), to, pool, slot: Some(slot) }
    }

    fn slot(&self) -> Slot {
        self.slot.expect("open until the reply is read")
    }

    /// Waits for the reply; gives the credit back unless it is kept for what follows.
    async fn finish(mut self, keep_credit: bool) -> Message {
        let message = self.node.reply(self.slot()).await;
        self.slot = None;
        if !keep_credit {
            self.node.give_back(self.to, self.pool);
        }
        message
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.node.abandon(slot);
        }
    }
}

impl Channel for Proxy {
    fn put(&self, batch: Batch) -> Fut<'static, Result<Committed, PutError>> {
        let (node, to) = (self.node.clone(), self.to);
        Box::pin(async move {
            let request = Request::new(&node, to.node, Pool::Put).await;
            node.post(to.node, Message::Put { to, batch, slot: request.slot() });
            match request.finish(false).await {
                Message::PutDone { result, .. } => result.map(|()| Committed::new()),
                _ => unreachable!("a put is answered by PutDone"),
            }
        })
    }

    fn taker(&self, sink: &str) -> Result<Box<dyn Taker>, Error> {
        let id = self.node.new_taker();
        Ok(Box::new(ProxyTaker {
            node: self.node.clone(),
            to: self.to,
            id,
            sink: Arc::from(sink),
            used: false,
        }))
    }

    fn stats(&self) -> Fut<'static, Stats> {
        let (node, to) = (self.node.clone(), self.to);
        Box::pin(async move {
            let request = Request::new(&node, to.node, Pool::Take).await;
            node.post(to.node, Message::Ask { to, slot: request.slot() });
            match request.finish(false).await {
                Message::Stats { stats, .. } => stats,
                _ => unreachable!("a question is answered by Stats"),
            }
        })
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

struct ProxyTaker {
    node: Rc<Node>,
    to: Address,
    id: u32,
    sink: Arc<str>,
    /// True once the owner hosts a taker for this one.
    used: bool,
}

/// Tells the owner that a take is not awaited any more.
struct CancelOnDrop<'a> {
    taker: &'a ProxyTaker,
    slot: Option<Slot>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.taker.node.post(self.taker.to.node, Message::Cancel { taker: self.taker.id, slot });
        }
    }
}

impl Taker for ProxyTaker {
    fn take<'a>(&'a mut self, want: Want) -> Fut<'a, Result<Option<Take>, Error>> {
        Box::pin(async move {
            let request = Request::new(&self.node, self.to.node, Pool::Take).await;
            self.used = true;
            let (to, taker, sink, slot) = (self.to, self.id, self.sink.clone(), request.slot());
            self.node.post(to.node, Message::Take { to, taker, sink, want, slot });
            let mut cancel = CancelOnDrop { taker: self, slot: Some(slot) };
            let answer = request.finish(true).await;
            cancel.slot = None;
            let Message::Taken { lease, batches, error, .. } = answer else {
                unreachable!("a take is answered by Taken")
            };
            if lease == 0 {
                self.node.give_back(to.node, Pool::Take);
                return match error {
                    Some(fault) => Err(Error::new(fault.advice, fault.what)),
                    None => Ok(None),
                };
            }
            let lease = RemoteLease { node: self.node.clone(), to: to.node, lease };
            Ok(Some(Take::new(batches, Box::new(lease))))
        })
    }
}

impl Drop for ProxyTaker {
    fn drop(&mut self) {
        if self.used {
            // One settlement slot of the ring is spare for each taker: it has no lease or take open any more.
            self.node.post(self.to.node, Message::CloseTaker { taker: self.id });
        }
    }
}

/// Holds the credit of its take until it is settled.
struct RemoteLease {
    node: Rc<Node>,
    to: u16,
    lease: u64,
}

impl Lease for RemoteLease {
    fn commit(self: Box<Self>) -> Fut<'static, Result<(), Error>> {
        let slot = self.node.open_slot(self.to, Pool::Take);
        self.node.post(self.to, Message::Settle { lease: self.lease, commit: true, slot: Some(slot) });
        let request = Request { node: self.node.clone(), to: self.to, pool: Pool::Take, slot: Some(slot) };
        Box::pin(async move {
            match request.finish(false).await {
                Message::Settled { error: None, .. } => Ok(()),
                Message::Settled { error: Some(fault), .. } => Err(Error::new(fault.advice, fault.what)),
                _ => unreachable!("a commit is answered by Settled"),
            }
        })
    }

    fn rollback(self: Box<Self>) {
        self.node.post(self.to, Message::Settle { lease: self.lease, commit: false, slot: None });
        self.node.give_back(self.to, Pool::Take);
    }

    fn split_off(&mut self, _at: u32) -> Option<Box<dyn Lease>> {
        // The second half would need a credit of its own, which cannot be awaited here.
        None
    }
}
