//! Character sets by their Java names, decoded to UTF-8 piece by piece and encoded back.
//!
//! encoding_rs knows the web's character sets, which differ from Java's of the same name in a few places that matter
//! here, so those are done by hand: ISO-8859-1 and US-ASCII are themselves and not windows-1252, UTF-16 without a byte
//! order mark is big-endian and gets a mark when it is written.
//!
//! # Limits
//! UTF-32 and the EBCDIC sets are not known. ISO-8859-9, ISO-8859-11 and GB2312 are read as their supersets windows-1254,
//! windows-874 and GBK.

use encoding_rs::{DecoderResult, Encoding};

/// One of Java's character sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// US-ASCII.
    Ascii,
    /// ISO-8859-1: bytes are code points.
    Latin1,
    /// UTF-16: byte order from the mark, big-endian without one; written big-endian with a mark.
    Utf16,
    /// UTF-16BE: a mark is a character.
    Utf16Be,
    /// UTF-16LE: a mark is a character.
    Utf16Le,
    /// Any other one that encoding_rs knows.
    Other(&'static Encoding),
}

/// What to do with bytes that are no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMalformed {
    /// Give up.
    Refuse,
    /// U+FFFD in their place.
    Replace,
}

/// Bytes that are no character in the charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes that are not a character of the charset")]
pub struct Malformed;

impl Charset {
    /// The charset of this name, in any case, by its standard name or a common alias of Java's.
    pub fn for_java_name(name: &str) -> Option<Charset> {
        let upper = name.trim().to_ascii_uppercase();
        Some(match upper.as_str() {
            "UTF-8" | "UTF8" | "UNICODE-1-1-UTF-8" => Charset::Utf8,
            "US-ASCII" | "ASCII" | "ASCII7" | "ISO646-US" | "646" | "ANSI_X3.4-1968" => Charset::Ascii,
            "ISO-8859-1" | "ISO8859-1" | "ISO8859_1" | "ISO_8859-1" | "ISO_8859_1" | "8859_1" | "LATIN1"
            | "L1" | "IBM819" | "IBM-819" | "CP819" | "819" => Charset::Latin1,
            "UTF-16" | "UTF16" | "UTF_16" | "UNICODE" => Charset::Utf16,
            "UTF-16BE" | "UTF_16BE" | "X-UTF-16BE" | "UNICODEBIGUNMARKED" => Charset::Utf16Be,
            "UTF-16LE" | "UTF_16LE" | "X-UTF-16LE" | "UNICODELITTLEUNMARKED" => Charset::Utf16Le,
            "MS932" | "WINDOWS-31J" | "SJIS" => Charset::Other(encoding_rs::SHIFT_JIS),
            "EUC_JP" => Charset::Other(encoding_rs::EUC_JP),
            "EUC_KR" => Charset::Other(encoding_rs::EUC_KR),
            "EUC_CN" => Charset::Other(encoding_rs::GBK),
            other => {
                let label = match other.strip_prefix("ISO8859_") {
                    Some(part) => format!("ISO-8859-{part}"),
                    None => other.to_owned(),
                };
                let known = Encoding::for_label_no_replacement(label.as_bytes())?;
                // The web's aliases of these three have Java names of their own above.
                let web_only = [encoding_rs::UTF_16BE, encoding_rs::UTF_16LE, encoding_rs::X_USER_DEFINED];
                if web_only.contains(&known) {
                    return None;
                }
                Charset::Other(known)
            }
        })
    }

    /// A decoder at the beginning of a stream.
    pub fn decoder(self, on_malformed: OnMalformed) -> Decoder {
        let state = match self {
            Charset::Ascii => State::Ascii,
            Charset::Latin1 => State::Latin1,
            Charset::Utf16 => State::ByteOrderMark(Vec::with_capacity(2)),
            Charset::Utf8 => State::by(encoding_rs::UTF_8),
            Charset::Utf16Be => State::by(encoding_rs::UTF_16BE),
            Charset::Utf16Le => State::by(encoding_rs::UTF_16LE),
            Charset::Other(encoding) => State::by(encoding),
        };
        Decoder { state, on_malformed }
    }

    /// `text` in this charset as Java's `String.getBytes` gives it: `?` for what it cannot express, and a mark in front
    /// for UTF-16.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Charset::Utf8 => text.as_bytes().to_vec(),
            Charset::Ascii => text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect(),
            Charset::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
            Charset::Utf16 if text.is_empty() => Vec::new(),
            Charset::Utf16 => [0xFE, 0xFF].into_iter().chain(big_endian(text)).collect(),
            Charset::Utf16Be => big_endian(text).collect(),
            Charset::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Charset::Other(encoding) => encode_with(encoding, text),
        }
    }
}

