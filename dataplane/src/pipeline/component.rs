//! The traits that components implement.

use super::ChannelProcessor;
use crate::channel::Taker;
use crate::event::{Draft, Error};
use crate::metrics::{SinkMetrics, SourceMetrics};
use crate::reactor::{Core, Fut, HostNames, Stop};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a source runs with. Cheap to clone.
#[derive(Clone)]
pub struct SourceCx {
    /// Its name.
    pub name: Arc<str>,
    /// Its thread.
    pub core: Core,
    /// Where its batches go.
    pub out: Rc<ChannelProcessor>,
    /// When it shall end.
    pub stop: Stop,
    /// Its counters; received, accepted, filtered and refused events are counted by `out`.
    pub metrics: Rc<SourceMetrics>,
}

/// Brings events in.
pub trait Source {
    /// Everything that can fail at start: bind, directories, brokers. Returns what it listens on or follows, for the log
    /// line and status; empty when there is nothing to say.
    fn open<'a>(&'a mut self, cx: &'a SourceCx) -> Fut<'a, Result<String, Error>>;
    /// Ends after `cx.stop` when the last batch is settled and positions are written. An error ends the source; its
    /// supervisor starts a new one.
    ///
    /// # Cancel safety
    /// Dropping the future is the hard stop: what was not acknowledged may come again.
    fn run(self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>>;
}

/// What a process call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Events moved: call again at once.
    Ready,
    /// The channel was empty for as long as the sink waited: call again at once.
    Idle,
    /// The destination wants a pause: min(consecutive back-offs x 1 s, 5 s).
    Backoff,
}

/// Takes whole lines of data to the agent's own log, console or file: waits when the log is slow, never drops.
pub trait EventLog: Send + Sync {
    /// Prints each text as one record of logger `logger` at level INFO. Resolves when the log has taken them.
    fn info<'a>(&'a self, logger: &'static str, texts: Vec<String>) -> Fut<'a, io::Result<()>>;
}

/// What a sink runs with. Cheap to clone.
#[derive(Clone)]
pub struct SinkCx {
    /// Its name.
    pub name: Arc<str>,
    /// Its thread.
    pub core: Core,
    /// When it shall end.
    pub stop: Stop,
    /// Its counters. The sink counts what it takes and delivers.
    pub metrics: Rc<SinkMetrics>,
    /// The agent's own log, for events.
    pub log: Arc<dyn EventLog>,
    /// `transactionCapacity` of its channel: batch sizes above it are clamped.
    pub transaction_events: u32,
}

/// Takes events out.
pub trait Sink {
    /// Everything that can fail at start.
    fn open<'a>(&'a mut self, cx: &'a SinkCx) -> Fut<'a, Result<(), Error>>;
    /// Takes one batch and delivers it. May keep takes in itself to have several in flight; on an error it has dropped
    /// (rolled back) them all. Waits in `input.take` when the channel is empty; that wait ends early at a stop.
    fn process<'a>(&'a mut self, input: &'a mut dyn Taker, cx: &'a SinkCx) -> Fut<'a, Result<Status, Error>>;
    /// Settles what it still holds and closes files and connections.
    fn close(self: Box<Self>, deadline: Duration) -> Fut<'static, Result<(), Error>>;
}

/// One sink of a group with its own taker: groups may span channels.
pub struct Member {
    /// The sink's name.
    pub name: Arc<str>,
    /// The sink.
    pub sink: Box<dyn Sink>,
    /// Its way into its channel.
    pub input: Box<dyn Taker>,
    /// What it runs with.
    pub cx: SinkCx,
}

/// Chooses which sink of a group works.
pub trait SinkProcessor {
    /// One process call of one member, or of several in turn when they fail.
    fn process<'a>(&'a mut self, members: &'a mut [Member]) -> Fut<'a, Result<Status, Error>>;
}

/// What interceptors may know besides the events: they read no clock and draw no randomness themselves.
pub struct InterceptCx<'a> {
    /// Wall clock, milliseconds since 1970.
    pub now_ms: u64,
    /// What this host is called.
    pub host: &'a HostNames,
    /// Random bits.
    pub random: &'a mut dyn FnMut() -> u64,
}

/// Changes or drops events between a source and its channels. Synchronous; shared by all connections of a source on one
/// core, so it takes `&self`.
pub trait Interceptor {
    /// Changes the draft in place.
    ///
    /// # Errors
    /// The whole batch is rejected; nothing was put.
    fn intercept(&self, draft: &mut Draft, cx: &mut InterceptCx<'_>) -> Result<(), Error>;
}

/// Channels of one kind of event, as indices into the source's channel list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Route {
    /// Must have it before the source is told.
    pub required: Vec<u16>,
    /// Are tried afterwards; a failure is counted and forgotten.
    pub optional: Vec<u16>,
}

/// Where each event of a draft goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The different routes.
    pub routes: Vec<Route>,
    /// For each event the index of its route. Empty: every event takes the first route, at O(1) a batch.
    pub of_event: Vec<u16>,
}

/// Decides which channels get an event.
pub trait ChannelSelector {
    /// Fills `out`, which is empty. `random` gives 64 random bits at each call.
    fn select(&self, draft: &Draft, random: &mut dyn FnMut() -> u64, out: &mut Routing);
}

/// A selector that was configured and does not know its source's channels yet.
pub trait SelectorSpec {
    /// Resolves channel names to indices into `channels`, the source's list in order.
    ///
    /// # Errors
    /// When a name is not one of them.
    fn bind(self: Box<Self>, channels: &[Arc<str>]) -> Result<Box<dyn ChannelSelector>, Error>;
}
