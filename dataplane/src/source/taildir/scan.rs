//! Which files match now.

use super::groups::Group;
use crate::reactor::{Core, FileStat, fs};
use std::io;
use std::path::PathBuf;

/// A file that a group takes.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Which group, as an index into the source's list.
    pub(super) group: usize,
    /// Its absolute path.
    pub(super) path: PathBuf,
    /// What the system says about it.
    pub(super) stat: FileStat,
}

/// What one look brought.
pub(super) struct Seen {
    /// Files in the order in which they are read: group by group, in each the file first that was changed least recently.
    pub(super) files: Vec<Found>,
    /// Groups, as indices, whose files could not be looked at: nothing is known about these.
    pub(super) blind_groups: Vec<usize>,
    /// Files that could not be looked at.
    pub(super) blind_paths: Vec<PathBuf>,
}

/// Looks at the directories of the groups.
pub(super) struct Scan {
    cache: bool,
    listings: Vec<Listing>,
}

/// What is remembered of one group's directory.
#[derive(Default)]
struct Listing {
    /// Paths that matched.
    paths: Vec<PathBuf>,
    /// The directory's modification time when it was listed. `None`: to be listed again.
    modified_ms: Option<i64>,
    /// The directory could not be listed, and somebody was told.
    failing: bool,
}

/// A directory's modification time may be that coarse: a listing so soon after it is not trusted.
const COARSE_MS: i64 = 2_000;

impl Scan {
    /// `cache`: a directory is listed again only when its modification time has moved.
    pub(super) fn new(cache: bool, groups: usize) -> Scan {
        Scan { cache, listings: (0..groups).map(|_| Listing::default()).collect() }
    }

    /// Looks once. In steady state this is one turn on another thread, however many files there are.
    pub(super) async fn look(&mut self, core: &Core, groups: &[Group]) -> Seen {
        let mut seen = Seen { files: Vec::new(), blind_groups: Vec::new(), blind_paths: Vec::new() };
        let mut stats = self.stat_everything(core, groups).await;
        for (at, group) in groups.iter().enumerate() {
            let listing = &mut self.listings[at];
            let directory = stats.next().expect("one for each directory");
            let mut files = Vec::new();
            for (stat, path) in stats.by_ref().take(listing.paths.len()).zip(&listing.paths) {
                match stat {
                    Ok(Some(stat)) => files.push(Found { group: at, path: path.clone(), stat }),
                    Ok(None) => {}
                    Err(_) => seen.blind_paths.push(path.clone()),
                }
            }
            let mut files = Ok(files);
            let modified = directory.map(|stat| stat.filter(|s| s.directory).map(|s| s.modified_ms));
            match modified {
                Ok(Some(modified_ms)) if self.cache && listing.modified_ms == Some(modified_ms) => {}
                Ok(Some(modified_ms)) => files = listing.fill(core, at, group, modified_ms).await,
                Ok(None) => files = Err(io::Error::new(io::ErrorKind::NotFound, "Directory does not exist")),
                Err(e) => files = Err(e),
            }
            match files {
                Ok(mut files) => {
                    listing.sees_again(group);
                    files.retain(|f| f.stat.regular);
                    files.sort_by_key(|f| f.stat.modified_ms);
                    seen.files.extend(files);
                }
                Err(e) => {
                    listing.is_blind(group, &e);
                    seen.blind_groups.push(at);
                }
            }
        }
        seen
    }

    /// For each group what its directory is and what each path is that matched last time.
    async fn stat_everything(
        &self,
        core: &Core,
        groups: &[Group],
    ) -> impl Iterator<Item = io::Result<Option<FileStat>>> + use<> {
        let paths = groups
            .iter()
            .zip(&self.listings)
            .flat_map(|(group, listing)| std::iter::once(&group.directory).chain(&listing.paths))
            .cloned()
            .collect();
        fs::stat_each(core, paths).await.into_iter()
    }
}

impl Listing {
    async fn fill(
        &mut self,
        core: &Core,
        at: usize,
        group: &Group,
        modified_ms: i64,
    ) -> io::Result<Vec<Found>> {
        let now_ms = i64::try_from(core.wall_ms()).unwrap_or(i64::MAX);
        let entries = fs::list_dir(core, &group.directory).await?;
        let files: Vec<Found> = entries
            .into_iter()
            .filter(|e| e.stat.regular && group.takes(&e.name))
            .map(|e| Found { group: at, path: group.directory.join(e.name), stat: e.stat })
            .collect();
        self.paths = files.iter().map(|f| f.path.clone()).collect();
        self.modified_ms = (modified_ms.saturating_add(COARSE_MS) < now_ms).then_some(modified_ms);
        Ok(files)
    }

