//! The loop: look which files are there, read what is new, put it into the channels, remember how far.

use super::Config;
use super::groups::Group;
use super::lines::{LONGEST_LINE_BYTES, LineBuffer, Lines};
use super::scan::{Found, Scan, Seen};
use super::table::{FileId, Remembered, Table};
use super::tail::{Tail, locate};
use crate::event::{Advice, Draft, Error};
use crate::pipeline::{Backoff, GaveUp, SourceCx, put_persistently};
use crate::reactor::FileStat;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// 128 KiB: what one read asks for.
const BLOCK_BYTES: usize = 128 << 10;
/// 1 MiB: a batch with so much is put whatever its number of lines.
const BATCH_BYTES: usize = 1 << 20;
/// Pause after a look that found something to read.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// How much longer the pause gets, at most, after each look that found nothing.
const PAUSE_STEP_MS: u64 = 250;
/// Longest pause between two looks.
const LONGEST_PAUSE_MS: u64 = 1_000;

/// What a source follows.
pub(super) struct Follower {
    cx: SourceCx,
    config: Config,
    groups: Vec<Group>,
    scan: Scan,
    table: Rc<Table>,
    tails: BTreeMap<FileId, Tail>,
    buffer: LineBuffer,
    backoff: Backoff,
    first_look: bool,
}

/// What became of one file in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    /// There was nothing to read.
    Nothing,
    /// Everything there was has been read.
    Read,
    /// There is more; other files come first.
    More,
    /// The source shall end.
    Stopped,
}

/// Why reading a file stopped short.
enum Trouble {
    /// Only this file is concerned.
    File(String),
    /// The source shall end.
    Stopped,
    /// The source cannot go on.
    Fatal(Error),
}

impl Follower {
    pub(super) fn new(
        cx: SourceCx,
        config: Config,
        groups: Vec<Group>,
        table: Rc<Table>,
        backoff: Backoff,
    ) -> Self {
        let scan = Scan::new(config.cache_pattern_matching, groups.len());
        let buffer = LineBuffer::new(LONGEST_LINE_BYTES);
        Follower {
            cx,
            config,
            groups,
            scan,
            table,
            tails: BTreeMap::new(),
            buffer,
            backoff,
            first_look: true,
        }
    }

    /// Follows until the stop.
    ///
    /// # Errors
    /// When a channel can keep no promise any more.
    pub(super) async fn run(&mut self) -> Result<(), Error> {
        let mut quiet_rounds = 0u64;
        while !self.cx.stop.is_set() {
            let pause = match self.round().await? {
                Visit::Stopped => break,
                Visit::More => Duration::ZERO,
                Visit::Read => {
                    quiet_rounds = 0;
                    self.pause_after(1).min(BUSY_PAUSE)
                }
                Visit::Nothing => {
                    quiet_rounds = quiet_rounds.saturating_add(1);
                    self.pause_after(quiet_rounds)
                }
            };
            if !pause.is_zero() && self.cx.stop.sleep(&self.cx.core, pause).await {
                break;
            }
        }
        Ok(())
    }

    /// Flume's min(n × increment, longest) with bounds of our own; never zero.
    fn pause_after(&self, quiet_rounds: u64) -> Duration {
        let step_ms = self.config.backoff_sleep_increment_ms.min(PAUSE_STEP_MS);
        let longest_ms = self.config.max_backoff_sleep_ms.min(LONGEST_PAUSE_MS);
        Duration::from_millis(step_ms.saturating_mul(quiet_rounds).min(longest_ms).max(10))
    }

