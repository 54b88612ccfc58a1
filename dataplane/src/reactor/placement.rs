//! Which agent of a host runs on which CPU: one lock file for each CPU, so that agents spread.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, ftruncate, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A CPU that this process has to itself among the agents that use the same directory. Ends with the value, and with the
/// process however that ends.
#[derive(Debug)]
pub struct CoreClaim {
    cpu: usize,
    /// Holds the lock; closed in child processes.
    _lock: OwnedFd,
}

impl CoreClaim {
    /// Which CPU.
    pub fn cpu(&self) -> usize {
        self.cpu
    }
}

/// Claims up to `wanted` CPUs of those `allowed`, first ones first. Fewer than wanted, or none, when others have them: what
/// is left over runs unpinned. The lock files stay when a claim ends; each names the process that held it last.
///
/// # Errors
/// When the directory cannot be made. A single lock file that cannot be used counts as a CPU that is taken.
pub fn claim_cores(dir: &Path, wanted: usize, allowed: &[usize]) -> io::Result<Vec<CoreClaim>> {
    std::fs::create_dir_all(dir)?;
    Ok(allowed.iter().filter_map(|cpu| claim(dir, *cpu)).take(wanted).collect())
}

fn claim(dir: &Path, cpu: usize) -> Option<CoreClaim> {
    let path = dir.join(format!("cpu-{cpu}.lock"));
    match try_lock(&path) {
        Ok(lock) => Some(CoreClaim { cpu, _lock: lock }),
        Err(Errno::WOULDBLOCK) => None,
        Err(e) => {
            tracing::warn!("{} cannot be locked ({e}): CPU {cpu} counts as taken", path.display());
            None
        }
    }
}

fn try_lock(path: &Path) -> rustix::io::Result<OwnedFd> {
    let how = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, how, Mode::from_raw_mode(0o644))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    // For people who look; the lock is what counts.
    if ftruncate(&file, 0).is_ok() {
        rustix::io::pwrite(&file, format!("{}\n", std::process::id()).as_bytes(), 0).ok();
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    fn cpus(claims: &[CoreClaim]) -> Vec<usize> {
        claims.iter().map(CoreClaim::cpu).collect()
    }

    #[test]
    fn agents_spread_and_the_last_one_goes_without() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("made/here");
        let first = claim_cores(&dir, 2, &[0, 1, 4]).unwrap();
        assert_eq!(cpus(&first), [0, 1]);
        let second = claim_cores(&dir, 2, &[0, 1, 4]).unwrap();
        assert_eq!(cpus(&second), [4]);
        let third = claim_cores(&dir, 1, &[0, 1, 4]).unwrap();
        assert!(third.is_empty());
        drop(first);
        assert_eq!(cpus(&claim_cores(&dir, 1, &[0, 1, 4]).unwrap()), [0]);
        assert_eq!(claim_cores(&dir, 0, &[0, 1, 4]).unwrap().len(), 0);
        assert!(claim_cores(Path::new("/dev/null/x"), 1, &[0]).is_err());
    }

    /// Goal: the claim of a process that was killed is free. Method: util-linux's flock holds it, says so, and is killed.
    #[test]
    fn the_claim_of_a_dead_process_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("cpu-0.lock");
        let holder = Command::new("flock")
            .arg(&lock)
            .args(["sh", "-c", "echo locked; exec sleep 1000"])
            .stdout(Stdio::piped())
            .spawn();
        let mut holder = match holder {
            Ok(holder) => holder,
            Err(e) => {
                eprintln!("skipped: no flock command here ({e})");
                return;
            }
        };
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        assert_eq!(cpus(&claim_cores(dir.path(), 1, &[0, 1]).unwrap()), [1]);
        // flock waits for its child, which shares the lock's descriptor and ends when its group does.
        let tree = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", holder.id())).unwrap();
        for pid in tree.split_whitespace() {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        holder.wait().unwrap();
        assert_eq!(cpus(&claim_cores(dir.path(), 1, &[0, 1]).unwrap()), [0]);
    }
}
