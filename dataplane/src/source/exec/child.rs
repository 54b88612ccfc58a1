//! One run of the command: from its pipes to the channels.

use super::lines::OutputLines;
use super::{Exec, LOGGER};
use crate::codec::java_line::JavaLines;
use crate::event::{Advice, Draft, Error};
use crate::pipeline::{Backoff, GaveUp, SourceCx, put_persistently};
use crate::reactor::{Child, Core, Either, Slice, Tick, race};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

/// One read from a pipe, whose default size is this.
const READ_BYTES: usize = 64 << 10;
/// A batch ends with the line that takes it over this size.
const BATCH_BYTES: usize = 1 << 20;
/// Longest line of standard error that is logged in one piece.
const LONGEST_ERROR_LINE_BYTES: usize = 8 << 10;
/// From asking a command to end until it is made to, and from the end of its output to its own.
const GRACE: Duration = Duration::from_secs(2);
/// How long the last words on standard error are waited for when a command has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Exec {
    /// Reads the output to its end, or until the source shall end, and gives the exit code.
    pub(super) async fn read(&self, cx: &SourceCx, child: Box<dyn Child>) -> Result<i32, Error> {
        let mut errors = pin!(log_errors(&*child, self.log_std_err));
        let mut errors_ended = false;
        let output = async {
            Output::new(self, cx).read(&*child).await?;
            if cx.stop.is_set() {
                child.terminate();
            }
            Ok(end(&cx.core, &*child).await)
        };
        let code: Result<i32, Error> = alongside(output, errors.as_mut(), &mut errors_ended).await;
        if !errors_ended {
            // Somebody else may hold the pipe open: the wait is short, and nothing depends on it.
            cx.core.timeout(LAST_WORDS, errors).await;
        }
        code
    }
}

/// What has been read of the output and is not in the channels.
struct Output<'a> {
    exec: &'a Exec,
    cx: &'a SourceCx,
    lines: OutputLines,
    draft: Draft,
    max_events: u32,
    backoff: Backoff,
    flushed_at: Tick,
    told_of_cuts: bool,
}

/// The source shall end and the channels are full.
struct Stopped;

impl<'a> Output<'a> {
    fn new(exec: &'a Exec, cx: &'a SourceCx) -> Self {
        Output {
            exec,
            cx,
            lines: OutputLines::new(exec.charset),
            draft: Draft::default(),
            max_events: exec.batch_size_events.min(cx.out.max_batch_events()),
            backoff: Backoff::of_ms(100, 1_000),
            flushed_at: cx.core.now(),
            told_of_cuts: false,
        }
    }

    async fn read(mut self, child: &dyn Child) -> Result<(), Error> {
        let core = &self.cx.core;
        let mut slice = Slice::begin(core);
        // Kept over the other events of the loop: a dropped read could lose what it has read.
        let mut reading = child.read_out(Vec::with_capacity(READ_BYTES));
        let mut patience = Patience::Running;
        loop {
            let timer = self.until_due();
            match race(&mut reading, race(timer, patience.over(self.cx))).await {
                Either::First((Ok(1..), mut bytes)) => {
                    if let Err(Stopped) = self.take(&bytes).await? {
                        return Ok(());
                    }
                    bytes.clear();
                    reading = child.read_out(bytes);
                    slice.pause_if_over(core).await;
                }
                Either::First((result, _)) => {
                    if let Err(e) = result {
                        self.cx.metrics.read_failures.add(1);
                        tracing::error!(target: LOGGER, "source {}: reading the output failed: {e}", self.cx.name);
                    }
                    break;
                }
                Either::Second(Either::First(())) => {
                    if let Err(Stopped) = self.flush().await? {
                        return Ok(());
                    }
                }
                Either::Second(Either::Second(())) => match patience.next(core, child) {
                    Some(next) => patience = next,
                    None => break,
                },
            }
        }
        self.lines.finish(&mut self.draft);
        self.flush().await.map(|_either_way_nothing_is_left| ())
    }

    /// Cuts bytes into lines and puts full batches.
    async fn take(&mut self, bytes: &[u8]) -> Result<Result<(), Stopped>, Error> {
        let text = self.lines.feed(bytes);
        let mut rest = &*text;
        while self.lines.next(&mut rest, &mut self.draft) {
            let full = self.draft.len() >= self.max_events || self.draft.arena_bytes() >= BATCH_BYTES;
            if full && let Err(Stopped) = self.flush().await? {
                return Ok(Err(Stopped));
            }
        }
        if self.lines.cut_lines() > 0 && !std::mem::replace(&mut self.told_of_cuts, true) {
            tracing::warn!(target: LOGGER, "source {}: a line beyond 16 MiB becomes several events", self.cx.name);
        }
        if !self.draft.is_empty() && self.due_in().is_zero() { self.flush().await } else { Ok(Ok(())) }
    }

