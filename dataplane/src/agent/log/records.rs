//! The `tracing` side: a call becomes a record.

use super::format::{Origin, clean, logger_name};
use super::levels::Levels;
use super::limiter::Verdict;
use super::queue::{Queue, Record, wall_ms};
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// The process's subscriber. It knows no spans: Flume's lines have none.
pub(super) struct Records {
    queue: Arc<Queue>,
    levels: Arc<Levels>,
}

impl Records {
    pub(super) fn new(queue: Arc<Queue>, levels: Arc<Levels>) -> Self {
        Records { queue, levels }
    }
}

impl Subscriber for Records {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() { Interest::never() } else { Interest::sometimes() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.levels.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.max())
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut words = Words::default();
        event.record(&mut words);
        let text = clean(words.finish());
        let at_ms = wall_ms();
        let from = Origin {
            thread: thread_name(),
            level: level_name(*metadata.level()),
            logger: Cow::Owned(logger_name(metadata.target()).into_owned()),
            method: "",
            file: metadata.file().map_or("", base_name),
            line: metadata.line().unwrap_or(0),
        };
        let site = std::ptr::from_ref(metadata).addr();
        let limited = *metadata.level() <= Level::INFO;
        let verdict = match limited {
            true => self.queue.limiter.judge(site, at_ms, &from, &text),
            false => Verdict::Print,
        };
        match verdict {
            Verdict::Print => self.queue.push(Record { wall_ms: at_ms, from, text }),
            // The writer sleeps without an end when it owes no line: it has to learn that it does.
            Verdict::FirstSuppressed => self.queue.wake(),
            Verdict::Suppressed => {}
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn thread_name() -> Cow<'static, str> {
    let thread = std::thread::current();
    thread.name().map_or(Cow::Borrowed("thread"), |n| Cow::Owned(n.to_string()))
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

fn base_name(path: &'static str) -> &'static str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The message, then ` name=value` for each further field.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Words {
    fn finish(self) -> String {
        if self.fields.is_empty() { self.message } else { self.message + &self.fields }
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let written = if field.name() == "message" {
            self.message.write_fmt(value)
        } else {
            write!(self.fields, " {}={value}", field.name())
        };
        if written.is_err() {
            self.fields.push_str(" (a value could not be printed)");
        }
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
    }
}
