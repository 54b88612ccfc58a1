//! Writing past the page cache.

use crate::load::latencies;
use anyhow::Context;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::pwrite;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

const FILE_BYTES: u64 = 256 << 20;
const BLOCK_BYTES: usize = 512 << 10;
const PAGE_BYTES: usize = 4 << 10;

/// What the disk does.
#[derive(Debug, Serialize)]
pub(crate) struct Disk {
    pub(crate) write_mb_per_s: f64,
    pub(crate) dsync_p50_us: u64,
    pub(crate) dsync_p99_us: u64,
    pub(crate) dsync_writes: u64,
}

/// Measures the disk below `dir` with a file that is removed afterwards.
///
/// # Errors
/// When the file system has no O_DIRECT, or no room.
pub(crate) fn measure(dir: &Path, time: Duration) -> anyhow::Result<Disk> {
    let path = dir.join(format!(".penstock-bench-{}", std::process::id()));
    let _remove = Remove(&path);
    let memory = Aligned::new(BLOCK_BYTES);
    let direct = open_file(&path, OFlags::DIRECT)?;
    // Written once, so that neither allocation nor unwritten extents are measured.
    for at in (0..FILE_BYTES).step_by(BLOCK_BYTES) {
        write(&direct, memory.slice(BLOCK_BYTES), at)?;
    }
    rustix::fs::fsync(&direct).context("cannot sync")?;
    let (mut bytes, mut at, began) = (0u64, 0, Instant::now());
    while began.elapsed() < time {
        write(&direct, memory.slice(BLOCK_BYTES), at)?;
        bytes += BLOCK_BYTES as u64;
        at = (at + BLOCK_BYTES as u64) % FILE_BYTES;
    }
    let write_mb_per_s = bytes as f64 / 1e6 / began.elapsed().as_secs_f64();
    let durable = open_file(&path, OFlags::DIRECT | OFlags::DSYNC)?;
    let mut latency = latencies();
    let (mut at, began) = (0, Instant::now());
    while began.elapsed() < time {
        let one = Instant::now();
        write(&durable, memory.slice(PAGE_BYTES), at)?;
        latency.saturating_record(one.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        at = (at + PAGE_BYTES as u64) % FILE_BYTES;
    }
    Ok(Disk {
        write_mb_per_s,
        dsync_p50_us: latency.value_at_quantile(0.5),
        dsync_p99_us: latency.value_at_quantile(0.99),
        dsync_writes: latency.len(),
    })
}

fn open_file(path: &Path, flags: OFlags) -> anyhow::Result<OwnedFd> {
    open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | flags, Mode::from_raw_mode(0o600))
        .with_context(|| format!("cannot open {} past the page cache", path.display()))
}

fn write(file: &OwnedFd, block: &[u8], at: u64) -> anyhow::Result<()> {
    let written = pwrite(file, block, at).context("cannot write past the page cache")?;
    anyhow::ensure!(written == block.len(), "a write of {} bytes wrote {written}", block.len());
    Ok(())
}

struct Remove<'a>(&'a Path);

impl Drop for Remove<'_> {
    fn drop(&mut self) {
        // Nothing was made when it could not be opened.
        std::fs::remove_file(self.0).ok();
    }
}

/// Memory that begins at a page: a longer piece, used from its first page on.
struct Aligned {
    memory: Vec<u8>,
    from: usize,
}

impl Aligned {
    fn new(bytes: usize) -> Self {
        let memory = vec![0x5a; bytes + PAGE_BYTES];
        let from = memory.as_ptr().align_offset(PAGE_BYTES);
        Aligned { memory, from }
    }

    fn slice(&self, bytes: usize) -> &[u8] {
        &self.memory[self.from..self.from + bytes]
    }
}
