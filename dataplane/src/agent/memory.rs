//! How much memory this process may use.

use std::path::Path;

/// Bytes that the machine or the cgroup grants, whichever is less.
pub(super) fn granted_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit));
    cgroup_limit_bytes(
        Path::new("/sys/fs/cgroup"),
        &std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
    )
    .map_or(machine, |limit| limit.min(machine))
}

/// The tightest `memory.max` from the process's cgroup (version 2) up to the root.
fn cgroup_limit_bytes(root: &Path, membership: &str) -> Option<u64> {
    let path = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut at = root.join(path);
    let mut tightest = None;
    while at.starts_with(root) {
        let limit =
            std::fs::read_to_string(at.join("memory.max")).ok().and_then(|t| t.trim().parse::<u64>().ok());
        tightest = match (tightest, limit) {
            (Some(a), Some(b)) => Some(std::cmp::min::<u64>(a, b)),
            (a, b) => a.or(b),
        };
        if !at.pop() {
            break;
        }
    }
    tightest
}

/// Resident memory of this process; 0 when the system does not say.
pub(super) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// CPU time that this process has used, in milliseconds.
pub(super) fn cpu_ms() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec.cast_unsigned() * 1_000 + used.tv_nsec.cast_unsigned() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_up_to_the_root_counts() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        std::fs::write(root.path().join("a/b/memory.max"), "max\n").unwrap();
        assert_eq!(cgroup_limit_bytes(root.path(), "0::/a/b\n"), Some(1000));
        assert_eq!(cgroup_limit_bytes(root.path(), "0::/elsewhere\n"), None);
        assert_eq!(cgroup_limit_bytes(root.path(), "5:memory:/v1\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_used_time() {
        assert!(granted_bytes() > resident_bytes() && resident_bytes() > 0);
        assert!(cpu_ms() < 3_600_000);
    }
}
