//! Small claims about one log, each by itself.

use crate::world::{World, config, tiny_sim};
use wal::{
    AppendError, Config, Limits, Retain, State,
    disk::sim::{FaultKind, FaultPlan, OpClass, SimConfig, SimDisk},
};

fn world(config: Config, sim: SimConfig) -> World<SimDisk> {
    let mut world = World::new(config, SimDisk::new(sim), Vec::new(), 1);
    world.pump();
    assert!(world.report.as_ref().is_some_and(|report| report.is_new));
    world
}

#[test]
fn completions_out_of_order_are_noticed_in_order() {
    for seed in 0..50 {
        let mut world = world(config(1), tiny_sim(Some(seed)));
        for round in 0..40 {
            // The oracle asserts that durability only grows, and only over whole puts.
            world.put(300, 1 + round % 3).ok();
            world.step(1);
            if round % 4 == 0 {
                world.poll();
            }
        }
        world.pump();
        assert!(world.puts.values().all(|put| put.durable), "seed {seed}");
    }
}

#[test]
fn what_is_put_is_read_back_whole_and_in_order() {
    let mut world = world(config(1), tiny_sim(None));
    for bytes in [1, 16, 17, 64, 400, 700, 900, 2000] {
        world.put(bytes, 2).unwrap();
        world.pump();
    }
    world.put_large(6000, 3, 6000);
    while world.large.is_some() {
        world.pump();
        world.put_large(6000, 3, 6000);
    }
    world.pump();
    let drained = world.drain();
    assert_eq!(drained.puts.len(), 9);
    assert_eq!(drained.damage, []);
}

#[test]
fn a_full_log_refuses_puts_takes_acknowledgements_and_recovers_by_itself() {
    let mut world = world(config(1), tiny_sim(None));
    let refused = loop {
        match world.put(700, 1) {
            Ok(()) => world.pump(),
            Err(AppendError::Busy) => {
                world.pump();
                world.wait(1 << 40);
            }
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, AppendError::NoSpace(_)), "{refused}");
    assert!(matches!(world.log.state(), State::Full(_)));
    let durable = world.log.durable_before();
    let drained = world.drain();
    assert_eq!(drained.puts.len() as u64, durable);
    world.ack(0..durable);
    for _ in 0..20 {
        world.pump();
        world.wait(1 << 40);
    }
    world.put(700, 1).unwrap();
    world.pump();
    assert_eq!(world.log.state(), State::Open);
    assert_eq!(world.log.durable_before(), durable + 1);
}

#[test]
fn a_failed_write_goes_to_another_segment_and_two_in_a_row_fail_the_log() {
    let mut world = world(config(1), tiny_sim(None));
    world.put(100, 1).unwrap();
    world.pump();
    let eio = FaultPlan {
        operation: world.disk.operations(),
        sticky: false,
        only: Some(OpClass::Write),
        kind: FaultKind::Eio,
    };
    world.disk.fail(eio);
    world.put(100, 1).unwrap();
    world.pump();
    assert_eq!(world.log.durable_before(), 2);
    assert_eq!(world.log.stats().poisoned, 1);
    assert!(!world.refused);
    world.disk.fail(FaultPlan { sticky: true, ..eio });
    world.put(100, 1).unwrap();
    world.pump();
    assert!(world.refused);
    assert!(matches!(world.put(1, 1), Err(AppendError::Failed { .. })));
    assert_eq!(world.log.state(), State::Failed);
    // What was durable can still be read.
    world.disk.heal();
    assert_eq!(world.drain().puts.len(), 2);
}

#[test]
fn an_idle_log_gives_spare_segments_back() {
    let limits =
        Limits { max_segment_bytes: 32 << 10, max_bytes: 1 << 20, spare_segments: 4, ..Limits::tiny() };
    let sim = SimConfig { capacity_bytes: 1 << 20, ..tiny_sim(None) };
    let mut world = world(Config { limits, ..config(1) }, sim);
    for _ in 0..300 {
        if world.put(700, 1).is_ok() {
            world.pump();
            world.ack(0..world.log.durable_before());
        }
        world.pump();
    }
    let busy = world.log.stats();
    assert!(busy.spare_segments >= 3, "{busy:?}");
    world.now += 120_000_000_000;
    for _ in 0..40 {
        world.wait(1 << 50);
        world.pump();
    }
    let idle = world.log.stats();
    assert_eq!((idle.spare_segments, idle.segments), (1, 1), "{idle:?}");
    assert!(idle.disk_bytes < busy.disk_bytes);
}

#[test]
fn retained_segments_stay_for_their_time() {
    let minute = 60_000_000_000;
    let mut world = world(Config { retain: Retain::For(minute), ..config(1) }, tiny_sim(None));
    for _ in 0..8 {
        world.put(700, 1).unwrap();
        world.pump();
    }
    world.ack(0..8);
    world.now += minute / 2;
    world.pump();
    world.wait(0);
    world.pump();
    let before = world.log.stats();
    assert!(before.segments > 1 && before.recycled == 0, "{before:?}");
    world.now += minute;
    for _ in 0..5 {
        world.log.tick(world.now);
        world.pump();
        world.now += minute / 2;
    }
    assert_eq!(world.log.stats().segments, 1);
}

#[test]
fn acknowledgements_ride_on_commits_or_go_to_the_checkpoint() {
    let mut world = world(Config { ack_sync: true, ..config(1) }, tiny_sim(None));
    world.put(10, 4).unwrap();
    world.pump();
    let checkpoints = world.log.stats().checkpoints;
    world.ack(0..2);
    world.pump();
    assert_eq!(world.tickets, [], "durable at once, without a commit to ride on");
    assert_eq!(world.log.stats().checkpoints, checkpoints + 1);
    world.ack(2..3);
    world.put(10, 1).unwrap();
    world.pump();
    assert_eq!(world.tickets, []);
    assert_eq!(world.log.stats().checkpoints, checkpoints + 1, "it rode on the commit");
}

#[test]
fn a_closed_log_opens_without_scanning() {
    let mut world = world(config(1), tiny_sim(None));
    for _ in 0..5 {
        world.put(200, 1).unwrap();
    }
    world.pump();
    world.log.close(world.now);
    world.pump();
    assert!(world.closed);
    let image = world.disk.settled();
    world.reopen(SimDisk::from_image(tiny_sim(None), &image));
    world.pump();
    let report = world.report.clone().unwrap();
    assert!(report.was_closed && report.scanned_frames == 0, "{report:?}");
    assert_eq!(world.check_reopened(false).puts.len(), 5);
}
