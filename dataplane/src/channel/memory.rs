//! The `memory` channel: a bounded queue in this process. Fast, and gone when the process dies.
//!
//! Counts as Flume's does: `capacity` events, stored or leased; bodies cost `ceil(max(1, bytes) / 100)` byte slots each
//! out of `byteCapacity` less the part kept for headers. A put that finds no room waits for `keep-alive`, first come,
//! first served, and is refused then.

mod kind;

pub use kind::KIND;

use super::{
    Channel, ChannelCx, ChannelSpec, Committed, Lease, Limits, Owned, PutError, Stats, Take, Taker, Want,
};
use crate::config::Settings;
use crate::event::{Advice, Batch, Error};
use crate::reactor::{Fut, Signal, Tick};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// One byte slot of Flume's accounting.
const SLOT_BYTES: u64 = 100;

struct MemorySpec {
    capacity_events: u64,
    transaction_events: u32,
    keep_alive: Duration,
    byte_capacity: Option<u64>,
    buffer_percent: u64,
}

impl MemorySpec {
    fn new(settings: &Settings) -> Result<Self, Error> {
        let capacity_events = settings.value(&kind::CAPACITY);
        let transaction = settings.value(&kind::TRANSACTION_CAPACITY);
        if transaction > capacity_events {
            return Err(Error::new(
                Advice::Stop,
                format!("transactionCapacity {transaction} is above capacity {capacity_events}"),
            ));
        }
        Ok(MemorySpec {
            capacity_events,
            transaction_events: u32::try_from(transaction).expect("the setting ends at Java's int"),
            keep_alive: Duration::from_secs(settings.value(&kind::KEEP_ALIVE)),
            byte_capacity: settings.get(&kind::BYTE_CAPACITY),
            buffer_percent: settings.value(&kind::BYTE_CAPACITY_BUFFER),
        })
    }

    /// Flume: `(int) (byteCapacity * (1 - percentage * .01) / 100)`; below 1 there is no limit.
    fn byte_slots(&self, heap_bytes: u64) -> u64 {
        let bytes = self.byte_capacity.unwrap_or(heap_bytes / 5 * 4);
        let slots = u128::from(bytes) * u128::from(100 - self.buffer_percent) / 100 / u128::from(SLOT_BYTES);
        u64::try_from(slots).unwrap_or(u64::MAX)
    }
}

impl ChannelSpec for MemorySpec {
    fn open(self: Box<Self>, cx: ChannelCx) -> Fut<'static, Result<Rc<dyn Owned>, Error>> {
        let slots = self.byte_slots(cx.heap_bytes);
        let shared = Shared {
            limit_slots: if slots < 1 { u64::MAX } else { slots },
            spec: *self,
            cx,
            state: RefCell::default(),
            filled: Signal::default(),
            settled: Signal::default(),
        };
        Box::pin(async move { Ok(Rc::new(MemoryChannel(Rc::new(shared))) as Rc<dyn Owned>) })
    }
}

/// The channel on its own core.
#[derive(Clone)]
pub struct MemoryChannel(Rc<Shared>);

struct Shared {
    spec: MemorySpec,
    cx: ChannelCx,
    limit_slots: u64,
    state: RefCell<State>,
    /// Events came in, or back.
    filled: Signal,
    /// A lease was settled.
    settled: Signal,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// Stored events: queued and leased.
    events: u64,
    bytes: u64,
    slots: u64,
    leased: u64,
    /// Waiting puts, oldest first.
    line: VecDeque<WaitingPut>,
    next_ticket: u64,
    closing: bool,
}

struct WaitingPut {
    ticket: u64,
    /// It may be its turn: only the first in line is told, so room for one wakes one.
    turn: Signal,
}

struct Queued {
    batch: Batch,
    since: Tick,
}

fn slots(body_bytes: u32) -> u64 {
    u64::from(body_bytes).max(1).div_ceil(SLOT_BYTES)
}

fn slots_of(batch: &Batch) -> u64 {
    batch.body_lengths().map(slots).sum()
}

/// How many events of `batch`, from the first on, fit into so many slots.
fn fitting_slots(batch: &Batch, mut room_slots: u64) -> u32 {
    let fits = |length: &u32| match room_slots.checked_sub(slots(*length)) {
        Some(left) => {
            room_slots = left;
            true
        }
        None => false,
    };
    u32::try_from(batch.body_lengths().take_while(fits).count())
        .expect("a batch counts its events in 32 bits")
}

impl Shared {
    fn no_room(&self, state: &State, batch: &Batch, slots: u64) -> Option<PutError> {
        let channel = self.cx.name.clone();
        let room = self.spec.capacity_events.saturating_sub(state.events);
        let room_events = u32::try_from(room).unwrap_or(u32::MAX);
        let room_slots = self.limit_slots.saturating_sub(state.slots);
        if slots > room_slots {
            let room_events = room_events.min(fitting_slots(batch, room_slots));
            let byte_capacity = self.limit_slots.saturating_mul(SLOT_BYTES);
            return Some(PutError::BytesFull { channel, byte_capacity, room_events });
        }
        (batch.events() > room_events).then_some(PutError::Full { channel, room_events })
    }