    /// Every file once. The result is that of the most important visit.
    async fn round(&mut self) -> Result<Visit, Error> {
        let seen = self.scan.look(&self.cx.core, &self.groups).await;
        let mut result = Visit::Nothing;
        for id in self.update(seen).await {
            let Some(mut tail) = self.tails.remove(&id) else { continue };
            let visit = self.visit(&mut tail).await?;
            let keep = visit == Visit::Stopped || self.after_visit(&mut tail).await?;
            if keep {
                self.tails.insert(id, tail);
            } else {
                self.table.forget(id);
            }
            match (visit, result) {
                (Visit::Stopped, _) => return Ok(Visit::Stopped),
                (Visit::More, _) | (_, Visit::More) => result = Visit::More,
                (Visit::Read, _) => result = Visit::Read,
                (Visit::Nothing, _) => {}
            }
        }
        Ok(result)
    }

    /// Makes the tails agree with what was seen. Returns the order of this round: first what is not in its directory any
    /// more, then what was seen.
    async fn update(&mut self, seen: Seen) -> Vec<FileId> {
        let (found, order) = self.distinct(seen.files);
        for id in &order {
            self.meet(*id, &found[id]);
        }
        let mut retired = Vec::new();
        let absent: Vec<FileId> = self.tails.keys().filter(|id| !found.contains_key(id)).copied().collect();
        for id in absent {
            let Some(mut tail) = self.tails.remove(&id) else { continue };
            let blind = seen.blind_groups.contains(&tail.group) || seen.blind_paths.contains(&tail.path);
            if blind && tail.matched {
                self.tails.insert(id, tail);
                continue;
            }
            if self.still_has(&mut tail).await {
                self.tails.insert(id, tail);
                retired.push(id);
            } else {
                self.table.forget(id);
            }
        }
        if std::mem::replace(&mut self.first_look, false) {
            retired.extend(self.find_unseen(&seen.blind_groups).await);
        }
        retired.into_iter().chain(order).collect()
    }

    /// One entry a file, though it may have several names: the one that is known already, else the first.
    fn distinct(&self, files: Vec<Found>) -> (BTreeMap<FileId, Found>, Vec<FileId>) {
        let mut found: BTreeMap<FileId, Found> = BTreeMap::new();
        let mut order = Vec::new();
        for file in files {
            let id = FileId::of(&file.stat);
            let known = self.tails.get(&id).is_some_and(|tail| tail.path == file.path);
            match found.entry(id) {
                Entry::Vacant(slot) => {
                    order.push(id);
                    slot.insert(file);
                }
                Entry::Occupied(mut slot) if known => drop(slot.insert(file)),
                Entry::Occupied(_) => {}
            }
        }
        (found, order)
    }

    /// A file was seen: a known one, perhaps under another name, or a new one.
    fn meet(&mut self, id: FileId, found: &Found) {
        let now = self.cx.core.now();
        let Found { group, path, stat } = found;
        let tail = self.tails.entry(id).or_insert_with(|| {
            let start = match self.table.recall(id, path) {
                Some(position) => position,
                None if self.first_look && self.config.skip_to_end => stat.size_bytes,
                None => 0,
            };
            tracing::debug!("follows {} from offset {start}", path.display());
            self.table.set(id, path, start);
            Tail::new(id, path.clone(), *group, start, now)
        });
        if tail.path != *path {
            tracing::info!("{} is {} now, and is read on", tail.path.display(), path.display());
            self.table.set(id, path, tail.position);
            tail.path.clone_from(path);
            tail.group = *group;
        }
        tail.matched = true;
        tail.look(stat, now);
    }

    /// A file is not where it was. False when nothing of it can be read any more.
    async fn still_has(&self, tail: &mut Tail) -> bool {
        let core = &self.cx.core;
        if tail.matched && tail.is_retired(core).await {
            self.table.set(tail.id, &tail.path, tail.position);
        }
        let stat = match tail.file() {
            Some(file) => file.stat().await.ok(),
            None => None,
        };
        match stat {
            Some(stat) => tail.look(&stat, core.now()),
            None if tail.position < tail.size_bytes() => tracing::warn!(
                "{} is gone with {} bytes that were not read",
                tail.path.display(),
                tail.size_bytes() - tail.position
            ),
            None => {}
        }
        stat.is_some()
    }

