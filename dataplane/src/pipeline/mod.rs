//! What components are built against: the traits of sources, sinks, interceptors, selectors and sink processors, and the
//! two things that join them: [`ChannelProcessor`] (source to channels) and [`SinkRunner`] (channel to sinks).

mod backoff;
mod channel_processor;
mod component;
mod persist;
mod receipt;
mod sink_runner;

pub use backoff::{BACKOFF_SLEEP_INCREMENT, Backoff, MAX_BACKOFF_SLEEP};
pub use channel_processor::{ChannelProcessor, ChannelSlot};
pub use component::{
    ChannelSelector, EventLog, InterceptCx, Interceptor, Member, Route, Routing, SelectorSpec, Sink, SinkCx,
    SinkProcessor, Source, SourceCx, Status,
};
pub use persist::{GaveUp, put_persistently};
pub use receipt::{Failure, Receipt, Refused};
pub use sink_runner::SinkRunner;

#[cfg(test)]
pub(crate) mod testing;
