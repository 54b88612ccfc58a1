//! An open log: routes operations (`outgoing`) and completions (`incoming`) between its parts, and holds what concerns
//! more than one of them.

mod incoming;
mod outgoing;

use super::{
    Clock, Pool, ReadFrame, State, Stats, Stock,
    acks::Acks,
    checkpoints::Checkpoints,
    index::Index,
    reader::Reader,
    reclaim::Reclaim,
    salvage::Salvage,
    supply::{Slot, Supply},
    writer::Writer,
};
use crate::{
    AckSet, AppendError, Config, Notice, OnCorruption, Seq, Tick,
    disk::{Fault, IoBuf},
    format::LogId,
    recover::Recovered,
};
use std::{collections::VecDeque, io::IoSlice, ops::Range};

/// Checkpoints that may fail in a row before closing goes on without one.
const CLOSING_TRIES: u64 = 3;

/// Free segments are looked for at most so often while nothing is short: with many segments it takes a while.
const LOOKS_APART: Tick = 5_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// What was appended becomes durable.
    Draining,
    /// So does the frame that confirms it.
    Sealing,
    /// The last checkpoint is on its way.
    Checkpointing,
    Done,
}

pub(crate) struct Running<B> {
    config: Config,
    log_id: LogId,
    max_epoch: u64,
    index: Index,
    acks: Acks,
    writer: Writer<B>,
    checkpoints: Checkpoints,
    supply: Supply,
    reader: Reader<B>,
    reclaim: Reclaim,
    salvage: Salvage,
    control: Stock<B>,
    /// No segment is begun before what opening settled is in a durable checkpoint.
    must_checkpoint: bool,
    /// Size of the checkpoint on its way.
    checkpoint_bytes: u32,
    closing: Option<Closing>,
    closing_failures: u64,
    /// An append was refused and its owner waits.
    blocked: bool,
    /// The large put under way waits for room.
    large_blocked: bool,
    /// Something was acknowledged or read: segments may have become free.
    look_for_free: bool,
    looked_at: Tick,
    counts: Stats,
}

impl<B: IoBuf> Running<B> {
    pub(crate) fn new(config: Config, recovered: Recovered, clock: Clock) -> Running<B> {
        let now = clock.now;
        let limits = &config.limits;
        let planted = config.planted();
        let mut supply = Supply::new(limits.clone(), config.directories, config.idle_after, now, planted);
        recovered.index.iter().for_each(|segment| supply.known(segment.header.slot));
        recovered.kept.iter().for_each(|number| supply.known(*number));
        recovered.discard.iter().for_each(|slot| supply.discard(*slot));
        recovered.ready.iter().for_each(|slot| supply.add_ready(*slot));
        let mut checkpoints = Checkpoints::new(
            recovered.generation,
            recovered.next_copy,
            recovered.copies,
            config.checkpoint_interval,
            config.checkpoint_log_bytes,
            now,
        );
        checkpoints.want();
        let control_bytes = limits.checkpoint_bytes.max(limits.block_bytes) as usize;
        Running {
            log_id: recovered.report.log_id,
            max_epoch: recovered.max_epoch,
            index: recovered.index,
            acks: Acks::new(recovered.acks),
            writer: Writer::new(&config, recovered.tail),
            checkpoints,
            supply,
            reader: Reader::new(&config),
            reclaim: Reclaim::new(&config),
            salvage: Salvage::new(config.on_corruption, recovered.aside),
            control: Stock::new(4, control_bytes),
            must_checkpoint: recovered.must_checkpoint,
            checkpoint_bytes: 0,
            closing: None,
            closing_failures: 0,
            blocked: false,
            large_blocked: false,
            look_for_free: true,
            looked_at: now.saturating_sub(LOOKS_APART),
            counts: Stats::default(),
            config,
        }
    }

    pub(crate) fn state(&self) -> State {
        match (self.closing, self.writer.failed(), self.supply.full()) {
            (Some(Closing::Done), ..) => State::Closed,
            (_, Some(_), _) => State::Failed,
            (Some(_), ..) => State::Closing,
            (None, None, Some(full)) if !self.has_room() => State::Full(full),
            _ => State::Open,
        }
    }

