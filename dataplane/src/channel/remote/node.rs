//! One thread's end of the mesh: serves its own channels to other threads and holds the slots of its own requests.

use super::{Address, CREDITS, Message, Slot, TakeFault};
use crate::channel::{Channel, Take, Taker, Want};
use crate::event::{Advice, Error};
use crate::reactor::{Core, Either, Fut, MeshPort, Signal, Task, race};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Which pool of credits a request draws on: puts that wait for room must not keep takes from making it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    Put,
    Take,
}

/// This thread's node. Every thread of the data plane has one; [`Node::run`] must be running for anything to move.
pub struct Node {
    core: Core,
    port: MeshPort<Message>,
    channels: RefCell<HashMap<Address, Rc<dyn Channel>>>,
    takers: RefCell<HashMap<(u16, u32), Rc<Hosted>>>,
    leases: RefCell<HashMap<u64, Take>>,
    next_lease: Cell<u64>,
    next_taker: Cell<u32>,
    slots: RefCell<HashMap<Slot, Waiting>>,
    next_slot: Cell<Slot>,
    credits: RefCell<HashMap<(u16, bool), u32>>,
    returned: Signal,
    tasks: RefCell<HashMap<u64, Task>>,
    next_task: Cell<u64>,
}

/// A request of ours whose reply has not come.
struct Waiting {
    to: u16,
    pool: Pool,
    reply: Option<Message>,
    waker: Option<Waker>,
    abandoned: bool,
}

/// A taker that another thread uses.
struct Hosted {
    requests: RefCell<VecDeque<(Want, Slot)>>,
    cancelled: Cell<Option<Slot>>,
    changed: Signal,
}

impl Node {
    /// The node of this thread.
    pub fn new(core: Core, port: MeshPort<Message>) -> Rc<Node> {
        Rc::new(Node {
            core,
            port,
            channels: RefCell::default(),
            takers: RefCell::default(),
            leases: RefCell::default(),
            next_lease: Cell::new(1),
            next_taker: Cell::new(1),
            slots: RefCell::default(),
            next_slot: Cell::new(0),
            credits: RefCell::default(),
            returned: Signal::default(),
            tasks: RefCell::default(),
            next_task: Cell::new(0),
        })
    }

    /// This thread's number.
    pub fn id(&self) -> u16 {
        self.port.id()
    }

    /// Lets other threads use a channel of this thread.
    pub fn serve(&self, address: Address, channel: Rc<dyn Channel>) {
        assert_eq!(address.node, self.id(), "a channel is served by the thread that owns it");
        self.channels.borrow_mut().insert(address, channel);
    }

    /// Withdraws a channel: requests for it are refused from now on. Leases stay until they are settled.
    pub fn withdraw(&self, address: Address) {
        self.channels.borrow_mut().remove(&address);
    }

