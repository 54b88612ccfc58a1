//! From settings to an open log: directories, the way of writing, locks, and what must not be there.

use super::driver::{self, Opened};
use super::kind::{self, LogIo};
use super::{FileChannel, Shared};
use crate::channel::{ChannelCx, ChannelSpec, Owned};
use crate::config::Settings;
use crate::event::{Advice, Error};
use crate::reactor::{Fut, LogDiskOn};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wal::disk::probe::{Finding, probe, try_access};
use wal::disk::{Access, Layout, LockError, Owner, SlotFile, SlotFiles};
use wal::{Config, Limits};

/// Flume's lower limit of `minimumRequiredSpace`.
const LEAST_FREE_BYTES: u64 = 1 << 20;
/// Flume's lower limit of `checkpointInterval`.
const LEAST_INTERVAL_MS: u64 = 1_000;

/// A file channel that was configured.
pub(super) struct FileSpec {
    prefix: String,
    layout: Layout,
    pub(super) capacity_events: u64,
    pub(super) transaction_events: u32,
    pub(super) keep_alive: Duration,
    pub(super) waits_for_disk: bool,
    pub(super) ack_sync: bool,
    io: LogIo,
    on_corruption: wal::OnCorruption,
    linger_us: u64,
    checkpoint_interval_ms: u64,
    max_file_bytes: u64,
    min_free_bytes: u64,
}

impl FileSpec {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let refuse = |what: String| Err(Error::new(Advice::Stop, what));
        let capacity_events = settings.value(&kind::CAPACITY);
        let transaction = settings.value(&kind::TRANSACTION_CAPACITY);
        if transaction > capacity_events {
            return refuse(format!("transactionCapacity {transaction} is above capacity {capacity_events}"));
        }
        if let Some((key, _)) = settings.below("encryption.").next() {
            return refuse(format!(
                "encryption.{key}: the log cannot be encrypted yet; take the encryption keys out to run without it"
            ));
        }
        let checkpoint_dir = home(&settings.value(&kind::CHECKPOINT_DIR));
        let data_dirs: Vec<PathBuf> = settings
            .value(&kind::DATA_DIRS)
            .split(',')
            .map(str::trim)
            .filter(|d| !d.is_empty())
            .map(home)
            .collect();
        if data_dirs.is_empty() {
            return refuse("dataDirs names no directory".to_owned());
        }
        if settings.value(&kind::USE_DUAL_CHECKPOINTS) {
            match settings.get(&kind::BACKUP_CHECKPOINT_DIR) {
                None => return refuse("useDualCheckpoints needs backupCheckpointDir".to_owned()),
                Some(dir) if home(&dir) == checkpoint_dir => {
                    return refuse("backupCheckpointDir is the same as checkpointDir".to_owned());
                }
                Some(_) => {}
            }
        }
        let waits_for_disk = settings.value(&kind::FSYNC_PER_TRANSACTION);
        let linger_us = settings.value(&kind::LINGER);
        Ok(FileSpec {
            prefix: settings.prefix.clone(),
            layout: Layout { checkpoint_dir, data_dirs },
            capacity_events,
            transaction_events: u32::try_from(transaction).unwrap_or(u32::MAX),
            keep_alive: Duration::from_secs(settings.value(&kind::KEEP_ALIVE)),
            waits_for_disk,
            ack_sync: settings.value(&kind::ACK_SYNC),
            io: settings.value(&kind::IO),
            on_corruption: settings.value(&kind::ON_CORRUPTION),
            // Nobody waits for the disk: commits may as well be large.
            linger_us: if waits_for_disk { linger_us } else { linger_us.max(1_000) },
            checkpoint_interval_ms: settings.value(&kind::CHECKPOINT_INTERVAL).max(LEAST_INTERVAL_MS),
            max_file_bytes: settings.value(&kind::MAX_FILE_SIZE),
            min_free_bytes: settings.value(&kind::MINIMUM_REQUIRED_SPACE).max(LEAST_FREE_BYTES),
        })
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits { min_free_bytes: self.min_free_bytes, ..Limits::standard() };
        // A bound below the smallest segment would leave no room for a commit.
        let block = u64::from(limits.block_bytes);
        let most = (self.max_file_bytes / block * block).max(limits.min_segment_bytes);
        limits.max_segment_bytes = limits.max_segment_bytes.min(most);
        limits.first_segment_bytes = limits.first_segment_bytes.min(limits.max_segment_bytes);
        limits
    }

    fn config(&self, cx: &ChannelCx) -> Config {
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&cx.core.random().to_le_bytes());
        id[8..].copy_from_slice(&cx.core.random().to_le_bytes());
        let mut config =
            Config::new(self.limits(), wal::format::LogId(id), cx.core.random(), cx.core.wall_ms());
        config.directories = u32::try_from(self.layout.data_dirs.len()).expect("directories are few");
        config.on_corruption = self.on_corruption;
        config.ack_sync = self.ack_sync;
        config.linger = self.linger_us * 1_000;
        config.checkpoint_interval = self.checkpoint_interval_ms * 1_000_000;
        config
    }

    /// The lines that give a second channel directories of its own.
    fn lines_to_paste(&self) -> String {
        let name = self.prefix.rsplit('.').next().unwrap_or("channel");
        let beside = |dir: &Path| {
            let parent = dir.parent().unwrap_or(dir);
            parent.join(format!(
                "{name}-{}",
                dir.file_name().map_or_else(Default::default, |n| n.to_string_lossy())
            ))
        };
        let data: Vec<String> =
            self.layout.data_dirs.iter().map(|d| beside(d).display().to_string()).collect();
        format!(
            "\n  {}.checkpointDir = {}\n  {}.dataDirs = {}",
            self.prefix,
            beside(&self.layout.checkpoint_dir).display(),
            self.prefix,
            data.join(",")
        )
    }
}

