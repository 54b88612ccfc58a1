//! Starting the threads of the data plane, and running a core on the present thread.

use super::native::Engine;
use super::task::panic_text;
use super::{Core, Fut, affinity, host};
use std::future::Future;
use std::io;
use std::sync::mpsc;

/// What a thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sources, channels and sinks of the data path, on one CPU if one is given.
    DataCore {
        /// Runs on this CPU only.
        cpu: Option<usize>,
    },
    /// Reads and writes files; not pinned.
    File,
    /// Clients of other systems that bring tokio code; not pinned.
    Client,
}

/// How a thread talks to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IoChoice {
    /// io_uring where the kernel allows it, else epoll.
    #[default]
    Auto,
    /// io_uring, or starting the thread fails.
    Uring,
    /// epoll and positional file calls.
    Epoll,
}

/// A started thread. Dropping the handle leaves it running.
#[derive(Debug)]
pub struct CoreThread {
    name: String,
    thread: std::thread::JoinHandle<()>,
    unpinned: Option<String>,
}

impl CoreThread {
    /// The name it was started with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it does not run on its CPU only, if it should and does not.
    pub fn unpinned(&self) -> Option<&str> {
        self.unpinned.as_deref()
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The panic's text when it panicked.
    pub fn join(self) -> Result<(), String> {
        self.thread.join().map_err(|payload| panic_text(&*payload))
    }
}

/// Starts a thread that runs `body` to its end. What `body` has spawned and not awaited is dropped then.
///
/// A CPU that cannot be had is no failure: the thread runs unpinned and says so.
///
/// # Errors
/// When the thread or its runtime cannot be made, or io_uring is demanded and refused.
pub fn start_thread(
    name: &str,
    role: Role,
    io: IoChoice,
    body: impl FnOnce(Core) -> Fut<'static, ()> + Send + 'static,
) -> io::Result<CoreThread> {
    host::look_up_early();
    let (ready, started) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let pinned = place(role);
        match Engine::new(role, io) {
            Ok(engine) => {
                // The starter waits for this answer, so it is there to take it.
                drop(ready.send(Ok(pinned)));
                engine.run(body);
            }
            Err(e) => drop(ready.send(Err(e))),
        }
    })?;
    let unpinned = started
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other(format!("thread {name} panicked while starting"))))?;
    Ok(CoreThread { name: name.to_owned(), thread, unpinned })
}

/// Runs `body` on this thread as on a data core that is not pinned, to its end; what it has spawned and not awaited is
/// dropped then. For tests of components and for short programs.
///
/// # Errors
/// When the runtime cannot be made, or io_uring is demanded and refused.
///
/// # Panics
/// Inside a tokio runtime, and when `body` panics.
pub fn block_on<T: 'static, F: Future<Output = T> + 'static>(
    io: IoChoice,
    body: impl FnOnce(Core) -> F,
) -> io::Result<T> {
    Ok(Engine::new(Role::DataCore { cpu: None }, io)?.run(|core| Box::pin(body(core)) as Fut<'static, T>))
}

/// Puts this thread where its role belongs; why that failed.
fn place(role: Role) -> Option<String> {
    match role {
        Role::DataCore { cpu: Some(cpu) } => {
            affinity::pin(cpu).err().map(|e| format!("pinning to CPU {cpu} failed: {e}"))
        }
        Role::DataCore { cpu: None } | Role::File | Role::Client => {
            affinity::unpin();
            None
        }
    }
}

#[cfg(test)]
mod tests;
