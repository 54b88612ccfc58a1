//! Java's regular expressions: patterns of configuration files, translated for the engine here.
//!
//! The same text means different things to Java and to Rust: `\d`, `\w`, `\s`, POSIX classes and `(?i)` are ASCII in
//! Java, `.` stops at five line terminators, `$` also matches before a last one, `a++` is possessive, `--` in a class is
//! two hyphens. So every construct is read by Java's rules and written out in a form that cannot be misread; flags never
//! reach the engine. What cannot be had is an error that names it.
//!
//! # Limits
//! A pattern nests at most [`MAX_DEPTH`] deep. Matching gives up after a bounded amount of backtracking. `\b` takes
//! letters, marks and digits of all scripts as word characters, as JDKs up to 18 do but for a few marks.

mod class;
mod escape;

use fancy_regex::{Regex, RegexBuilder};
use std::str::FromStr;

/// Deepest nesting of groups or classes.
pub const MAX_DEPTH: usize = 100;
/// Backtracking steps before a match is given up.
const MAX_BACKTRACKS: usize = 1_000_000;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Java refuses it, too.
    #[error("bad regular expression \"{pattern}\": {what} at character {at}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        what: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// Java has it; it is not supported here.
    #[error("regular expression \"{pattern}\": {construct} at character {at} is not supported here")]
    Unsupported {
        /// The pattern.
        pattern: String,
        /// The construct.
        construct: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// The engine refuses it.
    #[error("regular expression \"{pattern}\" cannot be used: {cause}")]
    Engine {
        /// The pattern.
        pattern: String,
        /// What the engine says.
        cause: String,
    },
}

/// Matching was given up: the pattern backtracks too much on this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("regular expression gave up after {MAX_BACKTRACKS} steps of backtracking")]
pub struct TooCostly;

/// A Java pattern, compiled. Match on decoded text.
#[derive(Debug, Clone)]
pub struct JavaRegex(Regex);

impl JavaRegex {
    /// A pattern that matches anywhere: Java's `Matcher.find`.
    pub fn find(pattern: &str) -> Result<Self, BadPattern> {
        let translated = translate(pattern)?;
        Self::compile(pattern, &translated)
    }

    /// A pattern that must match the whole text: Java's `Matcher.matches`.
    pub fn whole(pattern: &str) -> Result<Self, BadPattern> {
        let translated = translate(pattern)?;
        Self::compile(pattern, &format!(r"\A(?:{translated})\z"))
    }

    fn compile(pattern: &str, translated: &str) -> Result<Self, BadPattern> {
        let built = RegexBuilder::new(translated).backtrack_limit(MAX_BACKTRACKS).build();
        built.map(JavaRegex).map_err(|e| BadPattern::Engine { pattern: pattern.into(), cause: e.to_string() })
    }

    /// Whether the text matches.
    ///
    /// # Errors
    /// When that takes too long to find out.
    pub fn is_match(&self, text: &str) -> Result<bool, TooCostly> {
        self.0.is_match(text).map_err(|_| TooCostly)
    }

    /// The compiled pattern, for captures and replacements.
    pub fn engine(&self) -> &Regex {
        &self.0
    }
}

impl FromStr for JavaRegex {
    type Err = BadPattern;
    fn from_str(pattern: &str) -> Result<Self, BadPattern> {
        Self::find(pattern)
    }
}

/// The pattern in the engine's syntax.
///
/// # Errors
/// See [`BadPattern`].
pub fn translate(pattern: &str) -> Result<String, BadPattern> {
    let chars = pattern.chars().collect();
    let parser = Parser { pattern, chars, at: 0, flags: Flags::default(), out: String::new(), groups: 0 };
    parser.run()
}

/// Java's inline flags as they stand at one place of a pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Flags {
    /// `i`
    case_insensitive: bool,
    /// `m`
    multi_line: bool,
    /// `s`
    dot_all: bool,
    /// `x`
    comments: bool,
    /// `d`
    unix_lines: bool,
    /// `u`
    unicode_case: bool,
    /// `U`
    unicode_classes: bool,
}

struct Parser<'a> {
    pattern: &'a str,
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    out: String,
    /// Capturing groups opened so far.
    groups: usize,
}

