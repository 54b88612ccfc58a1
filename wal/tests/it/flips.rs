//! Every single bit of a small log flipped, one at a time, in a log that was closed and in one that was not; and larger
//! damage: zeroed and swapped sectors, blocks from another time, files cut short or gone.

use crate::world::{Drained, World, config, overlap, recover, tiny_sim};
use std::collections::{BTreeMap, BTreeSet};
use wal::{
    Config, OnCorruption,
    disk::sim::{Image, SimDisk},
};

/// A log whose contents are known.
pub(crate) struct Sample {
    pub(crate) image: Image,
    /// First event to number of each put that must come.
    owed: BTreeMap<u64, (std::ops::Range<u64>, u64)>,
    /// All puts ever, for what may come again.
    all: BTreeMap<u64, u64>,
    /// The events of the newest commit, if the log was not closed.
    newest: std::ops::Range<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) flips: u64,
    pub(crate) harmless: u64,
    pub(crate) named: u64,
    pub(crate) again: u64,
    pub(crate) torn: u64,
}

pub(crate) fn sample(closed: bool, config: Config) -> Sample {
    let mut world = World::new(config, SimDisk::new(tiny_sim(None)), Vec::new(), 1);
    world.pump();
    let mut all = BTreeMap::new();
    for round in 0..12_u64 {
        // Two puts a commit, now and then one of several frames; some are acknowledged on the way.
        world.put(40 + (round * 37 % 300) as usize, 1 + round as u32 % 3).unwrap();
        if round % 11 == 5 {
            world.put(1500, 2).unwrap();
        }
        if round % 2 == 1 {
            world.pump();
        }
        if round == 3 || round == 7 {
            world.ack(0..world.log.durable_before() / 2);
            world.wait(1 << 40);
            world.pump();
        }
        all.extend(world.puts.values().map(|put| (put.events.start, put.id)));
    }
    world.pump();
    let before = world.log.durable_before();
    world.put(200, 3).unwrap();
    world.pump();
    let newest = if closed { 0..0 } else { before..world.log.durable_before() };
    if closed {
        world.log.close(world.now);
        world.pump();
        assert!(world.closed);
    }
    all.extend(world.puts.values().map(|put| (put.events.start, put.id)));
    let owed = world.puts.values().filter(|put| world.acked.missing(put.events.clone()).next().is_some());
    let owed = owed.map(|put| (put.events.start, (put.events.clone(), put.id))).collect();
    Sample { image: world.disk.settled(), owed, all, newest }
}

/// Checks what came out of a damaged image; returns the puts that did not come and were not named.
fn judge(sample: &Sample, drained: &Drained) -> (Vec<std::ops::Range<u64>>, u64) {
    let mut seen = BTreeSet::new();
    for (events, id) in &drained.puts {
        assert_eq!(sample.all.get(&events.start), Some(id), "a put that never was: {id} at {events:?}");
        assert!(seen.insert(events.start), "put {id} came twice");
    }
    let missing = sample.owed.values().filter(|(events, _)| !seen.contains(&events.start));
    let missing: Vec<_> = missing.map(|(events, _)| events.clone()).collect();
    let named =
        |events: &std::ops::Range<u64>| drained.damage.iter().any(|damage| overlap(&damage.events, events));
    let unnamed: Vec<_> = missing.iter().filter(|events| !named(events)).cloned().collect();
    // What is named is exactly what is missing.
    for damage in &drained.damage {
        for (events, id) in sample.owed.values().filter(|(events, _)| overlap(&damage.events, events)) {
            assert!(missing.contains(events), "put {id} is named as damaged and was delivered");
        }
    }
    (unnamed, missing.len() as u64)
}

pub(crate) fn flip_all(sample: &Sample, config: &Config, every: usize) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let slots: Vec<u32> = sample.image.slots.keys().copied().collect();
    let mut image = sample.image.clone();
    for slot in slots.iter().copied().map(Some).chain([None]) {
        let bits = slot.map_or(image.checkpoint.len(), |slot| image.slots[&slot].len()) * 8;
        for bit in (0..bits).step_by(every) {
            flip(&mut image, slot, bit);
            let mut world = recover(&image, config, 50);
            assert_eq!(world.cannot_open, None, "the log always opens: slot {slot:?} bit {bit}");
            let drained = world.drain();
            let (unnamed, missing) = judge(sample, &drained);
            assert!(missing <= 1, "one bit, {missing} puts: slot {slot:?} bit {bit}");
            let torn = unnamed.iter().all(|events| overlap(events, &sample.newest));
            assert!(torn, "lost and not named: {unnamed:?}, slot {slot:?} bit {bit}");
            outcomes.flips += 1;
            match (missing, unnamed.len(), drained.puts.len() > sample.owed.len()) {
                (0, _, false) => outcomes.harmless += 1,
                (0, _, true) => outcomes.again += 1,
                (_, 0, _) => outcomes.named += 1,
                _ => outcomes.torn += 1,
            }
            flip(&mut image, slot, bit);
        }
    }
    outcomes
}