    /// Serves requests and delivers replies for ever.
    pub fn run(self: &Rc<Self>) -> Fut<'static, ()> {
        let node = self.clone();
        Box::pin(async move {
            loop {
                let (from, message) = node.port.recv().await;
                node.receive(from, message);
            }
        })
    }

    pub(super) fn new_taker(&self) -> u32 {
        let id = self.next_taker.get();
        self.next_taker.set(id.wrapping_add(1));
        id
    }

    /// Takes a credit for a request to `to`; waits when all are in use.
    pub(super) async fn credit(&self, to: u16, pool: Pool) {
        loop {
            let change = self.returned.wait();
            {
                let mut credits = self.credits.borrow_mut();
                let used = credits.entry((to, pool == Pool::Put)).or_insert(0);
                if *used < CREDITS {
                    *used += 1;
                    return;
                }
            }
            change.await;
        }
    }

    pub(super) fn give_back(&self, to: u16, pool: Pool) {
        let mut credits = self.credits.borrow_mut();
        let used = credits.get_mut(&(to, pool == Pool::Put)).expect("a credit was taken");
        *used = used.checked_sub(1).expect("a credit is given back once");
        drop(credits);
        self.returned.notify_all();
    }

    /// Credits in use and slots open: 0 when nothing of ours is on its way or held.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.credits.borrow().values().map(|used| *used as usize).sum::<usize>() + self.slots.borrow().len()
    }

    /// Posts a message that a credit covers.
    pub(super) fn post(&self, to: u16, message: Message) {
        self.port.post(to, message);
    }

    /// Opens a slot for the reply of a request that holds a credit.
    pub(super) fn open_slot(&self, to: u16, pool: Pool) -> Slot {
        let mut slots = self.slots.borrow_mut();
        loop {
            let slot = self.next_slot.get();
            self.next_slot.set(slot.wrapping_add(1));
            if let std::collections::hash_map::Entry::Vacant(free) = slots.entry(slot) {
                free.insert(Waiting { to, pool, reply: None, waker: None, abandoned: false });
                return slot;
            }
        }
    }

    /// The reply in `slot`. The slot is closed when this resolves; the credit stays with the caller.
    pub(super) async fn reply(&self, slot: Slot) -> Message {
        std::future::poll_fn(|cx| {
            let mut slots = self.slots.borrow_mut();
            let waiting = slots.get_mut(&slot).expect("the slot is open until its reply is read");
            match waiting.reply.take() {
                Some(message) => {
                    slots.remove(&slot);
                    Poll::Ready(message)
                }
                None => {
                    waiting.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Nobody will read this slot: what comes, or has come, is settled here and the credit returns.
    pub(super) fn abandon(&self, slot: Slot) {
        let mut slots = self.slots.borrow_mut();
        let Some(waiting) = slots.get_mut(&slot) else { return };
        match waiting.reply.take() {
            Some(message) => {
                let waiting = slots.remove(&slot).expect("found above");
                drop(slots);
                self.settle_orphan(&waiting, message);
            }
            None => waiting.abandoned = true,
        }
    }

    fn settle_orphan(&self, waiting: &Waiting, message: Message) {
        if let Message::Taken { lease, .. } = message
            && lease != 0
        {
            self.post(waiting.to, Message::Settle { lease, commit: false, slot: None });
        }
        self.give_back(waiting.to, waiting.pool);
    }

    fn deliver(&self, slot: Slot, message: Message) {
        let mut slots = self.slots.borrow_mut();
        let waiting = slots.get_mut(&slot).expect("a reply comes once, to an open slot");
        if waiting.abandoned {
            let waiting = slots.remove(&slot).expect("found above");
            drop(slots);
            self.settle_orphan(&waiting, message);
            return;
        }
        waiting.reply = Some(message);
        let waker = waiting.waker.take();
        drop(slots);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn receive(self: &Rc<Self>, from: u16, message: Message) {
        match message {
            Message::PutDone { slot, .. }
            | Message::Taken { slot, .. }
            | Message::Settled { slot, .. }
            | Message::Stats { slot, .. } => self.deliver(slot, message),
            Message::Put { to, batch, slot } => {
                let name: Arc<str> = Arc::from(format!("#{}", to.channel));
                match self.channel(to) {
                    Some(channel) => {
                        let put = channel.put(batch);
                        let node = self.clone();
                        self.background(async move {
                            let result = put.await.map(|_committed| ());
                            node.post(from, Message::PutDone { slot, result });
                        });
                    }
                    None => {
                        let result = Err(crate::channel::PutError::Closing { channel: name });
                        self.post(from, Message::PutDone { slot, result });
                    }
                }
            }
            Message::Take { to, taker, sink, want, slot } => self.host(from, to, taker, &sink, want, slot),
            Message::Cancel { taker, slot } => self.cancel(from, taker, slot),
            Message::Settle { lease, commit, slot } => self.settle(from, lease, commit, slot),
            Message::Ask { to, slot } => match self.channel(to) {
                Some(channel) => {
                    let asked = channel.stats();
                    let node = self.clone();
                    self.background(async move {
                        let stats = asked.await;
                        node.post(from, Message::Stats { slot, stats });
                    });
                }
                None => self.post(from, Message::Stats { slot, stats: Default::default() }),
            },
            Message::CloseTaker { taker } => {
                // The hosting task sees that it holds the last reference and ends.
                if let Some(hosted) = self.takers.borrow_mut().remove(&(from, taker)) {
                    hosted.changed.notify_one();
                }
            }
        }
    }

    fn channel(&self, at: Address) -> Option<Rc<dyn Channel>> {
        self.channels.borrow().get(&at).cloned()
    }

    fn settle(self: &Rc<Self>, from: u16, lease: u64, commit: bool, slot: Option<Slot>) {
        let take = self.leases.borrow_mut().remove(&lease).expect("a lease is settled once, by its holder");
        if !commit {
            take.rollback();
            return;
        }
        let slot = slot.expect("a commit wants an answer");
        let commit = take.commit();
        let node = self.clone();
        self.background(async move {
            let error = commit.await.err().map(|e| TakeFault { what: e.line(), advice: e.advice });
            node.post(from, Message::Settled { slot, error });
        });
    }

    fn host(self: &Rc<Self>, from: u16, to: Address, taker: u32, sink: &str, want: Want, slot: Slot) {
        let known = self.takers.borrow().get(&(from, taker)).cloned();
        let hosted = match known {
            Some(hosted) => hosted,
            None => {
                let opened = match self.channel(to) {
                    Some(channel) => channel.taker(sink),
                    None => Err(Error::new(Advice::Stop, format!("channel #{} is gone", to.channel))),
                };
                match opened {
                    Ok(opened) => self.start_hosting(from, taker, opened),
                    Err(e) => {
                        let error = Some(TakeFault { what: e.line(), advice: e.advice });
                        self.post(from, Message::Taken { slot, lease: 0, batches: Vec::new(), error });
                        return;
                    }
                }
            }
        };
        hosted.requests.borrow_mut().push_back((want, slot));
        hosted.changed.notify_one();
    }

    /// The take in this slot is not awaited any more: it is answered without leasing anything, unless it was before.
    fn cancel(&self, from: u16, taker: u32, slot: Slot) {
        let Some(hosted) = self.takers.borrow().get(&(from, taker)).cloned() else { return };
        let waits = {
            let mut requests = hosted.requests.borrow_mut();
            let place = requests.iter().position(|(_, waiting)| *waiting == slot);
            place.and_then(|place| requests.remove(place)).is_some()
        };
        if waits {
            self.post(from, Message::Taken { slot, lease: 0, batches: Vec::new(), error: None });
        } else {
            hosted.cancelled.set(Some(slot));
            hosted.changed.notify_one();
        }
    }

    fn start_hosting(self: &Rc<Self>, from: u16, taker: u32, opened: Box<dyn Taker>) -> Rc<Hosted> {
        let hosted = Rc::new(Hosted {
            requests: RefCell::default(),
            cancelled: Cell::new(None),
            changed: Signal::default(),
        });
        self.takers.borrow_mut().insert((from, taker), hosted.clone());
        self.background(serve_taker(self.clone(), from, hosted.clone(), opened));
        hosted
    }

    fn grant(&self, take: Take) -> (u64, Vec<crate::event::Batch>) {
        let lease = self.next_lease.get();
        self.next_lease.set(lease + 1);
        let batches = take.batches().to_vec();
        self.leases.borrow_mut().insert(lease, take);
        (lease, batches)
    }

    /// Runs a task that ends with the node.
    fn background(self: &Rc<Self>, work: impl Future<Output = ()> + 'static) {
        let id = self.next_task.get();
        self.next_task.set(id + 1);
        let node = Rc::downgrade(self);
        let task = self.core.task("mesh", async move {
            work.await;
            if let Some(node) = node.upgrade() {
                // A task cannot drop its own handle while it runs: the handle would abort it. It is ending here anyway.
                let finished = node.tasks.borrow_mut().remove(&id);
                drop(finished);
            }
        });
        self.tasks.borrow_mut().insert(id, task);
    }
}

/// Performs the requests of one remote taker, one after the other.
async fn serve_taker(node: Rc<Node>, from: u16, hosted: Rc<Hosted>, mut taker: Box<dyn Taker>) {
    loop {
        let next = hosted.requests.borrow_mut().pop_front();
        let Some((want, slot)) = next else {
            if Rc::strong_count(&hosted) == 1 {
                return;
            }
            hosted.changed.wait().await;
            continue;
        };
        let cancelled = async {
            while hosted.cancelled.get() != Some(slot) && Rc::strong_count(&hosted) > 1 {
                hosted.changed.wait().await;
            }
        };
        let taken = match race(taker.take(want), cancelled).await {
            Either::First(taken) => taken,
            Either::Second(()) => Ok(None),
        };
        let (lease, batches, error) = match taken {
            Ok(Some(take)) => {
                let (lease, batches) = node.grant(take);
                (lease, batches, None)
            }
            Ok(None) => (0, Vec::new(), None),
            Err(e) => (0, Vec::new(), Some(TakeFault { what: e.line(), advice: e.advice })),
        };
        node.post(from, Message::Taken { slot, lease, batches, error });
    }
}
