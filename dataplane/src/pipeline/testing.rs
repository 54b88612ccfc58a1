//! What tests of components share: settings from pairs, memory channels behind a processor, an event log that remembers.

use super::{
    ChannelProcessor, ChannelSelector, ChannelSlot, EventLog, Interceptor, Route, Routing, SinkCx, SourceCx,
};
use crate::channel::{ChannelCx, Owned, Taker, Want, memory};
use crate::config::{Settings, Value};
use crate::event::{Batch, Draft};
use crate::metrics::{SinkMetrics, SourceMetrics};
use crate::reactor::{Core, Fut, IoChoice, Stop, Stopper, block_on, stop_pair};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Settings of the component `prefix` from (key, text) pairs.
pub(crate) fn settings(prefix: &str, pairs: &[(&str, &str)]) -> Settings {
    let value = |text: &str| Value { text: text.to_owned(), place: Default::default(), secret: false };
    let values = pairs.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    Settings { prefix: prefix.to_owned(), values }
}

/// Runs a test on a core of its own. It fails when it takes longer than a minute.
pub(crate) fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Core) -> F) {
    block_on(IoChoice::Epoll, |core| {
        let limit = core.clone();
        let test = test(core);
        async move { limit.timeout(Duration::from_secs(60), test).await.expect("a test takes less than a minute") }
    })
    .unwrap();
}

/// An open memory channel.
pub(crate) async fn memory_channel(core: &Core, name: &str, pairs: &[(&str, &str)]) -> Rc<dyn Owned> {
    let spec = (memory::KIND.build)(&settings(&format!("a1.channels.{name}"), pairs)).unwrap();
    let cx = ChannelCx { name: name.into(), core: core.clone(), metrics: Rc::default(), heap_bytes: 1 << 30 };
    spec.open(cx).await.unwrap()
}

/// Puts events with these bodies.
pub(crate) async fn put(channel: &dyn Owned, bodies: &[&str]) {
    let mut draft = Draft::default();
    for body in bodies {
        draft.push(body.as_bytes());
    }
    channel.put(Batch::whole(&draft.seal())).await.map(|_committed| ()).unwrap();
}

/// Sends every event to every channel.
pub(crate) struct ToAll(pub(crate) u16);

impl ChannelSelector for ToAll {
    fn select(&self, _draft: &Draft, _random: &mut dyn FnMut() -> u64, out: &mut Routing) {
        out.routes.push(Route { required: (0..self.0).collect(), optional: Vec::new() });
    }
}

/// A memory channel with a processor in front, and what a source needs to run.
pub(crate) struct Rig {
    /// The channel.
    pub(crate) channel: Rc<dyn Owned>,
    /// For the source.
    pub(crate) cx: SourceCx,
    /// Ends the source.
    pub(crate) stopper: Stopper,
    taker: RefCell<Option<Box<dyn Taker>>>,
}

impl Rig {
    /// With a channel of these properties.
    pub(crate) async fn new(core: &Core, channel: &[(&str, &str)]) -> Rig {
        Rig::intercepted(core, channel, Vec::new()).await
    }

    /// With interceptors, too.
    pub(crate) async fn intercepted(
        core: &Core,
        channel: &[(&str, &str)],
        chain: Vec<Box<dyn Interceptor>>,
    ) -> Rig {
        let channel = memory_channel(core, "c1", channel).await;
        let slot = ChannelSlot { name: "c1".into(), channel: channel.clone() };
        let metrics: Rc<SourceMetrics> = Rc::default();
        let out = ChannelProcessor::new(core.clone(), chain, Box::new(ToAll(1)), vec![slot], metrics.clone());
        let (stopper, stop) = stop_pair();
        let cx = SourceCx { name: "r1".into(), core: core.clone(), out: Rc::new(out), stop, metrics };
        let taker = RefCell::new(Some(channel.taker("k1").unwrap()));
        Rig { channel, cx, stopper, taker }
    }

    /// The next `events` bodies as text, taken and committed; it fails when they do not come within 20 s.
    pub(crate) async fn take(&self, events: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        let mut taker = self.taker.borrow_mut().take().expect("one take at a time, and none was dropped");
        while bodies.len() < events {
            let most = u32::try_from(events - bodies.len()).unwrap();
            let want = Want { max_events: most, max_bytes: u64::MAX, wait: Duration::from_secs(20) };
            let take = taker.take(want).await.unwrap();
            let take = take.unwrap_or_else(|| panic!("{} of {events} events came: {bodies:?}", bodies.len()));
            bodies.extend(
                take.batches()
                    .iter()
                    .flat_map(|b| b.bodies())
                    .map(|b| String::from_utf8_lossy(b).into_owned()),
            );
            take.commit().await.unwrap();
        }
        *self.taker.borrow_mut() = Some(taker);
        bodies
    }

    /// Events in the channel now.
    pub(crate) async fn queued(&self) -> u64 {
        self.channel.stats().await.events
    }

    /// Waits until so many events are in the channel.
    pub(crate) async fn until_queued(&self, events: u64) {
        while self.queued().await < events {
            self.cx.core.sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Remembers what it is told, or fails.
#[derive(Default)]
pub(crate) struct Recorder {
    /// What was printed.
    pub(crate) texts: Mutex<Vec<String>>,
    /// Whether the next call fails.
    pub(crate) broken: Mutex<bool>,
}

impl EventLog for Recorder {
    fn info<'a>(&'a self, logger: &'static str, texts: Vec<String>) -> Fut<'a, io::Result<()>> {
        let broken = std::mem::take(&mut *self.broken.lock().unwrap());
        if !broken {
            self.texts.lock().unwrap().extend(texts.into_iter().map(|text| format!("{logger}: {text}")));
        }
        Box::pin(async move { if broken { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) } })
    }
}

/// What a sink runs with.
pub(crate) fn sink_cx(core: &Core, log: Arc<Recorder>, transaction_events: u32, stop: Stop) -> SinkCx {
    let metrics: Rc<SinkMetrics> = Rc::default();
    SinkCx { name: "k1".into(), core: core.clone(), stop, metrics, log, transaction_events }
}
