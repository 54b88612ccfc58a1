//! Every key of the `file` channel.

use super::spec::FileSpec;
use crate::channel::ChannelSpec;
use crate::config::units::{self, INT, LONG};
use crate::config::{BadValue, Kind, KindInfo, RunsOn, Setting, Unit};

pub(super) static CHECKPOINT_DIR: Setting<String> = Setting::new(
    "checkpointDir",
    units::text,
    "a directory",
    "Directory of the checkpoint; made if it is missing. A leading ~ is the home directory.",
)
.default("~/.flume/file-channel/checkpoint");

pub(super) static DATA_DIRS: Setting<String> = Setting::new(
    "dataDirs",
    units::text,
    "directories, separated by commas",
    "Directories of the events, best on different disks; made if they are missing. Their order must stay the same.",
)
.default("~/.flume/file-channel/data");

pub(super) static CAPACITY: Setting<u64> = Setting::new(
    "capacity",
    units::whole_or_default::<1000000>,
    "1 to 9223372036854775807",
    "Most events stored, counting those a sink has taken and not committed.",
)
.default("1000000")
.unit(Unit::Events);

pub(super) static TRANSACTION_CAPACITY: Setting<u64> = Setting::new(
    "transactionCapacity",
    units::whole_or_default::<10000>,
    "1 to capacity",
    "Most events in one put and in one take.",
)
.default("10000")
.unit(Unit::Events);

pub(super) static KEEP_ALIVE: Setting<u64> = Setting::new(
    "keep-alive",
    units::count::<0, INT>,
    "0 to 2147483647",
    "How long a put waits for room before it is refused.",
)
.default("3")
.unit(Unit::Seconds);

pub(super) static CHECKPOINT_INTERVAL: Setting<u64> = Setting::new(
    "checkpointInterval",
    units::whole_or_default::<30000>,
    "1 to 9223372036854775807",
    "How far checkpoints are apart at most; below 1000 it acts as 1000. They make opening fast and are never the only truth.",
)
.default("30000")
.unit(Unit::Millis);

pub(super) static MAX_FILE_SIZE: Setting<u64> = Setting::new(
    "maxFileSize",
    units::count::<1, LONG>,
    "1 to 9223372036854775807",
    "Upper bound of the size of one segment file; segments begin with 16 MiB and grow with the load to 256 MiB at most, so \
     an idle channel takes less than 64 MiB of disk.",
)
.default("1623195647")
.unit(Unit::Bytes);

pub(super) static MINIMUM_REQUIRED_SPACE: Setting<u64> = Setting::new(
    "minimumRequiredSpace",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "Space of the file system that is never taken: when no more is left, puts are refused and takes go on; below 1048576 it \
     acts as 1048576.",
)
.default("524288000")
.unit(Unit::Bytes);

pub(super) static FSYNC_PER_TRANSACTION: Setting<bool> = Setting::new(
    "fsyncPerTransaction",
    units::boolean,
    "true, false",
    "Whether a put waits until its events have survived power loss; with false it is answered as soon as the log has them, \
     and what was put within the last moments can be lost by a power cut.",
)
.default("true");

pub(super) static FSYNC_INTERVAL: Setting<u64> = Setting::new(
    "fsyncInterval",
    units::count::<1, INT>,
    "1 to 2147483647",
    "Accepted and without effect: with fsyncPerTransaction = false the log still writes continuously, so nothing waits for an \
     interval.",
)
.default("5")
.unit(Unit::Seconds);

pub(super) static USE_DUAL_CHECKPOINTS: Setting<bool> = Setting::new(
    "useDualCheckpoints",
    units::boolean,
    "true, false",
    "Accepted and without effect: two copies of the checkpoint are always written in turn.",
)
.default("false");

pub(super) static BACKUP_CHECKPOINT_DIR: Setting<String> = Setting::new(
    "backupCheckpointDir",
    units::text,
    "a directory",
    "Accepted and without effect: both copies of the checkpoint lie in checkpointDir.",
);

pub(super) static COMPRESS_BACKUP: Setting<bool> = Setting::new(
    "compressBackupCheckpoint",
    units::boolean,
    "true, false",
    "Accepted and without effect: a checkpoint is 64 KiB.",
)
.default("false");

pub(super) static CHECKPOINT_ON_CLOSE: Setting<bool> = Setting::new(
    "checkpointOnClose",
    units::boolean,
    "true, false",
    "Accepted and without effect: a clean stop always writes a checkpoint.",
)
.default("true");

