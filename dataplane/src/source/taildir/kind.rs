//! The settings of `taildir`.

use crate::config::units::{self, INT, LONG};
use crate::config::{BadValue, Kind, KindInfo, OpenPrefix, RunsOn, Setting, Unit};
use crate::pipeline::Source;

pub(super) static FILEGROUPS: Setting<Vec<String>> = Setting::new(
    "filegroups",
    units::names,
    "names separated by spaces",
    "Names of the groups of files to follow; each has its filegroups.<group>.",
)
.required();

pub(super) static POSITION_FILE: Setting<String> = Setting::new(
    "positionFile",
    units::text,
    "a path; a leading ~/ is the home directory",
    "File that remembers how far each file was read, in Flume's format; missing directories are created.",
)
.default("~/.flume/taildir_position.json");

pub(super) static BATCH_SIZE: Setting<u64> = Setting::new(
    "batchSize",
    units::count::<1, INT>,
    "1 to 2147483647",
    "Most lines put into the channels at once; at most the channels' transactionCapacity.",
)
.default("100")
.unit(Unit::Events);

pub(super) static MAX_BATCH_COUNT: Setting<u64> = Setting::new(
    "maxBatchCount",
    at_least_one_or_no_limit,
    "1 to 9223372036854775807; 0 and below mean no limit",
    "Most batches read from one file before the next file gets its turn.",
)
.default("9223372036854775807");

pub(super) static FILE_HEADER: Setting<bool> = Setting::new(
    "fileHeader",
    units::boolean,
    "true, false",
    "Whether events get a header with the absolute path of their file.",
)
.default("false");

pub(super) static FILE_HEADER_KEY: Setting<String> =
    Setting::new("fileHeaderKey", units::text, "", "Name of the header with the path.").default("file");

pub(super) static BYTE_OFFSET_HEADER: Setting<bool> = Setting::new(
    "byteOffsetHeader",
    units::boolean,
    "true, false",
    "Whether events get a header byteoffset with the offset of their first byte in the file.",
)
.default("false");

pub(super) static SKIP_TO_END: Setting<bool> = Setting::new(
    "skipToEnd",
    units::boolean,
    "true, false",
    "Whether files that are there at the start and unknown to the position file are read from their end; files that \
     appear later are always read from their beginning.",
)
.default("false");

pub(super) static IDLE_TIMEOUT: Setting<u64> = Setting::new(
    "idleTimeout",
    units::count::<0, INT>,
    "0 to 2147483647",
    "A file that has not changed for so long is closed, and a last line without line feed becomes an event.",
)
.default("120000")
.unit(Unit::Millis);

pub(super) static WRITE_POS_INTERVAL: Setting<u64> = Setting::new(
    "writePosInterval",
    units::count::<1, INT>,
    "1 to 2147483647",
    "How often the position file is written when positions have moved.",
)
.default("3000")
.unit(Unit::Millis);

pub(super) static CACHE_PATTERN_MATCHING: Setting<bool> = Setting::new(
    "cachePatternMatching",
    units::boolean,
    "true, false",
    "Whether a directory is listed again only when it has changed; false lists it at every look.",
)
.default("true");

pub(super) static BACKOFF_SLEEP_INCREMENT: Setting<u64> = Setting::new(
    "backoffSleepIncrement",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "How much longer the pause gets after each look that found nothing; more than 250 ms count as 250 ms.",
)
.default("1000")
.unit(Unit::Millis);

pub(super) static MAX_BACKOFF_SLEEP: Setting<u64> = Setting::new(
    "maxBackoffSleep",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "Longest pause between two looks; more than 1000 ms count as 1000 ms.",
)
.default("5000")
.unit(Unit::Millis);

/// What the registry lists.
pub static KIND: Kind<dyn Source> = Kind {
    info: KindInfo {
        names: &["taildir", "org.apache.flume.source.taildir.TaildirSource"],
        summary: "Follows the lines of growing files, and remembers across restarts how far it has read.",
        runs_on: RunsOn::File,
        settings: &[
            &FILEGROUPS,
            &POSITION_FILE,
            &BATCH_SIZE,
            &MAX_BATCH_COUNT,
            &FILE_HEADER,
            &FILE_HEADER_KEY,
            &BYTE_OFFSET_HEADER,
            &SKIP_TO_END,
            &IDLE_TIMEOUT,
            &WRITE_POS_INTERVAL,
            &CACHE_PATTERN_MATCHING,
            &BACKOFF_SLEEP_INCREMENT,
            &MAX_BACKOFF_SLEEP,
        ],
        open_prefixes: &[
            OpenPrefix {
                prefix: "filegroups.",
                rest: "<group>",
                doc: "Directory, a slash, and a Java regular expression that the whole file name must match.",
            },
            OpenPrefix {
                prefix: "headers.",
                rest: "<group>.<name>",
                doc: "A header for every event of a group; the name may contain dots.",
            },
        ],
        unsupported: &[],
        batch_size_key: Some("batchSize"),
    },
    build: super::build,
};

fn at_least_one_or_no_limit(text: &str) -> Result<u64, BadValue> {
    let batches = units::whole::<{ i64::MIN }, LONG>(text)?;
    Ok(if batches < 1 { u64::MAX } else { batches.cast_unsigned() })
}
