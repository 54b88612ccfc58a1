//! The back end of real threads: tokio's timers and tasks on a loop that we own; sockets and files by io_uring or epoll.

use super::child::{self, Farewells};
use super::clock::{self, Random};
use super::lag::{Lag, Measured, Meter, POLLS_A_TURN};
use super::ring::{self, Ring};
use super::{
    Backend, Child, CommandLine, Core, File, Fut, HostNames, IoChoice, Listener, LogDisk, LogDiskOn, OpenHow,
    Role, Stream, TaskHandle, epoll, host, log_disk::Threaded, offload, pool_file, task, uring_file,
};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use wal::Tick;
use wal::disk::{Access, SlotFiles};

thread_local! {
    /// For the runtime's hooks, which cannot hold what stays on its thread.
    static PRESENT: RefCell<Weak<Native>> = const { RefCell::new(Weak::new()) };
}

/// What one thread needs to do I/O.
pub(super) struct Native {
    io: Io,
    meter: Rc<Meter>,
    random: Random,
    farewells: Farewells,
}

enum Io {
    /// tokio's sockets; files on the offload pool.
    Epoll,
    /// Our ring for both.
    Ring(Rc<Ring>),
    /// tokio's sockets; files by tokio-uring.
    TokioUring,
}

/// A thread's loop, ready to run.
pub(super) struct Engine {
    native: Rc<Native>,
    rounds: Loop,
}

enum Loop {
    Own(LocalRuntime),
    TokioUring(tokio_uring::Runtime),
}

impl Engine {
    /// Builds the loop. To be called on the thread that runs it.
    pub(super) fn new(role: Role, io: IoChoice) -> io::Result<Engine> {
        let uring = match (role, io) {
            (Role::Client, _) | (_, IoChoice::Epoll) => false,
            (_, IoChoice::Uring) => true,
            (_, IoChoice::Auto) => ring::probe().is_ok(),
        };
        let built = match (uring, role) {
            (false, _) => Engine::on_epoll(),
            (true, Role::File) => Engine::on_tokio_uring(),
            (true, _) => Engine::on_ring(),
        };
        match built {
            Err(e) if uring && io == IoChoice::Auto => {
                tracing::warn!("this thread runs without io_uring: {e}");
                Engine::on_epoll()
            }
            built => built,
        }
    }

    fn on_epoll() -> io::Result<Engine> {
        Ok(Engine { native: Native::with(Io::Epoll), rounds: Loop::Own(own_loop()?) })
    }

    fn on_ring() -> io::Result<Engine> {
        let rounds = own_loop()?;
        // The ring is watched by the runtime of its thread.
        let ring = rounds.block_on(async { Ring::new() })?;
        Ok(Engine { native: Native::with(Io::Ring(Rc::new(ring))), rounds: Loop::Own(rounds) })
    }

    fn on_tokio_uring() -> io::Result<Engine> {
        ring::probe().map_err(io::Error::other)?;
        let mut builder = tokio_uring::builder();
        builder.entries(64);
        let rounds = tokio_uring::Runtime::new(&builder)?;
        Ok(Engine { native: Native::with(Io::TokioUring), rounds: Loop::TokioUring(rounds) })
    }

    /// Runs `body` to its end, then drops every other task and waits for what the kernel still has.
    pub(super) fn run<T>(self, body: impl FnOnce(Core) -> Fut<'static, T>) -> T {
        let Engine { native, rounds } = self;
        let before = PRESENT.replace(Rc::downgrade(&native));
        let farewells = native.farewells.clone();
        let ring = match &native.io {
            Io::Ring(ring) => Some(ring.clone()),
            Io::Epoll | Io::TokioUring => None,
        };
        let task = Measured { meter: native.meter.clone(), name: "main".into(), task: body(Core(native)) };
        let value = match rounds {
            Loop::Own(rounds) => {
                let value = rounds.block_on(turns(task, ring.clone()));
                drop(rounds);
                value
            }
            Loop::TokioUring(rounds) => rounds.block_on(task),
        };
        // The last owner: tasks are gone, and with them everything that could start an operation.
        drop(ring);
        PRESENT.set(before);
        farewells.wait();
        value
    }
}

