//! Gathers puts into commits: what is appended is copied into the commit that is being filled, until it is full or its
//! turn comes.

use super::{
    acks::Acks,
    commit::{Commit, Facts, Part},
    stock::Stock,
};
use crate::{
    AppendError, Tick,
    config::{Config, Limits},
    disk::IoBuf,
    format::{
        ack,
        checkpoint::Place,
        frame::{FIRST, Kind, LAST},
    },
};
use std::{collections::VecDeque, io::IoSlice, ops::Range};

/// A put that arrives in pieces.
struct Large {
    events: u32,
    total_bytes: u32,
    done_bytes: u32,
    wall_s: u32,
}

pub(crate) struct Gather<B> {
    limits: Limits,
    linger: Tick,
    pub(crate) stock: Stock<B>,
    open: Option<Commit<B>>,
    /// Closed, waiting for their turn.
    sealed: VecDeque<Commit<B>>,
    next_frame: u64,
    next_event: u64,
    large: Option<Large>,
}

impl<B: IoBuf> Gather<B> {
    /// Gathers what comes after `place`.
    pub(crate) fn new(config: &Config, place: Place) -> Gather<B> {
        let limits = config.limits.clone();
        Gather {
            stock: Stock::new(limits.commit_buffers, limits.commit_bytes as usize).eager(),
            limits,
            linger: config.linger,
            open: None,
            sealed: VecDeque::new(),
            next_frame: place.frame,
            next_event: place.event,
            large: None,
        }
    }

    pub(crate) fn next_event(&self) -> u64 {
        self.next_event
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_none() && self.sealed.is_empty()
    }

    pub(crate) fn has_large(&self) -> bool {
        self.large.is_some()
    }

    /// Whether one more commit would have a buffer, and one of `places` in segments.
    pub(crate) fn has_room(&self, places: usize) -> bool {
        self.check_room(1, places).is_ok()
    }

    /// The next commit.
    pub(crate) fn first(&self) -> Option<&Facts> {
        self.sealed.front().map(|commit| &commit.facts)
    }

    pub(crate) fn pop(&mut self) -> Option<Commit<B>> {
        self.sealed.pop_front()
    }

    /// A commit that was sent comes back, to be sent again before all others.
    pub(crate) fn put_back(&mut self, commit: Commit<B>) {
        self.sealed.push_front(commit);
    }

