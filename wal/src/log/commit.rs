//! One commit: frames gathered in a buffer, padded to whole blocks, given its place when it is sent.

use crate::{
    Tick,
    disk::IoBuf,
    format::{
        frame::{self, FrameHeader, HEADER_BYTES, Kind, Seed},
        round_up,
    },
};
use std::io::IoSlice;

/// What a commit is, apart from its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) len: usize,
    pub(crate) first_frame: u64,
    /// The next frame after it.
    pub(crate) end_frame: u64,
    /// The next event after its complete puts.
    pub(crate) end_event: u64,
    /// Events of the put that is not complete at its end; 0 for none.
    pub(crate) open_span_events: u32,
    /// Complete puts.
    pub(crate) puts: u32,
    pub(crate) payload_bytes: u64,
    /// All acknowledgements up to this ticket are durable when it is.
    pub(crate) ack_ticket: Option<u64>,
    pub(crate) began: Tick,
}

pub(crate) struct Commit<B> {
    buf: B,
    limit: usize,
    closed: bool,
    pub(crate) facts: Facts,
}

/// What of a header the caller decides.
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) first_event: u64,
    pub(crate) event_count: u32,
    pub(crate) part_offset: u32,
    pub(crate) wall_s: u32,
}

impl<B: IoBuf> Commit<B> {
    /// An empty commit of at most `limit` bytes that begins with this frame and event, inside a put of `span_events`.
    pub(crate) fn new(
        buf: B,
        limit: usize,
        frame: u64,
        event: u64,
        span_events: u32,
        now: Tick,
    ) -> Commit<B> {
        let facts = Facts {
            len: 0,
            first_frame: frame,
            end_frame: frame,
            end_event: event,
            open_span_events: span_events,
            puts: 0,
            payload_bytes: 0,
            ack_ticket: None,
            began: now,
        };
        Commit { buf, limit, closed: false, facts }
    }

    /// A closed commit whose buffer came back from the disk.
    pub(crate) fn restore(buf: B, facts: Facts) -> Commit<B> {
        Commit { buf, limit: facts.len, closed: true, facts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.len == 0
    }

    /// The largest body that still fits.
    pub(crate) fn room(&self) -> usize {
        (self.limit - self.facts.len).saturating_sub(HEADER_BYTES)
    }

    /// Adds a frame with this body, which must fit.
    pub(crate) fn push(&mut self, part: &Part, body: &[IoSlice<'_>]) {
        let stored = body.iter().map(|slice| slice.len()).sum::<usize>();
        assert!(!self.closed && stored <= self.room(), "the caller looked for room first");
        let crc = frame::body_crc(body.iter().map(|slice| &slice[..]));
        let mut rest = self.head(part, stored, crc);
        for slice in body {
            let (here, behind) = rest.split_at_mut(slice.len());
            here.copy_from_slice(slice);
            rest = behind;
        }
        rest.fill(0);
    }

    /// Pads to whole blocks: from now on nothing changes but the place.
    pub(crate) fn close(&mut self, block_bytes: u32, wall_s: u32) {
        let padding = round_up(self.facts.len as u64, u64::from(block_bytes)) as usize - self.facts.len;
        if padding > 0 {
            let first_event = self.facts.end_event;
            let part =
                Part { kind: Kind::Pad, flags: 0, first_event, event_count: 0, part_offset: 0, wall_s };
            // The padding has no checksum: nobody uses it, so a flipped bit in it is harmless.
            self.head(&part, padding - HEADER_BYTES, 0).fill(0);
        }
        self.closed = true;
    }

    /// Writes a header at the end and returns the space of its body, rounded up.
    fn head(&mut self, part: &Part, stored: usize, body_crc: u32) -> &mut [u8] {
        let header = FrameHeader {
            frame_seq: self.facts.end_frame,
            first_event: part.first_event,
            durable_frame: 0,
            stored_bytes: stored as u32,
            raw_bytes: stored as u32,
            event_count: part.event_count,
            part_offset: part.part_offset,
            body_crc,
            prev_header_crc: 0,
            kind: part.kind,
            flags: part.flags,
            wall_s: part.wall_s,
        };
        let from = self.facts.len;
        self.facts.len += header.extent_bytes() as usize;
        self.facts.end_frame += 1;
        let into = &mut self.buf.as_mut()[from..self.facts.len];
        let (head, rest) = into.split_first_chunk_mut().expect("the extent begins with a header");
        header.encode(head);
        rest
    }

    /// Gives every frame its place in a segment; returns the checksum of the last header. Can be done again for
    /// another segment.
    pub(crate) fn place(&mut self, seed: Seed, offset_bytes: u64, durable_frame: u64, prev_crc: u32) -> u32 {
        assert!(self.closed, "only closed commits are sent");
        let (mut at, mut crc) = (0, prev_crc);
        while at < self.facts.len {
            let frame = &mut self.buf.as_mut()[at..];
            crc = frame::seal(seed, offset_bytes + at as u64, durable_frame, crc, frame);
            at += frame::extent_of(frame) as usize;
        }
        crc
    }

    /// Its bytes, for an operation; [`Commit::restore`] makes it a commit again.
    pub(crate) fn lend(self) -> (B, Facts) {
        (self.buf, self.facts)
    }
}
