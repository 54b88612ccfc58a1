//! Slots made ahead of need, so that a commit never waits for one, and given back when little is written.
//!
//! A slot becomes ready in three steps, each durable before the next: the file with every byte written, a header that
//! says "prepared", its name. Slots that were used and are free again are ready at once. When none can be made the log
//! is full, which is a state and not an error: it tries again, and a slot that is freed ends it at once.

use crate::{Tick, canary::Planted, canary::planted, config::Limits, disk::Fault};
use std::collections::{BTreeSet, VecDeque};

const MS: Tick = 1_000_000;
const FIRST_RETRY: Tick = 100 * MS;
const LAST_RETRY: Tick = 5_000 * MS;
/// A segment that fills faster than this is followed by larger ones and more spares.
const FAST: Tick = 1_000 * MS;
/// A segment that fills slower than this is followed by smaller ones.
const SLOW: Tick = 30_000 * MS;

/// A segment file that is not in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) number: u32,
    pub(crate) size_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Prepare,
    Header,
    Sync,
}

/// Whether removing a file gives space that was not there when the last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gain {
    Space,
    /// It is the remains of a failed attempt.
    Nothing,
}

#[derive(Debug)]
struct Making {
    slot: Slot,
    stage: Stage,
    going: bool,
}

/// Work for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Prepare(Slot),
    Header(Slot),
    Sync,
    Remove(Slot),
}

/// Why there is no space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The disk said so.
    Disk(Fault),
    /// The file system has no more than the space that must stay free.
    MinimumFree,
    /// All segments together have reached their limit.
    Limit,
}

pub(crate) struct Supply {
    limits: Limits,
    directories: u32,
    idle_after: Tick,
    ready: VecDeque<Slot>,
    making: Option<Making>,
    removing: Option<(Slot, Gain)>,
    to_remove: VecDeque<(Slot, Gain)>,
    /// Numbers of files that exist or may exist, ready and in use.
    numbers: BTreeSet<u32>,
    /// How many candidates to pass over, so that another directory is tried after a failure.
    skip: u32,
    size_bytes: u64,
    target: usize,
    rolled_at: Tick,
    retry_at: Option<Tick>,
    retry_delay: Tick,
    full: Option<Full>,
    free_bytes: Option<u64>,
    planted: Planted,
}

impl Supply {
    pub(crate) fn new(
        limits: Limits,
        directories: u32,
        idle_after: Tick,
        now: Tick,
        planted: Planted,
    ) -> Supply {
        Supply {
            size_bytes: limits.first_segment_bytes,
            limits,
            directories: directories.max(1),
            idle_after,
            ready: VecDeque::new(),
            making: None,
            removing: None,
            to_remove: VecDeque::new(),
            numbers: BTreeSet::new(),
            skip: 0,
            target: 1,
            rolled_at: now,
            retry_at: None,
            retry_delay: FIRST_RETRY,
            full: None,
            free_bytes: None,
            planted,
        }
    }

    /// A file that was found or is in use.
    pub(crate) fn known(&mut self, number: u32) {
        self.numbers.insert(number);
    }

    /// A slot that can be written at once.
    pub(crate) fn add_ready(&mut self, slot: Slot) {
        self.known(slot.number);
        self.ready.push_back(slot);
        self.full = None;
    }

    /// A used slot is free again.
    pub(crate) fn recycle(&mut self, slot: Slot) {
        let outgrown = slot.size_bytes * 4 <= self.size_bytes && !self.ready.is_empty();
        if outgrown || self.ready.len() >= self.target.max(2) {
            self.discard(slot);
        } else {
            self.add_ready(slot);
        }
    }

    /// A slot that must not be used again.
    pub(crate) fn discard(&mut self, slot: Slot) {
        self.known(slot.number);
        self.to_remove.push_back((slot, Gain::Space));
    }

    /// The slot for the next segment.
    pub(crate) fn take(&mut self) -> Option<Slot> {
        self.ready.pop_front()
    }

    pub(crate) fn ready_count(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn ready_bytes(&self) -> u64 {
        let making = self.making.as_ref().map_or(0, |making| making.slot.size_bytes);
        let leaving = self.to_remove.iter().chain(&self.removing);
        self.ready.iter().chain(leaving.map(|(slot, _)| slot)).map(|slot| slot.size_bytes).sum::<u64>()
            + making
    }

    /// Commits of full size that the ready slots can surely take.
    pub(crate) fn placeable(&self) -> usize {
        let block = u64::from(self.limits.block_bytes);
        let commits = |slot: &Slot| (slot.size_bytes - 2 * block) / u64::from(self.limits.commit_bytes);
        self.ready.iter().map(commits).sum::<u64>() as usize
    }

    /// Whether more slots would be of use: a reason to free some.
    pub(crate) fn hungry(&self) -> bool {
        self.ready.len() < self.target && self.making.is_none()
    }

    /// An append found no room although nothing was missing here: keep one more ready.
    pub(crate) fn need_another(&mut self) {
        if self.making.is_none() && self.ready.len() >= self.target {
            self.target = (self.target + 1).min(self.limits.spare_segments.max(2));
        }
    }

    /// The step that was asked for last was not sent: ask again.
    pub(crate) fn not_sent(&mut self) {
        if let Some(making) = &mut self.making {
            making.going = false;
        }
    }

    /// Why no slot can be made now.
    pub(crate) fn full(&self) -> Option<Full> {
        self.full.filter(|_| self.ready.is_empty())
    }

    /// Free bytes of the file system, as measured by the owner.
    pub(crate) fn set_free_bytes(&mut self, free_bytes: u64) {
        if self.free_bytes.is_none_or(|before| before < free_bytes) && self.full == Some(Full::MinimumFree) {
            self.retry_at = None;
        }
        self.free_bytes = Some(free_bytes);
    }

    /// A segment was begun: the pace of writing decides about the next ones.
    pub(crate) fn rolled(&mut self, now: Tick) {
        let took = now.saturating_sub(self.rolled_at);
        self.rolled_at = now;
        let (first, most) = (self.limits.first_segment_bytes, self.limits.max_segment_bytes);
        if took < FAST {
            self.size_bytes = (self.size_bytes * 2).min(most);
            self.target = (self.target + 1).min(self.limits.spare_segments).max(1);
        } else if took > SLOW {
            self.size_bytes = (self.size_bytes / 2).max(first);
            self.target = 1;
        }
    }

    /// Gives spare slots back when nothing was written for long.
    pub(crate) fn tick(&mut self, now: Tick) {
        if now.saturating_sub(self.rolled_at) < self.idle_after {
            return;
        }
        self.size_bytes = self.limits.first_segment_bytes;
        self.target = 1;
        let large = |slot: &Slot| slot.size_bytes > 2 * self.limits.first_segment_bytes;
        if self.ready.len() > 1 || self.ready.iter().any(large) {
            let at = self.ready.iter().position(large).unwrap_or(0);
            self.to_remove.extend(self.ready.remove(at).map(|slot| (slot, Gain::Space)));
        }
    }

    /// When [`Supply::next`] may have something new although nothing completes.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        let idle = (self.ready.len() > 1).then(|| self.rolled_at + self.idle_after);
        self.retry_at.filter(|_| self.hungry()).into_iter().chain(idle).min()
    }

