//! Bytes of a file to lines. Pure: somebody else reads.
//!
//! A line ends at `\n`; one `\r` before it is not part of it; a `\r` elsewhere is. What follows the last `\n` is held
//! back until it is complete, or taken on purpose as the [`LineBuffer::rest`].

use memchr::memchr_iter;

/// 16 MiB: longest line that stays whole. A longer one becomes several events, of this size but for the last.
pub(super) const LONGEST_LINE_BYTES: usize = 16 << 20;

/// A piece of a file and the lines found in it.
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    /// Offset in the file of the first byte that was not consumed yet.
    offset: u64,
    /// Where that byte is in `bytes`.
    start: usize,
    /// Up to here, counted from `start`, lines were looked for.
    searched: usize,
    /// Lines found and not consumed, counted from `start`.
    spans: Vec<(u32, u32)>,
    /// How many bytes they cover, separators included.
    covered: usize,
    longest_line_bytes: usize,
    /// Pieces of too long lines among them.
    pieces: u64,
}

/// Lines, ready to become events.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines<'a> {
    /// The bytes that hold them, separators too.
    pub(super) bytes: &'a [u8],
    /// Where they lie in `bytes`.
    pub(super) spans: &'a [(u32, u32)],
    /// Offset of `bytes` in the file.
    pub(super) offset: u64,
    /// Offset in the file of what follows them.
    pub(super) end: u64,
    /// How many of them are pieces of a longer line.
    pub(super) pieces: u64,
}

impl LineBuffer {
    /// Empty; lines longer than `longest_line_bytes` are cut.
    pub(super) fn new(longest_line_bytes: usize) -> Self {
        let (bytes, spans) = (Vec::new(), Vec::new());
        LineBuffer {
            bytes,
            offset: 0,
            start: 0,
            searched: 0,
            spans,
            covered: 0,
            longest_line_bytes,
            pieces: 0,
        }
    }

    /// Forgets everything and goes on at this offset of some file.
    pub(super) fn begin(&mut self, offset: u64) {
        self.bytes.clear();
        // A very long line of the last file is not kept for ever.
        self.bytes.shrink_to(4 << 20);
        self.spans.clear();
        (self.offset, self.start, self.searched) = (offset, 0, 0);
        (self.covered, self.pieces) = (0, 0);
    }

    /// Where in the file the next read goes on.
    pub(super) fn read_offset(&self) -> u64 {
        self.offset + (self.bytes.len() - self.start) as u64
    }

