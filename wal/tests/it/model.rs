//! Random operations with crashes against the plain list of `world.rs`, with limits so tiny that every wrap-around,
//! full log and recycled slot happens in every run.

use crate::world::{Sim, World, config, recover, tiny_sim};
use std::time::{Duration, Instant};
use wal::{
    Config,
    disk::sim::{FaultKind, FaultPlan, Image, OpClass, Random, SimDisk, StingyDisk},
};

/// What a run did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) operations: u64,
    pub(crate) puts: u64,
    pub(crate) refused: u64,
    pub(crate) acked_ranges: u64,
    pub(crate) crashes: u64,
    pub(crate) crashes_while_opening: u64,
    pub(crate) closes: u64,
    pub(crate) faults: u64,
    pub(crate) trace: u64,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) operations: u64,
    pub(crate) faults: bool,
    pub(crate) crashes: bool,
}

/// One run of random operations on one kind of disk. `rebuild` makes a disk from what a crash left.
pub(crate) fn run<D: Sim>(
    seed: u64,
    config: Config,
    style: Style,
    rebuild: impl Fn(SimDisk, u64) -> D,
    figures: &mut Figures,
) {
    let mut random = Random::new(seed);
    let shuffle = |random: &mut Random| random.chance(3, 4).then(|| random.number());
    let disk = rebuild(SimDisk::new(tiny_sim(shuffle(&mut random))), seed);
    let mut world = World::new(config, disk, Vec::new(), seed ^ 1);
    world.pump();
    world.check_reopened(false);
    figures.runs += 1;
    for _ in 0..style.operations {
        figures.operations += 1;
        match random.below(100) {
            0..30 => {
                let bytes = match random.below(10) {
                    0 => random.below(2300),
                    1..4 => random.below(700),
                    _ => random.below(120),
                } as usize;
                match world.put(bytes, 1 + random.below(5) as u32) {
                    Ok(()) => figures.puts += 1,
                    Err(_) => figures.refused += 1,
                }
            }
            30..34 => world.put_large(
                2000 + random.below(6000) as usize,
                1 + random.below(4) as u32,
                1 + random.below(3000) as usize,
            ),
            34 => world.abandon_large(),
            35..55 => {
                world.step(1 + random.below(3) as usize);
            }
            55..70 => {
                world.poll();
            }
            70..80 => world.read(1 + random.below(2000)),
            80..92 => {
                if !world.leased.is_empty() {
                    let at = random.below(world.leased.len() as u64) as usize;
                    let range = world.leased.swap_remove(at);
                    let split = range.start + random.below(range.end - range.start + 1);
                    if split > range.start {
                        world.ack(range.start..split);
                        figures.acked_ranges += 1;
                    }
                    if split < range.end && random.chance(2, 3) {
                        world.ack(split..range.end);
                    }
                }
            }
            92..96 => world.wait(1 << random.below(38)),
            96 if style.faults => {
                let only =
                    [OpClass::Write, OpClass::Checkpoint, OpClass::Prepare, OpClass::SyncDir, OpClass::Read]
                        [random.below(5) as usize];
                let kind = [FaultKind::Eio, FaultKind::Enospc, FaultKind::Short][random.below(3) as usize];
                let operation = world.disk.sim().operations() + random.below(6);
                world.disk.sim().fail(FaultPlan { operation, sticky: false, only: Some(only), kind });
                figures.faults += 1;
            }
            96..98 if random.chance(1, 8) => {
                let capacity = (random.below(3) * 12 + 12) << 10;
                world.disk.sim().set_capacity(capacity);
            }
            98 if style.crashes && random.chance(1, 3) => {
                let image = world.disk.sim().crash(&mut random);
                reopen(&mut world, image, &mut random, &rebuild, figures);
            }
            99 if style.crashes && random.chance(1, 6) => {
                world.disk.sim().heal();
                world.log.close(world.now);
                for _ in 0..50 {
                    world.pump();
                    world.wait(1 << 34);
                }
                figures.closes += u64::from(world.closed);
                let image = world.disk.sim().settled();
                reopen(&mut world, image, &mut random, &rebuild, figures);
            }
            _ => {
                world.step(1);
                world.poll();
            }
        }
        if world.refused {
            // Two writes failed in a row: the log is over, as it must be. What it promised still holds.
            let image = world.disk.sim().crash(&mut random);
            reopen(&mut world, image, &mut random, &rebuild, figures);
        }
    }
    let image = world.disk.sim().crash(&mut random);
    figures.trace ^= world.disk.sim().trace();
    reopen(&mut world, image, &mut random, &rebuild, figures);
    // Calm at the end: everything drains, and a fresh put arrives.
    world.disk.sim().set_capacity(40 << 10);
    let durable = world.log.durable_before();
    world.ack(0..durable);
    let deadline = 400;
    for round in 0.. {
        world.pump();
        world.wait(1 << 36);
        if world.put(100, 1).is_ok() {
            break;
        }
        assert!(round < deadline, "stuck: {:?} {:?}", world.log.state(), world.log.stats());
    }
    for _ in 0..20 {
        world.pump();
        world.wait(1 << 34);
    }
    assert!(world.log.durable_before() > durable, "a fresh put never became durable");
}

