//! Flume's position file as text: `[{"inode":10346712,"pos":8,"file":"/var/log/x.log"}]`. Pure.

use serde::Deserialize;
use std::fmt::Write;

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Position {
    /// The file's inode.
    pub(super) inode: u64,
    /// Offset of the first byte that is not in the channels.
    pub(super) pos: u64,
    /// Its absolute path.
    pub(super) file: String,
}

/// What a position file says. A file of 0 bytes is what Flume leaves when no file matches, and says nothing.
///
/// # Errors
/// When it is not a list of complete entries.
pub(super) fn parse(content: &[u8]) -> Result<Vec<Position>, serde_json::Error> {
    if content.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(content)
}

/// The file as Flume writes it: keys in its order, no blanks, no line feed, its escapes.
pub(super) fn format<'a>(positions: impl IntoIterator<Item = &'a Position>) -> String {
    let mut text = String::from("[");
    for (n, position) in positions.into_iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let Position { inode, pos, file } = position;
        write!(text, "{comma}{{\"inode\":{inode},\"pos\":{pos},\"file\":").expect("a String takes any text");
        append_quoted(file, &mut text);
        text.push('}');
    }
    text.push(']');
    text
}

/// A JSON string with the escapes of Java's Gson, which also hides what HTML could take amiss.
fn append_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{C}' => out.push_str("\\f"),
            '<' | '>' | '&' | '=' | '\'' | '\u{0}'..='\u{1F}' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(inode: u64, pos: u64, file: &str) -> Position {
        Position { inode, pos, file: file.into() }
    }

    #[test]
    fn the_text_is_flumes() {
        let one = [at(10346712, 8, "/var/log/x.log")];
        assert_eq!(format(&one), r#"[{"inode":10346712,"pos":8,"file":"/var/log/x.log"}]"#);
        let odd = [at(1, 0, "/a b/é<>&='\"\\\t\u{1}"), at(2, 3, "/c")];
        let text = "[{\"inode\":1,\"pos\":0,\"file\":\"/a b/é\\u003c\\u003e\\u0026\\u003d\\u0027\\\"\\\\\\t\\u0001\"},\
                    {\"inode\":2,\"pos\":3,\"file\":\"/c\"}]";
        assert_eq!(format(&odd), text);
        assert_eq!(parse(text.as_bytes()).unwrap(), odd);
        assert_eq!(format(&[]), "[]");
    }

    #[test]
    fn what_flume_leaves_is_read_and_what_is_broken_refused() {
        assert_eq!(parse(b"").unwrap(), []);
        assert_eq!(parse(b"[]").unwrap(), []);
        let spaced = b"[ {\"file\": \"/f\", \"pos\": 7, \"inode\": 3, \"more\": []} ]\n";
        assert_eq!(parse(spaced).unwrap(), [at(3, 7, "/f")]);
        for broken in [
            &b"{}"[..],
            b"[{\"inode\":1,\"pos\":2}]",
            b"[{\"inode\":1,\"pos\":-2,\"file\":\"/f\"}]",
            b"[{\"inode\":1,\"pos\":2,\"file\":\"/f\"},",
            b"[{\"inode\":1e99,\"pos\":2,\"file\":\"/f\"}]",
            b"\0\0\0\0",
            b"[\"\xFF\"]",
        ] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn written_positions_are_read_again(list in proptest::collection::vec((any::<u64>(), any::<u64>(), "\\PC*|[\\x00-\\x7F]*"), 0..5)) {
            let positions: Vec<Position> = list.into_iter().map(|(i, p, f)| at(i, p, &f)).collect();
            prop_assert_eq!(parse(format(&positions).as_bytes()).unwrap(), positions);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            parse(&bytes).ok();
        }
    }
}
