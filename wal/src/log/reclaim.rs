//! Which segments nobody needs any more: all acknowledged, both checkpoints know it, nobody reads, nothing retains.

use super::{
    checkpoints::Covered,
    index::{Index, Segment},
};
use crate::{
    AckSet, Config, Retain, Tick,
    canary::{Planted, planted},
    format::checkpoint::Place,
};
use std::collections::BTreeSet;

pub(crate) struct Reclaim {
    retain: Retain,
    planted: Planted,
}

/// What came of looking.
pub(crate) struct Freed {
    /// Out of the index; their slots can be used again.
    pub(crate) segments: Vec<Segment>,
    /// More would be free if the checkpoints knew what is acknowledged.
    pub(crate) waiting: bool,
}

impl Reclaim {
    pub(crate) fn new(config: &Config) -> Reclaim {
        Reclaim { retain: config.retain, planted: config.planted() }
    }

    /// Takes the free segments out of the index. `covered` is what both checkpoints cover.
    pub(crate) fn free(
        &self,
        index: &mut Index,
        acks: &AckSet,
        safe: Place,
        covered: Option<&Covered>,
        now: Tick,
    ) -> Freed {
        let settled = epochs(index, acks, safe);
        for epoch in &settled {
            if let Some(segment) = index.get_mut(*epoch) {
                segment.settled_at.get_or_insert(now);
            }
        }
        let retained = self.retained(index, now);
        let known: BTreeSet<u64> = match covered {
            _ if planted!(self.planted, RecycleBeforeCheckpoint) => settled.iter().copied().collect(),
            Some(covered) => epochs(index, &covered.acks, covered.scan_from).into_iter().collect(),
            None => BTreeSet::new(),
        };
        let unread = |epoch: &u64| index.get(*epoch).is_some_and(|segment| segment.readers == 0);
        let unneeded = settled.into_iter().filter(|epoch| !retained.contains(epoch) && unread(epoch));
        let (free, waiting): (Vec<u64>, Vec<u64>) = unneeded.partition(|epoch| known.contains(epoch));
        let segments = free.into_iter().filter_map(|epoch| index.remove(epoch)).collect();
        Freed { segments, waiting: !waiting.is_empty() }
    }

    /// Segments that stay for replay although everything in them is acknowledged.
    fn retained(&self, index: &Index, now: Tick) -> BTreeSet<u64> {
        let settled = index.iter().rev().filter(|segment| segment.settled_at.is_some());
        match self.retain {
            Retain::Nothing => BTreeSet::new(),
            Retain::For(time) => settled
                .filter(|segment| segment.settled_at.is_some_and(|at| now < at.saturating_add(time)))
                .map(|segment| segment.header.epoch)
                .collect(),
            Retain::Bytes(limit) => settled
                .scan(0, |sum, segment| {
                    *sum += segment.size_bytes;
                    (*sum <= limit).then_some(segment.header.epoch)
                })
                .collect(),
        }
    }

    /// When a segment is no longer retained.
    pub(crate) fn deadline(&self, index: &Index) -> Option<Tick> {
        let Retain::For(time) = self.retain else { return None };
        index.iter().filter_map(|segment| Some(segment.settled_at? + time)).min()
    }
}

fn epochs(index: &Index, acks: &AckSet, scan_from: Place) -> Vec<u64> {
    index.settled(acks, scan_from).map(|segment| segment.header.epoch).collect()
}