fn reopen<D: Sim>(
    world: &mut World<D>,
    mut image: Image,
    random: &mut Random,
    rebuild: &impl Fn(SimDisk, u64) -> D,
    figures: &mut Figures,
) {
    figures.crashes += 1;
    loop {
        let shuffle = random.chance(3, 4).then(|| random.number());
        let disk = SimDisk::from_image(tiny_sim(shuffle), &image);
        world.reopen(rebuild(disk, random.number()));
        if random.chance(1, 4) {
            // The power goes again while the log opens, or shortly after.
            for _ in 0..random.below(30) {
                world.step(1);
                world.poll();
            }
            image = world.disk.sim().crash(random);
            figures.crashes_while_opening += 1;
            // What was announced meanwhile counts: nothing was put, so nothing can be.
            continue;
        }
        break;
    }
    world.pump();
    world.check_reopened(false);
}

fn many(name: &str, first_seed: u64, operations_in_all: u64, style: Style, stingy: bool) {
    let mut figures = Figures::default();
    let begun = Instant::now();
    let limit = Duration::from_secs(120);
    let only = std::env::var("WAL_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let mut seed = only.unwrap_or(first_seed);
    while figures.operations < operations_in_all && begun.elapsed() < limit {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut of_run = figures;
            if stingy {
                let rebuild =
                    |disk, seed| StingyDisk::new(disk, 256, if style.faults { 40 } else { 0 }, seed);
                run(seed, config(seed), style, rebuild, &mut of_run);
            } else {
                run(seed, config(seed), style, |disk, _| disk, &mut of_run);
            }
            of_run
        }));
        match result {
            Ok(of_run) => figures = of_run,
            Err(panic) => {
                eprintln!("{name}: replay with WAL_SEED={seed} cargo test -p wal --test it {name}");
                std::panic::resume_unwind(panic);
            }
        }
        if only.is_some() {
            break;
        }
        seed += 1;
    }
    eprintln!("{name}: {figures:?} in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(only.is_some() || figures.operations >= operations_in_all, "out of time: {figures:?}");
}

#[test]
fn a_million_random_operations_with_crashes_lose_nothing() {
    let style = Style { operations: 400, faults: false, crashes: true };
    many("a_million_random_operations_with_crashes_lose_nothing", 1, 1_000_000, style, false);
}

#[test]
fn random_operations_with_faults_and_crashes_lose_nothing() {
    let style = Style { operations: 300, faults: true, crashes: true };
    many("random_operations_with_faults_and_crashes_lose_nothing", 1_000_000, 300_000, style, false);
}

#[test]
fn a_disk_that_does_less_than_it_is_asked_loses_nothing() {
    let style = Style { operations: 300, faults: true, crashes: true };
    many("a_disk_that_does_less_than_it_is_asked_loses_nothing", 2_000_000, 200_000, style, true);
}

#[test]
fn two_runs_of_a_seed_ask_the_disk_the_same() {
    let style = Style { operations: 600, faults: true, crashes: true };
    let trace = |seed| {
        let mut figures = Figures::default();
        run(seed, config(seed), style, |disk, _| disk, &mut figures);
        figures.trace
    };
    for seed in 3_000_000..3_000_010 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
    assert_ne!(trace(1), trace(2));
}

#[test]
fn opening_twice_comes_to_the_same_as_opening_once() {
    let style = Style { operations: 0, faults: false, crashes: false };
    let mut images = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut figures = Figures::default();
        run(seed, config(seed), style, |disk, _| disk, &mut figures);
        let mut world = World::new(config(seed), SimDisk::new(tiny_sim(Some(seed))), Vec::new(), seed);
        world.pump();
        for _ in 0..60 {
            world.put(random.below(900) as usize, 1 + random.below(3) as u32).ok();
            world.step(2);
            if random.chance(1, 2) {
                world.poll();
            }
        }
        for image in world.disk.images(24, seed) {
            let mut once = recover(&image, &config(seed), 100);
            let first = once.drain();
            let mut twice = recover(&once.disk.settled(), &config(seed), 200);
            let second = twice.drain();
            assert_eq!(first.puts, second.puts, "seed {seed}");
            assert_eq!(second.damage, [], "seed {seed}: what is settled is not reported again");
            assert_eq!(once.log.durable_before(), twice.log.durable_before(), "seed {seed}");
            images += 1;
        }
    }
    eprintln!("opening_twice: {images} images");
}
