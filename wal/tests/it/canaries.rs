//! Bugs planted on purpose. Each must be caught by one of the harness's own tests, run here with the bug in place; and
//! the same tests must pass without it, or catching proves nothing.

use crate::{
    flips::{flip_all, sample},
    model::{Figures, Style, run},
    world::{World, config, payload, recover, tiny_sim},
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};
use wal::{
    Config,
    canary::Canary,
    disk::sim::{FaultKind, FaultPlan, OpClass, SimDisk},
    format::{
        frame::{self, FIRST, FrameHeader, HEADER_BYTES, Kind, LAST, Seed},
        segment::SegmentHeader,
    },
    scan::{Expect, Item, Walker},
};

const ALL: [Canary; 15] = [
    Canary::AckBeforeSync,
    Canary::SkipBodyChecksum,
    Canary::ForgetDirectorySync,
    Canary::RetryFailedWrite,
    Canary::IgnoreFailedWrite,
    Canary::RecycleBeforeCheckpoint,
    Canary::ReuseEpoch,
    Canary::IgnoreChain,
    Canary::DeliverOpenSpan,
    Canary::FramesBeforeHeader,
    Canary::TruncateAtDamage,
    Canary::HideDamage,
    Canary::DropAfterFailure,
    Canary::AnnounceOutOfOrder,
    Canary::OverlapLastBlock,
];

thread_local! {
    /// A panic is what is hoped for: its message is of no interest.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

fn fails(check: impl FnOnce()) -> bool {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let failed = catch_unwind(AssertUnwindSafe(check)).is_err();
    QUIET.set(false);
    failed
}

/// Random operations with faults and crashes: a few hundred runs.
fn random_runs(config: &Config) {
    for seed in 0..400 {
        let style = Style { operations: 300, faults: seed % 2 == 0, crashes: true };
        run(seed, config.clone(), style, |disk, _| disk, &mut Figures::default());
    }
}

/// Every 7th bit of the log that was not closed, scanned from its beginning.
fn flipped_bits(config: &Config) {
    // The sample is made without the bug: this is about what opening makes of damage.
    let sample = sample(false, crate::world::config(50));
    flip_all(&sample, config, 7);
}

/// A disk on which the second write fails, and everything written there afterwards is lost in silence.
fn failing_write(config: &Config) {
    for operation in 6..16 {
        let mut world = World::new(config.clone(), SimDisk::new(tiny_sim(None)), Vec::new(), 1);
        world.pump();
        let only = Some(OpClass::Write);
        world.disk.fail(FaultPlan { operation, sticky: false, only, kind: FaultKind::Eio });
        for _ in 0..6 {
            for bytes in [900, 900, 900] {
                world.put(bytes, 1).ok();
            }
            world.pump();
        }
        let image = world.disk.images(1, 1).swap_remove(0);
        world.reopen(SimDisk::from_image(tiny_sim(None), &image));
        world.pump();
        world.check_reopened(false);
    }
}

/// Behind the end of the log lies a frame of the right segment, place and number that continues another history.
fn forged_chain(config: &Config) {
    let mut world = World::new(config.clone(), SimDisk::new(tiny_sim(None)), Vec::new(), 1);
    world.pump();
    world.put(100, 1).unwrap();
    world.pump();
    let mut image = world.disk.settled();
    let (slot, bytes) = image.slots.iter_mut().next().expect("a segment");
    let header = SegmentHeader::decode(bytes, *slot, 0).unwrap();
    let seed = Seed::new(header.epoch, header.salt, *slot);
    let first = Expect { frame: header.first_frame, event: 0, prev_header_crc: header.prev_header_crc };
    let mut walker = Walker::new(seed, 256..4096 - 256, first, None);
    let (mut at, mut expect) = (0, walker.expect());
    while let Item::Frame { .. } = walker.next(bytes, 0) {
        (at, expect) = (walker.at_bytes(), walker.expect());
    }
    let body = payload(9999, 100);
    let forged = FrameHeader {
        frame_seq: expect.frame,
        first_event: expect.event,
        durable_frame: 0,
        stored_bytes: 100,
        raw_bytes: 100,
        event_count: 1,
        part_offset: 0,
        body_crc: frame::body_crc([&body[..]].into_iter()),
        prev_header_crc: 0,
        kind: Kind::Data,
        flags: FIRST | LAST,
        wall_s: 0,
    };
    let at = at as usize;
    let (head, rest) = bytes[at..].split_first_chunk_mut::<HEADER_BYTES>().expect("room");
    forged.encode(head);
    rest[..100].copy_from_slice(&body);
    frame::seal(seed, at as u64, 0, expect.prev_header_crc ^ 1, &mut bytes[at..]);
    let mut opened = recover(&image, config, 60);
    assert_eq!(opened.drain().puts.len(), 1, "a frame of another history was delivered");
}

/// A put that lacks its end is followed by one that is whole.
fn open_span(config: &Config) {
    let mut world = World::new(config.clone(), SimDisk::new(tiny_sim(None)), Vec::new(), 1);
    world.pump();
    world.put_large(3000, 1, 2000);
    world.pump();
    world.abandon_large();
    world.put(50, 1).unwrap();
    world.pump();
    assert_eq!(world.drain().puts.len(), 1);
}

/// Which check catches the bug.
fn caught_by(config: &Config) -> Option<&'static str> {
    let checks: [(&str, fn(&Config)); 5] = [
        ("failing write", failing_write),
        ("forged chain", forged_chain),
        ("open span", open_span),
        ("random runs", random_runs),
        ("flipped bits", flipped_bits),
    ];
    checks.into_iter().find(|(_, check)| fails(|| check(config))).map(|(name, _)| name)
}

#[test]
fn every_planted_bug_is_caught() {
    assert_eq!(caught_by(&config(50)), None, "without a bug nothing fails");
    let mut missed = Vec::new();
    for canary in ALL {
        let planted = Config { canary: Some(canary), ..config(50) };
        match caught_by(&planted) {
            Some(check) => eprintln!("canary {canary:?}: caught by {check}"),
            None => missed.push(canary),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    eprintln!("canaries: {} planted, {} caught", ALL.len(), ALL.len() - missed.len());
}
