//! What a client reads, to the byte.

use crate::codec::charset::Charset;
use crate::codec::line::TooLong;

/// Replies that wait to be written, in the connection's charset.
pub(super) struct Replies {
    charset: Charset,
    text: String,
}

impl Replies {
    pub(super) fn new(charset: Charset) -> Self {
        Replies { charset, text: String::new() }
    }

    /// An event is in the channels.
    pub(super) fn ok(&mut self, events: u32) {
        for _ in 0..events {
            self.text.push_str("OK\n");
        }
    }

    /// An event is not.
    pub(super) fn failed(&mut self, why: &str) {
        self.text.push_str("FAILED: ");
        // One line each, whatever a message holds.
        self.text.extend(why.chars().map(|c| if c == '\n' { ' ' } else { c }));
        self.text.push('\n');
    }

    /// A line cannot become an event, and the connection ends.
    pub(super) fn too_long(&mut self, e: TooLong) {
        let TooLong { limit_units } = e;
        self.failed(&format!("Event exceeds the maximum length ({limit_units} chars, including newline)"));
    }

    /// Everything that waits, as bytes; empty when nothing does.
    pub(super) fn take(&mut self) -> Vec<u8> {
        if self.charset == Charset::Utf8 {
            return std::mem::take(&mut self.text).into_bytes();
        }
        let bytes = self.charset.encode(&self.text);
        if !self.text.is_empty() && self.charset == Charset::Utf16 {
            // The byte order mark stands once, before the first reply of the connection.
            self.charset = Charset::Utf16Be;
        }
        self.text.clear();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_lines_in_the_charset_with_one_byte_order_mark() {
        let mut replies = Replies::new(Charset::Utf8);
        replies.ok(2);
        replies.failed("two\nlines");
        replies.too_long(TooLong { limit_units: 512 });
        assert_eq!(
            String::from_utf8(replies.take()).unwrap(),
            "OK\nOK\nFAILED: two lines\n\
             FAILED: Event exceeds the maximum length (512 chars, including newline)\n"
        );
        let mut replies = Replies::new(Charset::Utf16);
        assert_eq!(replies.take(), b"");
        replies.ok(1);
        assert_eq!(replies.take(), b"\xFE\xFF\0O\0K\0\n");
        replies.ok(1);
        assert_eq!(replies.take(), b"\0O\0K\0\n");
    }
}
