//! The stored form of a batch: what a durable channel writes and reads back.
//!
//! ```text
//!  0        2       3      4         8          12         16          24
//!  version  zero    gap    events    names      headers    body bytes  |  sections
//!  u16      u8      u8     u32       u32        u32        u64         |
//!
//!  sections, in this order; all numbers little-endian:
//!    names      `names` times: length u32, UTF-8
//!    common     three lists (overrides, defaults, removed): count u32, then pairs of name index u32, value
//!               (length u32, UTF-8); removed has names only
//!    own        `headers` times: event u32, name index u32, value length u32; then all values; events ascend
//!    table      `events` lengths u32
//!    bodies     `body bytes` bytes: the bodies, `gap` bytes apart
//! ```
//!
//! Reading copies nothing: the frame keeps the bytes it was read from.

use super::frame::{Batch, Frame};
use super::headers::{Common, Name, OwnHeader, OwnTable};
use std::io::IoSlice;
use std::sync::Arc;

/// The form written. Readers know every older one.
const VERSION: u16 = 1;
/// Bytes before the sections.
const HEAD_BYTES: usize = 24;

/// Why bytes are not a stored batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Written by a later version.
    #[error("stored batch of version {0}, which this version does not know")]
    Version(u16),
    /// Shorter than it says, or not consistent.
    #[error("stored batch is damaged: {0}")]
    Damaged(&'static str),
}

/// A batch in its stored form: parts to be written one after the other.
pub struct Stored<'a> {
    head: Vec<u8>,
    bodies: Vec<&'a [u8]>,
}

impl Stored<'_> {
    /// The parts, in order.
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        std::iter::once(&self.head[..]).chain(self.bodies.iter().copied()).map(IoSlice::new).collect()
    }

    /// Bytes of all parts.
    pub fn len_bytes(&self) -> usize {
        self.head.len() + self.bodies.iter().map(|b| b.len()).sum::<usize>()
    }
}

impl Batch {
    /// The stored form. Bodies that lie a constant distance apart, as lines of a block do, are one part and one copy.
    pub fn store(&self) -> Stored<'_> {
        let (gap, bodies) = self.body_parts();
        let mut names = Names::default();
        let common = self.frame_common();
        let mut section = Vec::new();
        for list in [&common.overrides, &common.defaults] {
            put_u32(&mut section, list.len());
            for (name, value) in list {
                put_u32(&mut section, names.number(name));
                put_text(&mut section, value);
            }
        }
        put_u32(&mut section, common.removed.len());
        for name in &common.removed {
            put_u32(&mut section, names.number(name));
        }
        let mut headers = 0;
        let mut values = Vec::new();
        for (event, name, value) in self.own_headers() {
            headers += 1;
            section.extend_from_slice(&event.to_le_bytes());
            put_u32(&mut section, names.number(name));
            put_u32(&mut section, value.len());
            values.extend_from_slice(value);
        }
        let body_bytes: usize = bodies.iter().map(|b| b.len()).sum();
        let mut head =
            Vec::with_capacity(HEAD_BYTES + section.len() + values.len() + 4 * self.events() as usize + 64);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&[0, gap]);
        head.extend_from_slice(&self.events().to_le_bytes());
        put_u32(&mut head, names.0.len());
        put_u32(&mut head, headers);
        head.extend_from_slice(&(body_bytes as u64).to_le_bytes());
        for name in &names.0 {
            put_text(&mut head, name);
        }
        head.extend_from_slice(&section);
        head.extend_from_slice(&values);
        for length in self.body_lengths() {
            head.extend_from_slice(&length.to_le_bytes());
        }
        Stored { head, bodies }
    }

    /// The bodies as few parts, and how many bytes lie between them in those parts.
    fn body_parts(&self) -> (u8, Vec<&[u8]>) {
        let spans = self.spans();
        let bytes = self.frame_bytes();
        let mut gaps = spans.windows(2).map(|w| w[1].0.checked_sub(w[0].1));
        let first = gaps.next().flatten();
        if let (Some(gap), [(start, _), .., (_, end)]) = (first, &spans[..])
            && let Ok(gap) = u8::try_from(gap)
            && gaps.all(|g| g == Some(u32::from(gap)))
        {
            return (gap, vec![&bytes[*start as usize..*end as usize]]);
        }
        let mut parts: Vec<(u32, u32)> = Vec::new();
        for (start, end) in spans {
            match parts.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => parts.push((start, end)),
            }
        }
        (0, parts.into_iter().map(|(s, e)| &bytes[s as usize..e as usize]).collect())
    }
}

