//! What a connection has sent and we have not passed on: bytes, decoded text, and where its lines are.

use crate::codec::charset::{Charset, Decoder, OnMalformed};
use crate::codec::line::{LineFinder, TooLong};
use crate::event::Draft;
use std::cell::RefCell;
use std::ops::Range;

/// Buffer of a connection's first read, and of one that sends little.
const SMALLEST_READ_BYTES: usize = 2 << 10;
/// Largest read: what fits into L2 beside the batch that is made of it.
const LARGEST_READ_BYTES: usize = 64 << 10;
/// A batch ends with the line that takes it over this size.
const BATCH_BYTES: usize = 1 << 20;
/// Large buffers kept for the next connection that needs one: 1 MiB a source.
const POOLED_BUFFERS: usize = 16;

/// Memory that the connections of a source take turns with.
#[derive(Default)]
pub(super) struct Pool {
    buffers: RefCell<Vec<Vec<u8>>>,
    spans: RefCell<Vec<Range<usize>>>,
}

impl Pool {
    /// An empty buffer for a read of about `bytes`.
    fn take(&self, bytes: usize) -> Vec<u8> {
        let pooled = if bytes == LARGEST_READ_BYTES { self.buffers.borrow_mut().pop() } else { None };
        pooled.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    fn give(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffer.capacity() == LARGEST_READ_BYTES && buffers.len() < POOLED_BUFFERS {
            buffer.clear();
            buffers.push(buffer);
        }
    }
}

/// Why a connection's input ends before the client ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// A line is too long.
    TooLong(TooLong),
    /// Bytes are not characters of the charset.
    Malformed,
}

/// One connection's input.
///
/// UTF-8 lies in `bytes` as it came and is validated there; any other charset is decoded from `bytes` to `decoded`.
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Of `bytes`: valid UTF-8.
    valid: usize,
    decoded: Option<(Decoder, String)>,
    /// Of the text: passed on already.
    start: usize,
    finder: LineFinder,
    /// Of the next read.
    read_bytes: usize,
    /// Room that the last read was given.
    offered: usize,
    malformed: bool,
}

impl Input {
    pub(super) fn new(charset: Charset, max_line_units: usize) -> Self {
        let decode = charset != Charset::Utf8;
        Input {
            bytes: Vec::new(),
            valid: 0,
            decoded: decode.then(|| (charset.decoder(OnMalformed::Refuse), String::new())),
            start: 0,
            finder: LineFinder::new(max_line_units),
            read_bytes: SMALLEST_READ_BYTES,
            offered: 0,
            malformed: false,
        }
    }

    /// Gives up every buffer, but keeps what has been read of a line: for a connection that may stay silent.
    pub(super) fn rest(&mut self, pool: &Pool) {
        self.compact();
        let kept = self.bytes.as_slice().to_vec();
        pool.give(std::mem::replace(&mut self.bytes, kept));
        if let Some((_, text)) = &mut self.decoded {
            text.shrink_to_fit();
        }
    }

    /// The buffer for the next read, with what belongs in front of it; comes back in [`Input::accept`].
    pub(super) fn lend(&mut self, pool: &Pool) -> Vec<u8> {
        self.compact();
        let mut buffer = std::mem::take(&mut self.bytes);
        let spare = buffer.capacity() - buffer.len();
        if buffer.capacity() < self.read_bytes || spare < self.read_bytes / 2 {
            let mut larger = pool.take(self.read_bytes);
            // A long line takes more than a read: doubling keeps the copying linear.
            larger.reserve(buffer.len().saturating_mul(2));
            larger.extend_from_slice(&buffer);
            pool.give(std::mem::replace(&mut buffer, larger));
        }
        self.offered = buffer.capacity() - buffer.len();
        buffer
    }

    /// Takes the buffer back with `read` bytes more. True when the read filled it: more is waiting.
    pub(super) fn accept(&mut self, buffer: Vec<u8>, read: usize) -> bool {
        self.bytes = buffer;
        let full = read == self.offered;
        if full {
            self.read_bytes = (self.read_bytes * 2).min(LARGEST_READ_BYTES);
        } else if read < self.read_bytes / 4 {
            self.read_bytes = (self.read_bytes / 2).max(SMALLEST_READ_BYTES);
        }
        match &mut self.decoded {
            Some((decoder, text)) => {
                self.malformed |= decoder.decode(&self.bytes, text).is_err();
                self.bytes.clear();
            }
            None => match std::str::from_utf8(&self.bytes[self.valid..]) {
                Ok(_) => self.valid = self.bytes.len(),
                Err(e) => {
                    self.valid += e.valid_up_to();
                    self.malformed |= e.error_len().is_some();
                }
            },
        }
        full
    }

    /// The next lines as one draft of at most `max_events`; empty when there is no whole line.
    ///
    /// # Errors
    /// Beside the lines that came before: what makes the rest of the input unusable.
    pub(super) fn lines(&mut self, max_events: u32, pool: &Pool) -> (Draft, Result<(), Unusable>) {
        let text = match &self.decoded {
            Some((_, text)) => &text.as_bytes()[self.start..],
            None => &self.bytes[self.start..self.valid],
        };
        let mut spans = pool.spans.borrow_mut();
        spans.clear();
        let (end, fits) = self.finder.find(text, max_events as usize, BATCH_BYTES, &mut spans);
        let mut draft = Draft::default();
        if !spans.is_empty() {
            draft = Draft::with_capacity(spans.len(), end);
            let in_32_bits =
                |at: usize| u32::try_from(at).expect("a batch and its longest line are below 4 GiB");
            draft.push_spans(&text[..end], spans.iter().map(|s| (in_32_bits(s.start), in_32_bits(s.end))));
        }
        self.start += end;
        let usable = match fits {
            Err(e) => Err(Unusable::TooLong(e)),
            Ok(()) if self.malformed && draft.is_empty() => Err(Unusable::Malformed),
            Ok(()) => Ok(()),
        };
        (draft, usable)
    }

