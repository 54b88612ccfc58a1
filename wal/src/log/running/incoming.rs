//! What the disk answered, and what follows from it.

use super::{Closing, Running};
use crate::{
    Notice,
    canary::planted,
    disk::{Done, Fault, IoBuf},
    log::{Clock, Purpose, index::Segment},
};
use std::collections::VecDeque;

impl<B: IoBuf> Running<B> {
    pub(crate) fn complete(
        &mut self,
        purpose: Purpose,
        done: Done<B>,
        clock: Clock,
        notices: &mut VecDeque<Notice>,
    ) {
        match purpose {
            Purpose::Commit(serial) => self.commit_done(serial, done, clock, notices),
            Purpose::Header(copy) => {
                let block = self.config.limits.block_bytes;
                let result = whole(&done, block);
                self.take_back(done.buf);
                if let Some(rolling) = self.writer.rolling() {
                    rolling.copies[usize::from(copy)].1 = Some(result);
                }
                self.segment_begun(clock, notices);
            }
            Purpose::Checkpoint => self.checkpoint_done(done, clock, notices),
            Purpose::Make => self.supply.made(done.result.map(|_| ()), clock.now),
            Purpose::SpareHeader => {
                let result = whole(&done, self.config.limits.block_bytes);
                self.take_back(done.buf);
                self.supply.made(result, clock.now);
            }
            Purpose::Remove => self.supply.removed(done.result.map(|_| ())),
            Purpose::Read => {
                self.reader.complete(done, &mut self.index);
                self.look_for_free = true;
            }
            Purpose::Quarantine => {
                self.salvage.done(done.result.is_ok(), &mut self.index);
                self.look_for_free = true;
            }
            // The last reads of opening came back before it ended.
            Purpose::Opening(_) => {}
        }
        self.speak(clock, notices);
    }

    fn take_back(&mut self, buf: Option<B>) {
        match buf {
            Some(buf) => self.control.put(buf),
            None => self.control.lost(),
        }
    }

    fn commit_done(&mut self, serial: u64, done: Done<B>, clock: Clock, notices: &mut VecDeque<Notice>) {
        let result = whole(&done, self.writer.flight_bytes(serial));
        if planted!(self.config.planted(), AnnounceOutOfOrder) {
            let before = self.writer.flight_event(serial);
            notices.push_back(Notice::Durable { before, latency: 0 });
        }
        let was_safe = self.writer.safe();
        let was = self.writer.durable();
        let poisoned = self.writer.complete(serial, result, done.buf);
        let epoch = was.epoch;
        while let Some(settled) = self.writer.settle() {
            self.counts.commits += 1;
            self.counts.puts += u64::from(settled.facts.puts);
            self.counts.payload_bytes += settled.facts.payload_bytes;
            if let Some(ticket) = settled.facts.ack_ticket.and_then(|ticket| self.acks.durable(ticket)) {
                notices.push_back(Notice::AcksDurable { ticket });
            }
            if settled.facts.puts > 0 {
                let latency = clock.now - settled.sent_at;
                notices.push_back(Notice::Durable { before: settled.facts.end_event, latency });
            }
            self.checkpoints.touch();
        }
        let durable = self.writer.durable();
        if let Some(segment) = self.index.get_mut(epoch)
            && durable.epoch == epoch
        {
            segment.end_bytes = durable.offset_bytes;
            segment.end_event = segment.end_event.max(durable.event);
            if was == was_safe {
                segment.sample(was.offset_bytes, crate::recover::expect_at(&was));
            }
        }
        if let Some(fault) = poisoned {
            self.counts.poisoned += 1;
            if let Some(segment) = self.index.get_mut(epoch) {
                segment.bad = true;
                notices.push_back(Notice::Poisoned { slot: segment.header.slot, fault });
            }
            self.count_failure(fault, notices);
        }
    }

    fn count_failure(&mut self, fault: Fault, notices: &mut VecDeque<Notice>) {
        if let Some(events) = self.writer.count_failure(fault) {
            notices.push_back(Notice::Refused { events, fault });
        }
    }

    fn segment_begun(&mut self, clock: Clock, notices: &mut VecDeque<Notice>) {
        match self.writer.rolled() {
            None => {}
            Some(Ok(header)) => {
                if let Some(before) = self.index.get_mut(header.prev_epoch) {
                    before.end_event = header.first_event + u64::from(header.span_events);
                }
                let size_bytes = header.size_bytes;
                self.index.insert(Segment::new(header, size_bytes));
                self.supply.rolled(clock.now);
                self.checkpoints.touch();
                self.look_for_free = true;
            }
            Some(Err((slot, fault))) => {
                self.supply.discard(slot);
                self.count_failure(fault, notices);
            }
        }
    }

    fn checkpoint_done(&mut self, done: Done<B>, clock: Clock, notices: &mut VecDeque<Notice>) {
        let arrived = whole(&done, self.checkpoint_bytes).is_ok();
        self.take_back(done.buf);
        self.acks.checkpoint_ended(arrived, clock.now);
        match self.checkpoints.ended(arrived, clock.now) {
            None => self.closing_failures += u64::from(self.closing.is_some()),
            Some(ticket) => {
                self.must_checkpoint = false;
                if let Some(ticket) = self.acks.durable(ticket) {
                    notices.push_back(Notice::AcksDurable { ticket });
                }
                if self.closing == Some(Closing::Checkpointing) {
                    self.closing = Some(Closing::Done);
                    notices.push_back(Notice::Closed);
                }
            }
        }
        self.look_for_free = true;
    }
}

/// The result of a write: all of it, or a fault. A short count is a fault: the rest is not tried again.
fn whole<B>(done: &Done<B>, bytes: u32) -> Result<(), Fault> {
    match done.result {
        Ok(written) if written == bytes => Ok(()),
        Ok(_) => Err(Fault::EIO),
        Err(fault) => Err(fault),
    }
}
