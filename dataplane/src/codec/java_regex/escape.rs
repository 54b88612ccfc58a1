//! What a backslash means in a Java pattern.

use super::{BadPattern, Parsed, Parser};

/// What an escape stands for where both a class and a pattern may have it.
pub(super) enum Escaped {
    /// One character.
    Char(char),
    /// A set, written as a class in brackets.
    Set(String),
    /// Text that means itself, up to `\E`.
    Quoted(Vec<char>),
}

/// A character that the engine cannot take for anything else, as one atom.
pub(super) fn verbatim(c: char) -> String {
    if c.is_ascii_alphanumeric() || c == '_' {
        return c.into();
    }
    format!("\\x{{{:X}}}", u32::from(c))
}

const VERTICAL_SPACE: &str = r"[\n\x{B}\x{C}\r\x{85}\x{2028}\x{2029}]";
const NOT_VERTICAL_SPACE: &str = r"[^\n\x{B}\x{C}\r\x{85}\x{2028}\x{2029}]";
const HORIZONTAL_SPACE: &str = r"[ \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]";
const NOT_HORIZONTAL_SPACE: &str = r"[^ \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]";

impl Parser<'_> {
    /// After a backslash outside a class: writes what it means.
    pub(super) fn escape(&mut self) -> Parsed<()> {
        let text = match self.peek() {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('Z') => self.dollar(false),
            Some('b') => r"\b",
            Some('B') => r"\B",
            Some('R') => r"(?:\r\n|[\n\x{B}\x{C}\r\x{85}\x{2028}\x{2029}])",
            Some('G') => return Err(self.unsupported("\\G")),
            Some('X') => return Err(self.unsupported("\\X")),
            Some('1'..='9') => return self.numbered_reference(),
            Some('k') => return self.named_reference(),
            _ => {
                match self.escaped()? {
                    Escaped::Char(c) => self.literal(c),
                    Escaped::Set(set) => self.out.push_str(&set),
                    Escaped::Quoted(text) => self.quoted(&text),
                }
                return Ok(());
            }
        };
        self.at += 1;
        if self.peek() == Some('{') && text == r"\b" {
            return Err(self.unsupported("\\b{…}"));
        }
        self.out.push_str(text);
        Ok(())
    }

    /// Every character becomes a group of its own, so that a quantifier behind takes the last one.
    fn quoted(&mut self, text: &[char]) {
        for &c in text {
            self.out.push_str("(?:");
            self.literal(c);
            self.out.push(')');
        }
    }

    fn numbered_reference(&mut self) -> Parsed<()> {
        let mut group = 0usize;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if group > 0 && longer > self.groups {
                break;
            }
            group = longer;
            self.at += 1;
        }
        if group > self.groups {
            return Err(self.unsupported("a reference to a group that is not open yet"));
        }
        self.reference(&format!("(?:\\{group})"))
    }

    fn named_reference(&mut self) -> Parsed<()> {
        self.at += 1;
        if self.bump() != Some('<') {
            return Err(self.syntax("\\k is not followed by '<'"));
        }
        let name = self.group_name()?;
        self.reference(&format!("\\k<{name}>"))
    }

    fn reference(&mut self, text: &str) -> Parsed<()> {
        if self.flags.case_insensitive {
            return Err(self.unsupported("a back-reference that ignores case"));
        }
        self.out.push_str(text);
        Ok(())
    }

    /// After a backslash, in a class or outside: what is meant.
    pub(super) fn escaped(&mut self) -> Parsed<Escaped> {
        let Some(c) = self.bump() else {
            return Err(self.syntax("a backslash at the end"));
        };
        let unicode = self.flags.unicode_classes;
        let set = |ascii: &str, other: &str| Escaped::Set(if unicode { other } else { ascii }.to_owned());
        Ok(match c {
            't' => Escaped::Char('\t'),
            'n' => Escaped::Char('\n'),
            'r' => Escaped::Char('\r'),
            'f' => Escaped::Char('\x0C'),
            'a' => Escaped::Char('\x07'),
            'e' => Escaped::Char('\x1B'),
            'd' => set("[0-9]", r"\p{Nd}"),
            'D' => set("[^0-9]", r"\P{Nd}"),
            'w' => set("[A-Za-z0-9_]", r"\w"),
            'W' => set("[^A-Za-z0-9_]", r"\W"),
            's' => set(r"[ \t\n\x{B}\x{C}\r]", r"\s"),
            'S' => set(r"[^ \t\n\x{B}\x{C}\r]", r"\S"),
            'h' => Escaped::Set(HORIZONTAL_SPACE.to_owned()),
            'H' => Escaped::Set(NOT_HORIZONTAL_SPACE.to_owned()),
            'v' => Escaped::Set(VERTICAL_SPACE.to_owned()),
            'V' => Escaped::Set(NOT_VERTICAL_SPACE.to_owned()),
            'p' | 'P' => Escaped::Set(self.property(c == 'P')?),
            '0' => Escaped::Char(self.octal()?),
            'x' => Escaped::Char(self.hexadecimal()?),
            'u' => Escaped::Char(self.utf16()?),
            'c' => match self.bump() {
                Some(c) if c.is_ascii() => Escaped::Char(char::from(c as u8 ^ 64)),
                _ => return Err(self.syntax("\\c is not followed by an ASCII character")),
            },
            'Q' => Escaped::Quoted(self.until_end_of_quotation()),
            'N' => return Err(self.unsupported("\\N{…}")),
            c if c.is_ascii_alphabetic() => {
                return Err(self.syntax(&format!("illegal or unsupported escape \\{c}")));
            }
            c => Escaped::Char(c),
        })
    }

    fn until_end_of_quotation(&mut self) -> Vec<char> {
        let rest = &self.chars[self.at..];
        let length = rest.windows(2).position(|pair| pair == ['\\', 'E']);
        let text = rest[..length.unwrap_or(rest.len())].to_vec();
        self.at += length.map_or(rest.len(), |n| n + 2);
        text
    }

    /// `\0` and up to three octal digits, at most 0377.
    fn octal(&mut self) -> Parsed<char> {
        let mut value = 0;
        let mut digits = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
            if digits == 3 || value * 8 + digit > 0o377 {
                break;
            }
            value = value * 8 + digit;
            digits += 1;
            self.at += 1;
        }
        if digits == 0 {
            return Err(self.syntax("\\0 is not followed by an octal digit"));
        }
        self.scalar(value)
    }

    /// `\xHH` or `\x{H…}`.
    fn hexadecimal(&mut self) -> Parsed<char> {
        if self.peek() != Some('{') {
            let value = self.hex_digits(2)?;
            return self.scalar(value);
        }
        self.at += 1;
        let mut value = 0u32;
        let mut digits = 0;
        loop {
            match self.bump() {
                Some('}') if digits > 0 => return self.scalar(value),
                Some(c) if c.is_ascii_hexdigit() && value <= 0x10FFFF => {
                    value = value * 16 + c.to_digit(16).expect("checked to be a digit");
                    digits += 1;
                }
                _ => return Err(self.syntax("bad hexadecimal escape")),
            }
        }
    }

    /// `\uHHHH`, or two of them that form a pair.
    fn utf16(&mut self) -> Parsed<char> {
        let first = self.hex_digits(4)?;
        if !(0xD800..0xDC00).contains(&first) {
            return self.scalar(first);
        }
        if self.bump() == Some('\\') && self.bump() == Some('u') {
            let second = self.hex_digits(4)?;
            if (0xDC00..0xE000).contains(&second) {
                return self.scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
            }
        }
        Err(self.unsupported("half of a surrogate pair"))
    }

    fn hex_digits(&mut self, count: usize) -> Parsed<u32> {
        let mut value = 0;
        for _ in 0..count {
            let Some(digit) = self.bump().and_then(|c| c.to_digit(16)) else {
                return Err(self.syntax("bad hexadecimal escape"));
            };
            value = value * 16 + digit;
        }
        Ok(value)
    }

    fn scalar(&self, value: u32) -> Result<char, BadPattern> {
        char::from_u32(value).ok_or_else(|| self.syntax("no such character"))
    }

    /// After `\p` or `\P`: the property as a class.
    fn property(&mut self, negated: bool) -> Parsed<String> {
        let name: String = match self.bump() {
            Some('{') => {
                let rest = &self.chars[self.at..];
                let Some(length) = rest.iter().position(|&c| c == '}') else {
                    return Err(self.syntax("unclosed character family"));
                };
                let name = rest[..length].iter().collect();
                self.at += length + 1;
                name
            }
            Some(c) => c.into(),
            None => return Err(self.syntax("a backslash sequence without its end")),
        };
        let Some(set) = named_set(&name, self.flags.unicode_classes) else {
            return Err(self.unsupported(&format!("\\p{{{name}}}")));
        };
        Ok(if negated { format!("[^{set}]") } else { format!("[{set}]") })
    }
}

