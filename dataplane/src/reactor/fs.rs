//! Names in directories: listed, made, renamed and removed on another thread, because a disk or a network file system may
//! take its time.
//!
//! # Cancel safety
//! A dropped future of this module leaves its job running to the end.

use super::{Core, FileStat, clock, pool_file};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// One name of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name, without the directory.
    pub name: OsString,
    /// What it leads to; symbolic links are followed.
    pub stat: FileStat,
}

/// Makes a directory and those above it that are missing; no error when it is there.
pub async fn create_dir_all(core: &Core, path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    core.run_elsewhere(move || std::fs::create_dir_all(path)).await
}

/// A path in full, as Java makes it: the working directory stands before a relative one, and nothing is simplified. A
/// leading `~/` is the home directory, which Java does not know.
///
/// # Errors
/// When the working directory is gone, or `HOME` is needed and not set.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    if let Ok(below_home) = path.strip_prefix("~") {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let home = home.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "HOME is not set"))?;
        return absolute(&Path::new(&home).join(below_home));
    }
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Ok(std::env::current_dir()?.join(path))
}

/// What is in a directory, in no particular order. Names that cannot be looked at (gone already, or behind a link that
/// leads nowhere or into a forbidden place) are left out.
///
/// # Limits
/// Holds the whole list in memory.
pub async fn list_dir(core: &Core, path: &Path) -> io::Result<Vec<DirEntry>> {
    let path = path.to_owned();
    core.run_elsewhere(move || {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            if let Ok(Some(stat)) = stat_now(&entry.path()) {
                found.push(DirEntry { name: entry.file_name(), stat });
            }
        }
        Ok(found)
    })
    .await
}

/// What a path leads to; `None` when there is nothing. Follows symbolic links.
pub async fn stat(core: &Core, path: &Path) -> io::Result<Option<FileStat>> {
    let path = path.to_owned();
    core.run_elsewhere(move || stat_now(&path)).await
}

/// What each of many paths leads to, in one turn on the other thread.
pub async fn stat_each(core: &Core, paths: Vec<PathBuf>) -> Vec<io::Result<Option<FileStat>>> {
    core.run_elsewhere(move || paths.iter().map(|path| stat_now(path)).collect()).await
}

/// Cuts or extends a file to this length.
pub async fn set_len(core: &Core, path: &Path, length_bytes: u64) -> io::Result<()> {
    let path = path.to_owned();
    core.run_elsewhere(move || pool_file::open_existing(&path)?.set_len(length_bytes)).await
}

/// Gives a file another name on the same file system; what had that name is gone. Durable after [`sync_dir`] of both
/// directories.
pub async fn rename(core: &Core, from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (from.to_owned(), to.to_owned());
    core.run_elsewhere(move || std::fs::rename(from, to)).await
}

/// Removes a file, not a directory.
pub async fn remove(core: &Core, path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    core.run_elsewhere(move || std::fs::remove_file(path)).await
}

