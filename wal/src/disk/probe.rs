//! Which way of writing works on a directory, and what one commit costs there.

#![allow(clippy::disallowed_methods, reason = "a back end of the log is a door to the disk itself")]

use super::AlignedBuf;
use super::perform::Access;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::ReadWriteFlags;
use std::io::{self, IoSlice};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a directory can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The best way that works.
    pub access: Access,
    /// Why not a better one; empty when the best one works.
    pub why: String,
    /// The file system's name, or its magic number.
    pub file_system: String,
    /// False where nothing survives a power loss whatever is asked for.
    pub durable: bool,
    /// How long one block took to be durable: the median of a few.
    pub commit: Duration,
}

/// Blocks written to measure one commit.
const TRIALS: usize = 9;

/// Tries to write durably in `dir`: past the page cache first, through it then.
///
/// # Errors
/// When neither works: the directory cannot be written.
pub fn probe(dir: &Path) -> io::Result<Finding> {
    let (file_system, durable) = file_system(dir)?;
    let (access, why, commit) = match try_access(dir, Access::Direct) {
        Ok(commit) => (Access::Direct, String::new(), commit),
        Err(e) => {
            let commit = try_access(dir, Access::Buffered)?;
            (Access::Buffered, format!("{file_system} refuses direct writes: {e}"), commit)
        }
    };
    Ok(Finding { access, why, file_system, durable, commit })
}

/// Writes a few blocks this way into a file that is removed again; gives the median time of one.
///
/// # Errors
/// What the system says when it refuses.
pub fn try_access(dir: &Path, access: Access) -> io::Result<Duration> {
    let path = dir.join(format!(".penstock-probe-{}", std::process::id()));
    let direct = if access.is_direct() { OFlags::DIRECT } else { OFlags::empty() };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW | direct;
    let fd = open(&path, flags, Mode::from_raw_mode(0o600))?;
    let measured = measure(&fd);
    std::fs::remove_file(&path)?;
    measured
}

fn measure(fd: &std::os::fd::OwnedFd) -> io::Result<Duration> {
    let block = AlignedBuf::new(4096);
    let mut times = Vec::with_capacity(TRIALS);
    // The first write allocates; what counts is writing to what is there.
    for _ in 0..=TRIALS {
        let begun = Instant::now();
        let n = rustix::io::pwritev2(fd, &[IoSlice::new(block.as_ref())], 0, ReadWriteFlags::DSYNC)?;
        if n != block.as_ref().len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        times.push(begun.elapsed());
    }
    let times = &mut times[1..];
    times.sort();
    Ok(times[TRIALS / 2])
}

fn file_system(dir: &Path) -> io::Result<(String, bool)> {
    let kind = rustix::fs::statfs(dir)?.f_type;
    let known = [
        (0xef53, "ext4", true),
        (0x5846_5342, "xfs", true),
        (0x9123_683e, "btrfs", true),
        (0xf2f5_2010, "f2fs", true),
        (0x2fc1_2fc1, "zfs", true),
        (0x6969, "nfs", true),
        (0x794c_7630, "overlayfs", true),
        (0x0102_1994, "tmpfs", false),
        (0x8584_58f6, "ramfs", false),
    ];
    let found = known.iter().find(|(magic, ..)| *magic == kind);
    Ok(found.map_or_else(
        || (format!("file system {kind:#x}"), true),
        |(_, name, durable)| ((*name).to_owned(), *durable),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_not_durable_and_a_missing_folder_is_an_error() {
        if Path::new("/dev/shm").is_dir() {
            let found = probe(Path::new("/dev/shm")).unwrap();
            assert_eq!((found.file_system.as_str(), found.durable), ("tmpfs", false));
        }
        assert_eq!(probe(Path::new("/nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_probe_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let found = probe(dir.path()).unwrap();
        assert!(found.commit > Duration::ZERO);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
