//! What is lent to the kernel, until it gives it back.

use rustix::fd::OwnedFd;
use socket2::{SockAddr, SockAddrStorage};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use wal::disk::AlignedBuf;

/// The descriptor and the memory of one operation. Neither is freed, closed or moved before its completion.
pub(super) struct Lent {
    pub(super) fd: Held,
    pub(super) room: Room,
}

/// A share in an open descriptor.
pub(super) enum Held {
    /// Of this thread only.
    Own(Rc<OwnedFd>),
    /// Of other threads, too.
    Shared(Arc<OwnedFd>),
}

impl AsRawFd for Held {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Held::Own(fd) => fd.as_raw_fd(),
            Held::Shared(fd) => fd.as_raw_fd(),
        }
    }
}

/// Memory that the kernel reads or writes.
pub(super) enum Room {
    None,
    Bytes(Vec<u8>),
    /// A buffer of a log.
    Block(AlignedBuf),
    /// Where to connect to.
    To(Box<SockAddr>),
    /// Where the address of an accepted peer goes.
    Peer(Box<PeerRoom>),
}

pub(super) struct PeerRoom {
    pub(super) storage: SockAddrStorage,
    pub(super) len: libc::socklen_t,
}

/// Names an operation: its place, and how often that place has been used before, so that a late cancellation can hit no
/// successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    pub(super) fn to_user_data(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_user_data(bits: u64) -> Key {
        Key { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

struct Slot {
    generation: u32,
    state: State,
}

enum State {
    Free,
    /// In flight; somebody waits.
    Waiting(Lent, Option<Waker>),
    /// In flight; nobody waits any more.
    Abandoned(Lent),
    /// Completed, not collected yet.
    Done(Lent, i32),
}

/// What became of an abandoned operation.
pub(super) enum Abandon {
    /// It is still in flight and may be cancelled.
    InFlight,
    /// It had completed before.
    Done(Lent, i32),
}

/// Every operation that is in flight or not collected.
#[derive(Default)]
pub(super) struct Slots {
    list: Vec<Slot>,
    free: Vec<u32>,
    in_flight: usize,
}

impl Slots {
    /// How many operations the kernel has.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Keeps what an operation needs until its completion.
    pub(super) fn insert(&mut self, lent: Lent) -> Key {
        self.in_flight += 1;
        let state = State::Waiting(lent, None);
        if let Some(index) = self.free.pop() {
            let slot = &mut self.list[index as usize];
            slot.state = state;
            return Key { index, generation: slot.generation };
        }
        let index =
            u32::try_from(self.list.len()).expect("four thousand million operations do not fit in memory");
        self.list.push(Slot { generation: 0, state });
        Key { index, generation: 0 }
    }

    /// What is lent to an operation that has not been given to the kernel yet.
    pub(super) fn lent(&mut self, key: Key) -> &mut Lent {
        match &mut self.list[key.index as usize].state {
            State::Waiting(lent, _) => lent,
            _ => unreachable!("asked for right after the insertion"),
        }
    }

    /// The result of a completed operation, once.
    pub(super) fn collect(&mut self, key: Key) -> Option<(Lent, i32)> {
        if !matches!(self.slot(key).state, State::Done(..)) {
            return None;
        }
        match self.release(key) {
            State::Done(lent, result) => Some((lent, result)),
            _ => unreachable!("looked at above"),
        }
    }

    /// Whom to wake at the completion.
    pub(super) fn set_waker(&mut self, key: Key, waker: Option<Waker>) {
        if let State::Waiting(_, place) = &mut self.slot(key).state {
            *place = waker;
        }
    }

    /// Nobody waits for this operation any more.
    pub(super) fn abandon(&mut self, key: Key) -> Abandon {
        let slot = self.slot(key);
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Waiting(lent, _waker) => {
                slot.state = State::Abandoned(lent);
                Abandon::InFlight
            }
            done @ State::Done(..) => {
                slot.state = done;
                match self.release(key) {
                    State::Done(lent, result) => Abandon::Done(lent, result),
                    _ => unreachable!("put there above"),
                }
            }
            State::Free | State::Abandoned(_) => {
                unreachable!("an operation is abandoned once, by its only owner")
            }
        }
    }

    /// Notes a completion: whom to wake, or what comes back to nobody.
    pub(super) fn complete(&mut self, key: Key, result: i32) -> (Option<Waker>, Option<Lent>) {
        self.in_flight -= 1;
        let slot = self.slot(key);
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Waiting(lent, waker) => {
                slot.state = State::Done(lent, result);
                (waker, None)
            }
            State::Abandoned(lent) => {
                self.release(key);
                (None, Some(lent))
            }
            State::Free | State::Done(..) => unreachable!("every operation completes once"),
        }
    }

    /// Every operation in flight, for cancelling.
    pub(super) fn keys_in_flight(&self) -> Vec<Key> {
        let all = (0u32..).zip(&self.list);
        let flying = all.filter(|(_, slot)| matches!(slot.state, State::Waiting(..) | State::Abandoned(_)));
        flying.map(|(index, slot)| Key { index, generation: slot.generation }).collect()
    }

    fn slot(&mut self, key: Key) -> &mut Slot {
        let slot = &mut self.list[key.index as usize];
        assert_eq!(slot.generation, key.generation, "an operation's place was used again before its end");
        slot
    }

    fn release(&mut self, key: Key) -> State {
        let slot = self.slot(key);
        slot.generation = slot.generation.wrapping_add(1);
        let state = std::mem::replace(&mut slot.state, State::Free);
        self.free.push(key.index);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent() -> Lent {
        let fd = std::fs::File::open("/dev/null").unwrap().into();
        Lent { fd: Held::Own(Rc::new(fd)), room: Room::Bytes(vec![1, 2, 3]) }
    }

    #[test]
    fn what_is_lent_stays_until_the_completion() {
        let mut slots = Slots::default();
        let watched = lent();
        let Held::Own(fd) = &watched.fd else { unreachable!("made above") };
        let fd = fd.clone();
        let key = slots.insert(watched);
        assert!(slots.collect(key).is_none());
        assert!(matches!(slots.abandon(key), Abandon::InFlight));
        assert_eq!((Rc::strong_count(&fd), slots.in_flight()), (2, 1));
        let (waker, back) = slots.complete(key, -libc::ECANCELED);
        assert!(waker.is_none());
        drop(back);
        assert_eq!((Rc::strong_count(&fd), slots.in_flight()), (1, 0));
    }

    #[test]
    fn a_place_used_again_has_another_name() {
        let mut slots = Slots::default();
        let first = slots.insert(lent());
        slots.complete(first, 3);
        assert!(matches!(slots.collect(first), Some((_, 3))));
        let second = slots.insert(lent());
        assert_eq!(first.index, second.index);
        assert_ne!(first.to_user_data(), second.to_user_data());
        assert_eq!(Key::from_user_data(second.to_user_data()), second);
        assert_eq!(slots.keys_in_flight(), [second]);
    }

    #[test]
    fn a_result_that_nobody_collected_comes_back_when_it_is_abandoned() {
        let mut slots = Slots::default();
        let key = slots.insert(lent());
        slots.complete(key, 9);
        assert!(matches!(slots.abandon(key), Abandon::Done(_, 9)));
        assert_eq!(slots.keys_in_flight(), []);
    }
}
