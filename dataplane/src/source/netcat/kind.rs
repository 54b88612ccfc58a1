//! What the `netcat` source can be told.

use super::Netcat;
use crate::codec::charset::Charset;
use crate::config::units::{self, INT};
use crate::config::{BadValue, Kind, KindInfo, RunsOn, Setting, Unit};
use crate::pipeline::Source;

pub(super) static BIND: Setting<String> =
    Setting::new("bind", units::text, "a host name or an IP address", "Address to listen on.").required();

pub(super) static PORT: Setting<u64> = Setting::new(
    "port",
    units::count::<0, 65_535>,
    "0 to 65535",
    "TCP port to listen on; 0 takes any free one.",
)
.required();

pub(super) static MAX_LINE_LENGTH: Setting<u64> = Setting::new(
    "max-line-length",
    units::count::<1, INT>,
    "1 to 2147483647",
    "Longest line including its line feed; a client that sends a longer one is told so and disconnected. Lines above 1073741824 \
     characters are refused whatever is set.",
)
.default("512")
.unit(Unit::Characters);

pub(super) static ACK_EVERY_EVENT: Setting<bool> = Setting::new(
    "ack-every-event",
    units::boolean,
    "true, false",
    "Whether a client gets a line \"OK\" for each event that is in the channels; refusals are always reported.",
)
.default("true");

pub(super) static ENCODING: Setting<Charset> = Setting::new(
    "encoding",
    charset,
    "a charset known to Java",
    "Charset of the lines and of the replies; bodies are UTF-8 whatever it is.",
)
.default("utf-8");

/// Longest line whatever is set: three bytes a unit stay below the 4 GiB of a batch.
pub(super) const LONGEST_LINE_UNITS: u64 = 1 << 30;

fn charset(text: &str) -> Result<Charset, BadValue> {
    Charset::for_java_name(text).ok_or_else(|| BadValue::Other(format!("\"{text}\" is not a known charset")))
}

/// What the registry lists.
pub static KIND: Kind<dyn Source> = Kind {
    info: KindInfo {
        names: &["netcat", "org.apache.flume.source.NetcatSource"],
        summary: "Listens on a TCP port and makes an event of each line of text.",
        runs_on: RunsOn::DataCore,
        settings: &[&BIND, &PORT, &MAX_LINE_LENGTH, &ACK_EVERY_EVENT, &ENCODING],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Netcat::new(settings))),
};
