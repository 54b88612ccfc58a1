//! Where lines of bounded length end in a buffer of UTF-8.
//!
//! Lines end at a line feed and nowhere else: a carriage return before it is part of the line. Lengths are counted as
//! Java counts them, in UTF-16 units. The text lies in the caller's buffer; this only says where its lines are, so that
//! they can be copied once.

use std::ops::Range;

/// A line has as many units as the limit or more, without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line has more than {limit_units} characters, including its line feed")]
pub struct TooLong {
    /// Most units of a line with its line feed.
    pub limit_units: usize,
}

/// Finds lines in text that arrives in pieces.
///
/// # Limits
/// Looks at each byte a bounded number of times, however small the pieces are.
#[derive(Debug)]
pub struct LineFinder {
    limit_units: usize,
    /// Of the line that has not ended: bytes already searched, and the units in them.
    open: Length,
}

#[derive(Debug, Clone, Copy, Default)]
struct Length {
    bytes: usize,
    units: usize,
}

impl LineFinder {
    /// Lines of at most `limit_units` UTF-16 units, with the line feed.
    pub fn new(limit_units: usize) -> Self {
        LineFinder { limit_units, open: Length::default() }
    }

    /// Appends to `spans` where lines lie in `text`, without their line feeds, and returns the end of the last one
    /// including its line feed: what the caller may drop. `text` is valid UTF-8 (of other bytes only the length would be
    /// counted wrong) and begins where the line that has not ended begins, with the bytes that were there at the last call.
    /// Stops after `max_lines`, or when the lines found have `max_bytes` or more.
    ///
    /// # Errors
    /// When the line after those in `spans` is too long, whether it has ended or not. The finder is of no use then.
    pub fn find(
        &mut self,
        text: &[u8],
        max_lines: usize,
        max_bytes: usize,
        spans: &mut Vec<Range<usize>>,
    ) -> (usize, Result<(), TooLong>) {
        let mut start = 0;
        for _ in 0..max_lines {
            let searched = start + self.open.bytes;
            let Some(found) = memchr::memchr(b'\n', &text[searched..]) else {
                self.open.units += units(&text[searched..]);
                self.open.bytes = text.len() - start;
                return (start, self.fits(self.open.units));
            };
            let end = searched + found;
            // Text has at most as many units as bytes, so that short lines need no count.
            if end - start >= self.limit_units
                && let Err(e) = self.fits(self.open.units + units(&text[searched..end]))
            {
                return (start, Err(e));
            }
            spans.push(start..end);
            start = end + 1;
            self.open = Length::default();
            if start >= max_bytes {
                break;
            }
        }
        (start, Ok(()))
    }

    fn fits(&self, units: usize) -> Result<(), TooLong> {
        if units < self.limit_units { Ok(()) } else { Err(TooLong { limit_units: self.limit_units }) }
    }
}

/// UTF-16 units of UTF-8 text: one for each character, two for those of four bytes.
fn units(text: &[u8]) -> usize {
    text.iter().map(|&b| usize::from(b & 0xC0 != 0x80) + usize::from(b >= 0xF0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a line finder says about text that comes in `pieces`, as a netcat connection uses it.
    fn lines_of(pieces: &[&str], limit: usize, max_lines: usize, max_bytes: usize) -> (Vec<String>, bool) {
        let (mut finder, mut buffer, mut lines) = (LineFinder::new(limit), String::new(), Vec::new());
        for piece in pieces {
            buffer.push_str(piece);
            loop {
                let mut spans = Vec::new();
                let (end, fits) = finder.find(buffer.as_bytes(), max_lines, max_bytes, &mut spans);
                assert!(spans.len() <= max_lines);
                lines.extend(spans.iter().map(|s| buffer[s.clone()].to_owned()));
                buffer.drain(..end);
                if fits.is_err() {
                    return (lines, true);
                }
                if spans.is_empty() {
                    break;
                }
            }
        }
        (lines, false)
    }

    /// The same by the plainest means.
    fn naive(text: &str, limit: usize) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let mut parts: Vec<&str> = text.split('\n').collect();
        let open = parts.pop().unwrap();
        for part in parts {
            if part.encode_utf16().count() >= limit {
                return (lines, true);
            }
            lines.push(part.to_owned());
        }
        (lines, open.encode_utf16().count() >= limit)
    }

    #[test]
    fn a_line_may_have_one_unit_less_than_the_limit() {
        for (text, lines, too_long) in [
            ("abc\n", 1, false),
            ("abcd\n", 0, true),
            ("abcd", 0, true),
            ("\n\r\n\n", 3, false),
            ("ok\nabcd\nnever seen\n", 1, true),
            ("äöü\n", 1, false),
            ("€€€\n", 1, false),
            ("a😀\n", 1, false),
            ("😀😀\n", 0, true),
        ] {
            let (found, refused) = lines_of(&[text], 4, 9, 99);
            assert_eq!((found.len(), refused), (lines, too_long), "{text:?}");
        }
    }

    #[test]
    fn batches_are_cut_by_lines_and_by_bytes() {
        let (mut finder, mut spans) = (LineFinder::new(99), Vec::new());
        assert_eq!(finder.find(b"a\nb\nc\nd", 2, 99, &mut spans), (4, Ok(())));
        assert_eq!(spans, [0..1, 2..3]);
        assert_eq!(finder.find(b"c\nd", 2, 99, &mut spans), (2, Ok(())));
        spans.clear();
        assert_eq!(finder.find(b"dddd\ne\nf\n", 9, 5, &mut spans), (5, Ok(())));
        assert_eq!(spans, vec![0..4; 1]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            text in "([a-z\u{e4}\u{20ac}\u{1f600}\r\n]|\n|[a-z]{9}){0,60}",
            cuts in proptest::collection::vec(0usize..300, 0..8),
            limit in 1usize..20,
            max_lines in 1usize..5,
            max_bytes in 1usize..40,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&c| text.is_char_boundary(c)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(lines_of(&pieces, limit, max_lines, max_bytes), naive(&text, limit));
        }
    }
}
