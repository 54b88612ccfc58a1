//! The two line layouts of Flume's shipped log4j files, unchanged from 1.5 to 1.11: `%d (%t) [%p - %l] %m%n` on the
//! console, `%d{dd MMM yyyy HH:mm:ss,SSS} %-5p [%t] (%C.%M:%L) %x - %m%n` in the file. Where Java prints a method we
//! print the logger alone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::fmt::Write;

/// Longest text of one record; the rest is cut off and counted. Events are not cut.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Where a line comes from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Name of the thread, as `%t`.
    pub(super) thread: Cow<'static, str>,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub(super) level: &'static str,
    /// Name of the logger, for `%C`.
    pub(super) logger: Cow<'static, str>,
    /// Method, if the logger has such a thing.
    pub(super) method: &'static str,
    /// Base name of the source file.
    pub(super) file: &'static str,
    /// Line in it.
    pub(super) line: u32,
}

/// Which of the two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Console,
    File,
}

/// Turns wall-clock times into text. Times come in order, so the text of the last second is kept.
pub(super) struct Clock {
    zone: TimeZone,
    second: i64,
    console: String,
    file: String,
    day: u32,
}

impl Clock {
    /// Local time, as log4j.
    pub(super) fn local() -> Self {
        Self::in_zone(TimeZone::system())
    }

    pub(super) fn in_zone(zone: TimeZone) -> Self {
        Clock { zone, second: i64::MIN, console: String::new(), file: String::new(), day: 0 }
    }

    /// The date at `wall_ms` as `yyyymmdd`.
    pub(super) fn day(&mut self, wall_ms: i64) -> u32 {
        self.turn_to(wall_ms);
        self.day
    }

    fn turn_to(&mut self, wall_ms: i64) {
        let second = wall_ms.div_euclid(1000);
        if second == self.second {
            return;
        }
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone());
        self.second = second;
        self.console = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.file = at.strftime("%d %b %Y %H:%M:%S").to_string();
        self.day = u32::try_from(at.year()).unwrap_or(0) * 10_000
            + u32::try_from(at.month()).unwrap_or(0) * 100
            + u32::try_from(at.day()).unwrap_or(0);
    }

    /// Appends one line.
    pub(super) fn render(
        &mut self,
        layout: Layout,
        wall_ms: i64,
        from: &Origin,
        text: &str,
        out: &mut String,
    ) {
        self.turn_to(wall_ms);
        let ms = wall_ms.rem_euclid(1000);
        let Origin { thread, level, logger, method, file, line } = from;
        let dot = if method.is_empty() { "" } else { "." };
        let head = match layout {
            Layout::Console => write!(
                out,
                "{},{ms:03} ({thread}) [{level} - {logger}{dot}{method}({file}:{line})] ",
                self.console
            ),
            Layout::File => {
                write!(out, "{},{ms:03} {level:<5} [{thread}] ({logger}{dot}{method}:{line})  - ", self.file)
            }
        };
        head.expect("a String takes every text");
        out.push_str(text);
        out.push('\n');
    }
}

/// Rooms of ours: a target may name one without the crate.
const ROOMS: [&str; 12] = [
    "agent",
    "control",
    "registry",
    "source",
    "sink",
    "channel",
    "interceptor",
    "selector",
    "processor",
    "pipeline",
    "reactor",
    "metrics",
];

/// `dataplane::source::netcat`, `source::netcat` and `source.netcat` become `penstock.source.netcat`; names of Flume's
/// classes and of libraries stay, with dots.
pub(super) fn logger_name(target: &str) -> Cow<'_, str> {
    let (first, rest) = target.split_at(target.find([':', '.']).unwrap_or(target.len()));
    let dotted = |rest: &str| rest.replace("::", ".");
    match first {
        "dataplane" => Cow::Owned(format!("penstock{}", dotted(rest))),
        room if ROOMS.contains(&room) => Cow::Owned(format!("penstock.{room}{}", dotted(rest))),
        _ if target.contains("::") => Cow::Owned(dotted(target)),
        _ => Cow::Borrowed(target),
    }
}

