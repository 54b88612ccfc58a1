//! The one thread that writes.

use super::file::{Limits, LogFile};
use super::format::{Clock, Layout, Origin};
use super::options::Target;
use super::queue::{Job, Queue, wall_ms};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::oneshot;

/// Text that is gathered before it is written: large enough that a system call costs little per line, small enough that
/// a refused write repeats little.
const ROUND_BYTES: usize = 128 * 1024;

/// Starts the thread. It runs until the process ends.
pub(super) fn start(queue: Arc<Queue>, targets: Vec<Target>) -> io::Result<()> {
    let mut writer = Writer::new(queue.clone(), targets);
    let thread = std::thread::Builder::new().name("log".to_string()).spawn(move || {
        // Whoever waits for an answer gets one, even if this thread panics.
        let _closing = Closing(writer.queue.clone());
        loop {
            writer.round();
        }
    })?;
    queue.read_by(thread.thread().clone());
    Ok(())
}

struct Closing(Arc<Queue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A stream, its layout, and how it fares.
struct Output {
    stream: Stream,
    text: String,
    /// The stream ended amid a line; the next line starts with a line break.
    broken_line: bool,
    /// Lines refused since the last success, and why.
    refused: Option<(u64, String)>,
}

enum Stream {
    Console,
    File(LogFile),
    /// A file that could not be opened; tried again with every round, at most once in 5 s.
    Closed {
        dir: PathBuf,
        name: String,
        retry_at_ms: i64,
    },
}

struct Writer {
    queue: Arc<Queue>,
    clock: Clock,
    outputs: Vec<Output>,
    /// Lines of our own for the next round.
    own: Vec<(Origin, String)>,
    /// Answered once both queues are empty and written.
    flushes: Vec<std::sync::mpsc::Sender<()>>,
}

/// One line, or a batch of event lines, waiting to be rendered in the order of time.
struct Item {
    wall_ms: i64,
    from: Origin,
    texts: Vec<String>,
    done: Option<oneshot::Sender<io::Result<()>>>,
}

impl Writer {
    fn new(queue: Arc<Queue>, targets: Vec<Target>) -> Self {
        let mut clock = Clock::local();
        let mut own = Vec::new();
        let mut outputs: Vec<Output> = Vec::new();
        let mut lost_file = false;
        for target in targets {
            let stream = match target {
                Target::Console => Stream::Console,
                Target::File { dir, name } => {
                    match LogFile::open(&dir, &name, Limits::default(), |ms| clock.day(ms)) {
                        Ok(file) => Stream::File(file),
                        Err(e) => {
                            let path = dir.join(&name);
                            own.push(note(
                                "ERROR",
                                format!(
                                    "cannot open the log file {}: {e}; lines go to the console meanwhile",
                                    path.display()
                                ),
                            ));
                            lost_file = true;
                            Stream::Closed { dir, name, retry_at_ms: wall_ms() + 5_000 }
                        }
                    }
                }
            };
            outputs.push(Output::new(stream));
        }
        if lost_file && !outputs.iter().any(|o| matches!(o.stream, Stream::Console)) {
            outputs.push(Output::new(Stream::Console));
        }
        Writer { queue, clock, outputs, own, flushes: Vec::new() }
    }

    /// Takes what waits, writes it, answers; sleeps when nothing waits.
    fn round(&mut self) {
        let now_ms = wall_ms();
        let idle = self.queue.is_empty();
        if self.queue.limiter.owes() {
            let flushing = idle && !self.flushes.is_empty();
            self.own.extend(self.queue.limiter.settle(now_ms, flushing));
        }
        let dropped = self.queue.unsaid_drops.swap(0, Relaxed);
        if dropped > 0 {
            self.own
                .push(note("WARN", format!("{dropped} log lines were dropped: the log could not keep up")));
        }
        let items = self.gather(now_ms);
        if !items.is_empty() {
            self.write(items);
            return;
        }
        let unsaid = self.queue.limiter.owes() || self.queue.unsaid_drops.load(Relaxed) > 0;
        if !self.flushes.is_empty() && unsaid {
            return;
        }
        for done in self.flushes.drain(..) {
            // Whoever asked may have stopped waiting.
            done.send(()).ok();
        }
        if self.queue.is_empty() {
            match self.queue.limiter.owes() {
                true => std::thread::park_timeout(Duration::from_millis(250)),
                false => std::thread::park(),
            }
        }
    }

    /// About a round's worth of lines, oldest first.
    fn gather(&mut self, now_ms: i64) -> Vec<Item> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while bytes < ROUND_BYTES {
            let Some(r) = self.queue.pop() else { break };
            bytes += r.text.len() + 100;
            items.push(Item { wall_ms: r.wall_ms, from: r.from, texts: vec![r.text], done: None });
        }
        while bytes < ROUND_BYTES {
            match self.queue.pop_job() {
                Some(Job::Events { wall_ms, from, texts, done }) => {
                    bytes += texts.iter().map(|t| t.len() + 100).sum::<usize>();
                    items.push(Item { wall_ms, from, texts, done: Some(done) });
                }
                Some(Job::Flush(done)) => self.flushes.push(done),
                None => break,
            }
        }
        items.sort_by_key(|item| item.wall_ms);
        for (from, text) in self.own.drain(..) {
            items.push(Item { wall_ms: now_ms, from, texts: vec![text], done: None });
        }
        items
    }

    fn write(&mut self, items: Vec<Item>) {
        let now_ms = wall_ms();
        let lines: u64 = items.iter().map(|i| i.texts.len() as u64).sum();
        let mut written = false;
        let mut last_error = None;
        for output in &mut self.outputs {
            match output.write(&mut self.clock, &items, lines, now_ms) {
                Ok(note) => {
                    written = true;
                    self.own.extend(note);
                }
                Err(e) => {
                    self.queue.counts.failed_lines.fetch_add(lines, Relaxed);
                    last_error = Some(e);
                }
            }
        }
        if written {
            self.queue.counts.lines.fetch_add(lines, Relaxed);
        }
        for done in items.into_iter().filter_map(|i| i.done) {
            let answer = match &last_error {
                Some(e) if !written => Err(io::Error::new(e.kind(), format!("the agent's own log: {e}"))),
                _ => Ok(()),
            };
            // The sink may have been stopped while it waited.
            drop(done.send(answer));
        }
    }
}

