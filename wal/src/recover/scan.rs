//! The scan of the tail, from the checkpoint's place on, one segment after the other.

use super::{
    Recovered,
    survey::Plan,
    verdict::{ScannedGap, Verdict},
};
use crate::{
    Config, OnCorruption, OpenError, Report,
    canary::planted,
    disk::{Done, IoBuf, Op},
    format::{
        ack,
        checkpoint::Place,
        frame::{FIRST, Kind},
        round_up,
    },
    log::{Stock, fetch::Fetch, index::Index},
    scan::{Expect, Gap, Item, Walker},
};

pub(super) struct Scan<B> {
    plan: Plan,
    /// Which of the plan's segments.
    at: usize,
    walker: Option<Walker>,
    fetch: Option<Fetch<B>>,
    /// Bytes in memory: of which of the plan's segments, from where, how many.
    chunk: Option<(usize, u64, usize, B)>,
    gaps: Vec<ScannedGap>,
    last: Expect,
    durable_frame: u64,
    /// Where the log is whole up to in the newest segment, and events that headers behind it name.
    tail_bytes: u64,
    tail_event_end: u64,
    bytes: u64,
    frames: u64,
}

impl<B: IoBuf> Scan<B> {
    pub(super) fn new(plan: Plan) -> Scan<B> {
        let last = plan.start_expect;
        Scan {
            at: plan.start,
            walker: None,
            fetch: None,
            chunk: None,
            gaps: Vec::new(),
            last,
            durable_frame: 0,
            // If no segment is left to scan, the log goes on behind the last one there is.
            tail_bytes: plan.segments.last().map_or(0, |segment| segment.end_bytes),
            tail_event_end: 0,
            bytes: 0,
            frames: 0,
            plan,
        }
    }

    pub(super) fn op(&mut self, stock: &mut Stock<B>, config: &Config) -> Option<Op<B>> {
        if self.fetch.is_none() {
            let segment = self.plan.segments.get(self.at)?;
            let walker = self.walker.as_ref()?;
            let block = u64::from(config.limits.block_bytes);
            let from = walker.at_bytes() / block * block;
            let len = (round_up(segment.end_bytes, block) - from).min(u64::from(config.limits.read_bytes));
            if let Some((.., old)) = self.chunk.take() {
                stock.put(old);
            }
            let buf = stock.take()?;
            self.fetch = Some(Fetch::new(segment.header.slot, from, len as u32, block as u32, buf));
        }
        self.fetch.as_mut()?.op()
    }

    pub(super) fn complete(&mut self, done: Done<B>, stock: &mut Stock<B>) {
        let Some(fetch) = &mut self.fetch else { return };
        if fetch.done(done) && !fetch.is_complete() {
            return;
        }
        let Some(fetch) = self.fetch.take() else { return };
        if let Some(segment) = self.plan.segments.get_mut(self.at) {
            segment.bad |= fetch.bad_blocks > 0;
        }
        let at_bytes = fetch.offset_bytes;
        match fetch.into_buf() {
            Some((buf, len)) => {
                self.bytes += len as u64;
                self.chunk = Some((self.at, at_bytes, len, buf));
            }
            None => stock.lost(),
        }
    }

    /// True at the end of the log.
    pub(super) fn go_on(&mut self, config: &Config) -> bool {
        let count = self.plan.segments.len();
        while let Some(segment) = self.plan.segments.get_mut(self.at) {
            let newest = self.at + 1 == count;
            let block = u64::from(segment.header.block_bytes);
            if self.walker.is_none() {
                let starts = self.at == self.plan.start && self.plan.start_bytes > 0;
                let (from, expect) = if starts {
                    (self.plan.start_bytes, self.plan.start_expect)
                } else {
                    (block, segment.first())
                };
                self.note_missing(expect.event);
                let Some(segment) = self.plan.segments.get_mut(self.at) else { return true };
                if newest && !segment.end_known {
                    segment.end_bytes = segment.usable().end;
                }
                let span = self.plan.span.take();
                let walker = Walker::new(segment.seed, from..segment.end_bytes, expect, span);
                self.walker = Some(walker.with(config.planted()));
                continue;
            }
            let Some(walker) = &mut self.walker else { return true };
            let here = self.chunk.as_ref().filter(|(of, ..)| *of == self.at);
            let (at_bytes, bytes) =
                here.map_or((0, &[][..]), |(_, at, len, buf)| (*at, &buf.as_ref()[..*len]));
            let before = walker.expect();
            match walker.next(bytes, at_bytes) {
                Item::Need { .. } => return false,
                Item::Frame { header, body, at_bytes, .. } => {
                    self.frames += 1;
                    if header.kind == Kind::Ack
                        && let Ok((low, ranges)) = ack::decode(body)
                    {
                        let known = before.event;
                        self.plan.acks.insert(0..low.min(known));
                        ranges.for_each(|range| {
                            self.plan.acks.insert(range.start..range.end.min(known));
                        });
                    }
                    if header.kind == Kind::Data && header.flags & FIRST != 0 {
                        segment.sample(at_bytes, before);
                    }
                }
                Item::Gap(gap) => {
                    let ends = gap.next_frame.is_none();
                    if ends && newest || planted!(config.planted(), TruncateAtDamage) {
                        // The end of the log, or of what is left of it: the verdict says which.
                        self.tail_event_end = gap.events.end;
                        self.end_segment(Some(gap.bytes.start));
                        return true;
                    }
                    let slot = segment.header.slot;
                    self.gaps.push(ScannedGap { slot, epoch: segment.header.epoch, newest, gap });
                }
                Item::End => self.end_segment(None),
            }
        }
        true
    }

