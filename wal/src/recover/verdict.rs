//! Torn tail or damage: decided by evidence, never by a mode.
//!
//! A gap is *certain* damage if something proves that a frame in it was durable: a later segment was begun (that
//! happens only when everything before it is durable), a valid header names a later frame as durable, or a checkpoint
//! does. A gap in front of valid frames without such proof may be what a power cut left of several commits on their
//! way: the frames behind it are kept, its events are named, and it stops nobody. At the end of the log, without
//! proof, it is a torn tail: nothing was lost.

use super::{describe, survey::Plan};
use crate::{AckSet, Damage, scan::Expect, scan::Gap};

/// A gap and where it is.
pub(super) struct ScannedGap {
    pub(super) slot: u32,
    pub(super) epoch: u64,
    /// In the newest segment.
    pub(super) newest: bool,
    pub(super) gap: Gap,
}

pub(super) struct Verdict {
    pub(super) damage: Vec<Damage>,
    /// Everything settled: acknowledged, or lost.
    pub(super) acks: AckSet,
    /// The next frame.
    pub(super) frame: u64,
    /// The next event.
    pub(super) event: u64,
    pub(super) must_checkpoint: bool,
    pub(super) remarks: Vec<String>,
}

impl Verdict {
    pub(super) fn of(
        plan: &Plan,
        gaps: Vec<ScannedGap>,
        last: Expect,
        durable_frame: u64,
        tail_bytes: u64,
        tail_event_end: u64,
    ) -> Verdict {
        let newest = plan.segments.last();
        let checkpoint = plan.durable;
        let begun = newest.map_or(0, |segment| segment.header.first_frame.saturating_sub(1));
        let durable_frame = durable_frame.max(checkpoint.frame.saturating_sub(1)).max(begun);
        let mut verdict = Verdict {
            damage: Vec::new(),
            acks: plan.acks.clone(),
            frame: last.frame,
            event: last.event,
            must_checkpoint: false,
            remarks: Vec::new(),
        };
        for ScannedGap { slot, epoch, newest, gap } in gaps {
            let certain = !newest || gap.first_frame <= durable_frame;
            verdict.add(Damage { slot, epoch, bytes: gap.bytes, events: gap.events, certain });
        }
        if durable_frame >= last.frame {
            // Frames behind the end were durable once.
            let mut end = tail_event_end.max(last.event);
            if checkpoint.frame > last.frame {
                end = end.max(checkpoint.event);
            }
            let (slot, epoch) = newest.map_or((0, 0), |segment| (segment.header.slot, segment.header.epoch));
            let to_bytes = if checkpoint.epoch == epoch {
                checkpoint.offset_bytes.max(tail_bytes)
            } else {
                newest.map_or(tail_bytes, |segment| segment.usable().end)
            };
            verdict.add(Damage {
                slot,
                epoch,
                bytes: tail_bytes..to_bytes,
                events: last.event..end,
                certain: true,
            });
            verdict.frame = durable_frame + 1;
            verdict.event = end;
            verdict.must_checkpoint = true;
        }
        verdict
    }

    fn add(&mut self, damage: Damage) {
        let lost: Vec<_> = self.acks.missing(damage.events.clone()).collect();
        if lost.is_empty() {
            if !damage.bytes.is_empty() {
                self.remarks.push(format!("harmless: {}", describe(&damage)));
            }
            return;
        }
        for events in lost {
            self.acks.insert(events.clone());
            self.damage.push(Damage { events, ..damage.clone() });
        }
    }
}