    /// The next operation; `held_bytes` is what the segments in use take.
    pub(crate) fn next(&mut self, now: Tick, held_bytes: u64) -> Option<Work> {
        if self.removing.is_none()
            && let Some(leaving) = self.to_remove.pop_front()
        {
            self.removing = Some(leaving);
            return Some(Work::Remove(leaving.0));
        }
        if self.making.is_none() && self.hungry() && self.retry_at.is_none_or(|at| at <= now) {
            self.begin(now, held_bytes);
        }
        let making = self.making.as_mut().filter(|making| !making.going)?;
        making.going = true;
        Some(match making.stage {
            Stage::Prepare => Work::Prepare(making.slot),
            Stage::Header => Work::Header(making.slot),
            Stage::Sync => Work::Sync,
        })
    }

    fn begin(&mut self, now: Tick, held_bytes: u64) {
        let taken = held_bytes + self.ready_bytes();
        let mut size_bytes = self.size_bytes;
        if let Some(free) = self.free_bytes {
            // At most 1/64 of what is free, so that one segment never decides about a disk.
            let block = u64::from(self.limits.block_bytes);
            let share = (free / 64).max(self.limits.min_segment_bytes) / block * block;
            size_bytes = size_bytes.min(share);
            if free < self.limits.min_free_bytes.saturating_add(size_bytes) {
                size_bytes = self.limits.min_segment_bytes;
            }
            if free < self.limits.min_free_bytes.saturating_add(size_bytes) {
                return self.wait(now, Full::MinimumFree);
            }
        }
        if taken.saturating_add(size_bytes) > self.limits.max_bytes {
            size_bytes = self.limits.min_segment_bytes;
            if taken.saturating_add(size_bytes) > self.limits.max_bytes {
                return self.wait(now, Full::Limit);
            }
        }
        let mut free = (0..).filter(|number| !self.numbers.contains(number));
        let number = free.nth(self.skip as usize).expect("there are more numbers than files");
        self.numbers.insert(number);
        let slot = Slot { number, size_bytes };
        self.making = Some(Making { slot, stage: Stage::Prepare, going: false });
    }

    fn wait(&mut self, now: Tick, full: Full) {
        self.full = Some(full);
        self.retry_at = Some(now + self.retry_delay);
        self.retry_delay = (self.retry_delay * 2).min(LAST_RETRY);
    }

    /// The step that was on its way is done.
    pub(crate) fn made(&mut self, result: Result<(), Fault>, now: Tick) {
        let making = self.making.as_mut().expect("a step was on its way");
        making.going = false;
        if let Err(fault) = result {
            let slot = making.slot;
            self.making = None;
            self.to_remove.push_back((slot, Gain::Nothing));
            self.skip = (self.skip + 1) % self.directories;
            let halved =
                self.size_bytes / 2 / u64::from(self.limits.block_bytes) * u64::from(self.limits.block_bytes);
            if fault == Fault::ENOSPC && halved >= self.limits.min_segment_bytes {
                self.size_bytes = halved;
            } else {
                self.wait(now, Full::Disk(fault));
            }
            return;
        }
        making.stage = match making.stage {
            Stage::Prepare => Stage::Header,
            Stage::Header if !planted!(self.planted, ForgetDirectorySync) => Stage::Sync,
            Stage::Header | Stage::Sync => {
                let slot = making.slot;
                self.making = None;
                self.skip = 0;
                self.retry_at = None;
                self.retry_delay = FIRST_RETRY;
                return self.add_ready(slot);
            }
        };
    }

    /// The removal that was on its way is done. Its name becomes durable with the next slot that is made; until then
    /// a crash may bring the file back, which is harmless: everything in it is settled.
    pub(crate) fn removed(&mut self, result: Result<(), Fault>) {
        let (slot, gain) = self.removing.take().expect("a removal was on its way");
        if result.is_ok() {
            self.numbers.remove(&slot.number);
            if gain == Gain::Space {
                self.retry_at = None;
            }
        }
    }
}