impl Frame {
    /// Reads a stored batch; the bytes become the frame's.
    ///
    /// # Limits
    /// Every number is checked against what is there before anything is allocated for it.
    ///
    /// # Errors
    /// When the bytes are not exactly one stored batch.
    pub fn from_stored(bytes: Vec<u8>) -> Result<Frame, StoredError> {
        let mut r = Reader { bytes: &bytes, at: 0 };
        let version = u16::from_le_bytes(r.array()?);
        if version != VERSION {
            return Err(StoredError::Version(version));
        }
        let [_, gap] = r.array()?;
        let (events, names, headers) = (r.u32()?, r.u32()?, r.u32()?);
        let body_bytes = u64::from_le_bytes(r.array()?);
        // A name takes 4 bytes at least, a header 12, an event 4.
        r.must_hold(names, 4)?;
        r.must_hold(headers, 12)?;
        r.must_hold(events, 4)?;
        let names = (0..names).map(|_| r.text().map(Arc::from)).collect::<Result<Vec<Name>, _>>()?;
        let common = r.common(&names)?;
        let own = r.own(names, headers, events)?;
        let bodies = r.bodies(events, gap, body_bytes)?;
        if u32::try_from(bytes.len()).is_err() {
            return Err(StoredError::Damaged("larger than 4 GiB"));
        }
        Ok(Frame::new(bytes, bodies, own, common))
    }
}

#[derive(Default)]
struct Names(Vec<Name>);

impl Names {
    fn number(&mut self, name: &Name) -> usize {
        self.0.iter().position(|n| n == name).unwrap_or_else(|| {
            self.0.push(name.clone());
            self.0.len() - 1
        })
    }
}

fn put_u32(out: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).expect("a frame is below 4 GiB, so everything in it is");
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u32(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], StoredError> {
        let end = self.at.checked_add(n).ok_or(StoredError::Damaged("a length overflows"))?;
        let taken = self.bytes.get(self.at..end).ok_or(StoredError::Damaged("it ends too early"))?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoredError> {
        Ok(self.take(N)?.try_into().expect("take gives what was asked for"))
    }

    fn u32(&mut self) -> Result<u32, StoredError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn must_hold(&self, count: u32, least_bytes: usize) -> Result<(), StoredError> {
        match (count as usize).checked_mul(least_bytes) {
            Some(needed) if needed <= self.bytes.len() - self.at => Ok(()),
            _ => Err(StoredError::Damaged("a count is larger than what is there")),
        }
    }

    fn text(&mut self) -> Result<&'a str, StoredError> {
        let length = self.u32()?;
        std::str::from_utf8(self.take(length as usize)?)
            .map_err(|_| StoredError::Damaged("text is not UTF-8"))
    }

    fn name(&mut self, names: &[Name]) -> Result<Name, StoredError> {
        names.get(self.u32()? as usize).cloned().ok_or(StoredError::Damaged("a name is missing"))
    }

    fn common(&mut self, names: &[Name]) -> Result<Common, StoredError> {
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..self.u32()? {
                list.push((self.name(names)?, Arc::from(self.text()?)));
            }
        }
        let mut removed = Vec::new();
        for _ in 0..self.u32()? {
            removed.push(self.name(names)?);
        }
        let [overrides, defaults] = lists;
        Ok(Common { overrides, defaults, removed })
    }

    fn own(&mut self, names: Vec<Name>, count: u32, events: u32) -> Result<OwnTable, StoredError> {
        let mut headers = Vec::with_capacity(count as usize);
        let mut of_event: Vec<(u32, u32)> = Vec::new();
        let mut length_sum = 0usize;
        for number in 0..count {
            let (event, name, length) = (self.u32()?, self.u32()?, self.u32()?);
            if event >= events || name as usize >= names.len() || (event as usize) + 1 < of_event.len() {
                return Err(StoredError::Damaged("a header belongs to no event or has no name"));
            }
            while of_event.len() <= event as usize {
                of_event.push((number, number));
            }
            of_event[event as usize].1 = number + 1;
            headers.push((name, length));
            length_sum = length_sum.saturating_add(length as usize);
        }
        let start = self.at;
        let values = self.take(length_sum)?;
        let mut at = 0;
        let headers = headers
            .into_iter()
            .map(|(name, length)| {
                let end = at + length as usize;
                std::str::from_utf8(&values[at..end])
                    .map_err(|_| StoredError::Damaged("a value is not UTF-8"))?;
                let header = OwnHeader { name, start: (start + at) as u32, end: (start + end) as u32 };
                at = end;
                Ok(header)
            })
            .collect::<Result<_, _>>()?;
        if !of_event.is_empty() {
            of_event.resize(events as usize, (count, count));
        }
        Ok(OwnTable { names, headers, of_event })
    }

    fn bodies(&mut self, events: u32, gap: u8, body_bytes: u64) -> Result<Vec<(u32, u32)>, StoredError> {
        let lengths = self.take(events as usize * 4)?;
        let base = self.at as u64;
        let mut at = 0u64;
        let mut bodies = Vec::with_capacity(events as usize);
        for length in lengths.chunks_exact(4) {
            if !bodies.is_empty() {
                at += u64::from(gap);
            }
            let length = u32::from_le_bytes(length.try_into().expect("chunks of 4"));
            bodies.push(((base + at) as u32, (base + at + u64::from(length)) as u32));
            at += u64::from(length);
        }
        if at != body_bytes || base + at != self.bytes.len() as u64 {
            return Err(StoredError::Damaged("the lengths of the bodies do not add up"));
        }
        Ok(bodies)
    }
}

#[cfg(test)]
mod tests;
