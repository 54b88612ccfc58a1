//! Goal: every way of writing keeps the promises of `wal::disk`. Method: the same operations on real files, past and through
//! the page cache and through a mapping.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests touch files and clocks")]

use std::sync::Arc;
use std::time::{Duration, Instant};
use wal::disk::files::{Layout, SlotFiles};
use wal::disk::{Access, AlignedBuf, Disk, Done, Fault, Op, OpId, Owner, ThreadDisk, WakeUp};

struct Rig {
    disk: ThreadDisk,
    files: Arc<SlotFiles>,
    next: u64,
    _dir: tempfile::TempDir,
}

fn rig(access: Access) -> Option<Rig> {
    let dir = tempfile::tempdir().unwrap();
    if wal::disk::probe::try_access(dir.path(), access).is_err() {
        println!("SKIPPED: {access:?} does not work in {}", dir.path().display());
        return None;
    }
    let layout = Layout {
        checkpoint_dir: dir.path().join("checkpoint"),
        data_dirs: vec![dir.path().join("data-0"), dir.path().join("data-1")],
    };
    let owner = Owner { agent: "a1".into(), channel: "c1".into() };
    let files = Arc::new(SlotFiles::lock(layout, access, &owner).unwrap());
    let wake: WakeUp = Arc::new(|| {});
    let disk = ThreadDisk::start(files.clone(), 3, 1 << 20, &wake).unwrap();
    Some(Rig { disk, files, next: 0, _dir: dir })
}

impl Rig {
    fn run(&mut self, op: Op<AlignedBuf>) -> Done<AlignedBuf> {
        self.next += 1;
        self.disk.submit(OpId(self.next), op);
        let until = Instant::now() + Duration::from_secs(20);
        let mut done = Vec::new();
        while done.is_empty() {
            assert!(Instant::now() < until, "the operation does not complete");
            self.disk.poll(&mut done);
            std::thread::yield_now();
        }
        assert_eq!(done[0].id, OpId(self.next));
        done.pop().unwrap()
    }

    fn filled(&mut self, bytes: usize, with: u8) -> AlignedBuf {
        let mut buf = self.disk.buffer(bytes).unwrap();
        buf.as_mut().fill(with);
        buf
    }
}

fn check(access: Access, test: impl Fn(Rig)) {
    if let Some(rig) = rig(access) {
        test(rig);
    }
}

const WAYS: [Access; 3] = [Access::Direct, Access::Buffered, Access::Mapped];

#[test]
fn what_was_written_is_read_and_the_rest_is_zeros() {
    for access in WAYS {
        check(access, |mut rig| {
            assert_eq!(rig.run(Op::Prepare { slot: 3, size_bytes: 64 << 10 }).result, Ok(0));
            assert_eq!(rig.run(Op::SyncDir).result, Ok(0));
            let buf = rig.filled(8192, 7);
            let done = rig.run(Op::Write { slot: 3, offset_bytes: 4096, len_bytes: 8192, buf });
            assert_eq!(done.result, Ok(8192));
            drop(done);
            let buf = rig.filled(20_480, 1);
            let done = rig.run(Op::Read { slot: 3, offset_bytes: 0, at_bytes: 4096, len_bytes: 16_384, buf });
            assert_eq!(done.result, Ok(16_384));
            let bytes = done.buf.unwrap();
            let part =
                |from: usize, to: usize, value: u8| bytes.as_ref()[from..to].iter().all(|b| *b == value);
            assert!(
                part(0, 4096, 1) && part(4096, 8192, 0) && part(8192, 16_384, 7) && part(16_384, 20_480, 0)
            );
            let slots: Vec<(u32, u64)> =
                rig.files.slots().unwrap().iter().map(|s| (s.slot, s.size_bytes)).collect();
            assert_eq!(slots, [(3, 65_536)]);
            assert!(rig.files.layout().slot(3).ends_with("data-1/penstock/seg-00000003"));
        });
    }
}

