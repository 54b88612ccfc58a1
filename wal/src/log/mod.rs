//! The log as a state machine: it is asked for things and told what completed; it answers with operations and notices.

mod acks;
mod checkpoints;
mod commit;
pub(crate) mod fetch;
mod gather;
pub(crate) mod index;
mod reader;
mod reclaim;
mod running;
mod salvage;
mod stats;
mod stock;
mod supply;
mod writer;

pub use reader::ReadFrame;
pub use stats::Stats;
pub use supply::Full;

pub(crate) use checkpoints::Covered;
pub(crate) use running::Running;
pub(crate) use salvage::Aside;
pub(crate) use stock::Stock;
pub(crate) use supply::Slot;

use crate::{
    AckSet, AppendError, Config, Notice, OpenError, Seq, Tick,
    disk::{Disk, Done, IoBuf, Op, OpId, SlotFile},
    recover::Opening,
};
use std::{
    collections::{HashMap, VecDeque},
    io::IoSlice,
    ops::Range,
};

/// What a buffer is for. Each purpose has a stock of its own, with its own bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Commits.
    Commit,
    /// Reading back.
    Read,
    /// Headers, checkpoints, and scanning at opening.
    Control,
}

/// What an operation was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Opening(u32),
    Commit(u64),
    Header(u8),
    Checkpoint,
    Make,
    SpareHeader,
    Remove,
    Read,
    Quarantine,
}

/// Time as the log knows it: what it was told last, and the wall clock at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Tick,
    started: Tick,
    wall_ms: u64,
}

impl Clock {
    pub(crate) fn wall_ms(&self) -> u64 {
        self.wall_ms + (self.now - self.started) / 1_000_000
    }

    pub(crate) fn wall_s(&self) -> u32 {
        (self.wall_ms() / 1000) as u32
    }
}

enum Phase<B> {
    Opening(Box<Opening<B>>),
    Running(Box<Running<B>>),
    Over,
}

/// How a log is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Reading what is there.
    Opening,
    /// Taking puts.
    Open,
    /// Refusing puts for want of space; everything else goes on.
    Full(Full),
    /// Writing failed; only reading goes on.
    Failed,
    /// Ending.
    Closing,
    /// Nothing is done any more.
    Closed,
}

/// A durable log. See the crate's text for the order of calls.
pub struct Log<B> {
    clock: Clock,
    phase: Phase<B>,
    ops: HashMap<OpId, Purpose>,
    next_op_id: u64,
    notices: VecDeque<Notice>,
    close_asked: bool,
    config: Config,
}

impl<B: IoBuf> Log<B> {
    /// Begins to open the log in these segment files and the checkpoint. [`Notice::Opened`] or
    /// [`Notice::CannotOpen`] follows.
    ///
    /// # Limits
    /// Memory: `commit_buffers` + `read_buffers` + a handful of small buffers, and about 2 KiB a segment.
    pub fn open(config: Config, files: Vec<SlotFile>, now: Tick) -> Log<B> {
        let clock = Clock { now, started: now, wall_ms: config.wall_ms };
        let mut notices = VecDeque::new();
        let phase = match config.limits.check() {
            Ok(()) => Phase::Opening(Box::new(Opening::new(config.clone(), files))),
            Err(text) => {
                notices.push_back(Notice::CannotOpen(OpenError::Limits(text)));
                Phase::Over
            }
        };
        Log { clock, phase, ops: HashMap::new(), next_op_id: 0, notices, close_asked: false, config }
    }