    /// Leaves a segment; `whole_to` is where it ends if not where it was thought to.
    fn end_segment(&mut self, whole_to: Option<u64>) {
        let Some(walker) = self.walker.take() else { return };
        self.last = walker.expect();
        self.durable_frame = self.durable_frame.max(walker.durable_frame());
        self.plan.span = walker.span();
        self.tail_bytes = whole_to.unwrap_or(walker.at_bytes());
        let newest = self.at + 1 == self.plan.segments.len();
        if let Some(segment) = self.plan.segments.get_mut(self.at).filter(|_| newest) {
            segment.end_bytes = self.tail_bytes;
            segment.end_event = segment.end_event.max(self.last.event);
        }
        self.at += 1;
    }

    /// Events between what was scanned and what comes now lie in no segment, or in one whose end is damaged.
    fn note_missing(&mut self, event: u64) {
        if self.last.event >= event {
            return;
        }
        let events = self.last.event..event;
        let Some(segment) = self.plan.segments.get(self.at) else { return };
        let (frame, slot, epoch) = (segment.header.first_frame, segment.header.slot, segment.header.epoch);
        match self.gaps.last_mut().filter(|last| last.gap.next_frame.is_none()) {
            Some(last) => last.gap.events = events,
            None => {
                let gap = Gap { bytes: 0..0, first_frame: self.last.frame, next_frame: Some(frame), events };
                self.gaps.push(ScannedGap { slot, epoch, newest: false, gap });
            }
        }
    }

    pub(super) fn end(self, config: &Config) -> Result<Recovered, OpenError> {
        let Scan { plan, gaps, last, durable_frame, tail_bytes, tail_event_end, bytes, frames, .. } = self;
        let newest = plan.segments.last().map(|segment| (segment.header.slot, segment.header.epoch));
        let verdict = Verdict::of(&plan, gaps, last, durable_frame, tail_bytes, tail_event_end);
        let Verdict { damage, acks, frame, event, mut must_checkpoint, remarks } = verdict;
        let certain = damage.iter().filter(|damage| damage.certain);
        let count = certain.clone().count();
        if config.on_corruption == OnCorruption::Stop && count > 0 {
            let events = certain.map(|damage| damage.events.end - damage.events.start).sum();
            return Err(OpenError::Damaged { count, events, damage });
        }
        must_checkpoint |= !damage.is_empty();
        let tail = Place {
            epoch: newest.map_or(plan.start_epoch, |(_, epoch)| epoch),
            offset_bytes: tail_bytes,
            frame,
            event,
            prev_header_crc: last.prev_header_crc,
        };
        let aside = plan.aside(&damage);
        let hide = planted!(config.planted(), HideDamage);
        let report = Report {
            log_id: plan.log_id,
            is_new: plan.is_new,
            was_closed: plan.was_closed && damage.is_empty(),
            segments: plan.segments.len(),
            scanned_bytes: bytes,
            scanned_frames: frames,
            low_watermark: acks.low(),
            next_event: event,
            damage: if hide { Vec::new() } else { damage },
            remarks: plan.remarks.into_iter().chain(remarks).collect(),
        };
        let mut index = Index::default();
        plan.segments.into_iter().for_each(|segment| index.insert(segment));
        Ok(Recovered {
            report,
            index,
            acks,
            tail,
            max_epoch: plan.max_epoch,
            generation: plan.generation,
            next_copy: plan.next_copy,
            copies: plan.copies,
            ready: plan.ready,
            discard: plan.discard,
            kept: plan.kept,
            aside,
            must_checkpoint,
        })
    }
}
