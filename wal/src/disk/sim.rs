//! A disk that exists only in memory, forgets what was not synced, and fails when told to.
//!
//! # The fault model
//! What may happen to which region, and what the log promises then. A fault that is not in this table is not a promise.
//!
//! | region | fault | promised outcome |
//! |---|---|---|
//! | a commit that is not complete | any subset of its sectors survives a crash, in any order | nothing of it was acknowledged; what is whole may be delivered, the rest is a torn tail |
//! | a complete commit | one bit flipped, a sector zeroed, a block unreadable | found, named with its events; every other frame is delivered. The newest commit of a log that was not closed may pass for a torn tail |
//! | segment header, one copy | flip, loss | harmless: the other copy counts |
//! | segment header, both copies | loss | the checkpoint's entry counts if it has one, else the segment is named as damage |
//! | checkpoint, newest copy | flip, torn write | the older copy counts; events may be delivered again, none is lost |
//! | checkpoint, both copies | loss | the whole log is scanned; events may be delivered again |
//! | a slot's name | not yet synced: there or not after a crash | no acknowledged frame is in such a slot |
//! | a slot | missing, truncated | what it held is named as damage |
//! | write of a commit | error or short count; everything written to that slot afterwards is lost in silence | the slot is poisoned and never written again; its unacknowledged frames go to another one; a second failure in a row fails the log, nothing false is acknowledged |
//! | write of a checkpoint | error | nothing is recycled on its account; tried again at the next interval |
//! | prepare, directory sync, remove | error, no space | appends are refused with the reason; it is tried again and recovers by itself |
//! | read | short, error once | tried again; an error that stays is damage at that place |
//!
//! # The model
//! A file is a list of sectors, each with a durable value and a queue of values that were written but not synced; a
//! name points to a file and has the same two states. A crash picks for every sector and every name the durable value
//! or one of the queued ones, never a value that was not written.

mod crash;
mod fault;
mod file;

pub use crash::Image;
pub use fault::{FaultKind, FaultPlan, OpClass, StingyDisk};

use super::{AlignedBuf, Disk, Done, Fault, Op, OpId, SlotFile};
use file::{Name, SimFile};
use std::collections::{BTreeMap, VecDeque};

/// A small, fast, seeded source of random numbers (xorshift*): a run is its seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { (self.number() >> 16) % limit }
    }

    /// True `times` times in `of`.
    pub fn chance(&mut self, times: u64, of: u64) -> bool {
        self.below(of) < times
    }
}

/// How the simulated disk is built.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// What is written or lost as a whole.
    pub sector_bytes: usize,
    /// Size of each checkpoint copy.
    pub checkpoint_bytes: usize,
    /// What all slots together may take.
    pub capacity_bytes: u64,
    /// Complete operations in random order and some later, by this seed; `None` completes all, in order.
    pub shuffle: Option<u64>,
}

impl Default for SimConfig {
    fn default() -> SimConfig {
        SimConfig { sector_bytes: 512, checkpoint_bytes: 64 << 10, capacity_bytes: 1 << 40, shuffle: None }
    }
}

struct Queued {
    id: OpId,
    op: Op<AlignedBuf>,
    number: u64,
}

/// The simulated disk. See the module's text for what it can do to a log.
pub struct SimDisk {
    config: SimConfig,
    files: Vec<SimFile>,
    names: BTreeMap<u32, Name>,
    /// The file of the two checkpoint copies: always there, as its directory entry is made before a log opens.
    checkpoint: SimFile,
    queue: VecDeque<Queued>,
    faults: Vec<FaultPlan>,
    submitted: u64,
    trace: u64,
    random: Random,
    /// What was copied aside: slot, range, text.
    pub quarantined: Vec<(u32, std::ops::Range<u64>, String)>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(config: SimConfig) -> SimDisk {
        let checkpoint = SimFile::new(2 * config.checkpoint_bytes, config.sector_bytes);
        SimDisk {
            random: Random::new(config.shuffle.unwrap_or(0)),
            checkpoint,
            files: Vec::new(),
            names: BTreeMap::new(),
            queue: VecDeque::new(),
            faults: Vec::new(),
            submitted: 0,
            trace: 0,
            quarantined: Vec::new(),
            config,
        }
    }

