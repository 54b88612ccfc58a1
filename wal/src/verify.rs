//! Looks at the files of a log without changing or locking anything: what `ctl wal info`, `check` and `dump` show. On a
//! log that is open elsewhere the newest frames may be missing.

#![allow(clippy::disallowed_methods, reason = "offline tools read files")]

use crate::{
    AckSet, Damage, Seq,
    disk::files::{Layout, SUBDIRECTORY},
    format::{
        FormatError, LogId, ack,
        checkpoint::Checkpoint,
        frame::{FrameHeader, Kind, Seed},
        segment::SegmentHeader,
    },
    scan::{Expect, Item, Span, Walker},
};
use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::Path,
};

/// A segment file, as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number.
    pub slot: u32,
    /// The file's size.
    pub size_bytes: u64,
    /// Both copies of its header.
    pub headers: [Result<SegmentHeader, FormatError>; 2],
}

impl SegmentInfo {
    /// The copy that counts.
    pub fn header(&self) -> Option<&SegmentHeader> {
        self.headers.iter().find_map(|header| header.as_ref().ok())
    }
}

/// The files of a log, as their headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// By slot.
    pub segments: Vec<SegmentInfo>,
    /// Both copies.
    pub checkpoints: [Result<Checkpoint, FormatError>; 2],
}

/// What a walk over every frame found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// The log's name, if any file says it.
    pub log_id: LogId,
    /// Segments in use.
    pub segments: usize,
    /// Whole frames, of all kinds.
    pub frames: u64,
    /// Bytes read.
    pub bytes: u64,
    /// All events below are acknowledged.
    pub low_watermark: Seq,
    /// The next event.
    pub next_event: Seq,
    /// Events that are in the log and not acknowledged.
    pub waiting_events: u64,
    /// What is damaged. Ranges whose events are all acknowledged are nobody's loss and not here.
    pub damage: Vec<Damage>,
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "log {}: {} segments, {} whole frames, events {}..{}, {} waiting, {} damaged ranges",
            self.log_id,
            self.segments,
            self.frames,
            self.low_watermark,
            self.next_event,
            self.waiting_events,
            self.damage.len()
        )
    }
}

/// Reads both checkpoints and all headers.
///
/// # Errors
/// When a directory or file cannot be read at all.
pub fn info(layout: &Layout) -> io::Result<Info> {
    let mut segments = Vec::new();
    for dir in &layout.data_dirs {
        for entry in std::fs::read_dir(dir.join(SUBDIRECTORY))? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("seg-")?.parse().ok());
            if let Some(slot) = number {
                segments.push(segment_info(&entry.path(), slot)?);
            }
        }
    }
    segments.sort_by_key(|segment| segment.slot);
    let checkpoints = [0, 1].map(|copy| {
        let mut bytes = Vec::new();
        // A copy that cannot be read is one that is not there.
        let read =
            File::open(layout.checkpoint(copy)).and_then(|file| file.take(1 << 20).read_to_end(&mut bytes));
        read.map_or(Err(FormatError::Magic), |_| Checkpoint::decode(&bytes, copy))
    });
    Ok(Info { segments, checkpoints })
}

fn segment_info(path: &Path, slot: u32) -> io::Result<SegmentInfo> {
    let file = File::open(path)?;
    let size_bytes = file.metadata()?.len();
    let mut block = [0; 4096];
    let first = read_up_to(&file, &mut block, 0).map(|len| SegmentHeader::decode(&block[..len], slot, 0))?;
    // The second copy stands in the last block, whose size the first copy knows.
    let block_bytes = first.as_ref().map_or(4096, |header| u64::from(header.block_bytes));
    let at = size_bytes.saturating_sub(block_bytes);
    let second =
        read_up_to(&file, &mut block, at).map(|len| SegmentHeader::decode(&block[..len], slot, 1))?;
    Ok(SegmentInfo { slot, size_bytes, headers: [first, second] })
}

