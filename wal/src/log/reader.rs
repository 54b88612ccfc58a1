//! Reads frames back, from durable segments only, with the next part on its way while one is delivered.
//!
//! One cursor: it goes on where it stands when it is asked for the next event, else it seeks. Nothing else is kept of
//! what lies on the disk, so memory does not grow with the backlog.

use super::{
    fetch::Fetch,
    index::{Index, Segment},
    stock::Stock,
};
use crate::{
    Seq,
    canary::{Planted, planted},
    config::{Config, Limits},
    disk::{Done, IoBuf, Op},
    format::frame::{FIRST, FrameHeader, Kind, LAST},
    scan::{Gap, Item, Walker},
};
use std::ops::Range;

/// One put, as it was appended.
#[derive(Debug)]
pub struct ReadFrame<'a> {
    /// Its events.
    pub events: Range<Seq>,
    /// Seconds since 1970 when it was appended.
    pub wall_s: u32,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Bytes of a segment in memory.
struct Chunk<B> {
    epoch: u64,
    at_bytes: u64,
    len: usize,
    buf: B,
}

impl<B> Chunk<B> {
    fn covers(&self, epoch: u64, from: u64, bytes: u64) -> bool {
        self.epoch == epoch && self.at_bytes <= from && from + bytes <= self.at_bytes + self.len as u64
    }
}

struct Cursor {
    epoch: u64,
    walker: Walker,
    /// What the walker said it needs.
    need: (u64, u64),
}

/// Something on the way of the reader that is not a frame.
pub(crate) struct Found {
    pub(crate) epoch: u64,
    pub(crate) gap: Gap,
}

pub(crate) struct Reader<B> {
    limits: Limits,
    planted: Planted,
    pub(crate) stock: Stock<B>,
    cursor: Option<Cursor>,
    chunk: Option<Chunk<B>>,
    fetch: Option<(u64, Fetch<B>)>,
    /// What the owner waits for: from which event, how many bytes.
    request: Option<(Seq, u64)>,
    told: bool,
    /// The event that was sought last, until it is known whether the log still has it.
    sought: Option<Seq>,
    /// Parts of a put so far.
    parts: Vec<u8>,
    pub(crate) read_bytes: u64,
}

impl<B: IoBuf> Reader<B> {
    pub(crate) fn new(config: &Config) -> Reader<B> {
        let limits = config.limits.clone();
        Reader {
            stock: Stock::new(limits.read_buffers, limits.read_bytes as usize),
            limits,
            planted: config.planted(),
            cursor: None,
            chunk: None,
            fetch: None,
            request: None,
            told: false,
            sought: None,
            parts: Vec::new(),
            read_bytes: 0,
        }
    }