    /// Adds a put; returns its events. `places`: commits of full size that surely fit into segments.
    pub(crate) fn append(
        &mut self,
        payload: &[IoSlice<'_>],
        events: u32,
        places: usize,
        now: Tick,
        wall_s: u32,
        acks: &mut Acks,
    ) -> Result<Range<u64>, AppendError> {
        assert!(events > 0, "a put has events");
        let bytes = payload.iter().map(|slice| slice.len()).sum::<usize>();
        let frame_bytes = self.limits.frame_payload_bytes();
        if bytes > frame_bytes {
            let buffers = 1 + bytes.div_ceil(frame_bytes);
            if buffers > self.limits.commit_buffers {
                let limit_bytes = (self.limits.commit_buffers - 1) * frame_bytes;
                return Err(AppendError::TooLarge { bytes, limit_bytes });
            }
            self.check_put(bytes)?;
            self.check_room(buffers, places)?;
            let range = self.begin_large(bytes, events, wall_s)?;
            for slice in payload {
                let taken = self.push_large(slice, places, now, acks);
                assert_eq!(taken, slice.len(), "room was looked for");
            }
            return Ok(range);
        }
        self.check_put(bytes)?;
        if self.open.as_ref().is_none_or(|open| open.room() < bytes) {
            self.check_room(1, places)?;
            self.close_open(acks, wall_s);
            self.start_open(now);
        }
        let open = self.open.as_mut().expect("made above");
        let part = Part {
            kind: Kind::Data,
            flags: FIRST | LAST,
            first_event: self.next_event,
            event_count: events,
            part_offset: 0,
            wall_s,
        };
        open.push(&part, payload);
        let range = self.next_event..self.next_event + u64::from(events);
        self.next_event = range.end;
        open.facts.end_event = range.end;
        open.facts.open_span_events = 0;
        open.facts.puts += 1;
        open.facts.payload_bytes += bytes as u64;
        Ok(range)
    }

    fn check_put(&self, bytes: usize) -> Result<(), AppendError> {
        if bytes > self.limits.put_bytes as usize {
            return Err(AppendError::TooLarge { bytes, limit_bytes: self.limits.put_bytes as usize });
        }
        if self.large.is_some() { Err(AppendError::Busy) } else { Ok(()) }
    }

    /// Whether so many more commits have buffers and surely find a place in segments.
    fn check_room(&self, commits: usize, places: usize) -> Result<(), AppendError> {
        let unplaced = self.sealed.len() + usize::from(self.open.is_some());
        if unplaced + commits > places {
            return Err(AppendError::NoSlot);
        }
        if self.stock.free() < commits { Err(AppendError::Busy) } else { Ok(()) }
    }

    /// Begins a put that arrives in pieces.
    pub(crate) fn begin_large(
        &mut self,
        bytes: usize,
        events: u32,
        wall_s: u32,
    ) -> Result<Range<u64>, AppendError> {
        assert!(events > 0 && bytes > 0, "a put has events and bytes");
        self.check_put(bytes)?;
        self.large = Some(Large { events, total_bytes: bytes as u32, done_bytes: 0, wall_s });
        Ok(self.next_event..self.next_event + u64::from(events))
    }

    /// Takes as much of a piece as there is room for now.
    pub(crate) fn push_large(
        &mut self,
        mut piece: &[u8],
        places: usize,
        now: Tick,
        acks: &mut Acks,
    ) -> usize {
        let mut taken = 0;
        while let Some(large) = &self.large
            && !piece.is_empty()
        {
            let (wall_s, frame_bytes) = (large.wall_s, self.limits.frame_payload_bytes());
            // A part below a tenth of a commit is not worth its header, unless it is all there is.
            let useful = piece.len().min(frame_bytes / 10).max(1);
            if self.open.as_ref().is_none_or(|open| open.room() < useful) {
                if self.check_room(1, places).is_err() {
                    break;
                }
                self.close_open(acks, wall_s);
                self.start_open(now);
            }
            let open = self.open.as_mut().expect("made above");
            let large = self.large.as_mut().expect("looked at above");
            let part_bytes = piece.len().min(open.room()).min(frame_bytes);
            let (part_body, rest) = piece.split_at(part_bytes);
            let done_bytes = large.done_bytes + part_bytes as u32;
            assert!(done_bytes <= large.total_bytes, "more pieces than were announced");
            let last = done_bytes == large.total_bytes;
            let first = large.done_bytes == 0;
            let part = Part {
                kind: Kind::Data,
                flags: if first { FIRST } else { 0 } | if last { LAST } else { 0 },
                first_event: self.next_event,
                event_count: large.events,
                part_offset: large.done_bytes,
                wall_s,
            };
            open.push(&part, &[IoSlice::new(part_body)]);
            open.facts.payload_bytes += part_bytes as u64;
            open.facts.open_span_events = if last { 0 } else { large.events };
            large.done_bytes = done_bytes;
            if last {
                self.next_event += u64::from(large.events);
                open.facts.end_event = self.next_event;
                open.facts.puts += 1;
                self.large = None;
            }
            taken += part_bytes;
            piece = rest;
        }
        taken
    }

    /// Gives a put up that arrived only in part: what is written of it never counts.
    pub(crate) fn abandon_large(&mut self) {
        self.large = None;
    }

    fn start_open(&mut self, now: Tick) {
        let buf = self.stock.take();
        let Some(buf) = buf else { return };
        let limit = self.limits.commit_bytes as usize;
        let span = self.large.as_ref().filter(|large| large.done_bytes > 0).map_or(0, |large| large.events);
        self.open = Some(Commit::new(buf, limit, self.next_frame, self.next_event, span, now));
    }

    /// Nothing more goes into the open commit: acknowledgements ride along, padding ends it.
    fn close_open(&mut self, acks: &mut Acks, wall_s: u32) {
        let Some(mut open) = self.open.take() else { return };
        let ranges = acks.pending_ranges().min(ack::ranges_in(open.room()));
        if ranges > 0 {
            let (ranges, ticket) = acks.take(ranges);
            let mut body = vec![0; ack::payload_bytes(ranges.len())];
            ack::encode(acks.set().low(), &ranges, &mut body);
            let part = Part {
                kind: Kind::Ack,
                flags: FIRST | LAST,
                first_event: open.facts.end_event,
                event_count: 0,
                part_offset: 0,
                wall_s,
            };
            open.push(&part, &[IoSlice::new(&body)]);
            open.facts.ack_ticket = ticket;
        }
        open.close(self.limits.block_bytes, wall_s);
        self.next_frame = open.facts.end_frame;
        self.sealed.push_back(open);
    }

    /// Ends the log with a frame that confirms everything before it. False for want of a buffer.
    pub(crate) fn push_seal(&mut self, now: Tick, wall_s: u32) -> bool {
        self.start_open(now);
        let Some(open) = &mut self.open else { return false };
        let first_event = open.facts.end_event;
        let flags = FIRST | LAST;
        let part = Part { kind: Kind::Seal, flags, first_event, event_count: 0, part_offset: 0, wall_s };
        open.push(&part, &[]);
        open.close(self.limits.block_bytes, wall_s);
        self.next_frame = open.facts.end_frame;
        self.sealed.extend(self.open.take());
        true
    }

    /// When the open commit goes although nothing happens; `idle` if nothing is with the disk.
    pub(crate) fn deadline(&self, idle: bool) -> Option<Tick> {
        let open = self.open.as_ref().filter(|open| !open.is_empty())?;
        (self.linger > 0 && idle && self.sealed.is_empty()).then(|| open.facts.began + self.linger)
    }

    /// Closes the open commit if no other waits and its turn has come: it is three quarters full, or nothing is with
    /// the disk and it has lingered long enough.
    pub(crate) fn close_due(&mut self, now: Tick, idle: bool, acks: &mut Acks, wall_s: u32) {
        let due = self.open.as_ref().is_some_and(|open| {
            let full = open.facts.len * 4 >= self.limits.commit_bytes as usize * 3;
            let waited = idle && now >= open.facts.began.saturating_add(self.linger);
            !open.is_empty() && (full || waited)
        });
        if due && self.sealed.is_empty() {
            self.close_open(acks, wall_s);
        }
    }

    /// Commits go at once from now on.
    pub(crate) fn end_linger(&mut self) {
        self.linger = 0;
    }
}