    /// Looks for the files of an earlier run that no group takes now: renamed while nobody watched, they are read to
    /// their end.
    async fn find_unseen(&mut self, blind_groups: &[usize]) -> Vec<FileId> {
        let blind = |r: &Remembered| {
            let directory = Path::new(&r.position.file).parent();
            blind_groups.iter().any(|&group| Some(&*self.groups[group].directory) == directory)
        };
        let mut found = Vec::new();
        for remembered in self.table.take_unseen(blind) {
            match self.find_elsewhere(&remembered).await {
                Some(tail) => {
                    found.push(tail.id);
                    self.tails.insert(tail.id, tail);
                }
                None => {
                    let super::positions::Position { inode, pos, file } = remembered.position;
                    tracing::info!("{file} with inode {inode}, read to {pos}, is not there any more");
                }
            }
        }
        found
    }

    async fn find_elsewhere(&self, remembered: &Remembered) -> Option<Tail> {
        let (core, position) = (&self.cx.core, &remembered.position);
        // Only a birth time tells such a file from another one with the same inode number.
        let born_ns = Some(remembered.born_ns?);
        let directory = Path::new(&position.file).parent()?;
        let is_it = |stat: &FileStat| {
            let id = FileId::of(stat);
            id.inode == position.inode && id.born_ns == born_ns
        };
        let (path, stat) = locate(core, directory, is_it).await?;
        let group = self.groups.iter().position(|g| g.directory == directory)?;
        tracing::info!("{} is {} now, and is read to its end", position.file, path.display());
        let mut tail = Tail::new(FileId::of(&stat), path, group, position.pos, core.now());
        tail.matched = false;
        tail.open(core).await.ok()??;
        tail.look(&stat, core.now());
        self.table.set(tail.id, &tail.path, tail.position);
        Some(tail)
    }

    async fn visit(&mut self, tail: &mut Tail) -> Result<Visit, Error> {
        if tail.size_bytes() < tail.position {
            tail.starts_over();
            self.table.advance(tail.id, 0);
        }
        if !tail.wants_reading(self.cx.core.now()) {
            return Ok(Visit::Nothing);
        }
        if tail.size_bytes() == tail.position {
            tail.is_read();
            return Ok(Visit::Nothing);
        }
        let read = self.read(tail).await;
        self.settle(tail, read)
    }

    /// A file's trouble is its own; the source's trouble ends the source.
    fn settle(&self, tail: &mut Tail, result: Result<Visit, Trouble>) -> Result<Visit, Error> {
        match result {
            Ok(visit) => Ok(visit),
            Err(Trouble::Stopped) => Ok(Visit::Stopped),
            Err(Trouble::Fatal(e)) => Err(e),
            Err(Trouble::File(what)) => {
                if tail.failed(&what, self.cx.core.now()) {
                    self.cx.metrics.read_failures.add(1);
                }
                Ok(Visit::Nothing)
            }
        }
    }

    /// Reads complete lines from the position to the end that was seen.
    async fn read(&mut self, tail: &mut Tail) -> Result<Visit, Trouble> {
        self.buffer.begin(tail.position);
        let mut batches = 0;
        loop {
            if !self.fill(tail).await? {
                return Ok(Visit::Nothing);
            }
            if self.buffer.found().is_none() {
                tail.is_read();
                return Ok(if batches > 0 { Visit::Read } else { Visit::Nothing });
            }
            self.put(tail).await?;
            batches += 1;
            if self.cx.stop.is_set() {
                return Err(Trouble::Stopped);
            }
            if batches >= self.config.max_batch_count {
                return Ok(Visit::More);
            }
        }
    }

