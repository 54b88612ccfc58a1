//! What the checkpoints and headers say together: which segments there are, in what order, and where to begin. Pure.

use super::expect_at;
use crate::{
    AckSet, Config, Damage, OpenError,
    disk::{Fault, SlotFile},
    format::{
        FormatError, LogId,
        checkpoint::{Checkpoint, Place, SlotEntry},
        segment::SegmentHeader,
    },
    log::{Aside, Covered, Slot, index::Segment},
    scan::{Expect, Span},
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// After a header could not be read its epoch is unknown: new ones begin far above.
const EPOCH_LEAP: u64 = 1 << 20;

/// A checkpoint's entry does not say which segment came before.
const UNKNOWN_EPOCH: u64 = u64::MAX;

/// What stands where a segment header should.
#[derive(Debug, Clone, Copy)]
pub(super) enum HeaderFound {
    /// A header; from the second copy if not `first`.
    Good {
        header: SegmentHeader,
        first: bool,
    },
    /// None was ever written.
    Blank,
    Damaged(FormatError),
    Unreadable(Fault),
}

impl HeaderFound {
    pub(super) fn of(block: &[u8], slot: u32, copy: u8) -> HeaderFound {
        match super::read_header(block, slot, copy) {
            Ok(header) => HeaderFound::Good { header, first: copy == 0 },
            Err(FormatError::Magic) if block.iter().all(|byte| *byte == 0) => HeaderFound::Blank,
            Err(error) => HeaderFound::Damaged(error),
        }
    }

    /// Nothing more is to be learned from the other copy.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            HeaderFound::Good { .. } | HeaderFound::Damaged(FormatError::Unsupported { .. }) => true,
            HeaderFound::Blank | HeaderFound::Damaged(_) | HeaderFound::Unreadable(_) => false,
        }
    }

    /// This one is the second copy; `first` was no good.
    pub(super) fn after(self, first: HeaderFound) -> HeaderFound {
        match (self, first) {
            (HeaderFound::Good { .. }, _) => self,
            (HeaderFound::Damaged(FormatError::Unsupported { .. }), _) => self,
            (_, HeaderFound::Unreadable(fault)) | (HeaderFound::Unreadable(fault), _) => {
                HeaderFound::Unreadable(fault)
            }
            (HeaderFound::Blank, HeaderFound::Blank) => HeaderFound::Blank,
            (HeaderFound::Damaged(error), _) | (_, HeaderFound::Damaged(error)) => {
                HeaderFound::Damaged(error)
            }
            (_, HeaderFound::Good { .. }) => first,
        }
    }
}

/// Where and with what the scan begins.
pub(super) struct Plan {
    pub(super) log_id: LogId,
    pub(super) is_new: bool,
    pub(super) was_closed: bool,
    /// By epoch.
    pub(super) segments: Vec<Segment>,
    /// The first segment to scan.
    pub(super) start: usize,
    /// Where in it; 0 for its beginning.
    pub(super) start_bytes: u64,
    pub(super) start_epoch: u64,
    pub(super) start_expect: Expect,
    pub(super) span: Option<Span>,
    pub(super) acks: AckSet,
    /// What the checkpoint calls durable.
    pub(super) durable: Place,
    pub(super) max_epoch: u64,
    pub(super) generation: u64,
    pub(super) next_copy: u8,
    pub(super) copies: [Option<Covered>; 2],
    pub(super) ready: Vec<Slot>,
    pub(super) discard: Vec<Slot>,
    pub(super) kept: Vec<u32>,
    pub(super) remarks: Vec<String>,
    /// Files whose headers are lost and which are copied aside before they are removed.
    lost: Vec<Slot>,
}

impl Plan {
    /// What is copied aside: damaged ranges, and files that nobody can explain.
    pub(super) fn aside(&self, damage: &[Damage]) -> Vec<Aside> {
        let ranges = damage.iter().filter(|damage| !damage.bytes.is_empty()).map(|damage| Aside {
            epoch: damage.epoch,
            slot: damage.slot,
            bytes: damage.bytes.clone(),
            why: super::describe(damage),
        });
        let files = self.lost.iter().map(|slot| Aside {
            epoch: 0,
            slot: slot.number,
            bytes: 0..slot.size_bytes,
            why: format!("segment seg-{:08}: both copies of its header are damaged", slot.number),
        });
        ranges.chain(files).collect()
    }
}