pub(super) static LOG_REPLAY_V1: Setting<bool> = Setting::new(
    "use-log-replay-v1",
    units::boolean,
    "true, false",
    "Accepted and without effect: there is one way of opening, and its time does not depend on the backlog.",
)
.default("false");

pub(super) static FAST_REPLAY: Setting<bool> = Setting::new(
    "use-fast-replay",
    units::boolean,
    "true, false",
    "Accepted and without effect: there is one way of opening, and its time does not depend on the backlog.",
)
.default("false");

/// How the log writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogIo {
    /// The best that works on the directory.
    Auto,
    /// io_uring past the page cache.
    Direct,
    /// Threads, past the page cache.
    Posix,
    /// Threads, through the page cache.
    Buffered,
    /// Threads, through a shared mapping.
    Mmap,
}

fn log_io(text: &str) -> Result<LogIo, BadValue> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" => Ok(LogIo::Auto),
        "direct" => Ok(LogIo::Direct),
        "posix" => Ok(LogIo::Posix),
        "buffered" => Ok(LogIo::Buffered),
        "mmap" => Ok(LogIo::Mmap),
        _ => Err(BadValue::NotOneOf { text: text.to_owned(), allowed: IO_WORDS }),
    }
}

const IO_WORDS: &str = "auto, direct, posix, buffered, mmap";

pub(super) static IO: Setting<LogIo> = Setting::new(
    "io",
    log_io,
    IO_WORDS,
    "How the log writes: direct is io_uring past the page cache, posix the same with threads, buffered goes through the page \
     cache, mmap through a shared mapping; auto takes the first of the first three that works on the directory and says so.",
)
.default("auto");

fn on_corruption(text: &str) -> Result<wal::OnCorruption, BadValue> {
    match text.trim().to_ascii_lowercase().as_str() {
        "skip" => Ok(wal::OnCorruption::Skip),
        "stop" => Ok(wal::OnCorruption::Stop),
        _ => Err(BadValue::NotOneOf { text: text.to_owned(), allowed: "skip, stop" }),
    }
}

pub(super) static ON_CORRUPTION: Setting<wal::OnCorruption> = Setting::new(
    "onCorruption",
    on_corruption,
    "skip, stop",
    "What damaged data does: skip copies it aside, names the events it held and goes on with everything that is whole; stop \
     refuses to open.",
)
.default("skip");

pub(super) static ACK_SYNC: Setting<bool> = Setting::new(
    "ackSync",
    units::boolean,
    "true, false",
    "Whether a sink's commit waits until it has survived power loss: fewer events come twice after a crash, at the price of a \
     disk write for each take.",
)
.default("false");

pub(super) static LINGER: Setting<u64> = Setting::new(
    "linger",
    units::count::<0, 1000>,
    "0 to 1000",
    "How long a commit waits for more events when nothing else is being written: saves CPU at low rates.",
)
.default("0")
.unit(Unit::Micros);

/// What the registry lists.
pub static KIND: Kind<dyn ChannelSpec> = Kind {
    info: KindInfo {
        names: &["file", "org.apache.flume.channel.file.FileChannel"],
        summary: "Keeps events in a write-ahead log on disk: they survive the process and the power.",
        runs_on: RunsOn::DataCore,
        settings: &[
            &CHECKPOINT_DIR,
            &DATA_DIRS,
            &CAPACITY,
            &TRANSACTION_CAPACITY,
            &KEEP_ALIVE,
            &CHECKPOINT_INTERVAL,
            &MAX_FILE_SIZE,
            &MINIMUM_REQUIRED_SPACE,
            &FSYNC_PER_TRANSACTION,
            &FSYNC_INTERVAL,
            &USE_DUAL_CHECKPOINTS,
            &BACKUP_CHECKPOINT_DIR,
            &COMPRESS_BACKUP,
            &CHECKPOINT_ON_CLOSE,
            &LOG_REPLAY_V1,
            &FAST_REPLAY,
            &IO,
            &ON_CORRUPTION,
            &ACK_SYNC,
            &LINGER,
        ],
        open_prefixes: &[],
        unsupported: &[(
            "encryption.",
            "Encryption of the log comes with a later release: take these keys out to run without it.",
        )],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(FileSpec::new(settings)?)),
};
