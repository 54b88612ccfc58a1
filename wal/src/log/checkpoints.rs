//! When a checkpoint is written, to which copy, and what the two copies on the disk allow to be recycled.

use crate::{Tick, acks::AckSet, format::checkpoint::Place};

/// What a checkpoint on the disk covers.
#[derive(Debug, Clone)]
pub(crate) struct Covered {
    pub(crate) acks: AckSet,
    pub(crate) scan_from: Place,
}

struct Going {
    copy: u8,
    covered: Covered,
    ticket: u64,
    log_bytes: u64,
}

const MS: Tick = 1_000_000;
const RETRY: Tick = 200 * MS;

pub(crate) struct Checkpoints {
    generation: u64,
    next_copy: u8,
    copies: [Option<Covered>; 2],
    going: Option<Going>,
    interval: Tick,
    log_bytes_apart: u64,
    written_at: Tick,
    written_log_bytes: u64,
    /// Something changed since the last one.
    dirty: bool,
    wanted: bool,
    retry_at: Option<Tick>,
    pub(crate) written: u64,
    pub(crate) failed: u64,
}

impl Checkpoints {
    /// After opening: the copies found, and the generation and place of the next.
    pub(crate) fn new(
        generation: u64,
        next_copy: u8,
        copies: [Option<Covered>; 2],
        interval: Tick,
        log_bytes_apart: u64,
        now: Tick,
    ) -> Checkpoints {
        Checkpoints {
            generation,
            next_copy,
            copies,
            going: None,
            interval,
            log_bytes_apart,
            written_at: now,
            written_log_bytes: 0,
            dirty: false,
            wanted: false,
            retry_at: None,
            written: 0,
            failed: 0,
        }
    }

    /// Something changed that a checkpoint would hold.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// One is needed as soon as possible.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    pub(crate) fn is_going(&self) -> bool {
        self.going.is_some()
    }

    pub(crate) fn is_due(&self, now: Tick, log_bytes: u64) -> bool {
        self.going.is_none()
            && self.retry_at.is_none_or(|at| at <= now)
            && (self.wanted
                || log_bytes - self.written_log_bytes >= self.log_bytes_apart
                || self.dirty && now >= self.written_at + self.interval)
    }

    /// After a failure the next one waits until then.
    pub(crate) fn not_before(&self) -> Tick {
        self.retry_at.unwrap_or(0)
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        if self.going.is_some() {
            return None;
        }
        let due = if self.wanted { Some(0) } else { self.dirty.then_some(self.written_at + self.interval) };
        due.map(|at| at.max(self.retry_at.unwrap_or(0)))
    }

    /// One sets out; returns its copy and generation.
    pub(crate) fn begin(&mut self, covered: Covered, ticket: u64, log_bytes: u64, now: Tick) -> (u8, u64) {
        assert!(self.going.is_none(), "one checkpoint at a time");
        let copy = self.next_copy;
        self.generation += 1;
        // While it is on its way the copy holds neither the old nor the new.
        self.copies[usize::from(copy)] = None;
        self.going = Some(Going { copy, covered, ticket, log_bytes });
        (self.dirty, self.wanted) = (false, false);
        self.written_at = now;
        (copy, self.generation)
    }

    /// It arrived, and with it all acknowledgements up to the ticket returned; or not, and the same copy is next.
    pub(crate) fn ended(&mut self, arrived: bool, now: Tick) -> Option<u64> {
        let going = self.going.take().expect("one was on its way");
        if !arrived {
            self.failed += 1;
            self.wanted = true;
            self.retry_at = Some(now + RETRY);
            return None;
        }
        self.written += 1;
        self.retry_at = None;
        self.written_log_bytes = going.log_bytes;
        self.copies[usize::from(going.copy)] = Some(going.covered);
        self.next_copy = 1 - going.copy;
        Some(going.ticket)
    }

    /// The older copy, if both are whole: what it covers is covered by both, so losing either brings nothing back.
    pub(crate) fn older(&self) -> Option<&Covered> {
        let [Some(_), Some(_)] = &self.copies else { return None };
        // The older one is written over next.
        self.copies[usize::from(self.next_copy)].as_ref()
    }
}
