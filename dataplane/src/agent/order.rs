//! What the agent's main thread tells the threads of the data plane, and what they answer. Plain `Send` data.

use super::plan::Part;
use crate::channel::remote::Address;
use crate::channel::{ChannelSpec, Limits, Stats};
use crate::config::{Kind, Settings};
use crate::control::{ChannelStatus, SinkStatus, SourceStatus};
use crate::metrics::Quantiles;
use crate::pipeline::{Interceptor, SelectorSpec, Sink, SinkProcessor, Source};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A channel that a source or sink uses.
#[derive(Debug, Clone)]
pub(super) struct ChannelRef {
    /// Its name.
    pub name: Arc<str>,
    /// Where it lives.
    pub address: Address,
    /// Its bounds.
    pub limits: Limits,
}

/// A channel to open.
pub(super) struct ChannelOrder {
    /// Its name.
    pub name: Arc<str>,
    /// Where it lives: on the thread that gets the order.
    pub address: Address,
    /// Its type.
    pub kind: &'static Kind<dyn ChannelSpec>,
    /// Its settings.
    pub settings: Settings,
    /// Memory granted to channels.
    pub heap_bytes: u64,
}

/// A source to start.
#[derive(Clone)]
pub(super) struct SourceOrder {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub source: Part<dyn Source>,
    /// Its interceptors in order.
    pub interceptors: Vec<Part<dyn Interceptor>>,
    /// Its selector.
    pub selector: Part<dyn SelectorSpec>,
    /// Its channels in order.
    pub channels: Vec<ChannelRef>,
}

/// One sink of a runner.
#[derive(Clone)]
pub(super) struct SinkOrder {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub sink: Part<dyn Sink>,
    /// Its channel.
    pub channel: ChannelRef,
}

/// A sink, or a group of sinks, to start.
#[derive(Clone)]
pub(super) struct RunnerOrder {
    /// Name of the group, or of the sink that stands alone.
    pub name: Arc<str>,
    /// True for a group.
    pub is_group: bool,
    /// How it chooses.
    pub processor: Part<dyn SinkProcessor>,
    /// Its sinks in order.
    pub members: Vec<SinkOrder>,
}

/// An order. Each is answered once through its sender; a thread that is gone drops the sender.
pub(super) enum Order {
    /// Open a channel and serve it.
    OpenChannel(Box<ChannelOrder>, oneshot::Sender<Result<Limits, String>>),
    /// Start a runner; answered when its sinks were opened once, well or not.
    StartRunner(Box<RunnerOrder>, oneshot::Sender<()>),
    /// Start a source; answered when it was opened once, well or not.
    StartSource(Box<SourceOrder>, oneshot::Sender<()>),
    /// Let every source end; answered when the last one has.
    StopSources(oneshot::Sender<()>),
    /// Let every runner end and close its sinks; answered when the last one has.
    StopRunners(Duration, oneshot::Sender<()>),
    /// Close every channel; answered with what was left in each.
    CloseChannels(Duration, oneshot::Sender<Vec<(Arc<str>, Stats)>>),
    /// Say how everything is.
    Report(oneshot::Sender<ThreadReport>),
    /// End the thread.
    End,
}

/// What a thread says about its components. Names of threads and cores are filled in by who asked.
#[derive(Debug, Default, Clone)]
pub(super) struct ThreadReport {
    /// How late its loop comes back to what is ready.
    pub lag: Quantiles,
    /// Its sources.
    pub sources: Vec<SourceStatus>,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// Its sinks.
    pub sinks: Vec<SinkStatus>,
}
