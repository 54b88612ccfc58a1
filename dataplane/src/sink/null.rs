//! `null`: takes events and forgets them.

use crate::channel::{Taker, Want};
use crate::config::units::{self, INT};
use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, Unit};
use crate::event::Error;
use crate::pipeline::{Sink, SinkCx, Status};
use crate::reactor::Fut;
use std::time::Duration;

static BATCH_SIZE: Setting<u64> =
    Setting::new("batchSize", units::count::<1, INT>, "1 to 2147483647", "Most events in one take.")
        .default("100")
        .unit(Unit::Events);

static LOG_EVERY_N_EVENTS: Setting<u64> = Setting::new(
    "logEveryNEvents",
    units::count::<1, INT>,
    "1 to 2147483647",
    "A line goes to the agent's log each time that so many events have been taken.",
)
.default("10000")
.unit(Unit::Events);

/// What the registry lists.
pub static KIND: Kind<dyn Sink> = Kind {
    info: KindInfo {
        names: &["null", "org.apache.flume.sink.NullSink"],
        summary: "Takes events and forgets them.",
        runs_on: RunsOn::DataCore,
        settings: &[&BATCH_SIZE, &LOG_EVERY_N_EVENTS],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: Some("batchSize"),
    },
    build: |settings| Ok(Box::new(Null::new(settings))),
};

/// How long a take waits for the first event. It ends early at the stop; nothing else happens meanwhile.
const WAIT: Duration = Duration::from_secs(5);

struct Null {
    batch_size_events: u64,
    log_every_events: u64,
    taken_events: u64,
}

impl Null {
    fn new(settings: &Settings) -> Self {
        Null {
            batch_size_events: settings.value(&BATCH_SIZE),
            log_every_events: settings.value(&LOG_EVERY_N_EVENTS),
            taken_events: 0,
        }
    }

    /// Counts `events` more and gives the totals that are to be logged.
    fn count(&mut self, events: u64) -> impl Iterator<Item = u64> + use<> {
        let every = self.log_every_events;
        let before = self.taken_events / every;
        self.taken_events += events;
        (before + 1..=self.taken_events / every).map(move |n| n * every)
    }
}

impl Sink for Null {
    fn open<'a>(&'a mut self, _cx: &'a SinkCx) -> Fut<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn process<'a>(&'a mut self, input: &'a mut dyn Taker, cx: &'a SinkCx) -> Fut<'a, Result<Status, Error>> {
        Box::pin(async move {
            let batch_size =
                u32::try_from(self.batch_size_events).unwrap_or(u32::MAX).min(cx.transaction_events);
            let metrics = &cx.metrics;
            let want = Want { max_events: batch_size, max_bytes: u64::MAX, wait: WAIT };
            let taken = input.take(want).await.inspect_err(|_| metrics.channel_failures.add(1))?;
            let Some(take) = taken else {
                metrics.batches_empty.add(1);
                return Ok(Status::Idle);
            };
            let started = cx.core.now();
            let (events, bytes) = (take.events(), take.body_bytes());
            metrics.events_taken.add(u64::from(events));
            let size =
                if events < batch_size { &metrics.batches_underflow } else { &metrics.batches_complete };
            size.add(1);
            take.commit().await.inspect_err(|_| metrics.channel_failures.add(1))?;
            metrics.events_delivered.add(u64::from(events));
            metrics.bytes.add(bytes);
            metrics.process_latency.record_ns(cx.core.now().saturating_sub(started));
            for total in self.count(u64::from(events)) {
                tracing::info!(
                    target: "org.apache.flume.sink.NullSink",
                    "Null sink {} successful processed {total} events.",
                    cx.name
                );
            }
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

    #[test]
    fn it_takes_batches_no_larger_than_the_channel_gives() {
        run(|core| async move {
            let channel =
                memory_channel(&core, "c1", &[("capacity", "1000"), ("transactionCapacity", "40")]).await;
            for _ in 0..3 {
                put(&*channel, &["x"; 30]).await;
            }
            let (_stopper, stop) = stop_pair();
            let cx = sink_cx(&core, Arc::new(Recorder::default()), 40, stop);
            let mut sink = (KIND.build)(&settings("a1.sinks.k1", &[])).unwrap();
            sink.open(&cx).await.unwrap();
            let mut input = channel.taker("k1").unwrap();
            for _ in 0..3 {
                assert_eq!(sink.process(&mut *input, &cx).await.unwrap(), Status::Ready);
            }
            let m = &cx.metrics;
            assert_eq!((m.events_taken.get(), m.events_delivered.get(), m.bytes.get()), (90, 90, 90));
            assert_eq!((m.batches_complete.get(), m.batches_underflow.get()), (2, 1));
            assert_eq!(channel.stats().await.events, 0);
            sink.close(Duration::ZERO).await.unwrap();
        });
    }

    #[test]
    fn every_n_events_are_counted_whatever_the_batches() {
        let mut sink = Null { batch_size_events: 100, log_every_events: 10, taken_events: 0 };
        let logged: Vec<Vec<u64>> = [9, 1, 25, 0, 5].map(|events| sink.count(events).collect()).to_vec();
        assert_eq!(logged, [vec![], vec![10], vec![20, 30], vec![], vec![40]]);
    }
}
