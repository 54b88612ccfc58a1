//! Headers: interned names, values as ranges of the frame's bytes, and what all events of a batch have in common.

use std::sync::Arc;

/// A header's name. Interned once a draft, so that events share it.
pub type Name = Arc<str>;

/// Headers that every event of a batch has, or must not have.
///
/// # Limits
/// Meant for the few headers that interceptors set; looked up linearly.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Win over the event's own header of that name.
    pub(super) overrides: Vec<(Name, Arc<str>)>,
    /// Given to events that have no header of that name.
    pub(super) defaults: Vec<(Name, Arc<str>)>,
    /// Hide the event's own header of that name.
    pub(super) removed: Vec<Name>,
}

impl Common {
    pub(super) fn position(list: &[(Name, Arc<str>)], name: &str) -> Option<usize> {
        list.iter().position(|(n, _)| &**n == name)
    }

    pub(super) fn hides(&self, name: &str) -> bool {
        Common::position(&self.overrides, name).is_some() || self.removed.iter().any(|n| &**n == name)
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.overrides.retain(|(n, _)| &**n != name);
        self.defaults.retain(|(n, _)| &**n != name);
    }

    /// True when no header is set or hidden for the whole batch.
    pub fn is_empty(&self) -> bool {
        self.overrides.is_empty() && self.defaults.is_empty() && self.removed.is_empty()
    }
}

/// The value of one header in a whole draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderOfAll<'a> {
    /// Every event has this value, or none has the header.
    Same(Option<&'a str>),
    /// Events may differ: ask each.
    Differs,
}

/// One own header of one event: index of the name, range of the value in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnHeader {
    pub(super) name: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Own headers of all events of a draft or frame. Empty tables cost nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnTable {
    pub(super) names: Vec<Name>,
    pub(super) headers: Vec<OwnHeader>,
    /// Per event: range in `headers`. Empty when no event has own headers.
    pub(super) of_event: Vec<(u32, u32)>,
}

impl OwnTable {
    pub(super) fn of(&self, event: u32) -> &[OwnHeader] {
        match self.of_event.get(event as usize) {
            Some(&(start, end)) => &self.headers[start as usize..end as usize],
            None => &[],
        }
    }

    pub(super) fn intern(&mut self, name: &str) -> u32 {
        match self.names.iter().position(|n| &**n == name) {
            Some(at) => at as u32,
            None => {
                self.names.push(Arc::from(name));
                self.names.len() as u32 - 1
            }
        }
    }
}

/// The headers of one event, in order: overrides, own, defaults; every name once.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) own: &'a OwnTable,
    pub(super) common: &'a Common,
    pub(super) event: u32,
}

impl<'a> Headers<'a> {
    /// The value of `name`, or `None`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        if let Some(at) = Common::position(&self.common.overrides, name) {
            return Some(&self.common.overrides[at].1);
        }
        if !self.common.removed.iter().any(|n| &**n == name) {
            // The last own header of a name is the one that counts, as in a map.
            if let Some(h) =
                self.own.of(self.event).iter().rev().find(|h| &*self.own.names[h.name as usize] == name)
            {
                return Some(self.text(h));
            }
        }
        Common::position(&self.common.defaults, name).map(|at| &*self.common.defaults[at].1)
    }

    /// Every header as (name, value).
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let me = *self;
        let own = me.own.of(me.event);
        let overrides = me.common.overrides.iter().map(|(n, v)| (&**n, &**v));
        let own_pairs = own.iter().enumerate().filter_map(move |(i, h)| {
            let name: &'a str = &me.own.names[h.name as usize];
            let later = own[i + 1..].iter().any(|o| o.name == h.name);
            (!later && !me.common.hides(name)).then(|| (name, me.text(h)))
        });
        let defaults = me.common.defaults.iter().filter_map(move |(n, v)| {
            let taken = Common::position(&me.common.overrides, n).is_some()
                || (!me.common.removed.iter().any(|r| r == n)
                    && own.iter().any(|h| me.own.names[h.name as usize] == *n));
            (!taken).then_some((&**n, &**v))
        });
        overrides.chain(own_pairs).chain(defaults)
    }

    /// True when the event has no header at all.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn text(&self, h: &OwnHeader) -> &'a str {
        std::str::from_utf8(&self.bytes[h.start as usize..h.end as usize])
            .expect("only &str is ever stored as a header value")
    }
}