fn big_endian(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes)
}

fn encode_with(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = encoding.encode(text);
    if !unmappable {
        return bytes.into_owned();
    }
    let expressible = text.chars().map(|c| match encoding.encode(c.encode_utf8(&mut [0; 4])).2 {
        true => '?',
        false => c,
    });
    encoding.encode(&expressible.collect::<String>()).0.into_owned()
}

/// Turns a stream of bytes into UTF-8, whatever pieces it comes in.
pub struct Decoder {
    state: State,
    on_malformed: OnMalformed,
}

enum State {
    Ascii,
    Latin1,
    /// Of UTF-16: up to one byte read, the order not known yet.
    ByteOrderMark(Vec<u8>),
    By(Box<encoding_rs::Decoder>),
}

impl State {
    fn by(encoding: &'static Encoding) -> State {
        State::By(Box::new(encoding.new_decoder_without_bom_handling()))
    }
}

impl Decoder {
    /// Appends the characters that `bytes` complete to `text`.
    ///
    /// # Limits
    /// `text` grows by at most three bytes for a byte of input, and by what one character needs.
    ///
    /// # Errors
    /// When bytes are malformed and the decoder refuses them; `text` has what came before, and the stream is unusable.
    pub fn decode(&mut self, bytes: &[u8], text: &mut String) -> Result<(), Malformed> {
        self.step(bytes, text, false)
    }

    /// The stream has ended: an incomplete character is malformed.
    ///
    /// # Errors
    /// As for [`Decoder::decode`].
    pub fn finish(&mut self, text: &mut String) -> Result<(), Malformed> {
        self.step(&[], text, true)
    }

    fn step(&mut self, bytes: &[u8], text: &mut String, last: bool) -> Result<(), Malformed> {
        match &mut self.state {
            State::Ascii => decode_ascii(bytes, text, self.on_malformed),
            State::Latin1 => {
                text.extend(bytes.iter().map(|&b| char::from(b)));
                Ok(())
            }
            State::By(decoder) => decode_by(decoder, bytes, text, last, self.on_malformed),
            State::ByteOrderMark(seen) => {
                let mut bytes = bytes;
                while let (true, Some((&first, rest))) = (seen.len() < 2, bytes.split_first()) {
                    seen.push(first);
                    bytes = rest;
                }
                if seen.len() < 2 && !last {
                    return Ok(());
                }
                let (encoding, mark) = match seen.as_slice() {
                    [0xFE, 0xFF] => (encoding_rs::UTF_16BE, true),
                    [0xFF, 0xFE] => (encoding_rs::UTF_16LE, true),
                    _ => (encoding_rs::UTF_16BE, false),
                };
                let seen = if mark { Vec::new() } else { std::mem::take(seen) };
                self.state = State::by(encoding);
                self.step(&seen, text, false)?;
                self.step(bytes, text, last)
            }
        }
    }
}

fn decode_ascii(bytes: &[u8], text: &mut String, on_malformed: OnMalformed) -> Result<(), Malformed> {
    if on_malformed == OnMalformed::Replace {
        text.extend(
            bytes.iter().map(|&b| if b.is_ascii() { char::from(b) } else { char::REPLACEMENT_CHARACTER }),
        );
        return Ok(());
    }
    let good = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(bytes.len());
    text.extend(bytes.iter().take(good).map(|&b| char::from(b)));
    if good == bytes.len() { Ok(()) } else { Err(Malformed) }
}