    /// Stores the batch if it is this ticket's turn and there is room.
    fn try_store(&self, batch: &Batch, slots: u64, ticket: Option<u64>) -> Result<(), PutError> {
        let mut state = self.state.borrow_mut();
        if state.closing {
            return Err(PutError::Closing { channel: self.cx.name.clone() });
        }
        let first = state.line.front().map(|put| put.ticket);
        if first.is_some() && first != ticket {
            return Err(PutError::Full { channel: self.cx.name.clone(), room_events: 0 });
        }
        if let Some(refusal) = self.no_room(&state, batch, slots) {
            return Err(refusal);
        }
        state.events += u64::from(batch.events());
        state.bytes += batch.body_bytes();
        state.slots += slots;
        state.queue.push_back(Queued { batch: batch.clone(), since: self.cx.core.now() });
        drop(state);
        self.cx.metrics.put_successes.add(u64::from(batch.events()));
        self.filled.notify_one();
        Ok(())
    }

    /// Room was made, or the first in line has changed.
    fn next_in_line(&self) {
        if let Some(first) = self.state.borrow().line.front() {
            first.turn.notify_one();
        }
    }

    /// Takes up to `want` from the head of the queue.
    fn lease(&self, want: &Want) -> Vec<Queued> {
        let max = want.max_events.clamp(1, self.spec.transaction_events);
        let mut state = self.state.borrow_mut();
        let (mut taken, mut events, mut bytes) = (Vec::new(), 0u32, 0u64);
        while events < max {
            let Some(mut head) = state.queue.pop_front() else { break };
            let fits = Self::fitting(
                &head.batch,
                max - events,
                want.max_bytes.saturating_sub(bytes),
                taken.is_empty(),
            );
            if fits < head.batch.events() {
                let rest = head.batch.split_off(fits);
                state.queue.push_front(Queued { batch: rest, since: head.since });
            }
            if fits == 0 {
                break;
            }
            events += fits;
            bytes += head.batch.body_bytes();
            taken.push(head);
        }
        state.leased += u64::from(events);
        let more = !state.queue.is_empty();
        drop(state);
        if more {
            self.filled.notify_one();
        }
        taken
    }

    /// How many events of `batch` fit; at least one when nothing has been taken yet.
    fn fitting(batch: &Batch, max_events: u32, max_bytes: u64, first: bool) -> u32 {
        let (mut n, mut bytes) = (0, 0u64);
        for length in batch.body_lengths().take(max_events as usize) {
            bytes += u64::from(length);
            if bytes > max_bytes && !(first && n == 0) {
                break;
            }
            n += 1;
        }
        n
    }
}

/// Leaves the line of waiting puts when dropped.
struct InLine {
    shared: Rc<Shared>,
    ticket: u64,
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.shared.state.borrow_mut().line.retain(|put| put.ticket != self.ticket);
        self.shared.next_in_line();
    }
}

impl Channel for MemoryChannel {
    fn put(&self, batch: Batch) -> Fut<'static, Result<Committed, PutError>> {
        let shared = self.0.clone();
        Box::pin(async move {
            shared.cx.metrics.put_attempts.add(u64::from(batch.events()));
            if batch.is_empty() {
                return Ok(Committed::new());
            }
            let limit = shared.spec.transaction_events;
            if batch.events() > limit {
                let channel = shared.cx.name.clone();
                return Err(PutError::TooLarge { channel, events: batch.events(), limit });
            }
            let slots = slots_of(&batch);
            match shared.try_store(&batch, slots, None) {
                Ok(()) => return Ok(Committed::new()),
                Err(closing @ PutError::Closing { .. }) => return Err(closing),
                Err(_) => {}
            }
            let result = wait_for_room(&shared, &batch, slots).await;
            if let Err(PutError::Full { .. } | PutError::BytesFull { .. }) = result {
                shared.cx.metrics.full_refusals.add(1);
            }
            result
        })
    }

    fn taker(&self, _sink: &str) -> Result<Box<dyn Taker>, Error> {
        Ok(Box::new(MemoryTaker(self.0.clone())))
    }

    fn stats(&self) -> Fut<'static, Stats> {
        let state = self.0.state.borrow();
        let now = self.0.cx.core.now();
        let oldest = state.queue.front().map_or(0, |q| now.saturating_sub(q.since) / 1_000_000);
        let stats = Stats {
            events: state.events,
            bytes: state.bytes,
            capacity_events: self.0.spec.capacity_events,
            oldest_ms: oldest,
            leased_events: state.leased,
            would_lose_events: state.events,
        };
        Box::pin(async move { stats })
    }

    fn limits(&self) -> Limits {
        Limits { transaction_events: self.0.spec.transaction_events }
    }
}

