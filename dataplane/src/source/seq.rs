//! `seq`: numbers that count up, for trying things out and for measuring.
//!
//! Bodies are `0`, `1`, … in ASCII. A batch that a channel refuses is offered again, so no number is missing or doubled
//! in what the channels accept.

use crate::config::units::{self, INT, LONG};
use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, Unit};
use crate::event::{Advice, Draft, Error};
use crate::pipeline::{
    BACKOFF_SLEEP_INCREMENT, Backoff, GaveUp, MAX_BACKOFF_SLEEP, Source, SourceCx, put_persistently,
};
use crate::reactor::{Fut, Slice};

static BATCH_SIZE: Setting<u64> =
    Setting::new("batchSize", units::count::<1, INT>, "1 to 2147483647", "Events in one put.")
        .default("1")
        .unit(Unit::Events);

static TOTAL_EVENTS: Setting<u64> = Setting::new(
    "totalEvents",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "The source ends after that many events.",
)
.default("9223372036854775807")
.unit(Unit::Events);

/// What the registry lists.
pub static KIND: Kind<dyn Source> = Kind {
    info: KindInfo {
        names: &["seq", "org.apache.flume.source.SequenceGeneratorSource"],
        summary: "Makes events that count from 0, as fast as the channels take them.",
        runs_on: RunsOn::DataCore,
        settings: &[&BATCH_SIZE, &TOTAL_EVENTS, &BACKOFF_SLEEP_INCREMENT, &MAX_BACKOFF_SLEEP],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: Some("batchSize"),
    },
    build: |settings| Ok(Box::new(Seq::new(settings))),
};

struct Seq {
    batch_size_events: u64,
    total_events: u64,
    backoff: Backoff,
}

impl Seq {
    fn new(settings: &Settings) -> Self {
        Seq {
            batch_size_events: settings.value(&BATCH_SIZE),
            total_events: settings.value(&TOTAL_EVENTS),
            backoff: Backoff::new(settings),
        }
    }
}

impl Source for Seq {
    fn open<'a>(&'a mut self, _cx: &'a SourceCx) -> Fut<'a, Result<String, Error>> {
        Box::pin(async { Ok(String::new()) })
    }

    fn run(mut self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            let batch_size = self.batch_size_events.min(u64::from(cx.out.max_batch_events()));
            let mut slice = Slice::begin(&cx.core);
            let mut next = 0;
            while next < self.total_events && !cx.stop.is_set() {
                let end = next.saturating_add(batch_size).min(self.total_events);
                match put_persistently(&cx, &mut self.backoff, numbers(next, end), end).await {
                    Ok(receipt) => next = receipt.redeem(),
                    Err(GaveUp::Stopped(_)) => break,
                    Err(GaveUp::Failed(cause, _)) => {
                        return Err(Error::caused(Advice::Stop, "a channel of seq has failed", cause));
                    }
                    Err(GaveUp::Rejected(e, _)) => {
                        tracing::error!("source {} generates the same numbers again: {}", cx.name, e.line());
                        cx.stop.sleep(&cx.core, self.backoff.next_pause()).await;
                    }
                }
                slice.pause_if_over(&cx.core).await;
            }
            Ok(())
        })
    }
}

/// One event for each number of `first..end`.
fn numbers(first: u64, end: u64) -> Draft {
    let events = usize::try_from(end - first).expect("a batch is at most an int");
    let mut draft = Draft::with_capacity(events, events.saturating_mul(decimal(&mut [0; 20], end).len()));
    let mut digits = [0; 20];
    for number in first..end {
        draft.push(decimal(&mut digits, number));
    }
    draft
}

/// `number` in ASCII, at the end of `digits`, where 20 are enough for any.
fn decimal(digits: &mut [u8; 20], mut number: u64) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{Rig, run, settings};
    use crate::reactor::Task;

    fn start(rig: &Rig, pairs: &[(&str, &str)]) -> Task {
        let source = (KIND.build)(&settings("a1.sources.r1", pairs)).unwrap();
        let running = source.run(rig.cx.clone());
        rig.cx.core.task("seq", async move { running.await.unwrap() })
    }

    fn numbers_text(range: std::ops::Range<u32>) -> Vec<String> {
        range.map(|n| n.to_string()).collect()
    }

    #[test]
    fn bodies_are_the_decimal_numbers() {
        let bodies: Vec<Vec<u8>> = numbers(8, 12).bodies().map(<[u8]>::to_vec).collect();
        assert_eq!(bodies, [&b"8"[..], b"9", b"10", b"11"]);
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(decimal(&mut [0; 20], number), number.to_string().as_bytes());
        }
    }

    /// Flume: TestSequenceGeneratorSource.testSingleEvents and testBatch, whose last batch is not full.
    #[test]
    fn it_counts_to_the_total_in_batches_no_larger_than_the_channel_takes() {
        for (batch_size, batches) in [("1", 23), ("4", 6), ("1000", 3)] {
            run(|core| async move {
                let rig = Rig::new(&core, &[("capacity", "100"), ("transactionCapacity", "10")]).await;
                let mut task = start(&rig, &[("batchSize", batch_size), ("totalEvents", "23")]);
                task.join().await.unwrap();
                assert_eq!(rig.take(23).await, numbers_text(0..23));
                assert_eq!((rig.queued().await, rig.cx.metrics.batches_accepted.get()), (0, batches));
            });
        }
    }

    #[test]
    fn a_refused_batch_comes_again_and_no_number_is_missing_or_doubled() {
        run(|core| async move {
            let small = [("capacity", "5"), ("transactionCapacity", "5"), ("keep-alive", "0")];
            let rig = Rig::new(&core, &small).await;
            let pairs = [("batchSize", "3"), ("backoffSleepIncrement", "1"), ("maxBackoffSleep", "1")];
            let mut task = start(&rig, &pairs);
            let mut taken = Vec::new();
            while taken.len() < 60 {
                let refusals = rig.cx.metrics.channel_failures.get();
                taken.extend(rig.take(3).await);
                while taken.len().is_multiple_of(20) && rig.cx.metrics.channel_failures.get() == refusals {
                    core.sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            assert_eq!(taken, numbers_text(0..60));
            // Flume: testLifecycle. It ends although it could go on for ever.
            rig.stopper.stop();
            task.join().await.unwrap();
        });
    }

    #[test]
    fn it_gives_way_to_the_other_tasks_of_its_core() {
        run(|core| async move {
            // The channel is never full: nothing but the source itself lets the test's task run.
            let rig = Rig::new(&core, &[("capacity", "1000000000"), ("byteCapacity", "0")]).await;
            let mut task = start(&rig, &[]);
            let slept = core.now();
            core.sleep(std::time::Duration::from_millis(1)).await;
            rig.stopper.stop();
            task.join().await.unwrap();
            assert!(core.now() - slept < 20_000_000_000);
        });
    }
}