    /// The slots that a back end would find now.
    pub fn slots(&self) -> Vec<SlotFile> {
        let present = self.names.iter().filter_map(|(slot, name)| Some((*slot, name.latest()?)));
        present.map(|(slot, file)| SlotFile { slot, size_bytes: self.files[file].len() as u64 }).collect()
    }

    /// Arms a fault.
    pub fn fail(&mut self, plan: FaultPlan) {
        self.faults.push(plan);
    }

    /// Disarms all faults.
    pub fn heal(&mut self) {
        self.faults.clear();
    }

    /// Changes what all slots together may take.
    pub fn set_capacity(&mut self, capacity_bytes: u64) {
        self.config.capacity_bytes = capacity_bytes;
    }

    /// How many operations were submitted so far: the number that the next one gets.
    pub fn operations(&self) -> u64 {
        self.submitted
    }

    /// Operations that have not completed.
    pub fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// A digest of everything asked so far: two runs of a seed have the same.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    fn file_of(&self, slot: u32) -> Option<usize> {
        self.names.get(&slot)?.latest()
    }

    fn used_bytes(&self) -> u64 {
        self.slots().iter().map(|slot| slot.size_bytes).sum()
    }

    fn note(&mut self, op: &Op<AlignedBuf>) {
        let (class, place) = match op {
            Op::Write { slot, offset_bytes, .. } => (1, u64::from(*slot) << 40 | offset_bytes),
            Op::Read { slot, offset_bytes, .. } => (2, u64::from(*slot) << 40 | offset_bytes),
            Op::Prepare { slot, size_bytes } => (3, u64::from(*slot) << 40 | size_bytes),
            Op::Checkpoint { copy, .. } => (4, u64::from(*copy)),
            Op::ReadCheckpoint { copy, .. } => (5, u64::from(*copy)),
            Op::SyncDir => (6, 0),
            Op::Remove { slot } => (7, u64::from(*slot)),
            Op::Quarantine { slot, from_bytes, .. } => (8, u64::from(*slot) << 40 | from_bytes),
        };
        let mut digest = crate::format::crc(self.trace as u32, &(class as u64 ^ place << 4).to_le_bytes());
        if let Op::Write { buf, len_bytes, .. } | Op::Checkpoint { buf, len_bytes, .. } = op {
            digest = crate::format::crc(digest, &buf.as_ref()[..*len_bytes as usize]);
        }
        self.trace = u64::from(digest) | u64::from(class as u8) << 32;
    }

    /// Writes reach the queue of values when they are submitted: from then on a crash may have kept them.
    fn start(&mut self, number: u64, op: &Op<AlignedBuf>) {
        match op {
            Op::Write { slot, offset_bytes, len_bytes, buf } => {
                if let Some(file) = self.file_of(*slot) {
                    self.files[file].write(number, *offset_bytes, &buf.as_ref()[..*len_bytes as usize]);
                }
            }
            Op::Checkpoint { copy, len_bytes, buf } => {
                let at = usize::from(*copy) * self.config.checkpoint_bytes;
                self.checkpoint.write(number, at as u64, &buf.as_ref()[..*len_bytes as usize]);
            }
            _ => {}
        }
    }

    fn finish(&mut self, queued: Queued) -> Done<AlignedBuf> {
        let Queued { id, mut op, number } = queued;
        let fault = self.faults.iter().find_map(|plan| plan.strikes(number, OpClass::of(&op)));
        let result = match fault {
            Some(kind) => self.fail_op(kind, number, &mut op),
            None => self.perform(number, &mut op),
        };
        let buf = match op {
            Op::Write { buf, .. }
            | Op::Read { buf, .. }
            | Op::Checkpoint { buf, .. }
            | Op::ReadCheckpoint { buf, .. } => Some(buf),
            _ => None,
        };
        Done { id, result, buf }
    }

    fn perform(&mut self, number: u64, op: &mut Op<AlignedBuf>) -> Result<u32, Fault> {
        match op {
            Op::Write { slot, len_bytes, offset_bytes, .. } => {
                let file = self.file_of(*slot).ok_or(Fault { errno: 2 })?;
                assert!(
                    *offset_bytes + u64::from(*len_bytes) <= self.files[file].len() as u64,
                    "write behind the end of slot {slot}"
                );
                self.files[file].sync(number);
                Ok(*len_bytes)
            }
            Op::Read { slot, offset_bytes, at_bytes, len_bytes, buf } => {
                let file = self.file_of(*slot).ok_or(Fault { errno: 2 })?;
                let into = &mut buf.as_mut()[*at_bytes as usize..][..*len_bytes as usize];
                Ok(self.files[file].read(*offset_bytes, into) as u32)
            }
            Op::Checkpoint { len_bytes, .. } => {
                self.checkpoint.sync(number);
                Ok(*len_bytes)
            }
            Op::ReadCheckpoint { copy, len_bytes, buf } => {
                let len = (*len_bytes as usize).min(self.config.checkpoint_bytes);
                let at = usize::from(*copy) * self.config.checkpoint_bytes;
                Ok(self.checkpoint.read(at as u64, &mut buf.as_mut()[..len]) as u32)
            }
            Op::Prepare { slot, size_bytes } => {
                let had = self.file_of(*slot).map_or(0, |file| self.files[file].len() as u64);
                if self.used_bytes() - had + *size_bytes > self.config.capacity_bytes {
                    return Err(Fault::ENOSPC);
                }
                self.files.push(SimFile::new(*size_bytes as usize, self.config.sector_bytes));
                self.names.entry(*slot).or_default().set(Some(self.files.len() - 1));
                Ok(0)
            }
            Op::SyncDir => {
                self.names.values_mut().for_each(Name::sync);
                Ok(0)
            }
            Op::Remove { slot } => {
                self.names.entry(*slot).or_default().set(None);
                Ok(0)
            }
            Op::Quarantine { slot, from_bytes, to_bytes, why } => {
                self.quarantined.push((*slot, *from_bytes..*to_bytes, std::mem::take(why)));
                Ok(0)
            }
        }
    }

    fn fail_op(&mut self, kind: FaultKind, number: u64, op: &mut Op<AlignedBuf>) -> Result<u32, Fault> {
        if let Op::Write { slot, .. } = op
            && let Some(file) = self.file_of(*slot)
        {
            // As measured on ext4: after the first error later syncs say yes, and nothing is on the disk.
            self.files[file].sicken();
        }
        if let Op::Prepare { slot, size_bytes } = op {
            // Half made: the file may stay as it is when it failed.
            self.files.push(SimFile::new(*size_bytes as usize / 2, self.config.sector_bytes));
            self.names.entry(*slot).or_default().set(Some(self.files.len() - 1));
        }
        match kind {
            FaultKind::Eio => Err(Fault::EIO),
            FaultKind::Enospc => Err(Fault::ENOSPC),
            FaultKind::Short => match op {
                Op::Prepare { .. } | Op::SyncDir | Op::Remove { .. } | Op::Quarantine { .. } => {
                    Err(Fault::EIO)
                }
                _ => {
                    let half =
                        op.len_bytes() as usize / 2 / self.config.sector_bytes * self.config.sector_bytes;
                    match op {
                        Op::Checkpoint { .. } => self.checkpoint.forget(number, half),
                        Op::Read { len_bytes, .. } | Op::ReadCheckpoint { len_bytes, .. } => {
                            *len_bytes = half as u32;
                            return self.perform(number, op);
                        }
                        _ => {}
                    }
                    Ok(half as u32)
                }
            },
        }
    }
}

impl Disk for SimDisk {
    type Buf = AlignedBuf;

    fn buffer(&mut self, at_least_bytes: usize) -> Option<AlignedBuf> {
        Some(AlignedBuf::new(at_least_bytes))
    }

    fn submit(&mut self, id: OpId, op: Op<AlignedBuf>) {
        self.note(&op);
        let number = self.submitted;
        self.submitted += 1;
        self.start(number, &op);
        self.queue.push_back(Queued { id, op, number });
    }

    fn poll(&mut self, out: &mut Vec<Done<AlignedBuf>>) {
        if self.config.shuffle.is_none() {
            while let Some(queued) = self.queue.pop_front() {
                let done = self.finish(queued);
                out.push(done);
            }
            return;
        }
        // At least one, so that a driver which polls until nothing moves comes to an end.
        let count = self.queue.len() as u64;
        for _ in 0..(1 + self.random.below(count)).min(count) {
            let at = self.random.below(self.queue.len() as u64) as usize;
            let Some(queued) = self.queue.remove(at) else { break };
            let done = self.finish(queued);
            out.push(done);
        }
    }
}