/// The inside of a class for one of Java's property names.
fn named_set(name: &str, unicode: bool) -> Option<String> {
    let posix = match (name, unicode) {
        ("Lower", false) => "a-z",
        ("Upper", false) => "A-Z",
        ("ASCII", _) => r"\x{0}-\x{7F}",
        ("Alpha", false) => "A-Za-z",
        ("Digit", false) => "0-9",
        ("Alnum", false) => "A-Za-z0-9",
        ("Punct", false) => r"!-/:-@\[-`{-~",
        ("Graph", false) => "!-~",
        ("Print", false) => r"\x{20}-~",
        ("Blank", false) => r" \t",
        ("Cntrl", false) => r"\x{0}-\x{1F}\x{7F}",
        ("XDigit", false) => "0-9A-Fa-f",
        ("Space", false) => r" \t\n\x{B}\x{C}\r",
        ("Lower" | "javaLowerCase" | "IsLowercase", _) => r"\p{Lowercase}",
        ("Upper" | "javaUpperCase" | "IsUppercase", _) => r"\p{Uppercase}",
        ("Alpha" | "javaAlphabetic" | "IsAlphabetic", _) => r"\p{Alphabetic}",
        ("Digit" | "javaDigit" | "IsDigit", _) => r"\p{Nd}",
        ("Alnum", _) => r"\p{Alphabetic}\p{Nd}",
        ("Punct" | "IsPunctuation", _) => r"\p{P}",
        ("Space" | "IsWhite_Space", _) => r"\s",
        ("Cntrl" | "IsControl", _) => r"\p{Cc}",
        ("javaLetter" | "IsLetter", _) => r"\p{L}",
        ("javaLetterOrDigit" | "LD", _) => r"\p{L}\p{Nd}",
        ("IsIdeographic", _) => r"\p{Ideographic}",
        ("IsHex_Digit", _) => r"\p{Hex_Digit}",
        ("L1", _) => r"\x{0}-\x{FF}",
        ("LC", _) => r"\p{Lu}\p{Ll}\p{Lt}",
        _ => return general_category(name).or_else(|| script(name)),
    };
    Some(posix.to_owned())
}

fn general_category(name: &str) -> Option<String> {
    let value = ["Is", "gc=", "general_category="].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    const CATEGORIES: &[&str] = &[
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd",
        "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf",
        "Co", "Cn",
    ];
    CATEGORIES.contains(&value).then(|| format!("\\p{{{value}}}"))
}

fn script(name: &str) -> Option<String> {
    let value = ["Is", "sc=", "script="].iter().find_map(|p| name.strip_prefix(p))?;
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    plain.then(|| format!("\\p{{Script={value}}}"))
}