/// The text of a record fit for a log: bounded, without control characters that could move a terminal's cursor, and with
/// further lines indented, so that text from the network cannot pass for a line of ours.
pub(super) fn clean(text: String) -> String {
    let plain = |c: char| !c.is_control() || c == '\t';
    if text.len() <= MAX_TEXT_BYTES && text.chars().all(plain) {
        return text;
    }
    let end = beginning(&text, MAX_TEXT_BYTES).len();
    let mut out = String::with_capacity(end + 32);
    for c in text[..end].trim_end_matches(['\n', '\r']).chars() {
        match c {
            '\n' => out.push_str("\n    "),
            c if plain(c) => out.push(c),
            c => out.extend(c.escape_default()),
        }
    }
    if end < text.len() {
        write!(out, "… ({} more bytes)", text.len() - end).expect("a String takes every text");
    }
    out
}

/// The first characters of `text`, at most `max_bytes` of them.
pub(super) fn beginning(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(level: &'static str) -> Origin {
        Origin {
            thread: "main".into(),
            level,
            logger: "penstock.agent.start".into(),
            method: "",
            file: "start.rs",
            line: 12,
        }
    }

    #[test]
    fn lines_look_as_log4j_prints_them() {
        let mut clock = Clock::in_zone(TimeZone::UTC);
        let mut out = String::new();
        clock.render(Layout::Console, 1_795_275_911_123, &origin("INFO"), "Starting Source r1", &mut out);
        clock.render(Layout::File, 1_795_275_911_007, &origin("WARN"), "x", &mut out);
        let mut event = origin("INFO");
        event.logger = "org.apache.flume.sink.LoggerSink".into();
        (event.method, event.file, event.line) = ("process", "LoggerSink.java", 95);
        clock.render(Layout::Console, 1_795_275_912_000, &event, "Event: {}", &mut out);
        clock.render(Layout::File, 1_795_275_912_000, &event, "Event: {}", &mut out);
        assert_eq!(
            out,
            "2026-11-21 15:45:11,123 (main) [INFO - penstock.agent.start(start.rs:12)] Starting Source r1\n\
             21 Nov 2026 15:45:11,007 WARN  [main] (penstock.agent.start:12)  - x\n\
             2026-11-21 15:45:12,000 (main) [INFO - org.apache.flume.sink.LoggerSink.process(LoggerSink.java:95)] Event: {}\n\
             21 Nov 2026 15:45:12,000 INFO  [main] (org.apache.flume.sink.LoggerSink.process:95)  - Event: {}\n"
        );
        assert_eq!(clock.day(1_795_275_911_123), 20261121);
    }

    #[test]
    fn targets_read_as_logger_names() {
        for (target, name) in [
            ("dataplane::source::netcat", "penstock.source.netcat"),
            ("dataplane", "penstock"),
            ("agent", "penstock.agent"),
            ("source.netcat", "penstock.source.netcat"),
            ("sources.r1", "sources.r1"),
            ("dataplanet::x", "dataplanet.x"),
            ("penstock", "penstock"),
            ("org.apache.flume.node.Application", "org.apache.flume.node.Application"),
            ("hyper::proto", "hyper.proto"),
        ] {
            assert_eq!(logger_name(target), name);
        }
    }

    #[test]
    fn text_from_outside_cannot_forge_lines_or_move_the_cursor() {
        assert_eq!(clean("a\tb".to_string()), "a\tb");
        assert_eq!(clean("a\n2026 fake\u{1b}[2J\r\n".to_string()), "a\n    2026 fake\\u{1b}[2J");
        let long = clean("é".repeat(MAX_TEXT_BYTES));
        assert!(long.ends_with("é… (16384 more bytes)"), "{}", &long[long.len() - 40..]);
    }
}
