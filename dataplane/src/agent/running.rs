//! A running agent: its threads, the orders to them, and what they answer.

use super::launch::{Launch, LaunchRunner, LaunchSource, NotRunning};
use super::order::{ChannelOrder, ChannelRef, Order, RunnerOrder, SinkOrder, SourceOrder, ThreadReport};
use super::placement::{Placement, ThreadKind};
use crate::channel::remote::{self, Address};
use crate::channel::{Limits, Stats};
use crate::control::{ThreadRole, ThreadStatus};
use crate::pipeline::EventLog;
use crate::reactor::{CoreClaim, CoreThread, IoChoice, Role, start_thread};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// How long the first try of all sinks, or of all sources, may take before the agent calls itself ready without them.
const FIRST_TRY: Duration = Duration::from_secs(30);

/// How long a thread may take to report. A data core is never busy for longer than 1 ms, so this is a thread in trouble.
const REPORT: Duration = Duration::from_millis(1_000);

/// The threads of a running agent.
pub(super) struct Running {
    threads: Vec<ThreadStatus>,
    orders: Vec<UnboundedSender<Order>>,
    joins: std::sync::Mutex<Vec<CoreThread>>,
    placement: Placement,
    /// Held for as long as the threads live.
    _claims: Vec<CoreClaim>,
}

/// What a stop left behind.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Events that were in memory only.
    pub lost_events: u64,
    /// Events that wait in durable channels.
    pub kept_events: u64,
    /// What did not end as it should.
    pub problems: Vec<String>,
}

