//! Sends commits in order, to one segment after the other, and announces durability in order.
//!
//! ```text
//! append ─► open ─► sealed ─► flights ─► durable
//!          filled   waits     with the   in the order of the log,
//!          now      for its   disk, at   whatever the order of
//!                   turn      its place  completion
//! ```
//! Invariants: `durable <= flights <= sealed <= open` in frames and events, without holes; a commit has a place only
//! while it is with the disk; a segment whose write failed is never written again.

use super::{
    acks::Acks,
    commit::{Commit, Facts},
    gather::Gather,
    supply::Slot,
};
use crate::{
    Tick,
    canary::{Planted, planted},
    config::{Config, Limits},
    disk::{Fault, IoBuf},
    format::{checkpoint::Place, frame::Seed, segment::SegmentHeader},
};
use std::{collections::VecDeque, ops::Range};

/// The segment that is written.
struct Active {
    slot: u32,
    seed: Seed,
    /// Where the next commit begins.
    next_bytes: u64,
    end_bytes: u64,
    prev_crc: u32,
}

/// A commit that is with the disk, or came back and waits for those before it.
struct Flight<B> {
    serial: u64,
    facts: Facts,
    buf: Option<B>,
    result: Option<Result<(), Fault>>,
    end_bytes: u64,
    end_crc: u32,
    sent_at: Tick,
}

/// A segment whose two headers are being written.
pub(crate) struct Rolling {
    pub(crate) header: SegmentHeader,
    pub(crate) slot: Slot,
    /// Per copy: sent, and how it ended.
    pub(crate) copies: [(bool, Option<Result<(), Fault>>); 2],
}

/// A write for the disk.
pub(crate) struct Write<B> {
    pub(crate) serial: u64,
    pub(crate) slot: u32,
    pub(crate) offset_bytes: u64,
    pub(crate) len_bytes: u32,
    pub(crate) buf: B,
}

/// A commit that became durable.
pub(crate) struct Settled {
    pub(crate) facts: Facts,
    pub(crate) sent_at: Tick,
}

pub(crate) struct Writer<B> {
    limits: Limits,
    planted: Planted,
    pub(crate) gather: Gather<B>,
    flights: VecDeque<Flight<B>>,
    active: Option<Active>,
    rolling: Option<Rolling>,
    /// Behind the last durable commit.
    durable: Place,
    /// Events of the put that is not complete there.
    durable_span: u32,
    /// The last durable place between two puts: from here opening must scan.
    safe: Place,
    serial: u64,
    poisoned: bool,
    failures_in_row: u32,
    failed: Option<Fault>,
    /// Bytes sent since opening.
    pub(crate) written_bytes: u64,
}

impl<B: IoBuf> Writer<B> {
    /// A writer that goes on behind `durable`, in a segment of its own.
    pub(crate) fn new(config: &Config, durable: Place) -> Writer<B> {
        Writer {
            limits: config.limits.clone(),
            planted: config.planted(),
            gather: Gather::new(config, durable),
            flights: VecDeque::new(),
            active: None,
            rolling: None,
            durable,
            durable_span: 0,
            safe: durable,
            serial: 0,
            poisoned: false,
            failures_in_row: 0,
            failed: None,
            written_bytes: 0,
        }
    }

    pub(crate) fn durable(&self) -> Place {
        self.durable
    }

    pub(crate) fn safe(&self) -> Place {
        self.safe
    }

    pub(crate) fn failed(&self) -> Option<Fault> {
        self.failed
    }

    /// The epoch of the segment that is written.
    pub(crate) fn active_epoch(&self) -> Option<u64> {
        self.active.as_ref().map(|_| self.durable.epoch)
    }

    /// Nothing is gathered and nothing is with the disk.
    pub(crate) fn is_idle(&self) -> bool {
        self.gather.is_empty() && self.flights.is_empty() && self.rolling.is_none()
    }

    /// Commits of full size that surely fit into the segment that is written or begun, and into spare ones.
    pub(crate) fn places(&self, spare_commits: usize) -> usize {
        let block = u64::from(self.limits.block_bytes);
        let here = self.active.as_ref().filter(|_| !self.poisoned);
        let here = here.map_or(0, |active| active.end_bytes - active.next_bytes);
        let next = self.rolling.as_ref().map_or(0, |rolling| rolling.slot.size_bytes - 2 * block);
        let commit = u64::from(self.limits.commit_bytes);
        // What comes back from a poisoned segment needs a place as well.
        let returning = if self.poisoned { self.flights.len() } else { 0 };
        ((here / commit + next / commit) as usize + spare_commits).saturating_sub(returning)
    }

