//! Faults by number: the N-th operation fails, once or from then on. And a disk that never does all it is asked.

use super::Random;
use crate::disk::{Disk, Done, Op, OpId};

/// What an operation is, for faults that strike only some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpClass {
    /// Commits and segment headers.
    Write,
    /// Reads of segments and checkpoints.
    Read,
    /// Checkpoints.
    Checkpoint,
    /// Making a slot.
    Prepare,
    /// Making names durable.
    SyncDir,
    /// Removing a slot.
    Remove,
    /// Copying damage aside.
    Quarantine,
}

impl OpClass {
    /// The class of an operation.
    pub fn of<B>(op: &Op<B>) -> OpClass {
        match op {
            Op::Write { .. } => OpClass::Write,
            Op::Read { .. } | Op::ReadCheckpoint { .. } => OpClass::Read,
            Op::Checkpoint { .. } => OpClass::Checkpoint,
            Op::Prepare { .. } => OpClass::Prepare,
            Op::SyncDir => OpClass::SyncDir,
            Op::Remove { .. } => OpClass::Remove,
            Op::Quarantine { .. } => OpClass::Quarantine,
        }
    }
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// With an input/output error; a write may still have left any part of itself.
    Eio,
    /// For want of space; likewise.
    Enospc,
    /// With half of its bytes.
    Short,
}

/// A fault that waits for its operation.
#[derive(Debug, Clone, Copy)]
pub struct FaultPlan {
    /// The number of the operation, counted from 0 over the life of the disk.
    pub operation: u64,
    /// Whether all later ones fail too.
    pub sticky: bool,
    /// Only operations of this class.
    pub only: Option<OpClass>,
    /// How.
    pub kind: FaultKind,
}

impl FaultPlan {
    pub(super) fn strikes(&self, number: u64, class: OpClass) -> Option<FaultKind> {
        let due = if self.sticky { number >= self.operation } else { number == self.operation };
        (due && self.only.is_none_or(|only| only == class)).then_some(self.kind)
    }
}

/// A disk that completes a random part of each read, and now and then of a write: code that assumes it got what it
/// asked for fails at once.
pub struct StingyDisk<D> {
    disk: D,
    random: Random,
    block_bytes: u32,
    /// One write in this many is short; 0 for none. Never two in a row.
    short_write_of: u64,
    was_short: bool,
}

impl<D: Disk> StingyDisk<D> {
    /// Makes `disk` stingy. Parts are whole blocks, as of a disk with direct I/O.
    pub fn new(disk: D, block_bytes: u32, short_write_of: u64, seed: u64) -> StingyDisk<D> {
        StingyDisk { disk, random: Random::new(seed), block_bytes, short_write_of, was_short: false }
    }

    /// The disk behind it.
    pub fn inner(&mut self) -> &mut D {
        &mut self.disk
    }

    fn part(&mut self, len_bytes: u32) -> u32 {
        let blocks = u64::from(len_bytes / self.block_bytes);
        if blocks < 2 { len_bytes } else { (1 + self.random.below(blocks)) as u32 * self.block_bytes }
    }
}

impl<D: Disk> Disk for StingyDisk<D> {
    type Buf = D::Buf;

    fn buffer(&mut self, at_least_bytes: usize) -> Option<D::Buf> {
        self.disk.buffer(at_least_bytes)
    }

    fn submit(&mut self, id: OpId, mut op: Op<D::Buf>) {
        match &mut op {
            Op::Read { len_bytes, .. } => *len_bytes = self.part(*len_bytes),
            Op::Write { len_bytes, .. } if self.short_write_of > 0 => {
                let short = !self.was_short && self.random.chance(1, self.short_write_of);
                let part = self.part(*len_bytes);
                self.was_short = short && part < *len_bytes;
                if short {
                    *len_bytes = part;
                }
            }
            _ => {}
        }
        self.disk.submit(id, op);
    }

    fn poll(&mut self, out: &mut Vec<Done<D::Buf>>) {
        self.disk.poll(out);
    }
}
