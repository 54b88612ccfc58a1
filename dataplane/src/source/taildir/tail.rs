//! One file that is followed.

use super::table::FileId;
use crate::reactor::{Core, File, FileStat, OpenHow, Tick, fs};
use std::io;
use std::path::{Path, PathBuf};

/// How long a file that could not be read is left alone.
const RETRY_NS: u64 = 10_000_000_000;

/// A file, how far it was read, and what was seen of it.
pub(super) struct Tail {
    /// Which file.
    pub(super) id: FileId,
    /// Where it is, or was when it was last seen in its directory.
    pub(super) path: PathBuf,
    /// Its group, as an index.
    pub(super) group: usize,
    /// Everything before this offset is in the channels.
    pub(super) position: u64,
    /// False when its name does not match any more, or it has none.
    pub(super) matched: bool,
    /// Open while it grows.
    file: Option<Box<dyn File>>,
    /// Size and modification time at the last time that everything was read.
    read_at: Option<(u64, i64)>,
    /// When something was last seen to happen to it.
    active: Tick,
    /// Size and modification time when it was last looked at.
    last_look: Option<(u64, i64)>,
    /// When a file that could not be read may be tried again; somebody was told then.
    failed_until: Option<Tick>,
}

impl Tail {
    pub(super) fn new(id: FileId, path: PathBuf, group: usize, position: u64, now: Tick) -> Tail {
        Tail {
            id,
            path,
            group,
            position,
            matched: true,
            file: None,
            read_at: None,
            active: now,
            last_look: None,
            failed_until: None,
        }
    }

    /// What the system says about it now: given by the scan, or asked of the open file.
    pub(super) fn look(&mut self, stat: &FileStat, now: Tick) {
        let look = Some((stat.size_bytes, stat.modified_ms));
        if self.last_look != look {
            self.last_look = look;
            self.active = now;
        }
    }

    /// Whether there may be something to read, given what was seen last.
    pub(super) fn wants_reading(&self, now: Tick) -> bool {
        self.last_look.is_some()
            && self.last_look != self.read_at
            && self.failed_until.is_none_or(|until| until <= now)
    }

    /// Its size when it was looked at.
    pub(super) fn size_bytes(&self) -> u64 {
        self.last_look.map_or(0, |(size, _)| size)
    }

    /// Whether every byte seen is in the channels.
    pub(super) fn is_read_to_its_end(&self) -> bool {
        self.position >= self.size_bytes()
    }

    /// How long ago it was changed, by the wall clock.
    pub(super) fn age_ms(&self, wall_ms: u64) -> u64 {
        let modified_ms = self.last_look.map_or(0, |(_, modified)| modified);
        wall_ms.saturating_sub(u64::try_from(modified_ms).unwrap_or(0))
    }

    /// Whether reading it has failed and not succeeded since.
    pub(super) fn is_failing(&self) -> bool {
        self.failed_until.is_some()
    }

    /// Everything that was there at the last look was read.
    pub(super) fn is_read(&mut self) {
        self.read_at = self.last_look;
        if self.failed_until.take().is_some() {
            tracing::info!("{} can be read again", self.path.display());
        }
    }

    /// It was cut: it begins anew.
    pub(super) fn starts_over(&mut self) {
        let (path, position, size) = (self.path.display(), self.position, self.size_bytes());
        tracing::info!(
            "{path} has {size} bytes and was read to {position}: it was cut, and is read from its beginning"
        );
        self.position = 0;
    }

    /// How long nothing has happened to it, in nanoseconds.
    pub(super) fn quiet_ns(&self, now: Tick) -> u64 {
        now.saturating_sub(self.active)
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// The file, opened if it was not. `None`: it is not at its path any more.
    pub(super) async fn open(&mut self, core: &Core) -> io::Result<Option<&dyn File>> {
        if self.file.is_none() {
            let file = match core.open(&self.path, OpenHow::Read).await {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            if FileId::of(&file.stat().await?) != self.id {
                return Ok(None);
            }
            self.file = Some(file);
        }
        Ok(self.file.as_deref())
    }

    /// The file, if it is open.
    pub(super) fn file(&self) -> Option<&dyn File> {
        self.file.as_deref()
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Reading failed: says so once, and leaves the file alone for a while. One without a name stays open: it could not be
    /// opened again. True when it was said.
    pub(super) fn failed(&mut self, what: &str, now: Tick) -> bool {
        let told = self.failed_until.replace(now.saturating_add(RETRY_NS)).is_some();
        if self.matched {
            self.close();
        }
        if !told {
            tracing::error!("{}: {what}; the other files are followed", self.path.display());
        }
        !told
    }

    /// Its name does not match any more: finds out where it went, and keeps it open. False when it is gone.
    pub(super) async fn is_retired(&mut self, core: &Core) -> bool {
        self.matched = false;
        let found = self.whereabouts(core).await;
        if let Some(path) = found {
            tracing::info!("{} is {} now, and is read to its end", self.path.display(), path.display());
            self.path = path;
        }
        // An open file is read to its end wherever it is.
        matches!(self.open(core).await, Ok(Some(_)))
    }

    async fn whereabouts(&self, core: &Core) -> Option<PathBuf> {
        locate(core, self.path.parent()?, |stat| FileId::of(stat) == self.id).await.map(|(path, _)| path)
    }
}

/// Looks for a file in a directory by what the system says about it.
pub(super) async fn locate(
    core: &Core,
    directory: &Path,
    is_it: impl Fn(&FileStat) -> bool,
) -> Option<(PathBuf, FileStat)> {
    // A directory that cannot be listed hides what it holds.
    let entries = fs::list_dir(core, directory).await.ok()?;
    let found = entries.into_iter().find(|e| e.stat.regular && is_it(&e.stat))?;
    Some((directory.join(found.name), found.stat))
}