    /// Asks for puts from this event on. A request that was not answered yet is replaced.
    pub(crate) fn request(&mut self, from: Seq, max_bytes: u64, index: &Index) {
        self.request = Some((from, max_bytes));
        self.told = false;
        let sequential = self
            .cursor
            .as_ref()
            .is_some_and(|cursor| cursor.walker.expect().event == from && index.get(cursor.epoch).is_some());
        if !sequential {
            self.seek(from, index);
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.request.is_some()
    }

    /// Forgets everything read; keeps what the disk still has.
    pub(crate) fn rest(&mut self) {
        if self.request.is_none() {
            if let Some(chunk) = self.chunk.take() {
                self.stock.put(chunk.buf);
            }
            self.stock.trim(0);
        }
    }

    fn seek(&mut self, from: Seq, index: &Index) {
        self.parts = Vec::new();
        self.sought = Some(from);
        self.cursor = index.holding(from).map(|segment| {
            let (at_bytes, expect) = segment.start_for(from);
            let walker = Walker::new(segment.seed, at_bytes..segment.end_bytes, expect, None);
            Cursor { epoch: segment.header.epoch, walker: walker.with(self.planted), need: (at_bytes, 1) }
        });
    }

    /// The next read, if one is of use.
    pub(crate) fn op(&mut self, index: &mut Index) -> Option<Op<B>> {
        if self.fetch.is_none() {
            let cursor = self.cursor.as_ref()?;
            let (from, bytes) = cursor.need;
            if self.chunk.as_ref().is_some_and(|chunk| chunk.covers(cursor.epoch, from, bytes)) {
                return None;
            }
            // Without a request only the part that comes next is fetched, once: read-ahead.
            if self.request.is_none() && self.chunk.is_none() {
                return None;
            }
            let block = u64::from(self.limits.block_bytes);
            let at_bytes = from / block * block;
            let wanted = from + bytes - at_bytes;
            if wanted > u64::from(self.limits.read_bytes) {
                self.stock.enlarge(crate::format::round_up(wanted, block) as usize);
            }
            let segment = index.get_mut(cursor.epoch)?;
            // A torn tail may end inside a block.
            let len = crate::format::round_up(segment.end_bytes, block).saturating_sub(at_bytes);
            let len = len.min(u64::from(self.limits.read_bytes).max(crate::format::round_up(wanted, block)));
            if len == 0 {
                return None;
            }
            let buf = self.stock.take()?;
            segment.readers += 1;
            let fetch = Fetch::new(segment.header.slot, at_bytes, len as u32, block as u32, buf);
            self.fetch = Some((cursor.epoch, fetch));
        }
        self.fetch.as_mut()?.1.op()
    }

    /// A read came back.
    pub(crate) fn complete(&mut self, done: Done<B>, index: &mut Index) {
        let Some((epoch, fetch)) = &mut self.fetch else { return };
        let epoch = *epoch;
        let kept = fetch.done(done);
        if kept && !fetch.is_complete() {
            return;
        }
        let (_, fetch) = self.fetch.take().expect("looked at above");
        if let Some(segment) = index.get_mut(epoch) {
            segment.readers -= 1;
            segment.bad |= fetch.bad_blocks > 0;
        }
        let at_bytes = fetch.offset_bytes;
        let Some((buf, len)) = fetch.into_buf() else { return self.stock.lost() };
        self.read_bytes += len as u64;
        if let Some(old) = self.chunk.replace(Chunk { epoch, at_bytes, len, buf }) {
            self.stock.put(old.buf);
        }
    }

    /// Whether the owner should be told that something can be taken; once for each request.
    pub(crate) fn became_readable(&mut self, index: &Index, durable_event: Seq) -> bool {
        let Some((from, _)) = self.request else { return false };
        let ready = from >= durable_event
            || self.cursor.as_ref().is_none_or(|cursor| {
                let (at, bytes) = cursor.need;
                let at_end = index
                    .get(cursor.epoch)
                    .is_none_or(|segment| cursor.walker.at_bytes() >= segment.end_bytes);
                at_end || self.chunk.as_ref().is_some_and(|chunk| chunk.covers(cursor.epoch, at, bytes))
            });
        let news = ready && !self.told;
        self.told |= ready;
        news
    }

    /// Delivers what is in memory, at least one put unless more must be read first. Returns the event to ask for next
    /// when the request is answered.
    pub(crate) fn deliver(
        &mut self,
        index: &mut Index,
        durable_event: Seq,
        into: &mut dyn FnMut(ReadFrame<'_>),
        found: &mut Vec<Found>,
    ) -> Option<Seq> {
        let (from, max_bytes) = self.request?;
        if from >= durable_event {
            self.request = None;
            return Some(from);
        }
        let (mut delivered_bytes, mut next) = (0, None);
        loop {
            if self.cursor.is_none() {
                self.seek(next.unwrap_or(from), index);
            }
            let Some(cursor) = &mut self.cursor else {
                // No segment holds the event or a later one: all up to the durable end is gone.
                let events = next.unwrap_or(from)..durable_event;
                let gap = Gap { bytes: 0..0, first_frame: 0, next_frame: None, events };
                found.push(Found { epoch: 0, gap });
                next = Some(durable_event);
                break;
            };
            let begins = cursor.walker.expect().event;
            if let Some(skipped) = self.sought.take().filter(|sought| *sought < begins) {
                let gap = Gap { bytes: 0..0, first_frame: 0, next_frame: None, events: skipped..begins };
                found.push(Found { epoch: cursor.epoch, gap });
                next = Some(begins);
            }
            let Some(segment) = index.get_mut(cursor.epoch) else {
                self.cursor = None;
                continue;
            };
            cursor.walker.extend(segment.end_bytes);
            let nothing: (&[u8], u64) = (&[], cursor.walker.at_bytes());
            let (bytes, at) = match &self.chunk {
                Some(chunk) if chunk.epoch == cursor.epoch => {
                    (&chunk.buf.as_ref()[..chunk.len], chunk.at_bytes)
                }
                _ => nothing,
            };
            let before = cursor.walker.expect();
            match cursor.walker.next(bytes, at) {
                Item::Need { from_bytes, at_least_bytes } => {
                    cursor.need = (from_bytes, at_least_bytes);
                    if delivered_bytes == 0 {
                        // Nothing yet: the owner is told again when there is.
                        self.told = false;
                        return None;
                    }
                    break;
                }
                Item::Gap(gap) => {
                    let end = match gap.next_frame {
                        Some(_) => gap.events.end,
                        None => {
                            index.after(cursor.epoch).map_or(durable_event, |after| after.header.first_event)
                        }
                    };
                    let clipped = gap.events.start.max(from)..end.max(from);
                    let gap = Gap { events: clipped, ..gap };
                    next = Some(gap.events.end.max(next.unwrap_or(from)));
                    found.push(Found { epoch: cursor.epoch, gap });
                }
                Item::End => {
                    let epoch = cursor.epoch;
                    let expect = cursor.walker.expect().event;
                    let span = cursor.walker.span();
                    let Some(after) = index.after(epoch) else {
                        // Nothing lies behind it, so what is still missing up to the durable end is gone.
                        if expect < durable_event {
                            let events = expect.max(from)..durable_event;
                            let gap = Gap { bytes: 0..0, first_frame: 0, next_frame: None, events };
                            found.push(Found { epoch, gap });
                        }
                        cursor.need = (cursor.walker.at_bytes(), 1);
                        next = Some(durable_event);
                        break;
                    };
                    if expect < after.header.first_event {
                        let events = expect.max(from)..after.header.first_event;
                        next = Some(events.end.max(next.unwrap_or(from)));
                        found.push(Found { epoch, gap: missing(after, events) });
                    }
                    let range = after.usable().start..after.end_bytes;
                    let walker = Walker::new(after.seed, range, after.first(), span).with(self.planted);
                    let need = (walker.at_bytes(), 1);
                    self.cursor = Some(Cursor { epoch: after.header.epoch, walker, need });
                }
                Item::Frame { header, at_bytes, body, continues } => {
                    cursor.need = (cursor.walker.at_bytes(), 1);
                    if header.kind != Kind::Data {
                        continue;
                    }
                    if header.flags & FIRST != 0 {
                        segment.sample(at_bytes, before);
                    }
                    let events = header.first_event..header.first_event + u64::from(header.event_count);
                    let whole = assemble(&mut self.parts, &self.limits, &header, body, continues)
                        || planted!(self.planted, DeliverOpenSpan);
                    if !whole || events.end <= from {
                        continue;
                    }
                    let alone = header.flags & (FIRST | LAST) == FIRST | LAST;
                    let payload = if alone { body } else { &self.parts };
                    next = Some(events.end);
                    delivered_bytes += payload.len().max(1) as u64;
                    into(ReadFrame { events, wall_s: header.wall_s, payload });
                    self.parts = Vec::new();
                    if delivered_bytes >= max_bytes {
                        break;
                    }
                }
            }
        }
        self.request = None;
        Some(next.unwrap_or(from))
    }
}

/// Collects the parts of a put; true when this one completes it.
fn assemble(
    parts: &mut Vec<u8>,
    limits: &Limits,
    header: &FrameHeader,
    body: &[u8],
    continues: bool,
) -> bool {
    if header.flags & FIRST != 0 {
        parts.clear();
    }
    if header.flags & (FIRST | LAST) == FIRST | LAST {
        return true;
    }
    if !continues || parts.len() + body.len() > limits.put_bytes as usize {
        parts.clear();
        return false;
    }
    parts.extend_from_slice(body);
    header.flags & LAST != 0
}

/// Events that lie in no segment.
fn missing(after: &Segment, events: Range<u64>) -> Gap {
    let frame = after.header.first_frame;
    Gap { bytes: 0..0, first_frame: frame, next_frame: Some(frame), events }
}
