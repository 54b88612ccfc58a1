//! The `taildir` source: follows growing files, line by line, and remembers how far it has read.
//!
//! A position moves when every required channel has the lines before it, and never sooner; it is in the position file
//! at the next `writePosInterval`, and at the end. After a kill, lines of the last interval may come twice.
//!
//! A file is known by device, inode and birth time, not by its name: renamed, it is read on where it was, to its end if
//! its new name does not match; a file with fewer bytes than were read begins anew; a deleted one is read to its end as
//! long as it was open. Files are looked at every 100 ms while they grow, and once a second when nothing happens.
//!
//! ```text
//!  scan ──► which files match ──► tail (one a file) ──► lines ──► Draft ──► ChannelProcessor
//!                                   ▲ position                                    │ Receipt
//!                                   └──────────── table ◄──────────────────────────┘
//!                                                   └──► position file, <position file>.penstock
//! ```
//!
//! # Limits
//! A line of more than 16 MiB becomes several events. A file that is cut and has grown beyond its old position before it
//! is looked at again is read on from there; so is one that was copied and cut while lines were not read yet: those are
//! gone. A link into another directory whose target appears later is seen when its own directory changes.

mod follow;
mod groups;
mod kind;
mod lines;
mod positions;
mod scan;
mod table;
mod tail;

pub use kind::KIND;

use crate::config::Settings;
use crate::event::{Advice, Error};
use crate::pipeline::{Backoff, Source, SourceCx};
use crate::reactor::{Fut, fs, stop_pair};
use follow::Follower;
use groups::Group;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use table::Table;

struct Taildir {
    config: Config,
    position_file: PathBuf,
    write_pos_interval: Duration,
    groups: Vec<Group>,
    backoff: Backoff,
    /// From `open` on.
    table: Option<Table>,
}

/// What following needs to know.
struct Config {
    batch_size_events: u32,
    max_batch_count: u64,
    /// Name of the header with the path, if there shall be one.
    file_header: Option<String>,
    byte_offset_header: bool,
    skip_to_end: bool,
    idle_timeout_ns: u64,
    cache_pattern_matching: bool,
    backoff_sleep_increment_ms: u64,
    max_backoff_sleep_ms: u64,
}

/// What the registry calls.
fn build(settings: &Settings) -> Result<Box<dyn Source>, Error> {
    let batch_size = settings.value(&kind::BATCH_SIZE);
    let position_file = settings.value(&kind::POSITION_FILE);
    // Flume asks for the file's directory and fails where the path has none; a path of another system is the usual reason.
    if !position_file.contains('/') {
        let what =
            format!("positionFile {position_file} has no directory: write /some/folder/name or ./name");
        return Err(Error::new(Advice::Stop, what));
    }
    let config = Config {
        batch_size_events: u32::try_from(batch_size).expect("the setting ends at Java's int"),
        max_batch_count: settings.value(&kind::MAX_BATCH_COUNT),
        file_header: settings.value(&kind::FILE_HEADER).then(|| settings.value(&kind::FILE_HEADER_KEY)),
        byte_offset_header: settings.value(&kind::BYTE_OFFSET_HEADER),
        skip_to_end: settings.value(&kind::SKIP_TO_END),
        idle_timeout_ns: settings.value(&kind::IDLE_TIMEOUT).saturating_mul(1_000_000),
        cache_pattern_matching: settings.value(&kind::CACHE_PATTERN_MATCHING),
        backoff_sleep_increment_ms: settings.value(&kind::BACKOFF_SLEEP_INCREMENT),
        max_backoff_sleep_ms: settings.value(&kind::MAX_BACKOFF_SLEEP),
    };
    Ok(Box::new(Taildir {
        config,
        position_file: PathBuf::from(position_file),
        write_pos_interval: Duration::from_millis(settings.value(&kind::WRITE_POS_INTERVAL)),
        groups: Group::all(settings)?,
        backoff: Backoff::new(settings),
        table: None,
    }))
}

impl Source for Taildir {
    fn open<'a>(&'a mut self, cx: &'a SourceCx) -> Fut<'a, Result<String, Error>> {
        Box::pin(async move {
            // First, as in Flume: its directory is made, and may be one that is followed.
            let position_file = absolute(&self.position_file)?;
            self.table = Some(Table::open(&cx.core, position_file).await?);
            let mut missing = Vec::new();
            for group in &mut self.groups {
                group.directory = absolute(&group.directory)?;
                let stat = fs::stat(&cx.core, &group.directory).await;
                if !matches!(stat, Ok(Some(stat)) if stat.directory) {
                    missing.push(format!("{} (file group {})", group.directory.display(), group.name));
                }
            }
            // Flume does not start when one is missing; here the others are followed, and the scan says which is not.
            if missing.len() == self.groups.len() {
                let what = format!("Directory does not exist: {}", missing.join(", "));
                return Err(Error::new(Advice::RetryAfter(RESTART), what));
            }
            let patterns: Vec<&str> = self.groups.iter().map(|g| g.pattern.as_str()).collect();
            Ok(format!("follows {}", patterns.join(", ")))
        })
    }

    fn run(self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            let table = Rc::new(self.table.expect("open comes before run"));
            let (stopper, stop) = stop_pair();
            let mut writer = {
                let (table, core, interval) = (table.clone(), cx.core.clone(), self.write_pos_interval);
                cx.core.task("positions", async move { table.keep_writing(&core, interval, &stop).await })
            };
            let core = cx.core.clone();
            let mut follower = Follower::new(cx, self.config, self.groups, table.clone(), self.backoff);
            let result = follower.run().await;
            stopper.stop();
            if let Err(panic) = writer.join().await {
                tracing::error!("writing positions failed with a defect of ours: {panic}");
                table.write(&core).await;
            }
            result
        })
    }
}

/// How soon a source that cannot start is tried again, as in Flume.
const RESTART: Duration = Duration::from_secs(3);

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    fs::absolute(path).map_err(|e: io::Error| {
        let what = format!("cannot tell what {} means", path.display());
        Error::caused(Advice::RetryAfter(RESTART), what, e)
    })
}

#[cfg(test)]
mod tests;
