//! A few threads for jobs that would hold up a core: name look-ups, directory scans, compression, files without io_uring.
//!
//! One pool for the process. Threads start when there is work and none is idle, run on any CPU that the process may use,
//! and end after some seconds without work; an idle process has none of them.

use super::affinity;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;

/// Most jobs at a time; more wait in line.
const MOST_THREADS: usize = 16;
/// An idle thread ends after this.
const IDLE_END: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

static POOL: Pool =
    Pool { state: Mutex::new(State { jobs: VecDeque::new(), idle: 0, threads: 0 }), work: Condvar::new() };

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait.
    idle: usize,
    threads: usize,
}

/// Runs the job on another thread. The job runs even if the future is never polled or is dropped. Resolves with `None`
/// when the job panicked.
pub(super) fn run<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Option<T>> + 'static {
    let (tx, rx) = oneshot::channel();
    start(Box::new(move || {
        // Nobody waits any more: the result is dropped.
        drop(tx.send(job()));
    }));
    async move { rx.await.ok() }
}

/// Puts a job in line and sees to it that a thread will run it.
pub(super) fn start(job: Job) {
    let mut state = lock();
    state.jobs.push_back(job);
    if state.idle >= state.jobs.len() {
        POOL.work.notify_one();
    } else if state.threads < MOST_THREADS {
        state.threads += 1;
        drop(state);
        if let Err(e) = std::thread::Builder::new().name("offload".to_owned()).spawn(serve) {
            let mut state = lock();
            state.threads -= 1;
            if state.threads == 0 {
                // Nobody else would run it. A slow core is better than a job that never ends.
                tracing::warn!("starting an offload thread failed ({e}): running its job in place");
                let jobs = std::mem::take(&mut state.jobs);
                drop(state);
                jobs.into_iter().for_each(run_caught);
            }
        }
    }
}

fn lock() -> MutexGuard<'static, State> {
    POOL.state.lock().expect("jobs run outside the lock")
}

fn serve() {
    affinity::unpin();
    let mut state = lock();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            run_caught(job);
            state = lock();
            continue;
        }
        state.idle += 1;
        let (back, waited) = POOL.work.wait_timeout(state, IDLE_END).expect("jobs run outside the lock");
        state = back;
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

fn run_caught(job: Job) {
    // The panic's text went through the panic hook; whoever waits sees that there is no result.
    drop(catch_unwind(AssertUnwindSafe(job)));
}
