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
        cx.stop.sleep(&cx.core, self.backoff.next()).await;
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
