//! The log file: rolled at midnight and at 100 MB into `archive/`, of which the newest 1 GB is kept, as Flume 1.11's
//! shipped log4j2.xml does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// When to roll, and what to keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) file_bytes: u64,
    pub(super) archive_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file_bytes: 100 << 20, archive_bytes: 1 << 30 }
    }
}

/// An open log file. Other processes may append to it, move it away (logrotate) or roll it at the same time.
pub(super) struct LogFile {
    path: PathBuf,
    archive: PathBuf,
    limits: Limits,
    file: File,
    bytes: u64,
    /// `yyyymmdd` of the lines in it; 0 while it is empty.
    day: u32,
    /// No roll before this time, after one failed.
    retry_at_ms: i64,
}

impl LogFile {
    /// Opens or creates the file and its folder. `day_of` turns a time into `yyyymmdd`.
    pub(super) fn open(
        dir: &Path,
        name: &str,
        limits: Limits,
        day_of: impl FnOnce(i64) -> u32,
    ) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(name);
        let file = open_append(&path)?;
        let meta = file.metadata()?;
        let changed =
            meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let day = match meta.len() {
            0 => 0,
            _ => day_of(i64::try_from(changed.as_millis()).unwrap_or(i64::MAX)),
        };
        let archive = dir.join("archive");
        Ok(LogFile { path, archive, limits, file, bytes: meta.len(), day, retry_at_ms: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines, all of `day`, rolling first when it is time. A roll that fails is tried again a minute later
    /// and costs no line: `Ok(Some(why))` says so.
    ///
    /// # Errors
    /// When the file takes none or not all of `text`.
    pub(super) fn write(&mut self, text: &[u8], day: u32, wall_ms: i64) -> io::Result<Option<String>> {
        self.follow()?;
        let mut trouble = None;
        let full = self.bytes > 0 && self.bytes + text.len() as u64 > self.limits.file_bytes;
        let yesterdays = self.bytes > 0 && self.day != 0 && self.day < day;
        if (full || yesterdays)
            && wall_ms >= self.retry_at_ms
            && let Err(e) = self.roll(day)
        {
            self.retry_at_ms = wall_ms + 60_000;
            trouble = Some(format!("rolling {} failed: {e}; tried again in a minute", self.path.display()));
        }
        self.day = day;
        let written = self.file.write_all(text);
        self.bytes = self.file.metadata().map_or(self.bytes + text.len() as u64, |m| m.len());
        written.map(|()| trouble)
    }

    /// Opens the path again when it does not name our file any more.
    fn follow(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let moved = match fs::metadata(&self.path) {
            Ok(m) => (m.dev(), m.ino()) != (ours.dev(), ours.ino()),
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        };
        self.bytes = ours.len();
        if moved {
            if let Some(dir) = self.path.parent() {
                fs::create_dir_all(dir)?;
            }
            self.file = open_append(&self.path)?;
            self.bytes = self.file.metadata()?.len();
            self.day = 0;
        }
        Ok(())
    }

    /// Moves the file to `archive/<name>.<day>-<number>` and starts a new one.
    fn roll(&mut self, today: u32) -> io::Result<()> {
        fs::create_dir_all(&self.archive)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let day = if self.day == 0 { today } else { self.day };
        let free = (1..).map(|n| self.archive.join(format!("{name}.{day}-{n}"))).find(|p| !p.exists());
        let to = free.expect("numbers do not run out before file names do");
        // A link never replaces what another process put there in the meantime, a rename would.
        fs::hard_link(&self.path, &to).or_else(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => Err(e),
            _ => fs::rename(&self.path, &to),
        })?;
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        self.file = open_append(&self.path)?;
        self.bytes = 0;
        prune(&self.archive, &format!("{name}."), self.limits.archive_bytes).map_err(|e| {
            io::Error::new(e.kind(), format!("rolled, but old files stay in {}: {e}", self.archive.display()))
        })
    }
}

fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Removes the oldest files named `prefix…` until the rest is at most `keep_bytes`. The newest one always stays.
fn prune(dir: &Path, prefix: &str, keep_bytes: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let meta = entry.metadata()?;
            files.push((meta.modified()?, entry.path(), meta.len()));
        }
    }
    files.sort();
    let mut kept = 0u64;
    for (age, (_, path, bytes)) in files.into_iter().rev().enumerate() {
        kept = kept.saturating_add(bytes);
        if age > 0 && kept > keep_bytes {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const TINY: Limits = Limits { file_bytes: 100, archive_bytes: 250 };

    fn open(dir: &TempDir, limits: Limits) -> LogFile {
        LogFile::open(dir.path(), "flume.log", limits, |_| 20261120).unwrap()
    }

    fn all_text(dir: &Path) -> String {
        let mut files: Vec<_> = fs::read_dir(dir.join("archive"))
            .map(|d| d.map(|e| e.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files.push(dir.join("flume.log"));
        files.iter().map(|f| fs::read_to_string(f).unwrap()).collect()
    }

    #[test]
    fn rolls_by_size_and_loses_nothing() {
        let dir = TempDir::new().unwrap();
        let mut log = open(&dir, Limits { archive_bytes: 1 << 20, ..TINY });
        let lines: Vec<String> = (0..9).map(|n| format!("line {n} {}\n", "x".repeat(30))).collect();
        for line in &lines {
            assert_eq!(log.write(line.as_bytes(), 20261121, 0).unwrap(), None);
        }
        assert_eq!(all_text(dir.path()), lines.concat());
        assert_eq!(fs::read_dir(dir.path().join("archive")).unwrap().count(), 4);
        assert!(dir.path().join("archive/flume.log.20261121-4").exists());
    }

    #[test]
    fn rolls_at_midnight_under_the_old_day_also_across_a_restart() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("flume.log"), "before\n").unwrap();
        let mut log = open(&dir, Limits::default());
        log.write(b"after\n", 20261121, 0).unwrap();
        log.write(b"same day\n", 20261121, 0).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("archive/flume.log.20261120-1")).unwrap(), "before\n");
        assert_eq!(fs::read_to_string(dir.path().join("flume.log")).unwrap(), "after\nsame day\n");
    }

    #[test]
    fn the_archive_keeps_its_bound() {
        let dir = TempDir::new().unwrap();
        let mut log = open(&dir, TINY);
        for _ in 0..20 {
            log.write(&[b'y'; 80], 20261121, 0).unwrap();
        }
        let total: u64 = fs::read_dir(dir.path().join("archive"))
            .unwrap()
            .map(|e| e.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(total, 240);
    }

    #[test]
    fn a_file_that_logrotate_moved_is_opened_anew() {
        let dir = TempDir::new().unwrap();
        let mut log = open(&dir, Limits::default());
        log.write(b"one\n", 20261121, 0).unwrap();
        fs::rename(dir.path().join("flume.log"), dir.path().join("moved")).unwrap();
        log.write(b"two\n", 20261121, 0).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("moved")).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(dir.path().join("flume.log")).unwrap(), "two\n");
    }

    #[test]
    fn a_roll_that_fails_costs_no_line_and_is_tried_again() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("archive"), "in the way").unwrap();
        let mut log = open(&dir, TINY);
        log.write(&[b'a'; 90], 20261121, 0).unwrap();
        let why = log.write(&[b'b'; 90], 20261121, 1).unwrap().expect("the roll cannot have worked");
        assert!(why.contains("failed"), "{why}");
        assert_eq!(log.write(&[b'c'; 90], 20261121, 2).unwrap(), None);
        fs::remove_file(dir.path().join("archive")).unwrap();
        log.write(&[b'd'; 90], 20261121, 60_001).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("flume.log")).unwrap(), "d".repeat(90));
        assert!(all_text(dir.path()).starts_with("aaa"));
    }
}