    pub(crate) fn append(
        &mut self,
        payload: &[IoSlice<'_>],
        events: u32,
        clock: Clock,
    ) -> Result<Range<Seq>, AppendError> {
        self.check_failed()?;
        let places = self.places();
        let gather = &mut self.writer.gather;
        let taken = gather.append(payload, events, places, clock.now, clock.wall_s(), &mut self.acks);
        taken.map_err(|refused| self.refuse(refused))
    }

    pub(crate) fn begin_large(
        &mut self,
        bytes: usize,
        events: u32,
        clock: Clock,
    ) -> Result<Range<Seq>, AppendError> {
        self.check_failed()?;
        let begun = self.writer.gather.begin_large(bytes, events, clock.wall_s());
        begun.map_err(|refused| self.refuse(refused))
    }

    pub(crate) fn push_large(&mut self, piece: &[u8], clock: Clock) -> usize {
        if self.check_failed().is_err() {
            return 0;
        }
        let places = self.places();
        let taken = self.writer.gather.push_large(piece, places, clock.now, &mut self.acks);
        if taken < piece.len() {
            self.refuse(AppendError::NoSlot);
            self.large_blocked = true;
        }
        taken
    }

    pub(crate) fn abandon_large(&mut self) {
        self.writer.gather.abandon_large();
    }

    fn places(&self) -> usize {
        self.writer.places(self.supply.placeable())
    }

    fn check_failed(&self) -> Result<(), AppendError> {
        self.writer.failed().map_or(Ok(()), |fault| Err(AppendError::Failed { fault }))
    }

    /// Whether an append would be taken, as far as room goes.
    fn has_room(&self) -> bool {
        self.check_failed().is_ok() && self.writer.gather.has_room(self.places())
    }

    fn refuse(&mut self, refused: AppendError) -> AppendError {
        self.blocked |= !matches!(refused, AppendError::TooLarge { .. } | AppendError::Failed { .. });
        if refused != AppendError::NoSlot {
            return refused;
        }
        self.supply.need_another();
        self.look_for_free = true;
        self.supply.full().map_or(AppendError::Busy, AppendError::NoSpace)
    }

    pub(crate) fn ack(&mut self, events: Range<Seq>, clock: Clock) -> u64 {
        assert!(
            events.end <= self.writer.durable().event,
            "acknowledged <= durable: {} of {}",
            events.end,
            self.writer.durable().event
        );
        self.checkpoints.touch();
        self.look_for_free = true;
        self.acks.insert(events, clock.now)
    }

    pub(crate) fn acks(&self) -> &AckSet {
        self.acks.set()
    }

    pub(crate) fn durable_before(&self) -> Seq {
        self.writer.durable().event
    }

    pub(crate) fn read(&mut self, from: Seq, max_bytes: u64) {
        self.reader.request(from, max_bytes, &self.index);
    }

    pub(crate) fn take_read(
        &mut self,
        into: &mut dyn FnMut(ReadFrame<'_>),
        clock: Clock,
        notices: &mut VecDeque<Notice>,
    ) -> Option<Seq> {
        let mut found = Vec::new();
        let durable = self.writer.durable().event;
        let next = self.reader.deliver(&mut self.index, durable, into, &mut found);
        for found in found {
            let lost = self.salvage.settle(found, &self.index, &mut self.acks, clock.now, notices);
            self.look_for_free |= lost;
            self.checkpoints.touch();
            if lost && self.config.on_corruption == OnCorruption::Stop && self.writer.failed().is_none() {
                let (events, fault) = (self.writer.fail(Fault::EIO), Fault::EIO);
                notices.push_back(Notice::Refused { events, fault });
            }
        }
        next
    }

    pub(crate) fn set_free_bytes(&mut self, free_bytes: u64) {
        self.supply.set_free_bytes(free_bytes);
    }

    pub(crate) fn close(&mut self) {
        self.writer.gather.abandon_large();
        self.writer.gather.end_linger();
        self.closing.get_or_insert(Closing::Draining);
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            written_bytes: self.writer.written_bytes,
            read_bytes: self.reader.read_bytes,
            acked_events: self.acks.events,
            low_watermark: self.acks.set().low(),
            durable_before: self.writer.durable().event,
            ack_ranges: self.acks.set().range_count(),
            segments: self.index.len(),
            spare_segments: self.supply.ready_count(),
            disk_bytes: self.index.size_bytes() + self.supply.ready_bytes(),
            checkpoints: self.checkpoints.written,
            failed_checkpoints: self.checkpoints.failed,
            damaged: self.salvage.damaged,
            lost_events: self.salvage.lost_events,
            ..self.counts
        }
    }

    pub(crate) fn want(&self) -> Option<(Pool, usize)> {
        let commit = self.writer.gather.stock.want().map(|bytes| (Pool::Commit, bytes));
        let read = || self.reader.stock.want().map(|bytes| (Pool::Read, bytes));
        let control = || self.control.want().map(|bytes| (Pool::Control, bytes));
        commit.or_else(control).or_else(read)
    }

    pub(crate) fn give(&mut self, pool: Pool, buf: B) {
        match pool {
            Pool::Commit => self.writer.gather.stock.give(buf),
            Pool::Read => self.reader.stock.give(buf),
            Pool::Control => self.control.give(buf),
        }
    }

    pub(crate) fn tick(&mut self, clock: Clock) {
        self.supply.tick(clock.now);
        self.look_for_free = true;
        if !self.reader.is_busy() {
            self.reader.rest();
        }
    }

    pub(crate) fn deadline(&self, now: Tick) -> Option<Tick> {
        if self.closing == Some(Closing::Done) {
            return None;
        }
        let looking = self.look_for_free.then(|| self.looked_at + LOOKS_APART);
        let supply = self.supply.deadline().filter(|_| self.makes_slots());
        let parts = [
            self.writer.deadline(),
            self.checkpoints.deadline(),
            self.acks_go_at(),
            supply,
            looking,
            // What is over already waits for something else.
            self.reclaim.deadline(&self.index).filter(|at| *at > now),
        ];
        parts.into_iter().flatten().min()
    }

    /// When pending acknowledgements go to a checkpoint, for want of a commit to ride on.
    fn acks_go_at(&self) -> Option<Tick> {
        if self.checkpoints.is_going() {
            return None;
        }
        let wait = if self.config.ack_sync { 0 } else { self.config.ack_interval };
        // With commits under way the acknowledgements get a chance to ride on the next one.
        let patience = if self.writer.is_idle() { wait } else { wait + self.config.ack_interval };
        Some((self.acks.pending_since()?.saturating_add(patience)).max(self.checkpoints.not_before()))
    }

    /// A log that is being closed makes no more slots once all is written.
    fn makes_slots(&self) -> bool {
        self.closing.is_none_or(|closing| closing == Closing::Draining)
    }

    /// Says what its owner waits for.
    fn speak(&mut self, _clock: Clock, notices: &mut VecDeque<Notice>) {
        // While a large put is under way nobody else is told: it would be refused again.
        let waiting = if self.writer.gather.has_large() { self.large_blocked } else { self.blocked };
        if waiting && self.has_room() {
            self.large_blocked = false;
            self.blocked &= self.writer.gather.has_large();
            notices.push_back(Notice::Writable);
        }
        if self.reader.became_readable(&self.index, self.writer.durable().event) {
            notices.push_back(Notice::Readable);
        }
    }

    /// Makes the slots of segments that nobody needs free, and asks for a checkpoint where that is all that is missing.
    fn free_segments(&mut self, clock: Clock) {
        self.look_for_free = false;
        self.looked_at = clock.now;
        let covered = self.checkpoints.older();
        let safe = self.writer.safe();
        let freed = self.reclaim.free(&mut self.index, self.acks.set(), safe, covered, clock.now);
        if freed.waiting {
            self.checkpoints.touch();
            if self.supply.hungry() || self.blocked {
                self.checkpoints.want();
            }
        }
        for segment in freed.segments {
            let slot = Slot { number: segment.header.slot, size_bytes: segment.size_bytes };
            self.counts.recycled += 1;
            if segment.bad || segment.size_bytes != segment.header.size_bytes {
                self.supply.discard(slot);
            } else {
                self.supply.recycle(slot);
            }
        }
    }

    /// The next step of closing, when nothing else is to be done. True if there may be operations again.
    fn close_on(&mut self, clock: Clock, notices: &mut VecDeque<Notice>) -> bool {
        let Some(closing) = self.closing else { return false };
        let settled = self.writer.is_idle() || self.writer.failed().is_some();
        match closing {
            Closing::Draining if settled => {
                self.closing = Some(Closing::Sealing);
                self.writer.has_block_left() && self.writer.gather.push_seal(clock.now, clock.wall_s())
            }
            Closing::Sealing if settled && !self.checkpoints.is_going() => {
                self.closing = Some(Closing::Checkpointing);
                self.checkpoints.want();
                true
            }
            Closing::Checkpointing if self.closing_failures >= CLOSING_TRIES => {
                self.closing = Some(Closing::Done);
                notices.push_back(Notice::Closed);
                false
            }
            _ => false,
        }
    }
}