impl Owned for MemoryChannel {
    fn close(&self, deadline: Duration) -> Fut<'static, Result<(), Error>> {
        let shared = self.0.clone();
        Box::pin(async move {
            {
                let mut state = shared.state.borrow_mut();
                state.closing = true;
                state.line.iter().for_each(|put| put.turn.notify_one());
            }
            let settled = async {
                loop {
                    let change = shared.settled.wait();
                    if shared.state.borrow().leased == 0 {
                        return;
                    }
                    change.await;
                }
            };
            match shared.cx.core.timeout(deadline, settled).await {
                Some(()) => Ok(()),
                None => Err(Error::new(
                    Advice::Stop,
                    format!(
                        "channel {}: {} events are still with a sink",
                        shared.cx.name,
                        shared.state.borrow().leased
                    ),
                )),
            }
        })
    }
}

async fn wait_for_room(shared: &Rc<Shared>, batch: &Batch, slots: u64) -> Result<Committed, PutError> {
    let turn = Signal::default();
    let ticket = {
        let mut state = shared.state.borrow_mut();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.line.push_back(WaitingPut { ticket, turn: turn.clone() });
        ticket
    };
    let place = InLine { shared: shared.clone(), ticket };
    let until_stored = async {
        loop {
            match shared.try_store(batch, slots, Some(ticket)) {
                Ok(()) => return Ok(Committed::new()),
                Err(closing @ PutError::Closing { .. }) => return Err(closing),
                Err(_) => turn.wait().await,
            }
        }
    };
    let outcome = shared.cx.core.timeout(shared.spec.keep_alive, until_stored).await;
    let refusal = || {
        let state = shared.state.borrow();
        let channel = shared.cx.name.clone();
        shared.no_room(&state, batch, slots).unwrap_or(PutError::Full { channel, room_events: 0 })
    };
    let result = outcome.unwrap_or_else(|| Err(refusal()));
    drop(place);
    result
}

struct MemoryTaker(Rc<Shared>);

impl Taker for MemoryTaker {
    fn take<'a>(&'a mut self, want: Want) -> Fut<'a, Result<Option<Take>, Error>> {
        Box::pin(async move {
            let shared = &self.0;
            shared.cx.metrics.take_attempts.add(1);
            let mut leased = shared.lease(&want);
            if leased.is_empty() && !want.wait.is_zero() {
                let until_filled = async {
                    loop {
                        shared.filled.wait().await;
                        let leased = shared.lease(&want);
                        if !leased.is_empty() {
                            return leased;
                        }
                    }
                };
                leased = shared.cx.core.timeout(want.wait, until_filled).await.unwrap_or_default();
            }
            if leased.is_empty() {
                return Ok(None);
            }
            let batches = leased.iter().map(|q| q.batch.clone()).collect();
            Ok(Some(Take::new(batches, Box::new(MemoryLease { shared: shared.clone(), leased }))))
        })
    }
}

struct MemoryLease {
    shared: Rc<Shared>,
    leased: Vec<Queued>,
}

impl MemoryLease {
    fn events(&self) -> u64 {
        self.leased.iter().map(|q| u64::from(q.batch.events())).sum()
    }
}

impl Lease for MemoryLease {
    fn commit(self: Box<Self>) -> Fut<'static, Result<(), Error>> {
        let events = self.events();
        {
            let mut state = self.shared.state.borrow_mut();
            state.events -= events;
            state.leased -= events;
            state.bytes -= self.leased.iter().map(|q| q.batch.body_bytes()).sum::<u64>();
            state.slots -= self.leased.iter().map(|q| slots_of(&q.batch)).sum::<u64>();
        }
        self.shared.cx.metrics.take_successes.add(events);
        self.shared.next_in_line();
        self.shared.settled.notify_all();
        Box::pin(async { Ok(()) })
    }

    fn rollback(self: Box<Self>) {
        let events = self.events();
        self.shared.cx.metrics.rolled_back_events.add(events);
        let mut state = self.shared.state.borrow_mut();
        state.leased -= events;
        for queued in self.leased.into_iter().rev() {
            state.queue.push_front(queued);
        }
        drop(state);
        self.shared.filled.notify_one();
        self.shared.settled.notify_all();
    }

    fn split_off(&mut self, at: u32) -> Option<Box<dyn Lease>> {
        let (mut left, mut front, mut back) = (at, Vec::new(), Vec::new());
        for mut queued in self.leased.drain(..) {
            let tail = queued.batch.split_off(left);
            left -= queued.batch.events();
            if !tail.is_empty() {
                back.push(Queued { batch: tail, since: queued.since });
            }
            if !queued.batch.is_empty() {
                front.push(queued);
            }
        }
        self.leased = front;
        Some(Box::new(MemoryLease { shared: self.shared.clone(), leased: back }))
    }
}

#[cfg(test)]
mod tests;
