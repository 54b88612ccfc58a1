//! The mutable batch that a source builds and interceptors change.

use super::frame::Frame;
use super::headers::{Common, HeaderOfAll, Headers, OwnHeader, OwnTable};
use std::sync::Arc;

/// Events being gathered: one arena of bytes, spans of the bodies, own and common headers.
///
/// # Limits
/// The arena holds less than 4 GiB: offsets are 32 bits. [`Draft::has_room`] says whether a body still fits; sources
/// cut their drafts far below (their batch size, or 1 MiB).
#[derive(Debug, Default)]
pub struct Draft {
    arena: Vec<u8>,
    bodies: Vec<(u32, u32)>,
    own: OwnTable,
    common: Common,
    /// Which of the events as they were pushed are left; `None` while all are.
    kept: Option<Vec<u32>>,
}

impl Draft {
    /// An empty draft with room for `events` events and `bytes` bytes before it must grow.
    pub fn with_capacity(events: usize, bytes: usize) -> Self {
        Draft { arena: Vec::with_capacity(bytes), bodies: Vec::with_capacity(events), ..Draft::default() }
    }

    /// True when `bytes` more bytes fit below the 4 GiB limit of the arena.
    pub fn has_room(&self, bytes: usize) -> bool {
        (u32::MAX as usize).checked_sub(self.arena.len()).is_some_and(|left| bytes <= left)
    }

    /// Appends an event with this body and no own headers. Returns its index.
    pub fn push(&mut self, body: &[u8]) -> u32 {
        let span = self.store(body);
        self.push_span(span)
    }

    /// Appends all of `bytes` at once and makes one event of each span (start, end), counted from the start of `bytes`.
    /// What lies between spans (separators) stays in the arena unused.
    pub fn push_spans(&mut self, bytes: &[u8], spans: impl IntoIterator<Item = (u32, u32)>) {
        let (base, _) = self.store(bytes);
        for (start, end) in spans {
            assert!(start <= end && end as usize <= bytes.len(), "span lies in the bytes given");
            self.push_span((base + start, base + end));
        }
    }

    fn push_span(&mut self, span: (u32, u32)) -> u32 {
        self.bodies.push(span);
        if !self.own.of_event.is_empty() {
            let end = self.own.headers.len() as u32;
            self.own.of_event.push((end, end));
        }
        self.bodies.len() as u32 - 1
    }

    fn store(&mut self, bytes: &[u8]) -> (u32, u32) {
        assert!(self.has_room(bytes.len()), "a draft is cut before 4 GiB");
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        (start, self.arena.len() as u32)
    }

    /// Number of events.
    pub fn len(&self) -> u32 {
        self.bodies.len() as u32
    }

    /// True when there is no event.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// Bytes of the arena: bodies, own header values and what was replaced.
    pub fn arena_bytes(&self) -> usize {
        self.arena.len()
    }

    /// The body of event `event`.
    pub fn body(&self, event: u32) -> &[u8] {
        let (start, end) = self.bodies[event as usize];
        &self.arena[start as usize..end as usize]
    }