    /// Whether the segment that is written has room for one more block.
    pub(crate) fn has_block_left(&self) -> bool {
        let block = u64::from(self.limits.block_bytes);
        let fits = self.active.as_ref().is_some_and(|active| active.end_bytes - active.next_bytes >= block);
        fits && self.failed.is_none() && !self.poisoned
    }

    /// When something goes although nothing happens.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.gather.deadline(self.flights.is_empty())
    }

    fn going(&self) -> usize {
        self.flights.iter().filter(|flight| flight.result.is_none()).count()
    }

    /// The next commit for the disk.
    pub(crate) fn next(&mut self, now: Tick, wall_s: u32, acks: &mut Acks) -> Option<Write<B>> {
        if self.failed.is_some() || self.poisoned && !self.requeue() {
            return None;
        }
        if self.going() >= self.limits.commits_in_flight {
            return None;
        }
        self.gather.close_due(now, self.flights.is_empty(), acks, wall_s);
        let len = self.gather.first()?.len as u64;
        let active = self.active.as_mut().filter(|active| active.end_bytes - active.next_bytes >= len)?;
        let mut commit = self.gather.pop()?;
        if planted!(self.planted, OverlapLastBlock) && self.serial > 0 {
            active.next_bytes =
                (active.next_bytes - u64::from(self.limits.block_bytes)).max(self.durable.offset_bytes);
        }
        let offset_bytes = active.next_bytes;
        active.prev_crc =
            commit.place(active.seed, offset_bytes, self.durable.frame.saturating_sub(1), active.prev_crc);
        active.next_bytes += commit.facts.len as u64;
        self.serial += 1;
        self.written_bytes += commit.facts.len as u64;
        let (buf, facts) = commit.lend();
        let (end_bytes, end_crc) = (active.next_bytes, active.prev_crc);
        let slot = active.slot;
        let flight =
            Flight { serial: self.serial, facts, buf: None, result: None, end_bytes, end_crc, sent_at: now };
        self.flights.push_back(flight);
        Some(Write { serial: self.serial, slot, offset_bytes, len_bytes: facts.len as u32, buf })
    }

    fn flight(&self, serial: u64) -> &Flight<B> {
        let flight = self.flights.iter().find(|flight| flight.serial == serial);
        flight.expect("only what is with the disk comes back")
    }

    /// The size of a commit that is with the disk.
    pub(crate) fn flight_bytes(&self, serial: u64) -> u32 {
        self.flight(serial).facts.len as u32
    }

    /// The next event after a commit that is with the disk.
    pub(crate) fn flight_event(&self, serial: u64) -> u64 {
        self.flight(serial).facts.end_event
    }

    /// A commit came back. Returns the fault if it is the first of its segment: from now on that one is not written.
    pub(crate) fn complete(
        &mut self,
        serial: u64,
        result: Result<(), Fault>,
        buf: Option<B>,
    ) -> Option<Fault> {
        let flight = self.flights.iter_mut().find(|flight| flight.serial == serial)?;
        flight.buf = buf;
        let result = if planted!(self.planted, IgnoreFailedWrite) { Ok(()) } else { result };
        // After the first failure a "yes" from the same segment proves nothing: measured, a later sync says yes and
        // the data is gone.
        let believed = if self.poisoned { Err(Fault::EIO) } else { result };
        flight.result = Some(believed);
        let news = result.err().filter(|_| !self.poisoned);
        self.poisoned |= result.is_err();
        news
    }

    /// The next commit that became durable, in the order of the log.
    pub(crate) fn settle(&mut self) -> Option<Settled> {
        let first = self.flights.front()?;
        if first.result != Some(Ok(())) {
            return None;
        }
        let Flight { facts, buf, end_bytes, end_crc, sent_at, .. } = self.flights.pop_front()?;
        assert_eq!(facts.first_frame, self.durable.frame, "durability is announced without holes");
        assert!(facts.end_event <= self.gather.next_event(), "durable <= written");
        match buf {
            Some(buf) => self.gather.stock.put(buf),
            None => self.gather.stock.lost(),
        }
        self.durable = Place {
            epoch: self.durable.epoch,
            offset_bytes: end_bytes,
            frame: facts.end_frame,
            event: facts.end_event,
            prev_header_crc: end_crc,
        };
        self.durable_span = facts.open_span_events;
        if self.durable_span == 0 {
            self.safe = self.durable;
        }
        self.failures_in_row = 0;
        Some(Settled { facts, sent_at })
    }

    /// After a failed write: once nothing is with the disk any more, what is not durable waits for another segment.
    /// True when that is done.
    fn requeue(&mut self) -> bool {
        if self.flights.iter().any(|flight| flight.result.is_none()) {
            return false;
        }
        let in_place = planted!(self.planted, RetryFailedWrite);
        if in_place && let Some(active) = &mut self.active {
            active.next_bytes = self.durable.offset_bytes;
            active.prev_crc = self.durable.prev_header_crc;
        }
        if planted!(self.planted, DropAfterFailure) {
            self.flights.truncate(1);
        }
        while let Some(flight) = self.flights.pop_back() {
            let buf = flight.buf.expect("a buffer comes back with its completion");
            self.gather.put_back(Commit::restore(buf, flight.facts));
        }
        self.poisoned = false;
        if !in_place {
            self.active = None;
        }
        true
    }

    /// Counts a failed write or header. Two in a row fail the log: returns the events that never became durable.
    pub(crate) fn count_failure(&mut self, fault: Fault) -> Option<Range<u64>> {
        self.failures_in_row += 1;
        if self.failed.is_some() || self.failures_in_row < 2 {
            return None;
        }
        Some(self.fail(fault))
    }

    /// Nothing is written any more.
    pub(crate) fn fail(&mut self, fault: Fault) -> Range<u64> {
        self.failed = Some(fault);
        self.gather.abandon_large();
        self.rolling = None;
        self.durable.event..self.gather.next_event()
    }

    /// Whether the next commit needs another segment, and everything before it is durable.
    pub(crate) fn needs_segment(&self) -> bool {
        let Some(first) = self.gather.first() else { return false };
        let fits = self
            .active
            .as_ref()
            .is_some_and(|active| active.end_bytes - active.next_bytes >= first.len as u64);
        !fits && self.flights.is_empty() && self.rolling.is_none() && self.failed.is_none()
    }

    /// Begins a segment in this slot. Its header says where the segment before it ended.
    pub(crate) fn roll(&mut self, slot: Slot, mut header: SegmentHeader) {
        let first = self.gather.first().expect("a segment is begun for a commit");
        assert_eq!(first.first_frame, self.durable.frame, "a segment begins where the durable log ends");
        header.slot = slot.number;
        header.size_bytes = slot.size_bytes;
        header.block_bytes = self.limits.block_bytes;
        header.first_frame = self.durable.frame;
        header.first_event = self.durable.event;
        header.span_events = self.durable_span;
        header.prev_header_crc = self.durable.prev_header_crc;
        header.prev_epoch = self.durable.epoch;
        header.prev_end_bytes = self.durable.offset_bytes;
        self.rolling = Some(Rolling { header, slot, copies: [(false, None); 2] });
        if planted!(self.planted, FramesBeforeHeader) {
            self.activate(&header);
        }
    }

    pub(crate) fn rolling(&mut self) -> Option<&mut Rolling> {
        self.rolling.as_mut()
    }

    /// Both headers are done: the segment is written from now on, or the slot is bad.
    pub(crate) fn rolled(&mut self) -> Option<Result<SegmentHeader, (Slot, Fault)>> {
        let rolling = self.rolling.as_ref()?;
        let [(_, Some(first)), (_, Some(second))] = rolling.copies else { return None };
        let Rolling { header, slot, .. } = self.rolling.take()?;
        if let Err(fault) = first.and(second) {
            return Some(Err((slot, fault)));
        }
        if !planted!(self.planted, FramesBeforeHeader) {
            self.activate(&header);
        }
        Some(Ok(header))
    }

    fn activate(&mut self, header: &SegmentHeader) {
        let block = u64::from(header.block_bytes);
        self.durable.epoch = header.epoch;
        self.durable.offset_bytes = block;
        if self.durable_span == 0 {
            self.safe = self.durable;
        }
        self.active = Some(Active {
            slot: header.slot,
            seed: Seed::new(header.epoch, header.salt, header.slot),
            next_bytes: block,
            end_bytes: header.size_bytes - block,
            prev_crc: header.prev_header_crc,
        });
    }
}
