//! Whole pipelines in a simulated world: every seed is another order of things, and the same seed the same again.

use dataplane::channel::ChannelCx;
use dataplane::config::{Kind, Settings, Value};
use dataplane::metrics::{SinkMetrics, SourceMetrics};
use dataplane::pipeline::{ChannelProcessor, ChannelSlot, EventLog, Member, SinkCx, SinkRunner, SourceCx};
use dataplane::reactor::sim::{Outcome, simulate};
use dataplane::reactor::{Core, Fut, Stop, Task, stop_pair};
use dataplane::registry::{CHANNELS, PROCESSORS, SELECTORS, SINKS, SOURCES, find};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Builds a component of the registry from its type and (key, text) pairs.
fn build<C: ?Sized>(
    kinds: &'static [&'static Kind<C>],
    prefix: &str,
    kind: &str,
    pairs: &[(&str, &str)],
) -> Box<C> {
    let value = |text: &str| Value { text: text.to_owned(), place: Default::default(), secret: false };
    let values = pairs.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    let kind = find(kinds, kind).expect("the registry has it");
    (kind.build)(&Settings { prefix: prefix.to_owned(), values }).expect("good settings")
}

struct NoLog;

impl EventLog for NoLog {
    fn info<'a>(&'a self, _logger: &'static str, _texts: Vec<String>) -> Fut<'a, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a pipeline has counted at its end.
#[derive(Debug, PartialEq)]
struct Counts {
    received: u64,
    accepted: u64,
    refused: u64,
    delivered: u64,
    left: u64,
}

struct Pipeline {
    core: Core,
    channel: Rc<dyn dataplane::channel::Owned>,
    source: Rc<SourceMetrics>,
    sink: Rc<SinkMetrics>,
    tasks: Vec<Task>,
    stop: dataplane::reactor::Stopper,
    listens: String,
}

impl Pipeline {
    /// source -> memory -> null.
    async fn start(core: Core, kind: &str, settings: &[(&str, &str)]) -> Pipeline {
        let (stopper, stop) = stop_pair();
        let cx =
            ChannelCx { name: "c1".into(), core: core.clone(), metrics: Rc::default(), heap_bytes: 1 << 30 };
        let spec = build(
            CHANNELS,
            "a1.channels.c1",
            "memory",
            &[("capacity", "500"), ("transactionCapacity", "50")],
        );
        let channel = spec.open(cx).await.expect("a memory channel opens");
        let sink: Rc<SinkMetrics> = Rc::default();
        let mut tasks = vec![run_sink(&core, &*channel, sink.clone(), stop.clone()).await];
        let names: [Arc<str>; 1] = ["c1".into()];
        let selector = build(SELECTORS, "a1.sources.r1.selector", "replicating", &[]);
        let selector = selector.bind(&names).expect("a known channel");
        let slot = ChannelSlot { name: "c1".into(), channel: channel.clone() };
        let metrics: Rc<SourceMetrics> = Rc::default();
        let out = ChannelProcessor::new(core.clone(), Vec::new(), selector, vec![slot], metrics.clone());
        let cx = SourceCx {
            name: "r1".into(),
            core: core.clone(),
            out: Rc::new(out),
            stop,
            metrics: metrics.clone(),
        };
        let mut source = build(SOURCES, "a1.sources.r1", kind, settings);
        let listens = source.open(&cx).await.expect("the source opens");
        tasks.push(core.task("source", async move { source.run(cx).await.expect("the source ends well") }));
        Pipeline { core, channel, source: metrics, sink, tasks, stop: stopper, listens }
    }

    /// Waits until this many events are delivered, stops and counts.
    async fn end_after(mut self, events: u64) -> Counts {
        while self.sink.events_delivered.get() < events {
            self.core.sleep(Duration::from_millis(1)).await;
        }
        self.stop.stop();
        for task in &mut self.tasks {
            task.join().await.expect("no panic");
        }
        Counts {
            received: self.source.events_received.get(),
            accepted: self.source.events_accepted.get(),
            refused: self.source.events_refused.get(),
            delivered: self.sink.events_delivered.get(),
            left: self.channel.stats().await.events,
        }
    }
}

async fn run_sink(
    core: &Core,
    channel: &dyn dataplane::channel::Owned,
    metrics: Rc<SinkMetrics>,
    stop: Stop,
) -> Task {
    let cx = SinkCx {
        name: "k1".into(),
        core: core.clone(),
        stop: stop.clone(),
        metrics,
        log: Arc::new(NoLog),
        transaction_events: channel.limits().transaction_events,
    };
    let mut sink = build(SINKS, "a1.sinks.k1", "null", &[("batchSize", "20")]);
    sink.open(&cx).await.expect("the sink opens");
    let input = channel.taker("k1").expect("a taker");
    let member = Member { name: "k1".into(), sink, input, cx };
    let processor = build(PROCESSORS, "a1.sinkgroups.k1", "default", &[]);
    let runner = SinkRunner::new(core.clone(), stop, processor, vec![member], Box::new(|_| {}));
    core.task("sink", async move { runner.run(Duration::from_secs(1)).await.expect("the sink ends well") })
}

async fn counting(core: Core) -> Counts {
    let seq = Pipeline::start(core, "seq", &[("totalEvents", "2000"), ("batchSize", "7")]).await;
    seq.end_after(2000).await
}

async fn talking(core: Core) -> Counts {
    let settings = [("bind", "127.0.0.1"), ("port", "44444"), ("ack-every-event", "true")];
    let netcat = Pipeline::start(core.clone(), "netcat", &settings).await;
    assert!(netcat.listens.contains("44444"), "{}", netcat.listens);
    let clients: Vec<Task> = (0..3)
        .map(|client| {
            let own = core.clone();
            core.task("client", async move {
                let mut stream =
                    own.connect("127.0.0.1:44444".parse().expect("an address")).await.expect("it listens");
                let lines: Vec<u8> =
                    (0..100).flat_map(|n| format!("line {client} {n}\n").into_bytes()).collect();
                stream.write(lines).await.0.expect("it reads");
                let mut answers = Vec::new();
                while answers.len() < 100 * "OK\n".len() {
                    answers.reserve(64);
                    let (n, back) = stream.read(answers).await;
                    answers = back;
                    assert!(n.expect("it answers") > 0, "it hung up");
                }
                assert_eq!(answers, "OK\n".repeat(100).as_bytes());
            })
        })
        .collect();
    for mut client in clients {
        client.join().await.expect("no panic");
    }
    netcat.end_after(300).await
}

fn replays<F: Future<Output = Counts> + 'static>(pipeline: fn(Core) -> F, events: u64) {
    let expected = Counts { received: events, accepted: events, refused: 0, delivered: events, left: 0 };
    let mut logs = Vec::new();
    for seed in [1, 1, 2, 3] {
        let Outcome { value, log, .. } = simulate(seed, pipeline);
        assert_eq!(value, expected, "seed {seed}");
        logs.push(log);
    }
    assert!(logs[0] == logs[1], "the same seed did something else");
    assert!(logs[1] != logs[2] && logs[2] != logs[3], "another seed did the same");
}

#[test]
fn seq_to_null_repeats_itself_for_a_seed() {
    replays(counting, 2000);
}

#[test]
fn netcat_to_null_repeats_itself_for_a_seed() {
    replays(talking, 300);
}
