//! In which order Java's hash maps give their entries back, computed without Java.
//!
//! Flume keeps headers, lists of names and properties in `HashMap`s, and their order shows: in the logger sink's lines,
//! in the order of a sink group's members, in which `${key}` references resolve. The order is fixed by the JDK's
//! published algorithm: buckets by `(h ^ h >>> 16) & (n - 1)` with `h = String.hashCode`, `n` a power of two that doubles
//! when more than three quarters are used, and the order of insertion inside a bucket.
//!
//! # Limits
//! A bucket that Java turns into a tree (nine colliding names in a table of 64 or more) is listed as if it were a list.

use super::Headers;
use std::collections::HashSet;
use std::fmt;

/// Headers as Java prints a `HashMap`: `{k=v, k2=v2}`, in its order, without quotes.
pub struct MapText<'a>(pub Headers<'a>);

impl fmt::Display for MapText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<(&str, &str)> = self.0.iter().collect();
        f.write_str("{")?;
        for (nth, at) in hash_order(pairs.iter().map(|(name, _)| *name)).into_iter().enumerate() {
            let (name, value) = pairs[at];
            let separator = if nth > 0 { ", " } else { "" };
            write!(f, "{separator}{name}={value}")?;
        }
        f.write_str("}")
    }
}

/// Java's `String.hashCode`: over UTF-16 units, wrapping.
pub fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// Positions of `names` in the order of a `HashMap` or `HashSet` that was filled one by one. A repeated name counts once,
/// at its first position.
pub fn hash_order<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    order(names, SMALLEST_TABLE)
}

/// Positions of `names` in the order of `new HashSet<>(Arrays.asList(names))`, whose table is sized for the whole list,
/// repetitions included.
pub fn set_of_list_order<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let names: Vec<&str> = names.into_iter().collect();
    // Java: (int) (size / .75f) + 1, at least 16, rounded up to a power of two.
    let wanted = names.len() * 4 / 3 + 1;
    order(names, wanted.max(SMALLEST_TABLE).next_power_of_two())
}

/// Positions of `keys` in the order of `Properties.stringPropertyNames()` after `load`: the properties lie in a
/// `ConcurrentHashMap`, whose growing reverses parts of a bucket, and are copied from there into a `HashMap`.
pub fn properties_order<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let keys: Vec<&str> = keys.into_iter().collect();
    let stored = concurrent_order(&keys);
    hash_order(stored.iter().map(|&at| keys[at])).into_iter().map(|at| stored[at]).collect()
}

const SMALLEST_TABLE: usize = 16;
/// From this many entries in a bucket on, Java grows the table, or makes a tree when the table has 64 buckets.
const LONG_BUCKET: usize = 8;
const SMALLEST_TABLE_WITH_TREES: usize = 64;

fn spread(text: &str) -> usize {
    let hash = string_hash(text);
    (hash ^ (hash >> 16)) as usize
}

/// The first position of every name, with its spread hash.
fn distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(usize, usize)> {
    let mut seen = HashSet::new();
    let names = names.into_iter().enumerate();
    names.filter(|(_, name)| seen.insert(*name)).map(|(at, name)| (at, spread(name))).collect()
}

fn order<'a>(names: impl IntoIterator<Item = &'a str>, table: usize) -> Vec<usize> {
    let entries = distinct(names);
    let mut buckets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); table];
    for (count, &entry) in entries.iter().enumerate() {
        let size = buckets.len();
        let bucket = &mut buckets[entry.1 & (size - 1)];
        bucket.push(entry);
        let long = bucket.len() > LONG_BUCKET && size < SMALLEST_TABLE_WITH_TREES;
        if long || count + 1 > size / 4 * 3 {
            buckets = split(buckets, |bucket, bit| bucket.into_iter().partition(|e| e.1 & bit == 0));
        }
    }
    buckets.into_iter().flatten().map(|(at, _)| at).collect()
}

fn concurrent_order(keys: &[&str]) -> Vec<usize> {
    let entries = distinct(keys.iter().copied());
    let mut buckets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); SMALLEST_TABLE];
    for (count, &entry) in entries.iter().enumerate() {
        let size = buckets.len();
        let bucket = &mut buckets[entry.1 & (size - 1)];
        bucket.push(entry);
        if bucket.len() > LONG_BUCKET && size < SMALLEST_TABLE_WITH_TREES {
            // tryPresize(2n) grows until three quarters hold tableSizeFor(3n + 1).
            while buckets.len() / 4 * 3 < (3 * size + 1).next_power_of_two() {
                buckets = split(buckets, transfer);
            }
        }
        while count + 1 >= buckets.len() / 4 * 3 {
            buckets = split(buckets, transfer);
        }
    }
    buckets.into_iter().flatten().map(|(at, _)| at).collect()
}

type Bucket = Vec<(usize, usize)>;

/// Doubles a table: every bucket becomes its lower and its upper half.
fn split(buckets: Vec<Bucket>, halves: impl Fn(Bucket, usize) -> (Bucket, Bucket)) -> Vec<Bucket> {
    let bit = buckets.len();
    let (mut lower, upper): (Vec<_>, Vec<_>) = buckets.into_iter().map(|b| halves(b, bit)).unzip();
    lower.extend(upper);
    lower
}

/// How `ConcurrentHashMap` splits a bucket: the longest tail that stays together is kept, what stood before it is put in
/// front one by one.
fn transfer(bucket: Bucket, bit: usize) -> (Bucket, Bucket) {
    let Some(last) = bucket.last() else { return (Vec::new(), Vec::new()) };
    let side = last.1 & bit;
    let tail = bucket.iter().rposition(|e| e.1 & bit != side).map_or(0, |at| at + 1);
    let (mut lower, mut upper): (Bucket, Bucket) = bucket[..tail].iter().rev().partition(|e| e.1 & bit == 0);
    if side == 0 { &mut lower } else { &mut upper }.extend(&bucket[tail..]);
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(order: Vec<usize>, list: &[&'static str]) -> Vec<&'static str> {
        order.into_iter().map(|at| list[at]).collect()
    }

    #[test]
    fn hash_is_over_utf16_units() {
        // As a JDK 17 prints them.
        for (text, hash) in [("", 0), ("sink1", 109_442_046), ("é", 233), ("\u{1F600}", 1_772_899)] {
            assert_eq!(string_hash(text), hash, "{text}");
        }
    }

    #[test]
    fn sinks_come_in_bucket_order() {
        let list = ["sink1", "sink2", "sink3", "sink4", "sink5"];
        assert_eq!(names(hash_order(list), &list), ["sink4", "sink3", "sink5", "sink2", "sink1"]);
        let list = ["k2", "k1", "k2", "k3"];
        assert_eq!(names(hash_order(list), &list), ["k1", "k2", "k3"]);
    }

    #[test]
    fn a_set_of_a_list_of_twelve_has_a_larger_table() {
        let list = ["f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
        assert_eq!(names(hash_order(list), &list).concat(), "pqfghijklmno");
        assert_eq!(names(set_of_list_order(list), &list).concat(), "fghijklmnopq");
    }

    #[test]
    fn every_name_appears_once() {
        let many: Vec<String> = (0..1000).map(|n| format!("a1.sources.r{n}.type")).collect();
        for order in
            [hash_order(many.iter().map(String::as_str)), properties_order(many.iter().map(String::as_str))]
        {
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        }
    }
}
