//! The task that moves operations between the log and its disk, and what calls and task share.

use super::Shared;
use super::put::Large;
use super::queue::{Piece, Queue};
use crate::channel::ChannelCx;
use crate::event::{Advice, Batch, Error, Frame};
use crate::reactor::{LogDisk, race};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use wal::disk::{AlignedBuf, SlotFile};
use wal::{AppendError, Config, Damage, Limits, Log, Notice, Report, Seq, State, Tick};

pub(super) type FileLog = Log<AlignedBuf>;

/// Batches kept in memory for sinks that keep up.
const CACHE_BYTES: u64 = 16 << 20;
/// What is read back at a time.
const READ_BYTES: u64 = 4 << 20;
/// How often free space is looked at while events are written, and while space is short.
const SPACE_EVERY: Duration = Duration::from_secs(2);

/// Bytes of buffers that a log with these limits may have out.
pub(super) fn buffer_bytes(limits: &Limits) -> usize {
    let commits = limits.commit_buffers * limits.commit_bytes as usize;
    let reads = limits.read_buffers * limits.read_bytes as usize;
    commits + reads + 8 * limits.checkpoint_bytes as usize + (4 << 20)
}

/// The result of a put, once there is one.
#[derive(Default)]
pub(super) struct Answer {
    result: Cell<Option<Result<(), ()>>>,
    waker: RefCell<Option<Waker>>,
}

