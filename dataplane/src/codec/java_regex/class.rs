//! Character classes of Java patterns: unions, intersections, nested classes.

use super::escape::{Escaped, verbatim};
use super::{MAX_DEPTH, Parsed, Parser};

/// A part of a class.
enum Item {
    Char(char),
    Set(String),
}

impl Parser<'_> {
    /// After `[`: the class up to its `]`, in the engine's syntax.
    pub(super) fn class(&mut self, depth: usize) -> Parsed<String> {
        if depth >= MAX_DEPTH {
            return Err(self.unsupported("nesting that deep"));
        }
        let mut out = String::from("[");
        if self.peek() == Some('^') {
            self.at += 1;
            out.push('^');
        }
        // An operand of `&&` is written as a class of its own, so that nothing depends on precedence.
        let mut operands = vec![String::new()];
        loop {
            let Some(c) = self.bump() else {
                return Err(self.syntax("unclosed character class"));
            };
            let first = operands.len() == 1 && operands[0].is_empty();
            match c {
                ']' if !first => break,
                '&' if self.peek() == Some('&') && !first => {
                    self.at += 1;
                    // `&&&&` and `&&]` add no operand.
                    if operands.last().is_some_and(|o| !o.is_empty()) {
                        operands.push(String::new());
                    }
                    continue;
                }
                ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r' if self.flags.comments => continue,
                _ => {}
            }
            let text = self.class_part(c, depth)?;
            operands.last_mut().expect("there is one from the start").push_str(&text);
        }
        operands.retain(|o| !o.is_empty());
        match operands.as_slice() {
            [one] => out.push_str(one),
            many => out.push_str(&many.iter().map(|o| format!("[{o}]")).collect::<Vec<_>>().join("&&")),
        }
        out.push(']');
        Ok(out)
    }

    /// One character, range, escape or nested class.
    fn class_part(&mut self, c: char, depth: usize) -> Parsed<String> {
        let from = match c {
            '[' => return self.class(depth + 1),
            '\\' => match self.class_escape()? {
                Item::Char(c) => c,
                Item::Set(set) => return Ok(set),
            },
            c => c,
        };
        let is_range = self.peek() == Some('-')
            && !matches!(self.chars.get(self.at + 1), None | Some(']' | '['))
            && !(self.chars.get(self.at + 1) == Some(&'&') && self.chars.get(self.at + 2) == Some(&'&'));
        if !is_range {
            return self.range(from, from);
        }
        self.at += 1;
        let to = match self.bump() {
            Some('\\') => match self.class_escape()? {
                Item::Char(c) => c,
                // `[a-\d]`: the hyphen means itself.
                Item::Set(set) => {
                    return Ok(format!("{}{}{set}", self.range(from, from)?, verbatim('-')));
                }
            },
            Some(c) => c,
            None => return Err(self.syntax("unclosed character class")),
        };
        if to < from {
            return Err(self.syntax("a range of characters that ends before it begins"));
        }
        self.range(from, to)
    }

    fn class_escape(&mut self) -> Parsed<Item> {
        match self.escaped()? {
            Escaped::Char(c) => Ok(Item::Char(c)),
            Escaped::Set(set) => Ok(Item::Set(set)),
            Escaped::Quoted(text) => {
                let chars: Parsed<Vec<String>> = text.into_iter().map(|c| self.range(c, c)).collect();
                Ok(Item::Set(chars?.concat()))
            }
        }
    }

    /// A range in the engine's syntax, with the other case of its ASCII letters if case is ignored.
    fn range(&self, from: char, to: char) -> Parsed<String> {
        let span = |from: char, to: char| {
            if from == to { verbatim(from) } else { format!("{}-{}", verbatim(from), verbatim(to)) }
        };
        let mut text = span(from, to);
        if !self.flags.case_insensitive {
            return Ok(text);
        }
        if self.flags.unicode_case && !(from.is_ascii() && to.is_ascii()) {
            return Err(self.unsupported("a class beyond ASCII that ignores case"));
        }
        for (first, last, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
            let (low, high) = (from.max(first), to.min(last));
            if low <= high {
                let shift = |c: char| char::from((c as u8) - (first as u8) + (other as u8));
                text.push_str(&span(shift(low), shift(high)));
            }
        }
        Ok(text)
    }
}
