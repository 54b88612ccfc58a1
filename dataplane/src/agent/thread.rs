//! What a thread of the data plane does for the agent: carries out orders, one after the other.

use super::order::{ChannelOrder, Order, RunnerOrder, SourceOrder, ThreadReport};
use super::supervise::{Channels, SupervisedRunner, SupervisedSource};
use crate::channel::remote::{Message, Node};
use crate::channel::{ChannelCx, Limits, Owned, Stats};
use crate::control::{ChannelStatus, ComponentState, SinkStatus, SourceStatus};
use crate::metrics::{ChannelMetrics, Quantiles};
use crate::pipeline::EventLog;
use crate::reactor::{Core, MeshPort, Signal, Stop, Stopper, Task, stop_pair};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

/// The components of one thread.
struct Thread {
    core: Core,
    channels: Channels,
    log: Arc<dyn EventLog>,
    owned: Vec<OwnedChannel>,
    sources: Vec<Rc<SupervisedSource>>,
    runners: Vec<Rc<SupervisedRunner>>,
    source_tasks: Vec<Task>,
    runner_tasks: Vec<Task>,
    /// Answers on their way.
    answers: Vec<Task>,
    source_stop: (Stopper, Stop),
    runner_stop: (Stopper, Stop),
    close_within: Duration,
}

struct OwnedChannel {
    name: Arc<str>,
    kind: &'static str,
    channel: Rc<dyn Owned>,
    metrics: Rc<ChannelMetrics>,
}

/// Carries out orders until [`Order::End`], or until the sender is gone. `close_within` bounds the closing of a sink.
pub(super) async fn serve(
    core: Core,
    port: MeshPort<Message>,
    log: Arc<dyn EventLog>,
    close_within: Duration,
    mut orders: UnboundedReceiver<Order>,
) {
    let node = Node::new(core.clone(), port);
    let _mesh = core.task("mesh", node.run());
    let mut thread = Thread {
        channels: Channels::new(node),
        core,
        log,
        owned: Vec::new(),
        sources: Vec::new(),
        runners: Vec::new(),
        source_tasks: Vec::new(),
        runner_tasks: Vec::new(),
        answers: Vec::new(),
        source_stop: stop_pair(),
        runner_stop: stop_pair(),
        close_within,
    };
    while let Some(order) = orders.recv().await {
        // What takes long runs beside, so that a report is answered also while something stops.
        match order {
            Order::OpenChannel(order, answer) => {
                answer.send(thread.open_channel(*order).await).ok();
            }
            Order::StartSource(order, answer) => thread.start_source(*order, answer),
            Order::StartRunner(order, answer) => thread.start_runner(*order, answer),
            Order::StopSources(answer) => thread.stop_sources(answer),
            Order::StopRunners(deadline, answer) => thread.stop_runners(deadline, answer),
            Order::CloseChannels(deadline, answer) => {
                answer.send(thread.close_channels(deadline).await).ok();
            }
            Order::Report(answer) => {
                answer.send(thread.report().await).ok();
            }
            Order::End => break,
        }
    }
}

// An answer that nobody waits for any more is not an error: who asked has timed out and said so.
impl Thread {
    async fn open_channel(&mut self, order: ChannelOrder) -> Result<Limits, String> {
        let spec = (order.kind.build)(&order.settings).map_err(|e| e.line())?;
        let metrics: Rc<ChannelMetrics> = Rc::default();
        let cx = ChannelCx {
            name: order.name.clone(),
            core: self.core.clone(),
            metrics: metrics.clone(),
            heap_bytes: order.heap_bytes,
        };
        let channel = spec.open(cx).await.map_err(|e| e.line())?;
        let limits = channel.limits();
        self.channels.add(order.address, channel.clone());
        self.owned.push(OwnedChannel { name: order.name, kind: order.kind.info.name(), channel, metrics });
        Ok(limits)
    }

    fn start_source(&mut self, order: SourceOrder, answer: oneshot::Sender<()>) {
        let source = SupervisedSource::new(order);
        self.answer_when(source.tried.clone(), answer);
        let run = source.clone().run(self.core.clone(), self.channels.clone(), self.source_stop.1.clone());
        self.source_tasks.push(self.core.task(&format!("source {}", source.order.name), run));
        self.sources.push(source);
    }

