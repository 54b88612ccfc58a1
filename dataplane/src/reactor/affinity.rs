//! Which CPUs a thread runs on.

use rustix::process::getpid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;
use std::sync::OnceLock;

/// CPUs that this process was given when it started (cgroup cpusets and `taskset` included), in order. Read from its
/// main thread, which is never pinned.
pub fn allowed_cpus() -> Vec<usize> {
    let home = home();
    (0..CpuSet::MAX_CPU).filter(|cpu| home.is_set(*cpu)).collect()
}

pub(super) fn home_mask() -> CpuSet {
    *home()
}

/// The CPUs of the process, as the C library writes them.
pub(super) fn home_as_libc() -> libc::cpu_set_t {
    // SAFETY: a set of CPUs is a field of bits; all zeros is the empty one.
    #[allow(unsafe_code)]
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in allowed_cpus() {
        // SAFETY: the numbers come from a set of the same size, so each lies within it.
        #[allow(unsafe_code)]
        unsafe {
            libc::CPU_SET(cpu, &mut set);
        }
    }
    set
}

fn home() -> &'static CpuSet {
    static HOME: OnceLock<CpuSet> = OnceLock::new();
    HOME.get_or_init(|| {
        sched_getaffinity(Some(getpid())).unwrap_or_else(|_| {
            // More CPUs than a CpuSet holds: claim all that it can name, the kernel keeps those that exist.
            let mut all = CpuSet::new();
            (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
            all
        })
    })
}

/// Runs this thread on one CPU only.
pub(super) fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no CPU {cpu}")));
    }
    let mut one = CpuSet::new();
    one.set(cpu);
    Ok(sched_setaffinity(None, &one)?)
}

/// Lets this thread run on every CPU of the process: a thread inherits the pinning of the one that started it.
pub(super) fn unpin() {
    if let Err(e) = sched_setaffinity(None, home()) {
        tracing::debug!("lifting a thread's pinning failed: {e}");
    }
}