impl Output {
    fn new(stream: Stream) -> Self {
        Output { stream, text: String::new(), broken_line: false, refused: None }
    }

    /// Writes all items, or says why not. `Ok(Some(note))` is a line for the next round.
    fn write(
        &mut self,
        clock: &mut Clock,
        items: &[Item],
        lines: u64,
        now_ms: i64,
    ) -> io::Result<Option<(Origin, String)>> {
        self.reopen(clock, now_ms);
        let layout = if matches!(self.stream, Stream::Console) { Layout::Console } else { Layout::File };
        self.text.clear();
        if self.broken_line {
            self.text.push('\n');
        }
        for item in items {
            for text in &item.texts {
                clock.render(layout, item.wall_ms, &item.from, text, &mut self.text);
            }
        }
        let day = clock.day(now_ms);
        let result = match &mut self.stream {
            Stream::Console => write_stderr(self.text.as_bytes()).map(|()| None),
            Stream::File(file) => file
                .write(self.text.as_bytes(), day, now_ms)
                .map_err(|e| io::Error::new(e.kind(), format!("writing {}: {e}", file.path().display()))),
            Stream::Closed { dir, name, .. } => {
                Err(io::Error::other(format!("{} cannot be opened", dir.join(name).display())))
            }
        };
        self.text.shrink_to(2 * ROUND_BYTES);
        match result {
            Ok(trouble) => {
                self.broken_line = false;
                let missed =
                    self.refused.take().map(|(n, why)| format!("{n} log lines are missing here: {why}"));
                Ok(missed.or(trouble).map(|text| note("WARN", text)))
            }
            Err(e) => {
                self.broken_line = !matches!(self.stream, Stream::Closed { .. });
                let refused = self.refused.get_or_insert_with(|| (0, e.to_string()));
                refused.0 += lines;
                Err(e)
            }
        }
    }

    fn reopen(&mut self, clock: &mut Clock, now_ms: i64) {
        let Stream::Closed { dir, name, retry_at_ms } = &mut self.stream else { return };
        if now_ms < *retry_at_ms {
            return;
        }
        match LogFile::open(dir, name, Limits::default(), |ms| clock.day(ms)) {
            Ok(file) => self.stream = Stream::File(file),
            Err(_still) => *retry_at_ms = now_ms + 5_000,
        }
    }
}

/// A line of the log's own.
fn note(level: &'static str, text: String) -> (Origin, String) {
    let from = Origin {
        thread: "log".into(),
        level,
        logger: "penstock.agent.log".into(),
        method: "",
        file: "writer.rs",
        line: 0,
    };
    (from, text)
}

/// Writes everything, also when a parent made the descriptor non-blocking.
fn write_stderr(mut text: &[u8]) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let stderr = io::stderr();
    while !text.is_empty() {
        match rustix::io::write(&stderr, text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => text = &text[n..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None)?;
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
