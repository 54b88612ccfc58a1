//! One client.

use super::Options;
use super::input::{Input, Unusable};
use super::reply::Replies;
use crate::event::{Advice, Draft};
use crate::pipeline::{Failure, Refused, SourceCx};
use crate::reactor::{Either, Slice, Stream, race};
use std::rc::Rc;
use std::time::Duration;

/// How long a client may take to read its last replies once the source shall end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The connection is over.
struct Closed;

/// One client's connection. Counted as open while it lives.
pub(super) struct Connection {
    cx: SourceCx,
    options: Rc<Options>,
    stream: Box<dyn Stream>,
    input: Input,
    replies: Replies,
    /// The last read left more to read.
    more_waiting: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.cx.metrics.open_connections.sub(1);
    }
}

impl Connection {
    pub(super) fn new(cx: SourceCx, options: Rc<Options>, stream: Box<dyn Stream>) -> Self {
        cx.metrics.open_connections.add(1);
        Connection {
            input: Input::new(options.charset, options.max_line_units),
            replies: Replies::new(options.charset),
            cx,
            options,
            stream,
            more_waiting: false,
        }
    }

    /// Serves the client until one of the two ends it, or the source shall end. What has been read is settled and answered
    /// then; text without a line feed at the end is dropped, as in Flume.
    pub(super) async fn serve(mut self) {
        let max_events = self.cx.out.max_batch_events();
        let mut slice = Slice::begin(&self.cx.core);
        while let Ok(()) = self.read().await {
            loop {
                let (draft, usable) = self.input.lines(max_events, &self.options.pool);
                let lines = draft.len();
                if lines > 0 && self.deliver(draft).await.is_err() {
                    return;
                }
                if let Err(why) = usable {
                    return self.give_up(why).await;
                }
                slice.pause_if_over(&self.cx.core).await;
                if lines == 0 {
                    break;
                }
            }
        }
    }

    /// Reads what is there, waiting for it without a buffer.
    async fn read(&mut self) -> Result<(), Closed> {
        if !self.more_waiting {
            self.input.rest(&self.options.pool);
            match race(self.stream.readable(), self.cx.stop.wait()).await {
                Either::First(Ok(())) => {}
                Either::First(Err(_)) | Either::Second(()) => return Err(Closed),
            }
        }
        if self.cx.stop.is_set() {
            return Err(Closed);
        }
        let buffer = self.input.lend(&self.options.pool);
        // Dropping the read at a stop may drop bytes with it: the connection ends with it, and nobody was told OK.
        match race(self.stream.read(buffer), self.cx.stop.wait()).await {
            Either::First((Ok(read), buffer)) if read > 0 => {
                self.more_waiting = self.input.accept(buffer, read);
                Ok(())
            }
            _ => Err(Closed),
        }
    }

    /// Puts the lines of a batch and answers each.
    async fn deliver(&mut self, draft: Draft) -> Result<(), Closed> {
        let lines = draft.len();
        match self.cx.out.put(draft, ()).await {
            Ok(receipt) => {
                receipt.redeem();
                if self.options.acknowledge {
                    self.replies.ok(lines);
                }
            }
            Err(Failure::Rejected(e, ())) => {
                let why = e.line();
                tracing::warn!("source {}: {lines} events were rejected: {why}", self.cx.name);
                (0..lines).for_each(|_| self.replies.failed(&why));
            }
            Err(Failure::Refused(refused)) => {
                if let Some((failed, why)) = self.put_what_fits(refused).await {
                    tracing::warn!("source {}: {} events were refused: {why}", self.cx.name, failed.len());
                    self.answer(lines, &failed, &why);
                } else if self.options.acknowledge {
                    self.replies.ok(lines);
                }
            }
        }
        self.write_replies().await
    }

    /// Puts as much of a refused batch as the channels take, waiting for them as for single events: it gives up when a
    /// channel has had no room for the next event for as long as it waits. Returns the lines that are not in the channels,
    /// by number and ascending, and why.
    async fn put_what_fits(&self, mut refused: Refused<()>) -> Option<(Vec<u32>, String)> {
        // What follows the part that is being put, the next on top.
        let mut later: Vec<Refused<()>> = Vec::new();
        loop {
            let fitting = refused.fitting_events();
            let may_retry = matches!(refused.cause.advice(), Advice::RetryAfter(_) | Advice::Reconnect);
            if fitting == 0 || !may_retry || self.cx.stop.is_set() {
                let mut failed: Vec<u32> = refused.numbers().collect();
                let why = refused.abandon().1.to_string();
                while let Some(part) = later.pop() {
                    failed.extend(part.numbers());
                }
                return Some((failed, why));
            }
            let (mut part, rest) = self.cx.out.split(refused, fitting, ());
            if rest.events() > 0 {
                later.push(rest);
            }
            refused = loop {
                match self.cx.out.retry(part).await {
                    Ok(receipt) => receipt.redeem(),
                    Err(again) => break again,
                }
                part = later.pop()?;
            };
        }
    }

    /// Answers each line of a batch of which some have failed.
    fn answer(&mut self, lines: u32, failed: &[u32], why: &str) {
        let mut failed = failed.iter().copied().peekable();
        for line in 0..lines {
            if failed.next_if_eq(&line).is_some() {
                self.replies.failed(why);
            } else if self.options.acknowledge {
                self.replies.ok(1);
            }
        }
    }

    /// Tells the client why, where Flume does.
    async fn give_up(&mut self, why: Unusable) {
        self.cx.metrics.read_failures.add(1);
        let (name, peer) = (&self.cx.name, self.stream.peer());
        match why {
            Unusable::TooLong(e) => {
                tracing::warn!(
                    "source {name}: client {peer} sent an event exceeding the maximum length: {e}"
                );
                self.replies.too_long(e);
                // The connection ends either way.
                drop(self.write_replies().await);
            }
            Unusable::Malformed => {
                tracing::warn!("source {name}: client {peer} sent bytes that are not text in the encoding");
            }
        }
    }

    async fn write_replies(&mut self) -> Result<(), Closed> {
        let bytes = self.replies.take();
        if bytes.is_empty() {
            return Ok(());
        }
        let (stop, core) = (self.cx.stop.clone(), self.cx.core.clone());
        let patience = async {
            stop.wait().await;
            core.sleep(LAST_WORDS).await;
        };
        match race(self.stream.write(bytes), patience).await {
            Either::First((Ok(()), _)) => Ok(()),
            _ => Err(Closed),
        }
    }
}
