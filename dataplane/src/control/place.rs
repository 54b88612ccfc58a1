//! Where control sockets live and what they are called. Shared with `ctl`, which has to find them.

use std::path::{Path, PathBuf};

/// What decides where sockets live; a parameter so that tests need no root and no environment.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The effective user.
    pub uid: u32,
    /// `$XDG_RUNTIME_DIR`, when it is an absolute path.
    pub runtime_dir: Option<PathBuf>,
    /// `/run`.
    pub run_dir: PathBuf,
    /// The system's folder for temporary files.
    pub temp_dir: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Surroundings {
            uid: rustix::process::geteuid().as_raw(),
            runtime_dir: std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute()),
            run_dir: PathBuf::from("/run"),
            temp_dir: std::env::temp_dir(),
        }
    }

    /// Folders for this user's sockets, the preferred one first. An agent takes the first that it can use; `ctl` looks
    /// into all of them.
    ///
    /// Root's sockets are in `/run/penstock`: the runtime folder of a login (`/run/user/0`) vanishes with it, and would
    /// take the socket of an agent along that was started from that shell. Any other `$XDG_RUNTIME_DIR` is a wish.
    pub fn folders(&self) -> Vec<PathBuf> {
        let session = self.runtime_dir.as_ref().map(|dir| dir.join("penstock"));
        let mut folders = Vec::new();
        if self.uid == 0 {
            let is_login = session.as_ref().is_some_and(|dir| dir.starts_with(self.run_dir.join("user")));
            let system = self.run_dir.join("penstock");
            match session {
                Some(dir) if is_login => folders.extend([system, dir]),
                Some(dir) => folders.extend([dir, system]),
                None => folders.push(system),
            }
        } else {
            folders.extend(session);
        }
        folders.push(self.temp_dir.join(format!("penstock-{}", self.uid)));
        folders
    }
}

/// The longest escaped name that is used as it is: with a folder, `-<pid>` and `.sock` it has to fit into the 107 bytes
/// of a socket's path.
const LONGEST_STEM_BYTES: usize = 40;

/// The agent's name as the first part of a file name: `a1`, `my%20agent`. Long names keep their beginning and get a
/// hash.
pub fn file_stem(agent: &str) -> String {
    let mut stem = String::new();
    for (at, byte) in agent.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if plain {
            stem.push(char::from(byte));
        } else {
            stem.push_str(&format!("%{byte:02X}"));
        }
    }
    if stem.len() > LONGEST_STEM_BYTES {
        stem.truncate(LONGEST_STEM_BYTES - 17);
        stem.push_str(&format!("~{:016x}", fnv1a(agent.as_bytes())));
    }
    stem
}

/// The path of an agent's socket in `folder`; `pid` is given when the plain name is taken.
pub fn socket_path(folder: &Path, agent: &str, pid: Option<u32>) -> PathBuf {
    let stem = file_stem(agent);
    folder.join(match pid {
        None => format!("{stem}.sock"),
        Some(pid) => format!("{stem}-{pid}.sock"),
    })
}

/// FNV-1a, 64 bits: stable between versions, which `DefaultHasher` does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(uid: u32, runtime_dir: Option<&str>) -> Vec<String> {
        let around = Surroundings {
            uid,
            runtime_dir: runtime_dir.map(PathBuf::from),
            run_dir: "/run".into(),
            temp_dir: "/tmp".into(),
        };
        around.folders().iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn folders_follow_the_user() {
        assert_eq!(folders(7, Some("/run/user/7")), ["/run/user/7/penstock", "/tmp/penstock-7"]);
        assert_eq!(folders(7, None), ["/tmp/penstock-7"]);
        assert_eq!(folders(0, None), ["/run/penstock", "/tmp/penstock-0"]);
        let login = folders(0, Some("/run/user/0"));
        assert_eq!(login, ["/run/penstock", "/run/user/0/penstock", "/tmp/penstock-0"]);
        assert_eq!(folders(0, Some("/x")), ["/x/penstock", "/run/penstock", "/tmp/penstock-0"]);
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for (agent, stem) in [
            ("a1", "a1"),
            ("tier-1_b.c", "tier-1_b.c"),
            ("..", "%2E."),
            ("../x", "%2E.%2Fx"),
            ("my agent", "my%20agent"),
            ("ä", "%C3%A4"),
            ("", ""),
        ] {
            assert_eq!(file_stem(agent), stem);
        }
        let (one, two) = (file_stem(&"x".repeat(500)), file_stem(&"x".repeat(501)));
        assert_ne!(one, two);
        assert_eq!((one.len(), two.len()), (LONGEST_STEM_BYTES, LONGEST_STEM_BYTES));
    }
}
