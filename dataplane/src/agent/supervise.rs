//! Keeps one component running: opens it, runs it, and starts a new one when it fails, as Flume's supervisor does.

use super::order::{ChannelRef, RunnerOrder, SinkOrder, SourceOrder};
use super::state::StateCell;
use crate::channel::Channel;
use crate::channel::remote::{Address, Node, Proxy};
use crate::control::ComponentState;
use crate::event::{Advice, Error};
use crate::metrics::{SinkMetrics, SourceMetrics};
use crate::pipeline::{
    ChannelProcessor, ChannelSlot, EventLog, Member, SinkCx, SinkRunner, Source, SourceCx,
};
use crate::reactor::{Core, Signal, Stop};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Flume tries a component that did not start again every 3 s.
const RESTART: Duration = Duration::from_secs(3);

/// The channels that this thread can reach: its own, and proxies.
#[derive(Clone)]
pub(super) struct Channels {
    node: Rc<Node>,
    own: Rc<RefCell<HashMap<Address, Rc<dyn Channel>>>>,
}

impl Channels {
    /// None of its own yet.
    pub(super) fn new(node: Rc<Node>) -> Self {
        Channels { node, own: Rc::default() }
    }

    /// Adds a channel of this thread and serves it to the others.
    pub(super) fn add(&self, address: Address, channel: Rc<dyn Channel>) {
        self.node.serve(address, channel.clone());
        self.own.borrow_mut().insert(address, channel);
    }

    /// The channel itself where this thread owns it, else a proxy.
    pub(super) fn reach(&self, channel: &ChannelRef) -> Rc<dyn Channel> {
        match self.own.borrow().get(&channel.address) {
            Some(own) => own.clone(),
            None => Rc::new(Proxy::new(self.node.clone(), channel.address, channel.limits)),
        }
    }
}

/// A source under supervision.
pub(super) struct SupervisedSource {
    /// What was ordered.
    pub order: SourceOrder,
    /// Its counters, over all restarts.
    pub metrics: Rc<SourceMetrics>,
    /// How it is.
    pub state: StateCell,
    /// What it listens on or follows.
    pub listens: RefCell<String>,
    /// Set when the first open has been tried.
    pub tried: Signal,
}

impl SupervisedSource {
    /// Not running yet.
    pub(super) fn new(order: SourceOrder) -> Rc<Self> {
        Rc::new(SupervisedSource {
            order,
            metrics: Rc::default(),
            state: StateCell::starting(),
            listens: Default::default(),
            tried: Signal::default(),
        })
    }

    /// Runs it until the stop.
    pub(super) async fn run(self: Rc<Self>, core: Core, channels: Channels, stop: Stop) {
        let name = self.order.name.clone();
        loop {
            // A task of its own, so that a panic ends this attempt and nothing else.
            let outcome: Rc<RefCell<Option<Result<(), Error>>>> = Rc::default();
            let attempt = {
                let (me, core, channels, stop) = (self.clone(), core.clone(), channels.clone(), stop.clone());
                let outcome = outcome.clone();
                async move {
                    let result = me.attempt(core, channels, stop).await;
                    *outcome.borrow_mut() = Some(result);
                }
            };
            let panicked = core.task(&format!("source {name}"), attempt).join().await.err();
            let result = outcome.borrow_mut().take();
            self.tried.notify_one();
            let why = match (panicked, result) {
                (None, Some(Ok(()))) | (None, None) => {
                    match stop.is_set() {
                        true => self.state.set(ComponentState::Stopped),
                        false => self
                            .state
                            .fail(ComponentState::Stopped, "there is nothing more to read".to_owned()),
                    }
                    if !stop.is_set() {
                        tracing::info!("source {name} has ended: there is nothing more to read");
                    }
                    return;
                }
                (None, Some(Err(e))) => e.line(),
                (Some(panic), _) => format!("the component failed with a defect of ours: {panic}"),
            };
            tracing::error!("source {name}: {why}; tried again in {} s", RESTART.as_secs());
            self.state.fail(ComponentState::Retrying, why);
            self.listens.borrow_mut().clear();
            if stop.sleep(&core, RESTART).await {
                self.state.set(ComponentState::Stopped);
                return;
            }
        }
    }

    async fn attempt(&self, core: Core, channels: Channels, stop: Stop) -> Result<(), Error> {
        let out = Rc::new(self.channel_processor(&core, &channels)?);
        let mut source: Box<dyn Source> = (self.order.source.kind.build)(&self.order.source.settings)?;
        let cx = SourceCx { name: self.order.name.clone(), core, out, stop, metrics: self.metrics.clone() };
        let listens = source.open(&cx).await?;
        let name = &self.order.name;
        match listens.is_empty() {
            true => tracing::info!("source {name} started"),
            false => tracing::info!("source {name} started: {listens}"),
        }
        *self.listens.borrow_mut() = listens;
        self.state.set(ComponentState::Running);
        self.tried.notify_one();
        source.run(cx).await
    }

