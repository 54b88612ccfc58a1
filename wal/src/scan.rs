//! Walks over the frames of one segment: what is whole, in order, and what is not, exactly. Pure; bytes are handed in.
//!
//! A frame counts if its header and body check out and it continues the chain. Where none does, every later multiple
//! of 64 bytes is tried until a frame of this segment with a higher sequence appears: damage never hides what is whole
//! behind it. Because checksums are seeded with epoch, salt and position, payload that looks like a frame is no frame.

use crate::{
    canary::{Planted, planted},
    format::{
        FormatError,
        frame::{FIRST, FrameHeader, HEADER_BYTES, Kind, LAST, Seed},
    },
};
use std::ops::Range;

/// What must come next in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// Frame.
    pub frame: u64,
    /// Event.
    pub event: u64,
    /// Checksum of the header before.
    pub prev_header_crc: u32,
}

/// A stretch without a valid frame where one was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Where in the segment. Empty if only the rest of a put is missing.
    pub bytes: Range<u64>,
    /// The first frame that is missing.
    pub first_frame: u64,
    /// The frame at which the log goes on; `None` if it does not in this segment.
    pub next_frame: Option<u64>,
    /// Events that are lost with it. If the log does not go on, as far as headers without their bodies tell.
    pub events: Range<u64>,
}

/// What the walker met.
#[derive(Debug)]
pub enum Item<'a> {
    /// A frame, whole and in order.
    Frame {
        /// Its header.
        header: FrameHeader,
        /// Where it begins.
        at_bytes: u64,
        /// Its body.
        body: &'a [u8],
        /// Its put is whole so far: every part from the first to this one came.
        continues: bool,
    },
    /// Something is missing.
    Gap(Gap),
    /// Bytes from here on are needed, at least so many.
    Need {
        /// From where.
        from_bytes: u64,
        /// How many.
        at_least_bytes: u64,
    },
    /// The end of the section.
    End,
}

struct OpenGap {
    from_bytes: u64,
    event_end: u64,
    /// The frame here had valid checksums but did not continue the chain; what continues *it* does not count either.
    rejected_crc: Option<u32>,
}

/// The parts of a put seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first_event: u64,
    event_count: u32,
    next_offset: u32,
}

/// Walks over one section of a segment.
pub struct Walker {
    seed: Seed,
    at_bytes: u64,
    end_bytes: u64,
    expect: Expect,
    span: Option<Span>,
    orphan: Option<u64>,
    gap: Option<OpenGap>,
    durable_frame: u64,
    planted: Planted,
}

enum Look<'a> {
    Frame(FrameHeader, u32, &'a [u8]),
    BadBody(FrameHeader, u32),
    Nothing,
    More(u64),
}

impl Walker {
    /// A walk from `range.start`, where `expect` must come, to `range.end`.
    pub fn new(seed: Seed, range: Range<u64>, expect: Expect, span: Option<Span>) -> Walker {
        Walker {
            seed,
            at_bytes: range.start,
            end_bytes: range.end,
            expect,
            span,
            orphan: None,
            gap: None,
            durable_frame: 0,
            planted: Planted::default(),
        }
    }

    pub(crate) fn with(mut self, planted: Planted) -> Walker {
        self.planted = planted;
        self
    }

    /// What comes next.
    pub fn expect(&self) -> Expect {
        self.expect
    }

    /// The put that is not complete yet.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Where the last whole frame ended, or where the walk stands in a gap.
    pub fn at_bytes(&self) -> u64 {
        self.at_bytes
    }

    /// The last frame that any header seen so far calls durable.
    pub fn durable_frame(&self) -> u64 {
        self.durable_frame
    }

    /// The end moved: more was written.
    pub fn extend(&mut self, end_bytes: u64) {
        self.end_bytes = self.end_bytes.max(end_bytes);
    }