pub(super) fn survey(
    config: &Config,
    checkpoints: [Result<Checkpoint, FormatError>; 2],
    files: Vec<(SlotFile, HeaderFound)>,
) -> Result<Plan, OpenError> {
    let mut remarks = Vec::new();
    for (copy, found) in checkpoints.iter().enumerate() {
        match found {
            Err(source @ FormatError::Unsupported { .. }) => {
                return Err(OpenError::Unsupported { what: "the checkpoint".to_owned(), source: *source });
            }
            Err(FormatError::Magic) | Ok(_) => {}
            Err(error) => remarks.push(format!("checkpoint copy {copy} is damaged: {error}")),
        }
    }
    let copies = checkpoints.each_ref().map(|found| found.as_ref().ok().map(covered));
    let best =
        checkpoints.iter().filter_map(|found| found.as_ref().ok()).max_by_key(|found| found.generation);
    let newest_copy = checkpoints
        .iter()
        .position(|found| {
            found.as_ref().ok().map(|found| found.generation) == best.map(|best| best.generation)
        })
        .filter(|_| best.is_some());
    let log_id = whose(config, best, &files)?;
    let mut sorted = Sorted::new(config, log_id, best, &files, &mut remarks)?;
    sorted.drop_superseded(&mut remarks);
    let acks = match best {
        Some(best) => {
            let mut acks = AckSet::below(best.low_watermark);
            best.ranges.iter().for_each(|range| {
                acks.insert(range.clone());
            });
            acks
        }
        None => AckSet::below(sorted.oldest_event()),
    };
    let unreadable = sorted.unreadable > 0;
    let Sorted { segments, ready, discard, kept, lost, max_epoch, .. } = sorted;
    let segments = with_ends(segments, best);
    let mut plan = Plan {
        log_id,
        is_new: best.is_none() && segments.is_empty() && files.is_empty(),
        was_closed: best.is_some_and(|best| best.clean),
        start: 0,
        start_bytes: 0,
        start_epoch: 0,
        start_expect: segments
            .first()
            .map_or(Expect { frame: 1, event: acks.low(), prev_header_crc: 0 }, Segment::first),
        span: None,
        acks,
        durable: best.map(|best| best.durable).unwrap_or_default(),
        max_epoch: max_epoch + if unreadable { EPOCH_LEAP } else { 0 },
        generation: best.map_or(0, |best| best.generation),
        next_copy: newest_copy.map_or(0, |copy| 1 - copy as u8),
        copies,
        ready,
        discard,
        kept,
        lost,
        remarks,
        segments,
    };
    if let Some(best) = best {
        plan.start_at(best.scan_from);
    }
    Ok(plan)
}

impl Plan {
    /// The scan begins at the checkpoint's place, or with the first segment behind it.
    fn start_at(&mut self, place: Place) {
        self.start = self.segments.partition_point(|segment| segment.header.epoch < place.epoch);
        self.start_expect = expect_at(&place);
        self.start_epoch = place.epoch;
        let here = self.segments.get(self.start).is_some_and(|segment| segment.header.epoch == place.epoch);
        self.start_bytes = if here { place.offset_bytes } else { 0 };
    }
}

fn covered(checkpoint: &Checkpoint) -> Covered {
    let mut acks = AckSet::below(checkpoint.low_watermark);
    checkpoint.ranges.iter().for_each(|range| {
        acks.insert(range.clone());
    });
    Covered { acks, scan_from: checkpoint.scan_from }
}

