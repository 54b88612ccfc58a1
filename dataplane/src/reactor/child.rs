//! Child processes: a process group of their own, output over pipes, ended when the handle goes.

use super::net::no_room;
use super::{Child, CommandLine, Fut, affinity, offload, watch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;

/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// What the rest of a group gets after its leader has ended.
const REST_GRACE: Duration = Duration::from_millis(100);

/// Children of one thread that are being ended. The thread waits for them: the kernel kills a child when the thread that
/// started it ends.
#[derive(Clone, Default)]
pub(super) struct Farewells(Arc<(Mutex<usize>, Condvar)>);

impl Farewells {
    /// Blocks until none is left.
    pub(super) fn wait(&self) {
        let (open, changed) = &*self.0;
        let guard = open.lock().expect("nobody panics while holding the lock");
        drop(changed.wait_while(guard, |open| *open > 0).expect("nobody panics while holding the lock"));
    }

    fn change(&self, by: isize) {
        let (open, changed) = &*self.0;
        let mut open = open.lock().expect("nobody panics while holding the lock");
        *open = open.checked_add_signed(by).expect("each farewell ends once");
        changed.notify_all();
    }
}

/// Starts a program in a process group of its own.
///
/// # Errors
/// When it cannot be found or started; when the kernel is older than 5.3 and has no process descriptors.
pub(super) fn start(line: &CommandLine, farewells: &Farewells) -> io::Result<Box<dyn Child>> {
    let mut command = Command::new(&line.program);
    command
        .args(&line.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    prepare(&mut command);
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let leader = Leader { pid, farewells: farewells.clone(), pidfd: pidfd_open(pid, PidfdFlags::empty()) };
    let out = Receiver::from_owned_fd(OwnedFd::from(child.stdout.take().expect("asked for above")))?;
    let err = Receiver::from_owned_fd(OwnedFd::from(child.stderr.take().expect("asked for above")))?;
    let ended = match &leader.pidfd {
        Ok(fd) => watch::readable(fd.try_clone()?)?,
        Err(e) => return Err(io::Error::from(*e)),
    };
    Ok(Box::new(Process { leader, ended, code: Cell::new(None), out, err }))
}

/// What the child does between fork and exec.
fn prepare(command: &mut Command) {
    let parent = rustix::process::getpid();
    let home = affinity::home_mask();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: the closure makes three system calls on
    // values that were computed before, allocates nothing and takes no lock.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            // A pinned core starts children, but does not want them on its CPU.
            rustix::thread::sched_setaffinity(None, &home).ok();
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if rustix::process::getppid() != Some(parent) {
                // The parent died before it could be watched.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        });
    }
}

/// The first process of the group. It is not reaped before the drop, so its number stays its own and signals can hit no
/// stranger.
struct Leader {
    pid: Pid,
    farewells: Farewells,
    pidfd: rustix::io::Result<OwnedFd>,
}

impl Leader {
    fn signal(&self, signal: Signal) {
        // An error means that nobody is left, or that the group has become somebody else's (setuid): nothing to do.
        kill_process_group(self.pid, signal).ok();
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let (pid, farewells) = (self.pid, self.farewells.clone());
        let pidfd = std::mem::replace(&mut self.pidfd, Err(rustix::io::Errno::BADF));
        farewells.change(1);
        offload::start(Box::new(move || {
            say_farewell(pid, pidfd);
            farewells.change(-1);
        }));
    }
}

/// Waits for the end of a child that had its SIGTERM, then makes sure.
fn say_farewell(pid: Pid, pidfd: rustix::io::Result<OwnedFd>) {
    if let Ok(fd) = &pidfd {
        let ended = wait_readable(fd, GRACE);
        if ended {
            std::thread::sleep(REST_GRACE);
        }
    }
    kill_process_group(pid, Signal::KILL).ok();
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED) {}
}

fn wait_readable(fd: &OwnedFd, at_most: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
    let limit = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
    poll(&mut fds, Some(&limit)).is_ok_and(|ready| ready > 0)
}

struct Process {
    leader: Leader,
    ended: AsyncFd<OwnedFd>,
    code: Cell<Option<i32>>,
    out: Receiver,
    err: Receiver,
}

impl Child for Process {
    fn read_out<'a>(&'a self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(read(&self.out, into))
    }

    fn read_err<'a>(&'a self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(read(&self.err, into))
    }

    fn terminate(&self) {
        self.leader.signal(Signal::TERM);
    }

    fn kill(&self) {
        self.leader.signal(Signal::KILL);
    }

    fn wait<'a>(&'a self) -> Fut<'a, io::Result<i32>> {
        Box::pin(async move {
            if let Some(code) = self.code.get() {
                return Ok(code);
            }
            let status = loop {
                let mut ready = self.ended.readable().await?;
                let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
                match waitid(WaitId::Pid(self.leader.pid), how)? {
                    // The descriptor stays readable: whoever waits besides us is woken, too.
                    Some(status) => break status,
                    None => ready.clear_ready(),
                }
            };
            let code = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => code,
                (None, Some(signal)) => 128 + signal,
                (None, None) => return Err(io::Error::other("a child ended without a status")),
            };
            self.code.set(Some(code));
            Ok(code)
        })
    }

    fn pid(&self) -> u32 {
        self.leader.pid.as_raw_pid().unsigned_abs()
    }
}

async fn read(pipe: &Receiver, mut into: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
    if into.len() == into.capacity() {
        return (Err(no_room()), into);
    }
    loop {
        if let Err(e) = pipe.readable().await {
            return (Err(e), into);
        }
        match pipe.try_io(|| Ok(rustix::io::read(pipe, rustix::buffer::spare_capacity(&mut into))?)) {
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            result => return (result, into),
        }
    }
}
