//! One io_uring for a thread, submitted and reaped by hand.
//!
//! Every operation owns its buffer and its descriptor through a slot that is freed by the completion and by nothing else:
//! a future that is dropped leaves its operation, and what it needs, in flight, and asks the kernel to cancel it.
//! Operations are submitted, and completions collected, once a turn of the thread's loop and whenever an operation is
//! polled; the ring counts completions into an event descriptor that the thread's one place of sleep watches.

mod file;
mod log_disk;
mod net;
mod op;
mod slots;

pub(super) use file::open;
pub(super) use log_disk::RingDisk;
pub(super) use net::{connect, listen};

use super::{affinity, watch};
use io_uring::squeue::Entry;
use io_uring::{IoUring, Probe, opcode};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use slots::{Abandon, Key, Lent, Room, Slots};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Operations handed to the kernel at once; more go in several parts.
const SUBMISSIONS: u32 = 256;
/// Completions that wait for us; the kernel keeps more aside.
const COMPLETIONS: u32 = 1024;
/// Completions of cancellations, which tell us nothing.
const CANCELLATION: u64 = u64::MAX;
/// Operations in a row that may be ready at once before a task lets others run.
const READY_IN_A_ROW: u32 = 4;
/// How long an ending thread waits for what the kernel still has.
const LONGEST_END: Duration = Duration::from_secs(5);

/// Whether this process may use io_uring; the answer is found once.
///
/// # Errors
/// Why not, in one sentence.
pub fn probe() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    ANSWER.get_or_init(|| build().map(drop).map_err(|e| e.to_string())).clone()
}

/// A thread's ring.
pub(super) struct Ring {
    inner: RefCell<Inner>,
    wake: AsyncFd<OwnedFd>,
    ready_in_a_row: Cell<u32>,
    /// The loop's first task, which calls `turn`.
    turner: RefCell<Waker>,
}

struct Inner {
    uring: IoUring,
    slots: Slots,
    /// Entries that found the submission queue full.
    late: VecDeque<Entry>,
    /// Emptied outside of every borrow: a waker may drop a task, and with it other operations.
    woken: Vec<Waker>,
}

impl Ring {
    /// A ring for this thread, inside its runtime.
    ///
    /// # Errors
    /// When the kernel refuses it; says what the reason may be.
    pub(super) fn new() -> io::Result<Ring> {
        let uring = build()?;
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        uring.submitter().register_eventfd(counter.as_raw_fd())?;
        let workers = affinity::home_as_libc();
        if let Err(e) = uring.submitter().register_iowq_aff(&workers) {
            tracing::debug!("the ring's own workers stay on this thread's CPU: {e}");
        }
        let inner = Inner { uring, slots: Slots::default(), late: VecDeque::new(), woken: Vec::new() };
        Ok(Ring {
            inner: RefCell::new(inner),
            wake: watch::readable(counter)?,
            ready_in_a_row: Cell::new(0),
            turner: RefCell::new(Waker::noop().clone()),
        })
    }

    /// Submits what is new and wakes whoever has an answer. Called by the loop's first task, which is woken by the next
    /// completion that nobody has polled for.
    pub(super) fn turn(&self, cx: &mut Context<'_>) {
        self.turner.borrow_mut().clone_from(cx.waker());
        loop {
            self.submit_and_reap();
            match self.wake.poll_read_ready(cx) {
                // The counter is never read: each completion makes the descriptor newly ready.
                Poll::Ready(Ok(mut ready)) => ready.clear_ready(),
                Poll::Ready(Err(e)) => panic!("the runtime of this ring is gone: {e}"),
                Poll::Pending => return,
            }
        }
    }

    /// Submits what is left. A completion that comes after this ends the sleep.
    pub(super) fn before_sleep(&self) {
        self.submit_and_reap();
        if self.inner.borrow_mut().has_unsubmitted() {
            // The kernel could not take everything: try again instead of sleeping.
            self.turner.borrow().wake_by_ref();
        }
    }