fn flip(image: &mut Image, slot: Option<u32>, bit: usize) {
    let bytes = match slot {
        Some(slot) => image.slots.get_mut(&slot).expect("a slot of the image"),
        None => &mut image.checkpoint,
    };
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_flipped_bit_of_a_closed_log_is_named_or_harmless() {
    let sample = sample(true, config(50));
    let outcomes = flip_all(&sample, &config(50), 1);
    eprintln!("closed log: {} puts owed, {outcomes:?}", sample.owed.len());
    assert_eq!(outcomes.torn, 0);
    assert!(outcomes.named > 5_000, "{outcomes:?}");
}

#[test]
fn every_flipped_bit_of_an_unclosed_log_is_named_or_in_the_newest_commit() {
    let sample = sample(false, config(50));
    let outcomes = flip_all(&sample, &config(50), 1);
    eprintln!("unclosed log: {} puts owed, {outcomes:?}", sample.owed.len());
    // Even the newest commit is named as long as its padding is whole: that it may pass for torn is a promise less.
    assert!(outcomes.named > 5_000, "{outcomes:?}");
}

/// Larger damage to a closed log: whatever is whole comes, whatever is not is named.
fn damaged(sample: &Sample, what: &str, image: &Image) {
    let mut world = recover(image, &config(50), 50);
    assert_eq!(world.cannot_open, None, "{what}");
    let drained = world.drain();
    let (unnamed, _) = judge(sample, &drained);
    assert_eq!(unnamed, [], "{what}: lost and not named");
    // And again: what was settled stays settled, once a checkpoint had its time.
    world.rest();
    let second = recover(&world.disk.settled(), &config(50), 51).drain();
    assert_eq!(second.damage, [], "{what}: reported twice");
}

#[test]
fn zeroed_and_swapped_sectors_are_named_or_harmless() {
    let sample = sample(true, config(50));
    for (slot, bytes) in &sample.image.slots {
        for at in (0..bytes.len()).step_by(64) {
            let mut image = sample.image.clone();
            let of = image.slots.get_mut(slot).expect("there");
            of[at..at + 64].fill(0);
            damaged(&sample, &format!("slot {slot} zero at {at}"), &image);
            let of = image.slots.get_mut(slot).expect("there");
            of.copy_from_slice(bytes);
            let other = (at + 512) % bytes.len();
            for byte in 0..64 {
                of.swap(at + byte, other + byte);
            }
            damaged(&sample, &format!("slot {slot} swap {at} and {other}"), &image);
        }
    }
}

#[test]
fn a_slot_cut_short_anywhere_or_gone_is_named() {
    let sample = sample(true, config(50));
    for (slot, bytes) in &sample.image.slots {
        for len in (0..bytes.len()).step_by(64) {
            let mut image = sample.image.clone();
            image.slots.get_mut(slot).expect("there").truncate(len);
            damaged(&sample, &format!("slot {slot} cut at {len}"), &image);
        }
        let mut image = sample.image.clone();
        image.slots.remove(slot);
        damaged(&sample, &format!("slot {slot} gone"), &image);
    }
}

#[test]
fn without_checkpoints_everything_is_found_by_scanning() {
    for closed in [true, false] {
        let sample = sample(closed, config(50));
        let mut image = sample.image.clone();
        image.checkpoint.fill(0);
        let mut world = recover(&image, &config(50), 50);
        let drained = world.drain();
        let (unnamed, missing) = judge(&sample, &drained);
        assert_eq!((unnamed.len(), missing), (0, 0));
    }
}

#[test]
fn stop_refuses_damage_changes_nothing_and_takes_torn_tails() {
    let sample = sample(true, config(50));
    let stop = Config { on_corruption: OnCorruption::Stop, ..config(50) };
    let mut refused = 0;
    for slot in sample.image.slots.keys() {
        for bit in (0..sample.image.slots[slot].len() * 8).step_by(97) {
            let mut image = sample.image.clone();
            flip(&mut image, Some(*slot), bit);
            let mut world = recover(&image, &stop, 50);
            if world.cannot_open.is_some() {
                refused += 1;
                assert_eq!(world.disk.settled(), image, "nothing was changed");
                continue;
            }
            // Damage behind the checkpoint is met while reading: the log fails, nothing is settled.
            let before = world.log.acks().expect("open").low();
            let drained = world.drain_until_damage();
            assert!(drained.damage.is_empty() || world.log.acks().expect("open").low() == before);
        }
    }
    eprintln!("stop: {refused} refusals at opening");
}
