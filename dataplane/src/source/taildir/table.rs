//! How far every file was read, in memory and in the position file.
//!
//! The position file is Flume's, whole: an agent of Flume goes on from it, and ours from Flume's. Beside it lies
//! `<positionFile>.penstock` with the birth time of each file, so that an inode that was given to another file, or a file
//! that was renamed while nobody watched, is recognised. It is written after the position file: a crash in between makes
//! lines come twice, never not at all.

use super::positions::{self, Position};
use crate::event::{Advice, Error};
use crate::reactor::{Core, FileStat, Stop, fs};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// 64 MiB: some 500,000 entries.
const LONGEST_FILE_BYTES: u64 = 64 << 20;

/// What makes a file the same file under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    /// Device.
    pub(super) dev: u64,
    /// Inode.
    pub(super) inode: u64,
    /// Birth time in nanoseconds, where the file system knows it: an inode number is used again.
    pub(super) born_ns: Option<i64>,
}

impl FileId {
    pub(super) fn of(stat: &FileStat) -> FileId {
        // Some images of file systems give all their files a birth in 1970.
        let born_ns = stat.born_ns.filter(|born| *born != 0);
        FileId { dev: stat.dev, inode: stat.inode, born_ns }
    }
}

/// A line of `<positionFile>.penstock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Birth {
    inode: u64,
    born_ns: i64,
}

/// A file of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Where it was and how far it was read.
    pub(super) position: Position,
    /// Its birth, if it was noted.
    pub(super) born_ns: Option<i64>,
}

impl Remembered {
    /// Whether this is that file. Without a birth time the path must be the same, too, as Flume wants it.
    pub(super) fn is(&self, id: FileId, path: &Path) -> bool {
        self.position.inode == id.inode
            && match (self.born_ns, id.born_ns) {
                (Some(then), Some(now)) => then == now,
                _ => Path::new(&self.position.file) == path,
            }
    }
}

/// The positions of the files that are followed, and of those that an earlier run followed and nobody has seen yet.
pub(super) struct Table {
    path: PathBuf,
    entries: RefCell<BTreeMap<FileId, Position>>,
    remembered: RefCell<Vec<Remembered>>,
    changed: Cell<bool>,
    births_written: RefCell<Vec<Birth>>,
    failing: Cell<bool>,
}

