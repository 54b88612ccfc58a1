//! What the `exec` source can be told.

use super::Exec;
use crate::codec::charset::Charset;
use crate::config::units::{self, INT, LONG};
use crate::config::{BadValue, Kind, KindInfo, RunsOn, Setting, Unit};
use crate::pipeline::Source;

pub(super) static COMMAND: Setting<String> = Setting::new(
    "command",
    units::text,
    "",
    "Command whose standard output is read; split on white space, without quoting, globbing or pipes unless shell is set.",
)
.required();

pub(super) static SHELL: Setting<String> = Setting::new(
    "shell",
    units::text,
    "such as /bin/sh -c",
    "Shell that runs the command: split on white space, with the whole command as one more argument.",
);

pub(super) static RESTART: Setting<bool> = Setting::new(
    "restart",
    units::boolean,
    "true, false",
    "Whether the command is started again after it has ended.",
)
.default("false");

pub(super) static RESTART_THROTTLE: Setting<u64> = Setting::new(
    "restartThrottle",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "Pause before the command is started again.",
)
.default("10000")
.unit(Unit::Millis);

pub(super) static LOG_STD_ERR: Setting<bool> = Setting::new(
    "logStdErr",
    units::boolean,
    "true, false",
    "Whether lines of its standard error go to the agent's log; otherwise they are read and dropped.",
)
.default("false");

pub(super) static BATCH_SIZE: Setting<i64> = Setting::new(
    "batchSize",
    units::whole::<{ i32::MIN as i64 }, INT>,
    "1 to 2147483647; less counts as 1",
    "Most lines in one put.",
)
.default("20")
.unit(Unit::Events);

pub(super) static BATCH_TIMEOUT: Setting<u64> = Setting::new(
    "batchTimeout",
    units::count::<1, LONG>,
    "1 to 9223372036854775807",
    "Longest time that a line waits for its batch to fill.",
)
.default("3000")
.unit(Unit::Millis);

pub(super) static CHARSET: Setting<Charset> = Setting::new(
    "charset",
    charset,
    "a charset known to Java",
    "Charset in which the output is read and the bodies are written.",
)
.default("UTF-8");

fn charset(text: &str) -> Result<Charset, BadValue> {
    Charset::for_java_name(text).ok_or_else(|| BadValue::Other(format!("\"{text}\" is not a known charset")))
}

/// What the registry lists.
pub static KIND: Kind<dyn Source> = Kind {
    info: KindInfo {
        names: &["exec", "org.apache.flume.source.ExecSource"],
        summary: "Runs a command and makes an event of each line that it prints.",
        runs_on: RunsOn::Client,
        settings: &[
            &COMMAND,
            &SHELL,
            &RESTART,
            &RESTART_THROTTLE,
            &LOG_STD_ERR,
            &BATCH_SIZE,
            &BATCH_TIMEOUT,
            &CHARSET,
        ],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: Some("batchSize"),
    },
    build: |settings| Ok(Box::new(Exec::new(settings))),
};