impl Running {
    /// Starts the threads; nothing runs on them yet.
    ///
    /// # Errors
    /// When the system gives no thread, or the back end that was asked for.
    pub(super) fn start_threads(
        placement: Placement,
        claims: Vec<CoreClaim>,
        io: IoChoice,
        log: &Arc<dyn EventLog>,
        close_within: Duration,
    ) -> io::Result<Running> {
        let count = u16::try_from(placement.threads.len()).expect("threads are counted by cores");
        let (mut threads, mut orders, mut joins) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (kind, port)) in placement.threads.iter().zip(remote::ports(count)).enumerate() {
            let (role, shown, name, cpu) = match *kind {
                ThreadKind::Data(cpu) => (
                    Role::DataCore { cpu: cpu.map(|c| c as usize) },
                    ThreadRole::DataCore,
                    format!("data-{index}"),
                    cpu,
                ),
                ThreadKind::File => (Role::File, ThreadRole::File, "file".to_owned(), None),
                ThreadKind::Client => (Role::Client, ThreadRole::Client, "client".to_owned(), None),
            };
            let (sender, receiver) = unbounded_channel();
            let (log, answer) = (log.clone(), std::sync::mpsc::channel());
            let started = answer.0;
            joins.push(start_thread(&name, role, io, move |core| {
                started.send(core.io_name()).ok();
                Box::pin(super::thread::serve(core, port, log, close_within, receiver))
            })?);
            let io =
                answer.1.recv().map_err(|_| io::Error::other(format!("thread {name} ended at its start")))?;
            threads.push(ThreadStatus {
                name,
                role: shown,
                cpu,
                io: io.to_owned(),
                ..ThreadStatus::default()
            });
            orders.push(sender);
        }
        Ok(Running { threads, orders, joins: std::sync::Mutex::new(joins), placement, _claims: claims })
    }

    /// Opens channels, then sinks, then sources, as Flume does. What fails goes into the result; the rest runs.
    pub(super) async fn start_components(&self, launch: &Launch, heap_bytes: u64) -> Vec<NotRunning> {
        let mut failed = Vec::new();
        let channels = self.open_channels(launch, heap_bytes, &mut failed).await;
        let mut tries = Vec::new();
        for runner in &launch.runners {
            if let Some(order) = runner_order(runner, &channels, &mut failed) {
                tries.push(
                    self.ask(self.placement.runners[&runner.name], |a| {
                        Order::StartRunner(Box::new(order), a)
                    }),
                );
            }
        }
        first_tries("sinks", tries).await;
        let mut tries = Vec::new();
        for source in &launch.sources {
            if let Some(order) = source_order(source, &channels, &mut failed) {
                tries.push(
                    self.ask(self.placement.sources[&source.name], |a| {
                        Order::StartSource(Box::new(order), a)
                    }),
                );
            }
        }
        first_tries("sources", tries).await;
        failed
    }

    async fn open_channels(
        &self,
        launch: &Launch,
        heap_bytes: u64,
        failed: &mut Vec<NotRunning>,
    ) -> BTreeMap<Arc<str>, ChannelRef> {
        let mut open = BTreeMap::new();
        for (number, channel) in (0u32..).zip(&launch.channels) {
            let thread = self.placement.channels[&channel.name];
            let address = Address { node: thread as u16, channel: number, generation: 1 };
            let order = ChannelOrder {
                name: channel.name.clone(),
                address,
                kind: channel.channel.kind,
                settings: channel.channel.settings.clone(),
                heap_bytes,
            };
            let opened: Result<Limits, String> =
                match self.ask(thread, |a| Order::OpenChannel(Box::new(order), a)).await {
                    Ok(answer) => answer,
                    Err(_) => Err("its thread has ended".to_owned()),
                };
            match opened {
                Ok(limits) => {
                    tracing::info!("channel {} started", channel.name);
                    open.insert(
                        channel.name.clone(),
                        ChannelRef { name: channel.name.clone(), address, limits },
                    );
                }
                Err(why) => {
                    tracing::error!("channel {} does not run: {why}", channel.name);
                    failed.push(NotRunning {
                        role: "channel",
                        name: channel.name.to_string(),
                        kind: channel.channel.kind.info.name().to_owned(),
                        why,
                    });
                }
            }
        }
        open
    }

    fn ask<T>(&self, thread: usize, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> oneshot::Receiver<T> {
        let (answer, receiver) = oneshot::channel();
        // A thread that is gone drops the order and with it the sender: the receiver then sees an error.
        self.orders[thread].send(order(answer)).ok();
        receiver
    }

    /// Every thread's report, with names of threads and cores filled in. A thread that does not answer is `None`.
    pub(super) async fn reports(&self) -> Vec<Option<ThreadReport>> {
        let asked: Vec<_> = (0..self.orders.len()).map(|t| self.ask(t, Order::Report)).collect();
        let mut reports = Vec::new();
        for (thread, answer) in self.threads.iter().zip(asked) {
            let mut report = tokio::time::timeout(REPORT, answer).await.ok().and_then(Result::ok);
            if let Some(report) = &mut report {
                for s in &mut report.sources {
                    (s.core, s.thread) = (thread.cpu, thread.name.clone());
                }
                for c in &mut report.channels {
                    (c.core, c.thread) = (thread.cpu, thread.name.clone());
                }
                for s in &mut report.sinks {
                    (s.core, s.thread) = (thread.cpu, thread.name.clone());
                }
            }
            reports.push(report);
        }
        reports
    }

    /// The threads.
    pub(super) fn threads(&self) -> &[ThreadStatus] {
        &self.threads
    }

    /// Events stored in all channels now.
    pub(super) async fn stored_events(&self) -> u64 {
        let reports = self.reports().await;
        reports.iter().flatten().flat_map(|r| &r.channels).map(|c| c.would_lose_events).sum()
    }

    /// Lets every source end; false when one did not within `deadline`.
    pub(super) async fn stop_sources(&self, deadline: Duration) -> bool {
        self.all_within(deadline, Order::StopSources).await
    }

    /// Lets every sink end; false when one did not within `deadline`.
    pub(super) async fn stop_runners(&self, deadline: Duration) -> bool {
        self.all_within(deadline + Duration::from_secs(1), |a| Order::StopRunners(deadline, a)).await
    }

    async fn all_within(&self, deadline: Duration, order: impl Fn(oneshot::Sender<()>) -> Order) -> bool {
        let asked: Vec<_> = (0..self.orders.len()).map(|t| self.ask(t, &order)).collect();
        let all = async {
            let mut good = true;
            for answer in asked {
                good &= answer.await.is_ok();
            }
            good
        };
        tokio::time::timeout(deadline, all).await.unwrap_or(false)
    }

    /// Closes channels and ends the threads.
    pub(super) async fn end(&self, deadline: Duration) -> Left {
        let mut left = Left::default();
        let asked: Vec<_> =
            (0..self.orders.len()).map(|t| self.ask(t, |a| Order::CloseChannels(deadline, a))).collect();
        for answer in asked {
            let closed: Vec<(Arc<str>, Stats)> = tokio::time::timeout(deadline + REPORT, answer)
                .await
                .ok()
                .and_then(Result::ok)
                .unwrap_or_default();
            for (name, stats) in closed {
                left.lost_events += stats.would_lose_events;
                left.kept_events += stats.events - stats.would_lose_events.min(stats.events);
                if stats.would_lose_events > 0 {
                    left.problems.push(format!(
                        "channel {name} held {} events in memory only: they are lost",
                        stats.would_lose_events
                    ));
                }
            }
        }
        for order in &self.orders {
            order.send(Order::End).ok();
        }
        let joins = std::mem::take(&mut *self.joins.lock().expect("nobody panics while holding the lock"));
        let ended =
            tokio::task::spawn_blocking(move || joins.into_iter().filter_map(|j| j.join().err()).count());
        match tokio::time::timeout(deadline + REPORT, ended).await {
            Ok(Ok(0)) => {}
            Ok(_) => left.problems.push("a thread ended with a defect of ours".to_owned()),
            Err(_) => left.problems.push("a thread did not end in time".to_owned()),
        }
        left
    }
}

