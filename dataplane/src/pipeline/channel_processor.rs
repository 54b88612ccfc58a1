//! From a source to its channels: interceptors, selector, puts. The only maker of a [`Receipt`].

use super::component::{ChannelSelector, InterceptCx, Interceptor, Route, Routing};
use super::receipt::{Failure, Receipt, Refused};
use crate::channel::{Channel, PutError};
use crate::event::{Batch, Draft, Frame};
use crate::metrics::SourceMetrics;
use crate::reactor::Core;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// One channel of a source.
pub struct ChannelSlot {
    /// Its name.
    pub name: Arc<str>,
    /// The channel or its proxy.
    pub channel: Rc<dyn Channel>,
}

/// One per source and core; connections share it.
pub struct ChannelProcessor {
    core: Core,
    chain: Vec<Box<dyn Interceptor>>,
    selector: Box<dyn ChannelSelector>,
    channels: Vec<ChannelSlot>,
    metrics: Rc<SourceMetrics>,
}

/// What is to be put: parts of one frame for channels by number, and the events of the frame that it covers.
struct Todo<P> {
    owed: Vec<(usize, Batch)>,
    optional: Vec<(usize, Batch)>,
    position: P,
    first: u32,
    events: u32,
    kept: Option<Rc<[u32]>>,
}

impl ChannelProcessor {
    /// Joins a source's interceptors, selector and channels; the order of `channels` is the order of the source's list.
    pub fn new(
        core: Core,
        chain: Vec<Box<dyn Interceptor>>,
        selector: Box<dyn ChannelSelector>,
        channels: Vec<ChannelSlot>,
        metrics: Rc<SourceMetrics>,
    ) -> Self {
        ChannelProcessor { core, chain, selector, channels, metrics }
    }

    /// Most events that one draft may have so that every channel can take it in one transaction. Sources cut at it.
    pub fn max_batch_events(&self) -> u32 {
        self.channels.iter().map(|c| c.channel.limits().transaction_events).min().unwrap_or(u32::MAX).max(1)
    }

    /// Runs the draft through interceptors and selector and puts it into the channels: required ones in the order of the
    /// source's list, then optional ones.
    ///
    /// # Durability
    /// The receipt exists when every required channel has committed the batch.
    ///
    /// # Cancel safety
    /// Dropped: each channel has its part whole or not at all; there is no receipt.
    pub async fn put<P>(&self, mut draft: Draft, position: P) -> Result<Receipt<P>, Failure<P>> {
        let received = u64::from(draft.len());
        self.metrics.events_received.add(received);
        self.metrics.bytes.add(draft.bodies().map(|b| b.len() as u64).sum());
        if let Err(e) = self.intercept(&mut draft) {
            self.metrics.events_refused.add(received);
            self.metrics.other_failures.add(1);
            return Err(Failure::Rejected(e, position));
        }
        self.metrics.events_filtered.add(received - u64::from(draft.len()));
        if draft.is_empty() {
            return Ok(Receipt::new(position));
        }
        let mut routing = Routing::default();
        self.selector.select(&draft, &mut || self.core.random(), &mut routing);
        self.note_unrouted(&routing, draft.len());
        let kept = draft.take_kept().map(Rc::from);
        let frame = draft.seal();
        let (owed, optional) = self.route(&frame, &routing);
        let todo = Todo { owed, optional, position, first: 0, events: frame.len(), kept };
        self.settle(todo).await.map_err(Failure::Refused)
    }

    /// Tries again what is still owed.
    pub async fn retry<P>(&self, refused: Refused<P>) -> Result<Receipt<P>, Refused<P>> {
        // It was counted as refused; it is in flight again.
        self.metrics.events_refused.sub(u64::from(refused.events));
        let Refused { owed, optional, position, first, events, kept, .. } = refused;
        self.settle(Todo { owed, optional, position, first, events, kept }).await
    }

    /// Splits a refusal at event number `at` of those it covers, so that what fits ([`Refused::fitting_events`]) can go
    /// in on its own. The first part gets `position`, the second keeps its own.
    pub fn split<P, Q>(&self, refused: Refused<P>, at: u32, position: Q) -> (Refused<Q>, Refused<P>) {
        let at = at.min(refused.events);
        let second = refused.first + at;
        let halves = |batches: Vec<(usize, Batch)>| {
            let (mut front, mut back) = (Vec::new(), Vec::new());
            for (channel, batch) in batches {
                let (before, after) = batch.split_at_frame_index(second);
                for (part, list) in [(before, &mut front), (after, &mut back)] {
                    if !part.is_empty() {
                        list.push((channel, part));
                    }
                }
            }
            (front, back)
        };
        let (owed_front, owed_back) = halves(refused.owed);
        let (optional_front, optional_back) = halves(refused.optional);
        let front = Refused {
            cause: refused.cause.clone(),
            owed: owed_front,
            optional: optional_front,
            position,
            first: refused.first,
            events: at,
            kept: refused.kept.clone(),
        };
        let back = Refused {
            cause: refused.cause,
            owed: owed_back,
            optional: optional_back,
            position: refused.position,
            first: second,
            events: refused.events - at,
            kept: refused.kept,
        };
        (front, back)
    }

