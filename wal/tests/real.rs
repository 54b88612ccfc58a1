//! Goal: a whole log works on real files, whichever way they are written. Method: the same workload for each way, with the
//! log closed, and dropped as a kill would; what was promised is there each time.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests touch files and clocks")]

use std::{
    io::IoSlice,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use wal::{
    AppendError, Config, Limits, Log, Notice, Report,
    disk::{
        Access, AlignedBuf, Owner, ThreadDisk, WakeUp,
        files::{Layout, SlotFiles},
    },
    format::LogId,
    pump, verify,
};

fn limits() -> Limits {
    Limits {
        block_bytes: 4096,
        first_segment_bytes: 128 << 10,
        min_segment_bytes: 64 << 10,
        max_segment_bytes: 256 << 10,
        max_bytes: 8 << 20,
        commit_bytes: 32 << 10,
        read_bytes: 64 << 10,
        put_bytes: 1 << 20,
        checkpoint_bytes: 64 << 10,
        ..Limits::tiny()
    }
}

fn layout(dir: &Path) -> Layout {
    let data = |name: &str| dir.join(name);
    Layout { checkpoint_dir: dir.join("checkpoint"), data_dirs: vec![data("data-0"), data("data-1")] }
}

/// An open log on real files. Fields are dropped in order: the disk's threads end before the lock is given up.
struct Rig {
    log: Log<AlignedBuf>,
    disk: ThreadDisk,
    begun: Instant,
    durable_before: u64,
    readable: bool,
    writable: bool,
    closed: bool,
    report: Option<Report>,
}

impl Rig {
    fn open(dir: &Path, access: Access, salt: u64) -> Rig {
        let owner = Owner { agent: "a1".into(), channel: "c1".into() };
        let files = Arc::new(SlotFiles::lock(layout(dir), access, &owner).unwrap());
        let wake: WakeUp = Arc::new(|| {});
        let disk = ThreadDisk::start(files.clone(), 3, 4 << 20, &wake).unwrap();
        let config =
            Config { directories: 2, ..Config::new(limits(), LogId([3; 16]), salt, 1_790_000_000_000) };
        let log = Log::open(config, files.slots().unwrap(), 0);
        let mut rig = Rig {
            log,
            disk,
            begun: Instant::now(),
            durable_before: 0,
            readable: false,
            writable: false,
            closed: false,
            report: None,
        };
        rig.until("it opens", |rig| rig.report.is_some());
        rig
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// Works until `done`, at most 20 seconds.
    fn until(&mut self, what: &str, done: impl Fn(&Rig) -> bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !done(self) {
            assert!(Instant::now() < limit, "{what}: {:?} {:?}", self.log.state(), self.log.stats());
            let now = self.now();
            self.log.tick(now);
            pump(&mut self.log, &mut self.disk, now);
            while let Some(notice) = self.log.notice() {
                match notice {
                    Notice::Opened(report) => self.report = Some(*report),
                    Notice::Durable { before, .. } => self.durable_before = before,
                    Notice::Readable => self.readable = true,
                    Notice::Closed => self.closed = true,
                    Notice::CannotOpen(error) => panic!("{error}"),
                    Notice::Damage(damage) => panic!("{damage:?}"),
                    Notice::Refused { fault, .. } => panic!("{fault}"),
                    Notice::Writable => self.writable = true,
                    Notice::AcksDurable { .. } | Notice::Poisoned { .. } => {}
                }
            }
            std::thread::yield_now();
        }
    }

    fn put(&mut self, number: u64) {
        let body = body(number);
        loop {
            match self.log.append(&[IoSlice::new(&body)], 1, self.now()) {
                Ok(events) => break assert_eq!(events, number..number + 1),
                Err(AppendError::Busy) => {
                    self.writable = false;
                    self.until("room", |rig| rig.writable);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn read(&mut self, from: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut next = from;
        while next < self.log.durable_before() {
            self.log.read(next, 1 << 20);
            loop {
                self.readable = false;
                self.until("something to read", |rig| rig.readable);
                let answer = self.log.take_read(|frame| {
                    let number = frame.events.start;
                    assert!(frame.payload == body(number), "put {number} has wrong bytes");
                    numbers.push(number);
                });
                if let Some(answer) = answer {
                    next = answer;
                    break;
                }
            }
        }
        numbers
    }
}

fn body(number: u64) -> Vec<u8> {
    let bytes = if number % 17 == 3 { 60_000 } else { 200 + (number * 797 % 9000) as usize };
    (0..bytes).map(|at| (number as usize * 31 + at * 7) as u8).collect()
}

fn workload(access: Access) {
    let dir = tempfile::tempdir().unwrap();
    if wal::disk::probe::try_access(dir.path(), access).is_err() {
        println!("SKIPPED: {access:?} does not work in {}", dir.path().display());
        return;
    }
    let mut next = 0;
    let mut acked = 0;
    for round in 0..6 {
        let mut rig = Rig::open(dir.path(), access, round);
        let report = rig.report.clone().unwrap();
        assert_eq!(report.is_new, round == 0);
        assert_eq!((report.next_event, report.damage.len()), (next, 0));
        if round > 0 {
            // Dropped without closing: what was acknowledged just before may come again.
            let came = rig.read(report.low_watermark);
            assert_eq!(came, (report.low_watermark..next).collect::<Vec<_>>());
            assert!(report.low_watermark <= acked);
        }
        for _ in 0..60 {
            rig.put(next);
            next += 1;
        }
        rig.until("all is durable", |rig| rig.durable_before == next);
        let low = rig.log.acks().unwrap().low();
        rig.log.ack(low..next - 20, rig.now());
        acked = next - 20;
        if round % 2 == 0 {
            let now = rig.now();
            rig.log.close(now);
            rig.until("it closes", |rig| rig.closed);
        }
        drop(rig);
        let checked = verify::check(&layout(dir.path())).unwrap();
        assert_eq!(checked.damage, [], "round {round}");
        assert_eq!(checked.next_event, next, "round {round}");
        assert!(checked.low_watermark <= acked);
        println!("{access:?} round {round}: {checked}");
    }
}

#[test]
fn a_log_keeps_its_promises_past_the_page_cache() {
    workload(Access::Direct);
}

#[test]
fn a_log_keeps_its_promises_through_the_page_cache() {
    workload(Access::Buffered);
}

#[test]
fn a_log_keeps_its_promises_through_a_mapping() {
    workload(Access::Mapped);
}

#[test]
fn verify_names_the_damage_that_opening_would_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path(), Access::Buffered, 1);
    for number in 0..40 {
        rig.put(number);
    }
    rig.until("all is durable", |rig| rig.durable_before == 40);
    let now = rig.now();
    rig.log.close(now);
    rig.until("it closes", |rig| rig.closed);
    drop(rig);
    let path = layout(dir.path()).slot(0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 + 64 + 10] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let checked = verify::check(&layout(dir.path())).unwrap();
    assert_eq!(checked.damage.len(), 1, "{checked}");
    assert_eq!(checked.damage[0].events, 0..1);
    let mut frames = 0;
    verify::frames(&layout(dir.path()), |_, _| frames += 1).unwrap();
    assert!(frames >= 39, "{frames}");
    // Nothing was changed by looking.
    assert!(std::fs::read(&path).unwrap() == bytes);
}