    /// Every body in order.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.bodies.iter().map(|&(s, e)| &self.arena[s as usize..e as usize])
    }

    /// The headers of event `event` as they stand now.
    pub fn headers(&self, event: u32) -> Headers<'_> {
        Headers { bytes: &self.arena, own: &self.own, common: &self.common, event }
    }

    /// The value of `name` in every event, where that is known without looking at each: O(1) a batch.
    pub fn header_of_all(&self, name: &str) -> HeaderOfAll<'_> {
        let batch_wide = |list: &'_ [_]| Common::position(list, name);
        if let Some(at) = batch_wide(&self.common.overrides) {
            return HeaderOfAll::Same(Some(&self.common.overrides[at].1));
        }
        let hidden = self.common.removed.iter().any(|n| &**n == name);
        if !hidden && self.own.names.iter().any(|n| &**n == name) {
            return HeaderOfAll::Differs;
        }
        HeaderOfAll::Same(batch_wide(&self.common.defaults).map(|at| &*self.common.defaults[at].1))
    }

    /// Replaces the body of one event; the old bytes stay in the arena until the frame is freed.
    pub fn set_body(&mut self, event: u32, body: &[u8]) {
        let span = self.store(body);
        self.bodies[event as usize] = span;
    }

    /// Sets a header of one event; wins over everything set before.
    pub fn set_header(&mut self, event: u32, name: &str, value: &str) {
        if self.common.hides(name) {
            self.materialise(name);
        }
        self.set_own(event, name, value);
    }

    /// Sets a header of every event, whatever they had: one entry a batch.
    pub fn set_all(&mut self, name: &str, value: &str) {
        self.common.forget(name);
        self.common.removed.retain(|n| &**n != name);
        self.common.overrides.push((Arc::from(name), Arc::from(value)));
    }

    /// Sets a header of every event that has none of that name: one entry a batch.
    pub fn set_all_if_absent(&mut self, name: &str, value: &str) {
        let common = &mut self.common;
        if Common::position(&common.overrides, name).is_some()
            || Common::position(&common.defaults, name).is_some()
        {
            return;
        }
        let pair = (Arc::from(name), Arc::from(value));
        if common.removed.iter().any(|n| &**n == name) {
            // All events lost it: an override, so that their hidden own values do not come back.
            common.removed.retain(|n| &**n != name);
            common.overrides.push(pair);
        } else {
            common.defaults.push(pair);
        }
    }

    /// Removes a header from every event: one entry a batch.
    pub fn remove_all(&mut self, name: &str) {
        self.common.forget(name);
        let own = self.own.names.iter().any(|n| &**n == name);
        if own && !self.common.removed.iter().any(|n| &**n == name) {
            self.common.removed.push(Arc::from(name));
        }
    }

    /// Keeps the events for which `keep` is true, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Draft, u32) -> bool) {
        let kept: Vec<u32> = (0..self.len()).filter(|&e| keep(self, e)).collect();
        if kept.len() == self.bodies.len() {
            return;
        }
        self.bodies = kept.iter().map(|&e| self.bodies[e as usize]).collect();
        if !self.own.of_event.is_empty() {
            self.own.of_event = kept.iter().map(|&e| self.own.of_event[e as usize]).collect();
        }
        self.kept = Some(match self.kept.take() {
            None => kept,
            Some(before) => kept.iter().map(|&e| before[e as usize]).collect(),
        });
    }

    /// Which of the events as they were pushed [`Draft::retain`] has left, by number; `None` when all. Leaves `None`.
    pub fn take_kept(&mut self) -> Option<Vec<u32>> {
        self.kept.take()
    }

    /// Makes the draft immutable.
    pub fn seal(self) -> Frame {
        Frame::new(self.arena, self.bodies, self.own, self.common)
    }

    /// Turns a batch-wide setting of `name` into own headers, so that one event can differ.
    fn materialise(&mut self, name: &str) {
        let value =
            Common::position(&self.common.overrides, name).map(|at| self.common.overrides[at].1.clone());
        let id = self.own.intern(name);
        self.common.forget(name);
        self.common.removed.retain(|n| &**n != name);
        let span = value.map(|v| self.store(v.as_bytes()));
        for event in 0..self.len() {
            self.rewrite(event, id, span);
        }
    }

    fn set_own(&mut self, event: u32, name: &str, value: &str) {
        let id = self.own.intern(name);
        let span = self.store(value.as_bytes());
        self.rewrite(event, id, Some(span));
    }

    /// Gives `event` exactly one own header `name` (or none).
    fn rewrite(&mut self, event: u32, name: u32, span: Option<(u32, u32)>) {
        let own = &mut self.own;
        if own.of_event.is_empty() {
            own.of_event = vec![(0, 0); self.bodies.len()];
        }
        let (start, end) = own.of_event[event as usize];
        let present = own.headers[start as usize..end as usize].iter().position(|h| h.name == name);
        if let (Some(at), Some((s, e))) = (present, span) {
            own.headers[start as usize + at] = OwnHeader { name, start: s, end: e };
            return;
        }
        if present.is_none() && span.is_none() {
            return;
        }
        // The event's headers move to the end of the table unless they already lie there, so that they stay together.
        let from = if end as usize == own.headers.len() { start } else { own.headers.len() as u32 };
        if from != start {
            own.headers.extend_from_within(start as usize..end as usize);
        }
        match span {
            Some((s, e)) => own.headers.push(OwnHeader { name, start: s, end: e }),
            None => {
                let at = from as usize + present.expect("checked above");
                own.headers.remove(at);
            }
        }
        own.of_event[event as usize] = (from, own.headers.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(d: &Draft, event: u32) -> Vec<(String, String)> {
        d.headers(event).iter().map(|(n, v)| (n.into(), v.into())).collect()
    }

    fn pair(n: &str, v: &str) -> (String, String) {
        (n.into(), v.into())
    }

    #[test]
    fn headers_come_in_the_documented_order_and_once() {
        let mut d = Draft::default();
        d.push(b"a");
        d.push(b"b");
        d.set_header(0, "own", "1");
        d.set_header(0, "both", "own");
        d.set_all("host", "h");
        d.set_all_if_absent("both", "default");
        d.set_all("own", "2");
        assert_eq!(pairs(&d, 0), [pair("host", "h"), pair("own", "2"), pair("both", "own")]);
        assert_eq!(pairs(&d, 1), [pair("host", "h"), pair("own", "2"), pair("both", "default")]);
        assert_eq!(d.headers(1).get("both"), Some("default"));
        assert_eq!(d.headers(0).get("both"), Some("own"));
    }

    #[test]
    fn a_removed_header_stays_away_until_it_is_set_again() {
        let mut d = Draft::default();
        d.push(b"a");
        d.set_header(0, "k", "1");
        d.remove_all("k");
        assert_eq!(d.headers(0).get("k"), None);
        assert!(d.headers(0).is_empty());
        d.set_all_if_absent("k", "2");
        assert_eq!(pairs(&d, 0), [pair("k", "2")]);
        d.set_header(0, "k", "3");
        assert_eq!(pairs(&d, 0), [pair("k", "3")]);
    }

    #[test]
    fn one_event_can_differ_from_a_batch_wide_header() {
        let mut d = Draft::default();
        for body in [b"a", b"b", b"c"] {
            d.push(body);
        }
        d.set_header(1, "x", "own");
        d.set_all("k", "all");
        d.set_header(2, "k", "mine");
        assert_eq!(pairs(&d, 0), [pair("k", "all")]);
        assert_eq!(pairs(&d, 1), [pair("x", "own"), pair("k", "all")]);
        assert_eq!(pairs(&d, 2), [pair("k", "mine")]);
        d.push(b"d");
        assert_eq!(pairs(&d, 3), []);
    }

    #[test]
    fn a_batch_wide_header_is_known_without_looking_at_events() {
        let mut d = Draft::default();
        d.push(b"a");
        d.push(b"b");
        assert_eq!(d.header_of_all("k"), HeaderOfAll::Same(None));
        d.set_all_if_absent("k", "default");
        assert_eq!(d.header_of_all("k"), HeaderOfAll::Same(Some("default")));
        d.set_header(0, "k", "own");
        assert_eq!(d.header_of_all("k"), HeaderOfAll::Differs);
        d.set_all("k", "all");
        assert_eq!(d.header_of_all("k"), HeaderOfAll::Same(Some("all")));
        d.remove_all("k");
        assert_eq!(d.header_of_all("k"), HeaderOfAll::Same(None));
    }

    #[test]
    fn retain_keeps_headers_with_their_events() {
        let mut d = Draft::default();
        for i in 0..4 {
            let e = d.push(format!("e{i}").as_bytes());
            d.set_header(e, "n", &i.to_string());
        }
        d.retain(|_, e| e % 2 == 1);
        assert_eq!(d.bodies().collect::<Vec<_>>(), [b"e1", b"e3"]);
        assert_eq!(d.headers(1).get("n"), Some("3"));
        d.retain(|_, _| true);
        d.retain(|_, e| e == 1);
        assert_eq!(d.take_kept(), Some(vec![3]));
    }

    #[test]
    fn spans_of_one_block_become_events() {
        let mut d = Draft::default();
        d.push(b"first");
        d.push_spans(b"ab\ncd\n", [(0, 2), (3, 5)]);
        d.set_body(0, b"new");
        assert_eq!(d.bodies().collect::<Vec<_>>(), [&b"new"[..], b"ab", b"cd"]);
    }
}