impl Table {
    /// Reads the position file, if there is one, and makes its directory. A broken file is put aside and said.
    pub(super) async fn open(core: &Core, path: PathBuf) -> Result<Table, Error> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(core, directory).await.map_err(|e| {
            let what = format!("cannot make {}, the directory of the position file", directory.display());
            Error::caused(Advice::RetryAfter(Duration::from_secs(3)), what, e)
        })?;
        let positions = read(core, &path, positions::parse).await?.unwrap_or_default();
        let births = read(core, &beside(&path), |bytes| serde_json::from_slice::<Vec<Birth>>(bytes)).await?;
        let births = births.unwrap_or_default();
        let remembered = positions.into_iter().map(|position| {
            let born_ns = births.iter().find(|b| b.inode == position.inode).map(|b| b.born_ns);
            Remembered { position, born_ns }
        });
        Ok(Table {
            path,
            entries: RefCell::default(),
            remembered: RefCell::new(remembered.collect()),
            // The first write says what is followed now, also when nothing was read since.
            changed: Cell::new(true),
            births_written: RefCell::new(births),
            failing: Cell::new(false),
        })
    }

    /// How far an earlier run read this file, if it did. Told once.
    pub(super) fn recall(&self, id: FileId, path: &Path) -> Option<u64> {
        let mut remembered = self.remembered.borrow_mut();
        let at = remembered.iter().position(|r| r.is(id, path))?;
        Some(remembered.swap_remove(at).position.pos)
    }

    /// Takes out the files of an earlier run that were not recalled and that `keep` does not want to wait for.
    pub(super) fn take_unseen(&self, keep: impl Fn(&Remembered) -> bool) -> Vec<Remembered> {
        let (kept, taken) = self.remembered.take().into_iter().partition(keep);
        *self.remembered.borrow_mut() = kept;
        taken
    }

    /// Everything before `pos` is in the channels.
    pub(super) fn set(&self, id: FileId, path: &Path, pos: u64) {
        let file = path.to_string_lossy().into_owned();
        let position = Position { inode: id.inode, pos, file };
        let mut entries = self.entries.borrow_mut();
        if entries.get(&id) != Some(&position) {
            entries.insert(id, position);
            self.changed.set(true);
        }
    }

    /// The position moved; the path did not.
    pub(super) fn advance(&self, id: FileId, pos: u64) {
        if let Some(entry) = self.entries.borrow_mut().get_mut(&id) {
            entry.pos = pos;
            self.changed.set(true);
        }
    }

    /// The file is not followed any more.
    pub(super) fn forget(&self, id: FileId) {
        if self.entries.borrow_mut().remove(&id).is_some() {
            self.changed.set(true);
        }
    }

    /// Writes what has changed, every `interval` until the stop and once more then.
    pub(super) async fn keep_writing(&self, core: &Core, interval: Duration, stop: &Stop) {
        loop {
            let stopped = stop.sleep(core, interval).await;
            self.write(core).await;
            if stopped {
                return;
            }
        }
    }

    /// Writes the files if something has changed. A failure is said once, and tried again the next time.
    pub(super) async fn write(&self, core: &Core) {
        if !self.changed.replace(false) {
            return;
        }
        match self.write_both(core).await {
            Ok(()) => {
                if self.failing.replace(false) {
                    tracing::info!("the position file {} is written again", self.path.display());
                }
            }
            Err(e) => {
                self.changed.set(true);
                if !self.failing.replace(true) {
                    let path = self.path.display();
                    tracing::error!(
                        "cannot write the position file {path}, and keeps trying; a restart would read lines again: {e}"
                    );
                }
            }
        }
    }

    async fn write_both(&self, core: &Core) -> io::Result<()> {
        let (text, births) = {
            let (entries, unseen) = (self.entries.borrow(), self.remembered.borrow());
            let births = entries.keys().map(|id| (id.inode, id.born_ns));
            let births = births.chain(unseen.iter().map(|r| (r.position.inode, r.born_ns)));
            let births: Vec<Birth> =
                births.filter_map(|(inode, born)| Some(Birth { inode, born_ns: born? })).collect();
            (positions::format(entries.values().chain(unseen.iter().map(|r| &r.position))), births)
        };
        fs::write_atomic(core, &self.path, text.into_bytes(), true).await?;
        if *self.births_written.borrow() != births {
            let text = serde_json::to_vec(&births)?;
            fs::write_atomic(core, &beside(&self.path), text, true).await?;
            *self.births_written.borrow_mut() = births;
        }
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".penstock");
    PathBuf::from(name)
}