/// The log's name: the checkpoint's, else that of the newest segment, else a new one.
fn whose(
    config: &Config,
    best: Option<&Checkpoint>,
    files: &[(SlotFile, HeaderFound)],
) -> Result<LogId, OpenError> {
    let headers = files.iter().filter_map(|(_, found)| match found {
        HeaderFound::Good { header, .. } => Some(header),
        _ => None,
    });
    let newest = headers.clone().max_by_key(|header| header.epoch);
    match (best, newest) {
        (Some(best), Some(newest)) if newest.epoch > 0 => {
            if headers.clone().all(|header| header.log_id != best.log_id) {
                return Err(OpenError::Foreign { checkpoint: best.log_id, segments: newest.log_id });
            }
            Ok(best.log_id)
        }
        (Some(best), _) => Ok(best.log_id),
        (None, Some(newest)) => Ok(newest.log_id),
        (None, None) => Ok(config.new_log_id),
    }
}

/// The files, by what is to be done with them.
struct Sorted {
    segments: BTreeMap<u64, Segment>,
    ready: Vec<Slot>,
    discard: Vec<Slot>,
    kept: Vec<u32>,
    lost: Vec<Slot>,
    unreadable: usize,
    max_epoch: u64,
}

impl Sorted {
    fn new(
        config: &Config,
        log_id: LogId,
        best: Option<&Checkpoint>,
        files: &[(SlotFile, HeaderFound)],
        remarks: &mut Vec<String>,
    ) -> Result<Sorted, OpenError> {
        let mut sorted = Sorted {
            segments: BTreeMap::new(),
            ready: Vec::new(),
            discard: Vec::new(),
            kept: Vec::new(),
            lost: Vec::new(),
            unreadable: 0,
            max_epoch: best.map_or(0, |best| best.max_epoch),
        };
        for (file, found) in files {
            let slot = Slot { number: file.slot, size_bytes: file.size_bytes };
            let name = format!("segment seg-{:08}", file.slot);
            match found {
                HeaderFound::Good { header, .. } if header.log_id != log_id => {
                    remarks.push(format!("{name} belongs to log {} and is left alone", header.log_id));
                    sorted.kept.push(file.slot);
                }
                HeaderFound::Good { header, .. } if header.block_bytes != config.limits.block_bytes => {
                    return Err(OpenError::Limits(format!(
                        "{name} was written with blocks of {} bytes, this log has blocks of {} bytes",
                        header.block_bytes, config.limits.block_bytes
                    )));
                }
                HeaderFound::Good { header, first } => {
                    if !first {
                        remarks.push(format!("{name}: the first copy of its header is damaged"));
                    }
                    sorted.add(*header, slot, remarks);
                }
                HeaderFound::Damaged(source @ FormatError::Unsupported { .. }) => {
                    return Err(OpenError::Unsupported { what: name, source: *source });
                }
                HeaderFound::Blank | HeaderFound::Damaged(_) => {
                    sorted.headless(config, log_id, best, slot, found, remarks);
                }
                HeaderFound::Unreadable(fault) => {
                    remarks.push(format!("{name} cannot be read and is left alone: {fault}"));
                    sorted.unreadable += 1;
                    sorted.kept.push(file.slot);
                    if sorted.unreadable == files.len() {
                        return Err(OpenError::Unreadable { fault: *fault });
                    }
                }
            }
        }
        Ok(sorted)
    }

    /// A file without a header: the checkpoint may remember it. If not, it is a slot that was never finished, or one
    /// that nobody can explain and that is copied aside.
    fn headless(
        &mut self,
        config: &Config,
        log_id: LogId,
        best: Option<&Checkpoint>,
        slot: Slot,
        found: &HeaderFound,
        remarks: &mut Vec<String>,
    ) {
        let name = format!("segment seg-{:08}", slot.number);
        let why = match found {
            HeaderFound::Damaged(error) => error.to_string(),
            _ => "blank".to_owned(),
        };
        match best.and_then(|best| remembered(best, slot.number)) {
            Some(entry) => {
                remarks.push(format!("{name}: its headers are gone ({why}), the checkpoint has them"));
                let header = from_entry(&entry, log_id, slot, config.limits.block_bytes);
                self.add(header, slot, remarks);
            }
            None if matches!(found, HeaderFound::Blank) => self.discard.push(slot),
            None => {
                remarks.push(format!("{name}: its headers are gone ({why}); it is copied aside"));
                self.lost.push(slot);
                self.discard.push(slot);
            }
        }
    }