fn read_up_to(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut len = 0;
    while len < into.len() {
        match file.read_at(&mut into[len..], at + len as u64) {
            Ok(0) => break,
            Ok(bytes) => len += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Reads every whole frame of every segment, in order, and gives it to `each` with its body.
///
/// # Limits
/// One segment is in memory at a time, at most 1 GiB of it.
///
/// # Errors
/// When a directory or file cannot be read at all. Damage is no error: what is whole is given.
pub fn frames(layout: &Layout, each: impl FnMut(&FrameHeader, &[u8])) -> io::Result<Checked> {
    walk(layout, &info(layout)?, each)
}

/// Reads every frame and says what is damaged.
///
/// # Errors
/// As [`frames`].
pub fn check(layout: &Layout) -> io::Result<Checked> {
    frames(layout, |_, _| {})
}

/// A gap of a segment that waits for the evidence of what follows it.
struct Candidate {
    damage: Damage,
    first_frame: u64,
}

fn walk(layout: &Layout, info: &Info, mut each: impl FnMut(&FrameHeader, &[u8])) -> io::Result<Checked> {
    let best =
        info.checkpoints.iter().filter_map(|copy| copy.as_ref().ok()).max_by_key(|copy| copy.generation);
    let used = info.segments.iter().filter_map(|segment| Some((segment.slot, *segment.header()?)));
    let mut used: Vec<_> = used.filter(|(_, header)| header.epoch > 0).collect();
    used.sort_by_key(|(_, header)| header.epoch);
    let mut acks = AckSet::below(best.map_or(0, |best| best.low_watermark));
    best.iter().flat_map(|best| &best.ranges).for_each(|range| {
        acks.insert(range.clone());
    });
    let mut checked = Checked { segments: used.len(), ..Checked::default() };
    checked.log_id =
        best.map(|best| best.log_id).or(used.last().map(|(_, header)| header.log_id)).unwrap_or_default();
    let mut candidates = Vec::new();
    let mut durable_frame = best.map_or(0, |best| best.durable.frame.saturating_sub(1));
    let mut next: Option<Expect> = None;
    let mut span: Option<Span> = None;
    for (at, (slot, header)) in used.iter().enumerate() {
        let successor = used[at + 1..].iter().find(|(_, later)| later.prev_epoch == header.epoch);
        let usable_end = header.size_bytes - u64::from(header.block_bytes);
        let end = successor.map_or(usable_end, |(_, later)| later.prev_end_bytes.min(usable_end));
        let first = Expect {
            frame: header.first_frame,
            event: header.first_event,
            prev_header_crc: header.prev_header_crc,
        };
        if let Some(before) = next.filter(|before| before.event < first.event) {
            // No segment holds these: acknowledged and recycled, or gone.
            let events = before.event..first.event;
            let damage = Damage { slot: *slot, epoch: header.epoch, bytes: 0..0, events, certain: true };
            candidates.push(Candidate { damage, first_frame: before.frame });
        }
        durable_frame = durable_frame.max(header.first_frame.saturating_sub(1));
        let bytes = load(&layout.slot(*slot), header.size_bytes)?;
        checked.bytes += bytes.len() as u64;
        let seed = Seed::new(header.epoch, header.salt, *slot);
        let mut walker = Walker::new(seed, u64::from(header.block_bytes)..end, first, span.take());
        loop {
            let known = walker.expect().event;
            match walker.next(&bytes, 0) {
                Item::Frame { header, body, .. } => {
                    checked.frames += 1;
                    if header.kind == Kind::Ack
                        && let Ok((low, ranges)) = ack::decode(body)
                    {
                        acks.insert(0..low.min(known));
                        ranges.for_each(|range| {
                            acks.insert(range.start..range.end.min(known));
                        });
                    }
                    each(&header, body);
                }
                // The end of the newest segment is where it has not been written yet, unless the evidence says more.
                Item::Gap(gap) if gap.next_frame.is_none() && at + 1 == used.len() => {}
                Item::Gap(gap) => {
                    let (bytes, events) = (gap.bytes, gap.events);
                    let damage = Damage {
                        slot: *slot,
                        epoch: header.epoch,
                        bytes,
                        events,
                        certain: successor.is_some(),
                    };
                    candidates.push(Candidate { damage, first_frame: gap.first_frame });
                }
                Item::Need { .. } | Item::End => break,
            }
        }
        durable_frame = durable_frame.max(walker.durable_frame());
        (next, span) = (Some(walker.expect()), walker.span());
    }
    let end = next.unwrap_or(Expect { frame: 1, event: acks.low(), prev_header_crc: 0 });
    checked.next_event = end.event;
    if let Some(best) = best.filter(|best| best.durable.frame > end.frame) {
        let epoch = best.durable.epoch;
        let events = end.event..best.durable.event;
        let damage = Damage { slot: 0, epoch, bytes: 0..0, events, certain: true };
        candidates.push(Candidate { damage, first_frame: end.frame });
        checked.next_event = best.durable.event;
    }
    for Candidate { mut damage, first_frame } in candidates {
        damage.certain |= first_frame <= durable_frame;
        if acks.missing(damage.events.clone()).next().is_some() {
            checked.damage.push(damage);
        }
    }
    checked.low_watermark = acks.low();
    checked.waiting_events = acks.missing(0..checked.next_event).map(|range| range.end - range.start).sum();
    Ok(checked)
}

/// A whole segment file; what its header calls more than 1 GiB is not believed.
fn load(path: &Path, size_bytes: u64) -> io::Result<Vec<u8>> {
    let limit = size_bytes.min(1 << 30);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    // A file cut short reads as if the rest had never been written.
    bytes.resize(limit as usize, 0);
    Ok(bytes)
}