async fn first_tries(what: &str, tries: Vec<oneshot::Receiver<()>>) {
    let all = async {
        for tried in tries {
            // An error means that the thread is gone; its join says why.
            tried.await.ok();
        }
    };
    if tokio::time::timeout(FIRST_TRY, all).await.is_err() {
        tracing::warn!("not all {what} have started within {} s; going on", FIRST_TRY.as_secs());
    }
}

fn runner_order(
    runner: &LaunchRunner,
    channels: &BTreeMap<Arc<str>, ChannelRef>,
    failed: &mut Vec<NotRunning>,
) -> Option<RunnerOrder> {
    let mut members = Vec::new();
    for sink in &runner.members {
        match channels.get(&sink.channel) {
            Some(channel) => members.push(SinkOrder {
                name: sink.name.clone(),
                sink: sink.sink.clone(),
                channel: channel.clone(),
            }),
            None => failed.push(NotRunning {
                role: "sink",
                name: sink.name.to_string(),
                kind: sink.sink.kind.info.name().to_owned(),
                why: format!("its channel {} does not run", sink.channel),
            }),
        }
    }
    (!members.is_empty()).then(|| RunnerOrder {
        name: runner.name.clone(),
        is_group: runner.is_group,
        processor: runner.processor.clone(),
        members,
    })
}

fn source_order(
    source: &LaunchSource,
    channels: &BTreeMap<Arc<str>, ChannelRef>,
    failed: &mut Vec<NotRunning>,
) -> Option<SourceOrder> {
    let reached: Vec<ChannelRef> = source.channels.iter().filter_map(|c| channels.get(c).cloned()).collect();
    if reached.is_empty() {
        failed.push(NotRunning {
            role: "source",
            name: source.name.to_string(),
            kind: source.source.kind.info.name().to_owned(),
            why: "none of its channels runs".to_owned(),
        });
        return None;
    }
    Some(SourceOrder {
        name: source.name.clone(),
        source: source.source.clone(),
        interceptors: source.interceptors.clone(),
        selector: source.selector.clone(),
        channels: reached,
    })
}
