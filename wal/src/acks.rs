//! Which events are acknowledged: all below a low watermark, and ranges above it.

use std::{collections::BTreeMap, ops::Range};

/// A set of event sequence numbers that is dense at the bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AckSet {
    low: u64,
    /// Start to end; disjoint, not touching each other nor `low`.
    ranges: BTreeMap<u64, u64>,
}

impl AckSet {
    /// All events below `low`.
    pub fn below(low: u64) -> AckSet {
        AckSet { low, ranges: BTreeMap::new() }
    }

    /// All events below this are in.
    pub fn low(&self) -> u64 {
        self.low
    }

    /// The ranges above the low watermark.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ranges.iter().map(|(start, end)| *start..*end)
    }

    /// How many ranges there are above the low watermark.
    pub fn range_count(&self) -> usize {
        self.ranges.len()
    }

    /// Adds a range; returns how many of its events were not in yet.
    pub fn insert(&mut self, range: Range<u64>) -> u64 {
        let (mut start, mut end) = (range.start.max(self.low), range.end);
        if start >= end {
            return 0;
        }
        let mut new = end - start;
        if let Some((before, to)) = self.ranges.range(..=start).next_back()
            && *to >= start
        {
            new -= (*to).min(end) - start;
            start = *before;
            end = end.max(*to);
        }
        while let Some((next, to)) = self.ranges.range(start..).next().map(|(next, to)| (*next, *to))
            && next <= end
        {
            if next > start {
                let overlap = to.min(end) - next;
                new -= overlap.min(new);
            }
            end = end.max(to);
            self.ranges.remove(&next);
        }
        if start <= self.low {
            self.low = end;
        } else {
            self.ranges.insert(start, end);
        }
        new
    }

    /// Whether all of the range is in.
    pub fn covers(&self, range: &Range<u64>) -> bool {
        self.missing(range.clone()).next().is_none()
    }

    /// The parts of the range that are not in, ascending.
    pub fn missing(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = range.start.max(self.low);
        if let Some((_, end)) = self.ranges.range(..=at).next_back() {
            at = at.max(*end);
        }
        let mut above = self.ranges.range(at..);
        let mut done = false;
        std::iter::from_fn(move || {
            while !done && at < range.end {
                let hole = at;
                let end = match above.next() {
                    Some((start, end)) => {
                        at = *end;
                        (*start).min(range.end)
                    }
                    None => {
                        done = true;
                        range.end
                    }
                };
                if hole < end {
                    return Some(hole..end);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::Random;

    #[test]
    fn it_agrees_with_a_plain_list_of_flags() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let (mut set, mut flags) = (AckSet::default(), [false; 64]);
            for _ in 0..30 {
                let start = random.below(64);
                let range = start..(start + random.below(9)).min(64);
                let new = range.clone().filter(|at| !flags[*at as usize]).count() as u64;
                assert_eq!(set.insert(range.clone()), new, "seed {seed}");
                range.for_each(|at| flags[at as usize] = true);
                assert_eq!(set.low(), flags.iter().position(|flag| !flag).unwrap_or(64) as u64);
                let (from, to) = (random.below(64), random.below(64));
                let missing: Vec<u64> = set.missing(from..to).flatten().collect();
                let expected: Vec<u64> = (from..to).filter(|at| !flags[*at as usize]).collect();
                assert_eq!(missing, expected, "seed {seed}");
                assert_eq!(set.covers(&(from..to)), expected.is_empty());
            }
        }
    }
}
