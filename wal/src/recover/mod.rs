//! Opening: read what is there, judge it, say where the log goes on. Nothing is changed on the disk here, so opening
//! twice, or again after a crash, comes to the same result.
//!
//! ```text
//! both checkpoints ─► headers of all slots ─► survey ─► scan of the tail ─► verdict
//!                                             (pure)    from the checkpoint  (pure)
//! ```
//! What the verdict settles is made durable by the first checkpoint of the running log, before any new segment begins.

mod scan;
mod survey;
mod verdict;

use crate::{
    AckSet, Config, Damage, OpenError, Report,
    disk::{Done, Fault, IoBuf, Op, SlotFile},
    format::{
        FormatError,
        checkpoint::{Checkpoint, Place},
        segment::SegmentHeader,
    },
    log::{Covered, Pool, Purpose, Slot, Stock, fetch::Fetch, index::Index},
    scan::Expect,
};
use scan::Scan;
use survey::HeaderFound;

const SCAN: u32 = u32::MAX;
const READS_AT_ONCE: usize = 8;
const TRIES: u32 = 3;

/// Where the log goes on, and everything known about it.
pub(crate) struct Recovered {
    pub(crate) report: Report,
    pub(crate) index: Index,
    pub(crate) acks: AckSet,
    pub(crate) tail: Place,
    pub(crate) max_epoch: u64,
    pub(crate) generation: u64,
    pub(crate) next_copy: u8,
    pub(crate) copies: [Option<Covered>; 2],
    /// Slots that can be written at once.
    pub(crate) ready: Vec<Slot>,
    /// Files to be removed.
    pub(crate) discard: Vec<Slot>,
    /// Files to be left alone.
    pub(crate) kept: Vec<u32>,
    pub(crate) aside: Vec<crate::log::Aside>,
    pub(crate) must_checkpoint: bool,
}

/// What must come at a place.
pub(crate) fn expect_at(place: &Place) -> Expect {
    Expect { frame: place.frame, event: place.event, prev_header_crc: place.prev_header_crc }
}

/// A damaged range, for a person.
pub(crate) fn describe(damage: &Damage) -> String {
    format!(
        "segment seg-{:08}, epoch {}, bytes {}..{}: {} events, {}..{}, cannot be read. {}",
        damage.slot,
        damage.epoch,
        damage.bytes.start,
        damage.bytes.end,
        damage.events.end - damage.events.start,
        damage.events.start,
        damage.events.end,
        if damage.certain {
            "They had been acknowledged to their sender."
        } else {
            "Nothing proves that they had been acknowledged to their sender."
        }
    )
}

struct CheckpointRead {
    sent: bool,
    tries: u32,
    found: Option<Result<Checkpoint, FormatError>>,
}

struct HeaderRead<B> {
    file: SlotFile,
    copy: u8,
    fetch: Option<Fetch<B>>,
    /// What the first copy was, when the second is read.
    first: Option<HeaderFound>,
    found: Option<HeaderFound>,
}

enum Stage<B> {
    Checkpoints,
    Headers,
    Scan(Box<Scan<B>>),
    Over(Option<Result<Box<Recovered>, OpenError>>),
}

pub(crate) struct Opening<B> {
    config: Config,
    control: Stock<B>,
    scan_stock: Stock<B>,
    checkpoints: [CheckpointRead; 2],
    headers: Vec<HeaderRead<B>>,
    /// The first header that has not been asked for.
    next_header: usize,
    headers_left: usize,
    stage: Stage<B>,
}

impl<B: IoBuf> Opening<B> {
    pub(crate) fn new(config: Config, files: Vec<SlotFile>) -> Opening<B> {
        let limits = &config.limits;
        let control_bytes = limits.checkpoint_bytes.max(limits.block_bytes) as usize;
        let header = |file| HeaderRead { file, copy: 0, fetch: None, first: None, found: None };
        let headers: Vec<_> = files.into_iter().map(header).collect();
        let unread = || CheckpointRead { sent: false, tries: 0, found: None };
        Opening {
            control: Stock::new(READS_AT_ONCE, control_bytes),
            scan_stock: Stock::new(1, limits.read_bytes as usize),
            checkpoints: [unread(), unread()],
            next_header: 0,
            headers_left: headers.len(),
            headers,
            stage: Stage::Checkpoints,
            config,
        }
    }

    pub(crate) fn want(&self) -> Option<(Pool, usize)> {
        let scan = || self.scan_stock.want().map(|bytes| (Pool::Read, bytes));
        self.control.want().map(|bytes| (Pool::Control, bytes)).or_else(scan)
    }

    pub(crate) fn give(&mut self, pool: Pool, buf: B) {
        match pool {
            Pool::Read => self.scan_stock.give(buf),
            Pool::Control | Pool::Commit => self.control.give(buf),
        }
    }

    pub(crate) fn next_op(&mut self) -> Option<(Purpose, Op<B>)> {
        match &mut self.stage {
            Stage::Checkpoints => {
                let copy = self.checkpoints.iter().position(|read| !read.sent)?;
                let buf = self.control.take()?;
                self.checkpoints[copy].sent = true;
                let len_bytes = self.config.limits.checkpoint_bytes;
                let op = Op::ReadCheckpoint { copy: copy as u8, len_bytes, buf };
                Some((Purpose::Opening(copy as u32), op))
            }
            Stage::Headers => self.next_header_read(),
            Stage::Scan(scan) => {
                let op = scan.op(&mut self.scan_stock, &self.config)?;
                Some((Purpose::Opening(SCAN), op))
            }
            Stage::Over(_) => None,
        }
    }

