//! A machine in memory that does the same again for the same seed: time that passes only when everybody waits, tasks that
//! run in an order drawn from the seed, connections and files that give and take parts of what was asked.
//!
//! # Limits
//! One thread. No child processes. Jobs for other threads run in place. The functions of [`super::fs`] see the real
//! directories, not the files of the simulation.

mod executor;
mod file;
mod net;

use super::{
    Backend, Child, CommandLine, Core, File, Fut, HostNames, Listener, LogDisk, LogDiskOn, OpenHow, Stream,
    TaskHandle,
};
use executor::Executor;
use file::Files;
use net::Net;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wal::Tick;
use wal::disk::SlotFiles;

/// Where the simulated wall clock starts, in milliseconds since 1970.
const START_WALL_MS: u64 = 1_700_000_000_000;

/// What a simulation did.
pub struct Outcome<T> {
    /// What the body gave.
    pub value: T,
    /// Every step: when, what, who. Equal for equal seeds.
    pub log: Vec<String>,
    /// How much simulated time passed, in nanoseconds.
    pub took_ns: Tick,
}

/// Runs `body` in a world made from `seed` until it ends; what it has spawned and not awaited is dropped then.
///
/// # Panics
/// When `body` panics, and when everybody waits and nothing can happen any more; the text names the seed.
pub fn simulate<T: 'static, F: Future<Output = T> + 'static>(
    seed: u64,
    body: impl FnOnce(Core) -> F,
) -> Outcome<T> {
    let world = Rc::new(World {
        chance: Chance(Cell::new(seed)),
        executor: Executor::default(),
        net: Net::default(),
        files: Files::default(),
        log: RefCell::default(),
    });
    let core = Core(Rc::new(Machine(world.clone())));
    let value = world.executor.run(&world, seed, Box::pin(body(core)));
    world.executor.drop_tasks();
    Outcome { value, log: world.log.take(), took_ns: world.executor.now() }
}

struct World {
    chance: Chance,
    executor: Executor,
    net: Net,
    files: Files,
    log: RefCell<Vec<String>>,
}

impl World {
    fn note(&self, what: std::fmt::Arguments<'_>) {
        self.log.borrow_mut().push(format!("{} {what}", self.executor.now()));
    }

    /// Lets others run first, some of the time.
    async fn dawdle(&self) {
        for _ in 0..self.chance.below(3) {
            let mut yielded = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut yielded, true) {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
        }
    }
}

/// SplitMix64.
struct Chance(Cell<u64>);

impl Chance {
    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` - 1.
    fn below(&self, bound: usize) -> usize {
        // The tiny bias of a remainder does not matter here.
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// A thread's view of the world.
struct Machine(Rc<World>);

impl Backend for Machine {
    fn now(&self) -> Tick {
        self.0.executor.now()
    }

    fn wall_ms(&self) -> u64 {
        START_WALL_MS + self.0.executor.now() / 1_000_000
    }

    fn random(&self) -> u64 {
        self.0.chance.next()
    }

    fn host(&self) -> HostNames {
        HostNames { ip: Some("192.0.2.1".into()), name: Some("simulated".into()) }
    }

    fn sleep(&self, d: Duration) -> Fut<'static, ()> {
        Box::pin(self.0.executor.sleep(d))
    }

    fn spawn(&self, name: &str, task: Fut<'static, ()>) -> Box<dyn TaskHandle> {
        Box::new(self.0.executor.spawn(name, task))
    }

    fn listen(&self, addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.0.net.listen(&self.0, addr)
    }

    fn connect(&self, addr: SocketAddr) -> Fut<'static, io::Result<Box<dyn Stream>>> {
        let connected = self.0.net.connect(&self.0, addr);
        Box::pin(async move { connected })
    }

    fn open(&self, path: &Path, how: OpenHow) -> Fut<'static, io::Result<Box<dyn File>>> {
        let opened = self.0.files.open(&self.0, path, how);
        Box::pin(async move { opened })
    }

    fn command(&self, line: &CommandLine) -> io::Result<Box<dyn Child>> {
        let text = format!("{}: there are no processes in a simulation", line.program);
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    fn log_disk(&self, _: Arc<SlotFiles>, _: usize, _: LogDiskOn) -> io::Result<Box<dyn LogDisk>> {
        let text = "real files have no place in a simulation: a log is simulated on wal::disk::sim";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    fn offload(&self, job: Box<dyn FnOnce() + Send>) -> Fut<'static, ()> {
        Box::pin(async move { job() })
    }

    fn io_name(&self) -> &'static str {
        "simulation"
    }
}

#[cfg(test)]
mod tests;