    /// Reads until the buffer has a batch, or everything that was seen of the file. False when another file has its place.
    async fn fill(&mut self, tail: &mut Tail) -> Result<bool, Trouble> {
        let max_lines = self.config.batch_size_events.min(self.cx.out.max_batch_events()) as usize;
        let end = tail.size_bytes();
        let cannot = |what: &str, e: io::Error| Trouble::File(format!("cannot be {what}: {e}"));
        let opened = tail.open(&self.cx.core).await.map_err(|e| cannot("opened", e))?;
        let Some(file) = opened else { return Ok(false) };
        while !self.buffer.search(max_lines, BATCH_BYTES) && self.buffer.read_offset() < end {
            let offset = self.buffer.read_offset();
            let (read, bytes) = file.read_at(self.buffer.lend(BLOCK_BYTES), offset).await;
            self.buffer.give_back(bytes);
            if read.map_err(|e| cannot("read", e))? == 0 {
                break;
            }
        }
        Ok(true)
    }

    /// Puts the lines that were found. The position moves when every required channel has them.
    async fn put(&mut self, tail: &mut Tail) -> Result<(), Trouble> {
        let lines = self.buffer.found().expect("the caller has seen lines");
        if lines.pieces > 0 {
            let path = tail.path.display();
            tracing::warn!(
                "{path} has a line of more than {LONGEST_LINE_BYTES} bytes: it becomes several events"
            );
            self.cx.metrics.read_failures.add(lines.pieces);
        }
        let (draft, end) = (self.draft(&lines, tail), lines.end);
        match put_persistently(&self.cx, &mut self.backoff, draft, end).await {
            Ok(receipt) => {
                tail.position = receipt.redeem();
                self.buffer.consume();
                self.table.advance(tail.id, tail.position);
                Ok(())
            }
            Err(GaveUp::Stopped(_)) => Err(Trouble::Stopped),
            Err(GaveUp::Rejected(e, _)) => {
                Err(Trouble::File(format!("its events cannot be put, and are tried again: {}", e.line())))
            }
            Err(GaveUp::Failed(cause, _)) => {
                Err(Trouble::Fatal(Error::caused(Advice::Stop, "a channel has failed", cause)))
            }
        }
    }

    fn draft(&self, lines: &Lines<'_>, tail: &Tail) -> Draft {
        let mut draft = Draft::with_capacity(lines.spans.len(), lines.bytes.len());
        draft.push_spans(lines.bytes, lines.spans.iter().copied());
        if self.config.byte_offset_header {
            for (event, (start, _)) in (0..).zip(lines.spans) {
                draft.set_header(event, "byteoffset", &(lines.offset + u64::from(*start)).to_string());
            }
        }
        for (name, value) in &self.groups[tail.group].headers {
            draft.set_all(name, value);
        }
        if let Some(name) = &self.config.file_header {
            draft.set_all(name, &tail.path.to_string_lossy());
        }
        draft
    }

    /// Closes a file that has been quiet for long enough, after its last line became an event though it has no line feed.
    /// False when it need not be followed any more.
    async fn after_visit(&mut self, tail: &mut Tail) -> Result<bool, Error> {
        let core = &self.cx.core;
        let idle_ns = self.config.idle_timeout_ns;
        if tail.is_read_to_its_end() && tail.age_ms(core.wall_ms()) >= idle_ns / 1_000_000 && tail.matched {
            // Thousands of old files are read at a start and need not stay open.
            tail.close();
        }
        let now = core.now();
        if !tail.is_open() || tail.is_failing() || tail.wants_reading(now) || tail.quiet_ns(now) < idle_ns {
            return Ok(tail.matched || tail.is_open());
        }
        if !tail.is_read_to_its_end() {
            let rest = self.read_rest(tail).await;
            if self.settle(tail, rest)? == Visit::Stopped || tail.is_failing() {
                return Ok(true);
            }
        }
        tail.close();
        Ok(tail.matched)
    }

    async fn read_rest(&mut self, tail: &mut Tail) -> Result<Visit, Trouble> {
        self.buffer.begin(tail.position);
        if !self.fill(tail).await? {
            return Ok(Visit::Nothing);
        }
        if self.buffer.found().is_some() || self.buffer.rest().is_some() {
            self.put(tail).await?;
        }
        Ok(Visit::Read)
    }
}
