//! What the disk is asked for, in order of urgency: commits, segment headers, checkpoints, slots, reads, copies of damage.

use super::{Closing, LOOKS_APART, Running};
use crate::{
    AckSet, Notice,
    canary::planted,
    disk::{IoBuf, Op},
    format::{
        checkpoint::{Checkpoint, HEAD_BYTES, RANGE_BYTES, slots_beside},
        round_up,
        segment::SegmentHeader,
    },
    log::{Clock, Covered, Purpose, supply::Work},
};
use std::collections::VecDeque;

impl<B: IoBuf> Running<B> {
    pub(crate) fn next_op(
        &mut self,
        clock: Clock,
        notices: &mut VecDeque<Notice>,
    ) -> Option<(Purpose, Op<B>)> {
        if self.closing == Some(Closing::Done) {
            return None;
        }
        let short = self.supply.hungry() || self.blocked || self.large_blocked;
        if self.look_for_free && (short || clock.now >= self.looked_at + LOOKS_APART) {
            self.free_segments(clock);
        }
        let op = self
            .next_write(clock, notices)
            .or_else(|| self.next_header(clock))
            .or_else(|| self.next_checkpoint(clock))
            .or_else(|| self.next_supply(clock))
            .or_else(|| Some((Purpose::Read, self.reader.op(&mut self.index)?)))
            .or_else(|| Some((Purpose::Quarantine, self.salvage.next(&mut self.index)?)));
        self.speak(clock, notices);
        if op.is_none() && self.close_on(clock, notices) {
            return self.next_op(clock, notices);
        }
        op
    }

    fn next_write(&mut self, clock: Clock, notices: &mut VecDeque<Notice>) -> Option<(Purpose, Op<B>)> {
        let write = self.writer.next(clock.now, clock.wall_s(), &mut self.acks)?;
        if planted!(self.config.planted(), AckBeforeSync) {
            notices.push_back(Notice::Durable { before: self.writer.gather.next_event(), latency: 0 });
        }
        let op = Op::Write {
            slot: write.slot,
            offset_bytes: write.offset_bytes,
            len_bytes: write.len_bytes,
            buf: write.buf,
        };
        Some((Purpose::Commit(write.serial), op))
    }

    fn next_header(&mut self, clock: Clock) -> Option<(Purpose, Op<B>)> {
        if self.writer.needs_segment() && !self.must_checkpoint {
            let slot = self.supply.take()?;
            let reuse = planted!(self.config.planted(), ReuseEpoch) && self.max_epoch > 2;
            self.max_epoch += u64::from(!reuse);
            let header = SegmentHeader {
                log_id: self.log_id,
                epoch: self.max_epoch,
                salt: if reuse { 0 } else { self.config.salt },
                created_ms: clock.wall_ms(),
                low_watermark: self.acks.set().low(),
                ..SegmentHeader::default()
            };
            self.writer.roll(slot, header);
        }
        let rolling = self.writer.rolling()?;
        let copy = rolling.copies.iter().position(|(sent, _)| !sent)?;
        let buf = self.control.take()?;
        rolling.copies[copy].0 = true;
        Some((Purpose::Header(copy as u8), header_op(&rolling.header, copy as u8, buf)))
    }

    fn next_checkpoint(&mut self, clock: Clock) -> Option<(Purpose, Op<B>)> {
        let now = clock.now;
        let overdue = self.acks_go_at().is_some_and(|at| now >= at);
        if overdue || self.acks.pending_ranges() > self.config.limits.ack_ranges {
            self.checkpoints.want();
        }
        if !self.checkpoints.is_due(now, self.writer.written_bytes) {
            return None;
        }
        let mut buf = self.control.take()?;
        let bytes = self.config.limits.checkpoint_bytes as usize;
        let fitting = (bytes - HEAD_BYTES) / RANGE_BYTES;
        // What does not fit counts as not acknowledged: it may be delivered again, and its segments stay.
        let mut acks = AckSet::below(self.acks.set().low());
        let all = self.acks.set().range_count() <= fitting;
        self.acks.set().ranges().take(fitting).for_each(|range| {
            acks.insert(range);
        });
        let ticket = self.acks.checkpoint_begins();
        let covered = Covered { acks: acks.clone(), scan_from: self.writer.safe() };
        let (copy, generation) =
            self.checkpoints.begin(covered, if all { ticket } else { 0 }, self.writer.written_bytes, now);
        let ranges: Vec<_> = acks.ranges().collect();
        let slots = slots_beside(bytes, ranges.len());
        let content = Checkpoint {
            log_id: self.log_id,
            generation,
            max_epoch: self.max_epoch,
            written_ms: clock.wall_ms(),
            scan_from: self.writer.safe(),
            durable: self.writer.durable(),
            clean: self.closing == Some(Closing::Checkpointing),
            low_watermark: acks.low(),
            ranges,
            slots: self.index.entries(self.writer.active_epoch()).take(slots).collect(),
        };
        let len = round_up(content.encoded_bytes() as u64, u64::from(self.config.limits.block_bytes));
        self.checkpoint_bytes = len as u32;
        content.encode(copy, &mut buf.as_mut()[..len as usize]);
        Some((Purpose::Checkpoint, Op::Checkpoint { copy, len_bytes: len as u32, buf }))
    }

    fn next_supply(&mut self, clock: Clock) -> Option<(Purpose, Op<B>)> {
        if !self.makes_slots() {
            return None;
        }
        // A spare header needs a buffer: not begun without one.
        if self.control.obtainable() == 0 {
            return None;
        }
        Some(match self.supply.next(clock.now, self.index.size_bytes())? {
            Work::Prepare(slot) => {
                (Purpose::Make, Op::Prepare { slot: slot.number, size_bytes: slot.size_bytes })
            }
            Work::Sync => (Purpose::Make, Op::SyncDir),
            Work::Remove(slot) => (Purpose::Remove, Op::Remove { slot: slot.number }),
            Work::Header(slot) => {
                let Some(buf) = self.control.take() else {
                    self.supply.not_sent();
                    return None;
                };
                let header = SegmentHeader {
                    log_id: self.log_id,
                    slot: slot.number,
                    size_bytes: slot.size_bytes,
                    block_bytes: self.config.limits.block_bytes,
                    created_ms: clock.wall_ms(),
                    ..SegmentHeader::default()
                };
                (Purpose::SpareHeader, header_op(&header, 0, buf))
            }
        })
    }
}

/// The write of a header copy: one block.
fn header_op<B: IoBuf>(header: &SegmentHeader, copy: u8, mut buf: B) -> Op<B> {
    let len_bytes = header.block_bytes;
    let into = &mut buf.as_mut()[..len_bytes as usize];
    let (head, rest) = into.split_first_chunk_mut().expect("a block holds a header");
    header.encode(copy, head);
    rest.fill(0);
    let offset_bytes = if copy == 0 { 0 } else { header.size_bytes - u64::from(len_bytes) };
    Op::Write { slot: header.slot, offset_bytes, len_bytes, buf }
}
