//! Lines as Java's `BufferedReader.readLine` finds them: ended by a line feed, a carriage return, or both.

/// Cuts bytes that arrive in pieces into lines.
///
/// # Limits
/// Holds one line that has not ended, of at most `max_bytes`. A longer line is cut into pieces of that size, of UTF-8 before
/// a character, so that a writer that never ends its line costs a bounded amount and loses nothing.
#[derive(Debug)]
pub struct JavaLines {
    open: Vec<u8>,
    max_bytes: usize,
    /// The last line ended at a carriage return: a line feed right after it is part of that end.
    after_cr: bool,
    cut_lines: u64,
}

impl JavaLines {
    /// Lines of at most `max_bytes`, which is above zero.
    pub fn new(max_bytes: usize) -> Self {
        JavaLines { open: Vec::new(), max_bytes, after_cr: false, cut_lines: 0 }
    }

    /// Gives `line` the next line of what was there before and of `input`, which advances. False when `input` is used up
    /// and the line has not ended.
    pub fn next(&mut self, input: &mut &[u8], line: impl FnOnce(&[u8])) -> bool {
        if input.is_empty() {
            return false;
        }
        if std::mem::take(&mut self.after_cr) {
            *input = input.strip_prefix(b"\n").unwrap_or(input);
        }
        let room = self.max_bytes - self.open.len();
        let end = memchr::memchr2(b'\n', b'\r', input);
        let (bytes, skip) = match end {
            Some(at) if at <= room => (at, 1),
            None if input.len() <= room => {
                self.open.extend_from_slice(input);
                *input = &[];
                return false;
            }
            _ => {
                self.cut_lines += 1;
                (room - into_character(input, room), 0)
            }
        };
        let (found, rest) = input.split_at(bytes);
        self.after_cr = skip == 1 && rest.first() == Some(&b'\r');
        *input = &rest[skip..];
        if self.open.is_empty() {
            line(found);
        } else {
            self.open.extend_from_slice(found);
            line(&self.open);
            self.open.clear();
        }
        true
    }

    /// Gives `line` what follows the last line end, when the input has ended. False when nothing does.
    pub fn finish(&mut self, line: impl FnOnce(&[u8])) -> bool {
        self.after_cr = false;
        if self.open.is_empty() {
            return false;
        }
        line(&self.open);
        self.open.clear();
        true
    }

    /// How often a line was cut because it was too long.
    pub fn cut_lines(&self) -> u64 {
        self.cut_lines
    }
}

/// How far `at` is behind the beginning of a UTF-8 character; 0 in bytes that are none.
fn into_character(bytes: &[u8], at: usize) -> usize {
    let is_start = |back: &usize| bytes.get(at - back).is_none_or(|b| b & 0xC0 != 0x80);
    (0..=at.min(3)).find(is_start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(pieces: &[&[u8]], max_bytes: usize) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (JavaLines::new(max_bytes), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            while lines.next(&mut input, |line| found.push(line.to_vec())) {}
            assert!(input.is_empty());
        }
        lines.finish(|line| found.push(line.to_vec()));
        found
    }

    #[test]
    fn lines_end_as_java_ends_them() {
        for (text, lines) in [
            (&b"a\r\nb\rc\nd"[..], vec![&b"a"[..], b"b", b"c", b"d"]),
            (b"\n\r\r\n\n", vec![b"", b"", b"", b""]),
            (b"", vec![]),
            (b"last\r", vec![b"last"]),
        ] {
            assert_eq!(cut(&[text], 99), lines);
        }
    }

    #[test]
    fn a_long_line_comes_in_pieces_and_loses_nothing() {
        assert_eq!(cut(&[b"abcdefgh\nxyz\n"], 3), [&b"abc"[..], b"def", b"gh", b"xyz"]);
        assert_eq!(cut(&["aäöü".as_bytes()], 4), ["aä".as_bytes(), "öü".as_bytes()]);
        assert_eq!(cut(&[&[0x80; 5]], 4), [&[0x80; 4][..], &[0x80]]);
        let mut lines = JavaLines::new(3);
        let mut input = &b"abcdefg"[..];
        while lines.next(&mut input, |_| {}) {}
        assert_eq!((lines.cut_lines(), lines.open.capacity() < 100), (2, true));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[ab\r\n]{0,40}", cuts in proptest::collection::vec(0usize..41, 0..8)) {
            let whole = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&c| c <= whole.len()).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &whole[w[0]..w[1]]).collect();
            let naive = text.replace("\r\n", "\n").replace('\r', "\n");
            let mut expected: Vec<&str> = naive.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            prop_assert_eq!(cut(&pieces, 99), expected.iter().map(|l| l.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
}