    /// Gives an operation to the ring; the kernel has it after the next [`Ring::submit_and_reap`].
    fn start(&self, lent: Lent, entry: impl FnOnce(&mut Lent) -> Entry) -> Key {
        let mut inner = self.inner.borrow_mut();
        let key = inner.slots.insert(lent);
        let entry = entry(inner.slots.lent(key)).user_data(key.to_user_data());
        inner.push(entry);
        key
    }

    fn poll_result(&self, key: Key, cx: &mut Context<'_>) -> Poll<(Lent, i32)> {
        let mut result = self.inner.borrow_mut().slots.collect(key);
        if result.is_none() {
            // Whoever polls needs no waking.
            self.inner.borrow_mut().slots.set_waker(key, None);
            self.submit_and_reap();
            if self.must_yield() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            result = self.inner.borrow_mut().slots.collect(key);
        }
        match result {
            Some(result) => {
                self.ready_in_a_row.set(self.ready_in_a_row.get() + 1);
                Poll::Ready(result)
            }
            None => {
                self.ready_in_a_row.set(0);
                self.inner.borrow_mut().slots.set_waker(key, Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// True when tasks have had many answers at once since one of them last waited: data that is always there must not
    /// keep others from running.
    fn must_yield(&self) -> bool {
        let yields = self.ready_in_a_row.get() >= READY_IN_A_ROW;
        if yields {
            self.ready_in_a_row.set(0);
        }
        yields
    }

    fn abandon(&self, key: Key, cancel: bool) {
        let mut inner = self.inner.borrow_mut();
        match inner.slots.abandon(key) {
            Abandon::InFlight if cancel => {
                inner.push_cancel(key);
                self.turner.borrow().wake_by_ref();
            }
            Abandon::InFlight => {}
            Abandon::Done(lent, result) => close_unwanted(&lent, result),
        }
    }

    fn submit_and_reap(&self) {
        let mut woken = {
            let mut inner = self.inner.borrow_mut();
            inner.submit();
            inner.reap();
            std::mem::take(&mut inner.woken)
        };
        woken.drain(..).for_each(Waker::wake);
        let mut inner = self.inner.borrow_mut();
        if inner.woken.capacity() == 0 {
            // Its memory is used again.
            inner.woken = woken;
        }
    }
}

impl Drop for Ring {
    /// Cancels what is in flight and waits for it: buffers are freed when the kernel has let go of them.
    fn drop(&mut self) {
        let inner = self.inner.get_mut();
        for key in inner.slots.keys_in_flight() {
            inner.push_cancel(key);
        }
        let step = Duration::from_millis(100);
        let mut waited = Duration::ZERO;
        loop {
            inner.submit();
            inner.reap();
            if inner.slots.in_flight() == 0 {
                return;
            }
            if waited >= LONGEST_END {
                break;
            }
            let mut fds = [PollFd::from_borrowed_fd(self.wake.get_ref().as_fd(), PollFlags::IN)];
            let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(step.subsec_nanos()) };
            if poll(&mut fds, Some(&limit)) == Ok(0) {
                waited += step;
            }
            // Otherwise the counter stays above 0: empty it, or the next poll would not wait.
            rustix::io::read(self.wake.get_ref(), &mut [0u8; 8]).ok();
        }
        tracing::warn!(
            operations = inner.slots.in_flight(),
            "the kernel still works on operations of an ended thread: their memory is given up"
        );
        std::mem::forget(std::mem::take(&mut inner.slots));
    }
}

impl Inner {
    fn push(&mut self, entry: Entry) {
        if self.late.is_empty() && self.try_push(&entry) {
            return;
        }
        self.late.push_back(entry);
        self.submit();
    }

    fn push_cancel(&mut self, key: Key) {
        self.push(opcode::AsyncCancel::new(key.to_user_data()).build().user_data(CANCELLATION));
    }

    fn try_push(&mut self, entry: &Entry) -> bool {
        // SAFETY: what an entry points to belongs to its slot (see `op`), which lives until the completion; entries of
        // cancellations point to nothing.
        #[allow(unsafe_code)]
        let pushed = unsafe { self.uring.submission().push(entry) };
        pushed.is_ok()
    }

    fn has_unsubmitted(&mut self) -> bool {
        !self.late.is_empty() || !self.uring.submission().is_empty()
    }

    /// Hands over what is new and has the kernel finish what it can.
    fn submit(&mut self) {
        loop {
            while let Some(entry) = self.late.pop_front() {
                if !self.try_push(&entry) {
                    self.late.push_front(entry);
                    break;
                }
            }
            let queue = self.uring.submission();
            if queue.is_empty() && !queue.taskrun() && !queue.cq_overflow() {
                return;
            }
            drop(queue);
            match self.uring.submit() {
                Ok(_) if self.late.is_empty() => return,
                Ok(_) => {}
                Err(e) => match e.raw_os_error() {
                    Some(libc::EINTR) => {}
                    // Too much is in flight: completions make room. The caller collects them; `turn` comes back.
                    Some(libc::EBUSY | libc::EAGAIN | libc::ENOMEM) => return,
                    _ => panic!("io_uring_enter failed: {e}"),
                },
            }
        }
    }

    fn reap(&mut self) {
        let queue = self.uring.completion();
        for completion in queue {
            if completion.user_data() == CANCELLATION {
                continue;
            }
            let key = Key::from_user_data(completion.user_data());
            let (waker, unwanted) = self.slots.complete(key, completion.result());
            self.woken.extend(waker);
            if let Some(lent) = unwanted {
                close_unwanted(&lent, completion.result());
            }
        }
    }
}

/// Closes the connection that an abandoned accept brought.
fn close_unwanted(lent: &Lent, result: i32) {
    if let (Room::Peer(_), 0..) = (&lent.room, result) {
        drop(accepted(result));
    }
}

/// The descriptor that an accept has returned.
fn accepted(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just opened this descriptor for us; each accept completes once, and its result is turned
    // into an owner once: by the future that collects it, or by `close_unwanted` when there is none.
    #[allow(unsafe_code)]
    unsafe {
        OwnedFd::from_raw_fd(fd)
    }
}

fn build() -> io::Result<IoUring> {
    let mut modern = IoUring::builder();
    modern.setup_cqsize(COMPLETIONS).setup_clamp();
    let plain = modern.clone();
    modern.setup_submit_all().setup_coop_taskrun().setup_taskrun_flag().setup_single_issuer();
    let uring = match modern.build(SUBMISSIONS) {
        // Kernels before 6.0 do not know all of these.
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => plain.build(SUBMISSIONS),
        built => built,
    };
    let uring = uring.map_err(|e| refused(&e))?;
    if !uring.params().is_feature_nodrop() || !uring.params().is_feature_fast_poll() {
        return Err(too_old("fast polling"));
    }
    let mut known = Probe::new();
    uring.submitter().register_probe(&mut known).map_err(|e| refused(&e))?;
    let needed = [
        ("accept", opcode::Accept::CODE),
        ("connect", opcode::Connect::CODE),
        ("recv", opcode::Recv::CODE),
        ("send", opcode::Send::CODE),
        ("read", opcode::Read::CODE),
        ("write", opcode::Write::CODE),
        ("fsync", opcode::Fsync::CODE),
        ("cancel", opcode::AsyncCancel::CODE),
    ];
    match needed.iter().find(|(_, code)| !known.is_supported(*code)) {
        Some((name, _)) => Err(too_old(name)),
        None => Ok(uring),
    }
}

fn too_old(lacks: impl Display) -> io::Error {
    let text = format!("io_uring of this kernel lacks {lacks} (5.10 has all that is needed)");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

fn refused(e: &io::Error) -> io::Error {
    let reason = match e.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel has no io_uring, or a seccomp profile hides it".to_owned(),
        Some(libc::EPERM | libc::EACCES) => {
            "io_uring is forbidden, by kernel.io_uring_disabled or by a seccomp profile".to_owned()
        }
        Some(libc::ENOMEM) => {
            "no memory for io_uring: raise the limit of locked memory (ulimit -l)".to_owned()
        }
        _ => format!("setting up io_uring failed: {e}"),
    };
    io::Error::new(e.kind(), reason)
}
