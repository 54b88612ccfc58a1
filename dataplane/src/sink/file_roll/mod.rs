//! The `file_roll` sink: events to files in a directory, a new file at intervals.
//!
//! A take is committed when its events are in the file and the file is synced: what left the channel has survived power
//! loss. Several waiting takes share one write and one sync; a single event that arrives alone is written at once.
//!
//! Kept from Flume: keys, file names, formats. Better than there: the directory is made; a file is made with its first
//! event, so an idle sink leaves no empty files; nothing is ever written over; a failed write is taken back, so that a
//! retry leaves neither half a line nor a duplicate in a file that goes on. After a failed sync the file is cut to its
//! last good byte and a new one is begun.
//!
//! # Limits
//! When the process dies in the middle of a write, the file may end with a part of a batch that the channel hands out
//! again after the restart: events of a durable channel may stand twice, and the last line of the old file may be cut.

mod kind;
mod names;
mod roll_file;

pub use kind::KIND;

use crate::channel::{Take, Taker, Want};
use crate::config::Settings;
use crate::event::{Advice, Error};
use crate::pipeline::{Sink, SinkCx, Status};
use crate::reactor::{Core, Fut, fs};
use crate::serializer::{self, EventSerializer};
use jiff::tz::TimeZone;
use kind::Naming;
use names::Names;
use roll_file::{AppendError, Repaired, RollFile};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// 1 MiB: what is gathered before one write and sync; 5,000 events of 200 B.
const GROUP_BYTES: u64 = 1 << 20;
/// Most takes that share one write.
const GROUP_TAKES: usize = 64;
/// How long a call waits in an empty channel when no file has to be closed earlier.
const WAIT: Duration = Duration::from_secs(5);
/// Pause after a failure of the disk.
const PAUSE: Duration = Duration::from_secs(2);
/// Names tried before the directory is believed to be hopeless.
const NAMES_TRIED: usize = 10_000;

struct FileRoll {
    config: Config,
    serializer: Box<dyn EventSerializer>,
    /// From `open` on.
    opened: Option<(SinkCx, Names)>,
    file: Option<RollFile>,
    buffer: Vec<u8>,
    /// The last write failed: the next one is small, because the rest of a disk may have room for that.
    careful: bool,
}

struct Config {
    directory: PathBuf,
    roll_every: Option<Duration>,
    batch_events: u32,
    naming: Naming,
    prefix: String,
    extension: String,
}

/// What the registry calls.
fn build(settings: &Settings) -> Result<Box<dyn Sink>, Error> {
    let name = settings.value(&kind::SERIALIZER);
    let serializer = serializer::build(&name, &settings.child("sink.serializer."))?;
    let interval = settings.value(&kind::ROLL_INTERVAL);
    let config = Config {
        directory: PathBuf::from(settings.value(&kind::DIRECTORY)),
        roll_every: (interval > 0).then(|| Duration::from_secs(interval.cast_unsigned())),
        batch_events: u32::try_from(settings.value(&kind::BATCH_SIZE))
            .expect("the setting ends at Java's int"),
        naming: settings.value(&kind::PATH_MANAGER),
        prefix: settings.value(&kind::PREFIX),
        extension: settings.value(&kind::EXTENSION),
    };
    Ok(Box::new(FileRoll {
        config,
        serializer,
        opened: None,
        file: None,
        buffer: Vec::new(),
        careful: false,
    }))
}

impl Sink for FileRoll {
    fn open<'a>(&'a mut self, cx: &'a SinkCx) -> Fut<'a, Result<(), Error>> {
        Box::pin(async move {
            let directory = &self.config.directory;
            let failed = |e| disk_error(format!("cannot make directory {}", directory.display()), e);
            fs::create_dir_all(&cx.core, directory).await.map_err(failed)?;
            let names = Names::new(
                directory,
                self.config.naming,
                self.config.prefix.clone(),
                &self.config.extension,
                cx.core.wall_ms(),
                TimeZone::system(),
            );
            self.opened = Some((cx.clone(), names));
            Ok(())
        })
    }

    fn process<'a>(&'a mut self, input: &'a mut dyn Taker, cx: &'a SinkCx) -> Fut<'a, Result<Status, Error>> {
        Box::pin(async move {
            if self.is_time_to_roll(cx) {
                self.finish_file(cx).await?;
            }
            let started = cx.core.now();
            let takes = self.gather(input, cx).await?;
            if takes.0.is_empty() {
                cx.metrics.batches_empty.add(1);
                return Ok(Status::Idle);
            }
            self.write(&takes, cx).await?;
            let (events, bytes) = (takes.events(), takes.body_bytes());
            takes.commit().await.inspect_err(|_| cx.metrics.channel_failures.add(1))?;
            cx.metrics.events_delivered.add(events);
            cx.metrics.bytes.add(bytes);
            cx.metrics.process_latency.record_ns(cx.core.now().saturating_sub(started));
            Ok(Status::Ready)
        })
    }

    fn close(mut self: Box<Self>, _deadline: Duration) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            match self.opened.take() {
                Some((cx, _)) => self.finish_file(&cx).await,
                None => Ok(()),
            }
        })
    }
}

impl FileRoll {
    fn is_time_to_roll(&self, cx: &SinkCx) -> bool {
        self.until_roll(cx).is_some_and(|left| left.is_zero())
    }

    /// Time left for the present file.
    fn until_roll(&self, cx: &SinkCx) -> Option<Duration> {
        let (file, every) = (self.file.as_ref()?, self.config.roll_every?);
        let age = Duration::from_nanos(cx.core.now().saturating_sub(file.since()));
        Some(every.saturating_sub(age))
    }