    fn next_header_read(&mut self) -> Option<(Purpose, Op<B>)> {
        let block = self.config.limits.block_bytes;
        let going = self.headers[..self.next_header].iter_mut().enumerate();
        let again = going.filter_map(|(at, read)| Some((at, read.fetch.as_mut()?.op()?))).next();
        if let Some((at, op)) = again {
            return Some((Purpose::Opening(2 + at as u32), op));
        }
        let read = self.headers.get_mut(self.next_header)?;
        let mut fetch = Fetch::new(read.file.slot, 0, block, block, self.control.take()?);
        let op = fetch.op()?;
        read.fetch = Some(fetch);
        self.next_header += 1;
        Some((Purpose::Opening(1 + self.next_header as u32), op))
    }

    pub(crate) fn complete(&mut self, purpose: Purpose, done: Done<B>) {
        let Purpose::Opening(task) = purpose else { return };
        match (task, &mut self.stage) {
            (0 | 1, _) => self.checkpoint_done(task as usize, done),
            (SCAN, Stage::Scan(scan)) => {
                scan.complete(done, &mut self.scan_stock);
                self.go_on();
            }
            (at, _) => self.header_done(at as usize - 2, done),
        }
    }

    fn checkpoint_done(&mut self, copy: usize, done: Done<B>) {
        let wanted = self.config.limits.checkpoint_bytes;
        let read = &mut self.checkpoints[copy];
        read.tries += 1;
        let whole = done.result == Ok(wanted);
        let found = match (&done.buf, done.result) {
            (Some(buf), Ok(bytes)) => {
                Checkpoint::decode(&buf.as_ref()[..(bytes as usize).min(buf.as_ref().len())], copy as u8)
            }
            _ => Err(FormatError::Short { have_bytes: 0, need_bytes: wanted as usize }),
        };
        match done.buf {
            Some(buf) => self.control.put(buf),
            None => self.control.lost(),
        }
        if found.is_err() && !whole && read.tries < TRIES {
            read.sent = false;
            return;
        }
        read.found = Some(found);
        if self.checkpoints.iter().all(|read| read.found.is_some()) {
            self.stage = Stage::Headers;
            self.headers_read();
        }
    }

    fn header_done(&mut self, at: usize, done: Done<B>) {
        let block = self.config.limits.block_bytes;
        let read = &mut self.headers[at];
        let Some(fetch) = &mut read.fetch else { return };
        let kept = fetch.done(done);
        if kept && !fetch.is_complete() {
            return;
        }
        let (fault, buf) = match read.fetch.take() {
            Some(fetch) => (fetch.fault, fetch.into_buf()),
            None => (Some(Fault::EIO), None),
        };
        let found = match (fault, &buf) {
            (None, Some((buf, _))) => {
                HeaderFound::of(&buf.as_ref()[..block as usize], read.file.slot, read.copy)
            }
            (fault, _) => HeaderFound::Unreadable(fault.unwrap_or(Fault::EIO)),
        };
        let last_block = read
            .file
            .size_bytes
            .checked_sub(u64::from(block))
            .map(|at| at / u64::from(block) * u64::from(block));
        match (found.is_settled(), read.copy, last_block, buf) {
            (false, 0, Some(offset), Some((buf, _))) if offset > 0 => {
                read.first = Some(found);
                read.copy = 1;
                read.fetch = Some(Fetch::new(read.file.slot, offset, block, block, buf));
                return;
            }
            (_, _, _, Some((buf, _))) => self.control.put(buf),
            (_, _, _, None) => self.control.lost(),
        }
        let found = match read.first.take() {
            Some(first) => found.after(first),
            None => found,
        };
        read.found = Some(found);
        self.headers_left -= 1;
        self.headers_read();
    }

    /// With all headers there: the survey, and then the scan.
    fn headers_read(&mut self) {
        if self.headers_left > 0 {
            return;
        }
        let found = self.headers.iter().filter_map(|read| Some((read.file, read.found?))).collect();
        let [first, second] = &mut self.checkpoints;
        let missing = || Err(FormatError::Magic);
        let checkpoints =
            [first.found.take().unwrap_or_else(missing), second.found.take().unwrap_or_else(missing)];
        self.stage = match survey::survey(&self.config, checkpoints, found) {
            Err(error) => Stage::Over(Some(Err(error))),
            Ok(plan) => Stage::Scan(Box::new(Scan::new(plan))),
        };
        self.go_on();
    }

    /// Scans as far as bytes are there; at the end comes the verdict.
    fn go_on(&mut self) {
        let Stage::Scan(scan) = &mut self.stage else { return };
        if !scan.go_on(&self.config) {
            return;
        }
        let Stage::Scan(scan) = std::mem::replace(&mut self.stage, Stage::Over(None)) else { return };
        self.stage = Stage::Over(Some(scan.end(&self.config).map(Box::new)));
    }

    /// The result, once there is one.
    pub(crate) fn finish(&mut self) -> Option<Result<Box<Recovered>, OpenError>> {
        match &mut self.stage {
            Stage::Over(result) => result.take(),
            _ => None,
        }
    }
}

/// Reads a segment header; used by opening and by the offline tools.
pub(crate) fn read_header(bytes: &[u8], slot: u32, copy: u8) -> Result<SegmentHeader, FormatError> {
    SegmentHeader::decode(bytes, slot, copy)
}
