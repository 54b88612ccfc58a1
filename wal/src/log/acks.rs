//! Acknowledgements on their way to the disk: in ACK frames that ride on commits, or in a checkpoint.

use crate::{Tick, acks::AckSet};
use std::ops::Range;

#[derive(Debug, Default)]
pub(crate) struct Acks {
    set: AckSet,
    /// Not in any ACK frame yet.
    pending: Vec<Range<u64>>,
    /// In a checkpoint that is on its way.
    in_checkpoint: Vec<Range<u64>>,
    pending_since: Option<Tick>,
    /// Counts calls; the owner waits for a number.
    ticket: u64,
    durable_ticket: u64,
    /// Events acknowledged since opening.
    pub(crate) events: u64,
}

impl Acks {
    pub(crate) fn new(set: AckSet) -> Acks {
        Acks { set, ..Acks::default() }
    }

    pub(crate) fn set(&self) -> &AckSet {
        &self.set
    }

    /// Adds a range; returns the ticket that says when it is durable.
    pub(crate) fn insert(&mut self, range: Range<u64>, now: Tick) -> u64 {
        let new = self.set.insert(range.clone());
        self.events += new;
        if new > 0 {
            match self.pending.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => self.pending.push(range),
            }
            self.pending_since.get_or_insert(now);
            self.ticket += 1;
        }
        self.ticket
    }

    /// Since when some acknowledgement is neither in the log nor in a checkpoint.
    pub(crate) fn pending_since(&self) -> Option<Tick> {
        self.pending_since
    }

    /// Whether an ACK frame would carry something, and how many ranges.
    pub(crate) fn pending_ranges(&self) -> usize {
        if self.pending.is_empty() { 0 } else { self.pending.len() + self.in_checkpoint.len() }
    }

    /// Takes at most `limit` ranges for an ACK frame. With it, if it carries all there is, the ticket that is durable
    /// when the frame is.
    pub(crate) fn take(&mut self, limit: usize) -> (Vec<Range<u64>>, Option<u64>) {
        let count = self.pending.len().min(limit);
        let mut ranges: Vec<_> = self.pending.drain(..count).collect();
        // What a checkpoint on its way holds is not durable yet; without it the ticket would promise too much.
        let all = self.pending.is_empty() && ranges.len() + self.in_checkpoint.len() <= limit;
        if self.pending.is_empty() {
            self.pending_since = None;
        }
        if all {
            ranges.extend(self.in_checkpoint.iter().cloned());
        }
        (ranges, all.then_some(self.ticket))
    }

    /// A checkpoint with the whole set sets out; returns its ticket.
    pub(crate) fn checkpoint_begins(&mut self) -> u64 {
        self.in_checkpoint.append(&mut self.pending);
        self.pending_since = None;
        self.ticket
    }

    /// The checkpoint arrived, or not.
    pub(crate) fn checkpoint_ended(&mut self, arrived: bool, now: Tick) {
        if arrived {
            self.in_checkpoint.clear();
        } else if !self.in_checkpoint.is_empty() {
            self.in_checkpoint.append(&mut self.pending);
            self.pending = std::mem::take(&mut self.in_checkpoint);
            self.pending_since.get_or_insert(now);
        }
    }

    /// All acknowledgements up to this ticket are durable. Returns it if that is news.
    pub(crate) fn durable(&mut self, ticket: u64) -> Option<u64> {
        assert!(ticket <= self.ticket, "only given tickets become durable");
        (ticket > self.durable_ticket).then(|| {
            self.durable_ticket = ticket;
            ticket
        })
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are what is tested")]
mod tests {
    use super::*;

    #[test]
    fn a_frame_beside_a_checkpoint_on_its_way_repeats_what_that_one_holds() {
        let mut acks = Acks::default();
        assert_eq!(acks.insert(0..2, 5), 1);
        assert_eq!(acks.checkpoint_begins(), 1);
        assert_eq!(acks.insert(4..6, 6), 2);
        assert_eq!(acks.take(8), (vec![4..6, 0..2], Some(2)));
        acks.checkpoint_ended(false, 7);
        assert_eq!(acks.pending_since(), Some(7));
        assert_eq!(acks.take(8), (vec![0..2], Some(2)));
        assert_eq!((acks.durable(2), acks.durable(1)), (Some(2), None));
    }

    #[test]
    fn a_frame_without_room_for_all_promises_nothing() {
        let mut acks = Acks::default();
        acks.insert(0..1, 0);
        acks.insert(5..6, 0);
        assert_eq!(acks.take(1), (vec![0..1], None));
        assert_eq!(acks.take(1), (vec![5..6], Some(2)));
    }
}
