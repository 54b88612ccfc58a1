//! The files of a log: where they lie, what they are called, and their descriptors.
//!
//! ```text
//! <checkpoint dir>/penstock/   checkpoint-0  checkpoint-1  LOCK
//! <data dir>/penstock/         seg-00000000 …              LOCK  quarantine/
//! ```
//! Slot `n` lies in data directory `n % directories`. Everything lies below `penstock/`, so that Flume's own files in the same
//! directories stay as they are.

#![allow(clippy::disallowed_methods, reason = "a back end of the log is a door to the disk itself")]

use super::SlotFile;
use super::lock::{DirLock, LockError, Owner};
use super::perform::Access;
use rustix::fs::{Mode, OFlags, open};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Our folder in each directory of a log.
pub const SUBDIRECTORY: &str = "penstock";

/// Size of each checkpoint copy; a log's `checkpoint_bytes` must not be larger.
pub const CHECKPOINT_BYTES: u64 = 64 << 10;

/// The directories of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Holds the checkpoint.
    pub checkpoint_dir: PathBuf,
    /// Hold the segments; at least one, in an order that must not change.
    pub data_dirs: Vec<PathBuf>,
}

impl Layout {
    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.checkpoint_dir).chain(&self.data_dirs)
    }

    /// Where slot `slot` lies.
    pub fn slot(&self, slot: u32) -> PathBuf {
        let dir = &self.data_dirs[slot as usize % self.data_dirs.len()];
        dir.join(SUBDIRECTORY).join(format!("seg-{slot:08}"))
    }

    /// Where checkpoint copy 0 or 1 lies.
    pub fn checkpoint(&self, copy: u8) -> PathBuf {
        self.checkpoint_dir.join(SUBDIRECTORY).join(format!("checkpoint-{copy}"))
    }
}

/// The open files of a locked log. Shared by whoever performs its operations.
#[derive(Debug)]
pub struct SlotFiles {
    layout: Layout,
    access: Access,
    open: Mutex<HashMap<Name, Arc<OwnedFd>>>,
    _locks: Vec<DirLock>,
}

/// What a descriptor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// A segment.
    Slot(u32),
    /// A checkpoint copy.
    Checkpoint(u8),
}

impl SlotFiles {
    /// Makes the directories where they are missing and locks them.
    ///
    /// # Errors
    /// When a directory cannot be made or is in use.
    pub fn lock(layout: Layout, access: Access, owner: &Owner) -> Result<SlotFiles, LockError> {
        assert!(!layout.data_dirs.is_empty(), "a log has a data directory");
        let mut locks = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for dir in layout.folders() {
            let ours = dir.join(SUBDIRECTORY);
            let failed = |source| LockError::Io { path: ours.clone(), source };
            std::fs::create_dir_all(&ours).map_err(failed)?;
            let real = std::fs::canonicalize(dir).map_err(failed)?;
            // One directory may serve for both; it is locked once.
            if !seen.contains(&real) {
                locks.push(DirLock::take(dir, owner)?);
                seen.push(real);
            }
        }
        let files = SlotFiles { layout, access, open: Mutex::default(), _locks: locks };
        let folder = files.layout.checkpoint_dir.join(SUBDIRECTORY);
        files.fill_checkpoints().map_err(|source| LockError::Io { path: folder, source })?;
        Ok(files)
    }

    /// Both checkpoint copies get their full size before anything depends on them: writing one then needs no space, so
    /// that a log on a full disk can still acknowledge.
    fn fill_checkpoints(&self) -> io::Result<()> {
        let mut made = false;
        for copy in [0, 1] {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let fd = open(self.layout.checkpoint(copy), flags, Mode::from_raw_mode(0o600))?;
            let mut at = u64::try_from(rustix::fs::fstat(&fd)?.st_size).unwrap_or(0);
            let zeros = [0; 4096];
            while at < CHECKPOINT_BYTES {
                let piece = (CHECKPOINT_BYTES - at).min(zeros.len() as u64) as usize;
                at += rustix::io::pwrite(&fd, &zeros[..piece], at)? as u64;
                made = true;
            }
            if made {
                rustix::fs::fsync(&fd)?;
            }
        }
        if made { self.sync_dirs() } else { Ok(()) }
    }

