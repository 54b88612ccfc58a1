//! What of a durable channel is in memory, and in which order it is handed out. Pure: knows numbers of events and batches,
//! not the log.
//!
//! ```text
//!   returned (rolled back, handed out first) ─► cached ─────────────► gap: on disk only ───────► durable end
//!                                               [handed, cached_end)   [cached_end, durable_end)
//! ```
//!
//! A sink that keeps up is served from batches that are kept when they become durable. When they take more than their
//! budget, newer ones are not kept: a gap opens, and is closed again by reading the log, from its beginning on, as the
//! sink catches up. So the memory for a backlog does not depend on its size.

use crate::event::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Number of an event in its log.
pub(super) type EventSeq = u64;

/// A stored batch and the numbers of its events.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Numbers of its events, as many as the batch has.
    pub(super) events: Range<EventSeq>,
    /// The events.
    pub(super) batch: Batch,
    /// When it was stored, milliseconds since 1970.
    pub(super) stored_ms: u64,
}

impl Piece {
    fn bytes(&self) -> u64 {
        self.batch.body_bytes()
    }

    /// Splits off the events from number `at` of this piece on.
    pub(super) fn split_off(&mut self, at: u32) -> Piece {
        let middle = self.events.start + u64::from(at);
        let tail = Piece {
            events: middle..self.events.end,
            batch: self.batch.split_off(at),
            stored_ms: self.stored_ms,
        };
        self.events.end = middle;
        tail
    }
}

/// The queue of one channel.
#[derive(Debug)]
pub(super) struct Queue {
    returned: BTreeMap<EventSeq, Piece>,
    cached: VecDeque<Piece>,
    cached_bytes: u64,
    budget_bytes: u64,
    cached_end: EventSeq,
    durable_end: EventSeq,
    /// True while a read for the gap is under way.
    reading: bool,
    /// Events that are durable, not acknowledged and neither handed out nor returned, other than cached ones.
    on_disk_only: u64,
}

impl Queue {
    /// A queue whose events from `first` up to `end` lie in the log; `unacknowledged` of them are still to be delivered.
    pub(super) fn new(first: EventSeq, end: EventSeq, unacknowledged: u64, budget_bytes: u64) -> Self {
        Queue {
            returned: BTreeMap::new(),
            cached: VecDeque::new(),
            cached_bytes: 0,
            budget_bytes,
            cached_end: first,
            durable_end: end,
            reading: false,
            on_disk_only: unacknowledged,
        }
    }

    /// Events that could be handed out now or after a read.
    #[cfg(test)]
    fn waiting_events(&self) -> u64 {
        let count = |pieces: &mut dyn Iterator<Item = &Piece>| -> u64 {
            pieces.map(|p| p.events.end - p.events.start).sum()
        };
        count(&mut self.returned.values()) + count(&mut self.cached.iter()) + self.on_disk_only
    }

    /// True when something can be handed out without a read.
    pub(super) fn has_ready(&self) -> bool {
        !self.returned.is_empty() || !self.cached.is_empty()
    }

    /// True when [`Queue::wants_read`] would name a place.
    pub(super) fn wants_soon(&self) -> bool {
        !self.reading && self.cached_end < self.durable_end && self.cached_bytes <= self.budget_bytes / 2
    }

    /// The first event that is not in memory.
    pub(super) fn cached_end(&self) -> EventSeq {
        self.cached_end
    }

