//! One log, one process: a lock file in every directory of a log, which says who holds it.

#![allow(clippy::disallowed_methods, reason = "a back end of the log is a door to the disk itself")]

use rustix::fs::{FlockOperation, Mode, OFlags, flock, ftruncate, open};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Who uses a log, for the message that another one gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The agent's name.
    pub agent: String,
    /// The channel's name.
    pub channel: String,
}

/// Why a directory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{} is in use by {holder}: give each channel a directory of its own", dir.display())]
    Taken {
        /// The directory.
        dir: PathBuf,
        /// What the lock file says about its holder.
        holder: String,
    },
    /// A running Flume has it.
    #[error("{} is in use by a running Flume: its in_use.lock is locked; stop that agent first", dir.display())]
    Flume {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system refuses.
    #[error("{} cannot be locked", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A held lock; ends with the value, and with the process however that ends.
#[derive(Debug)]
pub struct DirLock {
    _file: OwnedFd,
}

impl DirLock {
    /// Locks `<dir>/penstock`, which must exist. A lock of Flume's own on `<dir>/in_use.lock` is respected: Java takes it as
    /// a POSIX record lock, which `flock` does not see.
    pub fn take(dir: &Path, owner: &Owner) -> Result<DirLock, LockError> {
        if flume_holds(&dir.join("in_use.lock")) {
            return Err(LockError::Flume { dir: dir.to_owned() });
        }
        let path = dir.join(super::files::SUBDIRECTORY).join("LOCK");
        let failed = |e: Errno| LockError::Io { path: path.clone(), source: e.into() };
        let how = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(&path, how, Mode::from_raw_mode(0o644)).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut text = [0u8; 512];
                let n = rustix::io::pread(&file, &mut text, 0).unwrap_or(0);
                let holder = String::from_utf8_lossy(&text[..n]).trim().replace('\n', ", ");
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                return Err(LockError::Taken { dir: dir.to_owned(), holder });
            }
            Err(e) => return Err(failed(e)),
        }
        ftruncate(&file, 0).map_err(failed)?;
        rustix::io::pwrite(&file, Holder::here(owner).to_string().as_bytes(), 0).map_err(failed)?;
        Ok(DirLock { _file: file })
    }
}

struct Holder<'a> {
    owner: &'a Owner,
    host: String,
    boot: String,
}

impl<'a> Holder<'a> {
    fn here(owner: &'a Owner) -> Holder<'a> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Holder { owner, host, boot: boot.trim().to_owned() }
    }
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owner { agent, channel } = self.owner;
        writeln!(
            f,
            "channel {channel} of agent {agent}\nprocess {}\nhost {}",
            std::process::id(),
            self.host
        )?;
        writeln!(f, "boot {}", self.boot)
    }
}

/// Whether another process holds a record lock on this file.
fn flume_holds(path: &Path) -> bool {
    let Ok(file) = open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) else { return false };
    // Taking it and giving it back is the only question rustix can ask; it is asked for a moment and changes nothing.
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            rustix::fs::fcntl_lock(&file, FlockOperation::Unlock).ok();
            false
        }
        Err(Errno::WOULDBLOCK | Errno::ACCESS) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(channel: &str) -> Owner {
        Owner { agent: "a1".into(), channel: channel.into() }
    }

    #[test]
    fn the_second_one_learns_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("penstock")).unwrap();
        let first = DirLock::take(dir.path(), &owner("c1")).unwrap();
        let sentence = DirLock::take(dir.path(), &owner("c2")).unwrap_err().to_string();
        assert!(sentence.contains("channel c1 of agent a1"), "{sentence}");
        assert!(sentence.contains(&format!("process {}", std::process::id())), "{sentence}");
        drop(first);
        DirLock::take(dir.path(), &owner("c2")).unwrap();
    }

    #[test]
    fn a_lock_file_that_nobody_holds_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("penstock")).unwrap();
        std::fs::write(dir.path().join("in_use.lock"), "").unwrap();
        std::fs::write(dir.path().join("penstock/LOCK"), "channel old of agent gone\n").unwrap();
        DirLock::take(dir.path(), &owner("c1")).unwrap();
        let text = std::fs::read_to_string(dir.path().join("penstock/LOCK")).unwrap();
        assert!(text.starts_with("channel c1 of agent a1\nprocess "), "{text}");
    }
}
