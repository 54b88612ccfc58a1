//! The only door to time, tasks, sockets, files, processes and threads. Components see [`Core`]; tests can pass a
//! simulated [`Backend`]. Only this room names tokio-uring or io-uring, and only it contains `unsafe`.
//!
//! Buffers move by value into an operation and come back with its result. Futures are boxed once an operation, which is
//! once a batch, and are not `Send`: a core's tasks never leave its thread.

mod affinity;
mod child;
mod clock;
mod epoll;
mod file;
pub mod fs;
mod host;
mod lag;
mod log_disk;
mod mesh;
mod native;
mod net;
mod offload;
mod placement;
mod pool_file;
mod process;
mod race;
mod ring;
mod signal;
pub mod sim;
mod slice;
mod stop;
mod task;
mod task_set;
mod threads;
mod uring_file;
mod watch;

pub use affinity::allowed_cpus;
pub use file::{File, FileStat, OpenHow};
pub use lag::Lag;
pub use log_disk::{LogDisk, LogDiskOn};
pub use mesh::{MeshPort, mesh};
pub use net::{Listener, Stream, resolve};
pub use placement::{CoreClaim, claim_cores};
pub use process::{Child, CommandLine};
pub use race::{Either, race};
pub use ring::probe as probe_io_uring;
pub use signal::Signal;
pub use slice::{Slice, yield_now};
pub use stop::{Stop, Stopper, stop_pair};
pub use task_set::TaskSet;
pub use threads::{CoreThread, IoChoice, Role, block_on, start_thread};
pub use wal::Tick;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A boxed future that stays on its thread.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What this host is called; looked up once when the process starts.
#[derive(Debug, Clone, Default)]
pub struct HostNames {
    /// Address of the local host name, as Java's `InetAddress.getLocalHost().getHostAddress()` gives it.
    pub ip: Option<Arc<str>>,
    /// Canonical host name.
    pub name: Option<Arc<str>>,
}

/// Everything a thread of the data plane can do. Implemented on io_uring, on epoll, and by a simulation.
pub trait Backend {
    /// Monotonic time in nanoseconds.
    fn now(&self) -> Tick;
    /// Wall clock in milliseconds since 1970.
    fn wall_ms(&self) -> u64;
    /// 64 random bits (from a seed in simulations).
    fn random(&self) -> u64;
    /// What this host is called.
    fn host(&self) -> HostNames;
    /// Resolves after `d`.
    fn sleep(&self, d: Duration) -> Fut<'static, ()>;
    /// Runs a task on this thread.
    fn spawn(&self, name: &str, task: Fut<'static, ()>) -> Box<dyn TaskHandle>;
    /// Binds and listens. The socket closes when the listener is dropped.
    fn listen(&self, addr: SocketAddr) -> io::Result<Box<dyn Listener>>;
    /// Connects.
    fn connect(&self, addr: SocketAddr) -> Fut<'static, io::Result<Box<dyn Stream>>>;
    /// Opens a file.
    fn open(&self, path: &Path, how: OpenHow) -> Fut<'static, io::Result<Box<dyn File>>>;
    /// Starts a child process with its output piped to us.
    fn command(&self, line: &CommandLine) -> io::Result<Box<dyn Child>>;
    /// Runs a job that may take longer than 1 ms (DNS, directory scans, compression) on another thread.
    fn offload(&self, job: Box<dyn FnOnce() + Send>) -> Fut<'static, ()>;
    /// The disk of a log in these files, with at most `buffer_bytes` of buffers; on the core's ring where that can do what
    /// the files' way of writing asks for, else on threads of its own.
    fn log_disk(
        &self,
        files: Arc<wal::disk::SlotFiles>,
        buffer_bytes: usize,
        on: LogDiskOn,
    ) -> io::Result<Box<dyn LogDisk>>;
    /// `io_uring`, `epoll` or `simulation`, for status.
    fn io_name(&self) -> &'static str;
    /// How late this thread's loop has been; nothing where that is not measured.
    fn lag(&self) -> Lag {
        Lag::default()
    }
}

/// A running task.
pub trait TaskHandle {
    /// Ends the task at its next suspension point, dropping what it holds.
    fn abort(&self);
    /// Resolves when the task has ended: `Err` with the panic's text if it panicked, `Ok` otherwise (also after an
    /// abort).
    fn join(&mut self) -> Fut<'_, Result<(), String>>;
}

/// A task that is aborted when its handle is dropped.
pub struct Task(Box<dyn TaskHandle>);

impl Task {
    /// See [`TaskHandle::join`].
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn join(&mut self) -> Result<(), String> {
        self.0.join().await
    }

    /// See [`TaskHandle::abort`].
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A thread's back end, cheap to clone.
#[derive(Clone)]
pub struct Core(pub Rc<dyn Backend>);

impl std::ops::Deref for Core {
    type Target = dyn Backend;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Core {
    /// Runs a task until it ends or its handle is dropped.
    pub fn task(&self, name: &str, task: impl Future<Output = ()> + 'static) -> Task {
        Task(self.0.spawn(name, Box::pin(task)))
    }

    /// The result of `f`, or `None` when `d` passes first; `f` is dropped then.
    pub async fn timeout<T>(&self, d: Duration, f: impl Future<Output = T>) -> Option<T> {
        match race(f, self.sleep(d)).await {
            Either::First(v) => Some(v),
            Either::Second(()) => None,
        }
    }

    /// Runs a job on another thread and gives its result.
    ///
    /// # Cancel safety
    /// A dropped future leaves the job running; its result is dropped.
    ///
    /// # Panics
    /// When the job panics.
    pub async fn run_elsewhere<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        self.offload(Box::new(move || {
            let value = job();
            *filled.lock().expect("nobody panics while holding the lock") = Some(value);
        }))
        .await;
        let value = slot.lock().expect("nobody panics while holding the lock").take();
        value.expect("offload resolves after the job has run")
    }
}