    /// When the oldest event in memory was stored.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.returned.values().next().or(self.cached.front()).map(|p| p.stored_ms)
    }

    /// A put has become durable. Kept in memory if it continues what is there and fits.
    pub(super) fn durable(&mut self, piece: Piece) {
        assert_eq!(piece.events.start, self.durable_end, "puts become durable in order");
        self.durable_end = piece.events.end;
        let continues = self.cached_end == piece.events.start;
        if continues && (self.cached.is_empty() || self.cached_bytes + piece.bytes() <= self.budget_bytes) {
            self.keep(piece);
        } else {
            self.on_disk_only += piece.events.end - piece.events.start;
        }
    }

    /// Where to read on, when something is on disk only and there is room for it in memory. Says so once until
    /// [`Queue::read`].
    pub(super) fn wants_read(&mut self) -> Option<EventSeq> {
        let wants =
            !self.reading && self.cached_end < self.durable_end && self.cached_bytes <= self.budget_bytes / 2;
        self.reading |= wants;
        wants.then_some(self.cached_end)
    }

    /// A read gave these pieces, in order, without what was acknowledged before; it covered the log up to `until`.
    pub(super) fn read(&mut self, pieces: Vec<Piece>, until: EventSeq) {
        self.reading = false;
        for piece in pieces {
            assert!(
                piece.events.start >= self.cached_end && piece.events.end <= until,
                "reads continue the queue"
            );
            let events = piece.events.end - piece.events.start;
            self.on_disk_only = self.on_disk_only.checked_sub(events).expect("what is read was on disk only");
            self.keep(piece);
        }
        self.cached_end = self.cached_end.max(until);
    }

    /// These events are damaged and will never be delivered.
    pub(super) fn lost(&mut self, events: Range<EventSeq>) {
        let from = events.start.max(self.cached_end);
        if from < events.end {
            self.on_disk_only = self.on_disk_only.saturating_sub(events.end - from);
        }
    }

    fn keep(&mut self, piece: Piece) {
        self.cached_bytes += piece.bytes();
        self.cached_end = piece.events.end;
        self.cached.push_back(piece);
    }

    /// Hands out up to `max_events` events and `max_bytes` bytes, at least one event if there is one: what was returned
    /// first, then what is cached.
    pub(super) fn hand_out(&mut self, max_events: u32, max_bytes: u64) -> Vec<Piece> {
        let (mut out, mut events, mut bytes) = (Vec::new(), 0u32, 0u64);
        while events < max_events {
            let from_returned = self.returned.pop_first().map(|(_, piece)| piece);
            let is_returned = from_returned.is_some();
            let Some(mut piece) = from_returned.or_else(|| self.cached.pop_front()) else { break };
            if !is_returned {
                self.cached_bytes -= piece.bytes();
            }
            let fits =
                fitting(&piece.batch, max_events - events, max_bytes.saturating_sub(bytes), out.is_empty());
            if fits < piece.batch.events() {
                let rest = piece.split_off(fits);
                if is_returned {
                    self.returned.insert(rest.events.start, rest);
                } else {
                    self.cached_bytes += rest.bytes();
                    self.cached.push_front(rest);
                }
            }
            if fits == 0 {
                break;
            }
            events += fits;
            bytes += piece.bytes();
            out.push(piece);
        }
        out
    }

    /// Takes pieces back: they are the next to be handed out, in order of their numbers.
    pub(super) fn take_back(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            let twice = self.returned.insert(piece.events.start, piece);
            assert!(twice.is_none(), "an event is handed out once at a time");
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;

    fn piece(events: Range<EventSeq>) -> Piece {
        let mut draft = Draft::default();
        for number in events.clone() {
            draft.push(format!("{number:04}").as_bytes());
        }
        Piece { events, batch: Batch::whole(&draft.seal()), stored_ms: 0 }
    }

    fn texts(pieces: &[Piece]) -> String {
        let bodies = pieces.iter().flat_map(|p| p.batch.bodies());
        bodies
            .map(|b| std::str::from_utf8(b).unwrap().trim_start_matches('0').to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_sink_that_keeps_up_never_needs_the_disk() {
        let mut q = Queue::new(1, 1, 0, 1_000);
        for start in (1..40).step_by(3) {
            q.durable(piece(start..start + 3));
            assert_eq!(q.wants_read(), None);
            assert_eq!(q.hand_out(100, u64::MAX).len(), 1);
        }
        assert_eq!(q.waiting_events(), 0);
    }

    #[test]
    fn a_backlog_takes_the_budget_and_comes_back_from_disk_in_order() {
        let mut q = Queue::new(1, 1, 0, 40);
        for start in (1..100).step_by(3) {
            q.durable(piece(start..start + 3));
        }
        assert_eq!((q.cached_bytes, q.waiting_events()), (36, 99));
        assert_eq!(q.wants_read(), None);
        let mut seen = texts(&q.hand_out(7, u64::MAX));
        let mut reads = 0;
        while q.waiting_events() > 0 {
            if let Some(from) = q.wants_read() {
                assert_eq!(q.wants_read(), None);
                reads += 1;
                let until = (from + 10).min(100);
                q.read(vec![piece(from..until)], until);
            }
            seen = format!("{seen} {}", texts(&q.hand_out(7, u64::MAX)));
        }
        let all: Vec<String> = (1..100).map(|n| n.to_string()).collect();
        assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), all);
        assert!(reads > 5);
    }

    #[test]
    fn what_is_taken_back_comes_first_and_in_order() {
        let mut q = Queue::new(1, 1, 0, 1_000);
        q.durable(piece(1..10));
        let first = q.hand_out(3, u64::MAX);
        let second = q.hand_out(3, u64::MAX);
        q.take_back(second);
        q.take_back(first);
        assert_eq!(texts(&q.hand_out(4, u64::MAX)), "1 2 3 4");
        assert_eq!(texts(&q.hand_out(100, 12)), "5 6 7");
        assert_eq!(texts(&q.hand_out(100, 0)), "8");
        assert_eq!(q.waiting_events(), 1);
    }

    #[test]
    fn after_a_restart_everything_is_on_disk() {
        let mut q = Queue::new(5, 20, 10, 1_000);
        assert_eq!(q.waiting_events(), 10);
        assert_eq!(q.wants_read(), Some(5));
        // 7..12 were acknowledged before.
        q.read(vec![piece(5..7), piece(12..15)], 15);
        q.durable(piece(20..21));
        assert_eq!(q.wants_read(), Some(15));
        q.read(vec![piece(15..20), piece(20..21)], 21);
        assert_eq!(texts(&q.hand_out(100, u64::MAX)), "5 6 12 13 14 15 16 17 18 19 20");
        assert_eq!((q.waiting_events(), q.wants_read()), (0, None));
    }

    #[test]
    fn damaged_events_are_not_waited_for() {
        let mut q = Queue::new(1, 11, 10, 1_000);
        q.lost(4..8);
        assert_eq!(q.wants_read(), Some(1));
        q.read(vec![piece(1..4), piece(8..11)], 11);
        assert_eq!(texts(&q.hand_out(100, u64::MAX)), "1 2 3 8 9 10");
        assert_eq!(q.waiting_events(), 0);
    }
}