    /// Where they lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How they are read and written.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The slots that are there, by number. Other files are left alone.
    pub fn slots(&self) -> io::Result<Vec<SlotFile>> {
        let mut found = Vec::new();
        for (index, dir) in self.layout.data_dirs.iter().enumerate() {
            for entry in std::fs::read_dir(dir.join(SUBDIRECTORY))? {
                let entry = entry?;
                let Some(slot) =
                    entry.file_name().to_str().and_then(|n| n.strip_prefix("seg-")?.parse().ok())
                else {
                    continue;
                };
                if slot as usize % self.layout.data_dirs.len() == index {
                    found.push(SlotFile { slot, size_bytes: entry.metadata()?.len() });
                }
            }
        }
        found.sort_by_key(|f| f.slot);
        Ok(found)
    }

    /// Bytes that the file system of each data directory grants, the smallest of them.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let free = self.layout.folders().map(|dir| {
            let stat = rustix::fs::statvfs(dir)?;
            Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
        });
        free.collect::<io::Result<Vec<u64>>>().map(|all| all.into_iter().min().unwrap_or(0))
    }

    /// The descriptor of a file that exists, or, for a checkpoint, that is made with `size_bytes`.
    pub fn get(&self, name: Name) -> io::Result<Arc<OwnedFd>> {
        let mut open_files = self.open.lock().expect("nobody panics while holding the lock");
        if let Some(fd) = open_files.get(&name) {
            return Ok(fd.clone());
        }
        let path = self.path(name);
        let create = if matches!(name, Name::Checkpoint(_)) { OFlags::CREATE } else { OFlags::empty() };
        let fd = Arc::new(open(&path, self.flags() | create, Mode::from_raw_mode(0o600))?);
        open_files.insert(name, fd.clone());
        Ok(fd)
    }

    /// A new, empty file in the place of a slot.
    pub fn create(&self, slot: u32) -> io::Result<Arc<OwnedFd>> {
        let flags = self.flags() | OFlags::CREATE | OFlags::TRUNC;
        let fd = Arc::new(open(self.path(Name::Slot(slot)), flags, Mode::from_raw_mode(0o600))?);
        self.open.lock().expect("nobody panics while holding the lock").insert(Name::Slot(slot), fd.clone());
        Ok(fd)
    }

    /// Forgets a descriptor and removes the file.
    pub fn remove(&self, slot: u32) -> io::Result<()> {
        self.open.lock().expect("nobody panics while holding the lock").remove(&Name::Slot(slot));
        std::fs::remove_file(self.path(Name::Slot(slot)))
    }

    /// Makes names durable in every directory.
    pub fn sync_dirs(&self) -> io::Result<()> {
        for dir in self.layout.folders() {
            // The folder itself, and its own name in the user's directory.
            for path in [dir.join(SUBDIRECTORY), dir.clone()] {
                let fd = open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
                rustix::fs::fsync(&fd)?;
            }
        }
        Ok(())
    }

    /// Where damaged ranges of a slot are copied to.
    pub fn quarantine_dir(&self, slot: u32) -> io::Result<PathBuf> {
        let at = self.layout.slot(slot);
        let dir = at.parent().unwrap_or(Path::new(".")).join("quarantine");
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    fn path(&self, name: Name) -> PathBuf {
        match name {
            Name::Slot(slot) => self.layout.slot(slot),
            Name::Checkpoint(copy) => self.layout.checkpoint(copy),
        }
    }

    fn flags(&self) -> OFlags {
        let direct = if self.access.is_direct() { OFlags::DIRECT } else { OFlags::empty() };
        OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | direct
    }
}