/// What a closing parenthesis ends.
struct OpenGroup {
    /// Where the group begins in the output.
    start: usize,
    /// Flags outside it.
    flags: Flags,
}

type Parsed<T> = Result<T, BadPattern>;

impl Parser<'_> {
    fn run(mut self) -> Parsed<String> {
        let mut open: Vec<OpenGroup> = Vec::new();
        // Where the thing begins that a quantifier would repeat.
        let mut atom: Option<usize> = None;
        while let Some(c) = self.bump() {
            let start = self.out.len();
            match c {
                '(' => {
                    let flags = self.flags;
                    // `(?i)` opens nothing.
                    if self.open_group()? {
                        if open.len() >= MAX_DEPTH {
                            return Err(self.unsupported("nesting that deep"));
                        }
                        open.push(OpenGroup { start, flags });
                    }
                    atom = None;
                }
                ')' => {
                    let group = open.pop().ok_or_else(|| self.syntax("unmatched closing parenthesis"))?;
                    self.flags = group.flags;
                    self.out.push(')');
                    atom = Some(group.start);
                }
                '|' => {
                    self.out.push('|');
                    atom = None;
                }
                '*' | '+' | '?' | '{' => {
                    let Some(start) = atom.take() else {
                        return Err(self.syntax(&format!("'{c}' has nothing to repeat")));
                    };
                    self.quantifier(c, start)?;
                }
                ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r' if self.flags.comments => {}
                '#' if self.flags.comments => while self.bump().is_some_and(|c| c != '\n') {},
                _ => {
                    self.atom(c)?;
                    // `\Q\E` is nothing.
                    if self.out.len() > start {
                        atom = Some(self.last_atom(c, start));
                    }
                }
            }
        }
        if !open.is_empty() {
            return Err(self.syntax("unclosed group"));
        }
        Ok(self.out)
    }

    /// Where the last character of a quotation begins: `\Qab\E+` repeats `b`; everything else is one atom.
    fn last_atom(&self, c: char, start: usize) -> usize {
        let quoted = c == '\\' && self.chars.get(self.at.wrapping_sub(1)) == Some(&'E');
        let text = &self.out[start..];
        if !quoted || !text.starts_with("(?:") {
            return start;
        }
        text.rfind("(?:").map_or(start, |at| start + at)
    }

    fn atom(&mut self, c: char) -> Parsed<()> {
        match c {
            '.' => self.out.push_str(self.dot()),
            '^' => self.out.push_str(self.caret()),
            '$' => self.out.push_str(self.dollar(self.flags.multi_line)),
            '[' => {
                let class = self.class(0)?;
                self.out.push_str(&class);
            }
            '\\' => self.escape()?,
            c => self.literal(c),
        }
        Ok(())
    }

    fn dot(&self) -> &'static str {
        match (self.flags.dot_all, self.flags.unix_lines) {
            (true, _) => "(?s:.)",
            (_, true) => r"[^\n]",
            _ => r"[^\n\r\x{85}\x{2028}\x{2029}]",
        }
    }

    fn caret(&self) -> &'static str {
        match (self.flags.multi_line, self.flags.unix_lines) {
            (false, _) => r"\A",
            (_, true) => r"(?:\A|(?<=\n)(?!\z))",
            _ => r"(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])(?!\z)|(?<=\r)(?![\n])(?!\z))",
        }
    }

    /// `$`, and `\Z` when `multi_line` is false.
    fn dollar(&self, multi_line: bool) -> &'static str {
        match (multi_line, self.flags.unix_lines) {
            // At the very end of a pattern without anything before it that could eat a line end, `$` could be `\z`; the
            // look-ahead is right everywhere.
            (false, true) => r"(?=\n?\z)",
            (false, false) => r"(?:(?=(?:\r\n|[\r\x{85}\x{2028}\x{2029}])?\z)|(?<!\r)(?=\n\z))",
            (true, true) => r"(?=\n|\z)",
            (true, false) => r"(?:(?=[\r\x{85}\x{2028}\x{2029}]|\z)|(?<!\r)(?=\n))",
        }
    }

    /// One character that means itself.
    fn literal(&mut self, c: char) {
        let Flags { case_insensitive, unicode_case, .. } = self.flags;
        if case_insensitive && c.is_ascii_alphabetic() && !unicode_case {
            self.out.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else if case_insensitive && unicode_case && c.is_alphabetic() {
            self.out.extend(["(?i:", &escape::verbatim(c), ")"]);
        } else {
            self.out.push_str(&escape::verbatim(c));
        }
    }

    /// After `(`: writes the opening. False for `(?flags)`, which has no group.
    fn open_group(&mut self) -> Parsed<bool> {
        if self.peek() != Some('?') {
            self.groups += 1;
            self.out.push('(');
            return Ok(true);
        }
        self.at += 1;
        let opening = match self.bump() {
            Some(':') => "(?:",
            Some('=') => "(?=",
            Some('!') => "(?!",
            Some('>') => "(?>",
            Some('<') => match self.peek() {
                Some('=') => "(?<=",
                Some('!') => "(?<!",
                _ => {
                    let name = self.group_name()?;
                    self.groups += 1;
                    self.out.extend(["(?<", &name, ">"]);
                    return Ok(true);
                }
            },
            Some(_) => {
                self.at -= 1;
                return self.inline_flags();
            }
            None => return Err(self.syntax("unclosed group")),
        };
        if opening.len() == 4 {
            self.at += 1;
        }
        self.out.push_str(opening);
        Ok(true)
    }

    /// `name>`: letters and digits of ASCII, a letter first.
    fn group_name(&mut self) -> Parsed<String> {
        let mut name = String::new();
        while let Some(c) = self.bump() {
            match c {
                '>' if !name.is_empty() => return Ok(name),
                'a'..='z' | 'A'..='Z' => name.push(c),
                '0'..='9' if !name.is_empty() => name.push(c),
                _ => break,
            }
        }
        Err(self.syntax("a group name has ASCII letters and digits only, and begins with a letter"))
    }

    /// `flags)` or `flags:`; `-` switches off what follows it.
    fn inline_flags(&mut self) -> Parsed<bool> {
        let mut on = true;
        while let Some(c) = self.bump() {
            let flag = match c {
                'i' => &mut self.flags.case_insensitive,
                'm' => &mut self.flags.multi_line,
                's' => &mut self.flags.dot_all,
                'x' => &mut self.flags.comments,
                'd' => &mut self.flags.unix_lines,
                'u' => &mut self.flags.unicode_case,
                'U' => {
                    self.flags.unicode_case = on;
                    &mut self.flags.unicode_classes
                }
                '-' if on => {
                    on = false;
                    continue;
                }
                ')' => return Ok(false),
                ':' => {
                    self.out.push_str("(?:");
                    return Ok(true);
                }
                c => return Err(self.syntax(&format!("unknown inline flag '{c}'"))),
            };
            *flag = on;
        }
        Err(self.syntax("unclosed group"))
    }

    /// After `*`, `+`, `?` or `{`; `start` is where the repeated thing begins in the output.
    fn quantifier(&mut self, c: char, start: usize) -> Parsed<()> {
        let mut text = String::from(c);
        if c == '{' {
            loop {
                match self.bump() {
                    Some(d @ '0'..='9') => text.push(d),
                    Some(',') if text.len() > 1 && !text.contains(',') => text.push(','),
                    Some('}') if text.len() > 1 => break text.push('}'),
                    _ => return Err(self.syntax("illegal repetition")),
                }
            }
        }
        self.out.push_str(&text);
        match self.peek() {
            Some('?') => {
                self.at += 1;
                self.out.push('?');
            }
            Some('+') => {
                self.at += 1;
                self.out.insert_str(start, "(?>");
                self.out.push(')');
            }
            _ => {}
        }
        if self.peek() == Some('{') {
            self.at += 1;
            return Err(self.unsupported("a repetition of a repetition"));
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn syntax(&self, what: &str) -> BadPattern {
        BadPattern::Syntax { pattern: self.pattern.into(), what: what.into(), at: self.at }
    }

    fn unsupported(&self, construct: &str) -> BadPattern {
        BadPattern::Unsupported { pattern: self.pattern.into(), construct: construct.into(), at: self.at }
    }
}

#[cfg(test)]
mod tests;
