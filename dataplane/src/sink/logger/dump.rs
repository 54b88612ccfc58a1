//! An event as Flume's logger sink prints it, to the character.
//!
//! `{ headers:` and the headers as Java prints a `HashMap`, ` body:` and a dump of the first bytes, ` }`. The dump has
//! sixteen bytes a line: eight digits of offset, a space, sixteen cells of two upper-case digits and a space (three
//! spaces past the end), and the characters, a dot for what is not printable ASCII. The first offset is left out, and so
//! is the last line break.

use crate::event::EventRef;
use crate::event::java_map::MapText;
use std::fmt::Write;

const LINE_BYTES: usize = 16;

/// Appends the event with at most `max_bytes` bytes of its body to `text`.
pub(super) fn dump(event: EventRef<'_>, max_bytes: usize, text: &mut String) {
    write!(text, "{{ headers:{} body:", MapText(event.headers)).expect("a String takes everything");
    let shown = &event.body[..event.body.len().min(max_bytes)];
    for (line, bytes) in shown.chunks(LINE_BYTES).enumerate() {
        if line > 0 {
            write!(text, "\n{:08X}", line * LINE_BYTES).expect("a String takes everything");
        }
        hex_line(bytes, text);
    }
    text.push_str(" }");
}

fn hex_line(bytes: &[u8], text: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    text.push(' ');
    for byte in bytes {
        text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)], ' ']);
    }
    for _ in bytes.len()..LINE_BYTES {
        text.push_str("   ");
    }
    text.extend(bytes.iter().map(|&b| if matches!(b, b' '..=b'~') { char::from(b) } else { '.' }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Batch, Draft};

    fn dumped(body: &[u8], headers: &[(&str, &str)], max_bytes: usize) -> String {
        let mut draft = Draft::default();
        let event = draft.push(body);
        for (name, value) in headers {
            draft.set_header(event, name, value);
        }
        let mut text = String::new();
        dump(Batch::whole(&draft.seal()).iter().next().unwrap(), max_bytes, &mut text);
        text
    }

    #[test]
    fn lines_are_those_of_flume() {
        assert_eq!(
            dumped(b"hello", &[], 16),
            "{ headers:{} body: 68 65 6C 6C 6F                                  hello }"
        );
        assert_eq!(dumped(b"", &[], 16), "{ headers:{} body: }");
        assert_eq!(
            dumped(b"0123456789abcdefg", &[], 16),
            "{ headers:{} body: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 0123456789abcdef }"
        );
    }

    /// Flume: TestEventHelper.testPrintable, testNonPrintable.
    #[test]
    fn bytes_that_are_not_printable_ascii_show_as_dots() {
        assert!(dumped(b"Some text", &[], 16).ends_with("Some text }"));
        let all: Vec<u8> = (0..=255).collect();
        let text = dumped(&all, &[], 1_000);
        assert_eq!(text.lines().count(), 16);
        assert_eq!(
            text.lines().nth(2).unwrap(),
            "00000020 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F  !\"#$%&'()*+,-./"
        );
        assert_eq!(
            text.lines().nth(7).unwrap(),
            "00000070 70 71 72 73 74 75 76 77 78 79 7A 7B 7C 7D 7E 7F pqrstuvwxyz{|}~."
        );
        assert!(
            text.ends_with("000000F0 F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 FA FB FC FD FE FF ................ }")
        );
    }

    /// Flume: TestLoggerSink.testAppendWithCustomSize.
    #[test]
    fn more_bytes_take_more_lines() {
        assert_eq!(
            dumped(b"0123456789abcdefXY", &[], 30),
            "{ headers:{} body: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 0123456789abcdef\n\
             00000010 58 59                                           XY }"
        );
        assert_eq!(dumped(b"hello", &[], 0), "{ headers:{} body: }");
    }

    #[test]
    fn headers_stand_in_the_order_of_javas_hash_map() {
        let text = dumped(b"", &[("timestamp", "1"), ("host", "h"), ("b", ""), ("a", "x=y")], 16);
        assert_eq!(text, "{ headers:{a=x=y, b=, host=h, timestamp=1} body: }");
    }
}
