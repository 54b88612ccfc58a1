//! Goal: a log's disk keeps its promises on the ring and on threads, and completions wake the task that waits. Method: the
//! same operations on real files for every back end and way of writing.

use crate::reactor::{Core, IoChoice, LogDisk, LogDiskOn, block_on, probe_io_uring};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use wal::disk::files::{Layout, SlotFiles};
use wal::disk::{Access, AlignedBuf, Done, Fault, Op, OpId, Owner, probe};

const WAYS: [Access; 3] = [Access::Direct, Access::Buffered, Access::Mapped];

/// Runs `test` with every combination that works here.
fn on_every_disk<F: Future<Output = ()> + 'static>(
    test: impl Fn(Core, Box<dyn LogDisk>) -> F + Copy + 'static,
) {
    let mut ran = 0;
    for io in [IoChoice::Uring, IoChoice::Epoll] {
        if io == IoChoice::Uring && probe_io_uring().is_err() {
            continue;
        }
        for access in WAYS {
            let dir = tempfile::tempdir().unwrap();
            if probe::try_access(dir.path(), access).is_err() {
                continue;
            }
            let layout = Layout {
                checkpoint_dir: dir.path().join("checkpoint"),
                data_dirs: vec![dir.path().join("data")],
            };
            let owner = Owner { agent: "a1".into(), channel: "c1".into() };
            let files = Arc::new(SlotFiles::lock(layout, access, &owner).unwrap());
            block_on(io, move |core| async move {
                let disk = core.log_disk(files, 4 << 20, LogDiskOn::Ring).unwrap();
                let limit = core.timeout(Duration::from_secs(30), test(core.clone(), disk)).await;
                assert!(limit.is_some(), "{io:?} {access:?}: a completion did not wake");
            })
            .unwrap();
            ran += 1;
        }
    }
    assert!(ran >= 2, "no way of writing works in the temporary directory");
}

async fn next(disk: &mut Box<dyn LogDisk>) -> Vec<Done<AlignedBuf>> {
    poll_fn(|cx| disk.poll_progress(cx)).await;
    let mut done = Vec::new();
    disk.poll(&mut done);
    done
}

async fn one(disk: &mut Box<dyn LogDisk>, op: Op<AlignedBuf>) -> Done<AlignedBuf> {
    disk.submit(OpId(0), op);
    let mut done = next(disk).await;
    assert_eq!(done.len(), 1);
    done.pop().unwrap()
}

#[test]
fn commits_in_flight_complete_and_read_back() {
    on_every_disk(|_, mut disk| async move {
        assert_eq!(one(&mut disk, Op::Prepare { slot: 0, size_bytes: 1 << 20 }).await.result, Ok(0));
        assert_eq!(one(&mut disk, Op::SyncDir).await.result, Ok(0));
        for n in 0..4u8 {
            let mut buf = disk.buffer(64 << 10).unwrap();
            buf.as_mut().fill(n + 1);
            let offset_bytes = u64::from(n) * (64 << 10);
            disk.submit(OpId(u64::from(n)), Op::Write { slot: 0, offset_bytes, len_bytes: 64 << 10, buf });
        }
        let mut ids = Vec::new();
        while ids.len() < 4 {
            for done in next(&mut disk).await {
                assert_eq!(done.result, Ok(64 << 10));
                ids.push(done.id.0);
            }
        }
        ids.sort_unstable();
        assert_eq!(ids, [0, 1, 2, 3]);
        let buf = disk.buffer(256 << 10).unwrap();
        let op = Op::Read { slot: 0, offset_bytes: 0, at_bytes: 0, len_bytes: 256 << 10, buf };
        let done = one(&mut disk, op).await;
        assert_eq!(done.result, Ok(256 << 10));
        let bytes = done.buf.unwrap();
        for (n, part) in bytes.as_ref().chunks(64 << 10).enumerate() {
            assert!(part.iter().all(|b| usize::from(*b) == n + 1), "part {n}");
        }
    });
}

#[test]
fn a_missing_slot_is_an_error_of_its_operation() {
    on_every_disk(|_, mut disk| async move {
        let buf = disk.buffer(4096).unwrap();
        let done = one(&mut disk, Op::Write { slot: 7, offset_bytes: 0, len_bytes: 4096, buf }).await;
        assert_eq!(done.result, Err(Fault { errno: 2 }));
        assert!(done.buf.is_some());
    });
}

#[test]
fn a_disk_dropped_with_commits_in_flight_leaves_them_to_the_kernel() {
    on_every_disk(|core, mut disk| async move {
        one(&mut disk, Op::Prepare { slot: 0, size_bytes: 1 << 20 }).await;
        for n in 0..8u64 {
            let buf = disk.buffer(128 << 10).unwrap();
            let op = Op::Write { slot: 0, offset_bytes: n * (128 << 10), len_bytes: 128 << 10, buf };
            disk.submit(OpId(n), op);
        }
        drop(disk);
        // The thread goes on, and its ring with it.
        core.sleep(Duration::from_millis(1)).await;
    });
}
