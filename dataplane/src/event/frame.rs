//! The immutable, shared form of a batch.

use super::headers::{Common, Headers, Name, OwnTable};
use std::ops::Range;
use std::sync::Arc;

/// Sealed events: bytes, table of bodies, headers; one reference count. Freed on whichever thread drops the last clone,
/// without waiting.
#[derive(Clone)]
pub struct Frame(Arc<Inner>);

struct Inner {
    bytes: Vec<u8>,
    bodies: Vec<(u32, u32)>,
    own: OwnTable,
    common: Common,
}

impl Frame {
    pub(super) fn new(bytes: Vec<u8>, bodies: Vec<(u32, u32)>, own: OwnTable, common: Common) -> Self {
        Frame(Arc::new(Inner { bytes, bodies, own, common }))
    }

    /// Number of events in the frame.
    pub fn len(&self) -> u32 {
        self.0.bodies.len() as u32
    }

    /// True when the frame holds no event.
    pub fn is_empty(&self) -> bool {
        self.0.bodies.is_empty()
    }

    fn event(&self, event: u32) -> EventRef<'_> {
        let inner = &*self.0;
        let (start, end) = inner.bodies[event as usize];
        EventRef {
            body: &inner.bytes[start as usize..end as usize],
            headers: Headers { bytes: &inner.bytes, own: &inner.own, common: &inner.common, event },
        }
    }
}

/// One event of a batch, borrowed.
#[derive(Clone, Copy)]
pub struct EventRef<'a> {
    /// The body's bytes; never decoded.
    pub body: &'a [u8],
    /// The headers in their order.
    pub headers: Headers<'a>,
}

/// What channels take in and hand out: a frame and which of its events, in order. Cloning and splitting copy nothing of
/// the frame.
#[derive(Clone)]
pub struct Batch {
    frame: Frame,
    ranges: Ranges,
    events: u32,
}

#[derive(Clone)]
enum Ranges {
    One(Range<u32>),
    Many(Box<[Range<u32>]>),
}

impl Ranges {
    fn as_slice(&self) -> &[Range<u32>] {
        match self {
            Ranges::One(r) => std::slice::from_ref(r),
            Ranges::Many(rs) => rs,
        }
    }
}

impl Batch {
    /// Every event of the frame.
    pub fn whole(frame: &Frame) -> Self {
        Batch { frame: frame.clone(), ranges: Ranges::One(0..frame.len()), events: frame.len() }
    }

    /// The events in `ranges`, which must be ascending, disjoint and inside the frame.
    ///
    /// # Panics
    /// When they are not.
    pub fn new(frame: &Frame, ranges: Vec<Range<u32>>) -> Self {
        let mut last = 0;
        let mut events = 0;
        for r in &ranges {
            assert!(
                r.start >= last && r.start <= r.end && r.end <= frame.len(),
                "ranges ascend inside the frame"
            );
            last = r.end;
            events += r.end - r.start;
        }
        let ranges = match <[Range<u32>; 1]>::try_from(ranges) {
            Ok([one]) => Ranges::One(one),
            Err(many) => Ranges::Many(many.into()),
        };
        Batch { frame: frame.clone(), ranges, events }
    }

    /// Number of events.
    pub fn events(&self) -> u32 {
        self.events
    }