impl ChannelSpec for FileSpec {
    fn open(self: Box<Self>, cx: ChannelCx) -> Fut<'static, Result<Rc<dyn Owned>, Error>> {
        Box::pin(async move {
            let owner = Owner { agent: agent_of(&self.prefix), channel: cx.name.to_string() };
            let (layout, io) = (self.layout.clone(), self.io);
            let prepared = cx.core.run_elsewhere(move || prepare(layout, io, &owner)).await;
            let Prepared { files, slots, free_bytes, on, says, durable } =
                prepared.map_err(|e| self.explain(e))?;
            tracing::info!("channel {}: {says}", cx.name);
            if !durable {
                tracing::warn!(
                    "channel {}: its directory is in memory: events do not survive a power loss",
                    cx.name
                );
            }
            let config = self.config(&cx);
            let buffer_bytes = driver::buffer_bytes(&config.limits);
            let disk = cx
                .core
                .log_disk(files.clone(), buffer_bytes, on)
                .map_err(|e| Error::caused(Advice::Stop, "the log's back end cannot be started", e))?;
            let opened = Opened::open(&cx, config, disk, slots, free_bytes).await?;
            let shared = Rc::new(Shared::new(*self, cx.clone(), opened, files));
            let task = cx.core.task(&format!("channel {}", cx.name), driver::drive(shared.clone()));
            Ok(Rc::new(FileChannel::new(shared, task)) as Rc<dyn Owned>)
        })
    }
}

/// What was found and locked on another thread.
struct Prepared {
    files: Arc<SlotFiles>,
    slots: Vec<SlotFile>,
    free_bytes: u64,
    on: LogDiskOn,
    says: String,
    durable: bool,
}

/// Why the directories cannot be used.
enum Unusable {
    Lock(LockError),
    Flume(PathBuf),
    Io(PathBuf, std::io::Error),
}

fn prepare(layout: Layout, io: LogIo, owner: &Owner) -> Result<Prepared, Unusable> {
    let first = layout.data_dirs[0].clone();
    let failed = |e| Unusable::Io(first.clone(), e);
    for dir in layout.data_dirs.iter().chain([&layout.checkpoint_dir]) {
        make(dir).map_err(|e| Unusable::Io(dir.clone(), e))?;
    }
    if let Some(dir) = layout.data_dirs.iter().find(|dir| holds_flumes_events(dir)) {
        return Err(Unusable::Flume(dir.clone()));
    }
    let found = probe(&first).map_err(failed)?;
    let (access, on) = choose(io, &found);
    // What was asked for by name is tried as well: an unusable one is an error now, not at the first event.
    let commit =
        if access == found.access { found.commit } else { try_access(&first, access).map_err(failed)? };
    let files = SlotFiles::lock(layout, access, owner).map_err(Unusable::Lock)?;
    let slots = files.slots().map_err(failed)?;
    let free_bytes = files.free_bytes().map_err(failed)?;
    let way = match (access, on) {
        (Access::Direct, LogDiskOn::Ring) => "direct",
        (Access::Direct, LogDiskOn::Threads) => "posix",
        (Access::Buffered, _) => "buffered",
        (Access::Mapped, _) => "mmap",
    };
    let why =
        if found.why.is_empty() || io != LogIo::Auto { String::new() } else { format!(" ({})", found.why) };
    let says =
        format!("io = {way} on {}{why}; one commit takes {} us here", found.file_system, commit.as_micros());
    Ok(Prepared { files: Arc::new(files), slots, free_bytes, on, says, durable: found.durable })
}

#[expect(clippy::disallowed_methods, reason = "runs on another thread, not on a core")]
fn make(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)
}

fn choose(io: LogIo, found: &Finding) -> (Access, LogDiskOn) {
    match io {
        LogIo::Auto => (found.access, LogDiskOn::Ring),
        LogIo::Direct => (Access::Direct, LogDiskOn::Ring),
        LogIo::Posix => (Access::Direct, LogDiskOn::Threads),
        LogIo::Buffered => (Access::Buffered, LogDiskOn::Threads),
        LogIo::Mmap => (Access::Mapped, LogDiskOn::Threads),
    }
}

/// True when log files of Flume's lie in this directory, which may hold events that nobody has delivered. They are not read
/// here, so an empty queue cannot be told from a full one.
#[expect(clippy::disallowed_methods, reason = "runs on another thread, not on a core")]
fn holds_flumes_events(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let number = name.to_str().and_then(|n| n.strip_prefix("log-"));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            && entry.metadata().is_ok_and(|m| m.len() > 0)
    })
}

impl FileSpec {
    fn explain(&self, why: Unusable) -> Error {
        match why {
            Unusable::Lock(e @ LockError::Taken { .. }) => {
                Error::new(Advice::Stop, format!("{e}, for instance:{}", self.lines_to_paste()))
            }
            Unusable::Lock(e) => Error::new(Advice::Stop, e.to_string()),
            Unusable::Flume(dir) => Error::new(
                Advice::Stop,
                format!(
                    "{} holds log files of a Flume file channel, and with them perhaps events that were never delivered: let \
                     that Flume deliver them and move its log-N files away, or give this channel directories of its own:{}",
                    dir.display(),
                    self.lines_to_paste()
                ),
            ),
            Unusable::Io(dir, e) => {
                Error::caused(Advice::Stop, format!("{} cannot be used for a log", dir.display()), e)
            }
        }
    }
}

/// `a1` of `a1.channels.c1`.
fn agent_of(prefix: &str) -> String {
    prefix.split('.').next().unwrap_or_default().to_owned()
}

/// A leading `~` is the home directory, as Flume's defaults use it.
fn home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(text),
    }
}