impl Answer {
    fn give(&self, result: Result<(), ()>) {
        self.result.set(Some(result));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Resolves when the put is durable, or never will be.
    pub(super) async fn wait(&self) -> Result<(), ()> {
        poll_fn(|cx| match self.result.get() {
            Some(result) => Poll::Ready(result),
            None => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

struct Pending {
    piece: Piece,
    answer: Rc<Answer>,
}

/// A log that has opened.
pub(super) struct Opened {
    log: FileLog,
    disk: Box<dyn LogDisk>,
    report: Report,
}

impl Opened {
    /// Opens the log: reads what is there and says what it found.
    pub(super) async fn open(
        cx: &ChannelCx,
        config: Config,
        mut disk: Box<dyn LogDisk>,
        slots: Vec<SlotFile>,
        free_bytes: u64,
    ) -> Result<Opened, Error> {
        let began = cx.core.now();
        let mut log = Log::open(config, slots, began);
        loop {
            wal::pump(&mut log, &mut *disk, cx.core.now());
            match log.notice() {
                Some(Notice::Opened(report)) => {
                    say_opened(cx, &report, cx.core.now() - began);
                    // A log that is still opening does not listen. Its first segment may be under way by now.
                    log.set_free_bytes(free_bytes);
                    return Ok(Opened { log, disk, report: *report });
                }
                Some(Notice::CannotOpen(e)) => {
                    return Err(Error::caused(Advice::Stop, "the log does not open", e));
                }
                Some(_) => {}
                None => poll_fn(|task| disk.poll_progress(task)).await,
            }
        }
    }
}

fn say_opened(cx: &ChannelCx, report: &Report, took: Tick) {
    let name = &cx.name;
    let (waiting, ms) = (report.next_event - report.low_watermark, took / 1_000_000);
    match report.is_new {
        true => tracing::info!("channel {name}: a new log"),
        false => tracing::info!(
            "channel {name}: opened in {ms} ms; at most {waiting} events wait in {} segments; it was {}",
            report.segments,
            if report.was_closed { "closed in order" } else { "not closed: killed, or the power went" }
        ),
    }
    // A new log has no checkpoint yet, which is not worth a word.
    for remark in report.remarks.iter().filter(|_| !report.is_new) {
        tracing::warn!("channel {name}: {remark}");
    }
    for damage in &report.damage {
        say_damage(name, damage);
    }
}

fn say_damage(name: &str, damage: &Damage) {
    let certain = if damage.certain { "" } else { ", or they were never acknowledged" };
    tracing::error!(
        "channel {name}: bytes {} to {} of segment {} are damaged: {} events ({} to {}) are lost{certain}; a copy is in quarantine",
        damage.bytes.start,
        damage.bytes.end,
        damage.slot,
        damage.events.end - damage.events.start,
        damage.events.start,
        damage.events.end,
    );
}

/// What calls and the driver share.
pub(super) struct Inner {
    pub(super) log: FileLog,
    disk: Box<dyn LogDisk>,
    pub(super) queue: Queue,
    pending: VecDeque<Pending>,
    /// Events stored: waiting to be durable, queued, leased.
    pub(super) stored_events: u64,
    /// Bytes of bodies put since the start and not delivered; what an earlier process put is not counted.
    put_bytes: u64,
    pub(super) leased_events: u64,
    pub(super) acks_durable: u64,
    pub(super) large: Option<Large>,
    line: VecDeque<u64>,
    next_ticket: u64,
    pub(super) closing: bool,
    close_asked: bool,
    pub(super) closed: bool,
    pub(super) failed: Option<String>,
    /// Pieces read back, until the request is answered.
    read: Vec<Piece>,
    full_said: bool,
}

impl Inner {
    pub(super) fn new(opened: Opened) -> Self {
        let Opened { log, disk, report } = opened;
        let all = report.low_watermark..report.next_event;
        let waiting = log.acks().map_or(0, |acks| acks.missing(all.clone()).map(|r| r.end - r.start).sum());
        Inner {
            queue: Queue::new(all.start, all.end, waiting, CACHE_BYTES),
            log,
            disk,
            pending: VecDeque::new(),
            stored_events: waiting,
            put_bytes: 0,
            leased_events: 0,
            acks_durable: 0,
            large: None,
            line: VecDeque::new(),
            next_ticket: 0,
            closing: false,
            close_asked: false,
            closed: false,
            failed: None,
            read: Vec::new(),
            full_said: false,
        }
    }

    pub(super) fn line_up(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.line.push_back(ticket);
        ticket
    }

    pub(super) fn is_next(&self, ticket: u64) -> bool {
        self.line.front() == Some(&ticket)
    }

    pub(super) fn leave_line(&mut self, ticket: u64) {
        self.line.retain(|t| *t != ticket);
    }

    /// Notes a batch that the log has taken.
    pub(super) fn appended(&mut self, events: Range<Seq>, batch: Batch, now_ms: u64) -> Rc<Answer> {
        let answer = Rc::new(Answer::default());
        self.stored_events += events.end - events.start;
        self.put_bytes += batch.body_bytes();
        let piece = Piece { events, batch, stored_ms: now_ms };
        self.pending.push_back(Pending { piece, answer: answer.clone() });
        answer
    }

    /// Events that are not durable yet.
    pub(super) fn pending_events(&self) -> u64 {
        self.pending.iter().map(|p| p.piece.events.end - p.piece.events.start).sum()
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.put_bytes
    }

    /// Notes events that a sink has committed.
    pub(super) fn delivered(&mut self, events: u64, pieces: &[Piece]) {
        self.stored_events = self.stored_events.saturating_sub(events);
        let bytes: u64 = pieces.iter().map(|p| p.batch.body_bytes()).sum();
        self.put_bytes = self.put_bytes.saturating_sub(bytes);
    }

    pub(super) fn say_full(&mut self, channel: &str, why: &AppendError) {
        if !std::mem::replace(&mut self.full_said, true) {
            tracing::error!(
                "channel {channel} takes no events: {why}; sinks go on, and it recovers when there is space"
            );
        }
    }

    /// Asks the log to end, once.
    pub(super) fn close_log(&mut self, now: Tick) {
        if !std::mem::replace(&mut self.close_asked, true) {
            self.log.close(now);
        }
    }

    /// Moves what can be moved and tells what happened. Wakes through `shared`'s signals.
    fn progress(&mut self, shared: &Shared) {
        let now = shared.cx.core.now();
        self.log.tick(now);
        loop {
            wal::pump(&mut self.log, &mut *self.disk, now);
            let mut any = false;
            while let Some(notice) = self.log.notice() {
                any = true;
                self.hear(notice, shared);
            }
            if let Some(from) = self.queue.wants_read() {
                self.log.read(from, READ_BYTES);
                any = true;
            }
            if !any {
                return;
            }
        }
    }

    fn hear(&mut self, notice: Notice, shared: &Shared) {
        let name = &shared.cx.name;
        match notice {
            Notice::Durable { before, latency } => {
                shared.cx.metrics.commit_latency.record_ns(latency);
                self.durable(before);
                shared.filled.notify_one();
                shared.freed.notify_all();
            }
            Notice::AcksDurable { ticket } => {
                self.acks_durable = self.acks_durable.max(ticket);
                shared.settled.notify_all();
            }
            Notice::Readable => {
                self.take_read(name);
                shared.filled.notify_one();
            }
            Notice::Writable => {
                self.full_said = false;
                shared.freed.notify_all();
            }
            Notice::Damage(damage) => {
                say_damage(name, &damage);
                let events = damage.events.end - damage.events.start;
                self.stored_events = self.stored_events.saturating_sub(events);
                self.queue.lost(damage.events);
            }
            Notice::Poisoned { slot, fault } => tracing::error!(
                "channel {name}: writing to segment {slot} failed ({fault}): it is not used any more, its unanswered events go \
                 to another one"
            ),
            Notice::Refused { events, fault } => {
                self.refuse(&events);
                self.fail(shared, format!("the log has failed: {fault}"));
            }
            Notice::Closed => {
                self.closed = true;
                shared.settled.notify_all();
            }
            Notice::Opened(_) | Notice::CannotOpen(_) => {}
        }
        if self.log.state() == State::Failed && self.failed.is_none() {
            self.fail(shared, "the log has failed: writing failed twice in a row".to_owned());
        }
    }

    fn fail(&mut self, shared: &Shared, why: String) {
        if self.failed.is_none() {
            tracing::error!(
                "channel {}: {why}; what was acknowledged is safe; puts are refused until the agent is started again",
                shared.cx.name
            );
        }
        self.failed.get_or_insert(why);
        for pending in self.pending.drain(..) {
            pending.answer.give(Err(()));
        }
        shared.freed.notify_all();
        shared.settled.notify_all();
    }

    fn durable(&mut self, before: Seq) {
        while self.pending.front().is_some_and(|p| p.piece.events.end <= before) {
            let pending = self.pending.pop_front().expect("looked at above");
            self.queue.durable(pending.piece);
            pending.answer.give(Ok(()));
        }
    }

    fn refuse(&mut self, events: &Range<Seq>) {
        self.pending.retain(|p| {
            let refused = p.piece.events.start >= events.start && p.piece.events.end <= events.end;
            if refused {
                self.stored_events =
                    self.stored_events.saturating_sub(p.piece.events.end - p.piece.events.start);
                p.answer.give(Err(()));
            }
            !refused
        });
    }

    fn take_read(&mut self, name: &Arc<str>) {
        let mut frames: Vec<(Range<Seq>, u32, Vec<u8>)> = Vec::new();
        let next = self.log.take_read(|f| frames.push((f.events, f.wall_s, f.payload.to_vec())));
        let from = self.queue.cached_end();
        for (events, wall_s, payload) in frames {
            match Frame::from_stored(payload) {
                Ok(frame) if u64::from(frame.len()) == events.end - events.start => {
                    let wanted = from.max(events.start)..events.end.max(from);
                    let acks = self.log.acks().expect("an open log has them");
                    for part in acks.missing(wanted).filter(|r| !r.is_empty()) {
                        let offsets = (part.start - events.start) as u32..(part.end - events.start) as u32;
                        let batch = Batch::new(&frame, std::iter::once(offsets).collect());
                        self.read.push(Piece { events: part, batch, stored_ms: u64::from(wall_s) * 1_000 });
                    }
                }
                read => {
                    let why = read
                        .err()
                        .map_or_else(|| "its number of events is wrong".to_owned(), |e| e.to_string());
                    tracing::error!(
                        "channel {name}: events {} to {} cannot be read: {why}",
                        events.start,
                        events.end
                    );
                    self.queue.lost(events.clone());
                    self.stored_events = self.stored_events.saturating_sub(events.end - events.start);
                    self.log.ack(events, 0);
                }
            }
        }
        if let Some(next) = next {
            let pieces = std::mem::take(&mut self.read);
            self.queue.read(pieces, next);
        }
    }
}

/// Runs until the channel is dropped.
pub(super) async fn drive(shared: Rc<Shared>) {
    let core = shared.cx.core.clone();
    let mut written = 0;
    let mut looked = core.now();
    loop {
        let woken = shared.changed.wait();
        let (deadline, now_written, short) = {
            let mut inner = shared.inner.borrow_mut();
            inner.progress(&shared);
            (
                inner.log.deadline(),
                inner.log.stats().written_bytes,
                matches!(inner.log.state(), State::Full(_)),
            )
        };
        let next_look = looked + SPACE_EVERY.as_nanos() as u64;
        if core.now() >= next_look && (short || now_written != written) {
            (looked, written) = (core.now(), now_written);
            look_at_space(&shared).await;
            continue;
        }
        let look = short.then_some(next_look);
        let wake_at = match (deadline, look) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let timer = async {
            match wake_at {
                Some(at) => core.sleep(Duration::from_nanos(at.saturating_sub(core.now()))).await,
                None => std::future::pending().await,
            }
        };
        let moved = poll_fn(|cx| shared.inner.borrow_mut().disk.poll_progress(cx));
        race(moved, race(woken, timer)).await;
    }
}

/// Tells the log how much space the file system has.
async fn look_at_space(shared: &Rc<Shared>) {
    let files = shared.files.clone();
    if let Ok(free) = shared.cx.core.run_elsewhere(move || files.free_bytes()).await {
        shared.inner.borrow_mut().log.set_free_bytes(free);
    }
}