#[test]
fn a_read_beyond_the_end_is_short() {
    for access in WAYS {
        check(access, |mut rig| {
            rig.run(Op::Prepare { slot: 0, size_bytes: 8192 });
            let buf = rig.filled(16_384, 9);
            let done = rig.run(Op::Read { slot: 0, offset_bytes: 4096, at_bytes: 0, len_bytes: 16_384, buf });
            assert_eq!(done.result, Ok(4096));
        });
    }
}

#[test]
fn both_checkpoint_copies_stand_apart() {
    for access in WAYS {
        check(access, |mut rig| {
            // They have their size from the beginning: writing one needs no space.
            let buf = rig.filled(64 << 10, 1);
            let done = rig.run(Op::ReadCheckpoint { copy: 0, len_bytes: 64 << 10, buf });
            assert_eq!(done.result, Ok(64 << 10));
            assert!(done.buf.unwrap().as_ref().iter().all(|b| *b == 0));
            for copy in [0, 1] {
                let buf = rig.filled(4096, copy + 1);
                assert_eq!(rig.run(Op::Checkpoint { copy, len_bytes: 4096, buf }).result, Ok(4096));
            }
            for copy in [0, 1] {
                let buf = rig.filled(4096, 0);
                let done = rig.run(Op::ReadCheckpoint { copy, len_bytes: 4096, buf });
                assert!(done.buf.unwrap().as_ref()[..4096].iter().all(|b| *b == copy + 1));
            }
        });
    }
}

#[test]
fn a_slot_that_is_not_there_is_an_error_of_the_operation() {
    for access in WAYS {
        check(access, |mut rig| {
            let missing = Err(Fault { errno: 2 });
            let buf = rig.filled(4096, 0);
            assert_eq!(rig.run(Op::Write { slot: 9, offset_bytes: 0, len_bytes: 4096, buf }).result, missing);
            assert_eq!(rig.run(Op::Remove { slot: 9 }).result, missing);
            rig.run(Op::Prepare { slot: 9, size_bytes: 4096 });
            assert_eq!(rig.run(Op::Remove { slot: 9 }).result, Ok(0));
            let buf = rig.filled(4096, 0);
            assert_eq!(rig.run(Op::Write { slot: 9, offset_bytes: 0, len_bytes: 4096, buf }).result, missing);
        });
    }
}

#[test]
fn damage_is_copied_aside_with_its_reason() {
    check(Access::Direct, |mut rig| {
        rig.run(Op::Prepare { slot: 2, size_bytes: 16_384 });
        let buf = rig.filled(4096, 5);
        rig.run(Op::Write { slot: 2, offset_bytes: 8192, len_bytes: 4096, buf });
        let why = "checksum of frame 17 is wrong".to_owned();
        let op = Op::Quarantine { slot: 2, from_bytes: 8192, to_bytes: 20_480, why };
        assert_eq!(rig.run(op).result, Ok(0));
        let dir = rig.files.quarantine_dir(2).unwrap();
        let copy = std::fs::read(dir.join("seg-00000002-8192-20480")).unwrap();
        assert!(
            copy.len() == 12_288
                && copy[..4096].iter().all(|b| *b == 5)
                && copy[4096..].iter().all(|b| *b == 0)
        );
        let text = std::fs::read_to_string(dir.join("seg-00000002-8192-20480.txt")).unwrap();
        assert!(text.starts_with("checksum of frame 17 is wrong"), "{text}");
    });
}

#[test]
fn buffers_come_back_and_their_number_is_bounded() {
    check(Access::Direct, |mut rig| {
        rig.run(Op::Prepare { slot: 0, size_bytes: 1 << 20 });
        let mut held = Vec::new();
        while let Some(buf) = rig.disk.buffer(256 << 10) {
            held.push(buf);
        }
        assert_eq!(held.len(), 4);
        let buf = held.pop().unwrap();
        let done = rig.run(Op::Write { slot: 0, offset_bytes: 0, len_bytes: 256 << 10, buf });
        assert!(rig.disk.buffer(256 << 10).is_none());
        drop(done);
        assert!(rig.disk.buffer(256 << 10).is_some());
    });
}