    /// Puts what there is, waiting for the channels as long as it takes.
    async fn flush(&mut self) -> Result<Result<(), Stopped>, Error> {
        self.flushed_at = self.cx.core.now();
        if self.draft.is_empty() {
            return Ok(Ok(()));
        }
        let draft = std::mem::take(&mut self.draft);
        let events = draft.len();
        let name = &self.cx.name;
        match put_persistently(self.cx, &mut self.backoff, draft, ()).await {
            Ok(receipt) => receipt.redeem(),
            Err(GaveUp::Rejected(e, ())) => {
                tracing::error!(target: LOGGER, "source {name}: {events} events were rejected and are lost: {}", e.line());
            }
            Err(GaveUp::Stopped(())) => {
                tracing::warn!(target: LOGGER, "source {name}: the channel is full at the stop: {events} events are lost");
                return Ok(Err(Stopped));
            }
            Err(GaveUp::Failed(cause, ())) => {
                let what = format!("a channel has failed with {events} events in hand");
                return Err(Error::caused(Advice::Stop, what, cause));
            }
        }
        Ok(Ok(()))
    }

    /// Time until what there is must go.
    fn due_in(&self) -> Duration {
        let waited = Duration::from_nanos(self.cx.core.now().saturating_sub(self.flushed_at));
        self.exec.batch_timeout.saturating_sub(waited)
    }

    /// Resolves when what there is must go; never when there is nothing.
    fn until_due(&self) -> impl Future<Output = ()> + use<> {
        let due = (!self.draft.is_empty()).then(|| self.cx.core.sleep(self.due_in()));
        async move {
            match due {
                Some(due) => due.await,
                None => std::future::pending().await,
            }
        }
    }
}

/// How far the end of a command has come that the source waits for.
enum Patience {
    /// Until the stop.
    Running,
    /// It was asked to end, and has until then.
    Asked(Tick),
    /// It was made to end; whoever else holds the pipe has until then.
    Killed(Tick),
}

impl Patience {
    /// Resolves when this step has lasted long enough.
    fn over<'a>(&self, cx: &'a SourceCx) -> impl Future<Output = ()> + use<'a> {
        let until = match *self {
            Patience::Running => None,
            Patience::Asked(until) | Patience::Killed(until) => Some(until),
        };
        async move {
            match until {
                None => cx.stop.wait().await,
                Some(until) => cx.core.sleep(Duration::from_nanos(until.saturating_sub(cx.core.now()))).await,
            }
        }
    }

    /// Goes on to the next step; `None` after the last.
    fn next(&self, core: &Core, child: &dyn Child) -> Option<Patience> {
        let until = core.now() + u64::try_from(GRACE.as_nanos()).expect("two seconds");
        match self {
            Patience::Running => {
                child.terminate();
                Some(Patience::Asked(until))
            }
            Patience::Asked(_) => {
                child.kill();
                Some(Patience::Killed(until))
            }
            Patience::Killed(_) => None,
        }
    }
}

/// Waits for the end of a command whose output has ended, and makes sure of it.
async fn end(core: &Core, child: &dyn Child) -> i32 {
    let unknown = -1;
    for ask in [Child::terminate, Child::kill] {
        if let Some(code) = core.timeout(GRACE, child.wait()).await {
            return code.unwrap_or(unknown);
        }
        ask(child);
    }
    child.wait().await.unwrap_or(unknown)
}

/// Reads standard error to its end, so that it never blocks the command.
async fn log_errors(child: &dyn Child, log: bool) {
    let mut lines = JavaLines::new(LONGEST_ERROR_LINE_BYTES);
    let mut count = 0u64;
    let mut print = |line: &[u8]| {
        count += 1;
        let line = String::from_utf8_lossy(line);
        tracing::info!(target: LOGGER, "StderrLogger[{count}] = '{line}'");
    };
    let mut buffer = Vec::with_capacity(LONGEST_ERROR_LINE_BYTES);
    loop {
        let (result, filled) = child.read_err(buffer).await;
        buffer = filled;
        if !matches!(result, Ok(1..)) {
            break;
        }
        let mut rest = &buffer[..];
        while log && lines.next(&mut rest, &mut print) {}
        buffer.clear();
    }
    lines.finish(&mut print);
}

/// Runs `main` to its end, and `side` beside it as far as it comes.
async fn alongside<T>(
    main: impl Future<Output = T>,
    mut side: Pin<&mut impl Future<Output = ()>>,
    side_ended: &mut bool,
) -> T {
    let mut main = pin!(main);
    std::future::poll_fn(move |cx| {
        if !*side_ended && side.as_mut().poll(cx).is_ready() {
            *side_ended = true;
        }
        main.as_mut().poll(cx)
    })
    .await
}
