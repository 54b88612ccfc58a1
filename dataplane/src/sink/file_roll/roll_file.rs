//! The file that is being written.

use crate::reactor::{Core, File, OpenHow, Tick, fs};
use std::io;
use std::path::{Path, PathBuf};

/// An open file and how much of it is good: written, synced and committed.
pub(super) struct RollFile {
    path: PathBuf,
    file: Box<dyn File>,
    good_bytes: u64,
    since: Tick,
}

/// What became of a file after a failed append.
pub(super) enum Repaired {
    /// It ends at its last good byte again and can go on.
    Usable(RollFile),
    /// It is given up; a new one must follow.
    GivenUp,
}

impl RollFile {
    /// Makes a new file; its name has survived power loss when this resolves.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken.
    pub(super) async fn create(core: &Core, path: PathBuf) -> io::Result<RollFile> {
        let file = core.open(&path, OpenHow::CreateNew).await?;
        match fs::sync_dir(core, path.parent().unwrap_or(Path::new("/"))).await {
            Ok(()) => {}
            // Some file systems cannot sync a directory and say so.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
            Err(e) => {
                drop(fs::remove(core, &path).await);
                return Err(e);
            }
        }
        Ok(RollFile { path, file, good_bytes: 0, since: core.now() })
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// When it was made.
    pub(super) fn since(&self) -> Tick {
        self.since
    }

    /// Appends all of `bytes` and gives the buffer back, empty.
    ///
    /// # Durability
    /// `Ok`: the bytes have survived power loss.
    ///
    /// # Errors
    /// Any part of the bytes may be in the file: [`RollFile::repair`] it before the next append.
    pub(super) async fn append(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, AppendError> {
        let length = bytes.len() as u64;
        let (written, mut bytes) = self.file.write_at(bytes, self.good_bytes).await;
        written.map_err(AppendError::Write)?;
        self.file.sync_data().await.map_err(AppendError::Sync)?;
        self.good_bytes += length;
        bytes.clear();
        Ok(bytes)
    }

    /// Takes back what a failed append may have left, as far as that can be done.
    ///
    /// Only a full disk leaves it usable. A file whose sync failed is given up: the kernel may have forgotten the write.
    /// One without a good byte is removed.
    pub(super) async fn repair(self, core: &Core, failure: &AppendError) -> Repaired {
        if !self.is_still_at_its_path(core).await {
            return Repaired::GivenUp;
        }
        let cut = fs::set_len(core, &self.path, self.good_bytes).await;
        if self.good_bytes == 0 {
            // An error here is told by the next attempt to make a file.
            drop(fs::remove(core, &self.path).await);
            return Repaired::GivenUp;
        }
        match (failure, cut) {
            (AppendError::Write(e), Ok(())) if is_full(e) => Repaired::Usable(self),
            _ => Repaired::GivenUp,
        }
    }

    /// Somebody may have moved the file and put another one in its place, which is not ours to cut.
    async fn is_still_at_its_path(&self, core: &Core) -> bool {
        let (here, there) = (self.file.stat().await, fs::stat(core, &self.path).await);
        matches!((here, there), (Ok(a), Ok(Some(b))) if (a.dev, a.inode) == (b.dev, b.inode))
    }
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    /// Writing.
    #[error("writing failed")]
    Write(#[source] io::Error),
    /// Making it durable.
    #[error("syncing failed")]
    Sync(#[source] io::Error),
}

impl AppendError {
    /// Whether there is no room on the disk.
    pub(super) fn is_full(&self) -> bool {
        let (AppendError::Write(e) | AppendError::Sync(e)) = self;
        is_full(e)
    }
}

/// Whether there is no room on the disk, or in the user's part of it.
fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
