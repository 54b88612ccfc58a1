//! Every crash image at every operation of short workloads, and again at every operation of the opening after it.

use crate::world::{World, config, recover, tiny_sim};
use wal::disk::sim::{Image, SimDisk};

/// A short workload: `moves[i]` is what happens at step `i`.
#[derive(Debug, Clone, Copy)]
enum Move {
    Put(usize),
    Large(usize),
    Work,
    AckAll,
    Wait,
    Close,
}

fn apply(world: &mut World<SimDisk>, step: Move) {
    match step {
        Move::Put(bytes) => {
            world.put(bytes, 2).ok();
        }
        Move::Large(bytes) => world.put_large(bytes, 3, bytes),
        Move::Work => world.pump(),
        Move::AckAll => {
            let durable = world.log.durable_before();
            world.ack(0..durable);
        }
        Move::Wait => world.wait(1 << 40),
        Move::Close => world.log.close(world.now),
    }
}

/// Cuts the power after each submitted operation and after each completion, and opens every image of it.
fn enumerate(moves: &[Move], deep: bool) -> (u64, u64, u64) {
    let (mut points, mut images, mut again) = (0, 0, 0);
    let mut world = World::new(config(5), SimDisk::new(tiny_sim(None)), Vec::new(), 5);
    let mut check = |world: &mut World<SimDisk>| {
        points += 1;
        for image in world.disk.images(64, points) {
            images += 1;
            again += survives(world, &image, deep);
        }
    };
    check(&mut world);
    for step in moves {
        if !matches!(step, Move::Work) {
            apply(&mut world, *step);
            check(&mut world);
            continue;
        }
        loop {
            while world.step(1) {
                check(&mut world);
            }
            if !world.poll() {
                break;
            }
            check(&mut world);
        }
    }
    (points, images, again)
}

/// Opens one image, checks every promise of the world that crashed, and crashes again at every operation of opening.
fn survives(world: &World<SimDisk>, image: &Image, deep: bool) -> u64 {
    let mut opened = World::new(config(6), SimDisk::from_image(tiny_sim(None), image), Vec::new(), 6);
    inherit(world, &mut opened);
    opened.reopen(SimDisk::from_image(tiny_sim(None), image));
    let mut again = 0;
    if deep {
        loop {
            let moved = opened.step(1);
            for second in opened.disk.images(6, again) {
                let mut third = recover(&second, &config(7), 7);
                inherit(world, &mut third);
                third.check_reopened(false);
                again += 1;
            }
            if !moved && !opened.poll() {
                break;
            }
        }
    }
    opened.pump();
    opened.check_reopened(false);
    again
}

fn inherit(from: &World<SimDisk>, to: &mut World<SimDisk>) {
    to.puts = from.puts.clone();
    to.acked = from.acked.clone();
    to.acked_durably = from.acked_durably.clone();
    to.durable_before = from.durable_before;
    to.next_id = from.next_id;
}

#[test]
fn every_crash_of_short_workloads_keeps_every_promise() {
    use Move::{AckAll, Close, Large, Put, Wait, Work};
    let workloads: [&[Move]; 8] = [
        &[Work, Put(40), Work],
        &[Work, Put(40), Put(300), Work, Put(700), Work],
        &[Work, Put(700), Put(700), Put(700), Put(700), Work, Put(700), Work],
        &[Work, Put(40), Work, AckAll, Put(40), Work, AckAll, Wait, Work],
        &[Work, Large(5000), Work, Large(5000), Work, Large(5000), Work],
        &[
            Work,
            Put(900),
            Work,
            Put(900),
            Work,
            Put(900),
            Work,
            Put(900),
            Work,
            AckAll,
            Wait,
            Work,
            Wait,
            Work,
        ],
        &[Work, Put(100), Work, Close, Work],
        &[Work, Put(100), Put(900), Work, AckAll, Wait, Work, Put(100), Close, Work],
    ];
    let mut sums = (0, 0, 0);
    for moves in workloads {
        let (points, images, again) = enumerate(moves, true);
        sums = (sums.0 + points, sums.1 + images, sums.2 + again);
    }
    eprintln!("crash enumeration: {} points, {} images, {} crashes while opening", sums.0, sums.1, sums.2);
    assert!(sums.1 > 500, "{sums:?}");
}

#[test]
fn every_crash_of_a_longer_workload_keeps_every_promise() {
    let mut moves = vec![Move::Work];
    for round in 0..24 {
        moves.extend([Move::Put(100 + round * 70 % 800), Move::Put(60), Move::Work]);
        if round % 3 == 2 {
            moves.extend([Move::AckAll, Move::Wait, Move::Work]);
        }
    }
    let (points, images, _) = enumerate(&moves, false);
    eprintln!("longer workload: {points} points, {images} images");
    assert!(images > 1000, "{images}");
}
