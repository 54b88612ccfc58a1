//! The output of a command as bodies of events.

use crate::codec::charset::{Charset, Decoder, OnMalformed};
use crate::codec::java_line::JavaLines;
use crate::event::Draft;
use std::borrow::Cow;

/// Longest line; what is longer comes in pieces.
const LONGEST_LINE_BYTES: usize = 16 << 20;

/// Output to bodies: decoded, cut into lines and encoded again, so that what is no character becomes the charset's
/// replacement, as in Flume.
pub(super) struct OutputLines {
    charset: Charset,
    /// For charsets in which line ends can be found only after decoding.
    decoded: Option<(Decoder, String)>,
    cutter: JavaLines,
}

impl OutputLines {
    pub(super) fn new(charset: Charset) -> Self {
        let line_ends_show = matches!(charset, Charset::Utf8 | Charset::Ascii | Charset::Latin1);
        OutputLines {
            charset,
            decoded: (!line_ends_show).then(|| (charset.decoder(OnMalformed::Replace), String::new())),
            cutter: JavaLines::new(LONGEST_LINE_BYTES),
        }
    }

    /// Takes more output.
    pub(super) fn feed<'a>(&mut self, output: &'a [u8]) -> Cow<'a, [u8]> {
        match &mut self.decoded {
            None => Cow::Borrowed(output),
            Some((decoder, text)) => {
                decoder.decode(output, text).expect("a decoder that replaces refuses nothing");
                Cow::Owned(std::mem::take(text).into_bytes())
            }
        }
    }

    /// Appends the next line of what [`OutputLines::feed`] gave to the draft. False when there is none.
    pub(super) fn next(&mut self, text: &mut &[u8], draft: &mut Draft) -> bool {
        let charset = self.charset;
        self.cutter.next(text, |line| push(charset, line, draft))
    }

    /// The output has ended: appends the rest, if there is any.
    pub(super) fn finish(&mut self, draft: &mut Draft) {
        let charset = self.charset;
        if let Some((decoder, text)) = &mut self.decoded {
            decoder.finish(text).expect("a decoder that replaces refuses nothing");
            let mut rest = text.as_bytes();
            while self.cutter.next(&mut rest, |line| push(charset, line, draft)) {}
        }
        self.cutter.finish(|line| push(charset, line, draft));
    }

    /// How often a line had to be cut.
    pub(super) fn cut_lines(&self) -> u64 {
        self.cutter.cut_lines()
    }
}

fn push(charset: Charset, line: &[u8], draft: &mut Draft) {
    match charset {
        Charset::Latin1 => draft.push(line),
        Charset::Utf8 => draft.push(String::from_utf8_lossy(line).as_bytes()),
        Charset::Ascii if line.is_ascii() => draft.push(line),
        // Java reads such bytes as U+FFFD, which US-ASCII writes as a question mark.
        Charset::Ascii => {
            draft.push(&line.iter().map(|b| if b.is_ascii() { *b } else { b'?' }).collect::<Vec<u8>>())
        }
        _ => draft.push(&charset.encode(&String::from_utf8_lossy(line))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(charset: Charset, output: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut lines, mut draft) = (OutputLines::new(charset), Draft::default());
        for part in output.chunks(piece) {
            let text = lines.feed(part);
            let mut rest = &*text;
            while lines.next(&mut rest, &mut draft) {}
        }
        lines.finish(&mut draft);
        draft.bodies().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn bodies_are_in_the_charset_of_the_output() {
        for (charset, output, expected) in [
            (Charset::Utf8, &b"a\r\nb\rc\nd"[..], vec![&b"a"[..], b"b", b"c", b"d"]),
            (Charset::Utf8, "é\n".as_bytes(), vec!["é".as_bytes()]),
            (Charset::Utf8, b"a\xFFb\n\xE2\x82", vec!["a\u{FFFD}b".as_bytes(), "\u{FFFD}".as_bytes()]),
            (Charset::Latin1, b"\xE9\n\xFF", vec![b"\xE9", b"\xFF"]),
            (Charset::Ascii, b"a\xE9\n", vec![b"a?"]),
            (Charset::Utf16Le, b"a\0\n\0\x0A\x0A", vec![b"a\0", b"\x0A\x0A"]),
            (Charset::Utf16, b"\0a\0\n", vec![b"\xFE\xFF\0a"]),
            (Charset::Other(encoding_rs::SHIFT_JIS), b"\x83\x5C\n", vec![b"\x83\x5C"]),
        ] {
            for piece in 1..=output.len() {
                assert_eq!(bodies(charset, output, piece), expected, "{charset:?} in pieces of {piece}");
            }
        }
    }
}