    /// How it is doing.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Opening(_) => State::Opening,
            Phase::Over => State::Closed,
            Phase::Running(running) => running.state(),
        }
    }

    /// Puts a payload of `events` events into the log; it is durable when [`Notice::Durable`] says so for its events.
    /// The payload is copied before this returns.
    ///
    /// # Limits
    /// [`Log::append_limit_bytes`]; larger payloads go through [`Log::begin_large`].
    ///
    /// # Errors
    /// The put was not taken, nothing of it is in the log.
    ///
    /// # Panics
    /// If `events` is 0.
    pub fn append(
        &mut self,
        payload: &[IoSlice<'_>],
        events: u32,
        now: Tick,
    ) -> Result<Range<Seq>, AppendError> {
        self.tell(now);
        let clock = self.clock;
        self.writable()?.append(payload, events, clock)
    }

    /// Begins a put that arrives in pieces, as large as [`crate::Limits::put_bytes`] allows. Until it has all its
    /// `bytes` no other put is taken. A put without its end is never delivered.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn begin_large(&mut self, bytes: usize, events: u32, now: Tick) -> Result<Range<Seq>, AppendError> {
        self.tell(now);
        let clock = self.clock;
        self.writable()?.begin_large(bytes, events, clock)
    }

    /// Adds to the put that was begun; returns how much was taken, 0 to wait for [`Notice::Writable`].
    pub fn push_large(&mut self, piece: &[u8], now: Tick) -> usize {
        self.tell(now);
        let clock = self.clock;
        self.writable().map_or(0, |running| running.push_large(piece, clock))
    }

    /// Gives up the put that was begun and has not got all its bytes.
    pub fn abandon_large(&mut self) {
        if let Phase::Running(running) = &mut self.phase {
            running.abandon_large();
        }
    }

    /// The largest payload of one [`Log::append`].
    pub fn append_limit_bytes(&self) -> usize {
        let limits = &self.config.limits;
        ((limits.commit_buffers - 1) * limits.frame_payload_bytes()).min(limits.put_bytes as usize)
    }

    /// Acknowledges events, in any order and split as you like: they are never delivered again once that is durable.
    /// Returns the ticket that [`Notice::AcksDurable`] will name.
    ///
    /// # Durability
    /// None when this returns: at the latest after `ack_interval`, at once with `ack_sync`. What was not durable is
    /// delivered again after a crash.
    ///
    /// # Panics
    /// If an event is not durable: nobody can have got it.
    pub fn ack(&mut self, events: Range<Seq>, now: Tick) -> u64 {
        self.tell(now);
        let clock = self.clock;
        match &mut self.phase {
            Phase::Running(running) => running.ack(events, clock),
            _ => 0,
        }
    }

    /// Which events are acknowledged. `None` before the log is open.
    pub fn acks(&self) -> Option<&AckSet> {
        match &self.phase {
            Phase::Running(running) => Some(running.acks()),
            _ => None,
        }
    }

    /// Whether more ranges may be leased: not while too many acknowledged ranges lie above a stuck one.
    pub fn may_lease(&self) -> bool {
        self.acks().is_some_and(|acks| acks.range_count() < self.config.limits.ack_ranges)
    }

    /// The first event that is not durable.
    pub fn durable_before(&self) -> Seq {
        match &self.phase {
            Phase::Running(running) => running.durable_before(),
            _ => 0,
        }
    }

    /// Asks for puts that hold events from `from` on, about `max_bytes` of them. [`Notice::Readable`] follows. A
    /// request that was not answered yet is replaced.
    pub fn read(&mut self, from: Seq, max_bytes: u64) {
        if let Phase::Running(running) = &mut self.phase {
            running.read(from, max_bytes);
        }
    }

    /// Delivers puts that were read, in order, each whole. Returns the event to ask for next when the request is
    /// answered; `None` if more must be read first, and [`Notice::Readable`] follows again.
    pub fn take_read(&mut self, mut into: impl FnMut(ReadFrame<'_>)) -> Option<Seq> {
        let clock = self.clock;
        match &mut self.phase {
            Phase::Running(running) => running.take_read(&mut into, clock, &mut self.notices),
            _ => None,
        }
    }

    /// Tells how much space the file system has, so that `min_free_bytes` can be kept.
    pub fn set_free_bytes(&mut self, free_bytes: u64) {
        if let Phase::Running(running) = &mut self.phase {
            running.set_free_bytes(free_bytes);
        }
    }

    /// Ends in order: everything appended becomes durable, then a last frame and checkpoint confirm it.
    /// [`Notice::Closed`] follows. Dropping a log instead is the same as a power cut: safe.
    pub fn close(&mut self, now: Tick) {
        self.tell(now);
        self.close_asked = true;
        if let Phase::Running(running) = &mut self.phase {
            running.close();
        }
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        match &self.phase {
            Phase::Running(running) => running.stats(),
            _ => Stats::default(),
        }
    }

    /// A buffer that the log could use now: give one of at least this size with [`Log::give`], or none.
    pub fn want(&self) -> Option<(Pool, usize)> {
        match &self.phase {
            Phase::Opening(opening) => opening.want(),
            Phase::Running(running) => running.want(),
            Phase::Over => None,
        }
    }

    /// Gives a buffer that was wanted. It is the log's until it is dropped.
    pub fn give(&mut self, pool: Pool, buf: B) {
        match &mut self.phase {
            Phase::Opening(opening) => opening.give(pool, buf),
            Phase::Running(running) => running.give(pool, buf),
            Phase::Over => {}
        }
    }

    /// The next operation for the disk.
    pub fn next_op(&mut self, now: Tick) -> Option<(OpId, Op<B>)> {
        self.tell(now);
        let (purpose, op) = match &mut self.phase {
            Phase::Opening(opening) => opening.next_op()?,
            Phase::Running(running) => running.next_op(self.clock, &mut self.notices)?,
            Phase::Over => return None,
        };
        let id = OpId(self.next_op_id);
        self.next_op_id += 1;
        self.ops.insert(id, purpose);
        Some((id, op))
    }

    /// An operation completed.
    ///
    /// # Panics
    /// If it is none of this log's.
    pub fn complete(&mut self, done: Done<B>, now: Tick) {
        self.tell(now);
        let purpose = self.ops.remove(&done.id).expect("only what was asked for completes, once");
        match &mut self.phase {
            Phase::Opening(opening) => {
                opening.complete(purpose, done);
                self.end_opening();
            }
            Phase::Running(running) => running.complete(purpose, done, self.clock, &mut self.notices),
            Phase::Over => {}
        }
    }

    /// Time goes on.
    pub fn tick(&mut self, now: Tick) {
        self.tell(now);
        if let Phase::Running(running) = &mut self.phase {
            running.tick(self.clock);
        }
    }

    /// When [`Log::tick`] and [`Log::next_op`] should be called again although nothing completes.
    pub fn deadline(&self) -> Option<Tick> {
        match &self.phase {
            Phase::Running(running) => running.deadline(self.clock.now),
            _ => None,
        }
    }

    /// What happened.
    pub fn notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    fn tell(&mut self, now: Tick) {
        // A clock that goes back is not believed.
        self.clock.now = self.clock.now.max(now);
    }

    fn writable(&mut self) -> Result<&mut Running<B>, AppendError> {
        match &mut self.phase {
            Phase::Running(running) if !self.close_asked => Ok(running),
            _ => Err(AppendError::NotOpen),
        }
    }

    fn end_opening(&mut self) {
        let Phase::Opening(opening) = &mut self.phase else { return };
        match opening.finish() {
            None => {}
            Some(Err(error)) => {
                self.notices.push_back(Notice::CannotOpen(error));
                self.phase = Phase::Over;
            }
            Some(Ok(recovered)) => {
                self.notices.push_back(Notice::Opened(Box::new(recovered.report.clone())));
                let mut running = Running::new(self.config.clone(), *recovered, self.clock);
                if self.close_asked {
                    running.close();
                }
                self.phase = Phase::Running(Box::new(running));
            }
        }
    }
}

/// Moves operations and completions between a log and a disk until nothing moves any more.
pub fn pump<D: Disk + ?Sized>(log: &mut Log<D::Buf>, disk: &mut D, now: Tick) {
    let mut done = Vec::new();
    loop {
        let mut moved = false;
        loop {
            if let Some((id, op)) = log.next_op(now) {
                disk.submit(id, op);
                moved = true;
            } else {
                // Nothing to do, perhaps for want of a buffer.
                let Some((pool, bytes)) = log.want() else { break };
                let Some(buf) = disk.buffer(bytes) else { break };
                log.give(pool, buf);
            }
        }
        disk.poll(&mut done);
        moved |= !done.is_empty();
        done.drain(..).for_each(|done| log.complete(done, now));
        if !moved {
            return;
        }
    }
}