    /// True when the batch holds no event.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Every event in order.
    pub fn iter(&self) -> impl Iterator<Item = EventRef<'_>> {
        self.ranges.as_slice().iter().cloned().flatten().map(|i| self.frame.event(i))
    }

    /// Every body in order.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        let inner = &*self.frame.0;
        self.ranges.as_slice().iter().flat_map(move |r| {
            inner.bodies[r.start as usize..r.end as usize]
                .iter()
                .map(move |&(s, e)| &inner.bytes[s as usize..e as usize])
        })
    }

    /// Lengths of the bodies in order; reads the table only, never the bodies.
    pub fn body_lengths(&self) -> impl Iterator<Item = u32> {
        let inner = &*self.frame.0;
        self.ranges
            .as_slice()
            .iter()
            .flat_map(move |r| inner.bodies[r.start as usize..r.end as usize].iter().map(|&(s, e)| e - s))
    }

    /// Bytes of all bodies.
    pub fn body_bytes(&self) -> u64 {
        self.body_lengths().map(u64::from).sum()
    }

    /// Splits off the events from number `at` on (counted in this batch): `self` keeps the first `at`.
    pub fn split_off(&mut self, at: u32) -> Batch {
        let at = at.min(self.events);
        let (mut front, mut back, mut seen) = (Vec::new(), Vec::new(), 0);
        for r in self.ranges.as_slice() {
            let n = r.end - r.start;
            let cut = r.start + at.saturating_sub(seen).min(n);
            if cut > r.start {
                front.push(r.start..cut);
            }
            if cut < r.end {
                back.push(cut..r.end);
            }
            seen += n;
        }
        let tail = Batch::new(&self.frame, back);
        *self = Batch::new(&self.frame, front);
        tail
    }

    /// Splits by position in the *frame*: events before frame index `at`, and the others.
    pub fn split_at_frame_index(&self, at: u32) -> (Batch, Batch) {
        let before: u32 = self.ranges.as_slice().iter().map(|r| at.clamp(r.start, r.end) - r.start).sum();
        let mut front = self.clone();
        let back = front.split_off(before);
        (front, back)
    }

    /// Where in the *frame* event number `nth` of this batch stands; `None` past the end.
    pub fn frame_index(&self, nth: u32) -> Option<u32> {
        let mut left = nth;
        for r in self.ranges.as_slice() {
            if left < r.end - r.start {
                return Some(r.start + left);
            }
            left -= r.end - r.start;
        }
        None
    }

    pub(super) fn frame_bytes(&self) -> &[u8] {
        &self.frame.0.bytes
    }

    pub(super) fn frame_common(&self) -> &Common {
        &self.frame.0.common
    }

    pub(super) fn spans(&self) -> Vec<(u32, u32)> {
        let bodies = &self.frame.0.bodies;
        self.ranges
            .as_slice()
            .iter()
            .flat_map(|r| &bodies[r.start as usize..r.end as usize])
            .copied()
            .collect()
    }

    /// Every own header: number of the event in this batch, name, value.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (u32, &Name, &[u8])> {
        let Inner { own, bytes, .. } = &*self.frame.0;
        let events = self.ranges.as_slice().iter().cloned().flatten();
        // Frames without own headers, nearly all, are not walked.
        let events = events.take(if own.headers.is_empty() { 0 } else { usize::MAX });
        (0u32..).zip(events).flat_map(move |(number, event)| {
            own.of(event)
                .iter()
                .map(move |h| (number, &own.names[h.name as usize], &bytes[h.start as usize..h.end as usize]))
        })
    }

    /// True when both batches show the same frame.
    pub fn same_frame(&self, other: &Batch) -> bool {
        Arc::ptr_eq(&self.frame.0, &other.frame.0)
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} of {} events)", self.events, self.frame.len())
    }
}

const _: fn() = || {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Frame>();
    crosses_threads::<Batch>();
};

#[cfg(test)]
mod tests {
    use super::super::Draft;
    use super::*;

    fn frame(n: u32) -> Frame {
        let mut d = Draft::default();
        for i in 0..n {
            d.push(format!("e{i}").as_bytes());
        }
        d.seal()
    }

    fn text(b: &Batch) -> Vec<String> {
        b.bodies().map(|x| String::from_utf8(x.to_vec()).expect("ASCII")).collect()
    }

    #[test]
    fn splitting_keeps_order_and_copies_nothing() {
        let f = frame(8);
        let mut b = Batch::new(&f, vec![0..2, 4..7]);
        let tail = b.split_off(3);
        assert_eq!(
            (text(&b), text(&tail)),
            (vec!["e0".into(), "e1".into(), "e4".into()], vec!["e5".into(), "e6".into()])
        );
        assert!(b.same_frame(&tail));
        let (front, back) = Batch::new(&f, vec![0..2, 4..7]).split_at_frame_index(5);
        assert_eq!((front.events(), back.events()), (3, 2));
        assert_eq!(
            [0, 2, 4, 5].map(|n| Batch::new(&f, vec![0..2, 4..7]).frame_index(n)),
            [Some(0), Some(4), Some(6), None]
        );
        assert_eq!(tail.body_bytes(), 4);
    }

    #[test]
    fn splitting_at_the_ends_gives_an_empty_batch() {
        let f = frame(3);
        let mut b = Batch::whole(&f);
        assert_eq!(b.split_off(9).events(), 0);
        assert_eq!(b.events(), 3);
        assert_eq!(b.split_off(0).events(), 3);
        assert!(b.is_empty());
    }

    #[test]
    #[should_panic(expected = "ranges ascend")]
    fn ranges_outside_the_frame_are_our_own_mistake() {
        Batch::new(&frame(2), vec![0..1, 1..3]);
    }
}