fn own_loop() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(POLLS_A_TURN)
        .on_thread_park(|| {
            if let Some(native) = PRESENT.with_borrow(Weak::upgrade) {
                native.before_sleep();
            }
        })
        .build_local(LocalOptions::default())
}

/// The loop's first task: runs `body`, and the ring whenever a completion or somebody's wish wakes it.
async fn turns<T>(body: impl Future<Output = T>, ring: Option<Rc<Ring>>) -> T {
    let mut body = pin!(body);
    poll_fn(|cx| {
        let polled = body.as_mut().poll(cx);
        if let Some(ring) = &ring {
            ring.turn(cx);
        }
        polled
    })
    .await
}

impl Native {
    fn with(io: Io) -> Rc<Native> {
        Rc::new(Native {
            io,
            meter: Rc::default(),
            random: Random::default(),
            farewells: Farewells::default(),
        })
    }

    /// Nothing is ready to run. What this wakes is run before the thread sleeps.
    fn before_sleep(&self) {
        self.meter.turn_ended();
        if let Io::Ring(ring) = &self.io {
            ring.before_sleep();
        }
    }
}

impl Backend for Native {
    fn now(&self) -> Tick {
        clock::now()
    }

    fn wall_ms(&self) -> u64 {
        clock::wall_ms()
    }

    fn random(&self) -> u64 {
        self.random.next()
    }

    fn host(&self) -> HostNames {
        host::names()
    }

    fn sleep(&self, d: Duration) -> Fut<'static, ()> {
        Box::pin(tokio::time::sleep(d))
    }

    fn spawn(&self, name: &str, work: Fut<'static, ()>) -> Box<dyn TaskHandle> {
        task::spawn(Measured { meter: self.meter.clone(), name: name.into(), task: work })
    }

    fn listen(&self, addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
        match &self.io {
            Io::Ring(ring) => ring::listen(ring, addr),
            Io::Epoll | Io::TokioUring => epoll::listen(addr),
        }
    }

    fn connect(&self, addr: SocketAddr) -> Fut<'static, io::Result<Box<dyn Stream>>> {
        match &self.io {
            Io::Ring(ring) => Box::pin(ring::connect(ring.clone(), addr)),
            Io::Epoll | Io::TokioUring => Box::pin(epoll::connect(addr)),
        }
    }

    fn open(&self, path: &Path, how: OpenHow) -> Fut<'static, io::Result<Box<dyn File>>> {
        let path = path.to_owned();
        match &self.io {
            Io::Ring(ring) => Box::pin(ring::open(ring.clone(), path, how)),
            Io::TokioUring => Box::pin(uring_file::open(path, how)),
            Io::Epoll => Box::pin(pool_file::open(path, how)),
        }
    }

    fn log_disk(
        &self,
        files: Arc<SlotFiles>,
        buffer_bytes: usize,
        on: LogDiskOn,
    ) -> io::Result<Box<dyn LogDisk>> {
        match &self.io {
            Io::Ring(ring) if on == LogDiskOn::Ring && files.access() != Access::Mapped => {
                Ok(Box::new(ring::RingDisk::new(ring.clone(), files, buffer_bytes)))
            }
            _ => Ok(Box::new(Threaded::start(files, buffer_bytes)?)),
        }
    }

    fn command(&self, line: &CommandLine) -> io::Result<Box<dyn Child>> {
        child::start(line, &self.farewells)
    }

    fn offload(&self, job: Box<dyn FnOnce() + Send>) -> Fut<'static, ()> {
        let done = offload::run(job);
        Box::pin(async move {
            done.await;
        })
    }

    fn io_name(&self) -> &'static str {
        match &self.io {
            Io::Ring(_) | Io::TokioUring => "io_uring",
            Io::Epoll => "epoll",
        }
    }

    fn lag(&self) -> Lag {
        self.meter.lag()
    }
}