/// What a file says; `None` when there is none, or when it is broken and was put aside.
///
/// # Errors
/// When it is there and cannot be read: going on would forget what it says.
async fn read<T>(
    core: &Core,
    path: &Path,
    parse: impl Fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<Option<T>, Error> {
    let why: Box<dyn std::error::Error> = match fs::read_small(core, path, LONGEST_FILE_BYTES).await {
        Ok(content) => match parse(&content) {
            Ok(value) => return Ok(Some(value)),
            Err(e) => Box::new(e),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => Box::new(e),
        Err(e) => {
            let what = format!("cannot read the position file {}", path.display());
            return Err(Error::caused(Advice::RetryAfter(Duration::from_secs(3)), what, e));
        }
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".bad-{}", core.wall_ms()));
    let aside = PathBuf::from(aside);
    let path_text = path.display();
    match fs::rename(core, path, &aside).await {
        Ok(()) => tracing::error!(
            "the position file {path_text} is broken and not used: {why}; it is kept as {}",
            aside.display()
        ),
        Err(e) => {
            let what = format!("the position file {path_text} is broken ({why}) and cannot be put aside");
            return Err(Error::caused(Advice::RetryAfter(Duration::from_secs(3)), what, e));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::{IoChoice, block_on};

    fn id(inode: u64, born_ns: Option<i64>) -> FileId {
        FileId { dev: 1, inode, born_ns }
    }

    fn in_dir<F: Future<Output = ()> + 'static>(test: impl FnOnce(Core, PathBuf) -> F) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/positions.json");
        block_on(IoChoice::Epoll, |core| test(core, path)).unwrap();
    }

    #[test]
    fn positions_survive_with_their_births() {
        in_dir(|core, path| async move {
            let table = Table::open(&core, path.clone()).await.unwrap();
            table.set(id(5, Some(77)), Path::new("/var/log/x.log"), 0);
            table.set(id(6, None), Path::new("/var/log/y.log"), 3);
            table.set(id(7, Some(1)), Path::new("/gone"), 3);
            table.advance(id(5, Some(77)), 8);
            table.forget(id(7, Some(1)));
            table.write(&core).await;
            let text = r#"[{"inode":5,"pos":8,"file":"/var/log/x.log"},{"inode":6,"pos":3,"file":"/var/log/y.log"}]"#;
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            let again = Table::open(&core, path.clone()).await.unwrap();
            assert_eq!(again.recall(id(5, Some(78)), Path::new("/var/log/x.log")), None);
            assert_eq!(again.recall(id(5, Some(77)), Path::new("/var/log/x.log.1")), Some(8));
            assert_eq!(again.recall(id(5, Some(77)), Path::new("/var/log/x.log.1")), None);
            again.set(id(5, Some(77)), Path::new("/var/log/x.log.1"), 9);
            again.write(&core).await;
            let text = text.replace("8,", "9,").replace("x.log", "x.log.1");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "what was not seen is kept");
            assert_eq!(again.take_unseen(|_| true), []);
            assert_eq!(again.take_unseen(|_| false)[0].position.pos, 3);
            std::fs::remove_file(&path).unwrap();
            table.write(&core).await;
            assert!(!path.exists(), "nothing has changed, nothing is written");
        });
    }

    #[test]
    fn a_file_is_recognised_by_birth_or_else_by_inode_and_path() {
        let position = Position { inode: 5, pos: 8, file: "/x".into() };
        let noted = Remembered { position: position.clone(), born_ns: Some(77) };
        let flumes = Remembered { position, born_ns: None };
        for (remembered, inode, born_ns, path, expected) in [
            (&noted, 5, Some(77), "/x", true),
            (&noted, 5, Some(77), "/x.1", true),
            (&noted, 5, Some(78), "/x", false),
            (&noted, 6, Some(77), "/x", false),
            (&noted, 5, None, "/x", true),
            (&noted, 5, None, "/x.1", false),
            (&flumes, 5, Some(77), "/x", true),
            (&flumes, 5, Some(77), "/x.1", false),
        ] {
            assert_eq!(remembered.is(id(inode, born_ns), Path::new(path)), expected);
        }
    }

    #[test]
    fn a_broken_file_is_put_aside() {
        in_dir(|core, path| async move {
            std::fs::create_dir(path.parent().unwrap()).unwrap();
            for broken in ["[{\"inode\":", "\0\0\0", "{}"] {
                std::fs::write(&path, broken).unwrap();
                std::fs::write(beside(&path), broken).unwrap();
                let table = Table::open(&core, path.clone()).await.unwrap();
                assert_eq!(table.take_unseen(|_| false), []);
                assert!(!path.exists() && !beside(&path).exists());
            }
            let kept = std::fs::read_dir(path.parent().unwrap()).unwrap();
            assert!(kept.count() >= 2);
        });
    }

    #[test]
    fn a_position_file_that_cannot_be_read_is_an_error() {
        in_dir(|core, path| async move {
            std::fs::create_dir_all(&path).unwrap();
            let error = Table::open(&core, path.clone()).await.err().unwrap();
            assert!(error.what.starts_with("cannot read the position file"), "{}", error.line());
            let below = path.join("x");
            std::fs::write(&below, "").unwrap();
            let error = Table::open(&core, below.join("p.json")).await.err().unwrap();
            assert!(error.what.starts_with("cannot make "), "{}", error.line());
        });
    }
}
