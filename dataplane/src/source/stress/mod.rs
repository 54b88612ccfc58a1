//! `stress`: the same event over and over, for measuring.
//!
//! The body, bytes of 0x7F, lies in a batch once, however many events there are. Events that a channel refuses count as
//! failed and are not offered again; each refusal in a row makes the pause longer, as Flume's runner does.

mod rate;

use crate::config::units::{self, INT, LONG};
use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, Unit};
use crate::event::{Advice, Draft, Error};
use crate::pipeline::{BACKOFF_SLEEP_INCREMENT, Backoff, Failure, MAX_BACKOFF_SLEEP, Source, SourceCx};
use crate::reactor::{Fut, Slice};
use rate::Rate;

static SIZE: Setting<u64> =
    Setting::new("size", units::count::<0, INT>, "0 to 2147483647", "Size of each event's body.")
        .default("500")
        .unit(Unit::Bytes);

static BATCH_SIZE: Setting<u64> =
    Setting::new("batchSize", units::count::<1, INT>, "1 to 2147483647", "Events in one put.")
        .default("1")
        .unit(Unit::Events);

static MAX_TOTAL_EVENTS: Setting<i64> = Setting::new(
    "maxTotalEvents",
    units::whole::<{ i64::MIN }, LONG>,
    "0 to 9223372036854775807; less means no limit",
    "The source ends after it has offered that many events, accepted or not.",
)
.default("-1")
.unit(Unit::Events);

static MAX_SUCCESSFUL_EVENTS: Setting<i64> = Setting::new(
    "maxSuccessfulEvents",
    units::whole::<{ i64::MIN }, LONG>,
    "0 to 9223372036854775807; less means no limit",
    "The source ends after the channels have accepted that many events.",
)
.default("-1")
.unit(Unit::Events);

static MAX_EVENTS_PER_SECOND: Setting<i64> = Setting::new(
    "maxEventsPerSecond",
    units::whole::<{ i32::MIN as i64 }, INT>,
    "1 to 2147483647; less means no limit",
    "Most events offered in a second.",
)
.default("0")
.unit(Unit::Events);

/// What the registry lists.
pub static KIND: Kind<dyn Source> = Kind {
    info: KindInfo {
        names: &["stress", "org.apache.flume.source.StressSource"],
        summary: "Makes the same event again and again, as fast as the channels take it.",
        runs_on: RunsOn::DataCore,
        settings: &[
            &SIZE,
            &BATCH_SIZE,
            &MAX_TOTAL_EVENTS,
            &MAX_SUCCESSFUL_EVENTS,
            &MAX_EVENTS_PER_SECOND,
            &BACKOFF_SLEEP_INCREMENT,
            &MAX_BACKOFF_SLEEP,
        ],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: Some("batchSize"),
    },
    build: |settings| Ok(Box::new(Stress::new(settings))),
};

struct Stress {
    body: Vec<u8>,
    batch_size_events: u64,
    /// `u64::MAX` when there is no limit.
    max_total_events: u64,
    max_successful_events: u64,
    rate: Option<Rate>,
    backoff: Backoff,
}

impl Stress {
    fn new(settings: &Settings) -> Self {
        let limit = |setting| u64::try_from(settings.value::<i64>(setting)).unwrap_or(u64::MAX);
        let per_second = settings.value(&MAX_EVENTS_PER_SECOND);
        Stress {
            body: vec![0x7F; usize::try_from(settings.value(&SIZE)).expect("the setting ends at Java's int")],
            batch_size_events: settings.value(&BATCH_SIZE),
            max_total_events: limit(&MAX_TOTAL_EVENTS),
            max_successful_events: limit(&MAX_SUCCESSFUL_EVENTS),
            rate: (per_second > 0).then(|| Rate::new(per_second.unsigned_abs())),
            backoff: Backoff::new(settings),
        }
    }

    fn draft(&self, events: u64) -> Draft {
        let events = usize::try_from(events).expect("a batch is at most an int");
        let mut draft = Draft::with_capacity(events, self.body.len());
        let end = u32::try_from(self.body.len()).expect("the size is at most an int");
        draft.push_spans(&self.body, std::iter::repeat_n((0, end), events));
        draft
    }

    /// One batch; true when the channels have it.
    async fn offer(&mut self, cx: &SourceCx, events: u64) -> Result<bool, Error> {
        let wait = self.rate.as_mut().map(|rate| rate.acquire(cx.core.now(), events)).unwrap_or_default();
        if !wait.is_zero() && cx.stop.sleep(&cx.core, wait).await {
            return Ok(false);
        }
        let cause = match cx.out.put(self.draft(events), ()).await {
            Ok(receipt) => {
                receipt.redeem();
                self.backoff.reset();
                return Ok(true);
            }
            Err(Failure::Refused(refused)) if refused.cause.advice() == Advice::Stop => {
                return Err(Error::caused(
                    Advice::Stop,
                    "a channel of stress has failed",
                    refused.abandon().1,
                ));
            }
            Err(Failure::Refused(refused)) => refused.abandon().1.to_string(),
            Err(Failure::Rejected(e, ())) => e.line(),
        };
        if self.backoff.is_reset() {
            tracing::warn!("source {}: {events} events were not accepted: {cause}", cx.name);
        }
        cx.stop.sleep(&cx.core, self.backoff.next_pause()).await;
        Ok(false)
    }
}

