//! The settings of `file_roll`.

use crate::config::units::{self, INT, LONG};
use crate::config::{BadValue, Kind, KindInfo, OpenPrefix, RunsOn, Setting, Unit};
use crate::pipeline::Sink;

pub(super) static DIRECTORY: Setting<String> = Setting::new(
    "sink.directory",
    units::text,
    "a path",
    "Directory of the files; created if it is missing.",
)
.required();

pub(super) static ROLL_INTERVAL: Setting<i64> = Setting::new(
    "sink.rollInterval",
    units::whole::<{ i64::MIN }, LONG>,
    "a whole number; 0 and below mean one file for ever",
    "How long a file is written before the next one is begun; an interval without events makes no file.",
)
.default("30")
.unit(Unit::Seconds);

pub(super) static BATCH_SIZE: Setting<u64> = Setting::new(
    "sink.batchSize",
    units::count::<1, INT>,
    "1 to 2147483647",
    "Most events taken in one transaction; at most the channel's transactionCapacity.",
)
.default("100")
.unit(Unit::Events);

pub(super) static SERIALIZER: Setting<String> = Setting::new(
    "sink.serializer",
    units::text,
    "text, header_and_text",
    "How events are written; its own settings follow below sink.serializer.",
)
.default("TEXT");

pub(super) static PATH_MANAGER: Setting<Naming> = Setting::new(
    "sink.pathManager",
    naming,
    "DEFAULT, ROLLTIME",
    "How files are named: DEFAULT by the milliseconds of the start and a number, ROLLTIME by the local time of the \
     file's beginning and a number.",
)
.default("DEFAULT");

pub(super) static PREFIX: Setting<String> =
    Setting::new("sink.pathManager.prefix", units::text, "", "Beginning of every file name.").default("");

pub(super) static EXTENSION: Setting<String> =
    Setting::new("sink.pathManager.extension", units::text, "", "End of every file name, after a dot.")
        .default("");

/// What the registry lists.
pub static KIND: Kind<dyn Sink> = Kind {
    info: KindInfo {
        names: &["file_roll", "org.apache.flume.sink.RollingFileSink"],
        summary: "Writes events to files in a directory and begins a new file at intervals.",
        runs_on: RunsOn::File,
        settings: &[&DIRECTORY, &ROLL_INTERVAL, &BATCH_SIZE, &SERIALIZER, &PATH_MANAGER, &PREFIX, &EXTENSION],
        open_prefixes: &[OpenPrefix {
            prefix: "sink.serializer.",
            rest: "<setting>",
            doc: "Settings of the serializer.",
        }],
        unsupported: &[],
        batch_size_key: Some("sink.batchSize"),
    },
    build: super::build,
};

/// How files are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// By the milliseconds of the start.
    Default,
    /// By the local time of the file's beginning.
    RollTime,
}

fn naming(text: &str) -> Result<Naming, BadValue> {
    let is = |alias: &str, class: &str| text.eq_ignore_ascii_case(alias) || text.eq_ignore_ascii_case(class);
    if is("default", "org.apache.flume.formatter.output.DefaultPathManager$Builder") {
        return Ok(Naming::Default);
    }
    if is("rolltime", "org.apache.flume.formatter.output.RollTimePathManager$Builder") {
        return Ok(Naming::RollTime);
    }
    Err(BadValue::NotOneOf { text: text.to_owned(), allowed: "DEFAULT, ROLLTIME" })
}