    /// The next item. `chunk` holds the segment's bytes from `chunk_at` on, as many as were read.
    pub fn next<'a>(&mut self, chunk: &'a [u8], chunk_at: u64) -> Item<'a> {
        loop {
            if self.at_bytes >= self.end_bytes {
                return match self.gap.take() {
                    Some(gap) => Item::Gap(self.gap_to(&gap, self.end_bytes, None, gap.event_end)),
                    None => Item::End,
                };
            }
            match self.look(chunk, chunk_at) {
                Look::More(at_least_bytes) => {
                    return Item::Need { from_bytes: self.at_bytes, at_least_bytes };
                }
                Look::Nothing => {
                    self.open_gap(None);
                    self.at_bytes += HEADER_BYTES as u64;
                }
                Look::BadBody(header, sum) => {
                    self.durable_frame = self.durable_frame.max(header.durable_frame);
                    let continues = self.gap.is_some() || self.follows(&header);
                    self.open_gap((!continues).then_some(sum));
                    if let Some(gap) = &mut self.gap
                        && header.kind == Kind::Data
                    {
                        let end = header.first_event.saturating_add(u64::from(header.event_count));
                        gap.event_end = gap.event_end.max(end);
                    }
                    self.at_bytes += header.extent_bytes();
                }
                Look::Frame(header, sum, body) => {
                    if let Some(gap) = self.resume(&header, sum) {
                        return Item::Gap(gap);
                    }
                    if self.gap.is_some() {
                        self.at_bytes += HEADER_BYTES as u64;
                        continue;
                    }
                    if let Some(gap) = self.orphaned(&header) {
                        return Item::Gap(gap);
                    }
                    return self.accept(header, sum, body);
                }
            }
        }
    }

    fn look<'a>(&self, chunk: &'a [u8], chunk_at: u64) -> Look<'a> {
        let left = self.end_bytes - self.at_bytes;
        let have = self
            .at_bytes
            .checked_sub(chunk_at)
            .and_then(|skip| chunk.get(usize::try_from(skip).ok()?..))
            .unwrap_or_default();
        if have.len() < HEADER_BYTES && (have.len() as u64) < left {
            return Look::More(left.min(HEADER_BYTES as u64));
        }
        let Ok((header, sum)) = FrameHeader::decode(self.seed, self.at_bytes, have) else {
            return Look::Nothing;
        };
        if header.extent_bytes() > left {
            return Look::Nothing;
        }
        if (have.len() as u64) < header.extent_bytes() {
            return Look::More(header.extent_bytes());
        }
        let body = &have[HEADER_BYTES..HEADER_BYTES + header.stored_bytes as usize];
        if header.body_matches(body) || planted!(self.planted, SkipBodyChecksum) {
            Look::Frame(header, sum, body)
        } else {
            Look::BadBody(header, sum)
        }
    }

    fn follows(&self, header: &FrameHeader) -> bool {
        header.frame_seq == self.expect.frame
            && header.first_event == self.expect.event
            && (header.prev_header_crc == self.expect.prev_header_crc || planted!(self.planted, IgnoreChain))
    }

    fn open_gap(&mut self, rejected_crc: Option<u32>) {
        if self.gap.is_none() {
            let (from_bytes, event_end) = (self.at_bytes, self.expect.event);
            self.gap = Some(OpenGap { from_bytes, event_end, rejected_crc });
        }
    }

    /// In a gap: whether the log goes on with this frame. Then the gap is closed and returned, and the frame is next.
    fn resume(&mut self, header: &FrameHeader, sum: u32) -> Option<Gap> {
        if self.gap.is_none() {
            if self.follows(header) {
                return None;
            }
            self.open_gap(Some(sum));
            if header.frame_seq == self.expect.frame {
                return None;
            }
        }
        let gap = self.gap.as_mut().expect("opened above if there was none");
        if gap.rejected_crc.is_some_and(|crc| crc == header.prev_header_crc) {
            gap.rejected_crc = Some(sum);
            return None;
        }
        self.durable_frame = self.durable_frame.max(header.durable_frame);
        if header.frame_seq <= self.expect.frame || header.first_event < self.expect.event {
            return None;
        }
        let gap = self.gap.take().expect("looked at above");
        let closed = self.gap_to(&gap, self.at_bytes, Some(header.frame_seq), header.first_event);
        self.expect = Expect {
            frame: header.frame_seq,
            event: header.first_event,
            prev_header_crc: header.prev_header_crc,
        };
        Some(closed)
    }

    fn gap_to(&self, gap: &OpenGap, to_bytes: u64, next_frame: Option<u64>, event_end: u64) -> Gap {
        Gap {
            bytes: gap.from_bytes..to_bytes,
            first_frame: self.expect.frame,
            next_frame,
            events: self.expect.event..event_end.max(self.expect.event),
        }
    }

    /// A part of a put whose beginning is missing: its events are lost, said once.
    fn orphaned(&mut self, header: &FrameHeader) -> Option<Gap> {
        let part = header.kind == Kind::Data && header.flags & FIRST == 0;
        if !part || self.continues(header) || self.orphan == Some(header.first_event) {
            return None;
        }
        self.orphan = Some(header.first_event);
        self.span = None;
        let end = header.first_event.saturating_add(u64::from(header.event_count));
        Some(Gap {
            bytes: self.at_bytes..self.at_bytes,
            first_frame: header.frame_seq,
            next_frame: Some(header.frame_seq),
            events: header.first_event..end,
        })
    }

    fn continues(&self, header: &FrameHeader) -> bool {
        let of = Span {
            first_event: header.first_event,
            event_count: header.event_count,
            next_offset: header.part_offset,
        };
        header.flags & FIRST != 0 || self.span == Some(of)
    }

    fn accept<'a>(&mut self, header: FrameHeader, sum: u32, body: &'a [u8]) -> Item<'a> {
        let at_bytes = self.at_bytes;
        let continues = self.continues(&header);
        self.at_bytes += header.extent_bytes();
        self.durable_frame = self.durable_frame.max(header.durable_frame);
        self.expect.frame += 1;
        self.expect.prev_header_crc = sum;
        if header.kind == Kind::Data {
            let next_offset = header.part_offset.saturating_add(header.raw_bytes);
            let span = Span { first_event: header.first_event, event_count: header.event_count, next_offset };
            self.span = (header.flags & LAST == 0 && continues).then_some(span);
            if header.flags & LAST != 0 {
                self.expect.event = self.expect.event.saturating_add(u64::from(header.event_count));
                self.orphan = None;
            }
        }
        Item::Frame { header, at_bytes, body, continues }
    }
}

/// Why bytes at a place are no frame; for reports.
pub fn why(seed: Seed, at_bytes: u64, bytes: &[u8]) -> Option<FormatError> {
    FrameHeader::decode(seed, at_bytes, bytes).err()
}