    fn channel_processor(&self, core: &Core, channels: &Channels) -> Result<ChannelProcessor, Error> {
        let chain =
            self.order.interceptors.iter().map(|i| (i.kind.build)(&i.settings)).collect::<Result<_, _>>()?;
        let names: Vec<Arc<str>> = self.order.channels.iter().map(|c| c.name.clone()).collect();
        let selector = (self.order.selector.kind.build)(&self.order.selector.settings)?.bind(&names)?;
        let slots = self
            .order
            .channels
            .iter()
            .map(|c| ChannelSlot { name: c.name.clone(), channel: channels.reach(c) })
            .collect();
        Ok(ChannelProcessor::new(core.clone(), chain, selector, slots, self.metrics.clone()))
    }
}

/// A sink or sink group under supervision.
pub(super) struct SupervisedRunner {
    /// What was ordered.
    pub order: RunnerOrder,
    /// Counters of each sink, over all restarts.
    pub metrics: Vec<Rc<SinkMetrics>>,
    /// How it is.
    pub state: StateCell,
    /// Set when the first open has been tried.
    pub tried: Signal,
}

impl SupervisedRunner {
    /// Not running yet.
    pub(super) fn new(order: RunnerOrder) -> Rc<Self> {
        let metrics = order.members.iter().map(|_| Rc::default()).collect();
        Rc::new(SupervisedRunner { order, metrics, state: StateCell::starting(), tried: Signal::default() })
    }

    /// Runs it until the stop; `close_within` bounds the closing of its sinks.
    pub(super) async fn run(
        self: Rc<Self>,
        core: Core,
        channels: Channels,
        log: Arc<dyn EventLog>,
        stop: Stop,
        close_within: Duration,
    ) {
        let name = self.order.name.clone();
        loop {
            let outcome: Rc<RefCell<Option<Result<(), Error>>>> = Rc::default();
            let attempt = {
                let (me, core, channels) = (self.clone(), core.clone(), channels.clone());
                let (log, stop, outcome) = (log.clone(), stop.clone(), outcome.clone());
                async move {
                    let result = me.attempt(core, channels, log, stop, close_within).await;
                    *outcome.borrow_mut() = Some(result);
                }
            };
            let panicked = core.task(&format!("sink {name}"), attempt).join().await.err();
            let result = outcome.borrow_mut().take();
            self.tried.notify_one();
            let why = match (panicked, result) {
                (None, Some(Ok(()))) | (None, None) => {
                    self.state.set(ComponentState::Stopped);
                    return;
                }
                (None, Some(Err(e))) => e.line(),
                (Some(panic), _) => format!("the component failed with a defect of ours: {panic}"),
            };
            tracing::error!("sink {name}: {why}; tried again in {} s", RESTART.as_secs());
            self.state.fail(ComponentState::Retrying, why);
            if stop.sleep(&core, RESTART).await {
                self.state.set(ComponentState::Stopped);
                return;
            }
        }
    }

    async fn attempt(
        &self,
        core: Core,
        channels: Channels,
        log: Arc<dyn EventLog>,
        stop: Stop,
        close_within: Duration,
    ) -> Result<(), Error> {
        let mut members = Vec::new();
        for (order, metrics) in self.order.members.iter().zip(&self.metrics) {
            let cx = SinkCx {
                name: order.name.clone(),
                core: core.clone(),
                stop: stop.clone(),
                metrics: metrics.clone(),
                log: log.clone(),
                transaction_events: order.channel.limits.transaction_events,
            };
            match self.open_member(order, cx, &channels).await {
                Ok(member) => members.push(member),
                // A group goes on with the members that start; the others come with the next attempt.
                Err(e) if self.order.members.len() > 1 => {
                    tracing::error!("sink {} of group {}: {}", order.name, self.order.name, e.line());
                }
                Err(e) => return Err(e),
            }
        }
        if members.is_empty() {
            return Err(Error::new(Advice::Stop, "none of its sinks starts"));
        }
        let processor = (self.order.processor.kind.build)(&self.order.processor.settings)?;
        self.state.set(ComponentState::Running);
        self.tried.notify_one();
        tracing::info!("sink {} started", self.order.name);
        let (state, name) = (self.state.clone(), self.order.name.clone());
        let on_state = Box::new(move |failure: Option<&Error>| match failure {
            Some(e) => {
                tracing::error!("sink {name}: unable to deliver event: {}", e.line());
                state.fail(ComponentState::Running, e.line());
            }
            None => {
                tracing::info!("sink {name} delivers again");
                state.set(ComponentState::Running);
            }
        });
        SinkRunner::new(core, stop, processor, members, on_state).run(close_within).await
    }

    async fn open_member(&self, order: &SinkOrder, cx: SinkCx, channels: &Channels) -> Result<Member, Error> {
        let mut sink = (order.sink.kind.build)(&order.sink.settings)?;
        let input = channels.reach(&order.channel).taker(&order.name)?;
        sink.open(&cx).await?;
        Ok(Member { name: order.name.clone(), sink, input, cx })
    }
}