impl Source for Stress {
    fn open<'a>(&'a mut self, _cx: &'a SourceCx) -> Fut<'a, Result<String, Error>> {
        Box::pin(async { Ok(String::new()) })
    }

    fn run(mut self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            let batch_size = self.batch_size_events.min(u64::from(cx.out.max_batch_events()));
            let mut slice = Slice::begin(&cx.core);
            let (mut offered, mut accepted) = (0u64, 0u64);
            while offered < self.max_total_events
                && accepted < self.max_successful_events
                && !cx.stop.is_set()
            {
                let events = batch_size.min(self.max_total_events - offered);
                if self.offer(&cx, events).await? {
                    accepted += events;
                }
                offered += events;
                slice.pause_if_over(&cx.core).await;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{Rig, run, settings};
    use crate::reactor::Task;

    const ROOMY: [(&str, &str); 2] = [("capacity", "1000"), ("transactionCapacity", "100")];

    fn start(rig: &Rig, pairs: &[(&str, &str)]) -> Task {
        let source = (KIND.build)(&settings("a1.sources.r1", pairs)).unwrap();
        let running = source.run(rig.cx.clone());
        rig.cx.core.task("stress", async move { running.await.unwrap() })
    }

    /// Flume: TestStressSource.testMaxTotalEvents, testMaxSuccessfulEvents, testBatchEvents,
    /// testBatchEventsWithoutMatTotalEvents.
    #[test]
    fn it_ends_after_the_events_asked_for() {
        for (pairs, events, batches) in [
            (&[("maxTotalEvents", "35")][..], 35, 35),
            (&[("maxTotalEvents", "35"), ("batchSize", "10")], 35, 4),
            (&[("maxSuccessfulEvents", "35")], 35, 35),
            (&[("maxSuccessfulEvents", "35"), ("batchSize", "10")], 40, 4),
            (&[("maxTotalEvents", "250"), ("batchSize", "1000")], 250, 3),
            (&[("maxTotalEvents", "0")], 0, 0),
        ] {
            run(move |core| async move {
                let rig = Rig::new(&core, &ROOMY).await;
                start(&rig, pairs).join().await.unwrap();
                assert_eq!(
                    (rig.queued().await, rig.cx.metrics.batches_accepted.get()),
                    (events, batches),
                    "{pairs:?}"
                );
            });
        }
    }

    #[test]
    fn every_body_is_the_same_and_lies_in_the_batch_once() {
        let stress = Stress::new(&settings("a1.sources.r1", &[("size", "7")]));
        let draft = stress.draft(1_000);
        assert_eq!((draft.len(), draft.arena_bytes()), (1_000, 7));
        assert!(draft.bodies().all(|b| b == [0x7F; 7]));
        assert_eq!(Stress::new(&settings("a1.sources.r1", &[])).draft(1).body(0), [0x7F; 500]);
    }

    #[test]
    fn refused_events_count_as_offered_and_do_not_come_again() {
        run(|core| async move {
            let small = [("capacity", "3"), ("transactionCapacity", "3"), ("keep-alive", "0")];
            let rig = Rig::new(&core, &small).await;
            let pairs = [("maxTotalEvents", "6"), ("backoffSleepIncrement", "1"), ("maxBackoffSleep", "1")];
            start(&rig, &pairs).join().await.unwrap();
            let m = &rig.cx.metrics;
            assert_eq!((m.events_received.get(), m.events_accepted.get(), m.events_refused.get()), (6, 3, 3));
        });
    }

    /// Flume: testRateLimitedEventsNoBatch, testNonRateLimitedEventsNoBatch.
    #[test]
    fn a_rate_limit_spreads_events_over_time() {
        for (limit, at_least_ms) in [("100", 1_000), ("0", 0)] {
            run(move |core| async move {
                let rig = Rig::new(&core, &ROOMY).await;
                let pairs = [("maxTotalEvents", "150"), ("batchSize", "50"), ("maxEventsPerSecond", limit)];
                let began = core.now();
                start(&rig, &pairs).join().await.unwrap();
                // The first batch goes at once, and nobody waits for the cost of the last.
                assert!((core.now() - began) / 1_000_000 >= at_least_ms);
                assert_eq!(rig.queued().await, 150);
            });
        }
    }
}
