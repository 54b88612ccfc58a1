//! The loop that drives one sink or one sink group.

use super::component::{Member, SinkProcessor, Status};
use crate::channel::{Take, Taker, Want};
use crate::event::{Advice, Error};
use crate::reactor::{Core, Either, Fut, Slice, Stop, race};
use std::time::Duration;

/// Pause after each consecutive back-off, as Flume's.
const BACKOFF_STEP: Duration = Duration::from_secs(1);
/// Longest pause after back-offs, and the pause after an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Calls a sink processor again and again until the stop.
pub struct SinkRunner {
    core: Core,
    stop: Stop,
    processor: Box<dyn SinkProcessor>,
    members: Vec<Member>,
    /// Told of each failure, for status; `None` when a call succeeds again.
    on_state: Box<dyn Fn(Option<&Error>)>,
}

impl SinkRunner {
    /// A runner for these members. Their takers are wrapped: waiting for events ends at the stop.
    pub fn new(
        core: Core,
        stop: Stop,
        processor: Box<dyn SinkProcessor>,
        members: Vec<Member>,
        on_state: Box<dyn Fn(Option<&Error>)>,
    ) -> Self {
        let members = members
            .into_iter()
            .map(|m| Member { input: Box::new(Interruptible { inner: m.input, stop: stop.clone() }), ..m })
            .collect();
        SinkRunner { core, stop, processor, members, on_state }
    }

    /// Runs until the stop, then closes the members; each has until `deadline` for it.
    ///
    /// # Errors
    /// When a sink says that it cannot go on ([`Advice::Stop`]).
    pub async fn run(mut self, deadline: Duration) -> Result<(), Error> {
        let mut backoffs = 0u32;
        let mut failed = false;
        let mut slice = Slice::begin(&self.core);
        let ended = loop {
            if self.stop.is_set() {
                break Ok(());
            }
            let pause = match self.processor.process(&mut self.members).await {
                Ok(status) => {
                    if std::mem::take(&mut failed) {
                        (self.on_state)(None);
                    }
                    backoffs = if status == Status::Backoff { backoffs.saturating_add(1) } else { 0 };
                    (BACKOFF_STEP * backoffs).min(LONGEST_PAUSE)
                }
                Err(e) => {
                    (self.on_state)(Some(&e));
                    failed = true;
                    match e.advice {
                        Advice::Stop => break Err(e),
                        Advice::RetryAfter(d) => d.min(LONGEST_PAUSE),
                        Advice::Reconnect | Advice::Reject => LONGEST_PAUSE,
                    }
                }
            };
            if !pause.is_zero() {
                self.stop.sleep(&self.core, pause).await;
            }
            slice.pause_if_over(&self.core).await;
        };
        for Member { name, sink, .. } in self.members {
            match self.core.timeout(deadline, sink.close(deadline)).await {
                Some(Ok(())) => {}
                Some(Err(e)) => tracing::error!("sink {name}: closing failed: {}", e.line()),
                None => tracing::error!("sink {name}: not closed within {} ms", deadline.as_millis()),
            }
        }
        ended
    }
}

/// A taker whose waiting ends at the stop.
struct Interruptible {
    inner: Box<dyn Taker>,
    stop: Stop,
}

impl Taker for Interruptible {
    fn take<'a>(&'a mut self, want: Want) -> Fut<'a, Result<Option<Take>, Error>> {
        Box::pin(async move {
            match race(self.inner.take(want), self.stop.wait()).await {
                Either::First(taken) => taken,
                Either::Second(()) => Ok(None),
            }
        })
    }
}