    /// Bytes held, for tests of the bound.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.decoded.as_ref().map_or(0, |(_, text)| text.capacity())
    }

    /// Forgets what was passed on.
    fn compact(&mut self) {
        let start = std::mem::take(&mut self.start);
        match &mut self.decoded {
            Some((_, text)) => drop(text.drain(..start)),
            None => {
                self.bytes.drain(..start);
                self.valid -= start;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives `bytes` to an input in reads of at most `read` bytes, as a connection does.
    fn lines_of(
        charset: Charset,
        limit: usize,
        bytes: &[u8],
        read: usize,
    ) -> (Vec<String>, Option<Unusable>) {
        let (mut input, pool, mut lines) = (Input::new(charset, limit), Pool::default(), Vec::new());
        for piece in bytes.chunks(read) {
            let mut buffer = input.lend(&pool);
            assert!(buffer.capacity() - buffer.len() >= read, "room for the read");
            buffer.extend_from_slice(piece);
            if !input.accept(buffer, piece.len()) {
                input.rest(&pool);
            }
            loop {
                let (draft, usable) = input.lines(3, &pool);
                lines.extend(draft.bodies().map(|b| String::from_utf8(b.to_vec()).unwrap()));
                if let Err(why) = usable {
                    return (lines, Some(why));
                }
                if draft.is_empty() {
                    break;
                }
            }
        }
        (lines, None)
    }

    #[test]
    fn an_idle_connection_holds_nothing_and_half_a_line_only_itself() {
        for charset in [Charset::Utf8, Charset::Latin1] {
            let (mut input, pool) = (Input::new(charset, 512), Pool::default());
            input.rest(&pool);
            assert_eq!(input.held_bytes(), 0);
            for (text, held) in [("a line\nhalf", 4), (" a line\n", 0)] {
                let mut buffer = input.lend(&pool);
                assert_eq!(buffer.capacity(), SMALLEST_READ_BYTES);
                buffer.extend_from_slice(text.as_bytes());
                input.accept(buffer, text.len());
                while !input.lines(9, &pool).0.is_empty() {}
                input.rest(&pool);
                assert_eq!(input.held_bytes(), held);
            }
        }
    }

    #[test]
    fn reads_grow_while_they_fill_and_large_buffers_are_shared() {
        let (mut input, pool) = (Input::new(Charset::Utf8, 512), Pool::default());
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let mut buffer = input.lend(&pool);
            let room = buffer.capacity() - buffer.len();
            sizes.push(room);
            buffer.resize(buffer.len() + room - 1, b'x');
            buffer.push(b'\n');
            input.accept(buffer, room);
            // Lines this long are refused; here only the buffers matter.
            input.start = input.valid;
        }
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 64, 64].map(|k| k << 10));
        input.rest(&pool);
        assert_eq!((input.held_bytes(), pool.buffers.borrow().len()), (0, 1));
        assert_eq!(input.lend(&pool).capacity(), LARGEST_READ_BYTES);
        assert_eq!(pool.buffers.borrow().len(), 0);
    }

    #[test]
    fn a_line_that_never_ends_costs_its_limit_and_a_read() {
        let (mut input, pool) = (Input::new(Charset::Utf8, 100_000), Pool::default());
        let mut most = 0;
        loop {
            let mut buffer = input.lend(&pool);
            let room = buffer.capacity() - buffer.len();
            buffer.resize(buffer.capacity(), b'x');
            input.accept(buffer, room);
            most = most.max(input.held_bytes());
            if let (_, Err(why)) = input.lines(9, &pool) {
                assert_eq!(why, Unusable::TooLong(TooLong { limit_units: 100_000 }));
                break;
            }
        }
        assert!(most <= 4 * LARGEST_READ_BYTES, "{most} bytes");
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(
            text in "([a-z\u{e4}\u{20ac}\u{1f600}\r]{0,12}\n){0,20}[a-z\u{e4}]{0,5}",
            read in 1usize..50,
        ) {
            let mut expected: Vec<&str> = text.split('\n').collect();
            expected.pop();
            for charset in [Charset::Utf8, Charset::Utf16, Charset::Utf16Le, Charset::Utf16Be] {
                let (lines, ended) = lines_of(charset, 512, &charset.encode(&text), read);
                prop_assert_eq!(&lines, &expected);
                prop_assert_eq!(ended, None);
            }
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300), read in 1usize..50) {
            for charset in [Charset::Utf8, Charset::Ascii, Charset::Utf16, Charset::Other(encoding_rs::SHIFT_JIS)] {
                let (lines, _) = lines_of(charset, 20, &bytes, read);
                prop_assert!(lines.iter().all(|l| l.encode_utf16().count() < 20));
            }
        }
    }
}