    fn add(&mut self, header: SegmentHeader, slot: Slot, remarks: &mut Vec<String>) {
        self.max_epoch = self.max_epoch.max(header.epoch);
        if header.epoch == 0 {
            if header.size_bytes == slot.size_bytes {
                self.ready.push(slot);
            } else {
                self.discard.push(slot);
            }
            return;
        }
        match self.segments.entry(header.epoch) {
            Entry::Occupied(_) => {
                remarks
                    .push(format!("segment seg-{:08} is a copy of another and is left alone", slot.number));
                self.kept.push(slot.number);
            }
            Entry::Vacant(place) => {
                place.insert(Segment::new(header, slot.size_bytes)).bad =
                    slot.size_bytes != header.size_bytes;
            }
        }
    }

    /// A segment whose header was written but which another one replaced, because that write failed, holds nothing.
    fn drop_superseded(&mut self, remarks: &mut Vec<String>) {
        let mut followed = BTreeSet::new();
        let mut superseded = Vec::new();
        for (epoch, segment) in self.segments.iter().rev() {
            let named = segment.header.prev_epoch;
            if named == UNKNOWN_EPOCH {
                continue;
            }
            if !followed.insert(named) && !followed.contains(epoch) {
                superseded.push(*epoch);
            }
        }
        for epoch in superseded {
            if let Some(segment) = self.segments.remove(&epoch) {
                let slot = Slot { number: segment.header.slot, size_bytes: segment.size_bytes };
                remarks.push(format!("segment seg-{:08} was begun and given up", slot.number));
                self.discard.push(slot);
            }
        }
    }

    /// Without a checkpoint: what lies before the oldest segment was acknowledged, or its slot were not used again.
    fn oldest_event(&self) -> u64 {
        let oldest = self.segments.values().next();
        let first =
            oldest.map_or(0, |segment| segment.header.first_event + u64::from(segment.header.span_events));
        let known = self.segments.values().map(|segment| segment.header.low_watermark).max();
        first.max(known.unwrap_or(0))
    }
}

fn remembered(best: &Checkpoint, slot: u32) -> Option<SlotEntry> {
    best.slots.iter().find(|entry| entry.slot == slot).copied()
}

fn from_entry(entry: &SlotEntry, log_id: LogId, slot: Slot, block_bytes: u32) -> SegmentHeader {
    SegmentHeader {
        log_id,
        epoch: entry.epoch,
        salt: entry.salt,
        slot: slot.number,
        block_bytes,
        size_bytes: slot.size_bytes,
        first_frame: entry.first_frame,
        first_event: entry.first_event,
        span_events: entry.span_events,
        prev_header_crc: entry.prev_header_crc,
        prev_epoch: UNKNOWN_EPOCH,
        ..SegmentHeader::default()
    }
}

/// Where each segment ends: as its successor says, else as the checkpoint says, else anywhere in the file.
fn with_ends(segments: BTreeMap<u64, Segment>, best: Option<&Checkpoint>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = segments.into_values().collect();
    let successors: BTreeMap<u64, u64> = segments
        .iter()
        .filter(|segment| segment.header.prev_epoch > 0)
        .map(|segment| (segment.header.prev_epoch, segment.header.prev_end_bytes))
        .collect();
    let mut next: Option<(u64, u64)> = None;
    for segment in segments.iter_mut().rev() {
        let epoch = segment.header.epoch;
        let remembered = best.and_then(|best| best.slots.iter().find(|entry| entry.epoch == epoch));
        let remembered = remembered.map(|entry| entry.end_bytes).filter(|end| *end > 0);
        let end = successors.get(&epoch).copied().or(remembered);
        let usable = segment.usable();
        segment.end_known = end.is_some();
        segment.end_bytes = end.unwrap_or(usable.end).clamp(usable.start, usable.end);
        if let Some((first_event, span_events)) = next {
            segment.end_event = segment.end_event.max(first_event + span_events);
        }
        next = Some((segment.header.first_event, u64::from(segment.header.span_events)));
    }
    segments
}
