//! Properties text as `java.util.Properties.load` reads it, with file and line of every entry.
//!
//! Bytes are ISO-8859-1. A logical line may span several physical ones (an odd number of backslashes before the line
//! end); comments never do. The key ends at the first unescaped `=`, `:` or blank. Nothing is trimmed here: the text is
//! exactly what Java would hold, trailing blanks included.
//!
//! Where Java would throw the whole file away, at a malformed `\uXXXX`, only that line is dropped.

use super::diagnostic::{Diagnostic, Place, Severity};
use crate::event::java_map;
use std::collections::HashMap;
use std::sync::Arc;

/// One property: what Java would hold, where it stands, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, with escapes resolved.
    pub key: String,
    /// The value, with escapes resolved.
    pub value: String,
    /// File and line of the first character of the key.
    pub place: Place,
    /// True when `=` or `:` stood between key and value.
    pub separated: bool,
}

/// The properties of one or several files. A later entry replaces the value of an earlier one with the same key.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    entries: Vec<Entry>,
    at: HashMap<String, usize>,
}

impl Properties {
    /// Reads one file into the properties. Complaints are about what Java does silently, or not at all.
    ///
    /// # Limits
    /// Takes any bytes; time and memory are proportional to their number.
    pub fn load(&mut self, file: &str, bytes: &[u8]) -> Vec<Diagnostic> {
        let file: Arc<str> = file.into();
        let mut found = marks(&file, bytes);
        let mut lines = LogicalLines { bytes, at: 0, line: 1 };
        while let Some(logical) = lines.next_line() {
            let place = Place { file: file.clone(), line: logical.line };
            match Written::split(&logical.text).read() {
                Ok(read) => self.put(read, &logical.text, place, &mut found),
                Err(sequence) => found.push(malformed(&logical.text, sequence, place)),
            }
        }
        found
    }

    /// Every entry, in the order in which its key was first seen.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with exactly this key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.at.get(key).map(|&at| &self.entries[at])
    }

    /// Positions of the entries in the order in which Java walks through the property names.
    pub fn java_order(&self) -> Vec<usize> {
        java_map::properties_order(self.entries.iter().map(|e| e.key.as_str()))
    }

    fn put(&mut self, read: Read, text: &[u8], place: Place, found: &mut Vec<Diagnostic>) {
        found.extend(lost_backslashes(&read, &place));
        found.extend(not_latin(&read.key, text, &place));
        let entry = Entry { key: read.key, value: read.value, place, separated: read.separated };
        match self.at.get(&entry.key) {
            Some(&at) => {
                found.extend(duplicate(&self.entries[at], &entry));
                self.entries[at] = entry;
            }
            None => {
                self.at.insert(entry.key.clone(), self.entries.len());
                self.entries.push(entry);
            }
        }
    }
}

/// A logical line: its bytes without continuations and leading blanks, and the line of its first character.
struct Logical {
    text: Vec<u8>,
    line: u32,
}

/// The JDK's line reader: what it skips, joins and cuts off at the end of the file.
struct LogicalLines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl LogicalLines<'_> {
    fn next_line(&mut self) -> Option<Logical> {
        let mut text = Vec::new();
        let mut first_line = self.line;
        let (mut skipping, mut continued, mut backslash) = (true, false, false);
        while let Some(byte) = self.next_byte() {
            let end_of_line = matches!(byte, b'\r' | b'\n');
            if skipping {
                if is_blank(byte) || (end_of_line && !continued) {
                    continue;
                }
                skipping = false;
                continued = false;
            }
            if text.is_empty() {
                if matches!(byte, b'#' | b'!') {
                    self.skip_comment();
                    skipping = true;
                    continue;
                }
                if end_of_line {
                    skipping = true;
                    continue;
                }
                first_line = self.line;
            }
            if !end_of_line {
                text.push(byte);
                backslash = byte == b'\\' && !backslash;
            } else if !backslash {
                return Some(Logical { text, line: first_line });
            } else {
                text.pop();
                if self.at == self.bytes.len() {
                    return Some(Logical { text, line: first_line });
                }
                if byte == b'\r' && self.bytes.get(self.at) == Some(&b'\n') {
                    self.next_byte();
                }
                (skipping, continued, backslash) = (true, true, false);
            }
        }
        if text.is_empty() {
            return None;
        }
        if backslash {
            text.pop();
        }
        Some(Logical { text, line: first_line })
    }

    /// The next byte; CR LF counts as one line end. `line` is the line of the byte returned.
    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        if self.at > 0 {
            let before = self.bytes[self.at - 1];
            let pair = before == b'\r' && byte == b'\n';
            if matches!(before, b'\r' | b'\n') && !pair {
                self.line = self.line.saturating_add(1);
            }
        }
        self.at += 1;
        Some(byte)
    }

    fn skip_comment(&mut self) {
        while let Some(byte) = self.next_byte() {
            if matches!(byte, b'\r' | b'\n') {
                return;
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0c)
}

/// Key and value as they stand in the logical line, escapes and all.
struct Written<'a> {
    key: &'a [u8],
    value: &'a [u8],
    separated: bool,
}

struct Read {
    key: String,
    value: String,
    separated: bool,
    /// What stood after each backslash of the value that simply disappeared.
    lost: Vec<char>,
}

