//! The lists of every source, channel, sink, interceptor, selector, processor and serializer: the only place that names
//! them all. A new component is one line here.

pub mod flume;

use crate::channel::{self, ChannelSpec};
use crate::config::{Kind, KindInfo, Role};
use crate::pipeline::{Interceptor, SelectorSpec, Sink, SinkProcessor, Source};
use crate::serializer::{self, EventSerializer};
use crate::{interceptor, processor, selector, sink, source};

/// Every source.
pub static SOURCES: &[&Kind<dyn Source>] = &[
    &source::exec::KIND,
    &source::netcat::KIND,
    &source::seq::KIND,
    &source::stress::KIND,
    &source::taildir::KIND,
];

/// Every channel.
pub static CHANNELS: &[&Kind<dyn ChannelSpec>] = &[&channel::memory::KIND, &channel::file::KIND];

/// Every sink.
pub static SINKS: &[&Kind<dyn Sink>] = &[&sink::file_roll::KIND, &sink::logger::KIND, &sink::null::KIND];

/// Every interceptor.
pub static INTERCEPTORS: &[&Kind<dyn Interceptor>] =
    &[&interceptor::host::KIND, &interceptor::r#static::KIND, &interceptor::timestamp::KIND];

/// Every channel selector.
pub static SELECTORS: &[&Kind<dyn SelectorSpec>] =
    &[&selector::load_balancing::KIND, &selector::multiplexing::KIND, &selector::replicating::KIND];

/// Every sink processor.
pub static PROCESSORS: &[&Kind<dyn SinkProcessor>] = &[&processor::default::KIND];

/// Every event serializer. Listed in its room, where sinks look them up.
pub static SERIALIZERS: &[&Kind<dyn EventSerializer>] = serializer::KINDS;

/// The kind that `text` names.
pub fn find<C: ?Sized>(kinds: &'static [&'static Kind<C>], text: &str) -> Option<&'static Kind<C>> {
    kinds.iter().copied().find(|k| k.info.is_named(text))
}

/// What is known about every kind of one list.
pub fn infos<C: ?Sized>(kinds: &'static [&'static Kind<C>]) -> impl Iterator<Item = &'static KindInfo> {
    kinds.iter().map(|k| &k.info)
}

/// What is known about every kind there is, with what it is.
pub fn every() -> impl Iterator<Item = (Role, &'static KindInfo)> {
    let with = |role| move |info| (role, info);
    infos(SOURCES)
        .map(with(Role::Source))
        .chain(infos(CHANNELS).map(with(Role::Channel)))
        .chain(infos(SINKS).map(with(Role::Sink)))
        .chain(infos(INTERCEPTORS).map(with(Role::Interceptor)))
        .chain(infos(SELECTORS).map(with(Role::Selector)))
        .chain(infos(PROCESSORS).map(with(Role::Processor)))
        .chain(infos(SERIALIZERS).map(with(Role::Serializer)))
}

#[cfg(test)]
mod tests;
