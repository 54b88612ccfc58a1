//! The disk of a durable log, as a task of a core sees it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use wal::disk::{AlignedBuf, Disk, Done, Op, OpId, SlotFiles, ThreadDisk, WakeUp};

/// What performs a log's commits and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDiskOn {
    /// The core's ring, where it has one.
    Ring,
    /// Threads of the log's own.
    Threads,
}

/// A [`Disk`] whose completions wake a task.
pub trait LogDisk: Disk<Buf = AlignedBuf> {
    /// Ready when [`Disk::poll`] has something to give; else the task is woken when it has.
    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Commits and reads that may be under way at once on threads.
const THREADS: usize = 4;

/// A log's disk on threads of its own, for cores without a ring and for ways of writing that a ring does not have.
pub(super) struct Threaded {
    disk: ThreadDisk,
    waker: Arc<atomic_waker::AtomicWaker>,
    done: Vec<Done<AlignedBuf>>,
}

impl Threaded {
    pub(super) fn start(files: Arc<SlotFiles>, buffer_bytes: usize) -> io::Result<Threaded> {
        let waker = Arc::new(atomic_waker::AtomicWaker::new());
        let wake: WakeUp = {
            let waker = waker.clone();
            Arc::new(move || waker.wake())
        };
        Ok(Threaded {
            disk: ThreadDisk::start(files, THREADS, buffer_bytes, &wake)?,
            waker,
            done: Vec::new(),
        })
    }
}

impl Disk for Threaded {
    type Buf = AlignedBuf;

    fn buffer(&mut self, at_least_bytes: usize) -> Option<AlignedBuf> {
        self.disk.buffer(at_least_bytes)
    }

    fn submit(&mut self, id: OpId, op: Op<AlignedBuf>) {
        self.disk.submit(id, op);
    }

    fn poll(&mut self, out: &mut Vec<Done<AlignedBuf>>) {
        out.append(&mut self.done);
        self.disk.poll(out);
    }
}

impl LogDisk for Threaded {
    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Registered first: a completion between looking and sleeping wakes.
        self.waker.register(cx.waker());
        self.disk.poll(&mut self.done);
        if self.done.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

#[cfg(test)]
mod tests;
