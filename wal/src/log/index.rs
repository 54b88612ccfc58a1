//! Which segments there are, which events they hold, and where to begin looking for one.

use crate::{
    Tick,
    acks::AckSet,
    format::{
        checkpoint::{Place, SlotEntry},
        frame::Seed,
        segment::SegmentHeader,
    },
    scan::Expect,
};
use std::{collections::BTreeMap, ops::Range};

/// Positions remembered in a segment: a search reads at most 1/64 of it.
const SAMPLES: u64 = 64;

/// A position in a segment where a put begins.
#[derive(Debug, Clone, Copy)]
struct Sample {
    offset_bytes: u64,
    expect: Expect,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) seed: Seed,
    /// The file's size, which a damaged disk may have made smaller than the header says.
    pub(crate) size_bytes: u64,
    /// Everything before is durable.
    pub(crate) end_bytes: u64,
    /// Something other than a scan told the end.
    pub(crate) end_known: bool,
    /// All its events are below. A put that goes on in the next segment is one of its events.
    pub(crate) end_event: u64,
    /// Reads on their way or delivered from.
    pub(crate) readers: u32,
    /// A write failed, or a read: never written again.
    pub(crate) bad: bool,
    /// When all of it was acknowledged.
    pub(crate) settled_at: Option<Tick>,
    samples: Vec<Sample>,
}

impl Segment {
    pub(crate) fn new(header: SegmentHeader, size_bytes: u64) -> Segment {
        Segment {
            seed: Seed::new(header.epoch, header.salt, header.slot),
            size_bytes,
            end_bytes: u64::from(header.block_bytes),
            end_event: header.first_event + u64::from(header.span_events),
            end_known: false,
            readers: 0,
            bad: false,
            settled_at: None,
            samples: Vec::new(),
            header,
        }
    }

    /// Where frames may be.
    pub(crate) fn usable(&self) -> Range<u64> {
        let block = u64::from(self.header.block_bytes);
        block..self.header.size_bytes.saturating_sub(block).max(block)
    }

    pub(crate) fn events(&self) -> Range<u64> {
        self.header.first_event..self.end_event
    }

    /// What must come at its beginning.
    pub(crate) fn first(&self) -> Expect {
        Expect {
            frame: self.header.first_frame,
            event: self.header.first_event,
            prev_header_crc: self.header.prev_header_crc,
        }
    }

    /// Remembers that a put begins here, if the last remembered place is far enough away.
    pub(crate) fn sample(&mut self, offset_bytes: u64, expect: Expect) {
        let step = self.header.size_bytes / SAMPLES;
        let last = self.samples.last().map_or(0, |sample| sample.offset_bytes);
        if offset_bytes >= last + step {
            self.samples.push(Sample { offset_bytes, expect });
        }
    }

    /// The last place known to be at or before this event.
    pub(crate) fn start_for(&self, event: u64) -> (u64, Expect) {
        let after = self.samples.partition_point(|sample| sample.expect.event <= event);
        match after.checked_sub(1).map(|at| self.samples[at]) {
            Some(sample) => (sample.offset_bytes, sample.expect),
            None => (u64::from(self.header.block_bytes), self.first()),
        }
    }
}

/// All segments that hold frames, by epoch.
#[derive(Debug, Default)]
pub(crate) struct Index {
    segments: BTreeMap<u64, Segment>,
}

impl Index {
    pub(crate) fn get(&self, epoch: u64) -> Option<&Segment> {
        self.segments.get(&epoch)
    }

    pub(crate) fn get_mut(&mut self, epoch: u64) -> Option<&mut Segment> {
        self.segments.get_mut(&epoch)
    }

    pub(crate) fn insert(&mut self, segment: Segment) {
        let epoch = segment.header.epoch;
        assert!(self.segments.insert(epoch, segment).is_none(), "epoch {epoch} is used twice");
    }

    pub(crate) fn remove(&mut self, epoch: u64) -> Option<Segment> {
        self.segments.remove(&epoch)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The segment after this epoch.
    pub(crate) fn after(&self, epoch: u64) -> Option<&Segment> {
        self.segments.range(epoch + 1..).next().map(|(_, segment)| segment)
    }

    /// The first segment that may hold this event or a later one.
    pub(crate) fn holding(&self, event: u64) -> Option<&Segment> {
        self.segments.values().find(|segment| segment.end_event > event)
    }

    /// Bytes of all segments.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.size_bytes).sum()
    }

    /// The segments whose events are all in `acks` and which lie before `scan_from`.
    pub(crate) fn settled<'a>(
        &'a self,
        acks: &'a AckSet,
        scan_from: Place,
    ) -> impl Iterator<Item = &'a Segment> {
        let before = self.segments.range(..scan_from.epoch).map(|(_, segment)| segment);
        before.filter(|segment| acks.covers(&segment.events()))
    }

    /// Entries for a checkpoint, newest first.
    pub(crate) fn entries(&self, active_epoch: Option<u64>) -> impl Iterator<Item = SlotEntry> + '_ {
        self.segments.values().rev().map(move |segment| SlotEntry {
            slot: segment.header.slot,
            span_events: segment.header.span_events,
            epoch: segment.header.epoch,
            salt: segment.header.salt,
            first_frame: segment.header.first_frame,
            first_event: segment.header.first_event,
            prev_header_crc: segment.header.prev_header_crc,
            end_bytes: if active_epoch == Some(segment.header.epoch) { 0 } else { segment.end_bytes },
        })
    }
}