    fn start_runner(&mut self, order: RunnerOrder, answer: oneshot::Sender<()>) {
        let runner = SupervisedRunner::new(order);
        self.answer_when(runner.tried.clone(), answer);
        let (core, channels, log) = (self.core.clone(), self.channels.clone(), self.log.clone());
        let run = runner.clone().run(core, channels, log, self.runner_stop.1.clone(), self.close_within);
        self.runner_tasks.push(self.core.task(&format!("sink {}", runner.order.name), run));
        self.runners.push(runner);
    }

    fn answer_when(&mut self, tried: Signal, answer: oneshot::Sender<()>) {
        let tried = tried.wait();
        self.answers.push(self.core.task("answer", async move {
            tried.await;
            answer.send(()).ok();
        }));
    }

    fn stop_sources(&mut self, answer: oneshot::Sender<()>) {
        self.source_stop.0.stop();
        let tasks = std::mem::take(&mut self.source_tasks);
        self.answers.push(self.core.task("answer", async move {
            for mut task in tasks {
                report_panic("a source", task.join().await);
            }
            answer.send(()).ok();
        }));
    }

    fn stop_runners(&mut self, deadline: Duration, answer: oneshot::Sender<()>) {
        self.runner_stop.0.stop();
        let tasks = std::mem::take(&mut self.runner_tasks);
        let names: Vec<Arc<str>> = self.runners.iter().map(|r| r.order.name.clone()).collect();
        let core = self.core.clone();
        self.answers.push(self.core.task("answer", async move {
            let until = core.now() + deadline.as_nanos() as u64;
            for (mut task, name) in tasks.into_iter().zip(names) {
                let left = Duration::from_nanos(until.saturating_sub(core.now()));
                match core.timeout(left, task.join()).await {
                    Some(ended) => report_panic("a sink", ended),
                    None => tracing::error!(
                        "sink {name} did not end within {} ms: its events go back to the channel",
                        deadline.as_millis()
                    ),
                }
            }
            answer.send(()).ok();
        }));
    }

    async fn close_channels(&mut self, deadline: Duration) -> Vec<(Arc<str>, Stats)> {
        let mut left = Vec::new();
        for owned in self.owned.drain(..) {
            if let Err(e) = owned.channel.close(deadline).await {
                tracing::error!("{}", e.line());
            }
            left.push((owned.name, owned.channel.stats().await));
        }
        left
    }

    async fn report(&self) -> ThreadReport {
        let mut channels = Vec::new();
        for owned in &self.owned {
            let mut status = ChannelStatus {
                name: owned.name.to_string(),
                kind: owned.kind.to_owned(),
                state: ComponentState::Running,
                ..ChannelStatus::default()
            };
            status.count(&owned.metrics);
            status.hold(&owned.channel.stats().await);
            channels.push(status);
        }
        ThreadReport {
            lag: lag(&self.core),
            sources: self.sources.iter().map(|s| source_status(s)).collect(),
            channels,
            sinks: self.runners.iter().flat_map(|r| sink_statuses(r)).collect(),
        }
    }
}

fn lag(core: &Core) -> Quantiles {
    let lag = core.lag();
    Quantiles {
        count: lag.turns,
        p50_us: lag.p50_us,
        p90_us: lag.p90_us,
        p99_us: lag.p99_us,
        max_us: lag.max_us,
    }
}

fn report_panic(what: &str, ended: Result<(), String>) {
    if let Err(panic) = ended {
        tracing::error!("supervision of {what} failed with a defect of ours: {panic}");
    }
}

fn source_status(source: &SupervisedSource) -> SourceStatus {
    let mut status = SourceStatus {
        name: source.order.name.to_string(),
        kind: source.order.source.kind.info.name().to_owned(),
        state: source.state.state(),
        why: source.state.why(),
        restarts: source.state.restarts(),
        listens: source.listens.borrow().clone(),
        channels: source.order.channels.iter().map(|c| c.name.to_string()).collect(),
        ..SourceStatus::default()
    };
    status.count(&source.metrics);
    status
}

fn sink_statuses(runner: &SupervisedRunner) -> impl Iterator<Item = SinkStatus> {
    runner.order.members.iter().zip(&runner.metrics).map(|(sink, metrics)| {
        let mut status = SinkStatus {
            name: sink.name.to_string(),
            kind: sink.sink.kind.info.name().to_owned(),
            state: runner.state.state(),
            why: runner.state.why(),
            restarts: runner.state.restarts(),
            group: if runner.order.is_group { runner.order.name.to_string() } else { String::new() },
            channel: sink.channel.name.to_string(),
            ..SinkStatus::default()
        };
        status.count(metrics);
        status
    })
}
