//! The N-th operation fails, for every N: with an error, for want of space, with half of its bytes; once, and for ever.

use crate::world::{World, config, tiny_sim};
use wal::disk::sim::{FaultKind, FaultPlan, OpClass, SimDisk};

const KINDS: [FaultKind; 3] = [FaultKind::Eio, FaultKind::Enospc, FaultKind::Short];

/// A workload that uses everything: several segments, a put of many frames, acknowledgements, recycling, reading.
fn workload(world: &mut World<SimDisk>) {
    world.pump();
    for round in 0..24_u64 {
        world.put(100 + (round * 97 % 700) as usize, 1 + round as u32 % 3).ok();
        if round % 9 == 4 {
            world.put(1600, 2).ok();
        }
        world.pump();
        world.read(1000);
        world.pump();
        if round % 5 == 4 {
            for range in std::mem::take(&mut world.leased) {
                world.ack(range);
            }
            world.wait(1 << 40);
            world.pump();
        }
    }
}

fn fresh() -> World<SimDisk> {
    World::new(config(9), SimDisk::new(tiny_sim(None)), Vec::new(), 9)
}

#[test]
fn every_operation_may_fail_once_or_for_ever() {
    let mut calm = fresh();
    workload(&mut calm);
    let operations = calm.disk.operations();
    assert!(operations > 80, "{operations}");
    let (mut tried, mut failed) = (0, 0);
    for operation in 0..operations {
        for kind in KINDS {
            for sticky in [false, true] {
                let mut world = fresh();
                // A read that never works again may lose what it cannot read: that is not promised.
                let only = sticky.then_some([
                    OpClass::Write,
                    OpClass::Checkpoint,
                    OpClass::Prepare,
                    OpClass::SyncDir,
                ]);
                for only in only.map_or(vec![None], |only| only.into_iter().map(Some).collect()) {
                    world.disk.fail(FaultPlan { operation, sticky, only, kind });
                }
                workload(&mut world);
                tried += 1;
                failed += u64::from(world.refused);
                if !sticky {
                    assert!(!world.refused, "one fault fails no log: operation {operation} {kind:?}");
                    assert_eq!(world.damage, [], "operation {operation} {kind:?}");
                }
                for image in world.disk.images(4, operation) {
                    let mut opened = fresh();
                    opened.puts = world.puts.clone();
                    opened.acked = world.acked.clone();
                    opened.acked_durably = world.acked_durably.clone();
                    opened.reopen(SimDisk::from_image(tiny_sim(None), &image));
                    opened.pump();
                    opened.check_reopened(false);
                }
            }
        }
    }
    eprintln!(
        "countdown: {operations} operations, {tried} faults tried, {failed} logs failed as they should"
    );
}

#[test]
fn every_operation_of_opening_may_fail_once() {
    let mut world = fresh();
    workload(&mut world);
    let images = world.disk.images(8, 3);
    let mut tried = 0;
    for image in images {
        for kind in KINDS {
            for operation in 0.. {
                let mut opened = fresh();
                opened.puts = world.puts.clone();
                opened.acked = world.acked.clone();
                opened.reopen(SimDisk::from_image(tiny_sim(None), &image));
                opened.disk.fail(FaultPlan { operation, sticky: false, only: None, kind });
                opened.pump();
                let done = opened.disk.operations() <= operation;
                opened.check_reopened(false);
                tried += 1;
                if done {
                    break;
                }
            }
        }
    }
    eprintln!("countdown while opening: {tried} faults tried");
}

#[test]
fn a_disk_that_cannot_be_read_at_all_refuses_to_open() {
    let mut world = fresh();
    workload(&mut world);
    let image = world.disk.settled();
    let mut opened = fresh();
    opened.reopen(SimDisk::from_image(tiny_sim(None), &image));
    let plan = FaultPlan { operation: 0, sticky: true, only: Some(OpClass::Read), kind: FaultKind::Eio };
    opened.disk.fail(plan);
    opened.pump();
    let error = opened.cannot_open.take().expect("nothing could be read");
    assert_eq!(error.to_string(), "no segment could be read: Input/output error (os error 5)");
    assert_eq!(opened.disk.settled(), image, "nothing was changed");
}