    fn is_blind(&mut self, group: &Group, e: &io::Error) {
        self.modified_ms = None;
        if !std::mem::replace(&mut self.failing, true) {
            let directory = group.directory.display();
            tracing::warn!("cannot look for files of group {} in {directory}: {e}", group.name);
        }
    }

    fn sees_again(&mut self, group: &Group) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("looks for files of group {} in {} again", group.name, group.directory.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::{IoChoice, block_on};
    use std::path::Path;

    fn group(dir: &Path, pattern: &str) -> Group {
        let pattern = format!("{}/{pattern}", dir.display());
        Group::new("g", &pattern, Vec::new()).unwrap_or_else(|e| panic!("{e}"))
    }

    fn names(seen: &Seen) -> Vec<String> {
        seen.files.iter().map(|f| f.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn aged(path: PathBuf, seconds: u64) {
        let file = std::fs::File::create(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    }

    /// Flume: TestTaildirMatcher.getMatchingFiles…, testEmtpyDirMatching, testNoMatching, testDirectoriesAreNotListed.
    #[test]
    fn files_come_by_age_and_nothing_but_files() {
        for cache in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            block_on(IoChoice::Epoll, |core| async move {
                let groups = [group(&path, "a.*"), group(&path, "b.*")];
                let mut scan = Scan::new(cache, 2);
                assert_eq!(names(&scan.look(&core, &groups).await), [] as [&str; 0]);
                aged(path.join("a2"), 20);
                aged(path.join("a1"), 30);
                aged(path.join("b"), 5);
                aged(path.join("c"), 5);
                std::fs::create_dir(path.join("a-directory")).unwrap();
                std::os::unix::fs::symlink("nowhere", path.join("a-link")).unwrap();
                let seen = scan.look(&core, &groups).await;
                assert_eq!(names(&seen), ["a2", "a1", "b"]);
                assert!(seen.blind_groups.is_empty());
                std::fs::remove_file(path.join("a1")).unwrap();
                aged(path.join("a0"), 1);
                assert_eq!(names(&scan.look(&core, &groups).await), ["a0", "a2", "b"]);
            })
            .unwrap();
        }
    }

    /// Flume: TestTaildirMatcher.testMatchingWithCaching.
    #[test]
    fn an_old_listing_is_trusted_until_the_directory_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        block_on(IoChoice::Epoll, |core| async move {
            let groups = [group(&path, ".*")];
            let age = |seconds| {
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
                std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
            };
            let (mut cached, mut fresh) = (Scan::new(true, 1), Scan::new(false, 1));
            age(100);
            assert_eq!(names(&cached.look(&core, &groups).await), [] as [&str; 0]);
            aged(path.join("new"), 5);
            age(100);
            assert_eq!(names(&cached.look(&core, &groups).await), [] as [&str; 0]);
            assert_eq!(names(&fresh.look(&core, &groups).await), ["new"]);
            age(200);
            assert_eq!(names(&cached.look(&core, &groups).await), ["new"]);
            // Gone, though the directory looks the same.
            std::fs::remove_file(path.join("new")).unwrap();
            age(200);
            assert_eq!(names(&cached.look(&core, &groups).await), [] as [&str; 0]);
        })
        .unwrap();
    }

    #[test]
    fn a_missing_directory_blinds_its_group_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        block_on(IoChoice::Epoll, |core| async move {
            std::fs::create_dir(path.join("x")).unwrap();
            aged(path.join("x/f"), 5);
            let groups = [group(&path.join("none"), ".*"), group(&path.join("x"), ".*")];
            let mut scan = Scan::new(true, 2);
            let seen = scan.look(&core, &groups).await;
            assert_eq!((names(&seen), seen.blind_groups), (vec!["f".to_owned()], vec![0]));
            std::fs::create_dir(path.join("none")).unwrap();
            aged(path.join("none/g"), 5);
            let seen = scan.look(&core, &groups).await;
            assert_eq!((names(&seen), seen.blind_groups), (vec!["g".to_owned(), "f".to_owned()], vec![]));
        })
        .unwrap();
    }
}