    fn intercept(&self, draft: &mut Draft) -> Result<(), crate::event::Error> {
        if self.chain.is_empty() {
            return Ok(());
        }
        let host = self.core.host();
        let mut random = || self.core.random();
        let mut cx = InterceptCx { now_ms: self.core.wall_ms(), host: &host, random: &mut random };
        for interceptor in &self.chain {
            interceptor.intercept(draft, &mut cx)?;
            if draft.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Events that no channel gets: the source is told of success, as in Flume, so the operator must be.
    fn note_unrouted(&self, routing: &Routing, events: u32) {
        let nowhere = |r: &Route| r.required.is_empty() && r.optional.is_empty();
        if !routing.routes.iter().any(nowhere) {
            return;
        }
        let unrouted = match routing.of_event.is_empty() {
            true => u64::from(events),
            false => {
                routing.of_event.iter().filter(|&&r| nowhere(&routing.routes[usize::from(r)])).count() as u64
            }
        };
        if unrouted > 0 && self.metrics.events_unrouted.get() == 0 {
            tracing::warn!(
                "events match no channel of their source's selector, which has no default: they are dropped"
            );
        }
        self.metrics.events_unrouted.add(unrouted);
    }

    /// The part of the frame for each channel: required, then optional.
    fn route(&self, frame: &Frame, routing: &Routing) -> (Vec<(usize, Batch)>, Vec<(usize, Batch)>) {
        if routing.of_event.is_empty() {
            let everything = |list: &[u16]| -> Vec<(usize, Batch)> {
                list.iter().map(|&c| (usize::from(c), Batch::whole(frame))).collect()
            };
            return match routing.routes.first() {
                Some(route) => (everything(&route.required), everything(&route.optional)),
                None => (Vec::new(), Vec::new()),
            };
        }
        assert_eq!(routing.of_event.len(), frame.len() as usize, "a selector routes every event or none");
        let mut required: Vec<Vec<Range<u32>>> = vec![Vec::new(); self.channels.len()];
        let mut optional = required.clone();
        for (event, &route) in (0u32..).zip(&routing.of_event) {
            let route = &routing.routes[usize::from(route)];
            for (lists, channels) in [(&mut required, &route.required), (&mut optional, &route.optional)] {
                for &channel in channels {
                    match lists[usize::from(channel)].last_mut() {
                        Some(range) if range.end == event => range.end += 1,
                        _ => lists[usize::from(channel)].push(event..event + 1),
                    }
                }
            }
        }
        let batches = |lists: Vec<Vec<Range<u32>>>| {
            let used = lists.into_iter().enumerate().filter(|(_, ranges)| !ranges.is_empty());
            used.map(|(c, ranges)| (c, Batch::new(frame, ranges))).collect()
        };
        (batches(required), batches(optional))
    }

    async fn settle<P>(&self, todo: Todo<P>) -> Result<Receipt<P>, Refused<P>> {
        let Todo { owed, optional, position, first, events, kept } = todo;
        let started = self.core.now();
        let mut rest = owed.into_iter();
        while let Some((channel, batch)) = rest.next() {
            if let Err(cause) = self.put_one(channel, batch.clone()).await {
                self.metrics.channel_failures.add(1);
                self.metrics.events_refused.add(u64::from(events));
                let owed = std::iter::once((channel, batch)).chain(rest).collect();
                return Err(Refused { cause, owed, optional, position, first, events, kept });
            }
        }
        self.metrics.put_latency.record_ns(self.core.now().saturating_sub(started));
        for (channel, batch) in optional {
            if let Err(refusal) = self.put_one(channel, batch).await {
                tracing::error!(
                    channel = &*self.channels[channel].name,
                    "unable to put batch on optional channel: {refusal}"
                );
            }
        }
        self.metrics.events_accepted.add(u64::from(events));
        self.metrics.batches_accepted.add(1);
        Ok(Receipt::new(position))
    }

    async fn put_one(&self, channel: usize, batch: Batch) -> Result<(), PutError> {
        self.channels[channel].channel.put(batch).await.map(|_committed| ())
    }
}

#[cfg(test)]
mod tests;
