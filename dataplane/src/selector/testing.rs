//! What the tests of selectors share: building one from properties, and asking it.

use crate::config::Kind;
use crate::event::{Draft, Error};
use crate::pipeline::testing::settings;
use crate::pipeline::{ChannelSelector, Route, Routing, SelectorSpec};
use std::sync::Arc;

/// A selector of `kind` bound to channels called `ch1`, `ch2` … `ch<channels>`.
pub(crate) fn bound(
    kind: &Kind<dyn SelectorSpec>,
    pairs: &[(&str, &str)],
    channels: usize,
) -> Result<Box<dyn ChannelSelector>, Error> {
    let names: Vec<Arc<str>> = (1..=channels).map(|n| Arc::from(format!("ch{n}"))).collect();
    (kind.build)(&settings("a1.sources.r1.selector", pairs))?.bind(&names)
}

/// The error that binding gives.
pub(crate) fn refusal(kind: &Kind<dyn SelectorSpec>, pairs: &[(&str, &str)], channels: usize) -> String {
    match bound(kind, pairs, channels) {
        Ok(_) => panic!("the selector took {pairs:?}"),
        Err(e) => e.line(),
    }
}

/// A draft with one event for each value of header `name`; `None` is an event without it.
pub(crate) fn draft(name: &str, values: &[Option<&str>]) -> Draft {
    let mut draft = Draft::default();
    for value in values {
        let event = draft.push(b"x");
        if let Some(value) = value {
            draft.set_header(event, name, value);
        }
    }
    draft
}

/// The route of each event, channels counted from 1 as in their names.
pub(crate) fn routes(selector: &dyn ChannelSelector, draft: &Draft) -> Vec<(Vec<u16>, Vec<u16>)> {
    let (mut routing, mut bits) = (Routing::default(), 0u64);
    let mut random = || {
        bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits
    };
    selector.select(draft, &mut random, &mut routing);
    let named = |route: &Route| {
        let from_one = |list: &[u16]| list.iter().map(|c| c + 1).collect();
        (from_one(&route.required), from_one(&route.optional))
    };
    match routing.of_event.is_empty() {
        true => (0..draft.len()).map(|_| named(&routing.routes[0])).collect(),
        false => routing.of_event.iter().map(|&r| named(&routing.routes[usize::from(r)])).collect(),
    }
}
