//! Standard output: lines, JSON and pages that are drawn over; quiet when the reader goes away.

use crate::text;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Where answers go.
pub(crate) struct Output {
    is_terminal: bool,
    is_closed: bool,
    has_page: bool,
}

impl Output {
    /// Standard output.
    pub(crate) fn new() -> Self {
        Output { is_terminal: io::stdout().is_terminal(), is_closed: false, has_page: false }
    }

    /// True when nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Columns of the terminal, if it is one.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok().filter(|_| self.is_terminal)?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// Lines of a page that fit above its foot, on a terminal.
    pub(crate) fn page_rows(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok().filter(|_| self.is_terminal)?;
        Some(usize::from(size.ws_row)).filter(|rows| *rows > 1).map(|rows| rows - 1)
    }

    /// Whether colours are wanted: a terminal, and no `NO_COLOR`.
    pub(crate) fn colours(&self) -> bool {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        self.is_terminal && !is_refused && !is_dumb
    }

    /// Prints lines that are clean already.
    pub(crate) fn lines<S: AsRef<str>>(&mut self, lines: &[S]) {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        self.write(&text);
    }

    /// Prints one line that is clean already.
    pub(crate) fn line(&mut self, line: &str) {
        self.lines(&[line]);
    }

    /// Prints a value as indented JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("our own types and JSON values can be printed");
        self.line(&text::clean_json(&text));
    }

    /// Prints a value as JSON on one line.
    pub(crate) fn json_line(&mut self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).expect("our own types and JSON values can be printed");
        self.line(&text::clean_json(&text));
    }

    /// Draws a page over the last one on a terminal, without clearing it first: nothing flickers. Elsewhere pages follow
    /// each other, with an empty line between.
    pub(crate) fn page(&mut self, lines: &[String], pause: Duration) {
        if !self.is_terminal {
            if self.has_page {
                self.write("\n");
            }
            self.has_page = true;
            return self.lines(lines);
        }
        let foot = format!("every {} s; Ctrl-C ends it", pause.as_secs_f64());
        let rows = self.page_rows().unwrap_or(usize::MAX);
        let mut text = String::from(if self.has_page { "\x1b[H" } else { "\x1b[2J\x1b[H" });
        for line in lines.iter().take(rows) {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        if lines.len() > rows {
            text.push_str("… the terminal is too small for the rest; ");
        }
        text.push_str(&foot);
        text.push_str("\x1b[K\x1b[J");
        self.has_page = true;
        self.write(&text);
    }

    /// Says something on standard error, below a page that is there.
    pub(crate) fn complain(&mut self, line: &str) {
        let start = if self.is_terminal && self.has_page { "\n" } else { "" };
        self.has_page = self.has_page && !self.is_terminal;
        // Nowhere is left to say that standard error is closed.
        drop(writeln!(io::stderr(), "{start}ctl: {line}"));
    }

    fn write(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.is_closed = true;
        }
    }
}
