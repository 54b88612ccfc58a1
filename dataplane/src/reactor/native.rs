//! The back end of real threads: tokio's timers and tasks on a loop that we own, sockets and files by io_uring or epoll.

use super::child::{self, Farewells};
use super::clock::{self, Random};
use super::{
    Backend, Child, CommandLine, Core, File, Fut, HostNames, IoChoice, Listener, OpenHow, Role, Stream,
    TaskHandle, epoll, host, offload, pool_file, task,
};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use wal::Tick;

/// One thread's runtime and what it needs to do I/O.
pub(super) struct Native {
    random: Random,
    farewells: Farewells,
}

/// A native back end that can run.
pub(super) struct Engine {
    native: Rc<Native>,
    runtime: Runtime,
}

impl Engine {
    /// Builds the runtime. To be called on the thread that runs it.
    pub(super) fn new(_role: Role, io: IoChoice) -> io::Result<Engine> {
        if io == IoChoice::Uring {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this build has no io_uring back end"));
        }
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let native = Rc::new(Native { random: Random::default(), farewells: Farewells::default() });
        Ok(Engine { native, runtime })
    }

    /// Runs `body` to its end, then drops every other task.
    pub(super) fn run<T>(self, body: impl FnOnce(Core) -> Fut<'static, T>) -> T {
        let Engine { native, runtime } = self;
        let farewells = native.farewells.clone();
        let core = Core(native);
        let local = LocalSet::new();
        let value = runtime.block_on(async {
            let turns = pin!(local.run_until(async { body(core).await }));
            turns.await
        });
        {
            let _timers = runtime.enter();
            drop(local);
        }
        drop(runtime);
        farewells.wait();
        value
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

    fn spawn(&self, _name: &str, work: Fut<'static, ()>) -> Box<dyn TaskHandle> {
        task::spawn(work)
    }

    fn listen(&self, addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
        epoll::listen(addr)
    }

    fn connect(&self, addr: SocketAddr) -> Fut<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(epoll::connect(addr))
    }

    fn open(&self, path: &Path, how: OpenHow) -> Fut<'static, io::Result<Box<dyn File>>> {
        Box::pin(pool_file::open(path.to_owned(), how))
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
        "epoll"
    }
}