fn decode_by(
    decoder: &mut encoding_rs::Decoder,
    mut bytes: &[u8],
    text: &mut String,
    last: bool,
    on_malformed: OnMalformed,
) -> Result<(), Malformed> {
    loop {
        let room =
            decoder.max_utf8_buffer_length(bytes.len()).expect("a read is far below the address space");
        text.reserve(room);
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, text, last);
        bytes = bytes.get(read..).unwrap_or_default();
        match (result, on_malformed) {
            (DecoderResult::InputEmpty, _) => return Ok(()),
            (DecoderResult::OutputFull, _) => {}
            (DecoderResult::Malformed(..), OnMalformed::Replace) => text.push(char::REPLACEMENT_CHARACTER),
            (DecoderResult::Malformed(..), OnMalformed::Refuse) => return Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_pieces(
        charset: Charset,
        bytes: &[u8],
        piece: usize,
        how: OnMalformed,
    ) -> Result<String, Malformed> {
        let (mut decoder, mut text) = (charset.decoder(how), String::new());
        for part in bytes.chunks(piece.max(1)) {
            decoder.decode(part, &mut text)?;
        }
        decoder.finish(&mut text).map(|()| text)
    }

    #[test]
    fn java_names_are_found_and_mean_what_java_means() {
        for (name, charset) in [
            ("utf-8", Charset::Utf8),
            ("UTF8", Charset::Utf8),
            ("iso-8859-1", Charset::Latin1),
            ("us-ascii", Charset::Ascii),
            ("UTF-16", Charset::Utf16),
            ("utf-16le", Charset::Utf16Le),
            ("windows-1252", Charset::Other(encoding_rs::WINDOWS_1252)),
            ("ISO8859_15", Charset::Other(encoding_rs::ISO_8859_15)),
            ("Shift_JIS", Charset::Other(encoding_rs::SHIFT_JIS)),
        ] {
            assert_eq!(Charset::for_java_name(name), Some(charset), "{name}");
        }
        for unknown in ["", "utf-9", "UTF-32", "x-user-defined", "replacement"] {
            assert_eq!(Charset::for_java_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn utf_16_takes_its_order_from_the_mark_and_is_big_endian_without_one() {
        for bytes in [&b"\xFE\xFF\0h\0i"[..], b"\xFF\xFEh\0i\0", b"\0h\0i"] {
            for piece in 1..=bytes.len() {
                assert_eq!(in_pieces(Charset::Utf16, bytes, piece, OnMalformed::Refuse).unwrap(), "hi");
            }
        }
        assert_eq!(Charset::Utf16.encode("hi"), b"\xFE\xFF\0h\0i");
        assert_eq!(Charset::Utf16Le.encode("hi"), b"h\0i\0");
        assert_eq!(in_pieces(Charset::Utf16, b"", 1, OnMalformed::Refuse).unwrap(), "");
        assert_eq!(in_pieces(Charset::Utf16, b"\0h\0", 1, OnMalformed::Refuse), Err(Malformed));
    }

    #[test]
    fn malformed_bytes_are_refused_or_replaced() {
        for (charset, bytes, replaced) in [
            (Charset::Utf8, &b"a\xFFb"[..], "a\u{FFFD}b"),
            (Charset::Utf8, b"a\xE2\x82", "a\u{FFFD}"),
            (Charset::Ascii, b"a\x80b", "a\u{FFFD}b"),
            (Charset::Utf16Be, b"\xD8\0\0a", "\u{FFFD}a"),
        ] {
            for piece in 1..=bytes.len() {
                assert_eq!(in_pieces(charset, bytes, piece, OnMalformed::Refuse), Err(Malformed));
                assert_eq!(in_pieces(charset, bytes, piece, OnMalformed::Replace).unwrap(), replaced);
            }
        }
    }

    #[test]
    fn what_a_charset_cannot_express_becomes_a_question_mark() {
        assert_eq!(Charset::Ascii.encode("aé"), b"a?");
        assert_eq!(Charset::Latin1.encode("é€"), b"\xE9?");
        assert_eq!(Charset::Other(encoding_rs::WINDOWS_1252).encode("é€ж"), b"\xE9\x80?");
        assert_eq!(Charset::Utf8.encode("é"), "é".as_bytes());
    }

    proptest! {
        #[test]
        fn text_comes_back_from_every_unicode_charset_in_any_pieces(text in ".*", piece in 1usize..9) {
            for charset in [Charset::Utf8, Charset::Utf16, Charset::Utf16Be, Charset::Utf16Le] {
                // A leading U+FEFF is a mark in UTF-16, which encode puts in front itself.
                let back = in_pieces(charset, &charset.encode(&text), piece, OnMalformed::Refuse);
                prop_assert_eq!(back.unwrap(), text.clone());
            }
        }

        #[test]
        fn no_bytes_panic_and_growth_is_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..9) {
            for charset in [Charset::Utf8, Charset::Ascii, Charset::Latin1, Charset::Utf16, Charset::Other(encoding_rs::BIG5)] {
                let text = in_pieces(charset, &bytes, piece, OnMalformed::Replace).unwrap();
                prop_assert!(text.len() <= 3 * bytes.len() + 3);
            }
        }
    }
}