    /// Lends the buffer for a read, with room for at least `room` bytes.
    pub(super) fn lend(&mut self, room: usize) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.reserve(room);
        std::mem::take(&mut self.bytes)
    }

    /// Takes the buffer back with what was read.
    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// Looks for lines until there are `max_lines` of them, or `max_bytes` of the file are covered. False: more could be
    /// found if more were read.
    pub(super) fn search(&mut self, max_lines: usize, max_bytes: usize) -> bool {
        let unread = &self.bytes[self.start..];
        let mut line = self.covered;
        let mut ends = memchr_iter(b'\n', &unread[self.searched..]).map(|at| at + self.searched);
        let mut next_end = ends.next();
        let enough = loop {
            if self.spans.len() >= max_lines || (line >= max_bytes && !self.spans.is_empty()) {
                self.searched = line;
                break true;
            }
            let (end, longest) = match next_end {
                Some(end) if end > line && unread[end - 1] == b'\r' => (end - 1, self.longest_line_bytes),
                Some(end) => (end, self.longest_line_bytes),
                // The last byte may be the `\r` of a line that is not too long.
                None => (unread.len(), self.longest_line_bytes + 1),
            };
            if end - line > longest {
                let cut = line + self.longest_line_bytes;
                self.spans.push((line as u32, cut as u32));
                self.pieces += 1;
                line = cut;
                continue;
            }
            let Some(separator) = next_end else {
                self.searched = unread.len();
                break false;
            };
            self.spans.push((line as u32, end as u32));
            line = separator + 1;
            next_end = ends.next();
        };
        self.covered = line;
        enough
    }

    /// The lines found, if any.
    pub(super) fn found(&self) -> Option<Lines<'_>> {
        (!self.spans.is_empty()).then(|| self.lines())
    }

    /// Everything that is left as one line: what follows the last `\n`. `None` when nothing is left, or when lines were
    /// found and not consumed.
    pub(super) fn rest(&mut self) -> Option<Lines<'_>> {
        let length = self.bytes.len() - self.start;
        if length == 0 || !self.spans.is_empty() {
            return None;
        }
        self.spans.push((0, length as u32));
        self.covered = length;
        Some(self.lines())
    }

    /// The lines handed out are done with; goes on behind them.
    pub(super) fn consume(&mut self) {
        self.start += self.covered;
        self.offset += self.covered as u64;
        self.searched = self.searched.saturating_sub(self.covered);
        self.spans.clear();
        (self.covered, self.pieces) = (0, 0);
    }

    fn lines(&self) -> Lines<'_> {
        Lines {
            bytes: &self.bytes[self.start..self.start + self.covered],
            spans: &self.spans,
            offset: self.offset,
            end: self.offset + self.covered as u64,
            pieces: self.pieces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads `content` in pieces of `block` bytes and gives every line with its offset, as batches of at most `max` lines.
    fn lines_of(content: &[u8], block: usize, max: usize, longest: usize) -> (Vec<(u64, Vec<u8>)>, u64) {
        let mut buffer = LineBuffer::new(longest);
        buffer.begin(0);
        let (mut found, mut end) = (Vec::new(), 0);
        loop {
            while !buffer.search(max, usize::MAX) {
                let at = buffer.read_offset() as usize;
                let next = &content[at..content.len().min(at + block)];
                let mut lent = buffer.lend(block);
                lent.extend_from_slice(next);
                buffer.give_back(lent);
                if next.is_empty() {
                    break;
                }
            }
            let Some(lines) = buffer.found() else { return (found, end) };
            assert!(lines.spans.len() <= max);
            assert_eq!(lines.offset, end);
            end = lines.end;
            for &(from, to) in lines.spans {
                found
                    .push((lines.offset + u64::from(from), lines.bytes[from as usize..to as usize].to_vec()));
            }
            buffer.consume();
        }
    }

    /// The same by splitting the whole content.
    fn expected(content: &[u8]) -> (Vec<(u64, Vec<u8>)>, u64) {
        let mut at = 0;
        let mut found = Vec::new();
        for line in content.split_inclusive(|b| *b == b'\n') {
            if let Some(body) = line.strip_suffix(b"\n") {
                found.push((at, body.strip_suffix(b"\r").unwrap_or(body).to_vec()));
                at += line.len() as u64;
            }
        }
        (found, at)
    }

    #[test]
    fn line_ends_are_flumes() {
        let (found, end) = lines_of(b"one\r\ntwo\rtwo\n\nfour\r\r\npartial", 3, 100, 100);
        let bodies: Vec<&[u8]> = found.iter().map(|(_, body)| &body[..]).collect();
        assert_eq!(bodies, [&b"one"[..], b"two\rtwo", b"", b"four\r"]);
        assert_eq!(end, 21);
    }

    #[test]
    fn what_is_left_can_be_taken_as_it_is() {
        let mut buffer = LineBuffer::new(100);
        buffer.begin(7);
        assert_eq!(buffer.rest(), None);
        buffer.give_back(b"line\nrest\r".to_vec());
        assert!(!buffer.search(9, 100));
        assert_eq!(buffer.rest(), None);
        assert_eq!(buffer.found().unwrap().end, 12);
        buffer.consume();
        let rest = buffer.rest().unwrap();
        assert_eq!((rest.bytes, rest.spans, rest.offset, rest.end), (&b"rest\r"[..], &[(0, 5)][..], 12, 17));
        buffer.consume();
        assert_eq!(buffer.rest(), None);
        assert_eq!(buffer.read_offset(), 17);
    }

    #[test]
    fn long_lines_come_in_pieces() {
        for (content, bodies, pieces) in [
            (&b"12345\n"[..], &["12345"][..], 0),
            (b"12345\r\n", &["12345"], 0),
            (b"123456\n", &["12345", "6"], 1),
            (b"1234567890\nx\n", &["12345", "67890", "x"], 1),
            (b"12345678901", &["12345"], 1),
            (b"123456789012", &["12345", "67890"], 2),
        ] {
            let (found, _) = lines_of(content, 3, 100, 5);
            assert_eq!(
                found.iter().map(|(_, b)| b.as_slice()).collect::<Vec<_>>(),
                bodies.iter().map(|b| b.as_bytes()).collect::<Vec<_>>()
            );
            let mut buffer = LineBuffer::new(5);
            buffer.begin(0);
            buffer.give_back(content.to_vec());
            buffer.search(100, 100);
            assert_eq!(buffer.found().unwrap().pieces, pieces, "{content:?}");
        }
    }

    #[test]
    fn a_batch_ends_when_it_has_enough_bytes() {
        let mut buffer = LineBuffer::new(100);
        buffer.begin(0);
        buffer.give_back(b"aaaa\nbbbb\ncccc\n".to_vec());
        assert!(buffer.search(100, 7));
        assert_eq!(buffer.found().unwrap().spans, [(0, 4), (5, 9)]);
        buffer.consume();
        assert!(!buffer.search(100, 7));
        assert_eq!(buffer.found().unwrap().spans, [(0, 4)]);
    }

    proptest! {
        #[test]
        fn every_line_is_found_whole_and_once(
            content in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x'), any::<u8>()], 0..200),
            block in 1usize..40,
            max in 1usize..10,
        ) {
            prop_assert_eq!(lines_of(&content, block, max, 1000), expected(&content));
        }

        #[test]
        fn pieces_join_to_the_line(content in "[ab\r\n]{0,100}", block in 1usize..20, longest in 1usize..9) {
            let (found, _) = lines_of(content.as_bytes(), block, 3, longest);
            let (whole, end) = expected(content.as_bytes());
            let joined: Vec<u8> = found.iter().filter(|(at, _)| *at < end).flat_map(|(_, b)| b.clone()).collect();
            prop_assert_eq!(joined, whole.iter().flat_map(|(_, b)| b.clone()).collect::<Vec<u8>>());
            prop_assert!(found.iter().all(|(_, b)| b.len() <= longest));
        }
    }
}
