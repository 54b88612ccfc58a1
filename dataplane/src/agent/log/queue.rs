//! What lies between the threads that log and the one thread that writes.

use super::LogFigures;
use super::format::Origin;
use super::limiter::Limiter;
use crossbeam_queue::{ArrayQueue, SegQueue};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread::Thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Records that may wait.
const MAX_RECORDS: usize = 4096;
/// Bytes of text of records that may wait.
const MAX_RECORD_BYTES: usize = 2 << 20;

/// One line from a `tracing` call.
pub(super) struct Record {
    pub(super) wall_ms: i64,
    pub(super) from: Origin,
    pub(super) text: String,
}

/// Work that is answered.
pub(super) enum Job {
    /// Event lines of a sink. Dropping `done` without an answer means that the log has ended.
    Events { wall_ms: i64, from: Origin, texts: Vec<String>, done: oneshot::Sender<io::Result<()>> },
    /// Answered when everything before it was written or refused.
    Flush(mpsc::Sender<()>),
}

/// Two queues with one reader. Records are bounded here; jobs are bounded by those who wait for their answers, one each.
pub(super) struct Queue {
    records: ArrayQueue<Record>,
    record_bytes: AtomicUsize,
    jobs: SegQueue<Job>,
    writer: OnceLock<Thread>,
    closed: AtomicBool,
    /// Dropped and not yet said.
    pub(super) unsaid_drops: AtomicU64,
    pub(super) limiter: Limiter,
    pub(super) counts: Counts,
}

/// The figures behind [`LogFigures`].
#[derive(Default)]
pub(super) struct Counts {
    pub(super) lines: AtomicU64,
    pub(super) dropped_records: AtomicU64,
    pub(super) failed_lines: AtomicU64,
}

impl Queue {
    pub(super) fn new() -> Self {
        Queue {
            records: ArrayQueue::new(MAX_RECORDS),
            record_bytes: AtomicUsize::new(0),
            jobs: SegQueue::new(),
            writer: OnceLock::new(),
            closed: AtomicBool::new(false),
            unsaid_drops: AtomicU64::new(0),
            limiter: Limiter::default(),
            counts: Counts::default(),
        }
    }

    /// Hands a record over, or drops and counts it. Never waits.
    pub(super) fn push(&self, record: Record) {
        let bytes = record.text.len();
        let room = self.record_bytes.fetch_add(bytes, Relaxed) + bytes <= MAX_RECORD_BYTES;
        if !room || self.records.push(record).is_err() {
            self.record_bytes.fetch_sub(bytes, Relaxed);
            self.unsaid_drops.fetch_add(1, Relaxed);
            self.counts.dropped_records.fetch_add(1, Relaxed);
        }
        self.wake();
    }

    /// Hands a job over; whoever waits for its answer gets one, also when the log has ended.
    pub(super) fn push_job(&self, job: Job) {
        self.jobs.push(job);
        if self.closed.load(SeqCst) {
            while self.jobs.pop().is_some() {}
        }
        self.wake();
    }

    /// See `LogHandle::flush`.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let (done, written) = mpsc::channel();
        self.push_job(Job::Flush(done));
        written.recv_timeout(limit).is_ok()
    }

    /// The oldest record that waits.
    pub(super) fn pop(&self) -> Option<Record> {
        let record = self.records.pop()?;
        self.record_bytes.fetch_sub(record.text.len(), Relaxed);
        Some(record)
    }

    /// The oldest job that waits.
    pub(super) fn pop_job(&self) -> Option<Job> {
        self.jobs.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.jobs.is_empty()
    }

    /// Names the thread that is woken by work.
    pub(super) fn read_by(&self, thread: Thread) {
        let first = self.writer.set(thread).is_ok();
        assert!(first, "a log has one writer");
        self.wake();
    }

    /// No job will be answered from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        while self.jobs.pop().is_some() {}
    }

    /// See `LogHandle::figures`.
    pub(super) fn figures(&self) -> LogFigures {
        LogFigures {
            lines: self.counts.lines.load(Relaxed),
            dropped_records: self.counts.dropped_records.load(Relaxed),
            suppressed_records: self.limiter.suppressed(),
            failed_lines: self.counts.failed_lines.load(Relaxed),
        }
    }

    /// Lets the writer look again. A swap of one flag unless it sleeps.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.writer.get() {
            thread.unpark();
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