impl<'a> Written<'a> {
    fn split(text: &'a [u8]) -> Self {
        let mut backslash = false;
        let mut end = 0;
        while let Some(&byte) = text.get(end) {
            if !backslash && (is_blank(byte) || matches!(byte, b'=' | b':')) {
                break;
            }
            backslash = byte == b'\\' && !backslash;
            end += 1;
        }
        let (key, mut value) = text.split_at(end);
        let mut separated = false;
        while let Some((&byte, rest)) = value.split_first() {
            let separator = matches!(byte, b'=' | b':') && !separated;
            if !separator && !is_blank(byte) {
                break;
            }
            separated |= separator;
            value = rest;
        }
        Written { key, value, separated }
    }

    /// Resolves the escapes, or returns the malformed `\u` sequence.
    fn read(self) -> Result<Read, String> {
        let (key, _) = unescape(self.key)?;
        let (value, lost) = unescape(self.value)?;
        Ok(Read { key, value, separated: self.separated, lost })
    }
}

/// Resolves escapes. A pair of surrogates makes one character, a single one becomes U+FFFD.
fn unescape(bytes: &[u8]) -> Result<(String, Vec<char>), String> {
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    let mut lost = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            units.push(u16::from(byte));
            continue;
        }
        let Some((&escaped, after)) = rest.split_first() else {
            units.push(u16::from(byte));
            break;
        };
        rest = after;
        units.push(match escaped {
            b't' => 0x09,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b'f' => 0x0c,
            b'u' => {
                let (digits, after) = rest.split_at(rest.len().min(4));
                rest = after;
                unicode(digits).ok_or_else(|| format!("\\u{}", latin(digits)))?
            }
            other => {
                if !matches!(other, b'\\' | b'=' | b':' | b'#' | b'!') && !is_blank(other) {
                    lost.push(char::from(other));
                }
                u16::from(other)
            }
        });
    }
    Ok((String::from_utf16_lossy(&units), lost))
}

fn unicode(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok()?;
    let four = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
    if four { u16::from_str_radix(text, 16).ok() } else { None }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

/// A byte-order mark, or a text that is not properties text at all.
fn marks(file: &Arc<str>, bytes: &[u8]) -> Vec<Diagnostic> {
    let (code, message, help) = match bytes {
        [0xef, 0xbb, 0xbf, ..] => (
            "byte-order-mark",
            "the file begins with a byte-order mark, which becomes part of its first key",
            "save the file as UTF-8 without BOM, or put an empty comment line (#) before the first property",
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            "utf-16",
            "the file is UTF-16; properties text is read byte by byte, so no key will be recognised",
            "save the file as plain text (ASCII or ISO-8859-1)",
        ),
        _ => return Vec::new(),
    };
    let place = Place { file: file.clone(), line: 1 };
    vec![diagnostic(place, "", Severity::Error, code, message.to_owned(), help.to_owned())]
}

fn malformed(text: &[u8], sequence: String, place: Place) -> Diagnostic {
    let key = Written::split(text).key;
    diagnostic(
        place,
        unescape(key).map(|(key, _)| key).unwrap_or_default().trim(),
        Severity::Error,
        "bad-unicode-escape",
        format!("\"{sequence}\" is not a \\u escape with four hexadecimal digits; this line is ignored"),
        "double each backslash (\\\\users); Flume itself would refuse the whole file".to_owned(),
    )
}

fn lost_backslashes(read: &Read, place: &Place) -> Option<Diagnostic> {
    let first = read.lost.first()?;
    Some(diagnostic(
        place.clone(),
        read.key.trim(),
        Severity::Warning,
        "lost-backslash",
        format!(
            "a single backslash disappears: \\{first} is read as {first}, so the value is {}",
            read.value
        ),
        format!("write \\\\{first} to keep it"),
    ))
}

/// Text that was evidently typed as UTF-8, or that hides a non-breaking space.
fn not_latin(key: &str, text: &[u8], place: &Place) -> Option<Diagnostic> {
    if text.is_ascii() {
        return None;
    }
    let typed = String::from_utf8_lossy(text);
    let shown = key.trim();
    if typed.contains('\u{a0}') || text.contains(&0xa0) && std::str::from_utf8(text).is_err() {
        return Some(diagnostic(
            place.clone(),
            shown,
            Severity::Warning,
            "non-breaking-space",
            "there is a non-breaking space in this line; it counts as a letter, not as a blank".to_owned(),
            "delete it and type an ordinary space (it often comes from copying a web page)".to_owned(),
        ));
    }
    std::str::from_utf8(text).ok()?;
    Some(diagnostic(
        place.clone(),
        shown,
        Severity::Warning,
        "utf-8-text",
        "this line holds UTF-8 text; the file is read as ISO-8859-1, so each such letter becomes two or more"
            .to_owned(),
        "write such letters as \\uXXXX".to_owned(),
    ))
}

fn duplicate(earlier: &Entry, later: &Entry) -> Option<Diagnostic> {
    let same_file = earlier.place.file == later.place.file;
    let severity = match (same_file, earlier.value == later.value) {
        (true, false) => Severity::Warning,
        (true, true) => Severity::Hint,
        (false, _) => return None,
    };
    Some(diagnostic(
        later.place.clone(),
        later.key.trim(),
        severity,
        "duplicate-key",
        format!("the same key stands in line {} already; this line wins", earlier.place.line),
        "keep one of the two".to_owned(),
    ))
}

fn diagnostic(
    place: Place,
    key: &str,
    severity: Severity,
    code: &'static str,
    message: String,
    help: String,
) -> Diagnostic {
    Diagnostic { place, key: key.to_owned(), severity, code, message, help }
}

#[cfg(test)]
mod tests;