/// All of a small file.
///
/// # Errors
/// `FileTooLarge` when it has more than `limit_bytes`.
pub async fn read_small(core: &Core, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    core.run_elsewhere(move || {
        let file = pool_file::open_now(&path, super::OpenHow::Read)?;
        let mut content = Vec::new();
        file.take(limit_bytes.saturating_add(1)).read_to_end(&mut content)?;
        if content.len() as u64 > limit_bytes {
            let text = format!("{} has more than {limit_bytes} bytes", path.display());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(content)
    })
    .await
}

/// Replaces a file's content whole or not at all: writes a new file beside it and renames that. A symbolic link is
/// followed, and the permissions of an existing file are kept.
///
/// # Durability
/// With `sync` the new content has survived power loss when this resolves; without, a crash of the system may bring back
/// the old content or, on some file systems, an empty file.
pub async fn write_atomic(core: &Core, path: &Path, bytes: Vec<u8>, sync: bool) -> io::Result<()> {
    let path = path.to_owned();
    core.run_elsewhere(move || replace(&path, &bytes, sync)).await
}

/// Makes the names of a directory durable: created, renamed and removed ones.
pub async fn sync_dir(core: &Core, path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    core.run_elsewhere(move || File::open(path)?.sync_all()).await
}

fn stat_now(path: &Path) -> io::Result<Option<FileStat>> {
    use rustix::io::Errno;
    match statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::BTIME) {
        Ok(found) => Ok(Some(FileStat::from_statx(&found))),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (Some(dir), Some(name)) = (target.parent(), target.file_name()) else {
        let text = format!("{} is not the name of a file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let temporary = beside(dir, name);
    let written =
        write_new(&temporary, &target, bytes, sync).and_then(|()| std::fs::rename(&temporary, &target));
    if let Err(e) = written {
        // The first error is the one to tell.
        drop(std::fs::remove_file(&temporary));
        return Err(e);
    }
    if sync { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// A name that no other writer of this or another process uses: `.name.123-4-987654321.tmp`.
fn beside(dir: &Path, name: &std::ffi::OsStr) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    let unique = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed), clock::now());
    temporary.push(format!(".{}-{}-{}.tmp", unique.0, unique.1, unique.2));
    dir.join(temporary)
}

fn write_new(temporary: &Path, target: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(temporary)?;
    if let Ok(old) = std::fs::metadata(target) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(bytes)?;
    if sync { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::{IoChoice, block_on};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn in_dir<F: Future<Output = ()> + 'static>(steps: impl Fn(Core, PathBuf) -> F) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        block_on(IoChoice::Epoll, |core| steps(core, path)).unwrap();
    }

    #[test]
    fn a_directory_is_made_listed_and_emptied() {
        in_dir(|core, dir| async move {
            let deep = dir.join("a/b");
            create_dir_all(&core, &deep).await.unwrap();
            create_dir_all(&core, &deep).await.unwrap();
            std::fs::write(deep.join("one"), "12345").unwrap();
            symlink("one", deep.join("link")).unwrap();
            symlink("nowhere", deep.join("dangling")).unwrap();
            let mut found = list_dir(&core, &deep).await.unwrap();
            found.sort_by(|a, b| a.name.cmp(&b.name));
            let names: Vec<_> = found.iter().map(|e| e.name.to_str().unwrap()).collect();
            assert_eq!(names, ["link", "one"]);
            assert_eq!(found[0].stat, found[1].stat);
            assert!(found[1].stat.regular && found[1].stat.size_bytes == 5 && !found[1].stat.directory);
            rename(&core, &deep.join("one"), &deep.join("two")).await.unwrap();
            assert_eq!(stat(&core, &deep.join("one")).await.unwrap(), None);
            assert_eq!(stat(&core, &deep.join("two/x")).await.unwrap(), None);
            assert!(stat(&core, &deep).await.unwrap().unwrap().directory);
            remove(&core, &deep.join("two")).await.unwrap();
            sync_dir(&core, &deep).await.unwrap();
            assert_eq!(list_dir(&core, &deep).await.unwrap(), []);
            let each = stat_each(&core, vec![deep.join("two"), dir.join("a")]).await;
            assert!(each[0].as_ref().unwrap().is_none() && each[1].as_ref().unwrap().unwrap().directory);
            assert!(list_dir(&core, &deep.join("none")).await.is_err());
        });
    }

    #[test]
    fn paths_become_absolute_as_in_java() {
        let here = std::env::current_dir().unwrap();
        for (path, full) in
            [("/a/../b", "/a/../b".into()), ("./a/b", here.join("./a/b")), ("a", here.join("a"))]
        {
            assert_eq!(absolute(Path::new(path)).unwrap().as_os_str(), full.as_os_str());
        }
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        assert_eq!(absolute(Path::new("~/x/y")).unwrap(), home.join("x/y"));
        assert_eq!(absolute(Path::new("~x")).unwrap(), here.join("~x"));
    }

    #[test]
    fn a_file_is_cut_and_a_name_is_taken_once() {
        in_dir(|core, dir| async move {
            let path = dir.join("f");
            assert!(set_len(&core, &path, 3).await.is_err());
            drop(core.open(&path, crate::reactor::OpenHow::CreateNew).await.unwrap());
            let again = core.open(&path, crate::reactor::OpenHow::CreateNew).await.map(|_| ());
            assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            std::fs::write(&path, "12345").unwrap();
            set_len(&core, &path, 3).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "123");
        });
    }

    #[test]
    fn a_small_file_is_read_whole_and_a_large_one_not_at_all() {
        in_dir(|core, dir| async move {
            let path = dir.join("f");
            std::fs::write(&path, "1234").unwrap();
            assert_eq!(read_small(&core, &path, 4).await.unwrap(), b"1234");
            let refused = read_small(&core, &path, 3).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        });
    }

    #[test]
    fn a_file_is_replaced_whole_keeping_its_mode_and_leaving_nothing_beside_it() {
        in_dir(|core, dir| async move {
            let path = dir.join("f");
            for (content, sync) in [("first", true), ("second", false)] {
                write_atomic(&core, &path, content.into(), sync).await.unwrap();
                assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
            }
            symlink("f", dir.join("link")).unwrap();
            write_atomic(&core, &dir.join("link"), b"third".to_vec(), true).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
            assert!(write_atomic(&core, &dir.join("none/f"), Vec::new(), true).await.is_err());
            assert!(write_atomic(&core, Path::new("/"), Vec::new(), true).await.is_err());
            assert_eq!(list_dir(&core, &dir).await.unwrap().len(), 2);
        });
    }
}