    /// Takes a batch, and more as long as full ones are waiting.
    async fn gather(&self, input: &mut dyn Taker, cx: &SinkCx) -> Result<Takes, Error> {
        let max_events = self.config.batch_events.min(cx.transaction_events).max(1);
        let mut want =
            Want { max_events, max_bytes: GROUP_BYTES, wait: self.until_roll(cx).unwrap_or(WAIT).min(WAIT) };
        let mut takes = Takes(Vec::new());
        loop {
            let taken = input.take(want).await.inspect_err(|_| cx.metrics.channel_failures.add(1))?;
            let Some(take) = taken else { break };
            let full = take.events() >= max_events;
            cx.metrics.events_taken.add(u64::from(take.events()));
            if full { &cx.metrics.batches_complete } else { &cx.metrics.batches_underflow }.add(1);
            takes.0.push(take);
            if self.careful || !full || takes.body_bytes() >= GROUP_BYTES || takes.0.len() >= GROUP_TAKES {
                break;
            }
            want.wait = Duration::ZERO;
        }
        Ok(takes)
    }

    /// Puts the events into the file and the file on the disk.
    ///
    /// # Cancel safety
    /// While it writes, the file belongs to the future: after a drop the next call begins a new one.
    async fn write(&mut self, takes: &Takes, cx: &SinkCx) -> Result<(), Error> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        let file = match self.file.take() {
            Some(file) => file,
            None => self.begin_file(cx, &mut bytes).await?,
        };
        for batch in takes.0.iter().flat_map(Take::batches) {
            if let Err(e) = self.serializer.append(batch, &mut bytes) {
                self.file = Some(file);
                return Err(e);
            }
        }
        self.buffer = self.append(file, bytes, cx).await?;
        Ok(())
    }

    async fn append(&mut self, mut file: RollFile, bytes: Vec<u8>, cx: &SinkCx) -> Result<Vec<u8>, Error> {
        match file.append(bytes).await {
            Ok(buffer) => {
                self.file = Some(file);
                self.careful = false;
                Ok(buffer)
            }
            Err(failure) => {
                cx.metrics.write_failures.add(1);
                self.careful = true;
                let path = file.path().to_owned();
                match file.repair(&cx.core, &failure).await {
                    Repaired::Usable(file) => self.file = Some(file),
                    Repaired::GivenUp => cx.metrics.connections_closed.add(1),
                }
                Err(append_error(&path, failure))
            }
        }
    }

    /// Makes the next file; what every file begins with goes into `bytes`.
    async fn begin_file(&mut self, cx: &SinkCx, bytes: &mut Vec<u8>) -> Result<RollFile, Error> {
        let (_, names) = self.opened.as_mut().expect("open comes before process");
        match create(&cx.core, names).await {
            Ok(file) => {
                cx.metrics.connections_created.add(1);
                self.serializer.begin(bytes)?;
                Ok(file)
            }
            Err((path, e)) => {
                cx.metrics.connections_failed.add(1);
                Err(disk_error(format!("cannot make file {}", path.display()), e))
            }
        }
    }

    /// Ends the present file, if there is one.
    async fn finish_file(&mut self, cx: &SinkCx) -> Result<(), Error> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let mut end = Vec::new();
        self.serializer.end(&mut end)?;
        cx.metrics.connections_closed.add(1);
        if !end.is_empty() {
            let path = file.path().to_owned();
            file.append(end).await.map_err(|e| append_error(&path, e))?;
        }
        Ok(())
    }
}

/// Makes a file under the next name that is free, and the directory if somebody removed it.
async fn create(core: &Core, names: &mut Names) -> Result<RollFile, (PathBuf, io::Error)> {
    let mut tries = 0;
    loop {
        let path = names.next(core.wall_ms());
        let directory = path.parent().unwrap_or(Path::new("/"));
        if let Err(e) = fs::create_dir_all(core, directory).await {
            return Err((path, e));
        }
        match RollFile::create(core, path.clone()).await {
            Ok(file) => return Ok(file),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tries < NAMES_TRIED => tries += 1,
            Err(e) => return Err((path, e)),
        }
    }
}

fn append_error(path: &Path, failure: AppendError) -> Error {
    let hint = if failure.is_full() { "; it goes on by itself when there is room" } else { "" };
    let what = format!("cannot append to {}{hint}", path.display());
    Error::caused(Advice::RetryAfter(PAUSE), what, failure)
}

fn disk_error(what: String, e: io::Error) -> Error {
    Error::caused(Advice::RetryAfter(PAUSE), what, e)
}

/// Takes that share one write. Dropped, they go back last first, so that the channel has them in order again.
struct Takes(Vec<Take>);

impl Takes {
    fn events(&self) -> u64 {
        self.0.iter().map(|t| u64::from(t.events())).sum()
    }

    fn body_bytes(&self) -> u64 {
        self.0.iter().map(Take::body_bytes).sum()
    }

    /// Commits all in order; resolves when all are durable.
    async fn commit(mut self) -> Result<(), Error> {
        let commits: Vec<_> = self.0.drain(..).map(Take::commit).collect();
        for commit in commits {
            commit.await?;
        }
        Ok(())
    }
}

impl Drop for Takes {
    fn drop(&mut self) {
        while let Some(take) = self.0.pop() {
            take.rollback();
        }
    }
}

#[cfg(test)]
mod tests;
