//! `logger`: prints events into the agent's own log, one record each.
//!
//! The records are data, not diagnostics: they are printed whatever the log level is limited to by causes, the sink waits
//! when the log is slow, and a batch is committed when the log has taken all of it. A failure in between prints the batch
//! again.

mod dump;

use crate::channel::{Take, Taker, Want};
use crate::config::units::{self, INT};
use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, Unit};
use crate::event::{Advice, Error};
use crate::pipeline::{Sink, SinkCx, Status};
use crate::reactor::Fut;
use std::time::Duration;

static MAX_BYTES_TO_LOG: Setting<u64> = Setting::new(
    "maxBytesToLog",
    units::count::<0, INT>,
    "0 to 2147483647",
    "Bytes of each body that are printed. Flume 1.11 ignores this key and prints 16.",
)
.default("16")
.unit(Unit::Bytes)
.bad_is_default();

/// What the registry lists.
pub static KIND: Kind<dyn Sink> = Kind {
    info: KindInfo {
        names: &["logger", "org.apache.flume.sink.LoggerSink"],
        summary: "Prints each event with its headers and the first bytes of its body into the agent's log.",
        runs_on: RunsOn::DataCore,
        settings: &[&MAX_BYTES_TO_LOG],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Logger::new(settings))),
};

/// Name under which the records are printed.
const LOGGER: &str = "org.apache.flume.sink.LoggerSink";
/// Most events printed at once.
const BATCH_EVENTS: u32 = 1_000;
/// Bytes of bodies after which a batch is cut: what is printed of them is at most about five times as long.
const BATCH_BYTES: u64 = 1 << 20;
/// How long a take waits for the first event. It ends early at the stop; nothing else happens meanwhile.
const WAIT: Duration = Duration::from_secs(5);

struct Logger {
    max_bytes: usize,
}

impl Logger {
    fn new(settings: &Settings) -> Self {
        let max_bytes = settings.value(&MAX_BYTES_TO_LOG);
        Logger { max_bytes: usize::try_from(max_bytes).expect("the setting ends at Java's int") }
    }

    fn lines(&self, take: &Take) -> Vec<String> {
        let line = |event| {
            let mut text = String::with_capacity(128);
            text.push_str("Event: ");
            dump::dump(event, self.max_bytes, &mut text);
            text
        };
        take.batches().iter().flat_map(|batch| batch.iter()).map(line).collect()
    }
}

impl Sink for Logger {
    fn open<'a>(&'a mut self, _cx: &'a SinkCx) -> Fut<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn process<'a>(&'a mut self, input: &'a mut dyn Taker, cx: &'a SinkCx) -> Fut<'a, Result<Status, Error>> {
        Box::pin(async move {
            let metrics = &cx.metrics;
            let most = BATCH_EVENTS.min(cx.transaction_events);
            let want = Want { max_events: most, max_bytes: BATCH_BYTES, wait: WAIT };
            let taken = input.take(want).await.inspect_err(|_| metrics.channel_failures.add(1))?;
            let Some(take) = taken else {
                metrics.batches_empty.add(1);
                return Ok(Status::Idle);
            };
            let started = cx.core.now();
            let (events, bytes) = (take.events(), take.body_bytes());
            metrics.events_taken.add(u64::from(events));
            let size = if events < most { &metrics.batches_underflow } else { &metrics.batches_complete };
            size.add(1);
            if let Err(e) = cx.log.info(LOGGER, self.lines(&take)).await {
                metrics.write_failures.add(1);
                let again = Advice::RetryAfter(Duration::from_secs(5));
                return Err(Error::caused(again, "failed to log events; they stay in the channel", e));
            }
            take.commit().await.inspect_err(|_| metrics.channel_failures.add(1))?;
            metrics.events_delivered.add(u64::from(events));
            metrics.bytes.add(bytes);
            metrics.process_latency.record_ns(cx.core.now().saturating_sub(started));
            Ok(Status::Ready)
        })
    }

    fn close(self: Box<Self>, _deadline: Duration) -> Fut<'static, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{Recorder, memory_channel, put, run, settings, sink_cx};
    use crate::reactor::stop_pair;
    use std::sync::Arc;

    /// What the sink prints of `bodies`, and whether they are gone from the channel.
    fn printed(bodies: &'static [&'static str], pairs: &'static [(&str, &str)], broken: bool) {
        run(move |core| async move {
            let channel = memory_channel(&core, "c1", &[]).await;
            put(&*channel, bodies).await;
            let (_stopper, stop) = stop_pair();
            let log = Arc::new(Recorder::default());
            *log.broken.lock().unwrap() = broken;
            let cx = sink_cx(&core, log.clone(), 100, stop);
            let mut sink = (KIND.build)(&settings("a1.sinks.k1", pairs)).unwrap();
            sink.open(&cx).await.unwrap();
            let mut input = channel.taker("k1").unwrap();
            if broken {
                let error = sink.process(&mut *input, &cx).await.unwrap_err();
                assert!(error.line().starts_with("failed to log events"), "{}", error.line());
                assert_eq!(channel.stats().await.events, bodies.len() as u64, "rolled back");
                assert_eq!(cx.metrics.write_failures.get(), 1);
            }
            assert_eq!(sink.process(&mut *input, &cx).await.unwrap(), Status::Ready);
            let expected: Vec<String> = bodies
                .iter()
                .map(|b| {
                    let hex: String = b.bytes().map(|byte| format!("{byte:02X} ")).collect();
                    format!("{LOGGER}: Event: {{ headers:{{}} body: {hex:48}{b} }}")
                })
                .collect();
            assert_eq!(*log.texts.lock().unwrap(), expected);
            assert_eq!(channel.stats().await.events, 0);
            assert_eq!(cx.metrics.events_delivered.get(), bodies.len() as u64);
        });
    }

    /// Flume: TestLoggerSink.testAppend.
    #[test]
    fn each_event_is_a_record_and_commits_when_it_is_printed() {
        printed(&["hello", "Event 2", "0123456789abcdef"], &[], false);
    }

    #[test]
    fn a_log_that_fails_gets_the_events_again() {
        printed(&["one", "two"], &[("maxBytesToLog", "nonsense")], true);
    }
}
