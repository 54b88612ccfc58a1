//! Damage met while reading: named, copied aside, and settled, so that the log goes on with what is whole.

use super::{acks::Acks, index::Index, reader::Found};
use crate::{
    Damage, Notice, OnCorruption, Tick,
    disk::{IoBuf, Op},
    recover::describe,
};
use std::{collections::VecDeque, ops::Range};

/// A damaged range to be copied aside.
pub(crate) struct Aside {
    pub(crate) epoch: u64,
    pub(crate) slot: u32,
    pub(crate) bytes: Range<u64>,
    pub(crate) why: String,
}

pub(crate) struct Salvage {
    on_corruption: OnCorruption,
    aside: VecDeque<Aside>,
    /// The segment whose range is being copied aside; until that is done it stays.
    copying: Option<u64>,
    pub(crate) damaged: u64,
    pub(crate) lost_events: u64,
}

impl Salvage {
    /// Begins with what opening found.
    pub(crate) fn new(on_corruption: OnCorruption, aside: Vec<Aside>) -> Salvage {
        let damaged = aside.len() as u64;
        Salvage { on_corruption, aside: aside.into(), copying: None, damaged, lost_events: 0 }
    }

    /// Judges what a reader met. It lies below the durable end, so it is certain; events that are acknowledged anyway
    /// are nobody's loss. Returns whether anything is lost.
    pub(crate) fn settle(
        &mut self,
        found: Found,
        index: &Index,
        acks: &mut Acks,
        now: Tick,
        notices: &mut VecDeque<Notice>,
    ) -> bool {
        let Found { epoch, gap } = found;
        let slot = index.get(epoch).map_or(0, |segment| segment.header.slot);
        let lost: Vec<_> = acks.set().missing(gap.events).collect();
        self.damaged += u64::from(!lost.is_empty());
        for events in &lost {
            self.lost_events += events.end - events.start;
            let damage =
                Damage { slot, epoch, bytes: gap.bytes.clone(), events: events.clone(), certain: true };
            if !gap.bytes.is_empty() {
                let (bytes, why) = (gap.bytes.clone(), describe(&damage));
                self.aside.push_back(Aside { epoch, slot, bytes, why });
            }
            if self.on_corruption == OnCorruption::Skip {
                acks.insert(events.clone(), now);
            }
            notices.push_back(Notice::Damage(damage));
        }
        !lost.is_empty()
    }

    /// The next range to be copied aside.
    pub(crate) fn next<B: IoBuf>(&mut self, index: &mut Index) -> Option<Op<B>> {
        if self.copying.is_some() {
            return None;
        }
        let Aside { epoch, slot, bytes, why } = self.aside.pop_front()?;
        if let Some(segment) = index.get_mut(epoch) {
            segment.readers += 1;
        }
        self.copying = Some(epoch);
        Some(Op::Quarantine { slot, from_bytes: bytes.start, to_bytes: bytes.end, why })
    }

    /// It was copied, or not: then it stays where it is for as long as this process lives.
    pub(crate) fn done(&mut self, copied: bool, index: &mut Index) {
        if let Some(segment) = self.copying.take().and_then(|epoch| index.get_mut(epoch)) {
            segment.readers -= u32::from(copied);
        }
    }
}
